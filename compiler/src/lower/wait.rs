//! Waits, interrupts, handlers.

use super::decl;
use super::workflow::Lowerer;
use crate::hir::{self, Awaited, EventWait, Sleep};
use crate::span::Span;
use sagaflow_fir as fir;

impl Lowerer<'_> {
    pub(super) fn wait(&mut self, wait: &hir::Await) -> fir::Stmt {
        if let Some(remind) = wait.remind {
            self.cannot("`remind`", remind.span);
        }
        if let Some(escalate) = wait.escalate {
            self.cannot("`escalate`", escalate.span);
        }
        let until = wait.bound.map(|bound| self.names.expr(bound.value));
        let arm = fir::Arm {
            wait: self.awaited(&wait.awaited),
            bind: wait.bind.map(|local| self.names.local(local)),
            body: Vec::new(),
        };
        let at = self.point(&wait.point, wait.span);
        let handlers = self.handlers(&wait.handlers);
        fir::Stmt::Await(Box::new(fir::AwaitStmt { at, arms: vec![arm], until, handlers }))
    }

    pub(super) fn wait_first(&mut self, first: &hir::AwaitFirst) -> fir::Stmt {
        self.names.join(&first.joins);
        let at = self.point(&first.point, first.span);
        let arms = first
            .arms
            .iter()
            .map(|arm| fir::Arm {
                wait: match &arm.wait {
                    hir::ArmWait::Sleep(sleep) => self.asleep(*sleep),
                    hir::ArmWait::Awaited(awaited) => self.awaited(awaited),
                },
                bind: arm.bind.map(|local| self.names.local(local)),
                body: self.block(&arm.body),
            })
            .collect();
        let handlers = fir::Handlers::default();
        fir::Stmt::Await(Box::new(fir::AwaitStmt { at, arms, until: None, handlers }))
    }

    pub(super) fn sleep(&mut self, point: &hir::Point, sleep: Sleep, span: Span) -> fir::Stmt {
        let at = self.point(point, span);
        let arm = fir::Arm { wait: self.asleep(sleep), bind: None, body: Vec::new() };
        let handlers = fir::Handlers::default();
        fir::Stmt::Await(Box::new(fir::AwaitStmt { at, arms: vec![arm], until: None, handlers }))
    }

    fn asleep(&mut self, sleep: Sleep) -> fir::ArmWait {
        fir::ArmWait::Sleep(self.names.expr(sleep.expr()))
    }

    fn awaited(&mut self, awaited: &Awaited) -> fir::ArmWait {
        match awaited {
            Awaited::Task { human: Some(human), args, .. } => {
                let found = &self.cx.program.humans[*human];
                if found.assign.as_ref().is_some_and(|assign| assign.except.is_some()) {
                    self.cannot("`except`", found.span);
                }
                let args = args.values.iter().flatten().map(|a| self.names.expr(*a)).collect();
                fir::ArmWait::Task(found.name.to_string(), args)
            }
            Awaited::Task { human: None, span, .. } => {
                // Unknown names never reach lowering.
                self.cannot("this task", *span);
                fir::ArmWait::Task(String::new(), Vec::new())
            }
            Awaited::Event(event) => {
                let (name, key, rest, event_local) = self.event_wait(event);
                fir::ArmWait::Event { event: name, key, rest, event_local, fresh: event.fresh }
            }
        }
    }

    /// Qualified event, key, the rest of the condition, the payload's local.
    fn event_wait(
        &mut self,
        wait: &EventWait,
    ) -> (String, fir::Expr, Option<fir::Expr>, fir::LocalId) {
        let name = wait
            .event
            .map_or_else(String::new, |event| self.cx.program.events[event].name.to_string());
        let none = fir::Expr { ty: fir::Ty::Never, kind: fir::ExprKind::None };
        let key = wait.key.map_or(none, |key| self.names.expr(key));
        let event_local = self.names.local(wait.event_local);
        let rest = wait.rest.iter().map(|e| self.names.expr(*e)).reduce(|a, b| fir::Expr {
            ty: fir::Ty::Bool,
            kind: fir::ExprKind::Binary(fir::BinaryOp::And, Box::new(a), Box::new(b)),
        });
        (name, key, rest, event_local)
    }

    pub(super) fn interrupt(&mut self, interrupt: &hir::Interrupt) -> fir::Interrupt {
        let (event, key, rest, event_local) = self.event_wait(&interrupt.wait);
        fir::Interrupt {
            event,
            key,
            rest,
            event_local,
            binders: self.binders(&interrupt.binders),
            keep: interrupt.keep,
            remedy: self.remedy(&interrupt.remedy),
        }
    }

    fn binders(&mut self, binders: &[Option<hir::LocalId>]) -> Vec<Option<fir::LocalId>> {
        binders.iter().map(|local| local.map(|l| self.names.local(l))).collect()
    }

    pub(super) fn handlers(&mut self, handlers: &hir::Handlers) -> fir::Handlers {
        // A handler of an error that nothing it guards fails with (F0117) never runs, and what its
        // names hold has no type.
        let lives = |handler: &&hir::Handler| !matches!(&handler.on, hir::On::Error { decls, .. } if decls.is_empty());
        let on = handlers
            .on
            .iter()
            .filter(lives)
            .map(|handler| {
                let (on, binders) = match &handler.on {
                    hir::On::Timeout => (fir::On::Timeout, Vec::new()),
                    hir::On::Unknown => (fir::On::Unknown, Vec::new()),
                    hir::On::Refused => (fir::On::Refused, Vec::new()),
                    hir::On::Error { name, decls, binders } => {
                        let fields =
                            decls.first().map_or(0, |id| self.cx.program.errors[*id].fields.len());
                        let mut binders = self.binders(binders);
                        binders.resize(fields.max(binders.len()), None);
                        (fir::On::Error(name.node.to_string()), binders)
                    }
                };
                fir::Handler { on, binders, remedy: self.remedy(&handler.remedy) }
            })
            .collect();
        let otherwise = handlers.otherwise.as_ref().map(|e| self.remedy(&e.remedy));
        fir::Handlers { on, otherwise }
    }

    fn remedy(&mut self, block: &hir::Block) -> fir::Remedy {
        if let Some(text) = asks(block) {
            return fir::Remedy::Manual(self.names.expr(text));
        }
        let exits = block.exits();
        let elsewhere = exits.falls || exits.uses || exits.gives || exits.again || exits.returns;
        fir::Remedy::Block {
            body: self.block(block),
            skips: exits.skips && !elsewhere,
            fails: !elsewhere && !exits.skips,
        }
    }

    /// `fail E(…)` as name and payload by field.
    pub(super) fn fail(&mut self, fail: &hir::Fail) -> fir::Stmt {
        let fields = match fail.error {
            hir::FailTarget::Declared(id) | hir::FailTarget::Elsewhere(id) => {
                self.names.fields(&self.cx.program.errors[id].fields, &fail.args)
            }
            hir::FailTarget::Error => Vec::new(),
        };
        fir::Stmt::Fail(fail.name.node.to_string(), fields)
    }

    /// `emit E(…)`.
    pub(super) fn emit(&mut self, event: hir::EventId, args: &hir::Args) -> fir::Stmt {
        let decl = &self.cx.program.events[event];
        fir::Stmt::Emit {
            event: decl.name.to_string(),
            fields: self.names.fields(&decl.fields, args),
        }
    }

    /// Retry of a block.
    pub(super) fn block_retry(&self, guard: &hir::Guard) -> Option<fir::Retry> {
        guard.retry.as_ref().map(|r| super::step::retry(Some(r), true, false, Vec::new()))
    }

    /// The type a named block's value has.
    pub(super) fn bound_ty(&self, local: hir::LocalId) -> fir::Ty {
        decl::ty(self.cx.program, &self.cx.table.local(local))
    }
}

/// What a remedy asks a person, if that is all it does.
pub(super) fn asks(remedy: &hir::Block) -> Option<hir::ExprId> {
    match remedy.stmts.as_slice() {
        [hir::Stmt { kind: hir::StmtKind::Manual(_, text), .. }] => Some(*text),
        _ => None,
    }
}
