//! Steps: the intent, and what its end means.

use super::{Flow, Walk};
use crate::codec::{decode, encode};
use crate::program::{Cursor, Slot};
use crate::value::Value;
use sagaflow_core::codegen::{Failure, Fault, Json, Next, Op, Values};
use sagaflow_fir::{CallUndo, Fallback, LocalId, StepStmt, Stmt, Ty};

impl Walk<'_> {
    /// Order: arguments, `by`, probe, captures; everything drawn on the way is drawn in that order by
    /// either machine.
    pub(super) fn call(&mut self, step: &StepStmt) -> Result<Flow, Fault> {
        let args = self.object(&step.call.args)?;
        let by = match &step.call.by {
            Some(by) => {
                let by = self.eval.all(&mut self.env, by)?;
                Some(by.iter().map(encode).collect::<Json>())
            }
            None => None,
        };
        let probe = match &step.call.probe {
            Some((_, _, args, _)) => Some(self.object(args)?),
            None => None,
        };
        let undo = match &step.undo {
            CallUndo::Block { capture, .. } => {
                let mut captured = Values::new();
                for (id, value) in capture {
                    let value = self.json(value)?;
                    captured.insert(self.local(*id)?.0.to_owned(), value);
                }
                Some(captured)
            }
            CallUndo::None | CallUndo::Waived(_) => None,
        };
        let frame = self.frame(&step.at)?;
        Ok(Flow::Stop(Next::Call { frame, args, by, probe, undo }))
    }

    /// The step ended well.
    pub(super) fn done(
        &mut self,
        at: Cursor,
        step: &StepStmt,
        result: &Json,
    ) -> Result<Flow, Fault> {
        if let Some(block) = &step.block {
            self.bind_ends(&block.keeps, result)?;
        }
        if let Some(id) = step.bind {
            let action = self.fir.action(&step.call.service, &step.call.action);
            let ty = action.and_then(|action| action.result.as_ref()).unwrap_or(&Ty::Unit);
            let value = decode(self.fir, ty, result)?;
            self.env.set(id, value);
        }
        Ok(self.go(at.next()))
    }

    /// The step or scope failed for good: its fallback, else its handlers.
    pub(super) fn failed(&mut self, at: Cursor, failure: Failure) -> Result<Flow, Fault> {
        let Some(fallback) = self.fallback(at) else { return self.handle(at, failure) };
        let frame = self.frame(&fallback.at)?;
        self.ops.push(Op::Enter { frame, interrupts: Vec::new() });
        self.child(at, Slot::Fallback)
    }

    /// The fallback of the statement here.
    pub(super) fn fallback(&self, at: Cursor) -> Option<&Fallback> {
        match self.program.stmt(self.workflow, at)? {
            Stmt::Step(step) => step.fallback.as_ref(),
            Stmt::Scope(scope) => scope.fallback.as_ref(),
            _ => None,
        }
    }

    /// A person gives the value of the statement here.
    pub(super) fn answered(&mut self, at: Cursor, value: &Json) -> Result<Flow, Fault> {
        let stmt = self.program.stmt(self.workflow, at).ok_or_else(super::no_block)?;
        if let Some(id) = yields(stmt) {
            let (_, ty) = self.local(id)?;
            let value = decode(self.fir, ty, value)?;
            self.env.set(id, value);
        }
        Ok(self.go(at.next()))
    }

    /// Binds what a statement yields.
    pub(super) fn yielded(&mut self, stmt: &Stmt, value: Value) {
        if let Some(id) = yields(stmt) {
            self.env.set(id, value);
        }
    }
}

/// What `use`, or a person, binds in the place of a statement.
fn yields(stmt: &Stmt) -> Option<LocalId> {
    match stmt {
        Stmt::Step(step) => step.bind,
        Stmt::Repeat(repeat) => repeat.bind,
        Stmt::Each(each) => each.bind,
        Stmt::Scope(scope) => scope.yields(),
        // Only a plain wait has handlers that can give its value.
        Stmt::Await(wait) => wait.arms.first().and_then(|arm| arm.bind),
        Stmt::Ask { bind, .. } => *bind,
        _ => None,
    }
}
