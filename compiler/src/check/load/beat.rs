//! Long calls must show that they live: F0409, F0410.

use crate::check::call;
use crate::check::policy::duration;
use crate::diagnostic::Diagnostic;
use crate::hir::{Class, Program, Step, StmtKind};
use crate::span::Span;
use std::collections::BTreeSet;

/// A dead worker should be noticed sooner than this.
const LONG_MS: i64 = 600_000;

/// Checks every step, those of undos and contracts included.
pub fn check(program: &Program, findings: &mut Vec<Diagnostic>) {
    let mut seen = BTreeSet::new();
    let mut see = |step: &Step| one(program, step, &mut seen, findings);
    super::super::each_stmt(program, &mut |stmt| {
        if let StmtKind::Step(step) = &stmt.kind {
            see(step);
        }
    });
    for action in program.actions.values() {
        if let Some(own) = &action.compensate {
            own.each_block(&mut |undo| call::each_step(undo, true, &mut |step, _| see(step)));
        }
    }
}

fn one(program: &Program, step: &Step, seen: &mut BTreeSet<Span>, findings: &mut Vec<Diagnostic>) {
    let (Some(within), Some((_, action))) = (&step.within, call::action(program, step)) else {
        return;
    };
    let changes = matches!(action.class.node, Class::Write | Class::Pivot);
    let finding = match step.heartbeat {
        None if changes && within.value > LONG_MS => Diagnostic::warning(
            "F0409",
            step.call.span,
            format!(
                "nobody notices for {} that `{}` has died",
                duration(within.value),
                step.call.text
            ),
        )
        .label(within.span, "a worker that is gone looks like one that works until this is over")
        .help("let it tell that it lives: `heartbeat 30s`"),
        Some(heartbeat) if heartbeat.value.saturating_mul(2) >= within.value => Diagnostic::error(
            "F0410",
            step.call.span,
            format!("the heartbeat of `{}` comes too late to tell anything", step.call.text),
        )
        .label(heartbeat.span, format!("one sign of life every {}…", duration(heartbeat.value)))
        .label(within.span, format!("…and the attempt is over after {}", duration(within.value)))
        .help("make the heartbeat shorter than half of `within`, or leave it out"),
        _ => return,
    };
    if seen.insert(step.call.span) {
        findings.push(finding);
    }
}
