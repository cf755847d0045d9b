//! What may stand in a lock, and how long it may take: F0603, F0605, F0611.

use crate::check::policy::duration;
use crate::check::time::Clock;
use crate::diagnostic::Diagnostic;
use crate::hir::{Block, Lock, On, Program, Stmt, StmtKind, Target, WorkflowId};
use crate::span::Span;
use std::collections::BTreeSet;

/// Which locks and steps are reached before the run commits, and which after.
pub struct Commits<'a> {
    /// By place: before.
    pub before: &'a BTreeSet<Span>,
    /// By place: after.
    pub after: &'a BTreeSet<Span>,
}

/// A lease should be given back with this much of its time left, in percent.
const MARGIN: i64 = 80;

/// Checks every lock.
pub fn check<'p>(
    program: &'p Program,
    commits: &Commits<'_>,
    clock: &mut Clock<'p>,
    findings: &mut Vec<Diagnostic>,
) {
    let mut rule = Rule { program, clock, findings, seen: BTreeSet::new() };
    super::super::each_stmt(program, &mut |stmt| {
        if let StmtKind::Lock(lock) = &stmt.kind {
            rule.lock(lock);
            if commits.after.contains(&lock.span) && !bounded(lock) {
                rule.queues(lock);
            }
        }
    });
}

/// Takes out what the more particular finding on the same lock says.
pub fn without_f0301(findings: &mut Vec<Diagnostic>) {
    let locks: BTreeSet<Span> =
        findings.iter().filter(|f| f.code == "F0611").map(|f| f.span).collect();
    let same = |a: &Span, b: Span| a.file == b.file && a.start == b.start;
    findings.retain(|f| f.code != "F0301" || !locks.iter().any(|lock| same(lock, f.span)));
}

/// Whether waiting for the lock ends, and something says what then.
fn bounded(lock: &Lock) -> bool {
    let handled = lock.handlers.otherwise.is_some()
        || lock.handlers.on.iter().any(|handler| handler.on == On::Timeout);
    lock.within.is_some() && handled
}

struct Rule<'p, 'a, 'f> {
    program: &'p Program,
    clock: &'a mut Clock<'p>,
    findings: &'f mut Vec<Diagnostic>,
    /// What waits in two nested locks is one finding.
    seen: BTreeSet<Span>,
}

impl<'p> Rule<'p, '_, '_> {
    fn lock(&mut self, lock: &'p Lock) {
        let mut waits = Vec::new();
        self.waiting(&lock.body, &mut waits);
        if !waits.is_empty() {
            for (span, what) in waits {
                self.waits(lock, span, what);
            }
            return;
        }
        let head = head(lock);
        if let Some(call) = self.hidden_wait(&lock.body) {
            self.findings.push(
                Diagnostic::error("F0605", head, "this lock is held while a child waits")
                    .label(call, "this child waits for a person, an event or a time…")
                    .label(lock.ttl.span, "…but the lease is over by then")
                    .help("run the child before or behind the lock"),
            );
            return;
        }
        let worst = self.clock.block(&lock.body);
        let ttl = lock.ttl.node;
        let finding = match worst {
            None => Diagnostic::error("F0605", head, "nothing bounds how long this lock is held")
                .label(lock.ttl.span, "the lease ends after this, whether the body is done or not")
                .help("bound what stands inside: a `deadline` for its steps, a `within` for its locks, attempts that end"),
            Some(worst) if worst > ttl => Diagnostic::error(
                "F0605",
                head,
                format!("this lock may be held for {}, longer than its lease", duration(worst)),
            )
            .label(lock.ttl.span, format!("the lease ends after {}", duration(ttl)))
            .help("a longer `ttl`, fewer or quicker attempts inside, or less inside the lock"),
            Some(worst) if worst > ttl / 100 * MARGIN + ttl % 100 * MARGIN / 100 => {
                Diagnostic::warning(
                    "F0605",
                    head,
                    format!("this lock may be held for {}, nearly as long as its lease", duration(worst)),
                )
                .label(lock.ttl.span, format!("the lease ends after {}: less than a fifth is left", duration(ttl)))
                .help("a longer `ttl`: an expired lease is no lock")
            }
            Some(_) => return,
        };
        self.findings.push(finding);
    }

