//! Runs under suspicion: those whose process died with them again and again (I18).
//!
//! From its third recovery on a run starts alone, counted by its own record just before, so that the
//! crash that follows is its own: a step that kills its process is found out, and harms nobody else.
//! Those that were recovered least go first: a process that is killed from outside again and again
//! spreads its kills over all suspects, and a run that does kill its process goes last.

use super::Shard;
use super::output::Output;
use super::turn::Turn;
use crate::id::RunId;
use crate::limits::SUSPECT;
use crate::run::RunState;
use crate::time::Time;
use std::collections::BTreeSet;

/// Runs that wait for their turn, and the one that has it.
#[derive(Default)]
pub(super) struct Suspects {
    /// By recoveries, then by id.
    waiting: BTreeSet<(u32, RunId)>,
    alone: Option<RunId>,
}

/// Whether a recovered run is under suspicion: it has something to send again, and had it often.
pub(super) fn suspicious(state: &RunState) -> bool {
    let head = state.head();
    head.poisoned.is_none()
        && head.recoveries + 1 >= SUSPECT
        && state.fibers().values().any(Turn::calls)
}

impl Shard {
    /// Lets a recovered run wait for its turn.
    pub(super) fn suspect(&mut self, id: RunId, out: &mut Output) {
        if let Some(mut run) = self.runs.remove(&id) {
            run.suspect = true;
            self.suspects.waiting.insert((run.state.head().recoveries, id));
            self.put_back(id, run, out);
        }
    }

    /// Starts the next run under suspicion once the one before it has had an outcome.
    pub(super) fn next_suspect(&mut self, now: Time, out: &mut Output) {
        // Of a paused node nothing is sent, so none of them would ever be done with its turn.
        while !self.paused {
            if self.suspects.alone.is_some_and(|id| self.at_work(id)) {
                return;
            }
            self.suspects.alone = None;
            let Some((_, id)) = self.suspects.waiting.pop_first() else { return };
            let Some(run) = self.runs.get_mut(&id) else { continue };
            run.suspect = false;
            self.suspects.alone = Some(id);
            // Crash: its count is in the record that what it sends waits for.
            self.turn(now, id, None, out, |turn| turn.recovered(true));
        }
    }

    fn at_work(&self, id: RunId) -> bool {
        self.runs.get(&id).is_some_and(|run| {
            run.state.head().recoveries > 0 && run.state.fibers().values().any(Turn::calls)
        })
    }
}
