//! Nested retries multiply: F0407.

use crate::check::policy;
use crate::diagnostic::Diagnostic;
use crate::hir::{Block, Guard, Program, RetrySpec, Stmt, StmtKind, Target, Times, WorkflowId};
use crate::span::Span;
use std::collections::{BTreeMap, BTreeSet};

/// More attempts than this, over all levels, hammer a service that is down.
const ATTEMPTS_MAX: u64 = 50;

/// Checks every step under the retries around it, in its workflow and in those that run it.
pub fn check(program: &Program, findings: &mut Vec<Diagnostic>) {
    let mut sites = BTreeMap::new();
    for (id, workflow) in program.workflows.iter() {
        runs(&workflow.body, id, &Around::default(), &mut sites);
    }
    let mut around = BTreeMap::new();
    let mut open = BTreeSet::new();
    for id in program.workflows.ids() {
        callers(&sites, id, &mut around, &mut open);
    }
    let mut rule = Rule { program, around: &around, findings, seen: BTreeSet::new() };
    for (id, workflow) in program.workflows.iter() {
        let outer = rule.around.get(&id).cloned().unwrap_or_default();
        rule.block(&workflow.body, &outer);
    }
}

/// Where each workflow is run: by whom, under which retries.
type Sites = BTreeMap<WorkflowId, Vec<(WorkflowId, Around)>>;

/// How often a place may be tried by what is around it.
#[derive(Clone, Default)]
struct Around {
    /// Retries around, outermost first, with their attempts; none is for ever.
    levels: Vec<(Span, Option<u64>)>,
}

impl Around {
    fn total(&self) -> Option<u64> {
        self.levels.iter().try_fold(1_u64, |all, (_, n)| Some(all.saturating_mul((*n)?)))
    }

    fn inside(&self, retry: Option<&RetrySpec>) -> Self {
        let mut inner = self.clone();
        if let Some(retry) = retry {
            match retry.times {
                Times::N(n) if n > 1 => inner.levels.push((retry.span, Some(n))),
                Times::Forever => inner.levels.push((retry.span, None)),
                Times::N(_) | Times::Error => {}
            }
        }
        inner
    }
}

/// The worst chain of retries around the places that run a workflow.
fn callers(
    sites: &Sites,
    id: WorkflowId,
    known: &mut BTreeMap<WorkflowId, Around>,
    open: &mut BTreeSet<WorkflowId>,
) -> Around {
    if let Some(around) = known.get(&id) {
        return around.clone();
    }
    // Workflows that run each other in a cycle are reported elsewhere.
    if !open.insert(id) {
        return Around::default();
    }
    let mut worst = Around::default();
    for (parent, site) in sites.get(&id).into_iter().flatten() {
        let mut chain = callers(sites, *parent, known, open);
        chain.levels.extend(site.levels.iter().copied());
        if chain.total().unwrap_or(u64::MAX) > worst.total().unwrap_or(u64::MAX) {
            worst = chain;
        }
    }
    known.insert(id, worst.clone());
    worst
}

fn runs(block: &Block, parent: WorkflowId, around: &Around, sites: &mut Sites) {
    for stmt in &block.stmts {
        run(stmt, parent, around, sites);
    }
}

fn run(stmt: &Stmt, parent: WorkflowId, around: &Around, sites: &mut Sites) {
    if let StmtKind::Step(step) = &stmt.kind
        && let Target::Workflow(child) = step.call.target
    {
        sites.entry(child).or_default().push((parent, around.clone()));
    }
    each(stmt, around, &mut |inner, around| runs(inner, parent, around, sites));
    if let StmtKind::Parallel(fork) = &stmt.kind {
        fork.branches.iter().for_each(|branch| run(branch, parent, around, sites));
    }
}

/// Calls `see` for each block inside a statement, with the retries around it.
fn each<'p>(stmt: &'p Stmt, around: &Around, see: &mut dyn FnMut(&'p Block, &Around)) {
    match &stmt.kind {
        StmtKind::Scope(scope) => guarded(&scope.body, &scope.guard, around, see),
        // Inside, a statement is not tried again: the block is.
        StmtKind::Transaction(tx) => {
            tx.guard.each_block(&mut |block| see(block, around));
        }
        _ => stmt.each_block(false, &mut |block| see(block, around)),
    }
}

fn guarded<'p>(
    body: &'p Block,
    guard: &'p Guard,
    around: &Around,
    see: &mut dyn FnMut(&'p Block, &Around),
) {
    see(body, &around.inside(guard.retry.as_ref()));
    guard.each_block(&mut |block| see(block, around));
}

struct Rule<'p, 'a, 'f> {
    program: &'p Program,
    around: &'a BTreeMap<WorkflowId, Around>,
    findings: &'f mut Vec<Diagnostic>,
    seen: BTreeSet<Span>,
}

impl Rule<'_, '_, '_> {
    fn block(&mut self, block: &Block, around: &Around) {
        for stmt in &block.stmts {
            self.stmt(stmt, around);
        }
    }

    fn stmt(&mut self, stmt: &Stmt, around: &Around) {
        match &stmt.kind {
            StmtKind::Step(step) if matches!(step.call.target, Target::Action(_)) => {
                let own = policy::pauses(self.program, step).map(|(n, _)| n);
                self.attempts(step.call.span, &step.call.text, own, around);
            }
            StmtKind::Transaction(tx) => {
                let own = match tx.guard.retry.as_ref().map(|retry| retry.times) {
                    None => Some(5),
                    Some(Times::N(n)) => i64::try_from(n).ok(),
                    Some(_) => None,
                };
                let span = Span { end: tx.name.span.end, ..tx.span };
                self.attempts(span, "transaction", own, around);
            }
            StmtKind::Parallel(fork) => {
                fork.branches.iter().for_each(|branch| self.stmt(branch, around));
            }
            _ => {}
        }
        each(stmt, around, &mut |inner, around| self.block(inner, around));
    }

    fn attempts(&mut self, span: Span, text: &str, own: Option<i64>, around: &Around) {
        // What never gives up is never tried again by what is around it.
        let Some(own) = own.and_then(|n| u64::try_from(n).ok()) else { return };
        if own < 2 || around.levels.is_empty() {
            return;
        }
        let all = around.total().map(|outer| outer.saturating_mul(own));
        if all.is_some_and(|all| all <= ATTEMPTS_MAX) || !self.seen.insert(span) {
            return;
        }
        let count = all.map_or("without end".to_owned(), |all| format!("up to {all} times"));
        let mut finding = Diagnostic::warning(
            "F0407",
            span,
            format!("`{text}` may be tried {count}: nested retries multiply"),
        );
        for (at, n) in &around.levels {
            let times = n.map_or("for ever".to_owned(), |n| format!("{n} times"));
            finding = finding.label(*at, format!("all of this is tried {times}…"));
        }
        self.findings.push(
            finding
                .label(span, format!("…and this {own} times in each"))
                .help("retry on one level only: `retry 1 times` inside, or no `retry` around it"),
        );
    }
}
