//! By what runs are found: each value has a name of its own (F0006, F0110) and is plain (F0102).

use crate::diagnostic::Diagnostic;
use crate::hir::{ExprId, Program, Ty, TyKind, Workflow};
use crate::span::Span;
use crate::types::Table;
use smol_str::SmolStr;
use std::collections::BTreeMap;

/// Bound: values of one workflow. Each is a row of the store for every run.
const VALUES_MAX: usize = 8;

/// Checks `index by` of every workflow.
pub fn check(program: &Program, table: &Table, findings: &mut Vec<Diagnostic>) {
    for workflow in program.workflows.values() {
        Rule { program, table, findings, names: BTreeMap::new() }.workflow(workflow);
    }
}

struct Rule<'p, 'f> {
    program: &'p Program,
    table: &'p Table,
    findings: &'f mut Vec<Diagnostic>,
    /// Where each name stands first.
    names: BTreeMap<SmolStr, Span>,
}

impl Rule<'_, '_> {
    fn workflow(&mut self, workflow: &Workflow) {
        if let Some(beyond) = workflow.index.get(VALUES_MAX) {
            let span = self.program.exprs[*beyond].span;
            let text = format!("`index by` takes {VALUES_MAX} values at most");
            let found = Diagnostic::error("F0006", span, text)
                .label(span, "one too many")
                .help("each is written with every run: keep those by which people look");
            self.findings.push(found);
        }
        for by in &workflow.index {
            self.name(*by);
            self.plain(*by);
        }
    }

    fn name(&mut self, by: ExprId) {
        let span = self.program.exprs[by].span;
        let Some(name) = self.program.index_name(by) else { return self.nameless(by, span) };
        let Some(first) = self.names.get(&name) else {
            self.names.insert(name, span);
            return;
        };
        let found = Diagnostic::error("F0110", span, format!("`{name}` is indexed already"))
            .label(*first, format!("runs are found by `{name}` here…"))
            .label(span, "…and by another value of that name here")
            .help("a value is looked for by its last word: give one a parameter of its own");
        self.findings.push(found);
    }

    fn nameless(&mut self, by: ExprId, span: Span) {
        // What is broken otherwise was reported as that.
        if self.table.own_ty(by).kind == TyKind::Error {
            return;
        }
        let text = "this value has no name by which to look for it";
        let found = Diagnostic::error("F0006", span, text)
            .label(span, "means nothing in `index by`")
            .help("name a parameter or a field, or what is made of one alone");
        self.findings.push(found);
    }

    fn plain(&mut self, by: ExprId) {
        let ty = self.table.own_ty(by);
        if self.is_plain(&ty) {
            return;
        }
        let span = self.program.exprs[by].span;
        let shown = self.program.show_ty(&ty);
        let found = Diagnostic::error("F0102", span, format!("runs are not found by `{shown}`"))
            .label(span, "this is no plain value")
            .help("index a text, a number, an amount, a time, an id, or an enum without payload");
        self.findings.push(found);
    }

    fn is_plain(&self, ty: &Ty) -> bool {
        match self.program.plain(ty).kind {
            TyKind::Optional(inner) => self.is_plain(&inner),
            _ => self.program.is_key(ty),
        }
    }
}
