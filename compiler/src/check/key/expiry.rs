//! A key must outlive what is asked with it: F0503.
//!
//! `idempotent … for d` says how long the service remembers a call. A repeat after that is a new
//! call, and an undo after that may find nobody who knows what it speaks of.

use crate::check::hold::until_commit;
use crate::check::policy::duration;
use crate::check::time::{Clock, add, cut};
use crate::diagnostic::Diagnostic;
use crate::hir::{
    Class, Compensate, CompensateHow, Program, Step, StmtKind, Times, Undo, Workflow,
};
use crate::span::Span;
use std::collections::{BTreeMap, BTreeSet};

/// Checks every key with a lifetime.
pub fn check(program: &Program, before_commit: &BTreeSet<Span>, findings: &mut Vec<Diagnostic>) {
    let mut clock = Clock::new(program);
    let mut rule = Rule { program, findings, seen: BTreeSet::new() };
    for workflow in program.workflows.values() {
        rule.workflow(workflow, before_commit, &mut clock);
    }
    for action in program.actions.values() {
        action.compensate.iter().for_each(|own| rule.undo(own));
    }
}

struct Rule<'p, 'f> {
    program: &'p Program,
    findings: &'f mut Vec<Diagnostic>,
    seen: BTreeSet<Span>,
}

impl<'p> Rule<'p, '_> {
    fn workflow(
        &mut self,
        workflow: &'p Workflow,
        before_commit: &BTreeSet<Span>,
        clock: &mut Clock<'p>,
    ) {
        let deadline = workflow.deadline.map(|deadline| deadline.value);
        let mut waits: BTreeMap<u32, Option<i64>> = BTreeMap::new();
        let program = self.program;
        let expires = |step: &Step| lifetime(step).is_some() && undone(program, step);
        for held in until_commit(workflow, clock, &expires) {
            let known = waits.entry(held.step.id.0).or_insert(held.elapsed);
            *known = match (*known, held.elapsed) {
                (Some(a), Some(b)) => Some(a.max(b)),
                _ => None,
            };
        }
        let mut steps = Vec::new();
        workflow.body.walk(false, &mut |stmt| match &stmt.kind {
            StmtKind::Step(step) => steps.push(&**step),
            StmtKind::Transaction(tx) => tx.compensate.iter().for_each(|own| self.undo(own)),
            _ => {}
        });
        for step in steps {
            if let Undo::Own(own) = &step.undo {
                self.undo(own);
            }
            let before = before_commit.contains(&step.call.span) && !step.pivot;
            let cuts = |time| cut(time, deadline.filter(|_| before));
            let tries = clock.call(step);
            if self.step(step, cuts(tries), "may still be tried again") {
                continue;
            }
            if let Some(elapsed) = waits.get(&step.id.0).filter(|_| before) {
                let own = add(tries, *elapsed);
                self.step(step, cuts(own), "may still have to be undone");
            }
        }
        if let Some(aftermath) = &workflow.aftermath {
            aftermath.body.walk(false, &mut |stmt| {
                if let StmtKind::Step(step) = &stmt.kind {
                    self.step(step, clock.call(step), "may still be tried again");
                }
            });
        }
    }

    /// Whether the horizon lies behind the end of the key.
    fn step(&mut self, step: &Step, horizon: Option<i64>, what: &str) -> bool {
        let Some((lifetime, span)) = lifetime(step) else { return false };
        if step.probe.is_some() || horizon.is_some_and(|horizon| horizon <= lifetime) {
            return false;
        }
        if !self.seen.insert(step.call.span) {
            return true;
        }
        let until =
            horizon.map_or("without end".to_owned(), |ms| format!("for up to {}", duration(ms)));
        self.findings.push(
            Diagnostic::error(
                "F0503",
                step.call.span,
                format!("`{}` {what} when its key has expired", step.call.text),
            )
            .label(step.call.span, format!("this {what} {until}…"))
            .label(span, format!("…but the service forgets the key after {}", duration(lifetime)))
            .help("any one of these fixes it:\n• bound it: fewer attempts, or a `deadline` before the key expires\n• give the action a `probe`, which can be asked instead\n• agree on a longer `for` with the service"),
        );
        true
    }

    /// An undo that insists for ever with a key that ends.
    fn undo(&mut self, own: &'p Compensate) {
        own.each_block(&mut |block| {
            block.walk(true, &mut |stmt| {
                let StmtKind::Step(step) = &stmt.kind else { return };
                let forever = step.retry.as_ref().is_some_and(|r| r.times == Times::Forever);
                if forever && step.deadline.is_none() {
                    self.step(step, None, "may still be tried again");
                }
            });
        });
    }
}

/// How long the key of a step lives, and where that is said.
fn lifetime(step: &Step) -> Option<(i64, Span)> {
    let key = step.idempotent.as_ref()?;
    Some((key.value.lifetime?.node, key.span))
}

/// Whether something undoes the step by asking with its key.
fn undone(program: &Program, step: &Step) -> bool {
    let own = match &step.undo {
        Undo::None => return false,
        Undo::Contract(id) => program.actions[*id].compensate.as_ref(),
        Undo::Own(own) => Some(own),
    };
    let write = matches!(step.call.target, crate::hir::Target::Action(id)
        if program.actions[id].class.node == Class::Write);
    write && own.is_some_and(|own| matches!(own.how, CompensateHow::Block { .. }))
}
