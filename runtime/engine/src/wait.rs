//! Looking at a run, waiting for it, and watching it.
//!
//! Promises: what is told has committed. A run of another node is looked for in the store; only its
//! owner can be watched.

use crate::cluster::Role;
use crate::driver::{Message, Told, Woken};
use crate::error::{Error, Result};
use crate::handle::{Handle, Until};
use crate::limits;
use crate::view::{self, View};
use sagaflow_core::id::RunId;
use std::time::Duration;
use tokio::sync::{broadcast, oneshot};

impl Handle {
    /// The run with its state.
    ///
    /// # Errors
    /// [`Error::NotFound`], or what the store says.
    pub async fn view(&self, run: RunId) -> Result<View> {
        let view = view::view(self.reader.as_ref(), run).await?;
        self.seen(view.ok_or(Error::NotFound("run"))?)
    }

    /// Waits until a run has got that far, or `patience` is over; then how far it has got.
    ///
    /// # Errors
    /// As [`Handle::view`].
    pub async fn wait(&self, run: RunId, until: Until, patience: Duration) -> Result<View> {
        let end = tokio::time::Instant::now() + patience;
        loop {
            // Order: waiting begins before the look, so that nothing happens in between unseen.
            let mut woken = self.shared.feeds.wait(run);
            if let Ok(Woken::Ended(row)) = woken.try_recv() {
                return self.seen(view::ended(&row));
            }
            if !self.under_way(run, until).await {
                let view = self.view(run).await?;
                if reached(&view, until) || tokio::time::Instant::now() >= end {
                    return Ok(view);
                }
            }
            // Order: a run of another node wakes nobody here.
            let away =
                matches!(self.shared.cluster.role_for(self.shard_of(run)), Role::Standby { .. });
            let look = if away { limits::WAIT_LOOK } else { patience };
            tokio::select! {
                woken = woken => match woken {
                    Ok(Woken::Ended(row)) => return self.seen(view::ended(&row)),
                    Ok(Woken::Look) => {}
                    Err(_) => return Err(Error::Stopping),
                },
                () = tokio::time::sleep_until(end) => return self.view(run).await,
                () = tokio::time::sleep(look), if away => {}
                () = self.stop.cancelled() => return self.view(run).await,
            }
        }
    }

    /// Whether a run is known to be under way here, and not to have got so far. A look into memory,
    /// so that whoever waits for a run that has just begun reads nothing.
    async fn under_way(&self, run: RunId, until: Until) -> bool {
        let (reply, answer) = oneshot::channel();
        let sent = self.send(self.shard_of(run), Message::Look { run, until, reply });
        // A shard that is being recovered answers nobody, and a busy one late; the store knows too.
        sent.is_ok() && matches!(tokio::time::timeout(limits::LOOK, answer).await, Ok(Ok(true)))
    }

    /// A view, where it is of this namespace.
    fn seen(&self, view: View) -> Result<View> {
        let ours = view.row.namespace == self.namespace();
        ours.then_some(view).ok_or(Error::NotFound("run"))
    }

    /// What happens to a run from now on.
    ///
    /// # Errors
    /// [`Error::Elsewhere`] where another node decides about it.
    pub fn watch(&self, run: RunId) -> Result<broadcast::Receiver<Told>> {
        match self.shared.cluster.role_for(self.shard_of(run)) {
            Role::Owner => Ok(self.shared.feeds.watch(run)),
            Role::Standby { owner } => Err(Error::Elsewhere { owner, retry_after_ms: 1_000 }),
        }
    }
}

/// Whether a run has got that far.
#[must_use]
pub fn reached(view: &View, until: Until) -> bool {
    view.row.ended_at.is_some() || view.state.as_ref().is_none_or(|state| until.reached(state))
}
