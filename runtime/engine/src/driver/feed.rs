//! What happens to runs, for those who watch: callers that wait, event streams, the terminal.
//!
//! Promises: only what has committed is told; a watcher that is too slow loses entries, is told so,
//! and reads them from the store. Nothing is kept for runs that nobody watches.

use crate::limits;
use sagaflow_core::id::RunId;
use sagaflow_core::journal::Happened;
use sagaflow_core::shard::Notice;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use tokio::sync::broadcast;

/// Something that happened to a run.
#[derive(Clone, Debug)]
pub enum Told {
    /// A record was committed.
    Record {
        /// Its number within the run.
        number: u64,
        /// What happened, in order.
        happened: Vec<Happened>,
    },
    /// Something a caller may wait for.
    Notice(Notice),
}

/// Feeds of the runs that somebody watches.
#[derive(Default)]
pub(crate) struct Feeds {
    by_run: Mutex<BTreeMap<RunId, broadcast::Sender<Told>>>,
}

impl Feeds {
    /// Watches a run from now on.
    pub(crate) fn watch(&self, run: RunId) -> broadcast::Receiver<Told> {
        let mut feeds = self.by_run.lock().unwrap_or_else(PoisonError::into_inner);
        // Those whose last watcher left are forgotten here, where the map grows.
        feeds.retain(|_, feed| feed.receiver_count() > 0);
        feeds.entry(run).or_insert_with(|| broadcast::channel(limits::FEED).0).subscribe()
    }

    /// Tells whoever watches.
    pub(crate) fn tell(&self, run: RunId, told: Told) {
        let feeds = self.by_run.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(feed) = feeds.get(&run) {
            // An error says only that nobody listens any more.
            let _ = feed.send(told);
        }
    }
}
