//! Waits: for people, for events, for times.

use super::body::Body;
use super::clause::Holder;
use super::guard::Guarded;
use super::{Def, name};
use crate::hir::{
    self, ArmWait, Awaited, BinaryOp, ExprId, ExprKind, LocalKind, StmtKind, WaitBound,
};
use crate::span::Span;
use crate::syntax::ast;

impl Body<'_, '_> {
    /// `await x = …`
    pub(super) fn await_(&mut self, written: &ast::Await, span: Span) -> StmtKind {
        let (segment, place) = match &written.binding {
            Some(name) => (name.text.clone(), name.span),
            None => awaited_name(&written.awaited),
        };
        let (point, earlier) = self.paths.named(&segment, place);
        if let Some(earlier) = earlier {
            self.collision(&point, place, earlier, written.binding.is_none());
        }
        let awaited = self.awaited(&written.awaited);
        let bind = written.binding.as_ref().map(|n| self.alloc(&n.text, n.span, LocalKind::Await));
        let holder = match awaited {
            Awaited::Event(_) => Holder::Event,
            Awaited::Task { .. } => Holder::Task,
        };
        let sorted = self.sort(holder, &written.clauses);
        let bound = match (sorted.within, sorted.until) {
            (Some(within), _) => Some(self.within_bound(within)),
            (None, Some(until)) => Some(WaitBound {
                value: self.expr(&until.time),
                fixed_ms: None,
                until: true,
                span: until.span,
            }),
            (None, None) => None,
        };
        let escalate = sorted.escalate.map(|e| hir::Escalate {
            after_ms: e.after.node,
            to: self.expr(&e.to),
            span: e.span,
        });
        let guarded = Guarded { silent: self.incomplete, ..Guarded::default() };
        let handlers = self.handlers(&sorted, &guarded, &point);
        let remind = sorted.remind;
        if let Some(bind) = bind {
            self.show(bind);
        }
        let wait = hir::Await { point, bind, awaited, bound, remind, escalate, handlers, span };
        StmtKind::Await(Box::new(wait))
    }

    fn within_bound(&mut self, within: &ast::Within) -> WaitBound {
        let (value, fixed_ms) = self.bound(&within.bound);
        WaitBound { value, fixed_ms, until: false, span: within.span }
    }

    fn bound(&mut self, bound: &ast::Bound) -> (ExprId, Option<i64>) {
        match bound {
            ast::Bound::Fixed(ms) => {
                let kind = ExprKind::Literal(hir::Literal::Duration(ms.node));
                (self.expr_at(kind, ms.span), Some(ms.node))
            }
            ast::Bound::Computed(expr) => (self.expr(expr), None),
        }
    }

    /// `sleep 5s`, `sleep until t`
    pub(super) fn sleep(&mut self, written: &ast::Sleep) -> hir::Sleep {
        match written {
            ast::Sleep::Until(time) => hir::Sleep::Until(self.expr(time)),
            ast::Sleep::For(bound) => hir::Sleep::For(self.bound(bound).0),
        }
    }

    /// A person or an event.
    fn awaited(&mut self, written: &ast::Awaited) -> Awaited {
        match written {
            ast::Awaited::Event { event, condition, fresh, span } => {
                Awaited::Event(self.event_wait(event, condition, *fresh, *span))
            }
            ast::Awaited::Task { task, args, span } => {
                let human = self.human(task);
                let args = match human {
                    Some(id) => {
                        let human = &self.r.program.humans[id];
                        let (params, incomplete) = (human.params.clone(), human.incomplete);
                        self.args_of(incomplete, args, &task.text, &params)
                    }
                    None => self.loose_args(args),
                };
                Awaited::Task { human, args, span: *span }
            }
        }
    }

    /// A human task by name; reported where there is none.
    pub(super) fn human(&mut self, task: &ast::Name) -> Option<hir::HumanId> {
        match self.r.look_up(self.module, &task.text) {
            Some(Def::Human(id)) => Some(id),
            _ => {
                let fits = |d| matches!(d, Def::Human(_));
                self.r.unknown(self.module, task, "a human task", &fits);
                None
            }
        }
    }

