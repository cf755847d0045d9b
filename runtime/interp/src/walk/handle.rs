//! Handlers: which one fits a failure, and how it leaves what failed.

use super::{Flow, Walk};
use crate::codec::{decode, fault};
use crate::program::{Cursor, Slot};
use crate::value::Value;
use sagaflow_core::codegen::{Failure, FailureKind, Fault, Json, Leave, Next};
use sagaflow_fir::{Handler, Handlers, LocalId, On, Remedy, ScopeStmt, Stmt, Ty};

impl Walk<'_> {
    /// The first handler that fits, else `else`, else the failure goes on unchanged.
    pub(super) fn handle(&mut self, at: Cursor, failure: Failure) -> Result<Flow, Fault> {
        let (point, handlers) = match self.program.stmt(self.workflow, at) {
            Some(Stmt::Step(step)) => (&step.at, &step.handlers),
            Some(Stmt::Await(wait)) => (&wait.at, &wait.handlers),
            Some(Stmt::Scope(scope)) => (&scope.at, &scope.handlers),
            _ => return Err(super::no_block()),
        };
        let point = self.fallback(at).map_or(point, |fallback| &fallback.at).clone();
        let Some((slot, remedy, binders)) = fitting(handlers, &failure) else {
            self.leave = Leave::Fail;
            return Ok(Flow::Stop(Next::Fail(failure)));
        };
        let order = self.program.payload_order(&failure.name, &failure.payload);
        let order = order.unwrap_or_default();
        self.bind_fields(binders, order.iter().map(String::as_str), &failure.payload)?;
        self.remedy(at, &point, slot, remedy)
    }

    /// An interrupt of a scope came.
    pub(super) fn interrupted(
        &mut self,
        at: Cursor,
        scope: &ScopeStmt,
        index: usize,
        payload: &Json,
    ) -> Result<Flow, Fault> {
        let interrupt = scope.interrupts.get(index);
        let interrupt = interrupt.ok_or_else(|| fault("there is no such interrupt"))?;
        let event = self.fir.events.get(&interrupt.event);
        let fields = event.map_or(&[][..], |event| &event.fields);
        let names = fields.iter().map(|field| field.name.as_str());
        self.bind_fields(&interrupt.binders, names, payload)?;
        self.remedy(at, &scope.at, Slot::Interrupt(index), &interrupt.remedy)
    }

    fn remedy(
        &mut self,
        at: Cursor,
        point: &str,
        slot: Slot,
        remedy: &Remedy,
    ) -> Result<Flow, Fault> {
        match remedy {
            Remedy::Manual(text) => {
                let question = self.text(text)?;
                Ok(Flow::Stop(Next::Manual { frame: self.frame(point)?, question }))
            }
            Remedy::Block { skips, fails, .. } => {
                self.leave = match (skips, fails) {
                    (true, _) => Leave::Skip,
                    (_, true) => Leave::Fail,
                    _ => Leave::GoOn,
                };
                self.child(at, slot)
            }
        }
    }

    /// Binds the fields of a payload by position.
    fn bind_fields<'n>(
        &mut self,
        binders: &[Option<LocalId>],
        names: impl Iterator<Item = &'n str>,
        payload: &Json,
    ) -> Result<(), Fault> {
        for (binder, name) in binders.iter().zip(names) {
            let Some(id) = binder else { continue };
            let (_, ty) = self.local(*id)?;
            let value = match payload.get(name) {
                Some(json) => decode(self.fir, ty, json)?,
                None if matches!(ty, Ty::Optional(_)) => Value::None,
                None => return Err(fault(format!("a payload lacks `{name}`"))),
            };
            self.env.set(*id, value);
        }
        Ok(())
    }
}

fn fitting<'h>(
    handlers: &'h Handlers,
    failure: &Failure,
) -> Option<(Slot, &'h Remedy, &'h [Option<LocalId>])> {
    let fits = |handler: &Handler| match (&handler.on, failure.kind) {
        (On::Error(name), FailureKind::Declared) => *name == failure.name,
        (On::Timeout, FailureKind::Timeout)
        | (On::Unknown, FailureKind::Unknown)
        | (On::Refused, FailureKind::Refused) => true,
        _ => false,
    };
    if let Some(index) = handlers.on.iter().position(fits) {
        let handler = handlers.on.get(index)?;
        return Some((Slot::Handler(index), &handler.remedy, &handler.binders));
    }
    let otherwise = handlers.otherwise.as_ref()?;
    Some((Slot::Otherwise, otherwise, &[]))
}
