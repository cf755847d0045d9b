//! Units: blocks whose undo list is a stretch of their fiber's (C6), with retry, deadline and
//! interrupts (verdict 60).

use super::turn::Turn;
use crate::codegen::{
    Failure, FailureKind, Frame, Point, PointKind, Retry, Subscription, UnitSpec,
};
use crate::journal::Happened;
use crate::retry;
use crate::run::{Fiber, FiberId, Happening, Hold, Mark, State, Stop, StopCause, Unit};

/// Whether a unit of this point may run again: by itself, or because a person says so.
pub(super) fn may_run_again(point: &Point) -> bool {
    let retries = match &point.kind {
        PointKind::Unit(spec) => spec.retry.as_ref().is_some_and(|it| it.attempts != Some(1)),
        _ => false,
    };
    retries || point.ask.as_ref().is_some_and(|ask| ask.again)
}

impl Turn<'_> {
    fn unit_spec(&self, at: &str) -> UnitSpec {
        let point = self.run.machine.as_ref().and_then(|machine| machine.spec().points.get(at));
        match point.map(|point| &point.kind) {
            Some(PointKind::Unit(spec)) => spec.clone(),
            _ => UnitSpec { deadline_ms: None, retry: None, keep: Vec::new(), handled: Vec::new() },
        }
    }

    /// A unit begins, or begins again.
    pub(super) fn enter_unit(&mut self, id: FiberId, frame: Frame, interrupts: Vec<Subscription>) {
        let spec = self.unit_spec(&frame.at);
        let (now, entered) = (self.now, self.events.last());
        let machine = self.machine();
        let point = machine.as_ref().and_then(|machine| machine.spec().points.get(&frame.at));
        let path = super::turn::path(point, &frame);
        let again = point.is_some_and(may_run_again);
        let Some(fiber) = self.state().fiber_mut(id) else { return };
        if let Some(open) = fiber.units.last_mut()
            && open.frame.at == frame.at
            && open.frame.iteration == frame.iteration
        {
            // It runs again: what it was entered with stays.
            open.interrupts = interrupts;
            return;
        }
        fiber.units.push(Unit {
            frame,
            interrupts,
            base: fiber.head,
            attempt: 1,
            entered,
            since: now,
            deadline: spec.deadline_ms.map(|ms| now.plus(ms)),
            again,
            passed: false,
            overdue: false,
            fault: None,
        });
        self.note(Happened::Entered { path });
    }

    /// A unit ends well: what it did stays in the list of what is around it.
    pub(super) fn leave_unit(&mut self, id: FiberId, at: &str) -> bool {
        let Some(fiber) = self.state().fiber_mut(id) else { return false };
        let inner = fiber.units.last().map(|unit| unit.frame.at.clone());
        if inner.as_deref() != Some(at) {
            let inner = inner.unwrap_or_else(|| "nothing".to_owned());
            self.fault(id, &format!("it leaves `{at}` while `{inner}` is open"));
            return false;
        }
        self.close_unit(id);
        true
    }

    /// Closes the innermost unit; after the commit what it did is dropped, unless a unit around it
    /// keeps it.
    pub(super) fn close_unit(&mut self, id: FiberId) {
        let Some(fiber) = self.state().fiber_mut(id) else { return };
        let Some(unit) = fiber.units.pop() else { return };
        let head = fiber.head;
        self.close_units(std::slice::from_ref(&unit));
        if !self.keeps(id) {
            self.drop_list(head, unit.base);
            if let Some(fiber) = self.state().fiber_mut(id) {
                fiber.head = unit.base;
            }
        }
        let machine = self.machine();
        let point = machine.as_ref().and_then(|m| m.spec().points.get(&unit.frame.at));
        let path = super::turn::path(point, &unit.frame);
        self.note(Happened::Left { path });
    }

    /// The innermost unit's body is undone after a failure: it runs again, or handles it.
    pub(super) fn unit_undone(&mut self, id: FiberId, failure: Failure) {
        let Some(unit) = self.run.state.fiber(id).and_then(|fiber| fiber.units.last().cloned())
        else {
            return self.fail(id, failure);
        };
        let spec = self.unit_spec(&unit.frame.at);
        // Its deadline bounds all its runs together (verdict 60).
        if let Some(policy) = spec.retry.filter(|_| !unit.overdue)
            && repeats(&policy, &failure)
            && policy.attempts.is_none_or(|attempts| unit.attempt < attempts)
        {
            let random = self.draw().bytes();
            let random = random.iter().take(8).fold(0, |sum, byte| sum << 8 | u64::from(*byte));
            let until = self.now.plus(retry::delay(&policy, unit.attempt, random));
            if unit.deadline.is_none_or(|deadline| until < deadline) {
                let path = self.path(id);
                self.note(Happened::Again { path, attempt: unit.attempt + 1, at: until });
                if let Some(fiber) = self.state().fiber_mut(id) {
                    fiber.state = State::Again { until };
                }
                return self.run_again(id);
            }
        }
        self.hand_to_unit(id, Happening::Failed(failure));
    }

    /// Runs a unit again once its pause is over and no undo is due any more (A5).
    pub(super) fn run_again(&mut self, id: FiberId) {
        if self.run.state.any(Mark::Due) || self.held_at_boundary(true) {
            return;
        }
        let now = self.now;
        let Some(fiber) = self.state().fiber_mut(id) else { return };
        let State::Again { until } = fiber.state else { return };
        if until > now {
            return;
        }
        let Some(unit) = fiber.units.last_mut() else { return };
        unit.attempt += 1;
        fiber.frame = unit.frame.clone();
        self.durable = true;
        self.ready(id, Happening::Enter);
        if self.waits_for_place(id) {
            // Whoever was asked about it had given its place away.
            self.hold(id, Hold::Place);
        }
        self.interrupt_units(id);
    }

    /// A person wants a unit that failed to be done again: its policy begins anew, and so does its
    /// deadline, because the time in which people think counts for no rule (verdict 6).
    pub(super) fn reopen_unit(&mut self, id: FiberId, unit: Unit) {
        let deadline = self.unit_spec(&unit.frame.at).deadline_ms.map(|ms| self.now.plus(ms));
        let until = self.now;
        let Some(fiber) = self.state().fiber_mut(id) else { return };
        // Order: behind `entered` an interrupt that came meanwhile is still to be taken.
        let base = fiber.head;
        fiber.units.push(Unit {
            base,
            deadline,
            attempt: 0,
            passed: false,
            overdue: false,
            fault: None,
            ..unit
        });
        fiber.state = State::Again { until };
        let path = self.path(id);
        self.note(Happened::Again { path, attempt: 1, at: until });
        self.run_again(id);
    }

    /// Closes the innermost unit and hands its frame what happened.
    pub(super) fn hand_to_unit(&mut self, id: FiberId, event: Happening) {
        let Some(fiber) = self.state().fiber_mut(id) else { return };
        let Some(unit) = fiber.units.pop() else { return };
        fiber.frame = unit.frame.clone();
        self.close_units(std::slice::from_ref(&unit));
        self.durable = true;
        let failed = matches!(event, Happening::Failed(_));
        let asks = failed && self.ask_spec(&unit.frame.at).is_some();
        self.ready(id, event);
        if asks && let Some(Fiber { state: State::Ready(ready), .. }) = self.state().fiber_mut(id) {
            ready.unit = Some(Box::new(unit));
        }
        // What came for a scope around it while this one was undone is taken now.
        self.interrupt_units(id);
    }

    /// Closes the letters of units that are open no more.
    pub(super) fn close_units(&mut self, units: &[Unit]) {
        for fault in units.iter().filter_map(|unit| unit.fault.as_ref()) {
            self.close_letter(fault, "left");
        }
    }

    /// A unit's deadline has passed: its body is stopped like a failed sibling.
    pub(super) fn unit_overdue(&mut self, id: FiberId, depth: usize) {
        if let Some(unit) = self.state().fiber_mut(id).and_then(|fiber| fiber.units.get_mut(depth))
        {
            unit.deadline = None;
            unit.overdue = true;
        }
        self.durable = true;
        self.request_stop(id, Stop::Unit { depth, why: StopCause::Deadline });
    }

    /// The body of a stopped unit is still.
    pub(super) fn unit_still(&mut self, id: FiberId, depth: usize, why: StopCause) {
        let Some(fiber) = self.state().fiber_mut(id) else { return };
        let inner = fiber.units.split_off((depth + 1).min(fiber.units.len()));
        fiber.stop = None;
        self.close_units(&inner);
        let Some(fiber) = self.run.state.fiber(id) else { return };
        let Some(unit) = fiber.units.last() else { return };
        let (to, frame) = (unit.base, unit.frame.clone());
        match why {
            StopCause::Deadline => {
                let machine = self.machine();
                let point = machine.as_ref().and_then(|m| m.spec().points.get(&frame.at));
                let failure = Failure {
                    kind: FailureKind::Timeout,
                    name: String::new(),
                    payload: crate::codegen::Json::Null,
                    step: super::turn::path(point, &frame),
                };
                self.begin_unwind(id, to, crate::run::Then::Unit(failure));
            }
            StopCause::Interrupt { index, value, keep: true } => {
                if !self.keeps_below(id) {
                    let head = self.run.state.fiber(id).and_then(|fiber| fiber.head);
                    self.drop_list(head, to);
                    if let Some(fiber) = self.state().fiber_mut(id) {
                        fiber.head = to;
                    }
                }
                self.hand_to_unit(id, Happening::Interrupt { index, value });
            }
            StopCause::Interrupt { index, value, keep: false } => {
                self.begin_unwind(id, to, crate::run::Then::Interrupt { index, value });
            }
        }
    }

    /// Whether what the innermost unit did is kept once it has ended.
    fn keeps_below(&mut self, id: FiberId) -> bool {
        let Some(unit) = self.state().fiber_mut(id).and_then(|fiber| fiber.units.pop()) else {
            return true;
        };
        let keeps = self.keeps(id);
        if let Some(fiber) = self.state().fiber_mut(id) {
            fiber.units.push(unit);
        }
        keeps
    }

    /// What an interrupt keeps.
    pub(super) fn interrupt_keeps(&self, at: &str, index: usize) -> bool {
        self.unit_spec(at).keep.get(index).copied().unwrap_or(false)
    }
}

/// Verdict 60: every failure is repeated but declared errors that the policy does not name.
fn repeats(policy: &Retry, failure: &Failure) -> bool {
    failure.kind != FailureKind::Declared || policy.on.contains(&failure.name)
}
