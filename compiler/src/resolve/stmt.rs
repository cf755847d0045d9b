//! Statements and blocks.

use super::body::Body;
use super::clause::Holder;
use super::once::counts;
use super::place::Frame;
use super::step::step_segment;
use super::{Def, name};
use crate::hir::{self, Join, LocalKind, StmtKind};
use crate::span::Span;
use crate::syntax::ast;
use smol_str::SmolStr;

/// What an arm bound, and whether its end can be reached.
type ArmNames = (Vec<(SmolStr, hir::LocalId)>, bool);

impl Body<'_, '_> {
    /// Statements in order; what they bind stays visible.
    pub(super) fn block(&mut self, written: &ast::Block) -> hir::Block {
        let stmts = written.stmts.iter().map(|stmt| self.stmt(stmt)).collect();
        hir::Block { stmts, span: written.span }
    }

    fn stmt(&mut self, stmt: &ast::Stmt) -> hir::Stmt {
        let span = stmt.span;
        let kind = match &stmt.kind {
            ast::StmtKind::Step(step) => StmtKind::Step(Box::new(self.step(step, false, span))),
            ast::StmtKind::Pivot(step) => StmtKind::Step(Box::new(self.step(step, true, span))),
            ast::StmtKind::Await(wait) => self.await_(wait, span),
            ast::StmtKind::AwaitFirst(first) => self.await_first(first, span),
            ast::StmtKind::Parallel(fork) => self.parallel(fork, span),
            ast::StmtKind::ParallelEach(each) => self.parallel_each(each, span),
            ast::StmtKind::Each(each) => self.each(each, span),
            ast::StmtKind::Repeat(repeat) => self.repeat(repeat, span),
            ast::StmtKind::Again(again) => self.again(again, span),
            ast::StmtKind::Transaction(tx) => self.transaction(tx, span),
            ast::StmtKind::Savepoint(point) => self.savepoint(point, span),
            ast::StmtKind::Scope(scope) => self.scope(scope, span),
            ast::StmtKind::Lock(lock) => self.lock(lock, span),
            ast::StmtKind::If(choice) => self.if_(choice),
            ast::StmtKind::Match(choice) => self.match_(choice),
            ast::StmtKind::Let(written) => {
                let (local, value) = self.let_(written);
                StmtKind::Let(local, value)
            }
            other => self.short(other, span),
        };
        hir::Stmt { kind, span }
    }

    /// Statements that end a line.
    fn short(&mut self, stmt: &ast::StmtKind, span: Span) -> StmtKind {
        match stmt {
            ast::StmtKind::Emit(emit) => self.emit(emit),
            ast::StmtKind::Start(start) => self.start(start),
            ast::StmtKind::Reply(value) => StmtKind::Reply(self.expr(value)),
            ast::StmtKind::Review(text) => StmtKind::Review(self.text(text)),
            ast::StmtKind::Progress(progress) => {
                let text = self.text(&progress.text);
                StmtKind::Progress(text, progress.at.as_ref().map(|at| self.expr(at)))
            }
            ast::StmtKind::Reject(reject) => {
                let value = self.expr(&reject.value);
                StmtKind::Reject(value, self.text(&reject.reason))
            }
            ast::StmtKind::Sleep(sleep) => {
                let point = self.paths.numbered("sleep");
                StmtKind::Sleep(point, self.sleep(sleep))
            }
            ast::StmtKind::Fail(fail) => StmtKind::Fail(self.fail(fail)),
            ast::StmtKind::Return(value) => {
                self.check_return(word(span, "return"));
                StmtKind::Return(value.as_ref().map(|v| self.expr(v)))
            }
            ast::StmtKind::Give(value) => {
                self.check_give(word(span, "give"));
                StmtKind::Give(self.expr(value))
            }
            ast::StmtKind::Use(value) => {
                self.check_remedy_end("use", word(span, "use"));
                StmtKind::Use(self.expr(value))
            }
            ast::StmtKind::Manual(text) => {
                let point = self.paths.numbered("manual");
                StmtKind::Manual(point, self.text(text))
            }
            ast::StmtKind::Skip => {
                self.check_remedy_end("skip", span);
                StmtKind::Skip
            }
            _ => StmtKind::Pass,
        }
    }

