//! Builds that are wrong in one known way, to show that the tests see each of them.
//!
//! Compiled with the feature `sabotage` alone, which nothing but the tests of `sagaflow-sweep` and
//! `sagaflow-simulator` asks for, and with them those of this package; and even then nothing is wrong until [`sabotage`] is called on the
//! same thread. Must not:
//! hold anything that a right build needs.

use crate::codegen::{Frame, Values};
use crate::id::RunId;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sabotage {
    /// An undo is armed when its call has succeeded, not before it leaves (A1).
    UndoArmedLate,
    /// A refusal disarms, although an earlier attempt is unresolved (A3).
    RefusalDisarms,
    /// A refusal answers the question whether a call happened (A4).
    RefusalDropsAsk,
    /// A commit drops the undo of `settle` iterations that still run (P1).
    CommitDropsSettled,
    /// A cancel does not wait for a pivot whose answer was lost (X1).
    CancelUnwindsPivot,
    /// What branches did is undone in the order of the clock, one after the other (C3).
    UndoInClockOrder,
    /// A failed `parallel` is undone before all its branches are still (C2).
    SiblingRunsOn,
    /// What is sent again after a recovery has another key (K1).
    KeyChanges,
    /// A recovery begins the attempts of an open call again (A6).
    AttemptsBeginAgain,
    /// A recovery sends before its fence has committed (A6).
    RecoverySpeaksFirst,
    /// What is called anew is called under the key that is spent (K1).
    KeyWithoutGeneration,
    /// A run goes on with the newest version of its workflow, not with its own.
    VersionNotPinned,
    /// The position of a partition is durable when its records were read, not when they are taken in
    /// (I31).
    OffsetAtPoll,
}

type Armed = (Frame, Values);

thread_local! {
    static ON: Cell<Option<Sabotage>> = const { Cell::new(None) };
    static HELD: RefCell<BTreeMap<(RunId, u64), Armed>> = const { RefCell::new(BTreeMap::new()) };
}

/// While it lives, this thread's shards are wrong.
#[must_use = "the build is right again when this is dropped"]
pub struct Sabotaged(Option<Sabotage>);

impl Drop for Sabotaged {
    fn drop(&mut self) {
        ON.set(self.0);
        HELD.with_borrow_mut(BTreeMap::clear);
    }
}

/// Makes this thread's shards wrong.
pub fn sabotage(how: Sabotage) -> Sabotaged {
    Sabotaged(ON.replace(Some(how)))
}

/// Whether this thread's shards are wrong in this way.
pub(crate) fn is(how: Sabotage) -> bool {
    ON.get() == Some(how)
}

/// Keeps what [`Sabotage::UndoArmedLate`] arms later.
pub(crate) fn hold(run: RunId, call: u64, armed: Armed) {
    HELD.with_borrow_mut(|held| held.insert((run, call), armed));
}

/// Takes it back.
pub(crate) fn held(run: RunId, call: u64) -> Option<Armed> {
    HELD.with_borrow_mut(|held| held.remove(&(run, call)))
}
