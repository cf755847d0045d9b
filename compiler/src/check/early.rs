//! Checks belong before the money: F0310.

use super::call;
use crate::diagnostic::Diagnostic;
use crate::hir::{
    Block, Class, ErrorId, ExprId, LocalId, On, Program, Provider, Step, Stmt, StmtKind, TyKind,
};
use crate::span::Span;
use crate::types::Table;
use std::collections::{BTreeMap, BTreeSet};

/// Checks every workflow.
pub fn check(program: &Program, table: &Table, findings: &mut Vec<Diagnostic>) {
    for workflow in program.workflows.values() {
        let mut rule = Rule {
            program,
            table,
            findings,
            rejects: rejecting(program, &workflow.body),
            bound: workflow.locals.iter().take(workflow.params.len()).copied().collect(),
            seen: BTreeSet::new(),
        };
        rule.block(&workflow.body, None);
    }
}

/// Where money was taken, and the names that were bound by then.
#[derive(Clone)]
struct Taken {
    span: Span,
    known: BTreeSet<LocalId>,
}

struct Rule<'p, 'f> {
    program: &'p Program,
    table: &'p Table,
    findings: &'f mut Vec<Diagnostic>,
    /// Names on which an `if` or `match` decides to fail.
    rejects: BTreeMap<LocalId, Span>,
    bound: BTreeSet<LocalId>,
    seen: BTreeSet<Span>,
}

impl<'p> Rule<'p, '_> {
    fn block(&mut self, block: &'p Block, mut taken: Option<Taken>) -> Option<Taken> {
        for stmt in &block.stmts {
            taken = self.stmt(stmt, taken);
        }
        taken
    }

    fn stmt(&mut self, stmt: &'p Stmt, taken: Option<Taken>) -> Option<Taken> {
        match &stmt.kind {
            StmtKind::Step(step) => {
                if let Some(taken) = &taken {
                    self.late(step, taken);
                }
                let known = self.bound.clone();
                self.bound.extend(step.bind);
                stmt.each_block(false, &mut |block| {
                    self.block(block, taken.clone());
                });
                // What the step itself answered was not known before it.
                if self.takes_money(step) && taken.is_none() {
                    return Some(Taken { span: step.call.span, known });
                }
                taken
            }
            // Under a lock it is read again on purpose.
            StmtKind::Lock(_) => taken,
            StmtKind::Parallel(fork) => {
                let ends: Vec<Option<Taken>> =
                    fork.branches.iter().map(|branch| self.stmt(branch, taken.clone())).collect();
                taken.or_else(|| ends.into_iter().flatten().next())
            }
            StmtKind::Let(local, _) => {
                self.bound.insert(*local);
                taken
            }
            _ => {
                let mut ends = None;
                stmt.each_block(false, &mut |block| {
                    let end = self.block(block, taken.clone());
                    ends = ends.take().or(end);
                });
                taken.or(ends)
            }
        }
    }

    fn takes_money(&self, step: &Step) -> bool {
        let Some((_, action)) = call::action(self.program, step) else { return false };
        let service = matches!(action.provider, Provider::Service(_));
        let amount =
            |value: ExprId| matches!(self.table.ty(value).present().kind, TyKind::Money(_));
        service
            && action.class.node == Class::Write
            && step.call.args.values.iter().flatten().any(|value| amount(*value))
    }

    fn late(&mut self, step: &Step, taken: &Taken) {
        let Some((_, action)) = call::action(self.program, step) else { return };
        if action.class.node != Class::Read {
            return;
        }
        let by_error = action.errors.iter().any(|error| self.fails(step, *error));
        let by_result = step.bind.and_then(|local| self.rejects.get(&local)).copied();
        let Some(place) = by_result.or(by_error.then_some(step.call.span)) else { return };
        let mut known = true;
        for value in step.call.args.values.iter().flatten() {
            self.program.each_read(*value, &mut |local| known &= taken.known.contains(&local));
        }
        if !known || !self.seen.insert(step.call.span) {
            return;
        }
        self.findings.push(
            Diagnostic::warning("F0310", step.call.span, "this can reject only after money was taken, though it could have been asked before")
                .label(taken.span, "money is taken here…")
                .label(step.call.span, "…and this asks with nothing that was not known then…")
                .label(place, "…and may reject: the money has to be given back")
                .help("move the check above the step that takes money"),
        );
    }

    /// Whether a declared error of the read ends the run.
    fn fails(&self, step: &Step, error: ErrorId) -> bool {
        let name = &self.program.errors[error].name.node;
        let named = step.handlers.on.iter().find_map(|handler| match &handler.on {
            On::Error { name: on, .. } if on.node == *name => Some(&handler.remedy),
            _ => None,
        });
        let otherwise = step.handlers.otherwise.as_ref().map(|other| &other.remedy);
        step.fallback.is_none() && named.or(otherwise).is_none_or(|remedy| remedy.exits().fails)
    }
}

/// Names that a condition reads whose arms can fail, through names computed from others.
fn rejecting(program: &Program, body: &Block) -> BTreeMap<LocalId, Span> {
    let lets = call::lets(program);
    let mut found = BTreeMap::new();
    body.walk(false, &mut |stmt| {
        let (condition, fails) = match &stmt.kind {
            StmtKind::If(choice) => {
                let other = choice.otherwise.as_ref().is_some_and(|block| block.exits().fails);
                (choice.condition, choice.then.exits().fails || other)
            }
            StmtKind::Match(choice) => {
                (choice.subject, choice.arms.iter().any(|arm| arm.body.exits().fails))
            }
            _ => return,
        };
        if fails {
            let span = program.exprs[condition].span;
            let mut open = vec![condition];
            while let Some(expr) = open.pop() {
                program.each_read(expr, &mut |local| {
                    if found.insert(local, span).is_none() {
                        open.extend(lets.get(&local));
                    }
                });
            }
        }
    });
    found
}
