//! Waits: for people, for events, for times; and which event is meant (F0703).

use super::cx::{Cx, Want};
use super::walk::reads;
use crate::diagnostic::Diagnostic;
use crate::hir::{ArmWait, Await, AwaitFirst, Awaited, EventWait, ExprId, LocalId, Ty, TyKind};

impl Cx<'_> {
    pub(super) fn wait(&mut self, wait: &Await) {
        let answer = self.awaited(&wait.awaited);
        if let Some(bound) = wait.bound {
            let kind = if bound.until { TyKind::Time } else { TyKind::Duration };
            self.check(bound.value, &Want::plain(Ty::new(kind)));
        }
        if let Some(escalate) = &wait.escalate {
            self.check(escalate.to, &Want::plain(Ty::new(TyKind::Role)));
        }
        let values = self.handlers(&wait.handlers, Some(&answer));
        let ty =
            self.joined_with(answer, &values, (wait.span, "in the place of the answer".into()));
        if let Some(bind) = wait.bind {
            self.bind(bind, ty);
        }
    }

    pub(super) fn await_first(&mut self, first: &AwaitFirst) {
        for arm in &first.arms {
            let ty = match &arm.wait {
                ArmWait::Sleep(sleep) => {
                    self.sleep(*sleep);
                    Ty::new(TyKind::Unit)
                }
                ArmWait::Awaited(awaited) => self.awaited(awaited),
            };
            if let Some(bind) = arm.bind {
                self.bind(bind, ty);
            }
            self.block(&arm.body);
        }
        self.joins(&first.joins);
    }

    /// What is waited for; answers the type of what comes.
    fn awaited(&mut self, awaited: &Awaited) -> Ty {
        let program = self.program;
        match awaited {
            Awaited::Event(wait) => self.event_wait(wait),
            Awaited::Task { human, args, .. } => match human {
                Some(id) => {
                    let human = &program.humans[*id];
                    self.args(&human.params, args);
                    human.answer.node.clone()
                }
                None => {
                    self.args(&[], args);
                    Ty::error()
                }
            },
        }
    }

    /// An event that is waited for; answers its payload's type.
    pub(super) fn event_wait(&mut self, wait: &EventWait) -> Ty {
        let ty = wait.event.map_or_else(Ty::error, |event| Ty::new(TyKind::Event(event)));
        self.bind(wait.event_local, ty.clone());
        self.condition(wait.condition);
        self.event_key(wait);
        ty
    }

    /// F0703: the event's key must equal something of the run.
    fn event_key(&mut self, wait: &EventWait) {
        let Some(event) = wait.event else { return };
        let event = &self.program.events[event];
        let known = |name: &str| event.fields.iter().any(|field| field.name.node == name);
        if event.key.first().is_none_or(|first| !known(&first.node)) {
            // The key itself is wrong, which was reported where the event is declared.
            return;
        }
        let key = event.key.iter().map(|part| part.node.as_str()).collect::<Vec<_>>().join(".");
        let of_run = |id: ExprId| {
            !reads(self.program, id).iter().any(|(local, _)| *local == wait.event_local)
        };
        if wait.key.is_some_and(of_run) {
            if let Some(value) = wait.key {
                self.present_key(value);
            }
            return;
        }
        if self.table.ty(wait.condition).kind == TyKind::Error {
            return;
        }
        let at = self.span(wait.condition);
        let name = &event.name.name;
        self.report(
            Diagnostic::error(
                "F0703",
                wait.span,
                format!("this takes a `{name}` that may belong to another run"),
            )
            .label(at, format!("does not say what `{key}` must be"))
            .label(event.key[0].span, format!("`{name}` is delivered by its key `{key}`"))
            .help(format!("begin the condition with `{key} == …`, with a value of this run")),
        );
    }

    /// Nothing is delivered under a key that is absent.
    fn present_key(&mut self, value: ExprId) {
        let ty = self.table.own_ty(value);
        if ty.is_optional() {
            self.plain_operand(value, &ty, "the key of an event");
        }
    }

    /// Names for the fields of an event that interrupts.
    pub(super) fn event_binders(&mut self, wait: &EventWait, binders: &[Option<LocalId>]) {
        let program = self.program;
        let fields = wait.event.map_or(&[][..], |event| &program.events[event].fields);
        for (index, local) in binders.iter().enumerate() {
            if let Some(local) = local {
                let ty = fields.get(index).map_or_else(Ty::error, |f| f.ty.node.clone());
                self.bind(*local, ty);
            }
        }
    }
}
