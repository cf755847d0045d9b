//! What happens to runs, for those who watch: callers that wait, event streams, the terminal.
//!
//! Promises: only what has committed is told; a watcher that is too slow loses entries, is told so,
//! and reads them from the store. Nothing is kept for runs that nobody watches, but for a moment the
//! ends of those that have just ended: whoever starts a short run and then waits for it comes late.

use crate::limits;
use sagaflow_core::id::RunId;
use sagaflow_core::journal::Happened;
use sagaflow_core::port::RunRow;
use sagaflow_core::shard::Notice;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use tokio::sync::{broadcast, oneshot};

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

/// Why somebody who waits for a run is woken.
#[derive(Clone, Debug)]
pub(crate) enum Woken {
    /// Something happened that a caller may wait for.
    Look,
    /// It is over: its last row, with its state.
    Ended(Arc<RunRow>),
}

/// Feeds of the runs that somebody watches, and who waits for one.
#[derive(Default)]
pub(crate) struct Feeds {
    by_run: Mutex<ByRun>,
}

#[derive(Default)]
struct ByRun {
    /// Whoever wants every entry.
    feeds: Few<broadcast::Sender<Told>>,
    /// Whoever wants to be woken once.
    waiting: Few<Vec<oneshot::Sender<Woken>>>,
    /// What has just ended.
    ended: Ended,
}

impl Feeds {
    /// Watches a run from now on.
    pub(crate) fn watch(&self, run: RunId) -> broadcast::Receiver<Told> {
        let mut by_run = self.lock();
        let feeds = by_run.feeds.swept(|feed| feed.receiver_count() > 0);
        feeds.entry(run).or_insert_with(|| broadcast::channel(limits::FEED).0).subscribe()
    }

    /// Is woken by the next thing that a caller of the run may wait for, at once where it has just
    /// ended.
    pub(crate) fn wait(&self, run: RunId) -> oneshot::Receiver<Woken> {
        let (waker, woken) = oneshot::channel();
        let mut by_run = self.lock();
        if let Some(row) = by_run.ended.get(run) {
            // The other end is in our hands.
            let _ = waker.send(Woken::Ended(row));
            return woken;
        }
        let waiting = by_run.waiting.swept(|some| some.iter().any(|waker| !waker.is_closed()));
        waiting.entry(run).or_default().push(waker);
        woken
    }

    /// Tells whoever watches; a notice wakes whoever waits.
    pub(crate) fn tell(&self, run: RunId, told: Told) {
        let mut by_run = self.lock();
        if matches!(told, Told::Notice(_)) {
            by_run.wake(run, &Woken::Look);
        }
        if let Some(feed) = by_run.feeds.all.get(&run) {
            // An error says only that nobody listens any more.
            let _ = feed.send(told);
        }
    }

    /// Wakes everybody who waits: a shard was read again, and what was committed without an answer was
    /// told to nobody.
    pub(crate) fn look_again(&self) {
        let mut by_run = self.lock();
        for waker in std::mem::take(&mut by_run.waiting.all).into_values().flatten() {
            // Whoever waited may have given up.
            let _ = waker.send(Woken::Look);
        }
    }

    /// Hands the last row of a run to whoever waits for it.
    pub(crate) fn ended(&self, row: RunRow) {
        let mut by_run = self.lock();
        let (run, row) = (row.run, Arc::new(row));
        by_run.ended.keep(&row);
        by_run.wake(run, &Woken::Ended(row));
    }

    fn lock(&self) -> MutexGuard<'_, ByRun> {
        self.by_run.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ByRun {
    fn wake(&mut self, run: RunId, why: &Woken) {
        for waker in self.waiting.all.remove(&run).unwrap_or_default() {
            // Whoever waited may have given up.
            let _ = waker.send(why.clone());
        }
    }
}

/// The last rows of runs that have just ended.
#[derive(Default)]
struct Ended {
    rows: BTreeMap<RunId, Arc<RunRow>>,
    order: VecDeque<(Instant, RunId)>,
}

impl Ended {
    fn get(&mut self, run: RunId) -> Option<Arc<RunRow>> {
        self.forget(limits::ENDED);
        self.rows.get(&run).cloned()
    }

    /// Bound: so many, for so long, and no large ones.
    fn keep(&mut self, row: &Arc<RunRow>) {
        self.forget(limits::ENDED - 1);
        if row.snapshot.as_ref().is_none_or(|bytes| bytes.len() <= limits::ENDED_BYTES) {
            self.order.push_back((Instant::now(), row.run));
            self.rows.insert(row.run, Arc::clone(row));
        }
    }

    fn forget(&mut self, most: usize) {
        while let Some((at, run)) = self.order.front() {
            if self.order.len() <= most && at.elapsed() < limits::ENDED_FOR {
                return;
            }
            self.rows.remove(run);
            self.order.pop_front();
        }
    }
}

/// By run, for as long as somebody wants it.
struct Few<T> {
    all: BTreeMap<RunId, T>,
    /// How many were left at the last sweep.
    kept: usize,
}

impl<T> Default for Few<T> {
    fn default() -> Self {
        Self { all: BTreeMap::new(), kept: 0 }
    }
}

impl<T> Few<T> {
    /// Bound: what nobody wants any more is forgotten when there may be as much of it as of the rest,
    /// so that one look costs the same however many there are.
    fn swept(&mut self, wanted: impl Fn(&T) -> bool) -> &mut BTreeMap<RunId, T> {
        if self.all.len() > 2 * self.kept + SPARE {
            self.all.retain(|_, one| wanted(one));
            self.kept = self.all.len();
        }
        &mut self.all
    }
}

/// What nobody wants and may stay.
const SPARE: usize = 64;

#[cfg(test)]
mod tests {
    use super::{Feeds, SPARE, Told, Woken};
    use sagaflow_core::id::RunId;
    use sagaflow_core::shard::Notice;

    fn run(n: u64) -> RunId {
        RunId::new(1, 1, n.to_be_bytes())
    }

    #[tokio::test]
    async fn a_notice_wakes_who_waits_once_and_a_record_does_not() {
        let feeds = Feeds::default();
        let (mut first, second) = (feeds.wait(run(1)), feeds.wait(run(1)));
        feeds.tell(run(1), Told::Record { number: 1, happened: Vec::new() });
        assert!(first.try_recv().is_err(), "a record is for those who watch");
        feeds.tell(run(2), Told::Notice(Notice::Reply(1.into())));
        assert!(first.try_recv().is_err(), "another run");
        feeds.tell(run(1), Told::Notice(Notice::Reply(1.into())));
        assert!(matches!(first.await, Ok(Woken::Look)));
        assert!(matches!(second.await, Ok(Woken::Look)));
    }

    #[test]
    fn who_gave_up_is_forgotten() {
        let feeds = Feeds::default();
        let kept = feeds.wait(run(0));
        (1..10_000).for_each(|n| drop(feeds.wait(run(n))));
        (1..10_000).for_each(|n| drop(feeds.watch(run(n))));
        let by_run = feeds.lock();
        assert!(by_run.waiting.all.len() <= 2 * (SPARE + 1) + 1);
        assert!(by_run.feeds.all.len() <= 2 * (SPARE + 1) + 1);
        assert!(by_run.waiting.all.contains_key(&run(0)));
        drop(kept);
    }
}
