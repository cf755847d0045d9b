//! Volume and data: F0702 (a silent end of a wait), F0705, F0709, F0714.

mod batch;
mod frame;
mod silent;
mod sql;

use crate::diagnostic::Diagnostic;
use crate::hir::Program;
use crate::source::Sources;
use crate::types::Table;

/// Checks every wait, batch and SQL text.
pub fn check(program: &Program, table: &Table, sources: &Sources, findings: &mut Vec<Diagnostic>) {
    silent::check(program, findings);
    frame::check(program, table, findings);
    batch::check(program, sources, findings);
    sql::check(program, findings);
}
