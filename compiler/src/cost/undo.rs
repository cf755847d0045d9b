//! What undoing adds: calls and time of the undo that a step arms.

use super::figures::{Amount, Time};
use super::turn::Way;
use super::walk::Walker;
use crate::check::time::{add, cut};
use crate::hir::{Compensate, CompensateHow, Step, StmtKind, Undo};

impl<'p> Walker<'p> {
    /// The undo a step has.
    pub(super) fn undo_of(&self, step: &'p Step) -> Option<&'p Compensate> {
        match &step.undo {
            Undo::None => None,
            Undo::Contract(action) => self.words.program.actions[*action].compensate.as_ref(),
            Undo::Own(own) => Some(own),
        }
    }

    /// Counts an undo that is armed.
    pub(super) fn armed(&mut self, undo: &'p Compensate, way: &mut Way) {
        let CompensateHow::Block { body, .. } = &undo.how else { return };
        let mut calls = 0;
        let mut at_first = 0_i64;
        let mut time = Time::default();
        body.walk(false, &mut |stmt| match &stmt.kind {
            StmtKind::Step(step) => {
                calls += 1;
                let within = step.within.as_ref().map_or(30_000, |within| within.value);
                at_first = at_first.saturating_add(within);
                let policy = self.words.policy(step, true);
                let attempts = policy.attempts.map(|n| i64::try_from(n).unwrap_or(i64::MAX));
                let all = attempts.map(|n| {
                    let pauses = policy.max_ms.saturating_mul(n.saturating_sub(1));
                    within.saturating_mul(n).saturating_add(pauses)
                });
                let own = cut(all, step.deadline.as_ref().map(|deadline| deadline.value));
                time = Time { ms: add(time.ms, own) };
            }
            StmtKind::Transaction(_) => {
                calls += 1;
                time = Time { ms: add(time.ms, self.clock.stmt(stmt)) };
            }
            _ => {}
        });
        way.undo.calls.add(&Amount::of(calls));
        way.undo.at_first_ms = way.undo.at_first_ms.saturating_add(at_first);
        way.undo.time = way.undo.time.then(time);
    }
}