    /// Waits that can be seen in the body.
    fn waiting(&self, body: &'p Block, waits: &mut Vec<(Span, &'static str)>) {
        body.walk(false, &mut |stmt| match &stmt.kind {
            StmtKind::Await(wait) => {
                waits.push((wait.span, "somebody else's answer is waited for"))
            }
            StmtKind::AwaitFirst(first) => {
                waits.push((first.span, "somebody else's answer is waited for"));
            }
            StmtKind::Sleep(..) => waits.push((stmt.span, "this sleeps")),
            StmtKind::Each(each)
                if each.max.is_none() && self.clock.length(each.over).is_none() =>
            {
                waits.push((until(stmt, &each.body), "nothing bounds the number of turns"));
            }
            StmtKind::ParallelEach(each) if self.clock.length(each.over).is_none() => {
                waits.push((until(stmt, &each.body), "nothing bounds the number of turns"));
            }
            _ => {}
        });
    }

    fn waits(&mut self, lock: &Lock, span: Span, what: &str) {
        if !self.seen.insert(span) {
            return;
        }
        self.findings.push(
            Diagnostic::error("F0603", span, "a lock is held while nobody knows how long this takes")
                .label(head(lock), "the lock is taken here, for a short lease…")
                .label(span, format!("…and {what} while it is held"))
                .help("wait first and take the lock then, reading again what may have changed; a loop needs a bound: `max 50`"),
        );
    }

    /// A child in the body that waits by design.
    fn hidden_wait(&self, body: &'p Block) -> Option<Span> {
        let mut found = None;
        body.walk(false, &mut |stmt| {
            if let StmtKind::Step(step) = &stmt.kind
                && let Target::Workflow(child) = step.call.target
                && found.is_none()
                && waits(self.program, child, &mut BTreeSet::new())
            {
                found = Some(step.call.span);
            }
        });
        found
    }

    /// F0611.
    fn queues(&mut self, lock: &Lock) {
        let finding = Diagnostic::warning(
            "F0611",
            head(lock),
            "a run that has committed may wait for this lock without end",
        );
        let (finding, help) = match lock.within {
            Some(within) => (
                finding.label(within.span, "when this is over, nothing says what then"),
                "say it: `on timeout => …`, or `else …`",
            ),
            None => (
                finding.label(
                    head(lock),
                    "nothing ends this after the commit: the deadline only alerts",
                ),
                "bound it and say what then: `within 30s`, and `on timeout => …` behind the block",
            ),
        };
        self.findings.push(finding.help(help));
    }
}

/// From `lock` to its lease.
fn head(lock: &Lock) -> Span {
    let end = lock.within.map_or(lock.ttl.span.end, |within| within.span.end);
    Span { end: end.max(lock.ttl.span.end), ..lock.span }
}

fn until(stmt: &Stmt, body: &Block) -> Span {
    Span { end: body.span.start.max(stmt.span.start), ..stmt.span }
}

fn waits(program: &Program, id: WorkflowId, seen: &mut BTreeSet<WorkflowId>) -> bool {
    if !seen.insert(id) {
        return false;
    }
    let mut found = false;
    let mut children = Vec::new();
    program.workflows[id].body.walk(false, &mut |stmt| match &stmt.kind {
        StmtKind::Await(_) | StmtKind::AwaitFirst(_) | StmtKind::Sleep(..) => found = true,
        StmtKind::Step(step) => {
            if let Target::Workflow(child) = step.call.target {
                children.push(child);
            }
        }
        _ => {}
    });
    found || children.into_iter().any(|child| waits(program, child, seen))
}
