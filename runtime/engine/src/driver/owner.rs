//! Owning a shard: take its lease, recover it, serve it, and begin again when its memory is lost.

use super::counters::Counters;
use super::serve::{Inlets, Lost, Serving, pause};
use super::{Caller, Shared};
use crate::clock;
use sagaflow_core::id::ShardId;
use sagaflow_core::port::{self, Lease, Store};
use sagaflow_core::shard::{Machines, Output, Recovery, Shard};
use std::sync::Arc;

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
    lease: Lease,
    shard: Shard,
    first: Output,
    /// Rows read since the last checkpoint.
    behind: usize,
}

impl<S: Store> Owner<S> {
    /// Takes the lease and reads the shard.
    ///
    /// Order: the tail is read by a statement of its own after the acquisition, so that it holds
    /// whatever the previous owner committed before it was fenced.
    pub(crate) async fn acquire(&self) -> port::Result<Owned> {
        let lease = self.store.acquire(self.shard).await?;
        let tail = self.store.tail(lease).await?;
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
        // Crash: a fence record without what follows it is an owner that did nothing; the next one
        // recovers the same runs again.
        self.store.commit(lease, fence.clone()).await?;
        if let Some(on_commit) = &self.shared.on_commit {
            on_commit(&fence);
        }
        Ok(Owned { lease, shard: recovered.shard, first, behind })
    }

    /// Serves until the engine stops or the store cannot go on.
    pub(crate) async fn run(mut self, owned: Owned) {
        let mut next = Some(owned);
        let mut tries = 0;
        loop {
            let owned = match next.take() {
                Some(owned) => owned,
                None => match self.acquire().await {
                    Ok(owned) => owned,
                    Err(error) if fatal(&error) => return self.fail(&error),
                    Err(error) => {
                        tries += 1;
                        tracing::warn!(%error, tries, "the shard could not be taken");
                        if self.inlets.stop.is_cancelled() {
                            return;
                        }
                        tokio::time::sleep(pause(tries)).await;
                        continue;
                    }
                },
            };
            tries = 0;
            let lease = owned.lease;
            let mut serving = Serving::new(
                Arc::clone(&self.store),
                lease,
                owned.shard,
                &self.shared,
                &self.caller,
                &mut self.inlets,
                owned.behind,
            );
            serving.begin(owned.first);
            match serving.run().await {
                Lost::Stopped => {
                    // Crash: a lease that is not given back is taken again by the same store, or
                    // waited out by another process.
                    if let Err(error) = self.store.release(lease).await {
                        tracing::warn!(%error, "the lease could not be given back");
                    }
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

    fn fail(&self, error: &port::Error) {
        tracing::error!(%error, "the store cannot go on");
        self.shared.fatal.send_replace(Some(error.to_string()));
    }
}

fn fatal(error: &port::Error) -> bool {
    matches!(error, port::Error::Refused(_) | port::Error::Corrupt(_))
}
