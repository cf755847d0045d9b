//! Answers and values that nobody uses (F0107).
//!
//! Names of writes and pivots are identities and may go unused; so may a read that is only asked
//! for the errors it can end with, if it has no name.

use crate::diagnostic::Diagnostic;
use crate::hir::{
    AwaitFirst, Block, Class, ExprKind, If, Join, LocalId, LocalKind, Match, Program, Step, Stmt,
    StmtKind, Target, TyKind,
};
use crate::types::Table;
use std::collections::BTreeSet;

/// Checks every body of a program.
pub(super) fn check(program: &Program, table: &Table, findings: &mut Vec<Diagnostic>) {
    let mut used: BTreeSet<LocalId> = program
        .exprs
        .values()
        .filter_map(|expr| match expr.kind {
            ExprKind::Local(local) => Some(local),
            _ => None,
        })
        .collect();
    let bodies: Vec<&Block> = program
        .workflows
        .values()
        .flat_map(|w| std::iter::once(&w.body).chain(w.aftermath.iter().map(|after| &after.body)))
        .collect();
    for body in &bodies {
        body.walk(true, &mut |stmt| joined(stmt, &mut used));
    }
    // What could not be read may have used them.
    let broken = program.workflows.values().filter(|workflow| workflow.incomplete);
    used.extend(broken.flat_map(|workflow| workflow.locals.iter().copied()));
    let mut reads: BTreeSet<LocalId> = BTreeSet::new();
    for body in &bodies {
        body.walk(true, &mut |stmt| {
            if let StmtKind::Step(step) = &stmt.kind
                && is_read(program, step)
            {
                reads.extend(step.bind);
                if let Some(finding) = unasked(program, table, step) {
                    findings.push(finding);
                }
            }
        });
    }
    let mut arms: BTreeSet<LocalId> = BTreeSet::new();
    for body in &bodies {
        body.walk(true, &mut |stmt| {
            if let StmtKind::AwaitFirst(first) = &stmt.kind {
                // The name of an arm is the name of its wait.
                arms.extend(first.arms.iter().filter_map(|arm| arm.bind));
            }
        });
    }
    for (id, local) in program.locals.iter() {
        let (what, help) = match local.kind {
            LocalKind::Let => ("this value is never used", "remove it"),
            LocalKind::Step if reads.contains(&id) => {
                ("the result of this read is never used", "remove the step, or use what it answers")
            }
            LocalKind::Await if !arms.contains(&id) => {
                ("what came is never used", "leave the name out")
            }
            LocalKind::Collected => ("what is collected is never used", "leave the name out"),
            _ => continue,
        };
        let empty = table.local(id).kind == TyKind::Unit;
        if used.contains(&id) || empty || local.name.starts_with('#') {
            continue;
        }
        findings.push(
            Diagnostic::warning("F0107", local.span, format!("`{}`: {what}", local.name))
                .label(local.span, "bound here, and read nowhere")
                .help(help),
        );
    }
}

/// A name after arms is used: so are the names in the arms. Innermost joins last, so that chains of
/// them are followed by the caller's order.
fn joined(stmt: &Stmt, used: &mut BTreeSet<LocalId>) {
    let joins: &[Join] = match &stmt.kind {
        StmtKind::If(choice) => {
            let If { joins, .. } = choice.as_ref();
            joins
        }
        StmtKind::Match(choice) => {
            let Match { joins, .. } = choice.as_ref();
            joins
        }
        StmtKind::AwaitFirst(first) => {
            let AwaitFirst { joins, .. } = first.as_ref();
            joins
        }
        _ => return,
    };
    for join in joins {
        if used.contains(&join.local) {
            used.extend(&join.from);
        }
    }
}

fn is_read(program: &Program, step: &Step) -> bool {
    match step.call.target {
        Target::Action(id) => program.actions[id].class.node == Class::Read,
        Target::Workflow(_) | Target::Error => false,
    }
}

/// An unnamed read whose answer nobody can use, and that cannot fail by contract either.
fn unasked(program: &Program, table: &Table, step: &Step) -> Option<Diagnostic> {
    let signature = table.step(step.id)?;
    let Target::Action(id) = step.call.target else { return None };
    let answers = !matches!(signature.result.kind, TyKind::Unit | TyKind::Error);
    // The call of a fallback without braces stands for the step it helps.
    let alone = step.keyword != step.call.span;
    if step.bind.is_some() || !answers || !signature.errors.is_empty() || !alone {
        return None;
    }
    let name = program.action_name(id);
    Some(
        Diagnostic::warning(
            "F0107",
            step.call.span,
            format!("what `{name}` answers is never used"),
        )
        .label(step.call.span, "read for nothing")
        .help("name it and use it (`step x = …`), or remove the step"),
    )
}
