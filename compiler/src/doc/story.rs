//! The story of a workflow in a few sentences.

use super::Writer;
use crate::hir::{ArmWait, Awaited, Block, Sleep, Stmt, StmtKind};
use crate::words::and;

/// What is done, as what follows "it": a verb and its object.
type Done = (&'static str, String);

impl Writer<'_> {
    /// What it does, from the start to the end, without its failures.
    pub(super) fn story(&self) -> String {
        let workflow = &self.words.program.workflows[self.id];
        let mut sentences = self.sentences(&workflow.body, true);
        if sentences.is_empty() {
            return "It does nothing outside itself.".to_owned();
        }
        if !workflow.body.stmts.iter().any(commits) {
            sentences.push("Any failure undoes what was done before it.".to_owned());
        }
        sentences.join(" ")
    }

    /// A block, a sentence for whatever is not one thing after the other.
    fn sentences(&self, block: &Block, first: bool) -> Vec<String> {
        let mut out: Vec<String> = Vec::new();
        let mut plain: Vec<Done> = Vec::new();
        let flush = |plain: &mut Vec<Done>, out: &mut Vec<String>| {
            if !plain.is_empty() {
                let begin = if first && out.is_empty() { "First it" } else { "Then it" };
                out.push(format!("{begin} {}.", phrase(plain)));
                plain.clear();
            }
        };
        for stmt in &block.stmts {
            let own = self.sentence(stmt);
            if own.is_some() {
                flush(&mut plain, &mut out);
                out.extend(own);
            } else if let StmtKind::Scope(scope) = &stmt.kind {
                flush(&mut plain, &mut out);
                out.extend(self.sentences(&scope.body, first && out.is_empty()));
            } else if let Some(done) = self.done(stmt) {
                plain.push(done);
            }
        }
        flush(&mut plain, &mut out);
        out
    }

    /// What needs a sentence of its own.
    fn sentence(&self, stmt: &Stmt) -> Option<String> {
        let text = |id| format!("`{}`", self.words.expr(id));
        Some(match &stmt.kind {
            StmtKind::Step(step) if step.pivot => format!(
                "`{}` is the point of no return: before it every failure undoes what was done; after it nothing is undone and everything is finished.",
                self.words.call(step)
            ),
            StmtKind::Parallel(fork) => {
                let inner: Vec<Done> = fork.branches.iter().filter_map(|b| self.done(b)).collect();
                format!("At the same time it {}.", phrase(&inner))
            }
            StmtKind::ParallelEach(each) => {
                format!(
                    "For each of {}, side by side, it {}.",
                    text(each.over),
                    self.within(&each.body)?
                )
            }
            StmtKind::Each(each) => {
                format!("For each of {} it {}.", text(each.over), self.within(&each.body)?)
            }
            StmtKind::If(choice) => {
                let (holds, not) = self.words.sides(choice.condition);
                let then = self.within(&choice.then);
                let other = choice.otherwise.as_ref().and_then(|block| self.within(block));
                match (then, other) {
                    (Some(then), None) => format!("If {holds}, it {then}."),
                    (None, Some(other)) => format!("If {not}, it {other}."),
                    (Some(then), Some(other)) => {
                        format!("If {holds}, it {then}; if not, it {other}.")
                    }
                    (None, None) => return None,
                }
            }
            StmtKind::Lock(lock) => {
                let held: Vec<String> =
                    lock.targets.iter().map(|t| format!("`{}`", self.words.text(t.span))).collect();
                let mut all = vec![format!("It takes hold of {}.", and(&held))];
                all.extend(self.sentences(&lock.body, false));
                all.join(" ")
            }
            _ => return None,
        })
    }

    /// What a block does, as what follows "it".
    fn within(&self, block: &Block) -> Option<String> {
        let all: Vec<Done> = block.stmts.iter().filter_map(|stmt| self.done(stmt)).collect();
        (!all.is_empty()).then(|| phrase(&all))
    }

    /// What a statement does.
    fn done(&self, stmt: &Stmt) -> Option<Done> {
        let text = |id| format!("`{}`", self.words.expr(id));
        let event = |name: &str| format!("the event `{name}`");
        Some(match &stmt.kind {
            StmtKind::Step(step) => ("calls", format!("`{}`", self.words.call(step))),
            StmtKind::Await(wait) => match &wait.awaited {
                Awaited::Event(awaited) => ("waits for", event(&awaited.name.node)),
                Awaited::Task { human, span, .. } => {
                    let name = human.map(|id| self.words.program.humans[id].name.name.to_string());
                    let asked = name.unwrap_or_else(|| self.words.text(*span));
                    ("asks", format!("a person (`{asked}`)"))
                }
            },
            StmtKind::AwaitFirst(first) => {
                let arm = |wait: &ArmWait| match wait {
                    ArmWait::Sleep(_) => "a time".to_owned(),
                    ArmWait::Awaited(Awaited::Event(awaited)) => event(&awaited.name.node),
                    ArmWait::Awaited(Awaited::Task { .. }) => "a person".to_owned(),
                };
                let arms: Vec<String> = first.arms.iter().map(|each| arm(&each.wait)).collect();
                ("waits for", format!("whichever comes first of {}", and(&arms)))
            }
            StmtKind::Sleep(_, Sleep::For(time)) => ("sleeps", text(*time)),
            StmtKind::Sleep(_, Sleep::Until(time)) => ("sleeps until", text(*time)),
            StmtKind::Transaction(tx) => {
                ("writes to", format!("`{}` in one transaction", tx.name.node))
            }
            StmtKind::Emit { event: Some(id), .. } => {
                ("emits", format!("`{}`", self.words.program.events[*id].name.name))
            }
            StmtKind::Start { workflow: Some(id), .. } => {
                ("starts", format!("`{}`", self.words.program.workflows[*id].name.name))
            }
            StmtKind::Reply(_) => ("answers", "its caller".to_owned()),
            StmtKind::Manual(..) => ("waits for", "a person to decide".to_owned()),
            StmtKind::Repeat(repeat) => ("repeats:", self.within(&repeat.body)?),
            StmtKind::Parallel(fork) => {
                let inner: Vec<Done> = fork.branches.iter().filter_map(|b| self.done(b)).collect();
                ("does at the same time:", phrase(&inner))
            }
            StmtKind::ParallelEach(each) => {
                ("for each of", format!("{} {}", text(each.over), self.within(&each.body)?))
            }
            StmtKind::Each(each) => {
                ("for each of", format!("{} {}", text(each.over), self.within(&each.body)?))
            }
            StmtKind::Scope(scope) => return Some(("does:", self.within(&scope.body)?)),
            StmtKind::Lock(lock) => return Some(("does:", self.within(&lock.body)?)),
            StmtKind::If(choice) => {
                let (holds, _) = self.words.sides(choice.condition);
                ("does, if", format!("{holds}: {}", self.within(&choice.then)?))
            }
            StmtKind::Match(choice) => {
                let arms = choice.arms.iter().filter_map(|arm| self.within(&arm.body));
                let arms: Vec<String> = arms.collect();
                if arms.is_empty() {
                    return None;
                }
                let told = format!("{}: {}", text(choice.subject), crate::words::or(&arms));
                ("does, depending on", told)
            }
            _ => return None,
        })
    }
}

/// `calls A, B and C, emits D and calls E`: what has one verb is said with it once.
fn phrase(all: &[Done]) -> String {
    let mut groups: Vec<(&str, Vec<String>)> = Vec::new();
    for (verb, object) in all {
        match groups.last_mut().filter(|(last, _)| last == verb) {
            Some((_, objects)) => objects.push(object.clone()),
            None => groups.push((verb, vec![object.clone()])),
        }
    }
    let told: Vec<String> =
        groups.iter().map(|(verb, objects)| format!("{verb} {}", and(objects))).collect();
    match told.as_slice() {
        [first @ .., last] if first.len() > 1 || groups.iter().any(|(_, o)| o.len() > 1) => {
            let first = first.join(", ");
            if first.is_empty() { last.clone() } else { format!("{first}, and then {last}") }
        }
        all => and(all),
    }
}

/// Whether a pivot stands in a statement.
fn commits(stmt: &Stmt) -> bool {
    let mut found = false;
    stmt.walk(false, &mut |inner| {
        found |= matches!(&inner.kind, StmtKind::Step(step) if step.pivot);
    });
    found
}
