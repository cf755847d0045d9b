//! Statements, each to its FIR; a construct that cannot be executed yet is named, never ignored.

use super::bound;
use super::workflow::Lowerer;
use crate::hir::{self, StmtKind as K};
use sagaflow_fir as fir;

impl Lowerer<'_> {
    pub(super) fn block(&mut self, block: &hir::Block) -> fir::Block {
        block.stmts.iter().flat_map(|stmt| self.stmt(stmt)).collect()
    }

    fn stmt(&mut self, stmt: &hir::Stmt) -> Vec<fir::Stmt> {
        let one = match &stmt.kind {
            K::Step(step) => return self.step(step),
            K::Let(local, value) => {
                let value = self.names.expr(*value);
                fir::Stmt::Let(self.names.local(*local), value)
            }
            K::Await(wait) => self.wait(wait),
            K::AwaitFirst(first) => self.wait_first(first),
            K::Sleep(point, sleep) => self.sleep(point, *sleep, stmt.span),
            K::Parallel(fork) => self.parallel(fork),
            K::ParallelEach(each) => self.parallel_each(each),
            K::Each(each) => self.each(each),
            K::Repeat(repeat) => self.repeat(repeat),
            K::Again(values) => fir::Stmt::Again(
                values.iter().map(|(l, e)| (self.names.local(*l), self.names.expr(*e))).collect(),
            ),
            K::Transaction(tx) => self.transaction(tx),
            K::Savepoint(savepoint) => self.savepoint(savepoint),
            K::Lock(_) => return vec![self.refuse("a `lock`", stmt)],
            K::Start { .. } => return vec![self.refuse("`start`", stmt)],
            K::Reject(records, why) => {
                let records = self.names.expr(*records);
                fir::Stmt::Reject(records, self.names.expr(*why))
            }
            K::Scope(scope) => self.scope(scope),
            K::If(choice) => self.choice(choice),
            K::Match(choice) => self.matching(choice),
            K::Emit { event: Some(event), args } => self.emit(*event, args),
            K::Emit { event: None, .. } | K::Pass => fir::Stmt::Pass,
            K::Reply(value) => fir::Stmt::Reply(self.names.expr(*value)),
            K::Review(text) => fir::Stmt::Review(self.names.expr(*text)),
            K::Progress(text, percent) => {
                let text = self.names.expr(*text);
                fir::Stmt::Progress(text, percent.map(|p| self.names.expr(p)))
            }
            K::Manual(point, text) => {
                let text = self.names.expr(*text);
                fir::Stmt::Manual { at: self.point(point, stmt.span), text }
            }
            K::Fail(fail) => self.fail(fail),
            K::Return(value) => fir::Stmt::Return(value.map(|v| self.names.expr(v))),
            K::Give(value) => fir::Stmt::Give(self.names.expr(*value)),
            K::Use(value) => fir::Stmt::Use(self.names.expr(*value)),
            K::Skip => fir::Stmt::Skip,
        };
        vec![one]
    }

    fn refuse(&mut self, what: &str, stmt: &hir::Stmt) -> fir::Stmt {
        self.cannot(what, stmt.span);
        self.unsupported_stmt(what, stmt.span)
    }

    fn parallel(&mut self, fork: &hir::Parallel) -> fir::Stmt {
        if let Some(first) = fork.first {
            self.cannot("`parallel first`", first.span);
        }
        let head = fork.span;
        let unit = self.guard_point(&fork.guard, &fork.point, head);
        let at = self.fork_point(unit.as_deref(), &fork.point, head);
        let branches = fork
            .branches
            .iter()
            .map(|branch| {
                let body = self.stmt(branch);
                let bound = bound::assigned(&body);
                (body, bound)
            })
            .collect();
        let stmt = fir::Stmt::Fork(Box::new(fir::ForkStmt {
            at,
            max: fork.max.map(|m| u32::try_from(m.node).unwrap_or(u32::MAX)),
            branches: fir::ParallelBlock::Fixed(branches),
        }));
        self.guarded(stmt, unit, &fork.guard, None)
    }

    fn parallel_each(&mut self, each: &hir::ParallelEach) -> fir::Stmt {
        if let Some(first) = each.first {
            self.cannot("`parallel each … first`", first.span);
        }
        let head = each.span;
        let over = self.names.expr(each.over);
        let unit = self.guard_point(&each.guard, &each.point, head);
        let at = self.fork_point(unit.as_deref(), &each.point, head);
        let pattern = each.pattern.iter().map(|l| self.names.local(*l)).collect();
        let body = self.block(&each.body);
        let bind = each.bind.map(|l| self.names.local(l));
        let stmt = fir::Stmt::Fork(Box::new(fir::ForkStmt {
            at,
            max: each.max.map(|m| u32::try_from(m.node).unwrap_or(u32::MAX)),
            branches: fir::ParallelBlock::Each { pattern, over, body, settle: each.settle, bind },
        }));
        self.guarded(stmt, unit, &each.guard, bind)
    }

    fn guard_point(
        &mut self,
        guard: &hir::Guard,
        point: &hir::Point,
        span: crate::span::Span,
    ) -> Option<String> {
        (!guard.is_empty()).then(|| self.point(point, span))
    }

    /// The fork's own point; inside a unit of its own it shares the unit's path.
    fn fork_point(
        &mut self,
        unit: Option<&str>,
        point: &hir::Point,
        span: crate::span::Span,
    ) -> String {
        let path = unit.and_then(|at| self.points.get(at)).map(|p| p.path.clone());
        match (unit, path) {
            (Some(at), Some(path)) => self.register(at.to_owned(), path, span),
            _ => self.point(point, span),
        }
    }

    /// Puts a fork into the unit that its clauses ask for. `use v` in a handler is the fork's value.
    fn guarded(
        &mut self,
        stmt: fir::Stmt,
        unit: Option<String>,
        guard: &hir::Guard,
        bind: Option<fir::LocalId>,
    ) -> fir::Stmt {
        let Some(at) = unit else { return stmt };
        let mut scope = self.unit(at, vec![stmt], guard);
        if let Some(bind) = bind {
            let remedies = scope
                .handlers
                .on
                .iter_mut()
                .map(|h| &mut h.remedy)
                .chain(&mut scope.handlers.otherwise);
            for remedy in remedies {
                if let fir::Remedy::Block { body, .. } = remedy {
                    use_binds(body, bind);
                }
            }
            if let Some(fallback) = &mut scope.fallback {
                use_binds(&mut fallback.body, bind);
            }
        }
        fir::Stmt::Scope(Box::new(scope))
    }

    fn unit(&mut self, at: String, body: fir::Block, guard: &hir::Guard) -> fir::ScopeStmt {
        fir::ScopeStmt {
            at,
            body,
            retry: self.block_retry(guard),
            deadline_ms: guard.deadline.map(|d| d.value),
            interrupts: guard.interrupts.iter().map(|i| self.interrupt(i)).collect(),
            fallback: guard.fallback.as_ref().map(|f| self.fallback(f)),
            handlers: self.handlers(&guard.handlers),
        }
    }

    fn scope(&mut self, scope: &hir::Scope) -> fir::Stmt {
        let at = self.point(&scope.point, scope.span);
        let body = self.block(&scope.body);
        fir::Stmt::Scope(Box::new(self.unit(at, body, &scope.guard)))
    }

    fn each(&mut self, each: &hir::Each) -> fir::Stmt {
        let over = self.names.expr(each.over);
        let at = self.point(&each.point, each.span);
        let pattern = each.pattern.iter().map(|l| self.names.local(*l)).collect();
        let body = self.block(&each.body);
        fir::Stmt::Each(Box::new(fir::EachStmt {
            at,
            pattern,
            over,
            max: each.max.map(|m| u32::try_from(m.node).unwrap_or(u32::MAX)),
            settle: each.settle,
            body,
            bind: each.bind.map(|l| self.names.local(l)),
        }))
    }

    fn repeat(&mut self, repeat: &hir::Repeat) -> fir::Stmt {
        let vars = repeat
            .vars
            .iter()
            .map(|(l, first)| {
                let first = self.names.expr(*first);
                (self.names.local(*l), first)
            })
            .collect();
        let at = self.point(&repeat.point, repeat.span);
        let body = self.block(&repeat.body);
        let until = repeat.until.map(|e| self.names.expr(e));
        let otherwise = repeat.otherwise.as_ref().map(|block| match super::wait::asks(block) {
            Some(text) => self.ask(&at, text, repeat.bind),
            None => self.block(block),
        });
        let optional = repeat.bind.is_some_and(|local| {
            let runs_out = repeat.up_to.is_some() && repeat.otherwise.is_none();
            let whole = matches!(self.bound_ty(local), fir::Ty::Optional(_));
            whole && (runs_out || repeat.until.is_some())
        });
        fir::Stmt::Repeat(Box::new(fir::RepeatStmt {
            at,
            vars,
            times: repeat.up_to.map(|n| u32::try_from(n.node).unwrap_or(u32::MAX)),
            body,
            until,
            otherwise,
            bind: repeat.bind.map(|l| self.names.local(l)),
            optional,
        }))
    }

    /// What a person is asked who says what a loop gives: the answer is used in its place.
    fn ask(&mut self, at: &str, text: hir::ExprId, bind: Option<hir::LocalId>) -> fir::Block {
        let text = self.names.expr(text);
        let answer = bind.map(|local| {
            let ty = self.bound_ty(local);
            let name = self.cx.program.locals[local].name.clone();
            self.names.fresh(&name, ty)
        });
        let ask = fir::Stmt::Ask { at: at.to_owned(), text, bind: answer };
        let used = answer.map(|answer| fir::Stmt::Use(self.names.read(answer)));
        std::iter::once(ask).chain(used).collect()
    }

    fn choice(&mut self, choice: &hir::If) -> fir::Stmt {
        self.names.join(&choice.joins);
        let condition = self.names.expr(choice.condition);
        let then = self.block(&choice.then);
        let otherwise = choice.otherwise.as_ref().map_or_else(Vec::new, |b| self.block(b));
        fir::Stmt::If(condition, then, otherwise)
    }

    fn matching(&mut self, choice: &hir::Match) -> fir::Stmt {
        self.names.join(&choice.joins);
        let subject = self.names.expr(choice.subject);
        let arms = choice
            .arms
            .iter()
            .map(|arm| fir::MatchArm {
                pattern: self.names.pattern(arm.pattern),
                body: self.block(&arm.body),
            })
            .collect();
        fir::Stmt::Match(subject, arms)
    }
}

/// In a handler of a fork, `use v` binds the fork's value and ends the handler.
fn use_binds(block: &mut fir::Block, bind: fir::LocalId) {
    let mut out = Vec::with_capacity(block.len());
    for mut stmt in std::mem::take(block) {
        match &mut stmt {
            fir::Stmt::Use(_) => {}
            fir::Stmt::If(_, then, otherwise) => {
                use_binds(then, bind);
                use_binds(otherwise, bind);
            }
            fir::Stmt::Match(_, arms) => {
                arms.iter_mut().for_each(|arm| use_binds(&mut arm.body, bind));
            }
            fir::Stmt::Await(wait) => {
                wait.arms.iter_mut().for_each(|arm| use_binds(&mut arm.body, bind));
            }
            // Its own handlers end with it; what stands in its body ends the fork's.
            fir::Stmt::Scope(scope) => use_binds(&mut scope.body, bind),
            _ => {}
        }
        match stmt {
            fir::Stmt::Use(value) => out.extend([fir::Stmt::Let(bind, value), fir::Stmt::Skip]),
            other => out.push(other),
        }
    }
    *block = out;
}
