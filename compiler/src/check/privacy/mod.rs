//! Privacy: where personal data and secrets may not go: F0801 to F0806.
//!
//! Types carry labels (`pii`, `secret`) that join upward through expressions; a record is as
//! confidential as what it holds. `fingerprint` and `reveal` are the ways out.

mod keep;
mod keys;
mod label;
mod secret;
mod through;
mod travel;

use crate::diagnostic::Diagnostic;
use crate::hir::Program;
use crate::types::Table;
use std::collections::BTreeSet;

/// Checks the whole program.
pub fn check(program: &Program, table: &Table, findings: &mut Vec<Diagnostic>) {
    let labels = label::Labels::new(program, table);
    let mut found = Vec::new();
    keys::check(program, &labels, &mut found);
    travel::check(program, table, &labels, &mut found);
    keep::check(program, &labels, &mut found);
    // A contract is repeated by `service B = A`: its clauses are one place.
    let mut seen = BTreeSet::new();
    findings.extend(found.into_iter().filter(|f| seen.insert((f.code, f.span))));
}
