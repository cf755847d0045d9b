//! Keeping the leases of a node for as long as their shards are served.

use super::gate::Gate;
use crate::clock::{Boot, Clock};
use crate::limits;
use sagaflow_core::id::ShardId;
use sagaflow_core::port::{Lease, Store};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The leases that this node holds, with their gates.
#[derive(Default)]
pub(crate) struct Leases {
    held: Mutex<BTreeMap<ShardId, (Lease, Gate)>>,
}

impl Leases {
    /// From now on it is renewed.
    pub(super) fn hold(&self, lease: Lease, gate: Gate) {
        self.lock().insert(lease.shard, (lease, gate));
    }

    /// It is not renewed any more.
    pub(super) fn let_go(&self, lease: Lease) {
        let mut held = self.lock();
        // Order: the shard may have been acquired anew since.
        if held.get(&lease.shard).is_some_and(|(current, _)| *current == lease) {
            held.remove(&lease.shard);
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<ShardId, (Lease, Gate)>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Renews all leases of the node, by one statement every third of their time, and reads the store's
/// clock. It goes on until it is dropped: what is handed over after a stop needs its lease too.
///
/// Crash: a lease is renewed or it is not, and runs out either way.
pub(crate) async fn keep<S: Store>(store: Arc<S>, leases: Arc<Leases>, clock: Clock) {
    let Some(ttl) = store.ttl() else { return };
    let mut pause = ttl / 3;
    loop {
        tokio::time::sleep(pause).await;
        let held: Vec<_> = leases.lock().values().cloned().collect();
        let all: Vec<Lease> = held.iter().map(|(lease, _)| *lease).collect();
        let sent = Boot::now();
        let renewed = match all.is_empty() {
            true => Ok(Vec::new()),
            false => store.renew(&all).await,
        };
        pause = ttl / 3;
        match renewed {
            Ok(lost) => {
                for (lease, gate) in held {
                    // A lost one is told by its closed gate; whoever serves behind it drops the memory.
                    if lost.contains(&lease.shard) { gate.close() } else { gate.renewed(sent) }
                }
            }
            Err(error) => {
                tracing::warn!(%error, "the leases could not be renewed");
                pause = limits::RENEW_AGAIN;
            }
        }
        if let Err(error) = clock.read(store.as_ref()).await {
            tracing::warn!(%error, "the store's clock could not be read");
        }
    }
}