    fn emit(&mut self, emit: &ast::Emit) -> StmtKind {
        let event = self.r.event(self.module, &emit.event);
        let args = match event {
            Some(id) => {
                let event = &self.r.program.events[id];
                let (fields, incomplete) = (event.fields.clone(), event.incomplete);
                self.args_of(incomplete, &emit.args, &emit.event.text, &fields)
            }
            None => self.loose_args(&emit.args),
        };
        StmtKind::Emit { event, args }
    }

    fn start(&mut self, start: &ast::Start) -> StmtKind {
        let workflow = self.r.workflow(self.module, &start.workflow);
        let args = match workflow {
            Some(id) => {
                let workflow = &self.r.program.workflows[id];
                let (params, incomplete) = (workflow.params.clone(), workflow.incomplete);
                self.args_of(incomplete, &start.args, &start.workflow.text, &params)
            }
            None => self.loose_args(&start.args),
        };
        let at = start.at.as_ref().map(|at| self.expr(at));
        StmtKind::Start { workflow, args, at }
    }

    /// Arms of a choice: each sees what was bound before, none sees another.
    ///
    /// `read` gives the arm and whether its end can be reached.
    pub(super) fn arms<A, T>(
        &mut self,
        written: &[A],
        mut read: impl FnMut(&mut Self, &A) -> Option<(T, bool)>,
    ) -> (Vec<T>, Vec<Join>) {
        let base = self.paths.taken.clone();
        let mut after: Option<super::path::Taken> = None;
        let mut names: Vec<ArmNames> = Vec::new();
        let mut arms = Vec::new();
        for arm in written {
            self.paths.taken = base.clone();
            let mark = self.mark();
            let Some((arm, falls)) = read(self, arm) else { continue };
            let bound = self.fade(mark);
            names.push((self.joinable(bound), falls));
            if falls {
                let taken = std::mem::take(&mut self.paths.taken);
                after = Some(after.map_or(taken.clone(), |all| all.join(taken)));
            }
            arms.push(arm);
        }
        self.paths.taken = after.unwrap_or(base);
        (arms, self.join(names))
    }

    /// Names of patterns end with their arm.
    fn joinable(&self, bound: Vec<(SmolStr, hir::LocalId)>) -> Vec<(SmolStr, hir::LocalId)> {
        let kept = |id: &hir::LocalId| self.r.program.locals[*id].kind != LocalKind::Pattern;
        bound.into_iter().filter(|(_, id)| kept(id)).collect()
    }

    fn if_(&mut self, choice: &ast::If) -> StmtKind {
        let condition = self.expr(&choice.condition);
        let arms = [Some(&choice.then), choice.otherwise.as_ref()];
        let (blocks, joins) = self.arms(&arms, |body, arm| match arm {
            Some(block) => {
                let block = body.block(block);
                let falls = block.exits().falls;
                Some((Some(block), falls))
            }
            None => Some((None, true)),
        });
        let mut blocks = blocks.into_iter();
        let empty = hir::Block { stmts: Vec::new(), span: choice.then.span };
        let then = blocks.next().flatten().unwrap_or(empty);
        let otherwise = blocks.next().flatten();
        StmtKind::If(Box::new(hir::If { condition, then, otherwise, joins }))
    }

    fn match_(&mut self, choice: &ast::Match) -> StmtKind {
        let subject = self.expr(&choice.subject);
        let (arms, joins) = self.arms(&choice.arms, |body, arm| {
            let pattern = body.pattern(&arm.pattern);
            let block = body.block(&arm.body);
            let falls = block.exits().falls;
            Some((hir::MatchArm { pattern, body: block, span: arm.span }, falls))
        });
        StmtKind::Match(Box::new(hir::Match { subject, arms, joins }))
    }

