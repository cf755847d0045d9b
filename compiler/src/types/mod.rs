//! Types: what every expression is, what members and patterns mean, and what follows from types
//! alone: bound names, covered cases, declared errors.
//!
//! [`infer`] reads a resolved program and answers a [`Table`] beside it, with what is wrong. It
//! never fails: what could not be told is `Ty::error()`, was reported once, and is silent from then on.
//! Nothing here judges recovery, time, keys or privacy; `check` does.

mod builtin;
mod calendar;
mod call;
mod cx;
mod decide;
mod decl;
mod exhaustive;
mod expr;
mod field;
mod fit;
mod flow;
mod formula;
mod instance;
mod list;
mod literal;
mod loops;
mod map;
mod member;
mod methods;
mod money;
mod operator;
mod parts;
mod pattern;
mod sample;
mod scalar;
mod step;
mod stmt;
mod suite;
mod synonym;
mod table;
mod wait;
mod walk;

pub use crate::hir::{Label, Ty, TyKind, TyRef};
pub use instance::Instances;
pub use literal::literal_json;
pub use table::*;
pub use walk::{operands, reads};

use crate::diagnostic::Diagnostic;
use crate::hir::Program;

#[cfg(test)]
mod tests;

/// What can stand right of a dot after a value of this kind, its fields aside.
#[must_use]
pub fn parts(kind: &TyKind) -> Vec<&'static str> {
    let mut names = methods::names(kind);
    names.extend(parts::names(kind));
    names
}

/// Tells the type of everything in a program, and what is wrong with it.
#[must_use]
pub fn infer(program: &Program) -> (Table, Vec<Diagnostic>) {
    let mut cx = cx::Cx::new(program);
    cx.declarations();
    cx.bodies();
    let cx::Cx { table, mut findings, .. } = cx;
    flow::check(program, &table, &mut findings);
    findings.sort_by_key(|finding| (finding.span.file, finding.span.start, finding.code));
    findings.dedup();
    (table, findings)
}
