//! How long after a step the run may commit, or end: for keys that expire and for holds that lapse.
//!
//! Follows the statements in order with the steps that are looked at, and adds the worst-case time of
//! what comes between. A choice takes the longer arm; what a branch or turn took hold of waits for
//! the whole block.

use super::time::{Clock, add};
use crate::hir::{Block, Handlers, Step, Stmt, StmtKind, Workflow};
use crate::span::Span;

/// One step with the time from its end.
#[derive(Clone)]
pub struct Held<'p> {
    /// The step.
    pub step: &'p Step,
    /// The longest time from its end; none is without bound.
    pub elapsed: Option<i64>,
    /// The pivot that is reached then; none: the end of the workflow.
    pub pivot: Option<Span>,
}

/// Every step of a workflow that `looked_at` chooses, with the time until each pivot behind it, or
/// until the end where none commits it.
pub fn until_commit<'p>(
    workflow: &'p Workflow,
    clock: &mut Clock<'p>,
    looked_at: &dyn Fn(&Step) -> bool,
) -> Vec<Held<'p>> {
    let mut pass = Pass { clock, looked_at, done: Vec::new() };
    let open = pass.block(&workflow.body, Vec::new());
    pass.done.extend(open);
    pass.done
}

struct Pass<'p, 'a> {
    clock: &'a mut Clock<'p>,
    looked_at: &'a dyn Fn(&Step) -> bool,
    done: Vec<Held<'p>>,
}

impl<'p> Pass<'p, '_> {
    fn block(&mut self, block: &'p Block, mut open: Vec<Held<'p>>) -> Vec<Held<'p>> {
        for stmt in &block.stmts {
            open = self.stmt(stmt, open);
        }
        open
    }

    fn stmt(&mut self, stmt: &'p Stmt, open: Vec<Held<'p>>) -> Vec<Held<'p>> {
        match &stmt.kind {
            StmtKind::Step(step) => self.step(step, open),
            StmtKind::If(choice) => {
                let mut out = self.block(&choice.then, open.clone());
                match &choice.otherwise {
                    Some(other) => out.extend(self.block(other, open)),
                    None => out.extend(open),
                }
                merged(out)
            }
            StmtKind::Match(choice) => {
                let arms = choice.arms.iter();
                let out = arms.flat_map(|arm| self.block(&arm.body, open.clone())).collect();
                merged(out)
            }
            StmtKind::Scope(scope) => {
                let open = self.block(&scope.body, open);
                self.remedied(&scope.guard.handlers, open)
            }
            StmtKind::Lock(lock) => {
                let open = later(open, lock.within.map(|within| within.value));
                let open = self.block(&lock.body, open);
                self.remedied(&lock.handlers, open)
            }
            StmtKind::Parallel(fork) => {
                let inner = |pass: &mut Self, open: &Vec<Held<'p>>| {
                    let branches = fork.branches.iter();
                    branches.flat_map(|branch| pass.stmt(branch, open.clone())).collect()
                };
                self.around(stmt, open, inner)
            }
            StmtKind::Each(each) => {
                self.around(stmt, open, |pass, open| pass.block(&each.body, open.clone()))
            }
            StmtKind::ParallelEach(each) => {
                self.around(stmt, open, |pass, open| pass.block(&each.body, open.clone()))
            }
            StmtKind::Repeat(repeat) => {
                self.around(stmt, open, |pass, open| pass.block(&repeat.body, open.clone()))
            }
            _ => {
                let time = self.clock.stmt(stmt);
                later(open, time)
            }
        }
    }

    fn step(&mut self, step: &'p Step, open: Vec<Held<'p>>) -> Vec<Held<'p>> {
        if step.pivot {
            let reached = open.into_iter().map(|held| Held { pivot: Some(step.call.span), ..held });
            self.done.extend(reached);
            return Vec::new();
        }
        let time = self.clock.step(step);
        let mut open = later(open, time);
        if (self.looked_at)(step) {
            open.push(Held { step, elapsed: Some(0), pivot: None });
        }
        open
    }

    /// A block whose branches or turns wait for each other.
    fn around(
        &mut self,
        stmt: &'p Stmt,
        open: Vec<Held<'p>>,
        inner: impl FnOnce(&mut Self, &Vec<Held<'p>>) -> Vec<Held<'p>>,
    ) -> Vec<Held<'p>> {
        let time = self.clock.stmt(stmt);
        let ended = inner(self, &open);
        let known: Vec<u32> = open.iter().map(|held| held.step.id.0).collect();
        let fresh = ended.into_iter().filter(|held| !known.contains(&held.step.id.0));
        let fresh: Vec<Held<'p>> = fresh.map(|held| Held { elapsed: time, ..held }).collect();
        let mut out = later(open, time);
        out.extend(fresh);
        merged(out)
    }

    fn remedied(&mut self, handlers: &Handlers, open: Vec<Held<'p>>) -> Vec<Held<'p>> {
        let mut longest = Some(0);
        for remedy in handlers.remedies() {
            let time = self.clock.block(remedy);
            longest = longest.and_then(|longest: i64| Some(longest.max(time?)));
        }
        later(open, longest)
    }
}

fn later(mut open: Vec<Held<'_>>, time: Option<i64>) -> Vec<Held<'_>> {
    for held in &mut open {
        held.elapsed = add(held.elapsed, time);
    }
    open
}

/// One entry for each step: the longest.
fn merged(all: Vec<Held<'_>>) -> Vec<Held<'_>> {
    let mut out: std::collections::BTreeMap<u32, Held<'_>> = std::collections::BTreeMap::new();
    for held in all {
        match out.get_mut(&held.step.id.0) {
            Some(known) => {
                known.elapsed = match (known.elapsed, held.elapsed) {
                    (Some(a), Some(b)) => Some(a.max(b)),
                    _ => None,
                };
            }
            None => {
                out.insert(held.step.id.0, held);
            }
        }
    }
    out.into_values().collect()
}
