//! Owning a shard: take its lease, recover it, serve it, and begin again when its memory is lost.

use super::counters::Counters;
use super::flight::pause;
use super::gate::Gate;
use super::serve::{Inlets, Lost, Serving};
use super::{Caller, Shared};
use crate::clock::{self, Boot};
use crate::limits;
use sagaflow_core::id::{Place, ShardId};
use sagaflow_core::port::{self, Lease, Store};
use sagaflow_core::shard::{Machines, Output, Recovery, Shard};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// The task that owns one shard.
pub(crate) struct Owner<S: Store> {
    pub(crate) store: Arc<S>,
    pub(crate) shard: ShardId,
    pub(crate) machines: Machines,
    pub(crate) paused: bool,
    pub(crate) shared: Arc<Shared>,
    pub(crate) caller: Caller,
    pub(crate) inlets: Inlets,
    /// Cancelled once, when the engine is to stop.
    pub(crate) stop: CancellationToken,
}

/// A shard under a lease, with what its recovery decided.
pub(crate) struct Owned {
    pub(super) lease: Lease,
    pub(super) gate: Gate,
    /// Cancelled when the shard is to be given back, or the engine is to stop.
    pub(super) leave: CancellationToken,
    pub(super) shard: Shard,
    pub(super) first: Output,
    /// Rows read since the last checkpoint.
    pub(super) behind: usize,
    /// At or before this every event is in its topic.
    pub(super) emitted: u64,
}

impl<S: Store> Owner<S> {
    /// Takes the shard for the first time; none where it is not this node's to take.
    pub(crate) async fn first(&self) -> port::Result<Option<Owned>> {
        if !self.shared.cluster.may_take(self.shard) {
            return Ok(None);
        }
        let owned = self.take_patiently().await;
        if owned.is_err() {
            self.shared.cluster.not_taken(self.shard);
        }
        owned.map(Some)
    }

    /// Takes the lease and reads the shard.
    ///
    /// Order: the tail is read by a statement of its own after the acquisition, so that it holds
    /// whatever the previous owner committed before it was fenced.
    async fn acquire(&self) -> port::Result<Owned> {
        let sent = Boot::now();
        let lease = self.store.acquire(self.shard).await?;
        let gate = Gate::new(sent, self.store.ttl());
        self.shared.leases.hold(lease, gate.clone());
        let owned = self.recover(lease, gate).await;
        if let Err(error) = &owned {
            self.shared.leases.let_go(lease);
            // Whoever cannot recover a shard must not keep it from those who can. Where nobody knows
            // whether the fence record has committed, it has, or the next try does it.
            let known = !matches!(error, port::Error::Unknown(_) | port::Error::Fenced { .. });
            if known && self.shared.cluster.member().is_some() {
                let released = self.store.release(lease);
                // Crash: as in `give_back`. Bound: a store that hangs gives nothing back.
                let _ = tokio::time::timeout(limits::LET_GO, released).await;
            }
        }
        owned
    }

    async fn recover(&self, lease: Lease, gate: Gate) -> port::Result<Owned> {
        let mut tail = self.store.tail(lease).await?;
        for run in tail.doubtful() {
            let row = self.store.run(run).await?;
            if row.is_some_and(|row| row.ended_at.is_some()) {
                tail.forget(run);
            }
        }
        let (behind, emitted) = (tail.rows.len(), tail.emitted);
        let shared = &self.shared;
        let skew_ms = self.store.ttl().map_or(0, |_| clock::SKEW_MS);
        let recovery = Recovery {
            lease,
            tail,
            machines: self.machines.clone(),
            now: shared.clock.now(),
            place: Place { shard: self.shard, of: shared.cluster.shards(), skew_ms },
            protection: shared.protection.clone(),
        };
        let now = recovery.now;
        let mut recovered = match self.paused {
            true => Shard::recover_paused(recovery),
            false => Shard::recover(recovery),
        };
        for (run, why) in &recovered.damaged {
            tracing::error!(%run, %why, "a run cannot be read; it is set aside");
        }
        if let Some(bus) = &shared.bus {
            recovered.shard.mirror_to(bus.mirrors.clone(), now, &mut recovered.fence);
        }
        let mut first = recovered.fence;
        let fence = std::mem::take(&mut first.batch);
        let sent = Boot::now();
        // Crash: a fence record without what follows it is an owner that did nothing; the next one
        // recovers the same runs again.
        self.store.commit(lease, fence.clone()).await?;
        gate.renewed(sent);
        self.shared.missed();
        if let Some(on_commit) = &self.shared.on_commit {
            on_commit(&fence);
        }
        self.shared.away.store(false, Ordering::Relaxed);
        // Order: after the recovery, so that whoever looks sees what it found.
        self.shared.feeds.look_again();
        let leave = self.shared.cluster.taken(self.shard, &self.stop);
        Ok(Owned { lease, gate, leave, shard: recovered.shard, first, behind, emitted })
    }

