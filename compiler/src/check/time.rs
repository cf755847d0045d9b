//! Worst-case time: how long a block can take by the bounds its source declares.
//!
//! Nothing stands for "no bound". Time spent in `manual` counts for no rule.

use super::policy;
use crate::hir::{
    ArmWait, Await, AwaitFirst, Block, Builtin, Class, Each, ExprId, ExprKind, Guard, Handlers,
    Literal, Lock, ParallelEach, Program, Repeat, RetrySpec, Sleep, Step, Stmt, StmtKind, Target,
    Times, Transaction, WorkflowId,
};
use std::collections::BTreeMap;

/// One statement of a transaction, where nothing else is said.
const STATEMENT_MS: i64 = 30_000;
/// Attempts of a transaction and the pauses between them, where nothing is said.
const TRANSACTION: (i64, i64, i64) = (5, 20, 1_000);

/// Computes times of one program; children are looked at once.
pub struct Clock<'p> {
    program: &'p Program,
    children: BTreeMap<WorkflowId, Option<i64>>,
    /// What names bound by `x = e` stand for.
    lets: BTreeMap<crate::hir::LocalId, ExprId>,
    /// Inside a transaction, where the block is tried again and not the statement.
    inside: bool,
}

impl<'p> Clock<'p> {
    /// For this program.
    pub fn new(program: &'p Program) -> Self {
        let mut lets = BTreeMap::new();
        super::each_stmt(program, &mut |stmt| {
            if let StmtKind::Let(local, value) = stmt.kind {
                lets.insert(local, value);
            }
        });
        Self { program, children: BTreeMap::new(), lets, inside: false }
    }

    /// Statements in order.
    pub fn block(&mut self, block: &Block) -> Option<i64> {
        block.stmts.iter().try_fold(0_i64, |sum, stmt| Some(sum.saturating_add(self.stmt(stmt)?)))
    }

    /// One statement, its remedies included.
    pub fn stmt(&mut self, stmt: &Stmt) -> Option<i64> {
        match &stmt.kind {
            StmtKind::Step(step) => self.step(step),
            StmtKind::Await(wait) => self.wait(wait),
            StmtKind::AwaitFirst(first) => self.first(first),
            StmtKind::Sleep(_, sleep) => self.sleep(*sleep),
            StmtKind::Parallel(fork) => {
                let branches = fork.branches.iter().map(|branch| self.stmt(branch)).collect();
                self.guarded(longest(branches), &fork.guard)
            }
            StmtKind::ParallelEach(each) => self.parallel_each(each),
            StmtKind::Each(each) => self.each(each),
            StmtKind::Repeat(repeat) => self.repeat(repeat),
            StmtKind::Transaction(tx) => self.transaction(tx),
            StmtKind::Savepoint(point) => {
                let body = self.block(&point.body);
                add(body, self.remedies(&point.handlers))
            }
            StmtKind::Scope(scope) => {
                let body = self.block(&scope.body);
                let body = attempts(body, scope.guard.retry.as_ref());
                self.guarded(body, &scope.guard)
            }
            StmtKind::Lock(lock) => self.lock(lock),
            StmtKind::If(choice) => {
                let then = self.block(&choice.then);
                let other = choice.otherwise.as_ref().map_or(Some(0), |block| self.block(block));
                longest(vec![then, other])
            }
            StmtKind::Match(choice) => {
                let arms = choice.arms.iter().map(|arm| self.block(&arm.body)).collect();
                longest(arms)
            }
            _ => Some(0),
        }
    }

    /// One step, cut by its own deadline, with its fallback and its longest remedy.
    pub fn step(&mut self, step: &Step) -> Option<i64> {
        let own = self.call(step);
        let fallback = step.fallback.as_ref().map_or(Some(0), |f| self.block(&f.body));
        add(add(own, fallback), self.remedies(&step.handlers))
    }

