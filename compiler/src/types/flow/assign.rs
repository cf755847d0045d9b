//! Definite assignment (F0103, F0211), statements that are never reached (F0108), paths without
//! `return` (F0109), turns that give nothing (F0706).
//!
//! Not path sensitive: bind and use inside one `if`.

use super::bound::{Names, Reach, Reason, Reasons};
use crate::diagnostic::Diagnostic;
use crate::hir::{
    Block, Expect, ExprId, Function, FunctionBody, GivenAnswer, GivenStmt, GivenTarget, LocalId,
    LocalKind, Program, Test, TestStmt, Workflow,
};
use crate::span::Span;
use crate::types::walk::reads;
use std::collections::BTreeSet;

/// Checks every body of a program.
pub(super) fn check(program: &Program, findings: &mut Vec<Diagnostic>) {
    let mut flow = Flow::new(program);
    for workflow in program.workflows.values() {
        flow.workflow(workflow);
    }
    for function in program.functions.values() {
        flow.function(function);
    }
    for action in program.actions.values() {
        if let Some(undo) = &action.compensate {
            flow.undo(undo, &Some(Names::new()), action.span);
        }
    }
    for test in &program.tests {
        flow.test(test);
    }
    findings.append(&mut flow.findings);
}

/// Where the `use` and `skip` of one remedy or fallback lead.
#[derive(Default)]
pub(super) struct Remedied {
    /// Names bound where it ends with a value.
    pub used: Vec<Names>,
    /// Names bound where it ends without one.
    pub without: Vec<Names>,
}

/// One body while it is walked.
pub(super) struct Flow<'a> {
    pub program: &'a Program,
    pub findings: Vec<Diagnostic>,
    pub reasons: Reasons,
    /// The remedies around, innermost last.
    pub remedies: Vec<Remedied>,
    /// Whether the loops around have a reachable `give`, innermost last.
    pub gives: Vec<bool>,
    /// Inside an undo of this step.
    pub arming: Option<Span>,
    /// Names that were reported: one finding for all uses.
    reported: BTreeSet<LocalId>,
}

impl<'a> Flow<'a> {
    fn new(program: &'a Program) -> Self {
        Self {
            program,
            findings: Vec::new(),
            reasons: Reasons::new(),
            remedies: Vec::new(),
            gives: Vec::new(),
            arming: None,
            reported: BTreeSet::new(),
        }
    }

    fn workflow(&mut self, workflow: &Workflow) {
        self.reasons.clear();
        let nothing = Some(Names::new());
        let keys = workflow.idempotent.iter().flat_map(|key| &key.by).copied();
        let limits = workflow.limits.iter().filter_map(|limit| limit.by);
        let places = workflow.concurrency.iter().filter_map(|one| one.per);
        let head: Vec<ExprId> = keys
            .chain(limits)
            .chain(places)
            .chain(workflow.shard)
            .chain(workflow.subject)
            .chain(workflow.index.iter().copied())
            .collect();
        for expr in head {
            self.reads(expr, &nothing);
        }
        let end = self.block(&workflow.body, nothing.clone());
        if let (Some(result), Some(_), false) = (&workflow.result, end, workflow.incomplete) {
            self.no_return(workflow, result.span);
        }
        if let Some(aftermath) = &workflow.aftermath {
            for local in &workflow.locals {
                let words = "the run may have failed before this".to_owned();
                let span = self.program.locals[*local].span;
                self.reasons.insert(*local, Reason { span, words });
            }
            self.block(&aftermath.body, nothing);
        }
    }

    fn no_return(&mut self, workflow: &Workflow, result: Span) {
        let name = &workflow.name.name;
        let end = workflow.body.span.end;
        let close = Span { start: end.saturating_sub(1), end, ..workflow.body.span };
        self.findings.push(
            Diagnostic::error(
                "F0109",
                workflow.header,
                format!("a path through `{name}` ends without `return`"),
            )
            .label(result, "the result is declared here")
            .label(close, "this end is reached without one")
            .help("end every path with `return e`, `fail E`, or a loop that never ends"),
        );
    }

    fn function(&mut self, function: &Function) {
        let FunctionBody::Fn { lets, value } = &function.body else { return };
        let mut names = Names::new();
        for (local, expr) in lets {
            self.reads(*expr, &Some(names.clone()));
            names.insert(*local);
        }
        self.reads(*value, &Some(names));
    }

