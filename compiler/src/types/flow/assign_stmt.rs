//! Definite assignment through each kind of statement.

use super::assign::{Flow, Remedied};
use super::bound::{Names, Reach, Reason, meet, with};
use crate::diagnostic::Diagnostic;
use crate::hir::{
    ArmWait, Await, AwaitFirst, Awaited, Block, Compensate, CompensateHow, Fallback, Guard,
    Handlers, If, Join, LocalId, Match, Point, Step, Stmt, StmtKind, Undo,
};
use crate::span::Span;

/// Whose remedies these are.
#[derive(Clone, Copy, Default)]
pub(super) struct Guarded<'g> {
    /// What a `use` binds.
    pub bind: Option<LocalId>,
    /// A lone `manual` at this point answers in the place of the call or loop.
    pub point: Option<&'g Point>,
}

impl Flow<'_> {
    /// Statements in order; F0108 at the first that is never reached.
    pub(super) fn block(&mut self, block: &Block, mut reach: Reach) -> Reach {
        let mut before: Option<&Stmt> = None;
        for stmt in &block.stmts {
            if reach.is_none() {
                if let Some(before) = before {
                    self.unreachable(stmt.span, before.span);
                }
                return None;
            }
            reach = self.stmt(stmt, reach);
            before = Some(stmt);
        }
        reach
    }

    fn unreachable(&mut self, span: Span, before: Span) {
        self.findings.push(
            Diagnostic::error("F0108", span, "this is never reached")
                .label(before, "no path goes past this…")
                .label(span, "…so this never runs")
                .help("remove it, or move it up"),
        );
    }

    pub(super) fn stmt(&mut self, stmt: &Stmt, reach: Reach) -> Reach {
        match &stmt.kind {
            StmtKind::Let(local, expr) => {
                self.reads(*expr, &reach);
                with(reach, Some(*local))
            }
            StmtKind::Step(step) => self.step(step, reach),
            StmtKind::Await(wait) => self.wait(wait, reach),
            StmtKind::AwaitFirst(first) => self.await_first(first, reach),
            StmtKind::Parallel(parallel) => self.parallel(parallel, reach),
            StmtKind::ParallelEach(each) => self.parallel_each(each, reach),
            StmtKind::Each(each) => self.each(each, reach),
            StmtKind::Repeat(repeat) => self.repeat(repeat, reach),
            StmtKind::Transaction(tx) => {
                let end = self.block(&tx.body, reach.clone());
                if let Some(undo) = &tx.compensate {
                    self.undo(undo, &end, stmt.span);
                }
                self.guarded(&tx.guard, Guarded::default(), end, reach)
            }
            StmtKind::Savepoint(savepoint) => {
                let end = self.block(&savepoint.body, reach.clone());
                let ways = self.remedied(&savepoint.handlers, None, &reach);
                self.join_ways(end, ways)
            }
            StmtKind::Scope(scope) => {
                let end = self.block(&scope.body, reach.clone());
                self.guarded(&scope.guard, Guarded::default(), end, reach)
            }
            StmtKind::Lock(lock) => {
                lock.targets.iter().for_each(|target| self.reads(target.key, &reach));
                let end = self.block(&lock.body, reach.clone());
                let ways = self.remedied(&lock.handlers, None, &reach);
                self.join_ways(end, ways)
            }
            StmtKind::If(choice) => self.if_(choice, reach),
            StmtKind::Match(choice) => self.match_(choice, reach),
            StmtKind::Use(expr) => {
                self.reads(*expr, &reach);
                if let (Some(remedy), Some(names)) = (self.remedies.last_mut(), reach) {
                    remedy.used.push(names);
                }
                None
            }
            StmtKind::Skip => {
                if let (Some(remedy), Some(names)) = (self.remedies.last_mut(), reach) {
                    remedy.without.push(names);
                }
                None
            }
            StmtKind::Give(expr) => {
                self.reads(*expr, &reach);
                if let Some(gives) = self.gives.last_mut() {
                    *gives = true;
                }
                None
            }
            StmtKind::Again(_) | StmtKind::Fail(_) | StmtKind::Return(_) => {
                stmt.each_expr(&mut |expr| self.reads(expr, &reach));
                None
            }
            _ => {
                stmt.each_expr(&mut |expr| self.reads(expr, &reach));
                reach
            }
        }
    }

    fn step(&mut self, step: &Step, reach: Reach) -> Reach {
        step.each_expr(&mut |expr| self.reads(expr, &reach));
        if let Undo::Own(undo) = &step.undo {
            self.undo(undo, &with(reach.clone(), step.bind), step.call.span);
        }
        if step.fallback.is_none() && step.handlers.is_empty() {
            return with(reach, step.bind);
        }
        let guarded = Guarded { bind: step.bind, point: Some(&step.point) };
        let mut ways = Vec::new();
        if let Some(fallback) = &step.fallback {
            ways.extend(self.fallback(fallback, Some(guarded), &reach));
        }
        ways.extend(self.remedied(&step.handlers, Some(guarded), &reach));
        self.join_ways(with(reach, step.bind), ways)
    }

    /// An undo, with the names that are bound when it is armed.
    pub(super) fn undo(&mut self, undo: &Compensate, armed: &Reach, step: Span) {
        let CompensateHow::Block { body, .. } = &undo.how else { return };
        let outer = self.arming.replace(step);
        self.remedies.push(Remedied::default());
        self.block(body, armed.clone());
        self.remedies.pop();
        self.arming = outer;
    }

    fn fallback(
        &mut self,
        fallback: &Fallback,
        guarded: Option<Guarded<'_>>,
        reach: &Reach,
    ) -> Vec<(Reach, Reason)> {
        if fallback.bare {
            let bind = guarded.and_then(|guarded| guarded.bind);
            let end = with(self.block(&fallback.body, reach.clone()), bind);
            return vec![(end, goes_on(fallback.span))];
        }
        self.remedy(&fallback.body, fallback.span, guarded, reach.clone())
    }

    /// The ways out of handlers and `else` that go on.
    fn remedied(
        &mut self,
        handlers: &Handlers,
        guarded: Option<Guarded<'_>>,
        reach: &Reach,
    ) -> Vec<(Reach, Reason)> {
        let mut ways = Vec::new();
        for handler in &handlers.on {
            ways.extend(self.remedy(&handler.remedy, handler.span, guarded, reach.clone()));
        }
        if let Some(otherwise) = &handlers.otherwise {
            ways.extend(self.remedy(&otherwise.remedy, otherwise.span, guarded, reach.clone()));
        }
        ways
    }

    pub(super) fn remedy(
        &mut self,
        block: &Block,
        span: Span,
        guarded: Option<Guarded<'_>>,
        reach: Reach,
    ) -> Vec<(Reach, Reason)> {
        let bind = guarded.and_then(|guarded| guarded.bind);
        self.remedies.push(Remedied::default());
        let end = self.block(block, reach);
        let ended = self.remedies.pop().unwrap_or_default();
        // A lone `manual` answers in the place of the call or loop: what a person says is bound.
        let asks = match (block.stmts.as_slice(), guarded.and_then(|guarded| guarded.point)) {
            ([Stmt { kind: StmtKind::Manual(at, _), .. }], Some(point)) => at == point,
            _ => false,
        };
        let end = if asks { with(end, bind) } else { end };
        let mut ways = vec![(end, goes_on(span))];
        ways.extend(ended.used.into_iter().map(|names| (with(Some(names), bind), goes_on(span))));
        ways.extend(ended.without.into_iter().map(|names| (Some(names), goes_on(span))));
        ways
    }

    /// The end of a block with its clauses; `before` is where it began.
    pub(super) fn guarded(
        &mut self,
        guard: &Guard,
        guarded: Guarded<'_>,
        end: Reach,
        before: Reach,
    ) -> Reach {
        let mut ways = Vec::new();
        if let Some(fallback) = &guard.fallback {
            ways.extend(self.fallback(fallback, Some(guarded), &before));
        }
        for interrupt in &guard.interrupts {
            self.reads(interrupt.wait.condition, &before);
            ways.extend(self.remedy(
                &interrupt.remedy,
                interrupt.span,
                Some(guarded),
                before.clone(),
            ));
        }
        ways.extend(self.remedied(&guard.handlers, Some(guarded), &before));
        self.join_ways(end, ways)
    }

    fn join_ways(&mut self, end: Reach, ways: Vec<(Reach, Reason)>) -> Reach {
        let mut all = vec![(end, Reason { span: Span::default(), words: String::new() })];
        all.extend(ways);
        meet(all, &mut self.reasons)
    }

    fn wait(&mut self, wait: &Await, reach: Reach) -> Reach {
        wait.awaited.each_expr(&mut |expr| self.reads(expr, &reach));
        wait.bound.iter().for_each(|bound| self.reads(bound.value, &reach));
        wait.escalate.iter().for_each(|escalate| self.reads(escalate.to, &reach));
        let guarded = Guarded { bind: wait.bind, point: Some(&wait.point) };
        let ways = self.remedied(&wait.handlers, Some(guarded), &reach);
        self.join_ways(with(reach, wait.bind), ways)
    }

    fn await_first(&mut self, first: &AwaitFirst, reach: Reach) -> Reach {
        let mut arms = Vec::new();
        for arm in &first.arms {
            match &arm.wait {
                ArmWait::Sleep(sleep) => self.reads(sleep.expr(), &reach),
                ArmWait::Awaited(awaited) => self.awaited(awaited, &reach),
            }
            let end = self.block(&arm.body, with(reach.clone(), arm.bind));
            arms.push((end, not_in(arm.span)));
        }
        self.choice(arms, &first.joins)
    }

    fn awaited(&mut self, awaited: &Awaited, reach: &Reach) {
        awaited.each_expr(&mut |expr| self.reads(expr, reach));
    }

    fn if_(&mut self, choice: &If, reach: Reach) -> Reach {
        self.reads(choice.condition, &reach);
        let then = self.block(&choice.then, reach.clone());
        let otherwise = match &choice.otherwise {
            Some(block) => (self.block(block, reach), not_in(block.span)),
            None => {
                let span = self.program.exprs[choice.condition].span;
                let words = "but not where this does not hold".to_owned();
                (reach, Reason { span, words })
            }
        };
        self.choice(vec![(then, not_in(choice.then.span)), otherwise], &choice.joins)
    }

    fn match_(&mut self, choice: &Match, reach: Reach) -> Reach {
        self.reads(choice.subject, &reach);
        let mut arms = Vec::new();
        for arm in &choice.arms {
            arms.push((self.block(&arm.body, reach.clone()), not_in(arm.span)));
        }
        self.choice(arms, &choice.joins)
    }

    /// Where arms meet: a name that each of them binds is bound under its joint id.
    fn choice(&mut self, arms: Vec<(Reach, Reason)>, joins: &[Join]) -> Reach {
        let reached: Vec<&(Reach, Reason)> = arms.iter().filter(|arm| arm.0.is_some()).collect();
        let mut joint = Names::new();
        for join in joins {
            let binds = |arm: &&&(Reach, Reason)| {
                arm.0.as_ref().is_some_and(|names| join.from.iter().any(|n| names.contains(*n)))
            };
            match reached.iter().find(|arm| !binds(arm)) {
                None => {
                    joint.insert(join.local);
                }
                Some(arm) => {
                    self.reasons.insert(join.local, arm.1.clone());
                }
            }
        }
        let mut end = meet(arms, &mut self.reasons);
        if let Some(names) = &mut end {
            names.add(&joint);
        }
        end
    }
}

/// A remedy that goes on without a value.
pub(super) fn goes_on(span: Span) -> Reason {
    Reason { span, words: "but not if this goes on without it".to_owned() }
}

fn not_in(span: Span) -> Reason {
    Reason { span, words: "but not in this arm".to_owned() }
}
