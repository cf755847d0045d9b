//! One bad record must not fail a whole batch: F0709.

use crate::check::recovery::{Reducer, escapes};
use crate::diagnostic::Diagnostic;
use crate::hir::{Block, ExprId, LocalId, Program, StmtKind, Trigger, Workflow};
use crate::source::Sources;
use crate::span::Span;
use std::collections::BTreeSet;

/// Checks every workflow that takes batches.
pub fn check(program: &Program, sources: &Sources, findings: &mut Vec<Diagnostic>) {
    for workflow in program.workflows.values() {
        let batch = workflow.triggers.iter().any(|t| matches!(t, Trigger::Batch { .. }));
        if batch {
            batches(program, sources, workflow, findings);
        }
    }
}

fn batches(
    program: &Program,
    sources: &Sources,
    workflow: &Workflow,
    findings: &mut Vec<Diagnostic>,
) {
    let mut rejects = false;
    // The batch, and what is computed from it.
    let mut derived: BTreeSet<LocalId> =
        workflow.locals.iter().take(workflow.params.len()).copied().collect();
    workflow.body.walk(false, &mut |stmt| match &stmt.kind {
        StmtKind::Reject(..) => rejects = true,
        StmtKind::Let(local, value) if reads(program, *value, &derived) => {
            derived.insert(*local);
        }
        StmtKind::ParallelEach(each) if reads(program, each.over, &derived) => {
            derived.extend(each.bind);
        }
        StmtKind::Each(each) if reads(program, each.over, &derived) => {
            derived.extend(each.bind);
        }
        _ => {}
    });
    if rejects {
        return;
    }
    let reducer = Reducer::new(program, sources);
    let mut loops: Vec<(Span, Span, &Block)> = Vec::new();
    workflow.body.walk(false, &mut |stmt| match &stmt.kind {
        StmtKind::Each(each) if !each.settle && reads(program, each.over, &derived) => {
            loops.push((stmt.span, each.body.span, &each.body));
        }
        StmtKind::ParallelEach(each) if !each.settle && reads(program, each.over, &derived) => {
            loops.push((stmt.span, each.body.span, &each.body));
        }
        _ => {}
    });
    for (span, inner, body) in loops {
        let aborts = escapes(&reducer.block(body));
        let Some(abort) = aborts.first() else { continue };
        let head = Span { end: inner.start.max(span.start), ..span };
        findings.push(
            Diagnostic::warning(
                "F0709",
                head,
                "one bad record fails the whole batch, again and again",
            )
            .label(head, "each record of the batch comes here…")
            .label(abort.span, format!("…and {}: the batch is undone and comes again", abort.label))
            .help(
                "take the bad one out with `reject … as \"…\"`, or let the others go on: `settle`",
            ),
        );
    }
}

fn reads(program: &Program, expr: ExprId, of: &BTreeSet<LocalId>) -> bool {
    let mut found = false;
    program.each_read(expr, &mut |local| found |= of.contains(&local));
    found
}
