//! Turns of the machine: what happens between two rests of a run, and whether it becomes a record.
//!
//! The shard closes at most one record a turn, and none where the turn only began or ended quick
//! reads; their lines wait for the next record, up to a limit.

use super::figures::{Amount, Spent, Time};
use super::walk::End;
use super::{Undo, size};

/// Reads that are sent before anything is recorded take at most this long, as the machine has it.
pub const QUICK_READ_MS: i64 = 2_000;
/// Lines of history that may wait for a record, as the machine has it.
pub const UNRECORDED: u32 = 32;

/// A path as far as it was followed.
#[derive(Clone, Debug, Default)]
pub(super) struct Way {
    pub choices: Vec<String>,
    pub end: Option<End>,
    pub exact: bool,
    pub committed: bool,
    pub records: Amount,
    pub commits: Amount,
    pub calls: Amount,
    pub bytes: Amount,
    pub time: Time,
    pub spent: Vec<Spent>,
    pub undo: Undo,
    /// The turn under way must become a record.
    pub durable: bool,
    /// Lines of history since the last record.
    pub lines: u32,
    /// Bytes since the last record.
    pub open: u64,
}

impl Way {
    /// Right after a start.
    pub fn started() -> Self {
        Self { exact: true, durable: true, lines: 1, open: size::START, ..Self::default() }
    }

    /// A turn of a loop or a branch, with nothing counted yet.
    pub fn inner(&self, durable: bool) -> Self {
        Self {
            exact: true,
            durable,
            lines: self.lines,
            open: 0,
            committed: self.committed,
            ..Self::default()
        }
    }

    /// A line of history; a quiet one can wait for the next record.
    pub fn line(&mut self, quiet: bool, bytes: u64) {
        self.durable |= !quiet;
        self.lines += 1;
        self.open += size::LINE + bytes;
    }

    /// The run rests: the turn closes, and another one begins with whatever it waits for.
    pub fn rest(&mut self, frame: u64) {
        if self.durable || self.lines >= UNRECORDED {
            self.records.add(&Amount::of(1));
            self.commits.add(&Amount::of(1));
            self.bytes.add(&Amount::of(size::RECORD + frame + self.open));
            (self.lines, self.open) = (0, 0);
        }
        self.durable = false;
    }

    /// Takes over what an inner way has counted, but for its commits.
    pub fn take(&mut self, inner: &Self) {
        self.records.add(&inner.records);
        self.calls.add(&inner.calls);
        self.bytes.add(&inner.bytes);
        self.undo.calls.add(&inner.undo.calls);
        self.exact &= inner.exact;
        self.committed |= inner.committed;
    }

    /// Makes each figure as large as another way's.
    pub fn most(&mut self, other: &Self) {
        self.records.most(&other.records);
        self.commits.most(&other.commits);
        self.calls.most(&other.calls);
        self.bytes.most(&other.bytes);
        self.undo.calls.most(&other.undo.calls);
        self.undo.at_first_ms = self.undo.at_first_ms.max(other.undo.at_first_ms);
        self.undo.time = self.undo.time.longer(other.undo.time);
        if other.time.ms.is_none_or(|ms| self.time.ms.is_some_and(|own| ms > own)) {
            self.spent.clone_from(&other.spent);
            self.time = other.time;
        }
        self.durable |= other.durable;
        self.lines = self.lines.max(other.lines);
        self.open = self.open.max(other.open);
        self.committed |= other.committed;
        self.exact = false;
    }
}
