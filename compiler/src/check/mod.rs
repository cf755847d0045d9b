//! The safety rules: what a well-formed, well-typed program must still promise.
//!
//! `recovery` is the heart; the other files hold one family of rules each. The only output is
//! findings and, where none is an error, a [`Checked`] that lowering demands.

mod call;
mod deep;
mod early;
mod hold;
mod key;
mod load;
mod lock;
mod once;
mod outcome;
mod policy;
mod privacy;
pub mod recovery;
#[cfg(test)]
mod tests;
pub mod time;
mod undo;
mod unread;
mod volume;
mod wait;

use crate::diagnostic::{Diagnostic, Severity};
use crate::hir::{Block, Program, Stmt};
use crate::source::Sources;
use crate::span::Span;
use crate::types::Table;
use std::collections::BTreeSet;
pub use unread::forgive;

/// A program without error-level findings. Only [`seal`] makes one, in any binary that is shipped.
#[derive(Clone, Copy, Debug)]
pub struct Checked<'p> {
    program: &'p Program,
    table: &'p Table,
}

impl<'p> Checked<'p> {
    /// The program.
    #[must_use]
    pub fn program(&self) -> &'p Program {
        self.program
    }

    /// Its types.
    #[must_use]
    pub fn table(&self) -> &'p Table {
        self.table
    }
}

/// Every safety rule.
#[must_use]
pub fn check(program: &Program, table: &Table, sources: &Sources) -> Vec<Diagnostic> {
    let analysis = recovery::check(program, sources);
    let mut findings = Vec::new();
    outcome::check(program, sources, &mut findings);
    // What a step says of its own unknown outcome is the more particular finding on the same write.
    let particular: BTreeSet<Span> = findings
        .iter()
        .filter(|finding| matches!(finding.code, "F0208" | "F0209"))
        .map(|finding| finding.span)
        .collect();
    findings.extend(analysis.findings.into_iter().filter(|finding| {
        let general = matches!(finding.code, "F0201" | "F0202" | "F0204" | "F0305");
        !general || !particular.contains(&finding.span)
    }));
    let commits = lock::Commits { before: &analysis.before_commit, after: &analysis.after_commit };
    undo::check(program, table, sources, &commits, &mut findings);
    policy::check(program, &analysis.before_commit, &mut findings);
    key::check(program, table, &analysis.before_commit, &mut findings);
    wait::check(program, commits.before, &mut findings);
    lock::check(program, &commits, &mut findings);
    lock::without_f0301(&mut findings);
    load::check(program, &mut findings);
    early::check(program, table, &mut findings);
    volume::check(program, table, sources, &mut findings);
    privacy::check(program, table, &mut findings);
    deep::check(program, table, &mut findings);
    findings
}

/// The witness that nothing is wrong: given only if no finding of any pass is an error.
#[must_use]
pub fn seal<'p>(
    program: &'p Program,
    table: &'p Table,
    findings: &[Diagnostic],
) -> Option<Checked<'p>> {
    let clean = findings.iter().all(|finding| finding.severity != Severity::Error);
    clean.then_some(Checked { program, table })
}

/// A witness of nothing: with it, tests show what would come of a program that is refused.
#[cfg(feature = "unchecked")]
pub(crate) fn unchecked<'p>(program: &'p Program, table: &'p Table) -> Checked<'p> {
    Checked { program, table }
}

/// Calls `see` for every block of the program that runs: bodies and aftermaths.
fn each_block<'p>(program: &'p Program, see: &mut dyn FnMut(&'p Block)) {
    for workflow in program.workflows.values() {
        see(&workflow.body);
        if let Some(aftermath) = &workflow.aftermath {
            see(&aftermath.body);
        }
    }
}

/// Calls `see` for every statement of every workflow, undo blocks included.
fn each_stmt<'p>(program: &'p Program, see: &mut dyn FnMut(&'p Stmt)) {
    each_block(program, &mut |block| block.walk(true, see));
}
