//! A lock protects what everybody locks, and only from holders that the service can tell apart:
//! F0608, F0610.

use crate::check::call;
use crate::check::recovery::Facts;
use crate::diagnostic::Diagnostic;
use crate::hir::{
    ActionId, Block, Class, ExprId, ExprKind, Lock, LockTarget, Origin, Program, Provider,
    ResourceId, Step, Stmt, StmtKind, Target, TyKind, WorkflowId,
};
use crate::span::Span;
use std::collections::{BTreeMap, BTreeSet};

/// Checks every call, under a lock or not.
pub fn check(program: &Program, findings: &mut Vec<Diagnostic>) {
    let covered = covered(program);
    let mut sites: BTreeMap<ActionId, Vec<Site<'_>>> = BTreeMap::new();
    for (id, workflow) in program.workflows.iter() {
        let mut under = Under { program, locks: Vec::new(), sites: &mut sites, findings, id };
        under.block(&workflow.body);
    }
    for (action, calls) in &sites {
        unlocked(program, *action, calls, &covered, findings);
    }
}

/// A call that writes.
struct Site<'p> {
    workflow: WorkflowId,
    step: &'p Step,
    /// Resources that are locked around it, with the place.
    held: Vec<(ResourceId, Span)>,
}

/// Resources that a child's parents hold while it runs.
fn covered(program: &Program) -> BTreeMap<WorkflowId, BTreeSet<ResourceId>> {
    let mut covered: BTreeMap<WorkflowId, BTreeSet<ResourceId>> = BTreeMap::new();
    super::super::each_stmt(program, &mut |stmt| {
        if let StmtKind::Lock(lock) = &stmt.kind {
            call::each_step(&lock.body, false, &mut |step, _| {
                if let Target::Workflow(child) = step.call.target {
                    let held = lock.targets.iter().filter_map(|target| target.resource);
                    covered.entry(child).or_default().extend(held);
                }
            });
        }
    });
    covered
}

struct Under<'p, 's, 'f> {
    program: &'p Program,
    locks: Vec<&'p Lock>,
    sites: &'s mut BTreeMap<ActionId, Vec<Site<'p>>>,
    findings: &'f mut Vec<Diagnostic>,
    id: WorkflowId,
}

impl<'p> Under<'p, '_, '_> {
    fn block(&mut self, block: &'p Block) {
        for stmt in &block.stmts {
            self.stmt(stmt);
        }
    }

    fn stmt(&mut self, stmt: &'p Stmt) {
        match &stmt.kind {
            StmtKind::Lock(lock) => {
                self.locks.push(lock);
                self.block(&lock.body);
                self.locks.pop();
                lock.handlers.remedies().for_each(|remedy| self.block(remedy));
                return;
            }
            StmtKind::Step(step) => self.step(step),
            StmtKind::Parallel(fork) => fork.branches.iter().for_each(|branch| self.stmt(branch)),
            _ => {}
        }
        stmt.each_block(false, &mut |block| self.block(block));
    }

    fn step(&mut self, step: &'p Step) {
        let Some((id, action)) = call::action(self.program, step) else { return };
        if action.class.node == Class::Read {
            return;
        }
        let targets: Vec<&LockTarget> = self.locks.iter().flat_map(|lock| &lock.targets).collect();
        let held =
            targets.iter().filter_map(|target| Some((target.resource?, target.span))).collect();
        self.sites.entry(id).or_default().push(Site { workflow: self.id, step, held });
        let service = matches!(action.provider, Provider::Service(_));
        let fenced = action.params.last().is_some_and(|param| {
            param.name.node == "fence" && matches!(param.ty.node.kind, TyKind::Int)
        });
        if targets.is_empty() || !service || action.class.node != Class::Write || fenced {
            return;
        }
        if targets.iter().any(|target| self.keyed_by(step, target.key)) {
            return;
        }
        let lock = targets.last().map_or(step.call.span, |target| target.span);
        self.findings.push(
            Diagnostic::warning(
                "F0608",
                step.call.span,
                format!("a run that has lost the lock can still do `{}`", step.call.text),
            )
            .label(lock, "the lease may end while the run is held up…")
            .label(step.call.span, "…and this then writes although somebody else holds the lock")
            .label(action.name.span, "nothing tells the service who is the later holder")
            .help("give the action a last parameter `fence: int`, which the runtime fills, or a key that contains the lock's"),
        );
    }

    /// Whether the call's key contains what the lock is taken on.
    fn keyed_by(&self, step: &Step, key: ExprId) -> bool {
        let Some(own) = &step.idempotent else { return false };
        let stands = match own.origin {
            Origin::Contract(_) => call::stands(self.program, step),
            Origin::Step => BTreeMap::new(),
        };
        let plain = Facts::new(self.program);
        // The locked thing, or the record it is a part of.
        let mut wanted = BTreeSet::new();
        let mut part = key;
        loop {
            wanted.extend(plain.spelled(part));
            match self.program.exprs[part].kind {
                ExprKind::Field { base, .. } => part = base,
                _ => break,
            }
        }
        let exact = plain.spelled(key);
        let facts = Facts::at_call(self.program, stands.clone());
        own.value.by.iter().any(|by| {
            let whole = facts.spelled(*by).is_some_and(|text| wanted.contains(&text));
            whole || self.contains(*by, &stands, exact.as_deref())
        })
    }

    fn contains(
        &self,
        by: ExprId,
        stands: &BTreeMap<crate::hir::LocalId, ExprId>,
        exact: Option<&str>,
    ) -> bool {
        let plain = Facts::new(self.program);
        let mut found = false;
        self.program.each_inner(by, &mut |inner| {
            found |= plain.spelled(inner).as_deref() == exact;
            if let ExprKind::Local(local) = &self.program.exprs[inner].kind
                && let Some(passed) = stands.get(local)
            {
                self.program.each_inner(*passed, &mut |part| {
                    found |= plain.spelled(part).as_deref() == exact;
                });
            }
        });
        found
    }
}

/// F0610: one workflow locks what another writes without.
fn unlocked(
    program: &Program,
    action: ActionId,
    calls: &[Site<'_>],
    covered: &BTreeMap<WorkflowId, BTreeSet<ResourceId>>,
    findings: &mut Vec<Diagnostic>,
) {
    let params = &program.actions[action].params;
    let mut said: BTreeSet<Span> = BTreeSet::new();
    let mut locked: BTreeMap<ResourceId, (WorkflowId, Span)> = BTreeMap::new();
    for site in calls {
        for (resource, span) in &site.held {
            let key = &program.resources[*resource].key.node.kind;
            if params.iter().any(|param| param.ty.node.kind == *key) {
                locked.entry(*resource).or_insert((site.workflow, *span));
            }
        }
    }
    for (resource, (workflow, lock)) in locked {
        for site in calls {
            let held = site.held.iter().any(|(known, _)| *known == resource);
            let outer = covered.get(&site.workflow).is_some_and(|set| set.contains(&resource));
            if site.workflow == workflow || held || outer || !said.insert(site.step.call.span) {
                continue;
            }
            let name = &program.resources[resource].name.name;
            findings.push(
                Diagnostic::warning(
                    "F0610",
                    site.step.call.span,
                    format!("`{}` is done here without the lock that others take for it", site.step.call.text),
                )
                .label(lock, format!("`{}` takes `{name}` for this…", program.workflows[workflow].name.name))
                .label(site.step.call.span, "…and this does not: one write may undo the other unseen")
                .help(format!("put it into `lock {name}(…) ttl …`, or silence this with the reason why it is safe")),
            );
        }
    }
}