    /// `parallel { … }`: no branch sees a sibling's names; all can be seen afterwards.
    fn parallel(&mut self, written: &ast::Parallel, span: Span) -> StmtKind {
        let point = self.loop_point(written.binding.as_ref(), "parallel");
        let bind = self.collected(written.binding.as_ref());
        let mut branches = Vec::new();
        let mut bound = Vec::new();
        for stmt in &written.body.stmts {
            let mark = self.mark();
            let branch = self.inside(Frame::Branch, |body| body.stmt(stmt));
            bound.extend(self.fade(mark));
            branches.push(branch);
        }
        let body = hir::Block { stmts: branches, span: written.body.span };
        let guard = self.guard(Holder::Parallel, &written.clauses, &point, &[&body], &[]);
        if written.first.is_none() {
            for (_, id) in bound {
                self.unfade(id);
            }
        }
        self.show_some(bind);
        StmtKind::Parallel(Box::new(hir::Parallel {
            point,
            bind,
            first: written.first.map(|count| counts(self.r, "first 0", count)),
            max: written.max.map(|count| counts(self.r, "max 0", count)),
            branches: body.stmts,
            body_span: written.body.span,
            guard,
            span,
        }))
    }

    /// Shows a name of a block that has ended again, as what follows the block sees it.
    fn unfade(&mut self, id: hir::LocalId) {
        self.drop_faded(id);
        self.show(id);
    }

    fn transaction(&mut self, written: &ast::Transaction, span: Span) -> StmtKind {
        let database = self.database(&written.database);
        let isolation = written.isolation.as_ref().map(|level| {
            self.isolation(level);
            name(level)
        });
        let (segment, place) = match first_step(&written.body) {
            Some(step) => (Some(step_segment(step)), super::step::call_span(&step.call)),
            None => (None, written.database.span),
        };
        let point = match &segment {
            Some(segment) => {
                let (point, earlier) = self.paths.named(segment, place);
                if let Some(earlier) = earlier {
                    self.collision(&point, place, earlier, true);
                }
                point
            }
            None => self.paths.numbered("transaction"),
        };
        let outer = self.tx_path.replace(point.path.clone());
        let body = self.block(&written.body);
        self.tx_path = outer;
        let mut sorted = self.sort(Holder::Transaction, &written.clauses);
        if let (Some(before), Some(after)) = (&written.retry, sorted.retry) {
            let mut once = super::once::Once::default();
            once.first(self.r, "retry", before.span);
            once.first(self.r, "retry", after.span);
        }
        if written.retry.is_some() {
            sorted.retry = written.retry.as_ref();
        }
        let siblings = database.map(hir::Provider::Database);
        let compensate =
            sorted.compensate.map(|clause| self.compensate(clause, Some(&point), siblings));
        let guard = self.guard_sorted(&sorted, &point, &[&body], &[]);
        let name = name(&written.database);
        let tx =
            hir::Transaction { point, database, name, isolation, body, guard, compensate, span };
        StmtKind::Transaction(Box::new(tx))
    }

    fn database(&mut self, written: &ast::Name) -> Option<hir::DatabaseId> {
        match self.r.look_up(self.module, &written.text) {
            Some(Def::Database(id)) => Some(id),
            _ => {
                let fits = |d| matches!(d, Def::Database(_));
                self.r.unknown(self.module, written, "a database", &fits);
                None
            }
        }
    }

    fn isolation(&mut self, level: &ast::Name) {
        const LEVELS: [&str; 3] = ["read_committed", "repeatable_read", "serializable"];
        if LEVELS.contains(&level.text.as_str()) {
            return;
        }
        let near = crate::name::suggest(&level.text, LEVELS);
        let near: Vec<String> = near.into_iter().map(str::to_owned).collect();
        let text = format!("there is no isolation level called `{}`", level.text);
        let mut found = super::unknown_name(text, level.span, &near, None);
        if near.is_empty() {
            found = found.help(format!("there are {}", crate::name::any_of(&LEVELS)));
        }
        self.r.report(found);
    }

