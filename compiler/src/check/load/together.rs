//! Many at once: retries without jitter (F0408), branches against a rate limit (F0411).

use crate::check::call;
use crate::check::policy::duration;
use crate::diagnostic::Diagnostic;
use crate::hir::{
    Block, ParallelEach, Program, Provider, RetrySpec, Step, Stmt, StmtKind, Times, Trigger,
    Workflow,
};
use crate::span::Span;
use std::collections::BTreeSet;

/// So many that retry at the same moments are a herd.
const HERD: u64 = 100;

/// Checks every workflow.
pub fn check(program: &Program, findings: &mut Vec<Diagnostic>) {
    for workflow in program.workflows.values() {
        let mut rule = Rule { program, findings, loops: Vec::new(), seen: BTreeSet::new() };
        rule.block(&workflow.body, workflow);
    }
}

struct Rule<'p, 'f> {
    program: &'p Program,
    findings: &'f mut Vec<Diagnostic>,
    loops: Vec<&'p ParallelEach>,
    seen: BTreeSet<Span>,
}

impl<'p> Rule<'p, '_> {
    fn block(&mut self, block: &'p Block, workflow: &'p Workflow) {
        for stmt in &block.stmts {
            self.stmt(stmt, workflow);
        }
    }

    fn stmt(&mut self, stmt: &'p Stmt, workflow: &'p Workflow) {
        match &stmt.kind {
            StmtKind::ParallelEach(each) => {
                self.loops.push(each);
                self.block(&each.body, workflow);
                self.loops.pop();
                each.guard.each_block(&mut |block| self.block(block, workflow));
                return;
            }
            StmtKind::Step(step) => {
                self.herd(step.retry.as_ref(), step.call.span, &step.call.text, workflow);
                self.limited(step);
            }
            StmtKind::Transaction(tx) => {
                let span = Span { end: tx.name.span.end, ..tx.span };
                self.herd(tx.guard.retry.as_ref(), span, "transaction", workflow);
            }
            StmtKind::Parallel(fork) => {
                fork.branches.iter().for_each(|branch| self.stmt(branch, workflow));
            }
            _ => {}
        }
        stmt.each_block(false, &mut |block| self.block(block, workflow));
    }

    /// F0408.
    fn herd(&mut self, retry: Option<&RetrySpec>, span: Span, text: &str, workflow: &Workflow) {
        let Some(retry) = retry else { return };
        let repeats = !matches!(retry.times, Times::N(0 | 1) | Times::Error);
        let Some(backoff) = retry.backoff.filter(|backoff| !backoff.jitter && repeats) else {
            return;
        };
        let Some((many, at)) = self.many(workflow) else { return };
        if !self.seen.insert(span) {
            return;
        }
        self.findings.push(
            Diagnostic::warning(
                "F0408",
                span,
                format!("up to {many} of `{text}` are tried again at the same moments"),
            )
            .label(at, format!("so many may fail together: {many}…"))
            .label(backoff.span, "…and all pause for exactly as long")
            .help("spread them: add `jitter` to the backoff"),
        );
    }

    /// How many may retry together, where the source says that it is more than a hundred.
    fn many(&self, workflow: &Workflow) -> Option<(u64, Span)> {
        let maxes: Vec<(u64, Span)> = self
            .loops
            .iter()
            .filter_map(|each| each.max.as_ref().map(|max| (max.node, max.span)))
            .collect();
        if let Some(large) = maxes.iter().find(|(n, _)| *n > HERD) {
            return Some(*large);
        }
        let runs = workflow
            .concurrency
            .iter()
            .find(|class| class.per.is_none() && class.count.node > HERD)
            .map(|class| (class.count.node, class.span));
        // A bound that is written around the step is nearer than the size of the batch.
        let batch = workflow.triggers.iter().find_map(|trigger| match trigger {
            Trigger::Batch { up_to, span, .. } if up_to.node > HERD && maxes.is_empty() => {
                Some((up_to.node, *span))
            }
            _ => None,
        });
        runs.or(batch)
    }

    /// F0411.
    fn limited(&mut self, step: &Step) {
        let Some(each) = self.loops.last() else { return };
        let (Some(max), Some(within)) = (each.max.as_ref(), step.within.as_ref()) else { return };
        let Some((_, action)) = call::action(self.program, step) else { return };
        let Provider::Service(service) = action.provider else { return };
        let Some(limit) = &self.program.services[service].limit else { return };
        let windows = max.node.saturating_sub(1) / limit.count.node.max(1);
        let wait = i64::try_from(windows).unwrap_or(i64::MAX).saturating_mul(limit.per.node);
        let head = Span { end: each.body.span.start.max(each.span.start), ..each.span };
        if wait <= within.value || !self.seen.insert(head) {
            return;
        }
        self.findings.push(
            Diagnostic::warning(
                "F0411",
                head,
                format!(
                    "the last branch waits {} for its turn, longer than one call may take",
                    duration(wait)
                ),
            )
            .label(max.span, format!("{} branches call `{}` at once…", max.node, step.call.text))
            .label(
                limit.span,
                format!(
                    "…which lets through {} per {}",
                    limit.count.node,
                    duration(limit.per.node)
                ),
            )
            .label(within.span, format!("…while a call is given {}", duration(within.value)))
            .help("a smaller `max`, a larger limit, or a longer `within`"),
        );
    }
}
