//! Waiting, people and volume: F0701, F0704, F0707, F0712, F0715.

use crate::diagnostic::Diagnostic;
use crate::hir::{ArmWait, Await, Awaited, Block, Human, Lock, Program, Repeat, StmtKind};
use crate::span::Span;

/// Checks every wait and loop.
pub fn check(program: &Program, findings: &mut Vec<Diagnostic>) {
    for human in program.humans.values() {
        assignee(human, findings);
    }
    for workflow in program.workflows.values() {
        let bounded = workflow.deadline.is_some();
        let mut rule = Rule { bounded, outer_lock: None, findings };
        rule.block(&workflow.body);
        if let Some(aftermath) = &workflow.aftermath {
            // The deadline does not apply any more once everything is undone.
            let mut rule = Rule { bounded: false, outer_lock: None, findings };
            rule.block(&aftermath.body);
        }
    }
}

fn assignee(human: &Human, findings: &mut Vec<Diagnostic>) {
    if human.assign.is_none() && !human.incomplete {
        findings.push(
            Diagnostic::error(
                "F0707",
                human.name_span,
                format!("`{}` asks somebody, but nobody in particular", human.name.name),
            )
            .label(human.name_span, "this task has no `assign`")
            .help("say who may answer: `assign role(\"…\")`"),
        );
    }
}

struct Rule<'f> {
    bounded: bool,
    /// The outermost lock seen last: one inside it waits while holding it, which other rules judge.
    outer_lock: Option<Span>,
    findings: &'f mut Vec<Diagnostic>,
}

impl Rule<'_> {
    fn block(&mut self, block: &Block) {
        block.walk(true, &mut |stmt| match &stmt.kind {
            StmtKind::Await(wait) => self.wait(wait),
            StmtKind::AwaitFirst(first) => {
                let sleeps = first.arms.iter().any(|arm| matches!(arm.wait, ArmWait::Sleep(_)));
                if !sleeps && !self.bounded {
                    self.unbounded(first.span, "add an arm that sleeps, `sleep 7d => …`");
                }
            }
            StmtKind::ParallelEach(each) if each.max.is_none() => {
                self.no_max(Span { end: each.body.span.start, ..each.span });
            }
            StmtKind::Repeat(repeat) => self.repeat(repeat),
            StmtKind::Lock(lock) => self.lock(lock),
            _ => {}
        });
    }

    fn unbounded(&mut self, span: Span, instead: &str) {
        self.findings.push(
            Diagnostic::error("F0701", span, "this may wait for ever")
                .label(span, "neither this wait nor the workflow has a bound")
                .help(format!("{instead}, or give the workflow a `deadline`")),
        );
    }

    fn wait(&mut self, wait: &Await) {
        if wait.bound.is_none() && !self.bounded {
            self.unbounded(wait.span, "say how long: `within 2d on timeout => …`");
        }
        let Some(within) = wait.bound.and_then(|bound| bound.fixed_ms) else { return };
        if !matches!(wait.awaited, Awaited::Task { .. }) {
            return;
        }
        let late = [
            wait.remind.map(|r| (r.value, r.span, "reminds nobody")),
            wait.escalate.map(|e| (e.after_ms, e.span, "escalates to nobody")),
        ];
        for (after, span, what) in late.into_iter().flatten() {
            if after >= within {
                self.findings.push(
                    Diagnostic::error(
                        "F0707",
                        wait.span,
                        format!("this task {what}: it is over by then"),
                    )
                    .label(span, "this comes no sooner than the end of the wait")
                    .help("make it shorter than `within`"),
                );
            }
        }
    }

    fn lock(&mut self, lock: &Lock) {
        if self.outer_lock.is_some_and(|outer| lock.span.end <= outer.end) {
            return;
        }
        self.outer_lock = Some(lock.span);
        if lock.within.is_none() && !self.bounded {
            self.unbounded(lock.span, "say how long to wait for the lock: `within 30s`");
        }
    }

    fn no_max(&mut self, span: Span) {
        self.findings.push(
            Diagnostic::error("F0704", span, "one large input would start everything at once")
                .label(span, "this `parallel each` has no `max`")
                .help("say how many may run at once: `max 8`"),
        );
    }

    fn repeat(&mut self, repeat: &Repeat) {
        if repeat.up_to.is_none() && !pauses(&repeat.body) {
            let span = Span { end: repeat.body.span.start, ..repeat.span };
            self.findings.push(
                Diagnostic::error("F0712", span, "this loop would turn without a pause")
                    .label(span, "its body neither waits nor sleeps, nor goes on with new values")
                    .help("add a `sleep 5s`, wait for an event, or hand new values on with `again (…)`"),
            );
        }
        let mut gives = false;
        own_gives(&repeat.body, &mut gives);
        let can_end = repeat.until.is_some() || gives;
        if repeat.up_to.is_some() && can_end && repeat.otherwise.is_none() {
            let span = Span { end: repeat.body.span.start, ..repeat.span };
            self.findings.push(
                Diagnostic::warning(
                    "F0715",
                    span,
                    "this loop can run out of turns, and nothing says what then",
                )
                .label(
                    span,
                    "when the turns are used up, the program goes on as if it had succeeded",
                )
                .help("say it: `else fail …`, `else manual \"…\"`, or `else use …`"),
            );
        }
    }
}

/// Whether a turn takes time or moves on.
fn pauses(body: &Block) -> bool {
    let mut found = false;
    body.walk(false, &mut |stmt| {
        found |= match &stmt.kind {
            StmtKind::Await(_) | StmtKind::AwaitFirst(_) | StmtKind::Sleep(..) => true,
            StmtKind::Again(values) => !values.is_empty(),
            _ => false,
        };
    });
    found
}

/// Whether a `give` of this very loop stands in its body.
fn own_gives(body: &Block, found: &mut bool) {
    for stmt in &body.stmts {
        match &stmt.kind {
            StmtKind::Give(_) => *found = true,
            StmtKind::Each(_) | StmtKind::ParallelEach(_) | StmtKind::Repeat(_) => {}
            _ => stmt.each_block(false, &mut |block| own_gives(block, found)),
        }
    }
}
