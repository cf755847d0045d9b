//! Timers: back-off, waits, deadlines, pauses. They are a view of the state, so nothing has to be
//! stored for them, and none is lost.

use super::Shard;
use super::indexed::put_row;
use super::output::Output;
use super::policy::critical;
use super::turn::Turn;
use crate::codegen::{Arm, WorkflowSpec};
use crate::id::RunId;
use crate::limits::UNDO_LATE_MS;
use crate::run::{Call, Fiber, FiberId, Mode, Phase, RunState, State, What};
use crate::service::Attempt;
use crate::time::Time;

/// When a run wants to be looked at next.
pub(super) fn next(state: &RunState, spec: &WorkflowSpec) -> Option<Time> {
    let head = state.head();
    let deadline = state.deadline().filter(|_| {
        head.mode == Mode::Forward
            && !head.overdue
            && head.pending.is_none()
            && head.cause.is_none()
    });
    let fibers = state.fibers().values().filter_map(|fiber| of_fiber(state, spec, fiber));
    deadline.into_iter().chain(fibers).min()
}

fn of_fiber(state: &RunState, spec: &WorkflowSpec, fiber: &Fiber) -> Option<Time> {
    let units = units(fiber).filter(|_| !aside(state));
    let late = undo_late(state, fiber);
    own(state, spec, fiber).into_iter().chain(units).chain(late).min()
}

/// Nothing of the run goes on by itself.
fn aside(state: &RunState) -> bool {
    state.head().paused || state.head().poisoned.is_some()
}

/// The timer of what a fiber rests at.
fn own(state: &RunState, spec: &WorkflowSpec, fiber: &Fiber) -> Option<Time> {
    let aside = aside(state);
    let held = aside || fiber.kind.program() && state.head().pending.is_some();
    match &fiber.state {
        State::Call(call) => {
            let until = match call.phase {
                // The bound of an accepted call is the service's, and runs on in a paused run.
                Phase::Accepted { until } => return Some(until),
                Phase::Backoff { until } | Phase::AskBackoff { until, .. } => until,
                Phase::Sent | Phase::Asked { .. } | Phase::Fault(_) => return None,
            };
            let goes_on = !held || !aside && is_critical(spec, call);
            Some(until).filter(|_| goes_on)
        }
        State::Wait(wait) if !held && wait.fault.is_none() => {
            let sleeps = wait.arms.iter().filter_map(|arm| match arm {
                Arm::Sleep { until } => Some(*until),
                _ => None,
            });
            sleeps.chain(wait.until).min()
        }
        State::Again { until } if !held && !due_undo(state) => Some(*until),
        _ => None,
    }
}

/// When an undo that is under way takes long (U2); a stuck one waits for a person, who knows.
fn undo_late(state: &RunState, fiber: &Fiber) -> Option<Time> {
    let head = state.head();
    if head.undo_late || aside(state) || fiber.fault().is_some() {
        return None;
    }
    match &state.node(fiber.kind.undoes()?)?.what {
        What::Step(entry) => entry.undoing.map(|began| began.plus(UNDO_LATE_MS)),
        What::Par { .. } => None,
    }
}

/// Deadlines of a fiber's open units; none while it unwinds, for the unit is no longer in time then.
fn units(fiber: &Fiber) -> Option<Time> {
    if matches!(fiber.state, State::Unwind(_)) {
        return None;
    }
    fiber.units.iter().filter_map(|unit| unit.deadline).min()
}

fn is_critical(spec: &WorkflowSpec, call: &Call) -> bool {
    match spec.points.get(&call.at).map(|point| &point.kind) {
        Some(crate::codegen::PointKind::Call(spec)) => critical(call, spec),
        _ => false,
    }
}

fn due_undo(state: &RunState) -> bool {
    state.fibers().values().any(|fiber| matches!(fiber.kind, crate::run::Kind::Due { .. }))
}

impl Shard {
    /// Looks at every run whose timer is due.
    pub(super) fn tick(&mut self, now: Time, out: &mut Output) {
        #[cfg(feature = "sabotage")]
        self.take_in_late(now, out);
        let due: Vec<_> = self.due.iter().take_while(|(at, _)| *at <= now).copied().collect();
        for (at, run) in due {
            // Order: off the list first. A run that cannot be run here is left alone, and must not be
            // due for ever.
            self.due.remove(&(at, run));
            self.list(now, run, out);
            self.turn(now, run, None, out, |turn| {
                turn.timers();
                super::Answer::Done
            });
        }
    }
}

impl Shard {
    /// Writes the row of a run that has been running for a while.
    fn list(&mut self, now: Time, id: RunId, out: &mut Output) {
        let Some(run) = self.runs.get_mut(&id) else { return };
        run.due = None;
        if run.listed_at().is_some_and(|at| at <= now) {
            let whole = run.snapshot.is_some();
            // Crash: without its row, recovery finds the run by its first record.
            put_row(id, run, whole, out);
        }
    }
}

impl Turn<'_> {
    /// Fires everything that is due.
    pub(super) fn timers(&mut self) {
        if self.paused {
            return;
        }
        if self.run.state.deadline().is_some_and(|deadline| deadline <= self.now) {
            self.deadline_passed();
        }
        let fibers: Vec<_> = self.run.state.fibers().keys().copied().collect();
        for id in fibers {
            self.fiber_timers(id);
        }
    }

    fn fiber_timers(&mut self, id: FiberId) {
        let Some(machine) = self.machine() else { return };
        let Some(fiber) = self.run.state.fiber(id) else { return };
        if of_fiber(&self.run.state, machine.spec(), fiber).is_none_or(|at| at > self.now) {
            return;
        }
        if undo_late(&self.run.state, fiber).is_some_and(|at| at <= self.now) {
            self.flag_undo_late(id);
        }
        let Some(fiber) = self.run.state.fiber(id) else { return };
        let in_time = units(fiber).is_none_or(|at| at > self.now) || aside(&self.run.state);
        if !in_time {
            let passed = |unit: &crate::run::Unit| unit.deadline.is_some_and(|at| at <= self.now);
            let depth = fiber.units.iter().position(passed).unwrap_or_default();
            return self.unit_overdue(id, depth);
        }
        if own(&self.run.state, machine.spec(), fiber).is_none_or(|at| at > self.now) {
            return;
        }
        match &fiber.state {
            State::Call(call) => match call.phase {
                Phase::Accepted { .. } => {
                    let ticket = self.ticket(call, call.attempt, call.purpose);
                    let cause = "the accepted call was not completed in time".to_owned();
                    let result = Attempt::Unknown { cause, timeout: true };
                    self.guards.record(self.now, ticket, &result);
                    self.outcome(ticket, result);
                }
                Phase::Backoff { .. } => self.send(id),
                Phase::AskBackoff { question, .. } => {
                    if let Some((call, spec)) = self.calling(id) {
                        self.ask_probe(id, call, &spec, question);
                    }
                }
                Phase::Sent | Phase::Asked { .. } | Phase::Fault(_) => {}
            },
            State::Wait(_) => {
                self.check_wait(id);
            }
            State::Again { .. } => self.run_again(id),
            _ => {}
        }
    }
}
