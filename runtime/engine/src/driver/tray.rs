//! Messages between shards of one process: whoever is sent one is given it when the batch that sent it
//! has committed, and need not read it from the store.
//!
//! Promises: what is on a tray is everything that shards of this process sent since it was laid out, in
//! the order of each sender. Where it cannot be, because it is full, it is empty and says so: the
//! messages are in the store, and are read there.

use crate::limits;
use sagaflow_core::port::MessageRow;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// A shard's tray.
#[derive(Default)]
pub(crate) struct Tray {
    stirred: Notify,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    rows: Rows,
    /// Another node may have sent something.
    look: bool,
}

#[derive(Default)]
enum Rows {
    /// The shard is not served here.
    #[default]
    Away,
    /// Something was sent that is not here.
    Missed,
    Laid {
        rows: Vec<MessageRow>,
        bytes: usize,
    },
}

/// What was on a tray.
pub(super) enum Taken {
    /// Not everything that was sent: the store has to be read.
    Missed,
    Rows {
        rows: Vec<MessageRow>,
        /// There is more.
        more: bool,
        /// Another node may have sent something.
        look: bool,
    },
}

impl Tray {
    /// Lays messages down that have committed.
    ///
    /// Crash: they are in the store, and the next owner reads them there.
    pub(super) fn put(&self, sent: Vec<MessageRow>) {
        let mut state = self.lock();
        if let Rows::Laid { rows, bytes } = &mut state.rows {
            *bytes += sent.iter().map(|row| row.body.len()).sum::<usize>();
            if rows.len() + sent.len() > limits::TRAY || *bytes > limits::TRAY_BYTES {
                state.rows = Rows::Missed;
            } else {
                rows.extend(sent);
            }
        }
        self.stirred.notify_one();
    }

    /// Another node may have sent something.
    pub(crate) fn look(&self) {
        self.lock().look = true;
        self.stirred.notify_one();
    }

    /// Empties it, and keeps what is sent from now on. Order: before the store is read, so that what is
    /// not found there comes here.
    pub(super) fn lay(&self) {
        *self.lock() = State { rows: Rows::Laid { rows: Vec::new(), bytes: 0 }, look: false };
    }

    /// Keeps nothing until it is laid out again: the store has more than one reading of it brings.
    pub(super) fn miss(&self) {
        let mut state = self.lock();
        if !matches!(state.rows, Rows::Away) {
            state.rows = Rows::Missed;
        }
    }

    /// Something was sent that does not come here.
    pub(super) fn missed(&self) {
        self.miss();
        self.stirred.notify_one();
    }

    /// The shard is not served here any more.
    pub(super) fn clear(&self) {
        *self.lock() = State::default();
    }

    /// Takes so many messages.
    pub(super) fn take(&self, count: usize) -> Taken {
        let mut state = self.lock();
        let look = std::mem::take(&mut state.look);
        let Rows::Laid { rows, bytes } = &mut state.rows else { return Taken::Missed };
        let rest = rows.split_off(count.min(rows.len()));
        let taken = std::mem::replace(rows, rest);
        *bytes -= taken.iter().map(|row| row.body.len()).sum::<usize>();
        Taken::Rows { rows: taken, more: !rows.is_empty(), look }
    }

    /// Waits until something was sent.
    pub(super) async fn stirred(&self) {
        self.stirred.notified().await;
    }

    /// Whether the shard is behind with its messages.
    pub(crate) fn crowded(&self) -> bool {
        match &self.lock().rows {
            Rows::Away => false,
            Rows::Missed => true,
            Rows::Laid { rows, bytes } => {
                rows.len() > limits::TRAY / 4 || *bytes > limits::TRAY_BYTES / 4
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing here can panic with a half-changed state.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::{Taken, Tray};
    use crate::limits;
    use sagaflow_core::id::ShardId;
    use sagaflow_core::port::{MessageRow, Source};

    fn rows(seqs: std::ops::Range<u64>, bytes: usize) -> Vec<MessageRow> {
        let row = |seq| MessageRow {
            to: ShardId(1),
            from: Source { shard: ShardId(0), epoch: 1, seq, index: 0 },
            body: vec![0; bytes],
        };
        seqs.map(row).collect()
    }

    /// The positions taken, and whether there is more and somebody else to ask; none where something
    /// was missed.
    fn taken(tray: &Tray, count: usize) -> Option<(Vec<u64>, bool, bool)> {
        match tray.take(count) {
            Taken::Missed => None,
            Taken::Rows { rows, more, look } => {
                Some((rows.iter().map(|row| row.from.seq).collect(), more, look))
            }
        }
    }

    #[test]
    fn what_is_laid_down_is_taken_in_order() {
        let tray = Tray::default();
        tray.lay();
        tray.put(rows(1..3, 9));
        tray.put(rows(3..4, 9));
        assert_eq!(taken(&tray, 2), Some((vec![1, 2], true, false)));
        tray.look();
        assert_eq!(taken(&tray, 2), Some((vec![3], false, true)));
        assert_eq!(taken(&tray, 2), Some((vec![], false, false)));
    }

    #[test]
    fn a_tray_that_is_full_is_empty_until_it_is_laid_out_again() {
        for (count, bytes) in [(limits::TRAY as u64, 1), (3, limits::TRAY_BYTES / 3)] {
            let tray = Tray::default();
            tray.lay();
            tray.put(rows(0..count, bytes));
            assert!(tray.crowded());
            tray.put(rows(count..count + 1, bytes));
            assert_eq!(taken(&tray, 9), None);
            tray.put(rows(count + 1..count + 2, bytes));
            assert_eq!(taken(&tray, 9), None, "one without those before it is not given");
            assert!(tray.crowded());
            tray.lay();
            tray.put(rows(7..8, bytes));
            assert_eq!(taken(&tray, 9), Some((vec![7], false, false)));
            assert!(!tray.crowded());
        }
    }

    #[test]
    fn where_something_was_missed_nothing_is_taken_before_it() {
        let tray = Tray::default();
        tray.lay();
        tray.put(rows(1..2, 9));
        tray.missed();
        tray.put(rows(3..4, 9));
        assert_eq!(taken(&tray, 9), None);
    }

    #[test]
    fn what_is_taken_makes_room() {
        let tray = Tray::default();
        tray.lay();
        for round in 0..100 {
            tray.put(rows(round..round + 2, limits::TRAY_BYTES / 3));
            assert!(taken(&tray, 2).is_some_and(|(seqs, ..)| seqs == [round, round + 1]));
        }
    }

    #[test]
    fn nothing_is_kept_for_a_shard_that_is_not_served_here() {
        let tray = Tray::default();
        tray.put(rows(1..2, 9));
        assert_eq!(taken(&tray, 9), None);
        assert!(!tray.crowded());
        tray.lay();
        tray.put(rows(2..3, 9));
        tray.clear();
        assert_eq!(taken(&tray, 9), None);
    }
}
