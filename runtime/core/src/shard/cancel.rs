//! Stopping: of a branch, a unit or the whole run, at the next boundary (C2, X1, T4).

use super::input::Answer;
use super::policy::critical;
use super::turn::Turn;
use crate::journal::Happened;
use crate::run::{
    Call, Fate, Fiber, FiberId, Hold, Kind, Mark, Mode, Phase, ROOT, Ready, State, Stop, StopCause,
};
use crate::service::Purpose;
use crate::status::Cause;

impl Turn<'_> {
    /// Cancel, as an input.
    pub(super) fn cancel(&mut self, actor: &str, reason: String) -> Answer {
        let head = self.run.state.head();
        if head.mode != Mode::Forward || head.committed {
            self.note(Happened::TooLate { input: "cancel".to_owned() });
            return Answer::TooLate;
        }
        // What it is set aside for is given up with it.
        self.cure("cancelled");
        let cause = Cause::Cancelled { actor: actor.to_owned(), reason };
        self.note(Happened::Pending { cause: cause.error() });
        if head_pending(self) {
            return Answer::Pending;
        }
        self.state().head_mut().pending = Some(cause);
        // Decided here and not at the end of the turn, because the answer depends on it.
        self.take_cause();
        let head = self.run.state.head();
        if head.pending.is_some() || head.mode == Mode::Forward && !self.all_stopped() {
            Answer::Pending
        } else {
            Answer::Done
        }
    }

    fn all_stopped(&self) -> bool {
        self.run.state.fiber(ROOT).is_none_or(|root| root.stop.is_none())
    }

    /// The workflow's deadline (T4): the cause `deadline` before the commit, an alert after it.
    pub(super) fn deadline_passed(&mut self) {
        let head = self.run.state.head();
        if head.mode != Mode::Forward || head.overdue {
            return;
        }
        if head.committed {
            self.state().head_mut().overdue = true;
            return self.note(Happened::Overdue);
        }
        if head.pending.is_some() || head.cause.is_some() {
            return;
        }
        self.state().head_mut().pending = Some(Cause::Deadline);
        self.note(Happened::Pending { cause: "deadline".to_owned() });
        if !self.take_cause() && self.run.state.head().pending.is_some() {
            // It waits for an unresolved step.
            self.state().head_mut().overdue = true;
            self.note(Happened::Overdue);
        }
    }

    /// Takes a waiting cause once no unresolved step stands against it; says whether it did.
    pub(super) fn take_cause(&mut self) -> bool {
        let head = self.run.state.head();
        if head.mode != Mode::Forward || head.pending.is_none() || self.blocked() {
            return false;
        }
        let head = self.state().head_mut();
        head.cause = head.pending.take();
        self.durable = true;
        self.note(Happened::Stopping { path: String::new() });
        self.request_stop(ROOT, Stop::Whole);
        self.release_boundaries();
        true
    }

    /// Whether a step of the run is unresolved whose success would win over the cause.
    fn blocked(&self) -> bool {
        let state = &self.run.state;
        // Whatever is critical is open.
        let mut open = state.marked(Mark::Open).into_iter().filter_map(|id| state.fiber(id));
        self.machine().is_none() || open.any(|fiber| self.is_critical(fiber))
    }

    /// X1: whether a fiber is at a step that has no boundary while it is open, in flight, before a
    /// handler or before a person. Without its machine nobody knows, and it rests.
    pub(super) fn is_critical(&self, fiber: &Fiber) -> bool {
        let Some(machine) = self.machine() else { return true };
        fiber.call().is_some_and(|call| {
            Self::call_spec(machine.as_ref(), &call.at).is_some_and(|spec| critical(call, spec))
        })
    }

    /// The commit won: the cause is answered, nothing stops.
    pub(super) fn cause_too_late(&mut self, cause: &Cause) {
        match cause {
            Cause::Deadline => {
                if !self.run.state.head().overdue {
                    self.state().head_mut().overdue = true;
                    self.note(Happened::Overdue);
                }
            }
            cause => self.note(Happened::TooLate { input: cause.error() }),
        }
    }

    /// Lets everything move on that was held at a boundary.
    pub(super) fn release_boundaries(&mut self) {
        let held: Vec<_> = self
            .run
            .state
            .fibers()
            .iter()
            .filter(|(_, fiber)| {
                matches!(fiber.state, State::Ready(Ready { held: Hold::Boundary, .. }))
            })
            .map(|(id, _)| *id)
            .collect();
        for id in held {
            self.release(id);
        }
    }

    /// Asks a fiber to be still at its next boundary.
    pub(super) fn request_stop(&mut self, id: FiberId, stop: Stop) {
        let Some(fiber) = self.state().fiber_mut(id) else { return };
        // Undo blocks and the aftermath go to their end; only a block within them is stopped, by its
        // own deadline.
        let whole = stop == Stop::Whole && !fiber.kind.program();
        if whole || matches!(fiber.state, State::Still | State::Ended(_)) {
            return;
        }
        fiber.stop = Some(match (fiber.stop.take(), stop) {
            (Some(Stop::Whole), _) | (_, Stop::Whole) => Stop::Whole,
            (Some(Stop::Unit { depth, why }), Stop::Unit { depth: new, .. }) if depth <= new => {
                Stop::Unit { depth, why }
            }
            (_, stop) => stop,
        });
        self.durable = true;
        self.boundary(id);
    }

    /// Honours a stop where a fiber rests at a boundary, and passes it on to branches.
    pub(super) fn boundary(&mut self, id: FiberId) {
        let Some(fiber) = self.run.state.fiber(id) else { return };
        if fiber.stop.is_none() {
            return;
        }
        if let State::Join(join) = &fiber.state {
            for child in join.fibers.clone() {
                self.request_stop(child, Stop::Whole);
            }
            return self.check_join(id);
        }
        if self.at_boundary(fiber) {
            self.still(id);
        }
    }

    /// Whether a fiber rests where it may be stopped.
    fn at_boundary(&self, fiber: &Fiber) -> bool {
        let critical = || self.is_critical(fiber);
        match &fiber.state {
            State::Call(call) => {
                let resting = matches!(
                    call.phase,
                    Phase::Backoff { .. } | Phase::AskBackoff { .. } | Phase::Fault(_)
                );
                resting && !critical()
            }
            State::Manual(_) => !critical(),
            State::Wait(_) | State::Again { .. } => true,
            State::Ready(ready) => ready.held != Hold::Now && !critical(),
            State::Join(_) | State::Unwind(_) | State::Still | State::Ended(_) => false,
        }
    }

    /// A fiber is still: its step's undo stays armed only where something may have happened.
    pub(super) fn still(&mut self, id: FiberId) {
        let Some(fiber) = self.run.state.fiber(id) else { return };
        let Some(stop) = fiber.stop.clone() else { return };
        let fiber = fiber.clone();
        self.withdraw(&fiber);
        self.close_fault(&fiber, "stopped");
        let keep = self.kept(id);
        if let Some(call) = fiber.call() {
            self.leave_call(id, call, keep);
        }
        let path = self.path(id);
        self.note(Happened::Stopping { path });
        match stop {
            Stop::Unit { depth, why } => self.unit_still(id, depth, why),
            Stop::Whole => {
                if let Some(fiber) = self.state().fiber_mut(id) {
                    fiber.state = State::Still;
                    fiber.units.clear();
                    fiber.stop = None;
                }
                self.close_units(&fiber.units);
                match fiber.kind {
                    Kind::Branch { .. } => self.child_rests(id),
                    _ => {
                        if let Some(cause) = self.run.state.head().cause.clone() {
                            self.unwind_run(cause);
                        }
                    }
                }
            }
        }
    }
}

