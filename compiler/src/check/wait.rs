//! Waiting, people and volume: F0701, F0704, F0707, F0712, F0715.

use crate::diagnostic::Diagnostic;
use crate::hir::{
    ArmWait, Await, Awaited, Block, Guard, Human, Lock, Program, Repeat, Stmt, StmtKind, Target,
    WorkflowId,
};
use crate::span::Span;
use std::collections::BTreeSet;

/// Checks every wait and loop.
pub fn check(program: &Program, before_commit: &BTreeSet<Span>, findings: &mut Vec<Diagnostic>) {
    for human in program.humans.values() {
        assignee(human, findings);
    }
    for workflow in program.workflows.values() {
        let mut rule = Rule { program, before_commit: Some(before_commit), findings };
        rule.block(&workflow.body, Around { bounded: workflow.deadline.is_some(), lock: false });
        if let Some(aftermath) = &workflow.aftermath {
            // The deadline does not apply any more once everything is undone.
            rule.before_commit = None;
            rule.block(&aftermath.body, Around { bounded: false, lock: false });
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

/// What is around a statement.
#[derive(Clone, Copy)]
struct Around {
    /// A deadline ends every wait in it.
    bounded: bool,
    /// A lock: one inside it waits while holding it, which other rules judge.
    lock: bool,
}

impl Around {
    /// Inside a block with these clauses.
    fn within(self, guard: &Guard) -> Self {
        Self { bounded: self.bounded || guard.deadline.is_some(), ..self }
    }
}

struct Rule<'p, 'f> {
    program: &'p Program,
    /// Locks that can run before the commit; none: nothing commits here any more.
    before_commit: Option<&'p BTreeSet<Span>>,
    findings: &'f mut Vec<Diagnostic>,
}

impl Rule<'_, '_> {
    fn block(&mut self, block: &Block, around: Around) {
        for stmt in &block.stmts {
            self.stmt(stmt, around);
        }
    }

    fn stmt(&mut self, stmt: &Stmt, around: Around) {
        match &stmt.kind {
            StmtKind::Await(wait) => self.wait(wait, around.bounded),
            StmtKind::AwaitFirst(first) => {
                let sleeps = first.arms.iter().any(|arm| matches!(arm.wait, ArmWait::Sleep(_)));
                if !sleeps && !around.bounded {
                    self.unbounded(first.span, "add an arm that sleeps, `sleep 7d => …`");
                }
            }
            StmtKind::Parallel(fork) => {
                let within = around.within(&fork.guard);
                fork.branches.iter().for_each(|branch| self.stmt(branch, within));
            }
            StmtKind::ParallelEach(each) => {
                if each.max.is_none() {
                    self.no_max(Span { end: each.body.span.start, ..each.span });
                }
                self.block(&each.body, around.within(&each.guard));
                each.guard.each_block(&mut |block| self.block(block, around));
                return;
            }
            StmtKind::Scope(scope) => {
                self.block(&scope.body, around.within(&scope.guard));
                scope.guard.each_block(&mut |block| self.block(block, around));
                return;
            }
            StmtKind::Repeat(repeat) => self.repeat(repeat),
            StmtKind::Lock(lock) => {
                self.lock(lock, around);
                self.block(&lock.body, Around { lock: true, ..around });
                lock.handlers.remedies().for_each(|block| self.block(block, around));
                return;
            }
            _ => {}
        }
        stmt.each_block(true, &mut |block| self.block(block, around));
    }

    fn unbounded(&mut self, span: Span, instead: &str) {
        self.findings.push(
            Diagnostic::error("F0701", span, "this may wait for ever")
                .label(span, "neither this wait nor the workflow has a bound")
                .help(format!("{instead}, or give the workflow a `deadline`")),
        );
    }

    fn wait(&mut self, wait: &Await, bounded: bool) {
        if wait.bound.is_none() && !bounded {
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

    fn lock(&mut self, lock: &Lock, around: Around) {
        // After the commit it is another rule's.
        let before = self.before_commit.is_none_or(|before| before.contains(&lock.span));
        if lock.within.is_none() && !around.bounded && !around.lock && before {
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
        if repeat.up_to.is_none() && !pauses(self.program, &repeat.body) {
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
fn pauses(program: &Program, body: &Block) -> bool {
    let mut moves_on = false;
    own_agains(body, &mut moves_on);
    moves_on || waits(program, body, &mut BTreeSet::new())
}

/// Whether an `again` of this very loop hands new values on; one inside another `repeat` is not its
/// own.
fn own_agains(body: &Block, found: &mut bool) {
    for stmt in &body.stmts {
        match &stmt.kind {
            StmtKind::Again(values) => *found |= !values.is_empty(),
            StmtKind::Repeat(inner) => {
                inner.otherwise.iter().for_each(|block| own_agains(block, found));
            }
            _ => stmt.each_block(false, &mut |block| own_agains(block, found)),
        }
    }
}

/// Whether a body waits by design; a child that does makes its parent wait.
fn waits(program: &Program, body: &Block, seen: &mut BTreeSet<WorkflowId>) -> bool {
    let mut found = false;
    let mut children = Vec::new();
    body.walk(false, &mut |stmt| match &stmt.kind {
        StmtKind::Await(_)
        | StmtKind::AwaitFirst(_)
        | StmtKind::Sleep(..)
        | StmtKind::Manual(..) => found = true,
        StmtKind::Step(step) => {
            if let Target::Workflow(child) = step.call.target {
                children.push(child);
            }
        }
        _ => {}
    });
    found
        || children
            .into_iter()
            .any(|id| seen.insert(id) && waits(program, &program.workflows[id].body, seen))
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
