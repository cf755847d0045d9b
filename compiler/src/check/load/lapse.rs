//! What a step takes hold of must last until the run commits: F0412.

use crate::check::call;
use crate::check::hold::until_commit;
use crate::check::policy::duration;
use crate::check::time::{Clock, cut};
use crate::diagnostic::Diagnostic;
use crate::hir::{Program, Step};
use std::collections::BTreeSet;

/// Checks every step whose action `lasts`.
pub fn check(program: &Program, findings: &mut Vec<Diagnostic>) {
    let lasts = |step: &Step| {
        call::action(program, step).and_then(|(_, action)| Some((action.lasts?, action)))
    };
    if program.actions.values().all(|action| action.lasts.is_none()) {
        return;
    }
    let mut clock = Clock::new(program);
    let mut seen = BTreeSet::new();
    for workflow in program.workflows.values() {
        let deadline = workflow.deadline.map(|deadline| deadline.value);
        for held in until_commit(workflow, &mut clock, &|step| lasts(step).is_some()) {
            let (Some(pivot), Some((limit, _))) = (held.pivot, lasts(held.step)) else { continue };
            let longest = cut(held.elapsed, deadline);
            if longest.is_some_and(|longest| longest <= limit.value)
                || !seen.insert(held.step.call.span)
            {
                continue;
            }
            let until = longest
                .map_or("without any bound".to_owned(), |ms| format!("after {}", duration(ms)));
            findings.push(
                Diagnostic::warning(
                    "F0412",
                    held.step.call.span,
                    format!("what `{}` takes hold of may lapse before the run commits", held.step.call.text),
                )
                .label(limit.span, format!("it lapses after {}…", duration(limit.value)))
                .label(held.step.call.span, "…from here on…")
                .label(pivot, format!("…and this may come {until}"))
                .help("take hold of it later, bound what comes between (`within`, `deadline`), or ask for a longer hold"),
            );
        }
    }
}