    fn test(&mut self, test: &Test) {
        let mut names = Names::new();
        for stmt in &test.stmts {
            match stmt {
                TestStmt::Let(local, expr, _) => {
                    self.reads(*expr, &Some(names.clone()));
                    names.insert(*local);
                }
                TestStmt::Run { bind, args, .. } => {
                    args.each().for_each(|expr| self.reads(expr, &Some(names.clone())));
                    names.extend(*bind);
                }
                TestStmt::Deliver { args, .. } | TestStmt::EveryFailure { args, .. } => {
                    args.each().for_each(|expr| self.reads(expr, &Some(names.clone())));
                }
                TestStmt::Given(given) => self.given(given, &Some(names.clone())),
                TestStmt::Expect(Expect::Value(expr, _), _) => {
                    self.reads(*expr, &Some(names.clone()));
                }
                TestStmt::Expect(..) => {}
            }
        }
    }

    fn given(&mut self, given: &GivenStmt, names: &Reach) {
        if let GivenTarget::Action(_, Some(args)) = &given.target {
            args.each().for_each(|expr| self.reads(expr, names));
        }
        match &given.answer {
            GivenAnswer::Value(expr) => self.reads(*expr, names),
            GivenAnswer::Fail(_, args) => args.each().for_each(|expr| self.reads(expr, names)),
            GivenAnswer::Refused | GivenAnswer::Unknown | GivenAnswer::Timeout => {}
        }
    }

    /// Blames every read of a name that may not be bound.
    pub(super) fn reads(&mut self, expr: ExprId, reach: &Reach) {
        let Some(names) = reach else { return };
        for (local, at) in reads(self.program, expr) {
            if can_be_unbound(self.program.locals[local].kind) && !names.contains(local) {
                self.unbound(local, self.program.exprs[at].span);
            }
        }
    }

    fn unbound(&mut self, local: LocalId, at: Span) {
        if !self.reported.insert(local) {
            return;
        }
        let decl = &self.program.locals[local];
        let name = &decl.name;
        let reason = self.reasons.get(&local).cloned();
        let finding = match self.arming {
            Some(step) => Diagnostic::error(
                "F0211",
                step,
                format!("the compensation reads `{name}`, which is not bound when it is armed"),
            )
            .label(step, "its undo is armed before the call…")
            .label(at, format!("…and reads `{name}` here"))
            .label(decl.span, "bound here")
            .help(
                "the arguments of an undo are evaluated before the call: use values bound above it",
            ),
            None => {
                let mut finding =
                    Diagnostic::error("F0103", at, format!("`{name}` may not be bound here"))
                        .label(decl.span, format!("`{name}` is bound here…"));
                match &reason {
                    Some(reason) if reason.span == decl.span => {
                        finding = finding.label(at, format!("…{}, and used here", reason.words));
                    }
                    Some(reason) => {
                        finding = finding
                            .label(reason.span, format!("…{}", reason.words))
                            .label(at, "…and it is used here");
                    }
                    None => finding = finding.label(at, "…and used before that"),
                }
                finding.help("bind it on every path that leads here, or use it where it is bound")
            }
        };
        self.findings.push(finding);
    }

    /// Remembers why names bound in a block cannot be used behind it.
    pub(super) fn ends(&mut self, block: &Block, span: Span, words: &str) {
        for local in binds(block) {
            let words = words.to_owned();
            self.reasons.insert(local, Reason { span, words });
        }
    }
}

/// The names that statements of a block bind, at any depth.
fn binds(block: &Block) -> Vec<LocalId> {
    let mut found = Vec::new();
    block.walk(false, &mut |stmt| stmt_binds(stmt, &mut found));
    found
}

/// The names that one statement binds by itself.
pub(super) fn stmt_binds(stmt: &crate::hir::Stmt, found: &mut Vec<LocalId>) {
    use crate::hir::StmtKind as K;
    match &stmt.kind {
        K::Let(local, _) => found.push(*local),
        K::Step(step) => found.extend(step.bind),
        K::Await(wait) => found.extend(wait.bind),
        K::AwaitFirst(first) => {
            found.extend(first.arms.iter().filter_map(|arm| arm.bind));
            found.extend(first.joins.iter().map(|join| join.local));
        }
        K::Parallel(parallel) => found.extend(parallel.bind),
        K::ParallelEach(each) => found.extend(each.bind),
        K::Each(each) => found.extend(each.bind),
        K::Repeat(repeat) => found.extend(repeat.bind),
        K::If(choice) => found.extend(choice.joins.iter().map(|join| join.local)),
        K::Match(choice) => found.extend(choice.joins.iter().map(|join| join.local)),
        _ => {}
    }
}

/// Names that a statement binds. All others can be named only where they hold something.
fn can_be_unbound(kind: LocalKind) -> bool {
    matches!(
        kind,
        LocalKind::Let
            | LocalKind::Step
            | LocalKind::Pivot
            | LocalKind::Await
            | LocalKind::Element
            | LocalKind::LoopVar
            | LocalKind::Collected
            | LocalKind::Join
    )
}