    /// An event with its `where`, taken apart into the key's value and the rest.
    pub(super) fn event_wait(
        &mut self,
        event: &ast::Name,
        condition: &ast::Expr,
        fresh: bool,
        span: Span,
    ) -> hir::EventWait {
        let id = self.r.event(self.module, event);
        let event_local = self.hidden("event", event.span, LocalKind::Event);
        let outer = std::mem::replace(&mut self.event, id.map(|id| (id, event_local)));
        // Where the event is unknown, names may be fields of it: nothing is blamed.
        let incomplete = self.incomplete;
        self.incomplete |= id.is_none();
        let condition = self.expr(condition);
        self.event = outer;
        self.incomplete = incomplete;
        let mut conjuncts = Vec::new();
        self.conjuncts(condition, &mut conjuncts);
        let mut key = None;
        let mut rest = Vec::new();
        for conjunct in conjuncts {
            match id
                .filter(|_| key.is_none())
                .and_then(|id| self.key_value(conjunct, id, event_local))
            {
                Some(value) => key = Some(value),
                None => rest.push(conjunct),
            }
        }
        hir::EventWait {
            event: id,
            name: name(event),
            event_local,
            condition,
            key,
            rest,
            fresh,
            span,
        }
    }

    fn conjuncts(&self, expr: ExprId, all: &mut Vec<ExprId>) {
        match &self.r.program.exprs[expr].kind {
            ExprKind::Binary(op, left, right) if op.node == BinaryOp::And => {
                self.conjuncts(*left, all);
                self.conjuncts(*right, all);
            }
            _ => all.push(expr),
        }
    }

    /// The right side of `key == e`.
    fn key_value(&self, expr: ExprId, event: hir::EventId, local: hir::LocalId) -> Option<ExprId> {
        let ExprKind::Binary(op, left, right) = &self.r.program.exprs[expr].kind else {
            return None;
        };
        if op.node != BinaryOp::Eq {
            return None;
        }
        let mut path = Vec::new();
        let mut at = *left;
        loop {
            match &self.r.program.exprs[at].kind {
                ExprKind::Field { base, optional: false, name } => {
                    path.push(name.node.as_str());
                    at = *base;
                }
                ExprKind::Local(id) if *id == local => break,
                _ => return None,
            }
        }
        let key = &self.r.program.events[event].key;
        let same =
            key.len() == path.len() && key.iter().zip(path.iter().rev()).all(|(k, p)| k.node == *p);
        same.then_some(*right)
    }

    /// `await first { … }`
    pub(super) fn await_first(&mut self, written: &ast::AwaitFirst, span: Span) -> StmtKind {
        let point = self.paths.numbered("await first");
        let mut waits = Vec::new();
        for arm in &written.arms {
            let wait = match &arm.wait {
                ast::AwaitWait::Sleep(sleep) => ArmWait::Sleep(self.sleep(sleep)),
                ast::AwaitWait::Awaited(awaited) => ArmWait::Awaited(self.awaited(awaited)),
            };
            waits.push(wait);
        }
        let mut waits = waits.into_iter();
        let (arms, joins) = self.arms(&written.arms, |body, arm| {
            let bind = arm.binding.as_ref().map(|n| body.bind(n, LocalKind::Await));
            let block = body.block(&arm.body);
            let end = arm.body.span.start;
            let wait_span = Span { end: end.max(arm.span.start), ..arm.span };
            let wait = waits.next()?;
            let exits = block.exits().falls;
            Some((hir::AwaitArm { bind, wait, wait_span, body: block, span: arm.span }, exits))
        });
        StmtKind::AwaitFirst(Box::new(hir::AwaitFirst { point, arms, joins, span }))
    }
}

fn awaited_name(awaited: &ast::Awaited) -> (smol_str::SmolStr, Span) {
    match awaited {
        ast::Awaited::Event { event, .. } => (event.text.clone(), event.span),
        ast::Awaited::Task { task, .. } => (task.text.clone(), task.span),
    }
}
