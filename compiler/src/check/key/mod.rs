//! Keys: who has one (F0504), whether it varies (F0502), is stable (F0505), tells calls apart (F0506)
//! and inputs apart (F0507), and lives long enough (F0503). Beside them, by what runs are found.

mod expiry;
mod index;
mod same;
mod stable;
mod start;
mod vary;

use crate::diagnostic::Diagnostic;
use crate::hir::{Program, RecordId, Ty, TyKind};
use crate::span::Span;
use crate::types::Table;
use std::collections::BTreeSet;

/// Checks every key of the program.
pub fn check(
    program: &Program,
    table: &Table,
    before_commit: &BTreeSet<Span>,
    findings: &mut Vec<Diagnostic>,
) {
    start::check(program, findings);
    vary::check(program, table, findings);
    stable::check(program, table, findings);
    same::check(program, findings);
    index::check(program, table, findings);
    expiry::check(program, before_commit, findings);
}

/// Whether a type is or holds a map.
fn holds_map(program: &Program, ty: &Ty, seen: &mut BTreeSet<RecordId>) -> bool {
    match &ty.kind {
        TyKind::Map(..) => true,
        TyKind::List(inner) | TyKind::Optional(inner) | TyKind::Batch(inner) => {
            holds_map(program, inner, seen)
        }
        TyKind::Alias(id) => holds_map(program, &program.aliases[*id].of.node, seen),
        TyKind::Record(id) => {
            seen.insert(*id)
                && program.records[*id].fields.iter().any(|f| holds_map(program, &f.ty.node, seen))
        }
        _ => false,
    }
}
