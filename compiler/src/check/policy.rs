//! Retries and time: F0401 to F0406, F0501.

use crate::check::once::Once;
use crate::diagnostic::Diagnostic;
use crate::hir::{self, Block, Class, Program, Provider, RetrySpec, Stmt, StmtKind, Target, Times};
use crate::span::Span;
use std::collections::BTreeSet;

/// Pauses where a policy leaves them out, in ms.
const BACKOFF: (i64, i64) = (1_000, 30_000);

/// Checks every step.
pub fn check(program: &Program, before_commit: &BTreeSet<Span>, findings: &mut Vec<Diagnostic>) {
    let mut rule = Rule { program, once: Once::new(findings) };
    super::each_block(program, &mut |block| {
        let mut undos = BTreeSet::new();
        block.walk(true, &mut |stmt| {
            own_undo(stmt, &mut |undo| {
                undo.walk(true, &mut |inner| {
                    undos.insert(inner.span);
                });
            });
            if let StmtKind::Step(step) = &stmt.kind {
                rule.step(step, undos.contains(&stmt.span));
            }
        });
    });
    for action in program.actions.values() {
        if let Some(own) = &action.compensate {
            own.each_block(&mut |undo| {
                undo.walk(true, &mut |stmt| {
                    if let StmtKind::Step(step) = &stmt.kind {
                        rule.step(step, true);
                    }
                });
            });
        }
    }
    for workflow in program.workflows.values() {
        let Some(deadline) = workflow.deadline else { continue };
        workflow.body.walk(false, &mut |stmt| {
            if let StmtKind::Step(step) = &stmt.kind
                && before_commit.contains(&step.call.span)
                && let Some(worst) = worst_case(program, step).filter(|ms| *ms > deadline.value)
            {
                findings.push(late(step, worst, deadline.span, deadline.value));
            }
        });
    }
}

/// The undo that a statement of a workflow says itself.
fn own_undo<'p>(stmt: &'p Stmt, see: &mut dyn FnMut(&'p Block)) {
    match &stmt.kind {
        StmtKind::Step(step) => {
            if let hir::Undo::Own(own) = &step.undo {
                own.each_block(see);
            }
        }
        StmtKind::Transaction(tx) => tx.compensate.iter().for_each(|own| own.each_block(see)),
        _ => {}
    }
}

struct Rule<'p, 'f> {
    program: &'p Program,
    once: Once<'f>,
}

impl Rule<'_, '_> {
    fn step(&mut self, step: &hir::Step, undo: bool) {
        let Target::Action(id) = step.call.target else { return };
        let action = &self.program.actions[id];
        if step.within.is_none() && matches!(action.provider, Provider::Service(_)) {
            self.unbounded(step, id);
        } else if let Some(probe) = &step.probe
            && let Target::Action(asked) = probe.value.call.target
            && self.program.actions[asked].within.is_none()
            && matches!(self.program.actions[asked].provider, Provider::Service(_))
        {
            self.unbounded_probe(step, asked);
        }
        self.retries_errors(step, id);
        if !undo {
            // An undo must be `idempotent` in any case, which is said by its own rule.
            self.unsafe_retry(step, id);
        }
        self.dead_else(step);
        // An undo that says nothing of its attempts insists: there is no last one.
        if !undo || step.retry.is_some() {
            self.does_not_fit(step);
            self.before_probe(step, id);
        }
    }

    /// F0404.
    fn unbounded(&mut self, step: &hir::Step, id: hir::ActionId) {
        let action = &self.program.actions[id];
        if action.incomplete {
            return;
        }
        self.once.say(
            Diagnostic::error(
                "F0404",
                step.call.span,
                format!("nothing bounds one attempt of `{}`", step.call.text),
            )
            .label(step.call.span, "this call may hang for ever")
            .label(action.name.span, "its contract has no `within`")
            .help(format!("add `within 5s` to `{}` in its contract", action.name.node)),
        );
    }

    /// F0404 of the question after an unknown outcome.
    fn unbounded_probe(&mut self, step: &hir::Step, asked: hir::ActionId) {
        let probe = &self.program.actions[asked];
        if probe.incomplete {
            return;
        }
        self.once.say(
            Diagnostic::error(
                "F0404",
                step.call.span,
                format!("nothing bounds the question whether `{}` has happened", step.call.text),
            )
            .label(step.call.span, "where its outcome is unknown, a probe is asked…")
            .label(probe.name.span, "…whose contract has no `within`: it may hang for ever")
            .help(format!("add `within 5s` to `{}` in its contract", probe.name.node)),
        );
    }

