//! Locks and transactions: F0601 to F0611, F0713.
//!
//! A lock is a lease: short, one at a time, in one order over the whole program, and what is decided
//! under it is decided on what is read under it. A transaction holds rows and a connection.

mod body;
mod fence;
mod graph;
mod stale;
mod transaction;

pub use body::{Commits, without_f0301};

use super::time::Clock;
use crate::diagnostic::Diagnostic;
use crate::hir::Program;

/// Checks every lock and transaction.
pub fn check(program: &Program, commits: &Commits<'_>, findings: &mut Vec<Diagnostic>) {
    let mut clock = Clock::new(program);
    graph::check(program, findings);
    body::check(program, commits, &mut clock, findings);
    transaction::check(program, findings);
    stale::check(program, findings);
    fence::check(program, findings);
}
