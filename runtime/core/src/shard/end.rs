//! Ends: of a fiber, of the program, of the undoing (U3), and of the run.

use super::output::Notice;
use super::turn::Turn;
use super::undo::Ending;
use crate::codegen::{BranchEnd, Failure, Frame, Json};
use crate::journal::Happened;
use crate::run::{Fiber, FiberId, Happening, Kind, Mark, Mode, ROOT, Then};
use crate::status::Cause;

impl Turn<'_> {
    /// A branch, an undo block or the aftermath has ended.
    pub(super) fn end_fiber(&mut self, id: FiberId, value: Json) {
        let Some(fiber) = self.run.state.fiber(id) else { return };
        match fiber.kind.clone() {
            Kind::Branch { .. } => self.end_branch(id, BranchEnd::Ok(value)),
            Kind::Undo { .. } | Kind::Due { .. } => self.undo_ended(id, Ending::Done),
            Kind::After => {
                self.durable = true;
                let fiber = self.state().remove_fiber(id);
                self.drop_list(fiber.and_then(|fiber| fiber.head), None);
            }
            // A body without a result ends as with an empty `return`.
            Kind::Root => self.return_run(id, Json::Null),
            Kind::Chain { .. } => self.fault(id, "it ended where nothing runs"),
        }
    }

    /// The workflow returned.
    pub(super) fn return_run(&mut self, id: FiberId, value: Json) {
        if id != ROOT {
            return self.fault(id, "it returned from within a branch");
        }
        let machine = self.machine();
        let ty = machine.as_ref().and_then(|machine| machine.spec().result.clone());
        let value = match self.decode(ty.as_ref(), &value) {
            Ok(value) => value,
            Err(expected) => {
                return self.fault(id, &format!("the result does not fit: {expected}"));
            }
        };
        let fiber = self.state().remove_fiber(id);
        self.drop_list(fiber.and_then(|fiber| fiber.head), None);
        let head = self.state().head_mut();
        head.mode = Mode::Closing;
        head.result = Some(value.clone());
        // A cause that was still waiting came too late: the result is there.
        head.pending = None;
        let answered = head.reply.is_some();
        self.note(Happened::Decided { status: "completed".to_owned(), error: String::new() });
        if !answered {
            self.notices.push(Notice::Reply(value));
        }
    }

    /// The program failed.
    pub(super) fn fail_run(&mut self, id: FiberId, failure: Failure) {
        if self.run.state.head().committed {
            let word = crate::status::failure_word(&failure).to_owned();
            return self.fault(id, &format!("it failed with `{word}` after its commit"));
        }
        // X1: the step that a cause waited for has not committed, so the cause wins over the failure.
        let cause = self.state().head_mut().pending.take();
        self.unwind_run(cause.unwrap_or(Cause::Failed(failure)));
    }

    /// The run unwinds (U1). Every fiber of the program but the root is gone by now.
    pub(super) fn unwind_run(&mut self, cause: Cause) {
        let head = self.state().head_mut();
        head.mode = Mode::Undoing;
        head.cause = Some(cause.clone());
        self.note(Happened::Unwinding { path: String::new(), error: cause.error() });
        self.notices.push(Notice::Undoing(cause));
        if let Some(root) = self.state().fiber_mut(ROOT) {
            let units = std::mem::take(&mut root.units);
            root.stop = None;
            self.close_units(&units);
        }
        self.begin_unwind(ROOT, None, Then::Run);
    }

    /// U3: `K` is empty, the outcome is recorded.
    pub(super) fn run_undone(&mut self, id: FiberId) {
        self.state().remove_fiber(id);
        let head = self.state().head_mut();
        head.mode = Mode::Closing;
        let (status, error) =
            (head.outcome().word().to_owned(), head.cause.as_ref().map(Cause::error));
        self.note(Happened::Decided { status, error: error.unwrap_or_default() });
    }

    /// What follows when nothing moves any more: reruns that waited for due undos, the aftermath, the
    /// end. Says whether something began to move.
    pub(super) fn settle(&mut self) -> bool {
        let state = &self.run.state;
        if state.any(Mark::Due) {
            return false;
        }
        match state.head().mode {
            Mode::Forward => {
                for id in state.marked(Mark::Again) {
                    self.run_again(id);
                }
                !self.queue.is_empty()
            }
            Mode::Undoing | Mode::Ended => false,
            Mode::Closing if state.is_empty() => self.close_run(),
            Mode::Closing => false,
        }
    }

    fn close_run(&mut self) -> bool {
        if self.run.state.head().paused {
            return false;
        }
        let Some(machine) = self.machine() else { return false };
        let head = self.run.state.head();
        if let Some(cause) = head.cause.clone()
            && machine.spec().aftermath
            && !head.aftermath
        {
            // Invariant: it calls services, so it waits for its turn as the program would have.
            if self.run.state.queued() {
                return false;
            }
            let mut values = self.run.state.origin().input.values();
            values.extend(self.run.state.head().given.clone());
            values.insert("failure.error".to_owned(), cause.error().into());
            values.insert("failure.step".to_owned(), cause.step().into());
            self.state().head_mut().aftermath = true;
            let frame = Frame { at: "after".to_owned(), iteration: Vec::new(), values };
            let id = self.state().fresh();
            self.state().put_fiber(id, Fiber::new(Kind::After, frame, Happening::Enter));
            self.note(Happened::Aftermath);
            self.queue.push_back(id);
            return true;
        }
        self.end_run();
        false
    }

    /// Records the end.
    pub(super) fn end_run(&mut self) {
        let now = self.now;
        self.state().forget_generations();
        let head = self.state().head_mut();
        head.mode = Mode::Ended;
        head.ended = Some(now);
        let (status, result, cause) = (head.outcome(), head.result.clone(), head.cause.clone());
        self.note(Happened::Ended { status: status.word().to_owned() });
        self.notices.push(Notice::Ended { status, result, cause });
    }
}
