//! Keys are logged, indexed, hashed and kept: F0801.

use super::label::{Labels, what};
use crate::diagnostic::Diagnostic;
use crate::hir::{
    ArmWait, Awaited, Event, ExprId, Field, Guard, Label, Origin, Program, StmtKind, TyKind,
    Workflow,
};
use crate::span::Span;

/// Checks every key.
pub fn check(program: &Program, labels: &Labels<'_>, findings: &mut Vec<Diagnostic>) {
    let mut rule = Rule { program, labels, findings };
    for workflow in program.workflows.values() {
        rule.workflow(workflow);
    }
    for event in program.events.values() {
        rule.event(event);
    }
    for action in program.actions.values() {
        let by: Vec<ExprId> = action.idempotent.iter().flat_map(|key| key.by.clone()).collect();
        by.iter().for_each(|by| rule.key(*by, "an idempotency key"));
    }
    super::super::each_stmt(program, &mut |stmt| match &stmt.kind {
        StmtKind::Step(step) => {
            if let Some(key) = step.idempotent.as_ref().filter(|key| key.origin == Origin::Step) {
                key.value.by.iter().for_each(|by| rule.key(*by, "an idempotency key"));
            }
        }
        StmtKind::Lock(lock) => {
            lock.targets.iter().for_each(|target| rule.key(target.key, "the key of a lock"));
        }
        StmtKind::Await(wait) => rule.awaited(&wait.awaited),
        StmtKind::AwaitFirst(first) => {
            for arm in &first.arms {
                if let ArmWait::Awaited(awaited) = &arm.wait {
                    rule.awaited(awaited);
                }
            }
        }
        StmtKind::Scope(scope) => rule.guard(&scope.guard),
        _ => {}
    });
}

struct Rule<'p, 'f> {
    program: &'p Program,
    labels: &'p Labels<'p>,
    findings: &'f mut Vec<Diagnostic>,
}

impl Rule<'_, '_> {
    fn workflow(&mut self, workflow: &Workflow) {
        for by in workflow.idempotent.iter().flat_map(|key| &key.by) {
            self.key(*by, "an idempotency key");
        }
        workflow.shard.iter().for_each(|by| self.key(*by, "the key of a shard"));
        for class in &workflow.concurrency {
            class.per.iter().for_each(|per| self.key(*per, "the key of a concurrency class"));
        }
        for limit in &workflow.limits {
            limit.by.iter().for_each(|by| self.key(*by, "the key of a limit"));
        }
        workflow.index.iter().for_each(|by| self.key(*by, "an index"));
        if let Some(subject) = workflow.subject
            && self.labels.deep(subject) == Label::Secret
        {
            // Whose data it is may be personal itself.
            self.key(subject, "the subject of a run");
        }
    }

    fn key(&mut self, expr: ExprId, place: &str) {
        let label = self.labels.deep(expr);
        if label != Label::Open {
            self.say(self.program.exprs[expr].span, label, place, None);
        }
    }

    fn event(&mut self, event: &Event) {
        let mut fields: &[Field] = &event.fields;
        let mut label = Label::Open;
        let mut last = None;
        for part in &event.key {
            let Some(field) = fields.iter().find(|field| field.name.node == part.node) else {
                return;
            };
            label = label.max(field.ty.node.label);
            last = Some(field);
            fields = match &field.ty.node.kind {
                TyKind::Record(id) => &self.program.records[*id].fields,
                _ => &[],
            };
        }
        let (Some(field), Some(first), Some(end)) = (last, event.key.first(), event.key.last())
        else {
            return;
        };
        for each in [Label::Pii, Label::Secret] {
            if self.labels.holds(&field.ty.node, each) {
                label = label.max(each);
            }
        }
        if label != Label::Open {
            let span = Span { end: end.span.end, ..first.span };
            self.say(span, label, "the key of an event", Some(field.ty.span));
        }
    }

    fn awaited(&mut self, awaited: &Awaited) {
        if let Awaited::Event(wait) = awaited {
            wait.key.iter().for_each(|key| self.key(*key, "the key of an awaited event"));
        }
    }

    fn guard(&mut self, guard: &Guard) {
        for interrupt in &guard.interrupts {
            interrupt.wait.key.iter().for_each(|key| self.key(*key, "the key of an awaited event"));
        }
    }

    fn say(&mut self, span: Span, label: Label, place: &str, declared: Option<Span>) {
        let mut finding =
            Diagnostic::error("F0801", span, format!("{place} contains {}", what(label)));
        if let Some(declared) = declared {
            finding = finding.label(declared, "declared here…");
        }
        self.findings.push(
            finding.label(span, "a key is logged, indexed and kept").help(
                "use an id instead, or `fingerprint(…)`, a keyed hash that may stand in keys",
            ),
        );
    }
}