    /// The attempts of a step alone.
    pub fn call(&mut self, step: &Step) -> Option<i64> {
        match step.call.target {
            Target::Error => Some(0),
            Target::Workflow(id) => cut(self.child(id), step.deadline.as_ref().map(|d| d.value)),
            Target::Action(id) => {
                let statement = self.program.actions[id].class.node == Class::Tx;
                match (&step.within, statement) {
                    (None, true) if self.inside => Some(STATEMENT_MS),
                    (None, true) => attempts_of(Some(STATEMENT_MS), step.retry.as_ref()),
                    (None, false) => Some(step.deadline.as_ref().map_or(STATEMENT_MS, |d| d.value)),
                    _ => policy::worst_case(self.program, step),
                }
            }
        }
    }

    /// A child run, cut by its deadline.
    fn child(&mut self, id: WorkflowId) -> Option<i64> {
        if let Some(known) = self.children.get(&id) {
            return *known;
        }
        // Children that run each other in a cycle are reported elsewhere; here they add nothing.
        self.children.insert(id, Some(0));
        let program = self.program;
        let workflow = &program.workflows[id];
        let body = self.block(&workflow.body);
        let time = cut(body, workflow.deadline.map(|deadline| deadline.value));
        self.children.insert(id, time);
        time
    }

    fn wait(&mut self, wait: &Await) -> Option<i64> {
        let bound = wait.bound.and_then(|bound| bound.fixed_ms);
        add(bound, self.remedies(&wait.handlers))
    }

    fn first(&mut self, first: &AwaitFirst) -> Option<i64> {
        let program = self.program;
        let sleeps = first.arms.iter().filter_map(|arm| match arm.wait {
            ArmWait::Sleep(sleep) => sleep_ms(program, sleep),
            ArmWait::Awaited(_) => None,
        });
        let bound = sleeps.min();
        let arms = first.arms.iter().map(|arm| self.block(&arm.body)).collect();
        add(bound, longest(arms))
    }

    fn sleep(&self, sleep: Sleep) -> Option<i64> {
        sleep_ms(self.program, sleep)
    }

    fn parallel_each(&mut self, each: &ParallelEach) -> Option<i64> {
        let turn = self.block(&each.body);
        let rounds = self.length(each.over).map(|length| {
            let at_once = each.max.map_or(1, |max| max.node).max(1);
            length.div_ceil(at_once)
        });
        self.guarded(times(turn, rounds), &each.guard)
    }

    fn each(&mut self, each: &Each) -> Option<i64> {
        let turn = self.block(&each.body);
        let turns = each.max.map(|max| max.node).or_else(|| self.length(each.over));
        times(turn, turns)
    }

    fn repeat(&mut self, repeat: &Repeat) -> Option<i64> {
        let turn = self.block(&repeat.body);
        let other = repeat.otherwise.as_ref().map_or(Some(0), |block| self.block(block));
        add(times(turn, repeat.up_to.map(|n| n.node)), other)
    }

    fn transaction(&mut self, tx: &Transaction) -> Option<i64> {
        let outer = std::mem::replace(&mut self.inside, true);
        let body = self.block(&tx.body);
        self.inside = outer;
        let body = match tx.guard.retry.as_ref() {
            None => {
                let (n, base, max) = TRANSACTION;
                times(body, u64::try_from(n).ok()).map(|t| t.saturating_add(pauses(n, base, max)))
            }
            Some(retry) => attempts_of(body, Some(retry)),
        };
        self.guarded(body, &tx.guard)
    }

    fn lock(&mut self, lock: &Lock) -> Option<i64> {
        let body = self.block(&lock.body);
        let waits = lock.within.map(|within| within.value);
        add(add(waits, body), self.remedies(&lock.handlers))
    }

    fn guarded(&mut self, body: Option<i64>, guard: &Guard) -> Option<i64> {
        let body = cut(body, guard.deadline.map(|deadline| deadline.value));
        let fallback = guard.fallback.as_ref().map_or(Some(0), |f| self.block(&f.body));
        let interrupts = guard.interrupts.iter().map(|i| self.block(&i.remedy)).collect();
        add(add(add(body, fallback), longest(interrupts)), self.remedies(&guard.handlers))
    }

