//! What is decided under a lock or in a transaction is decided on what is read there: F0607, F0713.

use crate::check::call;
use crate::diagnostic::Diagnostic;
use crate::hir::{
    Block, Class, ExprId, LocalId, Program, Provider, Step, Stmt, StmtKind, Target, Workflow,
};
use crate::span::Span;
use std::collections::{BTreeMap, BTreeSet};

/// Checks every lock and transaction.
pub fn check(program: &Program, findings: &mut Vec<Diagnostic>) {
    let lets = call::lets(program);
    for workflow in program.workflows.values() {
        let mut rule = Rule {
            program,
            lets: &lets,
            reads: reads(program, workflow),
            findings,
            seen: BTreeSet::new(),
        };
        workflow.body.walk(false, &mut |stmt| match &stmt.kind {
            StmtKind::Lock(lock) => rule.region(&lock.body, true),
            StmtKind::Transaction(tx) => rule.region(&tx.body, false),
            _ => {}
        });
    }
}

/// Names that reads bind.
fn reads<'p>(program: &'p Program, workflow: &'p Workflow) -> BTreeMap<LocalId, &'p Step> {
    let mut reads = BTreeMap::new();
    call::each_step(&workflow.body, false, &mut |step, _| {
        let read = call::action(program, step).is_some_and(|(_, a)| a.class.node == Class::Read);
        if let (Some(local), true) = (step.bind, read) {
            reads.insert(local, step);
        }
    });
    reads
}

struct Rule<'p, 'l, 'f> {
    program: &'p Program,
    lets: &'l BTreeMap<LocalId, ExprId>,
    reads: BTreeMap<LocalId, &'p Step>,
    findings: &'f mut Vec<Diagnostic>,
    seen: BTreeSet<(&'static str, Span)>,
}

/// A lock's or transaction's body while it is followed.
struct Region {
    locked: bool,
    /// Read since the lock was last taken.
    fresh: BTreeSet<LocalId>,
    /// Where the last write stands.
    last_write: u32,
}

impl<'p> Rule<'p, '_, '_> {
    fn region(&mut self, body: &'p Block, locked: bool) {
        let mut last_write = 0;
        body.walk(false, &mut |stmt| {
            if self.is_write(stmt) {
                last_write = last_write.max(stmt.span.start);
            }
        });
        if last_write == 0 {
            return;
        }
        let mut region = Region { locked, fresh: BTreeSet::new(), last_write };
        self.block(body, &mut region);
    }

    fn block(&mut self, block: &'p Block, region: &mut Region) {
        for stmt in &block.stmts {
            self.stmt(stmt, region);
        }
    }

    fn stmt(&mut self, stmt: &'p Stmt, region: &mut Region) {
        match &stmt.kind {
            StmtKind::If(choice) => {
                let arms: Vec<&Block> =
                    std::iter::once(&choice.then).chain(&choice.otherwise).collect();
                self.condition(choice.condition, &arms, stmt, region);
            }
            StmtKind::Match(choice) => {
                let arms: Vec<&Block> = choice.arms.iter().map(|arm| &arm.body).collect();
                self.condition(choice.subject, &arms, stmt, region);
            }
            StmtKind::Parallel(fork) => {
                fork.branches.iter().for_each(|branch| self.stmt(branch, region));
            }
            // A park gives the lock back: what was read before may have changed since.
            StmtKind::Manual(..) => region.fresh.clear(),
            _ => {}
        }
        stmt.each_block(false, &mut |block| self.block(block, region));
        if let StmtKind::Step(step) = &stmt.kind {
            region.fresh.extend(step.bind);
        }
    }

    fn condition(
        &mut self,
        condition: ExprId,
        arms: &[&'p Block],
        stmt: &'p Stmt,
        region: &Region,
    ) {
        let mut inside = false;
        let mut leaves = false;
        for arm in arms {
            arm.walk(false, &mut |inner| inside |= self.is_write(inner));
            leaves |= !arm.exits().falls;
        }
        // An arm that leaves decides whether what follows is done at all.
        let decides = inside || (leaves && region.last_write > stmt.span.end);
        if !decides {
            return;
        }
        let mut read = BTreeSet::new();
        self.read_in(condition, &mut read);
        let span = self.program.exprs[condition].span;
        for local in read {
            let Some(step) = self.reads.get(&local).copied() else { continue };
            let cached = call::action(self.program, step).is_some_and(|(_, a)| a.cache.is_some());
            let finding = if cached {
                self.cached(step, span, region)
            } else if region.locked && !region.fresh.contains(&local) {
                self.stale(step, span)
            } else {
                continue;
            };
            if self.seen.insert((finding.code, finding.span)) {
                self.findings.push(finding);
            }
            return;
        }
    }

    /// F0713.
    fn cached(&self, step: &Step, condition: Span, region: &Region) -> Diagnostic {
        let place = if region.locked { "under a lock" } else { "in a transaction" };
        let mut finding = Diagnostic::warning(
            "F0713",
            step.call.span,
            format!(
                "a write {place} is decided by what `{}` may have said long ago",
                step.call.text
            ),
        );
        if let Some((_, action)) = call::action(self.program, step)
            && let Some(cache) = action.cache
        {
            finding = finding.label(cache.span, "an answer may be as old as this…");
        }
        finding
            .label(step.call.span, "…and is taken here…")
            .label(condition, "…to decide a write that is meant to see what holds now")
            .help("read it with an action that has no `cache`")
    }

    /// F0607.
    fn stale(&self, step: &Step, condition: Span) -> Diagnostic {
        Diagnostic::warning(
            "F0607",
            condition,
            format!(
                "this decides a write under the lock by what `{}` said before it",
                step.call.text
            ),
        )
        .label(step.call.span, "this is read while the lock is not held…")
        .label(condition, "…and may have changed when it decides here")
        .help("read it again inside the lock, before deciding")
    }

    /// Names that an expression reads, through names that are computed from others.
    fn read_in(&self, expr: ExprId, found: &mut BTreeSet<LocalId>) {
        let mut open = vec![expr];
        while let Some(expr) = open.pop() {
            self.program.each_read(expr, &mut |local| {
                if found.insert(local) {
                    open.extend(self.lets.get(&local));
                }
            });
        }
    }

    fn is_write(&self, stmt: &Stmt) -> bool {
        match &stmt.kind {
            StmtKind::Step(step) => {
                step.pivot
                    || matches!(step.call.target, Target::Workflow(_))
                    || call::writes(self.program, step)
            }
            StmtKind::Transaction(tx) => {
                let mut found = false;
                call::each_step(&tx.body, false, &mut |step, _| {
                    let action = call::action(self.program, step);
                    found |= action.is_some_and(|(_, action)| {
                        matches!(action.provider, Provider::Database(_))
                            && action.class.node == Class::Tx
                    });
                });
                found
            }
            _ => false,
        }
    }
}