impl Turn<'_> {
    /// Whether what a stopped fiber did stays done: it, or a fiber around it that told it to stop, is
    /// interrupted by a scope that keeps.
    fn kept(&self, id: FiberId) -> bool {
        let mut next = self.run.state.fiber(id);
        while let Some(fiber) = next {
            match &fiber.stop {
                Some(Stop::Unit { why: StopCause::Interrupt { keep, .. }, .. }) => return *keep,
                Some(Stop::Whole) => {}
                _ => return false,
            }
            next = fiber.kind.parent().and_then(|parent| self.run.state.fiber(parent));
        }
        false
    }

    /// Leaves the call a stopped fiber is at: with its undo armed, due, or needless.
    fn leave_call(&mut self, id: FiberId, call: &Call, keep: bool) {
        if call.unresolved && call.purpose == Purpose::Do {
            let machine = self.machine();
            let spec = machine.as_ref().and_then(|m| Self::call_spec(m.as_ref(), &call.at));
            let action = spec.map(|spec| self.action(spec)).unwrap_or_default();
            self.remember(call.id, &call.path, action, Fate::Unknown);
        }
        let Some(entry) = call.entry else { return };
        if !call.unresolved {
            self.disarm(id, entry);
        } else if keep {
            self.make_due(id, entry);
        }
    }
}

fn head_pending(turn: &Turn<'_>) -> bool {
    let head = turn.run.state.head();
    head.pending.is_some() || head.cause.is_some()
}
