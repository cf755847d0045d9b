//! A wait that ends the run in silence when its time is over: F0702.

use crate::diagnostic::Diagnostic;
use crate::hir::{Block, Guard, Handlers, On, Program, Stmt, StmtKind};
use crate::span::Span;
use std::collections::BTreeSet;

/// Checks every wait of a workflow without a deadline. A wait whose end is already said to leave
/// something behind is not said again.
pub fn check(program: &Program, findings: &mut Vec<Diagnostic>) {
    let said: BTreeSet<Span> = findings
        .iter()
        .filter(|finding| finding.code.starts_with("F02") || finding.code.starts_with("F03"))
        .flat_map(|finding| {
            finding.labels.iter().map(|label| label.span).chain(std::iter::once(finding.span))
        })
        .collect();
    let mut found = Vec::new();
    for workflow in program.workflows.values() {
        if workflow.deadline.is_none() {
            block(&workflow.body, false, &mut found);
        }
    }
    findings.extend(found.into_iter().filter(|finding| !said.contains(&finding.span)));
}

/// `taken`: something around says what happens when time is over.
fn block(inside: &Block, taken: bool, findings: &mut Vec<Diagnostic>) {
    for each in &inside.stmts {
        stmt(each, taken, findings);
    }
}

fn takes(handlers: &Handlers) -> bool {
    handlers.otherwise.is_some() || handlers.on.iter().any(|handler| handler.on == On::Timeout)
}

fn guards(guard: &Guard) -> bool {
    guard.fallback.is_some() || takes(&guard.handlers)
}

fn stmt(stmt_: &Stmt, taken: bool, findings: &mut Vec<Diagnostic>) {
    match &stmt_.kind {
        StmtKind::Await(wait) => {
            if let (Some(bound), false) = (wait.bound, taken || takes(&wait.handlers)) {
                findings.push(
                    Diagnostic::warning("F0702", wait.span, "when this wait is over, the run fails, and nothing says so")
                        .label(bound.span, "when this time has passed, everything is undone in silence")
                        .help("write down what the business wants then: `on timeout => fail …`, `on timeout => skip`"),
                );
            }
            wait.handlers.remedies().for_each(|remedy| block(remedy, taken, findings));
        }
        StmtKind::Scope(scope) => {
            block(&scope.body, taken || guards(&scope.guard), findings);
            scope.guard.each_block(&mut |remedy| block(remedy, taken, findings));
        }
        StmtKind::Parallel(fork) => {
            let inner = taken || guards(&fork.guard);
            fork.branches.iter().for_each(|branch| stmt(branch, inner, findings));
            fork.guard.each_block(&mut |remedy| block(remedy, taken, findings));
        }
        StmtKind::ParallelEach(each) => {
            block(&each.body, taken || each.settle || guards(&each.guard), findings);
            each.guard.each_block(&mut |remedy| block(remedy, taken, findings));
        }
        StmtKind::Each(each) => block(&each.body, taken || each.settle, findings),
        StmtKind::Lock(lock) => {
            block(&lock.body, taken || takes(&lock.handlers), findings);
            lock.handlers.remedies().for_each(|remedy| block(remedy, taken, findings));
        }
        _ => stmt_.each_block(false, &mut |inner| block(inner, taken, findings)),
    }
}