    /// F0401.
    fn retries_errors(&mut self, step: &hir::Step, id: hir::ActionId) {
        let Some(retry) = &step.retry else { return };
        for name in &retry.on {
            let declared = self.program.actions[id]
                .errors
                .iter()
                .map(|error| &self.program.errors[*error])
                .find(|error| error.name.node == name.node);
            if let Some(error) = declared.filter(|error| !error.transient) {
                self.once.say(
                    Diagnostic::warning(
                        "F0401",
                        step.call.span,
                        format!("`{}` is tried again although it said {}", step.call.text, name.node),
                    )
                    .label(retry.span, "this repeats a declared error")
                    .label(error.span, "its contract does not call it `transient`")
                    .help(format!(
                        "declare it `{} transient`, or silence this with a reason (eventual consistency, say)",
                        name.node
                    )),
                );
            }
        }
    }

    /// F0501.
    fn unsafe_retry(&mut self, step: &hir::Step, id: hir::ActionId) {
        let Some(retry) = &step.retry else { return };
        let action = &self.program.actions[id];
        let writes = matches!(action.class.node, Class::Write | Class::Pivot);
        let repeats = !matches!(retry.times, Times::N(0 | 1) | Times::Error);
        if !writes || !repeats || step.idempotent.is_some() || step.probe.is_some() {
            return;
        }
        self.once.say(
            Diagnostic::error(
                "F0501",
                step.call.span,
                format!("a second attempt of `{}` may do it twice", step.call.text),
            )
            .label(retry.span, "this tries again after an attempt whose outcome is unknown…")
            .label(action.name.span, "…but the contract does not call it `idempotent`")
            .help(format!(
                "any one of these fixes it:\n• declare `{}` as `idempotent by …`, if the service tells repeats apart\n• give it a `probe` that tells whether it happened\n• try once: `retry 1 times`",
                action.name.node
            )),
        );
    }

    /// F0405.
    fn dead_else(&mut self, step: &hir::Step) {
        let forever = step.retry.as_ref().is_some_and(|r| matches!(r.times, Times::Forever));
        let refused = step.handlers.on.iter().any(|h| matches!(h.on, hir::On::Refused));
        if !forever || step.deadline.is_some() || refused || step.fallback.is_some() {
            return;
        }
        let handled = |id: &hir::ErrorId| {
            let error = &self.program.errors[*id];
            let retried =
                step.retry.iter().flat_map(|r| &r.on).any(|on| on.node == error.name.node);
            // What is repeated for ever never comes out of the step.
            let inside = error.transient || retried;
            inside
                || step.handlers.on.iter().any(
                    |h| matches!(&h.on, hir::On::Error { name, .. } if name.node == error.name.node),
                )
        };
        let live = !self.program.target_errors(&step.call.target).iter().all(handled);
        // Where calls are held back, a step with an alternative is left instead of waiting.
        let held_back = match step.call.target {
            Target::Action(id) => match self.program.actions[id].provider {
                Provider::Service(service) => {
                    let service = &self.program.services[service];
                    service.breaker.is_some() || service.limit.is_some()
                }
                Provider::Database(_) => false,
            },
            _ => false,
        };
        if let (Some(otherwise), false) = (&step.handlers.otherwise, live || held_back) {
            self.once.say(
                Diagnostic::warning("F0405", step.call.span, "this `else` can never run")
                    .label(otherwise.span, "nothing can reach this…")
                    .label(
                        step.retry.as_ref().map_or(step.span, |r| r.span),
                        "…because this never gives up",
                    )
                    .help("leave the `else` out, or bound the retries with a `deadline`"),
            );
        }
    }

    /// F0402.
    fn does_not_fit(&mut self, step: &hir::Step) {
        let (Some(deadline), Some(within)) = (&step.deadline, &step.within) else { return };
        let Some((attempts, pauses)) = pauses(self.program, step) else { return };
        let before_last = (attempts - 1).saturating_mul(within.value).saturating_add(pauses);
        let whole = before_last.saturating_add(within.value);
        let retry = step.retry.as_ref().map_or(step.call.span, |r| r.span);
        let finding = if before_last >= deadline.value {
            Diagnostic::error(
                "F0402",
                step.call.span,
                format!("the last attempts of `{}` can never start", step.call.text),
            )
        } else if whole > deadline.value {
            Diagnostic::warning(
                "F0402",
                step.call.span,
                format!("the last attempt of `{}` may be cut short", step.call.text),
            )
        } else {
            return;
        };
        self.once.say(
            finding
                .label(retry, format!("at worst these take {}", duration(whole)))
                .label(deadline.span, format!("the step ends after {}", duration(deadline.value)))
                .help("allow fewer attempts, shorter pauses, or a longer deadline"),
        );
    }

