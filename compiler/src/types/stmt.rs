//! Statements in order.

use super::cx::{ConflictingNames, Cx, Meeting, Want, article};
use super::fit::same;
use crate::diagnostic::Diagnostic;
use crate::hir::{
    Block, ErrorId, ExprId, Fail, FailTarget, Fallback, Guard, Handlers, If, Join, LocalId, Lock,
    Match, On, Sleep, Stmt, StmtKind, Ty, TyKind,
};

impl Cx<'_> {
    /// A block; what its conditions say of currencies ends with it.
    pub fn block(&mut self, block: &Block) {
        let facts = self.facts.clone();
        for stmt in &block.stmts {
            self.stmt(stmt);
        }
        self.facts = facts;
    }

    pub(super) fn stmt(&mut self, stmt: &Stmt) {
        match &stmt.kind {
            StmtKind::Let(local, value) => self.let_(*local, *value),
            StmtKind::Step(step) => self.step(step),
            StmtKind::Await(wait) => self.wait(wait),
            StmtKind::AwaitFirst(first) => self.await_first(first),
            StmtKind::Sleep(_, sleep) => self.sleep(*sleep),
            StmtKind::Parallel(parallel) => self.parallel(parallel),
            StmtKind::ParallelEach(each) => self.parallel_each(each),
            StmtKind::Each(each) => self.each(each),
            StmtKind::Repeat(repeat) => self.repeat(repeat),
            StmtKind::Again(values) => self.again(values),
            StmtKind::Transaction(transaction) => {
                self.block(&transaction.body);
                self.guard(&transaction.guard);
                if let Some(undo) = &transaction.compensate {
                    self.compensate(undo);
                }
            }
            StmtKind::Savepoint(savepoint) => {
                self.block(&savepoint.body);
                self.handlers(&savepoint.handlers, None);
            }
            StmtKind::Scope(scope) => {
                self.block(&scope.body);
                self.guard(&scope.guard);
            }
            StmtKind::Lock(lock) => self.lock(lock),
            StmtKind::If(if_) => self.if_(if_),
            StmtKind::Match(match_) => self.match_(match_, stmt),
            StmtKind::Emit { event, args } => {
                let program = self.program;
                let fields = event.map_or(&[][..], |event| &program.events[event].fields);
                self.args(fields, args);
            }
            StmtKind::Start { workflow, args, at } => {
                let program = self.program;
                let params = workflow.map_or(&[][..], |id| &program.workflows[id].params);
                self.args(params, args);
                if let Some(at) = at {
                    self.check(*at, &Want::plain(Ty::new(TyKind::Time)));
                }
            }
            StmtKind::Reply(value) => self.answered(*value, "reply"),
            StmtKind::Review(text) | StmtKind::Manual(_, text) => self.words(*text),
            StmtKind::Progress(text, at) => {
                self.words(*text);
                if let Some(at) = at {
                    self.check(*at, &Want::plain(Ty::new(TyKind::Percent)));
                }
            }
            StmtKind::Reject(records, why) => self.reject(*records, *why),
            StmtKind::Fail(fail) => self.fail(fail),
            StmtKind::Return(Some(value)) => self.answered(*value, "return"),
            StmtKind::Return(None) => self.bare_return(stmt),
            StmtKind::Give(value) => self.meets(*value, true),
            StmtKind::Use(value) => self.meets(*value, false),
            StmtKind::Skip | StmtKind::Pass => {}
        }
    }

    pub(super) fn let_(&mut self, local: LocalId, value: ExprId) {
        let ty = match self.program.locals[local].ty.clone() {
            Some(ty) => {
                let want = Want::declared(ty.node.clone(), ty.span, "declared here");
                let got = self.check(value, &want);
                self.program.labelled_as(ty.node, &got)
            }
            None => self.value(value, None),
        };
        self.bind_raised(local, ty);
    }

    /// A text for people.
    pub(super) fn words(&mut self, text: ExprId) {
        self.check(text, &Want::plain(Ty::new(TyKind::Text)));
    }

    pub(super) fn sleep(&mut self, sleep: Sleep) {
        match sleep {
            Sleep::For(value) => self.check(value, &Want::plain(Ty::new(TyKind::Duration))),
            Sleep::Until(value) => self.check(value, &Want::plain(Ty::new(TyKind::Time))),
        };
    }

    fn meets(&mut self, value: ExprId, give: bool) {
        let meetings = if give { &mut self.gives } else { &mut self.uses };
        let hint = meetings.last().and_then(|meeting| meeting.hint.clone());
        self.infer(value, hint.as_ref());
        let meetings = if give { &mut self.gives } else { &mut self.uses };
        if let Some(meeting) = meetings.last_mut() {
            meeting.values.push(value);
        }
    }

    /// Collects what `use` gives inside `work`.
    pub(super) fn using(&mut self, hint: Option<Ty>, work: impl FnOnce(&mut Self)) -> Vec<ExprId> {
        self.uses.push(Meeting { hint, values: Vec::new() });
        work(self);
        self.uses.pop().map(|meeting| meeting.values).unwrap_or_default()
    }

    /// `return e`, `reply e`
    fn answered(&mut self, value: ExprId, word: &str) {
        let Some((ty, span)) = self.place.result.clone() else {
            self.infer(value, None);
            let at = self.span(value);
            self.report(
                Diagnostic::error(
                    "F0102",
                    at,
                    format!("`{word}` has a value, but the workflow has no result"),
                )
                .label(at, "nobody takes this")
                .help("declare the result: `workflow W v1 (…) -> T`"),
            );
            return;
        };
        self.check(value, &Want::declared(ty, span, "the workflow's result is declared here"));
    }

    fn bare_return(&mut self, stmt: &Stmt) {
        let Some((ty, span)) = self.place.result.clone() else { return };
        let shown = self.show(&ty);
        self.report(
            Diagnostic::error("F0102", stmt.span, "`return` without the workflow's result")
                .label(span, format!("the result is {}", article(&shown)))
                .label(stmt.span, "nothing is returned")
                .help("write `return e`"),
        );
    }

    fn reject(&mut self, records: ExprId, why: ExprId) {
        let ty = self.value(records, None);
        let item = match &ty.kind {
            TyKind::List(item) | TyKind::Batch(item) => (**item).clone(),
            _ => ty.clone(),
        };
        let of_batch = match (&item.kind, self.place.batch) {
            (TyKind::Event(event), Some(batch)) => *event == batch,
            (TyKind::Error | TyKind::Never, _) => true,
            _ => false,
        };
        if !of_batch {
            let (span, shown) = (self.span(records), self.show(&ty));
            let mut finding =
                Diagnostic::error("F0102", span, "only records of the batch can be rejected")
                    .label(span, format!("this is {}", article(&shown)));
            if self.place.batch.is_none() {
                finding =
                    finding.help("a workflow takes batches by `on batch Event up to … or every …`");
            }
            self.report(finding);
        }
        self.words(why);
    }

    fn fail(&mut self, fail: &Fail) {
        let program = self.program;
        match fail.error {
            FailTarget::Declared(id) | FailTarget::Elsewhere(id) => {
                self.args(&program.errors[id].fields, &fail.args);
            }
            FailTarget::Error => self.args(&[], &fail.args),
        }
    }

    fn lock(&mut self, lock: &Lock) {
        let program = self.program;
        for target in &lock.targets {
            match target.resource {
                Some(id) => {
                    let resource = &program.resources[id];
                    let words = format!("`{}` is named by this", resource.name.name);
                    let key = resource.key.clone();
                    self.check(target.key, &Want::declared(key.node, key.span, words));
                }
                None => {
                    self.infer(target.key, None);
                }
            }
        }
        self.block(&lock.body);
        self.handlers(&lock.handlers, None);
    }

    fn if_(&mut self, if_: &If) {
        self.condition(if_.condition);
        let facts = self.facts.clone();
        self.assume(if_.condition, true);
        self.block(&if_.then);
        self.facts = facts.clone();
        if let Some(otherwise) = &if_.otherwise {
            self.assume(if_.condition, false);
            self.block(otherwise);
            self.facts = facts;
        } else if !if_.then.exits().falls {
            // Only where the condition does not hold does the block go on.
            self.assume(if_.condition, false);
        }
        self.joins(&if_.joins);
    }

    fn match_(&mut self, match_: &Match, stmt: &Stmt) {
        let ty = self.value(match_.subject, None);
        let patterns: Vec<_> = match_.arms.iter().map(|arm| arm.pattern).collect();
        if self.patterns(&ty, &patterns) {
            self.exhaustive(stmt.span, match_.subject, &ty, &patterns);
        }
        for arm in &match_.arms {
            self.block(&arm.body);
        }
        self.joins(&match_.joins);
    }

    /// Names that several arms bind: after them they have the type of all, or none.
    pub(super) fn joins(&mut self, joins: &[Join]) {
        for join in joins {
            let types: Vec<(LocalId, Ty)> =
                join.from.iter().map(|local| (*local, self.table.local(*local))).collect();
            let Some((first, ty)) = types.first() else { continue };
            let other = types.iter().find(|(_, other)| !(same(ty, other) && same(other, ty)));
            match other {
                None => {
                    let program = self.program;
                    let all = types.iter().map(|(_, ty)| ty);
                    let ty = all.fold(ty.clone(), |ty, other| program.labelled_as(ty, other));
                    self.bind(join.local, ty);
                }
                Some((other, other_ty)) => {
                    let both = [
                        (self.program.locals[*first].span, ty.clone()),
                        (self.program.locals[*other].span, other_ty.clone()),
                    ];
                    self.conflicts.insert(join.local, ConflictingNames { both });
                    self.bind(join.local, Ty::error());
                }
            }
        }
    }

    /// Clauses of a block that has no value of its own.
    pub(super) fn guard(&mut self, guard: &Guard) {
        self.guarded(guard, None);
    }

    /// Clauses of a block; answers what their `use` give.
    pub(super) fn guarded(&mut self, guard: &Guard, hint: Option<&Ty>) -> Vec<ExprId> {
        let mut values = Vec::new();
        if let Some(fallback) = &guard.fallback {
            values.extend(self.fallback(fallback, hint));
        }
        for interrupt in &guard.interrupts {
            self.event_wait(&interrupt.wait);
            self.event_binders(&interrupt.wait, &interrupt.binders);
            values.extend(self.using(hint.cloned(), |cx| cx.block(&interrupt.remedy)));
        }
        values.extend(self.handlers(&guard.handlers, hint));
        values
    }

    /// A fallback; answers what its `use` give.
    pub(super) fn fallback(&mut self, fallback: &Fallback, hint: Option<&Ty>) -> Vec<ExprId> {
        self.using(hint.cloned(), |cx| cx.block(&fallback.body))
    }

    /// Handlers; answers what their `use` give.
    pub(super) fn handlers(&mut self, handlers: &Handlers, hint: Option<&Ty>) -> Vec<ExprId> {
        let mut values = Vec::new();
        for handler in &handlers.on {
            if let On::Error { decls, binders, .. } = &handler.on {
                self.payload(decls, binders, handler.on_span);
            }
            values.extend(self.using(hint.cloned(), |cx| cx.block(&handler.remedy)));
        }
        if let Some(otherwise) = &handlers.otherwise {
            values.extend(self.using(hint.cloned(), |cx| cx.block(&otherwise.remedy)));
        }
        values
    }

    /// Names for the payload of an error.
    fn payload(&mut self, decls: &[ErrorId], binders: &[Option<LocalId>], span: crate::span::Span) {
        let program = self.program;
        for (index, local) in binders.iter().enumerate() {
            let Some(local) = local else { continue };
            let types = decls.iter().map(|id| {
                program.errors[*id].fields.get(index).map_or_else(Ty::error, |f| f.ty.node.clone())
            });
            let types: Vec<Ty> = types.collect();
            let ty = types.first().cloned().unwrap_or_else(Ty::error);
            match types.iter().all(|other| *other == ty) {
                true => self.bind(*local, ty),
                false => {
                    self.bind(*local, Ty::error());
                    let name = &program.locals[*local].name;
                    let mut finding = Diagnostic::error(
                        "F0102",
                        span,
                        format!("`{name}` has one type or another, depending on who fails"),
                    );
                    for id in decls {
                        finding = finding.label(program.errors[*id].span, "declared here");
                    }
                    self.report(finding.help("handle the error at the steps themselves"));
                }
            }
        }
    }
}
