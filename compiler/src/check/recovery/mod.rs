//! The recoverability analysis: on no path may something fail after a write that nothing undoes, or
//! after the point of no return.
//!
//! `reduce` turns a workflow into what matters here (`tree`), `walk` follows its paths with what may
//! have happened on each (`state`), `report` words what it meets. Source: S. Mehrotra et al.,
//! flexible transactions and the C* P R* shape; H. Garcia-Molina and K. Salem, Sagas, 1987.

mod facts;
mod reduce;
mod report;
mod state;
mod step;
mod tree;
mod walk;

pub use reduce::{Reducer, end};
pub use tree::{Cause, Effect, End, Handler, Node, Step, Undo};
pub use walk::Abort;

use crate::diagnostic::Diagnostic;
use crate::hir;
use crate::source::Sources;
use crate::span::Span;
use report::Reporter;
use state::State;
use std::collections::BTreeSet;
use walk::Walker;

/// What the analysis says of a program.
pub struct Outcome {
    /// F0201, F0202, F0204 (no undo), F0301 to F0305, F0308, F0309 of every workflow.
    pub findings: Vec<Diagnostic>,
    /// Steps that can run before the commit point, by the place of their call.
    pub before_commit: BTreeSet<Span>,
}

/// Analyses every workflow.
pub fn check(program: &hir::Program, sources: &Sources) -> Outcome {
    let reducer = Reducer::new(program, sources);
    let mut outcome = Outcome { findings: Vec::new(), before_commit: BTreeSet::new() };
    for workflow in program.workflows.values() {
        let mut report = Reporter::new(&workflow.name.name);
        let body = reducer.block(&workflow.body);
        let mut walker = Walker::new(&mut report);
        walker.body(&body, vec![State::default()]);
        outcome.before_commit.append(&mut walker.before_commit);
        outcome.findings.extend(report.finish());
    }
    outcome
}

/// Failures that leave a block of its own (an undo, the aftermath) with nothing handling them.
pub fn escapes(body: &[Node]) -> Vec<Abort> {
    let mut report = Reporter::new("");
    let mut walker = Walker::new(&mut report);
    walker.body(body, vec![State::default()]);
    walker.escaped
}

/// Whether a run of this workflow may commit, or leave a write that nothing undoes.
pub fn commits(program: &hir::Program, id: hir::WorkflowId) -> bool {
    block_commits(program, &program.workflows[id].body, 0)
}

fn block_commits(program: &hir::Program, block: &hir::Block, depth: u32) -> bool {
    let mut found = false;
    block.walk(false, &mut |stmt| {
        found |= match &stmt.kind {
            hir::StmtKind::Step(step) => match step.call.target {
                hir::Target::Action(id) => {
                    let class = program.actions[id].class.node;
                    let writes = matches!(class, hir::Class::Write | hir::Class::Tx);
                    class == hir::Class::Pivot || writes && matches!(step.undo, hir::Undo::None)
                }
                // Bound: workflows that call each other in a cycle are refused elsewhere (F0118).
                hir::Target::Workflow(child) if depth < 64 => {
                    block_commits(program, &program.workflows[child].body, depth + 1)
                }
                _ => false,
            },
            hir::StmtKind::Transaction(tx) => tx.compensate.is_none(),
            _ => false,
        };
    });
    found
}

/// Declared errors that leave a transaction's body: raised by its steps and handled by none.
fn inner_errors(program: &hir::Program, body: &hir::Block, into: &mut Vec<(String, Span)>) {
    body.walk(false, &mut |stmt| match &stmt.kind {
        hir::StmtKind::Step(step) => {
            if step.handlers.otherwise.is_some() {
                return;
            }
            for id in program.target_errors(&step.call.target) {
                let error = &program.errors[*id];
                let named = |on: &hir::On| matches!(on, hir::On::Error { name, .. } if name.node == error.name.node);
                if !step.handlers.on.iter().any(|h| named(&h.on)) {
                    into.push((error.name.node.to_string(), step.call.span));
                }
            }
        }
        hir::StmtKind::Fail(fail) => into.push((fail.name.node.to_string(), fail.span)),
        _ => {}
    });
}