    /// F0403.
    fn before_probe(&mut self, step: &hir::Step, id: hir::ActionId) {
        let Provider::Service(service) = self.program.actions[id].provider else { return };
        let Some(breaker) = &self.program.services[service].breaker else { return };
        let Some((attempts, pauses)) = pauses(self.program, step) else { return };
        let fewer = |n: u64| i64::try_from(n).is_ok_and(|n| n < attempts);
        // The rate counts what falls into its window: pauses that are longer leave it too few.
        let rate = breaker.rate.is_some_and(|(_, volume, window)| {
            fewer(volume) && shortest(step.retry.as_ref(), volume) <= window
        });
        let own = rate || breaker.failures.is_some_and(fewer);
        let within = step.within.as_ref().map_or(0, |w| w.value);
        let worst = attempts.saturating_mul(within).saturating_add(pauses);
        if !own || worst >= breaker.probes_after.node {
            return;
        }
        let retry = step.retry.as_ref().map_or(step.call.span, |r| r.span);
        self.once.say(
            Diagnostic::warning(
                "F0403",
                step.call.span,
                format!(
                    "the retries of `{}` open the breaker and then wait for it",
                    step.call.text
                ),
            )
            .label(retry, format!("at worst these take {}", duration(worst)))
            .label(breaker.span, "its own failures open this before they are used up")
            .help(
                "spread the attempts beyond the probe time, or let the breaker need more failures",
            ),
        );
    }
}

/// F0406.
fn late(step: &hir::Step, worst: i64, deadline: Span, bound: i64) -> Diagnostic {
    Diagnostic::warning(
        "F0406",
        step.call.span,
        format!("`{}` may take longer than the whole workflow is given", step.call.text),
    )
    .label(
        step.retry.as_ref().map_or(step.call.span, |r| r.span),
        format!("at worst this takes {}", duration(worst)),
    )
    .label(deadline, format!("the run unwinds after {}", duration(bound)))
    .help("allow fewer or quicker attempts, or a longer deadline")
}

/// Attempts and the sum of the pauses between them, in ms; nothing where there is no end.
pub(super) fn pauses(program: &Program, step: &hir::Step) -> Option<(i64, i64)> {
    let repeatable = step.idempotent.is_some()
        || matches!(step.call.target, Target::Action(id) if program.actions[id].class.node == Class::Read);
    let attempts = match step.retry.as_ref().map(|r| r.times) {
        Some(Times::N(n)) => i64::try_from(n).unwrap_or(i64::MAX).max(1),
        Some(Times::Forever | Times::Error) => return None,
        None if repeatable => 3,
        None => 1,
    };
    Some((attempts, between(step.retry.as_ref(), attempts)))
}

/// The sum of the pauses between so many attempts, in ms, at its longest.
pub(super) fn between(retry: Option<&RetrySpec>, attempts: i64) -> i64 {
    let (first, longest) = backoff(retry);
    let mut sum = 0_i64;
    let mut pause = first;
    for left in (1..attempts).rev() {
        if pause >= longest {
            sum = sum.saturating_add(longest.saturating_mul(left));
            break;
        }
        sum = sum.saturating_add(pause);
        pause = pause.saturating_mul(2);
    }
    sum
}

/// The least time between the first of so many attempts and the last, in ms: jitter draws from the
/// upper half of each pause.
fn shortest(retry: Option<&RetrySpec>, attempts: u64) -> i64 {
    let sum = between(retry, i64::try_from(attempts).unwrap_or(i64::MAX));
    let jitter = retry.and_then(|r| r.backoff).is_none_or(|backoff| backoff.jitter);
    if jitter { sum / 2 } else { sum }
}

/// First and longest pause of a policy; constant where no longest is written.
fn backoff(retry: Option<&RetrySpec>) -> (i64, i64) {
    match retry.and_then(|r| r.backoff) {
        Some(written) => (written.base_ms, written.max_ms.unwrap_or(written.base_ms)),
        None => BACKOFF,
    }
}

/// The longest a step can take, cut by its own deadline; nothing where there is no end.
pub(super) fn worst_case(program: &Program, step: &hir::Step) -> Option<i64> {
    let within = step.within.as_ref()?.value;
    let whole = pauses(program, step)
        .map(|(attempts, pauses)| attempts.saturating_mul(within).saturating_add(pauses));
    match (whole, step.deadline.as_ref()) {
        (Some(whole), Some(deadline)) => Some(whole.min(deadline.value)),
        (None, Some(deadline)) => Some(deadline.value),
        (whole, None) => whole,
    }
}

/// A duration as a person writes it, rounded to what matters.
pub(super) fn duration(ms: i64) -> String {
    let units = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s"), (1, "ms")];
    let mut rest = ms.max(0);
    let mut out = String::new();
    let mut parts = 0;
    for (size, unit) in units {
        let count = rest / size;
        if count > 0 && parts < 2 {
            out.push_str(&format!("{count}{unit}"));
            parts += 1;
            rest %= size;
        } else if parts > 0 {
            break;
        }
    }
    if out.is_empty() { "no time".to_owned() } else { out }
}
