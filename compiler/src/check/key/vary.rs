//! Keys must vary where the call varies: F0502.
//!
//! The service tells calls apart by the `by` values alone. A key that stays the same while the call
//! changes gives the second call the first one's answer.

use crate::check::once::Once;
use crate::diagnostic::Diagnostic;
use crate::hir::{
    self, ActionId, Block, CompensateHow, ExprId, ExprKind, Given, Idempotent, LocalId, Origin,
    PatternKind, Program, Step, Stmt, StmtKind, Target, Undo,
};
use crate::span::Span;
use crate::types::Table;
use std::collections::{BTreeMap, BTreeSet};

/// Checks every keyed call, and the undos it arms.
pub fn check(program: &Program, _table: &Table, findings: &mut Vec<Diagnostic>) {
    super::super::each_block(program, &mut |block| {
        let mut rule = Rule { program, loops: Vec::new(), once: Once::new(findings) };
        rule.block(block);
    });
}

/// A loop around the call.
struct Around {
    /// Its header, for the label.
    head: Span,
    /// Names that differ from turn to turn.
    varying: BTreeSet<LocalId>,
    /// It counts its turns itself: a plain `idempotent` varies (`repeat`).
    word: &'static str,
}

/// What a contract's names stand for at a call. An action that undoes itself names its own parameters
/// in the call of its undo: what is passed is read in terms of the call around it.
#[derive(Default)]
struct Stands<'s> {
    names: BTreeMap<LocalId, Option<ExprId>>,
    outer: Option<&'s Stands<'s>>,
}

/// Outside every contract.
static NOTHING: Stands<'static> = Stands { names: BTreeMap::new(), outer: None };

impl<'s> Stands<'s> {
    /// What a name stands for (nothing: an answer), and in terms of what that is written.
    fn get(&self, local: LocalId) -> Option<(Option<ExprId>, &Stands<'s>)> {
        match self.names.get(&local) {
            Some(passed) => Some((*passed, self.outer.unwrap_or(&NOTHING))),
            None => self.outer.and_then(|outer| outer.get(local)),
        }
    }
}

struct Rule<'p, 'f> {
    program: &'p Program,
    once: Once<'f>,
    loops: Vec<Around>,
}

