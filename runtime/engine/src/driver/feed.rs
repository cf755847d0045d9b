//! What happens to runs, for those who watch: callers that wait, event streams, the terminal.
//!
//! Promises: only what has committed is told; a watcher that is too slow loses entries, is told so,
//! and reads them from the store. Nothing is kept for runs that nobody watches.

use crate::limits;
use sagaflow_core::id::RunId;
use sagaflow_core::journal::Happened;
use sagaflow_core::port::RunRow;
use sagaflow_core::shard::Notice;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
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
    /// It is over: its last row, with its state.
    Ended(Arc<RunRow>),
}

/// Feeds of the runs that somebody watches.
#[derive(Default)]
pub(crate) struct Feeds {
    by_run: Mutex<ByRun>,
}

#[derive(Default)]
struct ByRun {
    feeds: BTreeMap<RunId, broadcast::Sender<Told>>,
    /// How many were left when those without a watcher were forgotten last.
    kept: usize,
}

impl Feeds {
    /// Watches a run from now on.
    pub(crate) fn watch(&self, run: RunId) -> broadcast::Receiver<Told> {
        let mut by_run = self.by_run.lock().unwrap_or_else(PoisonError::into_inner);
        // Bound: those whose last watcher left are forgotten when there may be as many of them as of
        // the others, so that a watch costs the same however many there are.
        if by_run.feeds.len() > 2 * by_run.kept + FORGET {
            by_run.feeds.retain(|_, feed| feed.receiver_count() > 0);
            by_run.kept = by_run.feeds.len();
        }
        let feed = by_run.feeds.entry(run);
        feed.or_insert_with(|| broadcast::channel(limits::FEED).0).subscribe()
    }

    /// Tells whoever watches.
    pub(crate) fn tell(&self, run: RunId, told: impl FnOnce() -> Told) {
        let by_run = self.by_run.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(feed) = by_run.feeds.get(&run) {
            // An error says only that nobody listens any more.
            let _ = feed.send(told());
        }
    }
}

/// Feeds nobody watches that may stay.
const FORGET: usize = 64;