    fn savepoint(&mut self, written: &ast::Savepoint, span: Span) -> StmtKind {
        let mark = self.mark();
        let body = self.inside(Frame::Savepoint, |b| b.block(&written.body));
        let bound = self.since(mark);
        self.fade(mark);
        let mut sorted = super::clause::Sorted::default();
        let mut once = super::once::Once::default();
        for handler in &written.handlers {
            if once.first(self.r, super::clause::on_word(&handler.pattern), handler.span) {
                sorted.handlers.push(handler);
            }
        }
        let point = self.paths.enclosing();
        let handlers = self.guard_sorted(&sorted, &point, &[&body], &[]).handlers;
        if handlers.remedies().all(|remedy| !remedy.exits().goes_on()) {
            self.reveal(bound);
        }
        let name = name(&written.name);
        StmtKind::Savepoint(Box::new(hir::Savepoint { name, body, handlers, span }))
    }

    /// `scope s { … } …`: its names can be seen afterwards where every handler leaves.
    fn scope(&mut self, written: &ast::Scope, span: Span) -> StmtKind {
        let (point, earlier) = self.paths.named(&written.name.text, written.name.span);
        if let Some(earlier) = earlier {
            self.collision(&point, written.name.span, earlier, false);
        }
        let mut fails = Vec::new();
        if let Some(clause) = &written.fails {
            let owner = match self.workflow {
                Some(id) => hir::ErrorOwner::Scope(id),
                None => return StmtKind::Pass,
            };
            self.r.fails(self.module, clause, owner, &mut fails);
        }
        let outer_fails = self.fails.len();
        self.fails.extend_from_slice(&fails);
        let mark = self.mark();
        let outer = self.paths.enter(&point, "");
        let body = self.block(&written.body);
        self.paths.leave(outer);
        self.fails.truncate(outer_fails);
        let bound = self.fade(mark);
        let guard = self.guard(Holder::Scope, &written.clauses, &point, &[&body], &fails);
        let interrupts = guard.interrupts.iter().map(|i| &i.remedy);
        let leave = guard.handlers.remedies().chain(interrupts).all(|r| !r.exits().goes_on());
        if leave && guard.fallback.is_none() {
            self.reveal(bound);
        }
        let name = name(&written.name);
        StmtKind::Scope(Box::new(hir::Scope { point, name, fails, body, guard, span }))
    }

    fn lock(&mut self, written: &ast::Lock, span: Span) -> StmtKind {
        let point = self.paths.numbered("lock");
        let targets = written
            .targets
            .iter()
            .map(|target| hir::LockTarget {
                resource: self.r.resource(self.module, &target.resource),
                key: self.expr(&target.key),
                span: target.span,
            })
            .collect();
        let within = written.within.as_ref().and_then(|within| self.fixed_within(within));
        let body = self.block(&written.body);
        let guard = self.guard(Holder::Lock, &written.clauses, &point, &[&body], &[]);
        StmtKind::Lock(Box::new(hir::Lock {
            point,
            targets,
            ttl: written.ttl,
            within,
            body,
            handlers: guard.handlers,
            span,
        }))
    }
}

/// The word a statement begins with.
fn word(span: Span, word: &str) -> Span {
    Span { end: span.start + word.len() as u32, ..span }
}

/// The first step anywhere in a block, in source order.
fn first_step(block: &ast::Block) -> Option<&ast::Step> {
    block.stmts.iter().find_map(|stmt| match &stmt.kind {
        ast::StmtKind::Step(step) | ast::StmtKind::Pivot(step) => Some(step),
        ast::StmtKind::Each(each) => first_step(&each.body),
        ast::StmtKind::Repeat(repeat) => first_step(&repeat.body),
        ast::StmtKind::Savepoint(point) => first_step(&point.body),
        ast::StmtKind::Scope(scope) => first_step(&scope.body),
        ast::StmtKind::If(choice) => {
            first_step(&choice.then).or_else(|| choice.otherwise.as_ref().and_then(first_step))
        }
        ast::StmtKind::Match(choice) => choice.arms.iter().find_map(|arm| first_step(&arm.body)),
        _ => None,
    })
}