    fn remedies(&mut self, handlers: &Handlers) -> Option<i64> {
        let all = handlers.remedies().map(|remedy| self.block(remedy)).collect();
        longest(all)
    }

    /// How many elements a list has at most, where its source says so.
    pub fn length(&self, list: ExprId) -> Option<u64> {
        let literal = |id: &ExprId| match self.program.exprs[*id].kind {
            ExprKind::Literal(Literal::Int(n)) => u64::try_from(n).ok(),
            _ => None,
        };
        let mut at = list;
        let mut taken: Option<u64> = None;
        let cut = |n: Option<u64>, taken: Option<u64>| match (n, taken) {
            (Some(n), Some(taken)) => Some(n.min(taken)),
            (n, taken) => n.or(taken),
        };
        loop {
            at = match &self.program.exprs[at].kind {
                ExprKind::List(items) => return cut(Some(items.len() as u64), taken),
                ExprKind::Builtin(Builtin::Range, args) => {
                    let own = match args.as_slice() {
                        [to] => literal(to),
                        [from, to] => {
                            literal(from).zip(literal(to)).map(|(a, b)| b.saturating_sub(a))
                        }
                        _ => None,
                    };
                    return cut(own, taken);
                }
                // Order: a name is bound before it is read, so the chain ends.
                ExprKind::Local(local) => match self.lets.get(local) {
                    Some(value) => *value,
                    None => return taken,
                },
                ExprKind::Method { base, name, args, .. } => {
                    let kept = ["map", "where", "sort_by", "drop", "unique", "zip"];
                    match name.node.as_str() {
                        "take" => {
                            taken = cut(args.first().and_then(|arg| literal(&arg.value)), taken);
                        }
                        word if kept.contains(&word) => {}
                        _ => return taken,
                    }
                    *base
                }
                _ => return taken,
            };
        }
    }
}

/// A sleep that is written out.
pub fn sleep_ms(program: &Program, sleep: Sleep) -> Option<i64> {
    match sleep {
        Sleep::For(expr) => match program.exprs[expr].kind {
            ExprKind::Literal(Literal::Duration(ms)) => Some(ms),
            _ => None,
        },
        Sleep::Until(_) => None,
    }
}

/// One after the other.
pub fn add(a: Option<i64>, b: Option<i64>) -> Option<i64> {
    Some(a?.saturating_add(b?))
}

/// Ended by a deadline where there is one.
pub fn cut(time: Option<i64>, deadline: Option<i64>) -> Option<i64> {
    match (time, deadline) {
        (Some(time), Some(deadline)) => Some(time.min(deadline)),
        (time, deadline) => time.or(deadline),
    }
}

/// The longest of several; one without bound has none.
fn longest(all: Vec<Option<i64>>) -> Option<i64> {
    all.into_iter().try_fold(0_i64, |longest, time| Some(longest.max(time?)))
}

fn times(turn: Option<i64>, turns: Option<u64>) -> Option<i64> {
    if turn == Some(0) {
        return Some(0);
    }
    Some(turn?.saturating_mul(i64::try_from(turns?).unwrap_or(i64::MAX)))
}

/// A block that runs once where nothing else is said.
fn attempts(body: Option<i64>, retry: Option<&RetrySpec>) -> Option<i64> {
    if retry.is_none() { body } else { attempts_of(body, retry) }
}

fn attempts_of(body: Option<i64>, retry: Option<&RetrySpec>) -> Option<i64> {
    let n = match retry.map(|retry| retry.times) {
        None => TRANSACTION.0,
        Some(Times::N(n)) => i64::try_from(n).unwrap_or(i64::MAX).max(1),
        Some(Times::Forever | Times::Error) => return None,
    };
    Some(body?.saturating_mul(n).saturating_add(policy::between(retry, n)))
}

/// The sum of the pauses between so many attempts.
fn pauses(n: i64, base: i64, max: i64) -> i64 {
    (1..n).map(|at| base.saturating_mul(1_i64 << at.clamp(0, 40) >> 1).min(max)).sum()
}
