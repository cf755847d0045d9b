//! Owning a shard: take its lease, recover it, serve it, and begin again when its memory is lost.

use super::counters::Counters;
use super::gate::{Boot, Gate};
use super::serve::{Inlets, Lost, Serving, pause};
use super::{Caller, Shared};
use crate::{clock, limits};
use sagaflow_core::id::ShardId;
use sagaflow_core::port::{self, Lease, Store};
use sagaflow_core::shard::{Machines, Output, Recovery, Shard};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::Instant;

/// The task that owns one shard.
pub(crate) struct Owner<S: Store> {
    pub(crate) store: Arc<S>,
    pub(crate) shard: ShardId,
    pub(crate) machines: Machines,
    pub(crate) paused: bool,
    pub(crate) shared: Arc<Shared>,
    pub(crate) caller: Caller,
    pub(crate) inlets: Inlets,
}

/// A shard under a lease, with what its recovery decided.
pub(crate) struct Owned {
    pub(super) lease: Lease,
    pub(super) gate: Gate,
    pub(super) shard: Shard,
    pub(super) first: Output,
    /// Rows read since the last checkpoint.
    pub(super) behind: usize,
}

impl<S: Store> Owner<S> {
    /// Takes the lease and reads the shard.
    ///
    /// Order: the tail is read by a statement of its own after the acquisition, so that it holds
    /// whatever the previous owner committed before it was fenced.
    pub(crate) async fn acquire(&self) -> port::Result<Owned> {
        let sent = Boot::now();
        let lease = self.store.acquire(self.shard).await?;
        let gate = Gate::new(sent, self.store.ttl());
        let tail = self.keeping(lease, &gate, self.store.tail(lease)).await?;
        let behind = tail.rows.len();
        let recovery = Recovery { lease, tail, machines: self.machines.clone(), now: clock::now() };
        let recovered = match self.paused {
            true => Shard::recover_paused(recovery),
            false => Shard::recover(recovery),
        };
        for (run, why) in &recovered.damaged {
            tracing::error!(%run, %why, "a run cannot be read; it is set aside");
        }
        let mut first = recovered.fence;
        let fence = std::mem::take(&mut first.batch);
        let sent = Boot::now();
        // Crash: a fence record without what follows it is an owner that did nothing; the next one
        // recovers the same runs again.
        self.store.commit(lease, fence.clone()).await?;
        gate.renewed(sent);
        if let Some(on_commit) = &self.shared.on_commit {
            on_commit(&fence);
        }
        self.shared.away.store(false, Ordering::Relaxed);
        self.shared.cluster.set_owning(true);
        Ok(Owned { lease, gate, shard: recovered.shard, first, behind })
    }

    /// Renews the lease for as long as `work` takes.
    async fn keeping<T>(
        &self,
        lease: Lease,
        gate: &Gate,
        work: impl Future<Output = port::Result<T>>,
    ) -> port::Result<T> {
        let mut work = std::pin::pin!(work);
        let Some(ttl) = self.store.ttl() else { return work.await };
        loop {
            tokio::select! {
                done = &mut work => return done,
                () = tokio::time::sleep(ttl / 3) => {
                    let sent = Boot::now();
                    // One that failed is tried again; a lost lease is told by the fence.
                    if matches!(self.store.renew(&[lease]).await, Ok(lost) if lost.is_empty()) {
                        gate.renewed(sent);
                    }
                }
            }
        }
    }

    /// Serves until the engine stops or the store cannot go on. Without a shard to begin with it
    /// stands by.
    pub(crate) async fn run(mut self, owned: Option<Owned>) {
        let mut next = owned;
        let mut contact = Contact::default();
        let mut tries = 0;
        loop {
            let owned = match next.take() {
                Some(owned) => owned,
                None => match self.take(&mut contact).await {
                    Ok(owned) => owned,
                    Err(error) if fatal(&error) => return self.fail(&error),
                    Err(port::Error::Held(_)) if self.store.ttl().is_some() => {
                        self.stand_by();
                        if self.stopped_within(limits::STAND_BY).await {
                            return;
                        }
                        continue;
                    }
                    Err(error) => {
                        tries += 1;
                        tracing::warn!(%error, tries, "the shard could not be taken");
                        self.shared.away.store(true, Ordering::Relaxed);
                        if self.stopped_within(pause(tries)).await {
                            return;
                        }
                        continue;
                    }
                },
            };
            tries = 0;
            let lease = owned.lease;
            match self.serve(owned).await {
                Lost::Stopped => {
                    // Crash: a lease that is not given back is taken again by the same store, or
                    // waited out by another process.
                    if let Err(error) = self.store.release(lease).await {
                        tracing::warn!(%error, "the lease could not be given back");
                    }
                    self.shared.cluster.set_owning(false);
                    return;
                }
                Lost::Fatal(error) => return self.fail(&error),
                Lost::Memory(error) => {
                    Counters::bump(&self.shared.counters.recoveries);
                    tracing::warn!(%error, "the shard is read again");
                }
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

    /// Takes the shard when it may.
    ///
    /// Order: an outage of the store ends every lease. Whoever held one sees the store again when
    /// everybody does, and gets the time of one lease to go on before another node takes it from him.
    async fn take(&self, contact: &mut Contact) -> port::Result<Owned> {
        if let (Some(ttl), true) = (self.store.ttl(), contact.broken()) {
            let owners = contact.note(self.store.owners().await)?;
            let mine = self.shared.cluster.member().map(|member| member.node);
            let row = owners.iter().find(|row| row.shard == self.shard);
            let holder = row.and_then(|row| row.node);
            if holder.is_some() && holder != mine && !contact.lasts(ttl) {
                return Err(port::Error::Held("the node that held it before an outage".to_owned()));
            }
        }
        contact.note(self.acquire().await)
    }

    /// Another node decides. What was asked here and not answered is dropped, which means "ask
    /// again"; the request then goes to that node.
    fn stand_by(&mut self) {
        self.shared.cluster.set_owning(false);
        self.shared.away.store(false, Ordering::Relaxed);
        while self.inlets.inbox.try_recv().is_ok() {}
        while self.inlets.outcomes.try_recv().is_ok() {}
    }

    async fn stopped_within(&self, wait: Duration) -> bool {
        tokio::time::timeout(wait, self.inlets.stop.cancelled()).await.is_ok()
    }

    fn fail(&self, error: &port::Error) {
        tracing::error!(%error, "the store cannot go on");
        self.shared.fatal.send_replace(Some(error.to_string()));
    }
}

fn fatal(error: &port::Error) -> bool {
    matches!(error, port::Error::Refused(_) | port::Error::Corrupt(_))
}

/// Since when the store has answered.
#[derive(Default)]
struct Contact {
    lost: bool,
    since: Option<Instant>,
}

impl Contact {
    /// Whether it was lost, and has not lasted since.
    fn broken(&self) -> bool {
        self.lost
    }

    /// Whether it has lasted so long without a break, which makes good what was lost.
    fn lasts(&mut self, ttl: Duration) -> bool {
        let lasts = self.since.is_some_and(|since| since.elapsed() >= ttl);
        self.lost &= !lasts;
        lasts
    }

    fn note<T>(&mut self, answer: port::Result<T>) -> port::Result<T> {
        match &answer {
            Err(port::Error::Unavailable(_) | port::Error::Unknown(_)) => {
                (self.lost, self.since) = (true, None);
            }
            _ => _ = self.since.get_or_insert_with(Instant::now),
        }
        answer
    }
}