    /// Serves until the engine stops or the store cannot go on. Without a shard to begin with it
    /// stands by.
    pub(crate) async fn run(mut self, owned: Option<Owned>) {
        let mut next = owned;
        // It was served here, and was not given back.
        let mut held = false;
        loop {
            let owned = match next.take() {
                Some(owned) => owned,
                None => match self.again(held).await {
                    Some(owned) => owned,
                    None => return,
                },
            };
            let lease = owned.lease;
            let lost = self.serve(owned).await;
            self.shared.leases.let_go(lease);
            held = !matches!(lost, Lost::Left);
            self.shared.cluster.lost(self.shard, !held);
            match lost {
                Lost::Left => {
                    self.give_back(lease).await;
                    self.shared.cluster.given_back(self.shard);
                    if self.stop.is_cancelled() {
                        return;
                    }
                }
                Lost::Fatal(error) => return self.fail(&error),
                Lost::Memory(error) => {
                    Counters::bump(&self.shared.counters.recoveries);
                    tracing::warn!(%error, shard = self.shard.0, "the shard is read again");
                }
            }
        }
    }

    /// Takes the shard when this node may; none where the engine stops, or the store cannot go on.
    ///
    /// Order: who `held` it and is to stop takes it once more, to hand it over: the others would wait for
    /// the time of a lease.
    async fn again(&mut self, mut held: bool) -> Option<Owned> {
        let (mut tries, mut patient) = (0, None);
        loop {
            let wait = match self.take().await {
                Ok(owned) => return Some(owned),
                Err(error) if fatal(&error) => {
                    self.fail(&error);
                    return None;
                }
                Err(port::Error::Held(_)) if self.store.ttl().is_some() => {
                    // Another node has it, or is to have it: what comes next is the first failure again.
                    (tries, held) = (0, false);
                    self.stand_by();
                    if self.stopped_within(limits::STAND_BY).await {
                        return None;
                    }
                    continue;
                }
                Err(error) => {
                    tries += 1;
                    let shard = self.shard.0;
                    tracing::warn!(%error, tries, shard, "the shard could not be taken");
                    self.shared.away.store(true, Ordering::Relaxed);
                    pause(tries)
                }
            };
            if self.stopped_within(wait).await {
                let until = *patient.get_or_insert_with(|| Instant::now() + limits::SHUTDOWN);
                if !held || Instant::now() >= until {
                    return None;
                }
                tokio::time::sleep(wait).await;
            }
        }
    }

    /// Crash: a lease that is not given back is taken again by the same store, or waited out by another
    /// process.
    async fn give_back(&self, lease: Lease) {
        for tries in 1..=limits::GIVE_BACK {
            let Err(error) = self.store.release(lease).await else { return };
            tracing::warn!(%error, tries, "the lease could not be given back");
            if tries < limits::GIVE_BACK {
                tokio::time::sleep(pause(tries)).await;
            }
        }
    }

    async fn serve(&mut self, mut owned: Owned) -> Lost {
        let first = std::mem::take(&mut owned.first);
        let store = Arc::clone(&self.store);
        let mut serving = Serving::new(store, owned, &self.shared, &self.caller, &mut self.inlets);
        serving.begin(first);
        serving.run().await
    }

    /// Takes the shard when this node may.
    async fn take(&self) -> port::Result<Owned> {
        if !self.shared.cluster.may_take(self.shard) {
            return Err(port::Error::Held("a node whose share it is in".to_owned()));
        }
        let owned = self.take_patiently().await;
        if owned.is_err() {
            self.shared.cluster.not_taken(self.shard);
        }
        owned
    }

    /// Order: whoever held a lease when the store went away gets the time of one to go on.
    async fn take_patiently(&self) -> port::Result<Owned> {
        let cluster = &self.shared.cluster;
        let ttl = self.store.ttl().filter(|ttl| cluster.fresh_contact(*ttl));
        if let (Some(member), true) = (cluster.member(), ttl.is_some()) {
            let owners = self.store.owners().await;
            cluster.note(&owners);
            let holder =
                owners?.iter().find(|row| row.shard == self.shard).and_then(|row| row.node);
            if holder.is_some_and(|holder| holder != member.node) {
                return Err(port::Error::Held("the node that held it before an outage".to_owned()));
            }
        }
        let owned = self.acquire().await;
        if let (Err(_), Some(_)) = (&owned, self.store.ttl()) {
            // Order: what fails about one shard is no outage, which would keep this node from all others.
            cluster.note(&self.store.owners().await);
        }
        owned
    }

    /// Another node decides. What was asked here and not answered is dropped, which means "ask
    /// again"; the request then goes to that node.
    fn stand_by(&mut self) {
        while self.inlets.inbox.try_recv().is_ok() {}
        while self.inlets.outcomes.try_recv().is_ok() {}
    }

    async fn stopped_within(&self, wait: Duration) -> bool {
        tokio::time::timeout(wait, self.stop.cancelled()).await.is_ok()
    }

    fn fail(&self, error: &port::Error) {
        tracing::error!(%error, "the store cannot go on");
        self.shared.fatal.send_replace(Some(error.to_string()));
    }
}

fn fatal(error: &port::Error) -> bool {
    matches!(error, port::Error::Refused(_) | port::Error::Corrupt(_))
}
