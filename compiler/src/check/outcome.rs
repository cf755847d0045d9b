//! What a step may say about its own outcome, and which word it must use: F0208, F0209, F0306, F0307,
//! F0311, F0312.

use super::recovery::{Cause, Effect, End, Handler, Reducer, Step, Undo};
use crate::diagnostic::Diagnostic;
use crate::hir::{self, Program, StmtKind};
use crate::source::Sources;

/// Checks every step of every workflow.
pub fn check(program: &Program, sources: &Sources, findings: &mut Vec<Diagnostic>) {
    let reducer = Reducer::new(program, sources);
    super::each_stmt(program, &mut |stmt| {
        if let StmtKind::Step(written) = &stmt.kind {
            let step = reducer.step(written);
            word(written, &step, findings);
            let made_up = made_up_value(&step, findings);
            let late = late_fallback(&step, findings);
            if !made_up && !late {
                undecided_pivot(&step, findings);
            }
        }
    });
}

/// F0306, F0307, F0311: `step` or `pivot`.
fn word(written: &hir::Step, step: &Step, findings: &mut Vec<Diagnostic>) {
    let undoable = matches!(step.undo, Undo::Arguments | Undo::Result);
    let finding = match (written.pivot, step.effect) {
        (true, Effect::Write | Effect::Transaction) if undoable => Diagnostic::error(
            "F0306",
            step.span,
            format!("`{}` can be undone, so it is not a pivot", step.name),
        )
        .label(written.keyword, "this says: nobody can take it back")
        .help("write `step`; the run then unwinds if something later fails")
        .fix("write `step`", written.keyword, "step"),
        (true, Effect::Read | Effect::Child) => Diagnostic::error(
            "F0306",
            step.span,
            format!("`{}` changes nothing that must stay, so it is not a pivot", step.name),
        )
        .label(written.keyword, "this says: nobody can take it back")
        .help("write `step`")
        .fix("write `step`", written.keyword, "step"),
        (false, Effect::Pivot) => Diagnostic::error(
            "F0307",
            step.span,
            format!("`{}` cannot be undone, and nothing here says so", step.name),
        )
        .label(written.keyword, "a reader takes this for something that can be undone")
        .help("write `pivot`: before it every failure unwinds, after it nothing may fail")
        .fix("write `pivot`", written.keyword, "pivot"),
        (false, Effect::CommittingChild) => Diagnostic::error(
            "F0311",
            step.span,
            format!("`{}` may commit, and nothing here says so", step.name),
        )
        .label(step.span, "this child contains a pivot, or a write that nothing undoes")
        .help("write `pivot` before `run`, or make everything in the child undoable")
        .fix("write `pivot`", written.keyword, "pivot"),
        _ => return,
    };
    findings.push(finding);
}

/// F0208: a value is made up although the effect may exist. Gives whether it is.
fn made_up_value(step: &Step, findings: &mut Vec<Diagnostic>) -> bool {
    let write = matches!(step.effect, Effect::Write | Effect::Pivot);
    if !write || step.undo != Undo::None || !may_stay_unknown(step) {
        return false;
    }
    let on_unknown = step.handlers.iter().find(|h| h.on == Some(Cause::Unknown));
    let otherwise = step.handlers.iter().find(|h| h.on.is_none());
    let Some(handler) = on_unknown.or(otherwise).filter(|h| h.end == End::GoesOn) else {
        return false;
    };
    findings.push(
        Diagnostic::error(
            "F0208",
            step.span,
            format!("the run would go on although `{}` may have happened", step.name),
        )
        .label(step.span, "its outcome may stay unknown, and nothing undoes it…")
        .label(handler.span, "…yet this goes on as if it had not happened")
        .help(
            "any one of these fixes it:\n• decide what is safe: `on refused => use …` (certainly not sent)\n• say that either way is fine: `skip`, which may also end a block\n• declare how to undo it: `compensate`",
        ),
    );
    true
}

/// F0209: the alternative may come on top of the primary. Gives whether it may.
fn late_fallback(step: &Step, findings: &mut Vec<Diagnostic>) -> bool {
    let write = matches!(step.effect, Effect::Write | Effect::Pivot);
    if !write || step.undo != Undo::None || !may_stay_unknown(step) {
        return false;
    }
    let Some(fallback) = &step.fallback else { return false };
    findings.push(
        Diagnostic::error(
            "F0209",
            step.span,
            format!("`{}` may have happened when its fallback runs: both would stand", step.name),
        )
        .label(step.span, "its outcome may stay unknown, and nothing undoes it…")
        .label(fallback.span, "…then this is done as well")
        .help(
            "declare how to undo the first one (`compensate`), or fall back `on refused => …` only",
        ),
    );
    true
}

/// F0312: nobody decides whether the run has committed.
fn undecided_pivot(step: &Step, findings: &mut Vec<Diagnostic>) {
    let pivot = step.pivot && !matches!(step.effect, Effect::Child | Effect::CommittingChild);
    if !pivot || step.probe || !may_stay_unknown(step) || step.effect == Effect::Transaction {
        return;
    }
    let asks =
        |h: &&Handler| h.end == End::Manual && (h.on == Some(Cause::Unknown) || h.on.is_none());
    let decided = match step.handlers.iter().find(|h| h.on == Some(Cause::Unknown)) {
        Some(named) => asks(&named),
        None => step.handlers.iter().find(|h| h.on.is_none()).as_ref().is_some_and(asks),
    };
    if decided {
        return;
    }
    let help = "any one of these fixes it:\n• ask until it answers: `retry forever` (the action must be `idempotent`)\n• give the action a `probe` that tells whether it happened\n• ask a person: `on unknown => manual \"…\"`";
    findings.push(
        Diagnostic::error(
            "F0312",
            step.span,
            format!("nobody may ever know whether `{}` has happened", step.name),
        )
        .label(step.span, "whether the run has committed would stay open")
        .help(help),
    );
}

/// Whether the policy can end with the outcome unknown.
fn may_stay_unknown(step: &Step) -> bool {
    step.finite() || !(step.repeatable || step.probe)
}
