//! Which events the programs of the store take in, as this node knows it.
//!
//! ```text
//!  a node with a new program:  add ──── no other node? ────────────────► runs
//!                               └────── others live: wait NEW_INTEREST ──► runs
//!  every other node:           read ─── KNOWN_FOR ───┤ not read again: anything may be wanted
//! ```
//!
//! Promises: what is known here holds for every run that was admitted anywhere before now, because a
//! program's events are added before it runs anything, and longer before than anybody goes on without
//! having read them. Must not: trust a reading that is older, whatever the wall clock says.

use crate::clock::Boot;
use crate::cluster::{self, Cluster};
use crate::driver::{Shared, pause};
use crate::limits;
use sagaflow_core::codegen::Machine;
use sagaflow_core::port::{self, NodeRow, Store};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

/// What was read last, and until when that is good for.
#[derive(Default)]
pub(crate) struct Interest(RwLock<Option<(Arc<port::Interest>, Boot)>>);

impl Interest {
    /// None: anything may be wanted.
    pub(crate) fn current(&self) -> Option<Arc<port::Interest>> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let (interest, until) = known.as_ref()?;
        (Boot::now() < *until).then(|| Arc::clone(interest))
    }

    fn set(&self, interest: port::Interest, until: Boot) {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        *known = Some((Arc::new(interest), until));
    }
}

/// What these machines take in.
fn of(machines: &[Arc<dyn Machine>]) -> port::Interest {
    let mut all = port::Interest::default();
    for (name, event) in machines.iter().flat_map(|machine| &machine.spec().events) {
        if event.awaited {
            all.add(name.clone(), event.waited);
        }
    }
    all
}

/// Adds what this node's program takes in, before it runs anything.
///
/// Crash: what was added stays, and makes homes keep a little more than they need to.
pub(crate) async fn declare<S: Store>(
    store: &S,
    (known, cluster): (&Interest, &Cluster),
    row: Option<&NodeRow>,
    machines: &[Arc<dyn Machine>],
) -> port::Result<()> {
    let own = of(machines);
    let empty = port::Interest::default();
    let mut all = patiently(|| store.interest(&empty)).await?;
    if !all.covers(&own) {
        all = patiently(|| store.interest(&own)).await?;
        if let Some(row) = row {
            // Order: who has announced itself before this look may go on by what it read before the
            // addition; who has not reads it with this in it.
            patiently(|| cluster::look(store, cluster, row)).await?;
            if cluster.nodes().iter().any(|other| other.node != row.node) {
                tracing::info!("the program takes in new events; other nodes learn of them first");
                tokio::time::sleep(limits::NEW_INTEREST).await;
            }
        }
    }
    if row.is_none() {
        // Nobody else can add to it.
        known.set(all, Boot(i64::MAX));
    }
    Ok(())
}

/// Keeps up with what other nodes' programs take in, for ever.
pub(crate) async fn follow<S: Store>(store: Arc<S>, shared: Arc<Shared>) {
    let empty = port::Interest::default();
    loop {
        let before = Boot::now();
        match store.interest(&empty).await {
            Ok(all) => shared.interest.set(all, Boot(before.0.saturating_add(known_for()))),
            Err(error) => tracing::warn!(%error, "what programs take in could not be read"),
        }
        tokio::time::sleep(limits::INTEREST_LOOK).await;
    }
}

fn known_for() -> i64 {
    i64::try_from(limits::KNOWN_FOR.as_millis()).unwrap_or(0)
}

/// Bound: a store that does not answer several times is not one to start on.
async fn patiently<T, F: Future<Output = port::Result<T>>>(ask: impl Fn() -> F) -> port::Result<T> {
    for tries in 1..limits::STARTING {
        match ask().await {
            Err(port::Error::Unavailable(_) | port::Error::Unknown(_)) => {
                tokio::time::sleep(pause(tries)).await;
            }
            answer => return answer,
        }
    }
    ask().await
}

/// Bound: the rest is what a clock may be wrong by, and what lies between a look and a commit.
const _: () = assert!(
    limits::KNOWN_FOR.as_millis() + Duration::from_secs(1).as_millis()
        <= limits::NEW_INTEREST.as_millis()
);
