//! What follows from the order of statements: which names are bound where, what can be reached,
//! which errors surface, what is never used.
//!
//! Runs after inference, on every body by itself; reads the table and never writes it.

mod assign;
mod assign_loop;
mod assign_stmt;
mod bound;
mod error_words;
mod errors;
mod unused;

use super::table::Table;
use crate::diagnostic::Diagnostic;
use crate::hir::Program;

/// Checks all bodies of a program.
pub(super) fn check(program: &Program, table: &Table, findings: &mut Vec<Diagnostic>) {
    assign::check(program, findings);
    errors::check(program, findings);
    unused::check(program, table, findings);
}
