//! Lowering: from a checked program to FIR.
//!
//! What the source leaves out is written here: defaults, inherited clauses with the caller's
//! arguments in the place of the contract's names, conversions, the names live at each durable point.
//! Only a [`Checked`] program has a FIR.

mod bound;
mod decl;
mod expr;
mod gather;
mod live;
mod names;
mod promise;
#[cfg(test)]
mod promise_tests;
mod step;
mod stmt;
mod test;
#[cfg(test)]
mod tests;
mod transaction;
mod wait;
mod workflow;

use crate::check::Checked;
use crate::hir;
use crate::source::Sources;
use crate::span::Span;
use crate::types::Table;
use sagaflow_fir as fir;

/// The FIR of a whole program.
#[must_use]
pub fn program(checked: &Checked<'_>, sources: &Sources) -> fir::Fir {
    let cx = Cx { program: checked.program(), table: checked.table(), sources };
    let mut out = decl::all(cx);
    for (id, found) in cx.program.workflows.iter() {
        out.workflows.insert(found.name.to_string(), workflow::workflow(cx, id));
    }
    out.tests = cx.program.tests.iter().map(|found| test::test(cx, found)).collect();
    for ((module, name), sample) in &cx.program.samples {
        // Text that is no JSON was reported where it is used; nobody else needs it.
        if let Ok(value) = serde_json::from_str(&sample.text) {
            out.samples.insert(format!("{module}.{name}"), value);
        }
    }
    out
}

/// Types, contracts and signatures alone, of a program that need not be right: what generated code
/// shows of a refused program.
#[must_use]
pub fn api(program: &hir::Program, table: &Table, sources: &Sources) -> fir::Fir {
    let cx = Cx { program, table, sources };
    let mut out = decl::all(cx);
    for (_, found) in cx.program.workflows.iter() {
        out.workflows.insert(found.name.to_string(), workflow::signature(cx, found));
    }
    out
}

/// What every part of lowering reads.
#[derive(Clone, Copy)]
pub(crate) struct Cx<'p> {
    pub program: &'p hir::Program,
    pub table: &'p Table,
    pub sources: &'p Sources,
}

impl Cx<'_> {
    /// Line of a place, from 1.
    pub fn line(&self, span: Span) -> u32 {
        let line = self.sources.get(span.file).map_or(1, |s| s.line_column(span.start).0);
        u32::try_from(line).unwrap_or(u32::MAX)
    }
}