impl<'p> Rule<'p, '_> {
    fn block(&mut self, block: &'p Block) {
        for stmt in &block.stmts {
            self.stmt(stmt);
        }
    }

    fn stmt(&mut self, stmt: &'p Stmt) {
        match &stmt.kind {
            StmtKind::Step(step) => {
                self.step(step);
                stmt.each_block(true, &mut |block| self.block(block));
            }
            StmtKind::Each(each) => self.looped(&each.pattern, stmt.span, &each.body, "each"),
            StmtKind::ParallelEach(each) => {
                self.looped(&each.pattern, stmt.span, &each.body, "parallel each");
                each.guard.each_block(&mut |block| self.block(block));
            }
            StmtKind::Repeat(repeat) => {
                let vars: Vec<LocalId> = repeat.vars.iter().map(|(local, _)| *local).collect();
                self.looped(&vars, stmt.span, &repeat.body, "repeat");
                repeat.otherwise.iter().for_each(|block| self.block(block));
            }
            StmtKind::Parallel(fork) => {
                fork.branches.iter().for_each(|branch| self.stmt(branch));
                fork.guard.each_block(&mut |block| self.block(block));
            }
            _ => stmt.each_block(true, &mut |block| self.block(block)),
        }
    }

    fn looped(&mut self, names: &[LocalId], span: Span, body: &'p Block, word: &'static str) {
        let mut varying: BTreeSet<LocalId> = names.iter().copied().collect();
        if word == "repeat" {
            // A value that no `again` names keeps its first one.
            varying.retain(|local| handed_on(body, *local));
        }
        // Order: a name may be computed from one that is found to differ only later.
        loop {
            let before = varying.len();
            self.bindings(body, &mut varying);
            if varying.len() == before {
                break;
            }
        }
        let head = Span { end: body.span.start.max(span.start), ..span };
        self.loops.push(Around { head, varying, word });
        self.block(body);
        self.loops.pop();
    }

    /// Names bound in a turn that differ from turn to turn: what the world answered, and what is
    /// computed from names that differ.
    fn bindings(&self, body: &Block, varying: &mut BTreeSet<LocalId>) {
        let none = &NOTHING;
        body.walk(false, &mut |stmt| {
            world(stmt, varying);
            match &stmt.kind {
                StmtKind::Let(local, value) if self.differs(*value, varying, none) => {
                    varying.insert(*local);
                }
                StmtKind::Each(each) if self.differs(each.over, varying, none) => {
                    varying.extend(&each.pattern);
                }
                StmtKind::ParallelEach(each) if self.differs(each.over, varying, none) => {
                    varying.extend(&each.pattern);
                }
                StmtKind::Repeat(repeat) => {
                    for (local, first) in &repeat.vars {
                        if self.differs(*first, varying, none) {
                            varying.insert(*local);
                        }
                    }
                }
                StmtKind::Again(values) => {
                    for (local, value) in values {
                        if self.differs(*value, varying, none) {
                            varying.insert(*local);
                        }
                    }
                }
                StmtKind::If(choice) => join(&choice.joins, varying),
                StmtKind::Match(choice) => {
                    if self.differs(choice.subject, varying, none) {
                        for arm in &choice.arms {
                            bound(&self.program.patterns[arm.pattern].kind, varying);
                        }
                    }
                    join(&choice.joins, varying);
                }
                _ => {}
            }
        });
    }

    /// Whether an expression reads a name that differs; a contract's names stand for what the caller
    /// passed.
    fn differs(&self, expr: ExprId, varying: &BTreeSet<LocalId>, stands: &Stands<'_>) -> bool {
        let mut found = false;
        self.program.each_inner(expr, &mut |inner| match &self.program.exprs[inner].kind {
            ExprKind::Local(local) => {
                found |= match stands.get(*local) {
                    // What the call answered differs with the call.
                    Some((None, _)) => true,
                    Some((Some(passed), outer)) => self.differs(passed, varying, outer),
                    None => varying.contains(local),
                };
            }
            ExprKind::Builtin(builtin, _) => found |= builtin.is_drawn(),
            _ => {}
        });
        found
    }

    fn step(&mut self, step: &'p Step) {
        let at_call = match step.call.target {
            Target::Action(id) => self.pass(id, &step.call.args.values, &NOTHING),
            _ => Stands::default(),
        };
        self.keyed(step, step.idempotent.as_ref(), &at_call, step.call.span);
        if let Undo::Contract(id) = step.undo
            && let Some(own) = &self.program.actions[id].compensate
            && let CompensateHow::Block { body, .. } = &own.how
        {
            body.walk(true, &mut |stmt| {
                if let StmtKind::Step(undo) = &stmt.kind {
                    let inner = match undo.call.target {
                        Target::Action(undo_id) => {
                            self.pass(undo_id, &undo.call.args.values, &at_call)
                        }
                        _ => Stands { names: BTreeMap::new(), outer: Some(&at_call) },
                    };
                    self.keyed(undo, undo.idempotent.as_ref(), &inner, step.call.span);
                }
            });
        }
    }

    /// What an action's parameters and result stand for at a call that is written in terms of
    /// `outer`.
    fn pass<'s>(
        &self,
        id: ActionId,
        values: &[Option<ExprId>],
        outer: &'s Stands<'s>,
    ) -> Stands<'s> {
        let action = &self.program.actions[id];
        let mut names: BTreeMap<LocalId, Option<ExprId>> =
            action.param_locals.iter().copied().zip(values.iter().copied()).collect();
        if let Some(result) = action.result_local {
            names.insert(result, None);
        }
        Stands { names, outer: Some(outer) }
    }

    fn keyed(
        &mut self,
        step: &Step,
        key: Option<&Given<Idempotent>>,
        stands: &Stands<'_>,
        at: Span,
    ) {
        let Some(Given { value: key, origin, .. }) = key else { return };
        if key.by.is_empty() {
            return;
        }
        // What the caller passes differs between callers and runs, even where it is a literal here.
        let constant = key.by.iter().all(|by| !self.reads(*by) && !self.drawn(*by));
        if constant && step.call.args.each().any(|value| self.reads(value)) {
            self.once.say(
                Diagnostic::error(
                    "F0502",
                    at,
                    format!("every call of `{}` has the same key", step.call.text),
                )
                .label(key.span, "this never differs: the second call gets the first one's answer")
                .help(
                    "name the arguments by which the service tells calls apart, or leave `by` out",
                ),
            );
            return;
        }
        // Every loop around the call repeats it, the outer ones too.
        let same =
            |around: &&Around| !key.by.iter().any(|by| self.differs(*by, &around.varying, stands));
        let Some(around) = self.loops.iter().rev().find(same) else { return };
        let whose = match origin {
            Origin::Step => "this key",
            Origin::Contract(_) => "the key of its contract",
        };
        let finding = Diagnostic::error(
            "F0502",
            at,
            format!("`{}` has the same key in every turn of the loop", step.call.text),
        )
        .label(around.head, format!("this `{}` calls it more than once…", around.word))
        .label(at, format!("…but {whose} does not differ: the second turn gets the first one's answer"))
        .help("add what differs from turn to turn to the key, or leave `by` out: the turn is then part of it");
        self.once.say(finding);
    }

    /// Whether an expression is drawn anew each time, which another rule reports.
    fn drawn(&self, expr: ExprId) -> bool {
        let mut found = false;
        self.program.each_inner(expr, &mut |inner| {
            if let ExprKind::Builtin(builtin, _) = &self.program.exprs[inner].kind {
                found |= builtin.is_drawn();
            }
        });
        found
    }

    /// Whether an expression mentions any name.
    fn reads(&self, expr: ExprId) -> bool {
        let mut found = false;
        self.program.each_read(expr, &mut |_| found = true);
        found
    }
}

