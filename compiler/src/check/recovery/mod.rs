//! The recoverability analysis: on no path may something fail after a write that nothing undoes, or
//! after the point of no return.
//!
//! `reduce` turns a workflow into what matters here (`tree`), `walk` follows its paths with what may
//! have happened on each (`state`), `report` words what it meets. Source: S. Mehrotra et al.,
//! flexible transactions and the C* P R* shape; H. Garcia-Molina and K. Salem, Sagas, 1987.

mod choice;
mod facts;
mod fork;
mod reduce;
mod report;
mod state;
mod step;
mod tree;
mod turn;
mod unit;
mod walk;

pub use facts::Facts;
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
#[derive(Default)]
pub struct Outcome {
    /// F0201, F0202, F0204 (no undo), F0301 to F0305, F0308, F0309 of every workflow.
    pub findings: Vec<Diagnostic>,
    /// Steps that can run before the commit point, by the place of their call.
    pub before_commit: BTreeSet<Span>,
    /// Steps and locks that can run after it.
    pub after_commit: BTreeSet<Span>,
    /// Paths that were carried through a statement: what the analysis has cost.
    pub work: u64,
}

/// Analyses every workflow.
pub fn check(program: &hir::Program, sources: &Sources) -> Outcome {
    let reducer = Reducer::new(program, sources);
    let mut outcome = Outcome::default();
    for workflow in program.workflows.values() {
        let mut report = Reporter::new(&workflow.name.name);
        let body = reducer.block(&workflow.body);
        let mut walker = Walker::new(&mut report);
        walker.body(&body, vec![State::default()]);
        outcome.work += walker.work;
        outcome.before_commit.append(&mut walker.before_commit);
        outcome.after_commit.append(&mut walker.after_commit);
        let takes_back = takes_back(workflow);
        let found = report.finish().into_iter();
        outcome.findings.extend(found.filter(|f| f.code != "F0710" || !takes_back));
    }
    outcome
}

/// Whether an undo or the aftermath emits: then those who were told hear of it.
fn takes_back(workflow: &hir::Workflow) -> bool {
    let mut found = false;
    let mut emits = |block: &hir::Block| {
        block.walk(true, &mut |stmt| found |= matches!(stmt.kind, hir::StmtKind::Emit { .. }));
    };
    workflow.aftermath.iter().for_each(|aftermath| emits(&aftermath.body));
    workflow.body.walk(false, &mut |stmt| match &stmt.kind {
        hir::StmtKind::Step(step) => {
            if let hir::Undo::Own(own) = &step.undo {
                own.each_block(&mut emits);
            }
        }
        hir::StmtKind::Transaction(tx) => {
            tx.compensate.iter().for_each(|own| own.each_block(&mut emits));
        }
        _ => {}
    });
    found
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
    // Bound: each workflow is looked at once, also where they call each other in a cycle.
    let mut seen = BTreeSet::from([id]);
    let mut open = vec![id];
    while let Some(id) = open.pop() {
        if block_commits(program, &program.workflows[id].body, &mut |child| {
            if seen.insert(child) {
                open.push(child);
            }
        }) {
            return true;
        }
    }
    false
}

fn can_be_undone(program: &hir::Program, step: &hir::Step) -> bool {
    let own = match &step.undo {
        hir::Undo::None => None,
        hir::Undo::Contract(id) => program.actions[*id].compensate.as_ref(),
        hir::Undo::Own(own) => Some(own),
    };
    own.is_some_and(|own| matches!(own.how, hir::CompensateHow::Block { .. }))
}

fn block_commits(
    program: &hir::Program,
    block: &hir::Block,
    child: &mut dyn FnMut(hir::WorkflowId),
) -> bool {
    let mut found = false;
    for stmt in &block.stmts {
        stmt_commits(program, stmt, child, &mut found);
    }
    found
}

fn stmt_commits(
    program: &hir::Program,
    stmt: &hir::Stmt,
    child: &mut dyn FnMut(hir::WorkflowId),
    found: &mut bool,
) {
    match &stmt.kind {
        hir::StmtKind::Step(step) => match step.call.target {
            hir::Target::Action(id) => {
                let class = program.actions[id].class.node;
                let writes = matches!(class, hir::Class::Write | hir::Class::Tx);
                let bare = writes && matches!(step.undo, hir::Undo::None);
                // A pivot that can be undone, or that only reads, is none, whatever it says (F0306).
                let pivot = step.pivot && writes && !can_be_undone(program, step);
                *found |= class == hir::Class::Pivot || pivot || bare;
            }
            hir::Target::Workflow(id) => child(id),
            hir::Target::Error => {}
        },
        // What stands inside is one effect, and undone as one.
        hir::StmtKind::Transaction(tx) => *found |= tx.compensate.is_none(),
        _ => {}
    }
    if let hir::StmtKind::Transaction(tx) = &stmt.kind {
        tx.guard.each_block(&mut |block| *found |= block_commits(program, block, child));
        return;
    }
    stmt.each_block(false, &mut |block| *found |= block_commits(program, block, child));
    if let hir::StmtKind::Parallel(fork) = &stmt.kind {
        for branch in &fork.branches {
            stmt_commits(program, branch, child, found);
        }
    }
}

/// Declared errors that leave a transaction's body: raised there and handled nowhere in it.
fn inner_errors(program: &hir::Program, body: &hir::Block) -> Vec<(String, Span)> {
    body.stmts.iter().flat_map(|stmt| raised(program, stmt)).collect()
}

fn raised(program: &hir::Program, stmt: &hir::Stmt) -> Vec<(String, Span)> {
    match &stmt.kind {
        hir::StmtKind::Step(step) => {
            let errors = program.target_errors(&step.call.target).iter();
            let own = errors.map(|id| (program.errors[*id].name.node.to_string(), step.call.span));
            unhandled(program, &step.handlers, own.collect())
        }
        hir::StmtKind::Savepoint(point) => {
            unhandled(program, &point.handlers, inner_errors(program, &point.body))
        }
        hir::StmtKind::Each(each) if each.settle => Vec::new(),
        hir::StmtKind::Fail(fail) => vec![(fail.name.node.to_string(), fail.span)],
        _ => {
            let mut all = Vec::new();
            stmt.each_block(false, &mut |block| all.extend(inner_errors(program, block)));
            all
        }
    }
}

/// What handlers leave over, and what they raise themselves.
fn unhandled(
    program: &hir::Program,
    handlers: &hir::Handlers,
    raised: Vec<(String, Span)>,
) -> Vec<(String, Span)> {
    let named = |error: &str| {
        handlers.on.iter().any(
            |handler| matches!(&handler.on, hir::On::Error { name, .. } if name.node == *error),
        )
    };
    let mut left = match handlers.otherwise {
        Some(_) => Vec::new(),
        None => raised.into_iter().filter(|(error, _)| !named(error)).collect(),
    };
    left.extend(handlers.remedies().flat_map(|remedy| inner_errors(program, remedy)));
    left
}
