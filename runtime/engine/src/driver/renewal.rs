//! Keeping a lease for as long as its shard is served.

use super::gate::{Boot, Gate};
use super::serve::Lost;
use crate::limits;
use sagaflow_core::id::ShardId;
use sagaflow_core::port::{self, Lease, Store};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

type Answer = Pin<Box<dyn Future<Output = port::Result<Vec<ShardId>>> + Send>>;

/// A lease with the renewal that is due or under way.
pub(super) struct Renewal<S: Store> {
    store: Arc<S>,
    lease: Lease,
    gate: Gate,
    under_way: Option<(Boot, Answer)>,
    /// None where the lease does not run out.
    at: Option<Instant>,
}

impl<S: Store> Renewal<S> {
    pub(super) fn new(store: Arc<S>, lease: Lease, gate: Gate) -> Self {
        let at = store.ttl().map(|ttl| Instant::now() + ttl / 3);
        Self { store, lease, gate, under_way: None, at }
    }

    /// Until when calls may leave.
    pub(super) fn gate(&self) -> &Gate {
        &self.gate
    }

    /// How long until the next one; none where there is none, or one is under way.
    pub(super) fn until(&self) -> Option<Duration> {
        let at = self.at.filter(|_| self.under_way.is_none());
        at.map(|at| at.saturating_duration_since(Instant::now()))
    }

    /// Asks for more time where that is due.
    ///
    /// Crash: the lease is renewed or it is not, and runs out either way.
    pub(super) fn begin_when_due(&mut self) {
        if self.until() == Some(Duration::ZERO) {
            let (store, lease) = (Arc::clone(&self.store), self.lease);
            let answer = Box::pin(async move { store.renew(&[lease]).await });
            self.under_way = Some((Boot::now(), answer));
        }
    }

    /// The answer of the one under way.
    pub(super) async fn answer(&mut self) -> port::Result<Vec<ShardId>> {
        match &mut self.under_way {
            Some((_, answer)) => answer.as_mut().await,
            None => std::future::pending().await,
        }
    }

    /// Learns what the store said.
    pub(super) fn answered(&mut self, answer: port::Result<Vec<ShardId>>) -> Option<Lost> {
        let (sent, _) = self.under_way.take()?;
        match answer {
            Ok(lost) if lost.contains(&self.lease.shard) => {
                let cause = "another node has taken the lease".to_owned();
                Some(Lost::Memory(port::Error::Fenced { shard: self.lease.shard.0, cause }))
            }
            Ok(_) => {
                self.gate.renewed(sent);
                self.at = self.store.ttl().map(|ttl| Instant::now() + ttl / 3);
                None
            }
            Err(error) => {
                tracing::warn!(%error, "the lease could not be renewed");
                self.at = Some(Instant::now() + limits::RENEW_AGAIN);
                None
            }
        }
    }

    /// Why serving must end, where the lease may have run out.
    pub(super) fn lost(&self) -> Option<Lost> {
        let cause = || "the lease could not be renewed in time".to_owned();
        (!self.gate.is_open()).then(|| Lost::Memory(port::Error::Unavailable(cause())))
    }
}
