//! The key of a run: F0504, F0507.

use crate::check::call;
use crate::diagnostic::Diagnostic;
use crate::hir::{Idx as _, Label, Program, Ty, Workflow, WorkflowId};
use std::collections::BTreeSet;

/// Checks every workflow.
pub fn check(program: &Program, findings: &mut Vec<Diagnostic>) {
    let used = call::used_inside(program);
    let scheduled: BTreeSet<WorkflowId> =
        program.schedules.iter().filter_map(|schedule| schedule.workflow).collect();
    for (id, workflow) in program.workflows.iter() {
        match &workflow.idempotent {
            Some(key) if !key.by.is_empty() => ignored(program, workflow, findings),
            Some(_) => {}
            None => {
                let why = if let Some(trigger) = workflow.triggers.first() {
                    let span = match trigger {
                        crate::hir::Trigger::Event { span, .. }
                        | crate::hir::Trigger::Batch { span, .. } => *span,
                    };
                    Some((span, "what arrives twice starts it twice"))
                } else if scheduled.contains(&id) || !used.contains(&id) {
                    Some((workflow.name_span, "a request that is sent again starts it again"))
                } else {
                    None
                };
                if let Some((span, label)) = why.filter(|_| !workflow.incomplete) {
                    findings.push(
                        Diagnostic::error(
                            "F0504",
                            workflow.keyword,
                            format!("nothing tells a repeated start of `{}` from a new one", workflow.name.name),
                        )
                        .label(span, label)
                        .help("say what makes a start the same one: `idempotent by …`, over its parameters"),
                    );
                }
            }
        }
    }
}

/// F0507: a whole parameter that the key never reads.
fn ignored(program: &Program, workflow: &Workflow, findings: &mut Vec<Diagnostic>) {
    let Some(key) = &workflow.idempotent else { return };
    let mut read = BTreeSet::new();
    for by in &key.by {
        program.each_read(*by, &mut |local| {
            read.insert(local.index());
        });
    }
    let params = workflow.params.iter().zip(&workflow.locals);
    let left: Vec<&crate::hir::Name> = params
        .filter(|(param, local)| {
            !read.contains(&local.index()) && may_be_key(program, &param.ty.node)
        })
        .map(|(param, _)| &param.name)
        .collect();
    if left.is_empty() {
        return;
    }
    let names = left.iter().map(|name| format!("`{}`", name.node)).collect::<Vec<_>>().join(", ");
    let more: String = left.iter().map(|name| format!(", {}", name.node)).collect();
    let last = key.by.last().map_or(key.span, |by| program.exprs[*by].span);
    let mut finding = Diagnostic::warning(
        "F0507",
        key.span,
        format!("two starts that differ in {names} alone are taken for one"),
    );
    for name in left {
        finding = finding.label(name.span, "this may differ…");
    }
    let after = crate::span::Span { start: last.end, ..last };
    findings.push(
        finding
            .label(key.span, "…but the key does not: the second start gets the first one's answer")
            .help("add it to the key, or silence this with the reason why the key decides it")
            .fix("add it to the key", after, more),
    );
}

/// Whether a value of this type may stand in a key: what other rules keep out of keys is not missed.
fn may_be_key(program: &Program, ty: &Ty) -> bool {
    program.deep_label(ty) == Label::Open && !super::holds_map(program, ty, &mut BTreeSet::new())
}