/// What a statement learns from the world differs from turn to turn.
fn world(stmt: &Stmt, varying: &mut BTreeSet<LocalId>) {
    let handlers = |handlers: &hir::Handlers, varying: &mut BTreeSet<LocalId>| {
        for handler in &handlers.on {
            if let hir::On::Error { binders, .. } = &handler.on {
                varying.extend(binders.iter().flatten());
            }
        }
    };
    let guard = |guard: &hir::Guard, varying: &mut BTreeSet<LocalId>| {
        handlers(&guard.handlers, varying);
        for interrupt in &guard.interrupts {
            varying.extend(interrupt.binders.iter().flatten());
        }
    };
    match &stmt.kind {
        StmtKind::Step(step) => {
            varying.extend(step.bind);
            handlers(&step.handlers, varying);
        }
        StmtKind::Await(wait) => varying.extend(wait.bind),
        StmtKind::AwaitFirst(first) => {
            varying.extend(first.arms.iter().filter_map(|arm| arm.bind));
            join(&first.joins, varying);
        }
        StmtKind::Each(each) => varying.extend(each.bind),
        StmtKind::Repeat(repeat) => varying.extend(repeat.bind),
        StmtKind::ParallelEach(each) => {
            varying.extend(each.bind);
            guard(&each.guard, varying);
        }
        StmtKind::Parallel(fork) => {
            varying.extend(fork.bind);
            guard(&fork.guard, varying);
        }
        StmtKind::Scope(scope) => guard(&scope.guard, varying),
        StmtKind::Transaction(tx) => guard(&tx.guard, varying),
        StmtKind::Savepoint(point) => handlers(&point.handlers, varying),
        StmtKind::Lock(lock) => handlers(&lock.handlers, varying),
        _ => {}
    }
}

/// A name that several arms bind differs where it does so in one of them.
fn join(joins: &[hir::Join], varying: &mut BTreeSet<LocalId>) {
    for join in joins {
        if join.from.iter().any(|from| varying.contains(from)) {
            varying.insert(join.local);
        }
    }
}

/// Names that a pattern binds.
fn bound(pattern: &PatternKind, varying: &mut BTreeSet<LocalId>) {
    match pattern {
        PatternKind::Bind(local) => {
            varying.insert(*local);
        }
        PatternKind::Variant { binders, .. } => {
            varying.extend(binders.iter().filter_map(|(local, _)| *local));
        }
        _ => {}
    }
}

/// Whether an `again` gives the value of a loop anew.
fn handed_on(body: &Block, local: LocalId) -> bool {
    let mut found = false;
    body.walk(false, &mut |stmt| {
        if let StmtKind::Again(values) = &stmt.kind {
            found |= values.iter().any(|(named, _)| *named == local);
        }
    });
    found
}
