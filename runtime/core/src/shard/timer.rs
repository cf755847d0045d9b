//! Timers: back-off, waits, deadlines, pauses. They are a view of the state, so nothing has to be
//! stored for them, and none is lost.

use super::Shard;
use super::indexed::put_row;
use super::output::Output;
use super::policy::critical;
use super::turn::Turn;
use crate::codegen::WorkflowSpec;
use crate::id::RunId;
use crate::run::{ALARMS, Alarm, Call, Fiber, FiberId, Mark, Mode, Phase, RunState, State, alarms};
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
    let alarms = ALARMS.into_iter().filter(|alarm| rings(state, *alarm));
    let alarms = alarms.filter_map(|alarm| state.first_alarm(alarm));
    let critical = critical_calls(state, spec).filter_map(|fiber| of_fiber(state, spec, fiber));
    deadline.into_iter().chain(alarms).chain(critical).min()
}

/// Nothing of the run goes on by itself.
fn aside(state: &RunState) -> bool {
    state.head().paused || state.head().poisoned.is_some()
}

/// Whether timers of this kind fire now.
fn rings(state: &RunState, alarm: Alarm) -> bool {
    let head = state.head();
    match alarm {
        // The bound of an accepted call is the service's, and runs on in a paused run.
        Alarm::Accepted => true,
        _ if aside(state) => false,
        Alarm::Call | Alarm::Wait => head.pending.is_none(),
        Alarm::Again => head.pending.is_none() && !state.any(Mark::Due),
        Alarm::AsideAgain => !state.any(Mark::Due),
        Alarm::Aside | Alarm::Unit => true,
        Alarm::Late => !head.undo_late,
    }
}

/// The calls that a waiting cause waits for: they go on.
fn critical_calls<'a>(
    state: &'a RunState,
    spec: &'a WorkflowSpec,
) -> impl Iterator<Item = &'a Fiber> {
    let waits = state.head().pending.is_some() && !aside(state);
    let open = if waits { state.marked(Mark::Open) } else { Vec::new() };
    let open = open.into_iter().filter_map(|id| state.fiber(id));
    open.filter(|fiber| matches!(&fiber.state, State::Call(call) if is_critical(spec, call)))
}

/// The timers of a fiber that fire now or later, as things stand.
fn of_fiber(state: &RunState, spec: &WorkflowSpec, fiber: &Fiber) -> Option<Time> {
    let [own, unit, late] = rung(state, spec, fiber);
    own.into_iter().chain(unit).chain(late).min()
}

/// The same apart: of what it rests at, of its units, of its undo.
fn rung(state: &RunState, spec: &WorkflowSpec, fiber: &Fiber) -> [Option<Time>; 3] {
    let goes_on = |alarm| {
        let critical = || matches!(&fiber.state, State::Call(call) if is_critical(spec, call));
        rings(state, alarm) || alarm == Alarm::Call && !aside(state) && critical()
    };
    let at =
        |alarm: Option<(Alarm, Time)>| alarm.filter(|(kind, _)| goes_on(*kind)).map(|(_, at)| at);
    alarms(fiber, state.nodes()).map(at)
}

fn is_critical(spec: &WorkflowSpec, call: &Call) -> bool {
    match spec.points.get(&call.at).map(|point| &point.kind) {
        Some(crate::codegen::PointKind::Call(spec)) => critical(call, spec),
        _ => false,
    }
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
        let now = self.now;
        let passed = |at: &Time| *at <= now;
        let [_, unit, late] = rung(&self.run.state, machine.spec(), fiber);
        if late.as_ref().is_some_and(passed) {
            self.flag_undo_late(id);
        }
        let Some(fiber) = self.run.state.fiber(id) else { return };
        if unit.as_ref().is_some_and(passed) {
            let passed = |unit: &crate::run::Unit| unit.deadline.is_some_and(|at| at <= now);
            let depth = fiber.units.iter().position(passed).unwrap_or_default();
            return self.unit_overdue(id, depth);
        }
        let [own, ..] = rung(&self.run.state, machine.spec(), fiber);
        if own.is_none_or(|at| at > now) {
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
