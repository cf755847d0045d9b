//! Which events the programs of the store take in, as this node knows it.
//!
//! ```text
//!  a node that starts:  add ── somebody serves? no ─────────────────────────► runs
//!                        └──── yes: until the last addition is NEW_INTEREST ─► runs
//!  a shard at work:     acquired ── read ─── KNOWN_FOR ───┤ not read again: anything may be wanted
//! ```
//!
//! Promises: what is known to a shard holds for every run that was admitted anywhere before now. A
//! program's events are added before it runs anything; a shard that was served then goes by what it has
//! read for a shorter time than whoever added them waits, and one that was not has read after it. Must
//! not: trust a reading that is older, whatever the wall clock says.

use crate::clock::Boot;
use crate::cluster::Cluster;
use crate::driver::{Shared, pause};
use crate::limits;
use sagaflow_core::codegen::Machine;
use sagaflow_core::port::{self, Declared, Store};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

/// What was read last.
#[derive(Default)]
pub(crate) struct Interest(RwLock<Option<Reading>>);

struct Reading {
    all: Arc<port::Interest>,
    /// When it was asked for.
    at: Boot,
    until: Boot,
}

impl Interest {
    /// What counts for a shard that is served since then, and until when; none: anything may be wanted.
    pub(crate) fn current(&self, since: Boot) -> Option<(Arc<port::Interest>, Boot)> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let Reading { all, at, until } = known.as_ref()?;
        (since < *at && Boot::now() < *until).then(|| (Arc::clone(all), *until))
    }

    fn set(&self, all: port::Interest, at: Boot, until: Boot) {
        let reading = all.is_known().then(|| Reading { all: Arc::new(all), at, until });
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = reading;
    }
}

/// What these machines take in.
pub(crate) fn of(machines: &[Arc<dyn Machine>]) -> port::Interest {
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
/// Crash: what was added stays, with its age, and the next start waits for the rest of the time.
pub(crate) async fn declare<S: Store>(
    store: &S,
    shared: &Shared,
    own: &port::Interest,
) -> port::Result<()> {
    let (known, cluster) = (&shared.interest, &shared.cluster);
    let nothing = port::Interest::default();
    let mut declared = patiently(cluster, || store.interest(&nothing)).await?;
    if !declared.all.covers(own) {
        declared = patiently(cluster, || store.interest(own)).await?;
    }
    let Declared { all, age } = declared;
    let Some(age) = age else {
        // Nobody else can add to it.
        known.set(all, Boot(i64::MAX), Boot(i64::MAX));
        return Ok(());
    };
    let left = limits::NEW_INTEREST.saturating_sub(age);
    // Order: asked after the addition. What is served by nobody now has to be acquired first, and is
    // decided then by what was read after that.
    if !left.is_zero() && patiently(cluster, || store.owners()).await?.iter().any(|row| row.live) {
        tracing::info!(?left, "a program takes in new events; nodes at work learn of them first");
        tokio::time::sleep(left).await;
    }
    Ok(())
}

/// Keeps up with what other nodes' programs take in, for ever.
pub(crate) async fn follow<S: Store>(store: Arc<S>, shared: Arc<Shared>, own: port::Interest) {
    let mut add = port::Interest::default();
    loop {
        let at = Boot::now();
        match store.interest(&add).await {
            Ok(Declared { all, .. }) if all.covers(&own) => {
                shared.interest.set(all, at, at.plus(limits::KNOWN_FOR));
                add = port::Interest::default();
            }
            // A server that lost its tail lost what was added, and is told again.
            Ok(_) => add = own.clone(),
            Err(error) => tracing::warn!(%error, "what programs take in could not be read"),
        }
        tokio::time::sleep(limits::INTEREST_LOOK).await;
    }
}

/// Bound: a store that does not answer several times is not one to start on.
async fn patiently<T, F: Future<Output = port::Result<T>>>(
    cluster: &Cluster,
    ask: impl Fn() -> F,
) -> port::Result<T> {
    for tries in 1..limits::STARTING {
        let answer = ask().await;
        // Whoever starts in an outage is as patient after it as those who were there.
        cluster.note(&answer);
        match answer {
            Err(port::Error::Unavailable(_) | port::Error::Unknown(_)) => {
                tokio::time::sleep(pause(tries)).await;
            }
            answer => return answer,
        }
    }
    ask().await
}

/// Bound: the rest is what clocks may be wrong by.
const _: () = assert!(
    limits::KNOWN_FOR.as_millis()
        + limits::DECIDED_FOR.as_millis()
        + Duration::from_secs(1).as_millis()
        <= limits::NEW_INTEREST.as_millis()
);
