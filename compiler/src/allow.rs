//! `allow F0305 because "…"`: warnings that the author has answered.
//!
//! An `allow` covers the next statement or item, with everything in it. It never silences an error.

use crate::diagnostic::{Diagnostic, Severity};
use crate::explain;
use crate::span::{FileId, Span};
use crate::syntax::ast;
use smol_str::SmolStr;

/// What one `allow` covers.
struct Allowed {
    code: SmolStr,
    covers: Span,
}

/// An `allow` with its reason.
pub(crate) struct Allowance {
    pub code: SmolStr,
    /// The reason, as written.
    pub reason: String,
    /// What it is about.
    pub covers: Span,
    /// All of it.
    pub span: Span,
}

/// Every `allow` of some files.
pub(crate) fn all(files: &[(FileId, ast::File)]) -> Vec<Allowance> {
    let mut all = Vec::new();
    for (_, file) in files {
        for item in &file.items {
            if let Some(lead) = item.lead() {
                list(lead, item.span(), &mut all);
            }
            if let ast::Item::Workflow(workflow) = item {
                list_block(&workflow.body, &mut all);
                workflow.aftermath.iter().for_each(|block| list_block(block, &mut all));
            }
        }
    }
    all
}

fn list_block(block: &ast::Block, all: &mut Vec<Allowance>) {
    for stmt in &block.stmts {
        list(&stmt.lead, stmt.span, all);
        each_block(&stmt.kind, &mut |inner| list_block(inner, all));
    }
}

fn list(lead: &ast::Lead, covers: Span, all: &mut Vec<Allowance>) {
    all.extend(lead.allows.iter().map(|allow| Allowance {
        code: allow.code.text.clone(),
        reason: allow.because.text.to_string(),
        covers,
        span: allow.span,
    }));
}

/// Leaves out the warnings that were answered, and adds findings about `allow` lines that cannot be
/// right.
pub(crate) fn apply(files: &[(FileId, ast::File)], diagnostics: &mut Vec<Diagnostic>) {
    let mut allowed = Vec::new();
    let mut found = Vec::new();
    for (_, file) in files {
        for item in &file.items {
            if let Some(lead) = item.lead() {
                take(lead, item.span(), &mut allowed, &mut found);
            }
            if let ast::Item::Workflow(workflow) = item {
                in_block(&workflow.body, &mut allowed, &mut found);
                workflow.aftermath.iter().for_each(|b| in_block(b, &mut allowed, &mut found));
            }
        }
    }
    diagnostics.retain(|d| {
        d.severity == Severity::Error
            || !allowed.iter().any(|a| a.code == d.code && covers(a.covers, d.span))
    });
    diagnostics.extend(found);
}

fn covers(outer: Span, inner: Span) -> bool {
    outer.file == inner.file
        && outer.start <= inner.start
        && inner.start < outer.end.max(outer.start + 1)
}

fn take(lead: &ast::Lead, covers: Span, allowed: &mut Vec<Allowed>, found: &mut Vec<Diagnostic>) {
    for allow in &lead.allows {
        let code = &allow.code;
        match explain::severity(&code.text) {
            Some(explain::Weight::Error) => found.push(
                Diagnostic::error(
                    "F0006",
                    allow.span,
                    format!("`{}` is an error, and errors cannot be allowed", code.text),
                )
                .label(code.span, "never silenced")
                .help(format!("`flowc explain {}` says how to mend it", code.text)),
            ),
            Some(_) => allowed.push(Allowed { code: code.text.clone(), covers }),
            None => {
                let near = crate::name::suggest(&code.text, explain::codes());
                let mut finding = Diagnostic::error(
                    "F0101",
                    code.span,
                    format!("there is no rule called `{}`", code.text),
                )
                .label(code.span, "not known");
                for name in near {
                    finding = finding.fix(format!("write `{name}`"), code.span, name);
                }
                found.push(finding);
            }
        }
    }
}

fn in_block(block: &ast::Block, allowed: &mut Vec<Allowed>, found: &mut Vec<Diagnostic>) {
    for stmt in &block.stmts {
        take(&stmt.lead, stmt.span, allowed, found);
        each_block(&stmt.kind, &mut |inner| in_block(inner, allowed, found));
    }
}

/// Calls `see` for every block directly inside a statement.
fn each_block<'a>(stmt: &'a ast::StmtKind, see: &mut dyn FnMut(&'a ast::Block)) {
    match stmt {
        ast::StmtKind::Step(step) | ast::StmtKind::Pivot(step) => in_clauses(&step.clauses, see),
        ast::StmtKind::Await(wait) => in_clauses(&wait.clauses, see),
        ast::StmtKind::AwaitFirst(first) => first.arms.iter().for_each(|a| see(&a.body)),
        ast::StmtKind::Parallel(fork) => {
            see(&fork.body);
            in_clauses(&fork.clauses, see);
        }
        ast::StmtKind::ParallelEach(each) => {
            see(&each.body);
            in_clauses(&each.clauses, see);
        }
        ast::StmtKind::Each(each) => see(&each.body),
        ast::StmtKind::Repeat(repeat) => {
            see(&repeat.body);
            repeat.otherwise.iter().for_each(see);
        }
        ast::StmtKind::Transaction(tx) => {
            see(&tx.body);
            in_clauses(&tx.clauses, see);
        }
        ast::StmtKind::Savepoint(point) => {
            see(&point.body);
            point.handlers.iter().for_each(|h| see(&h.remedy));
        }
        ast::StmtKind::Scope(scope) => {
            see(&scope.body);
            in_clauses(&scope.clauses, see);
        }
        ast::StmtKind::Lock(lock) => {
            see(&lock.body);
            in_clauses(&lock.clauses, see);
        }
        ast::StmtKind::If(choice) => {
            see(&choice.then);
            choice.otherwise.iter().for_each(see);
        }
        ast::StmtKind::Match(choice) => choice.arms.iter().for_each(|a| see(&a.body)),
        _ => {}
    }
}

fn in_clauses<'a>(clauses: &'a [ast::Clause], see: &mut dyn FnMut(&'a ast::Block)) {
    for clause in clauses {
        match clause {
            ast::Clause::Compensate(ast::Compensate { undo: ast::Undo::Block(block), .. }) => {
                see(block);
            }
            ast::Clause::Fallback(ast::Fallback {
                body: ast::FallbackBody::Block(block), ..
            }) => see(block),
            ast::Clause::Handler(handler) => see(&handler.remedy),
            ast::Clause::Interrupt(interrupt) => see(&interrupt.remedy),
            ast::Clause::Else(other) => see(&other.remedy),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
