//! Which locals are live at each durable point: read by what can still run from there, and bound
//! before.
//!
//! A backward walk. `after` is what is live behind a statement; the result is what is live before it.
//! Branches, undos and the aftermath are fibers of their own with frames of their own, so nothing
//! behind them is live inside, and only what they read is live where they begin.

use super::bound;
use sagaflow_fir::{
    ArmWait, AwaitStmt, Block, CallUndo, EachStmt, Expr, Fallback, ForkStmt, Handlers, LocalId,
    ParallelBlock, PatternKind, Point, Remedy, RepeatStmt, ScopeStmt, StepStmt, Stmt, Ty, Workflow,
};
use std::collections::{BTreeMap, BTreeSet};

/// Locals that something reads.
pub(super) type Live = BTreeSet<LocalId>;

/// Fills in every point of a workflow.
pub(super) fn fill(workflow: &mut Workflow) {
    let params: Vec<LocalId> = (0..workflow.params.len() as u32).map(LocalId).collect();
    let mut walk = Walk {
        points: &mut workflow.points,
        loops: Vec::new(),
        uses: Vec::new(),
        forks: BTreeMap::new(),
    };
    walk.block(&workflow.body, Live::new());
    if let Some(aftermath) = &workflow.aftermath {
        walk.block(aftermath, Live::new());
    }
    let forks = std::mem::take(&mut walk.forks);
    // The first frame holds the parameters, whether or not the first statement reads them.
    walk.set("start", params.iter().copied().collect());
    if let Some((error, step)) = workflow.failure {
        walk.set("after", params.iter().copied().chain([error, step]).collect());
    }
    bound::keep(&mut workflow.body, &forks);
    workflow.aftermath.iter_mut().for_each(|aftermath| bound::keep(aftermath, &forks));
}

/// A loop around the statement, innermost last.
struct Around {
    /// Live when its next turn begins.
    head: Live,
    /// Live behind it, its own value excepted.
    exit: Live,
    /// Bookkeeping that its body's points carry.
    hidden: Vec<(String, Ty)>,
    /// A turn is a fiber of its own: what is around it is not in its frames.
    fiber: bool,
    /// It is a `repeat`, to which `again` belongs.
    repeat: bool,
}

impl Around {
    /// A fiber of its own: nothing behind it is live inside.
    fn fiber() -> Self {
        let (head, exit) = (Live::new(), Live::new());
        Self { head, exit, hidden: Vec::new(), fiber: true, repeat: false }
    }
}

struct Walk<'w> {
    points: &'w mut BTreeMap<String, Point>,
    loops: Vec<Around>,
    /// Where `use` and `skip` lead, innermost last.
    uses: Vec<Live>,
    /// What is read behind each fork of branches.
    forks: BTreeMap<String, Live>,
}

fn read(expr: &Expr, live: &mut Live) {
    expr.each_read(&mut |local| {
        live.insert(local);
    });
}

fn reads<'e>(exprs: impl IntoIterator<Item = &'e Expr>, live: &mut Live) {
    for expr in exprs {
        read(expr, live);
    }
}

impl Walk<'_> {
    fn set(&mut self, at: &str, live: Live) {
        let mut hidden = Vec::new();
        for around in self.loops.iter().rev() {
            if around.fiber {
                break;
            }
            hidden.splice(0..0, around.hidden.iter().cloned());
        }
        self.set_hidden(at, live, hidden);
    }

    fn set_hidden(&mut self, at: &str, live: Live, hidden: Vec<(String, Ty)>) {
        if let Some(point) = self.points.get_mut(at) {
            point.live = live.into_iter().collect();
            point.hidden = hidden;
        }
    }

    fn block(&mut self, block: &Block, after: Live) -> Live {
        block.iter().rev().fold(after, |live, stmt| self.stmt(stmt, live))
    }

    fn stmt(&mut self, stmt: &Stmt, after: Live) -> Live {
        match stmt {
            Stmt::Let(local, value) => {
                let mut live = after;
                live.remove(local);
                read(value, &mut live);
                live
            }
            Stmt::Step(step) => self.step(step, after),
            Stmt::Await(wait) => self.wait(wait, after),
            Stmt::Fork(fork) => self.fork(fork, after),
            Stmt::Each(each) => self.each(each, after),
            Stmt::Repeat(repeat) => self.repeat(repeat, after),
            Stmt::Scope(scope) => self.scope(scope, after),
            Stmt::If(condition, then, otherwise) => {
                let mut live = self.block(then, after.clone());
                live.extend(self.block(otherwise, after));
                read(condition, &mut live);
                live
            }
            Stmt::Match(subject, arms) => {
                let mut live = Live::new();
                for arm in arms {
                    let mut inside = self.block(&arm.body, after.clone());
                    unbind(&arm.pattern, &mut inside);
                    live.extend(inside);
                }
                read(subject, &mut live);
                live
            }
            Stmt::Emit { fields, .. } => {
                let mut live = after;
                reads(fields.iter().map(|(_, e)| e), &mut live);
                live
            }
            Stmt::Reply(e) | Stmt::Review(e) => {
                let mut live = after;
                read(e, &mut live);
                live
            }
            Stmt::Reject(records, why) => {
                let mut live = after;
                reads([records, why], &mut live);
                live
            }
            Stmt::Progress(text, percent) => {
                let mut live = after;
                reads(std::iter::once(text).chain(percent), &mut live);
                live
            }
            Stmt::Manual { at, text } | Stmt::Ask { at, text, bind: None } => {
                self.set(at, after.clone());
                let mut live = after;
                read(text, &mut live);
                live
            }
            Stmt::Ask { at, text, bind: Some(bind) } => {
                let mut live = after;
                live.remove(bind);
                self.set(at, live.clone());
                read(text, &mut live);
                live
            }
            Stmt::Fail(_, fields) => {
                let mut live = Live::new();
                reads(fields.iter().map(|(_, e)| e), &mut live);
                live
            }
            Stmt::Return(value) => {
                let mut live = Live::new();
                reads(value, &mut live);
                live
            }
            Stmt::Give(value) => {
                let mut live = self.loops.last().map(|l| l.exit.clone()).unwrap_or_default();
                read(value, &mut live);
                live
            }
            Stmt::Again(values) => {
                let around = self.loops.iter().rfind(|around| around.repeat);
                let mut live = around.map(|l| l.head.clone()).unwrap_or_default();
                for (local, _) in values {
                    live.remove(local);
                }
                reads(values.iter().map(|(_, e)| e), &mut live);
                live
            }
            Stmt::Use(value) => {
                let mut live = self.uses.last().cloned().unwrap_or_default();
                read(value, &mut live);
                live
            }
            Stmt::Skip => self.uses.last().cloned().unwrap_or_default(),
            Stmt::Pass | Stmt::Unsupported(_) => after,
        }
    }

    fn step(&mut self, step: &StepStmt, after: Live) -> Live {
        let mut behind = after.clone();
        if let Some(bind) = step.bind {
            behind.remove(&bind);
        }
        if let Some(block) = &step.block {
            block.keeps.iter().for_each(|local| {
                behind.remove(local);
            });
        }
        let mut at_point = behind.clone();
        at_point.extend(self.handlers(&step.handlers, &behind));
        if step.block.is_some() {
            at_point.extend(self.inside(step, after));
        }
        if let Some(fallback) = &step.fallback {
            let handled = at_point.clone();
            at_point.extend(self.fallback(fallback, &behind, &handled));
        }
        self.set(&step.at, at_point.clone());
        let mut live = at_point;
        let call = &step.call;
        reads(call.args.iter().map(|(_, e)| e), &mut live);
        reads(call.by.iter().flatten(), &mut live);
        if let Some((_, _, args, _)) = &call.probe {
            reads(args.iter().map(|(_, e)| e), &mut live);
        }
        if let CallUndo::Block { at, capture, result, body } = &step.undo {
            let outside = (std::mem::take(&mut self.loops), std::mem::take(&mut self.uses));
            let read = self.block(body, Live::new());
            let begin = capture.iter().map(|(local, _)| *local).chain(*result);
            self.set(at, begin.chain(kept_of(step, &read)).collect());
            (self.loops, self.uses) = outside;
            reads(capture.iter().map(|(_, e)| e), &mut live);
        }
        live
    }

    /// What the block of a transaction reads from around it. It runs in a frame of its own, like a
    /// branch, and ends with what is read behind it or by its undo.
    fn inside(&mut self, step: &StepStmt, mut wanted: Live) -> Live {
        let Some(block) = &step.block else { return Live::new() };
        if let CallUndo::Block { body, .. } = &step.undo {
            let outside = (std::mem::take(&mut self.loops), std::mem::take(&mut self.uses));
            let read = self.block(body, Live::new());
            (self.loops, self.uses) = outside;
            wanted.extend(kept_of(step, &read));
        }
        let outside = std::mem::take(&mut self.uses);
        self.loops.push(Around::fiber());
        let kept = block.keeps.iter().filter(|local| wanted.contains(local)).copied().collect();
        let live = self.block(&block.body, kept);
        self.loops.pop();
        self.uses = outside;
        self.forks.insert(step.at.clone(), wanted);
        live
    }

    /// What a fallback's unit holds: its body's start and its handlers; gives the same.
    fn fallback(&mut self, fallback: &Fallback, behind: &Live, handled: &Live) -> Live {
        self.uses.push(behind.clone());
        let mut live = self.block(&fallback.body, behind.clone());
        self.uses.pop();
        live.extend(handled.iter().copied());
        self.set(&fallback.at, live.clone());
        live
    }

    fn remedy(&mut self, remedy: &Remedy, behind: &Live) -> Live {
        match remedy {
            Remedy::Manual(text) => {
                let mut live = behind.clone();
                read(text, &mut live);
                live
            }
            Remedy::Block { body, .. } => {
                self.uses.push(behind.clone());
                let live = self.block(body, behind.clone());
                self.uses.pop();
                live
            }
        }
    }

    fn handlers(&mut self, handlers: &Handlers, behind: &Live) -> Live {
        let mut live = Live::new();
        for handler in &handlers.on {
            let mut inside = self.remedy(&handler.remedy, behind);
            for binder in handler.binders.iter().flatten() {
                inside.remove(binder);
            }
            live.extend(inside);
        }
        if let Some(otherwise) = &handlers.otherwise {
            live.extend(self.remedy(otherwise, behind));
        }
        live
    }

    fn wait(&mut self, wait: &AwaitStmt, after: Live) -> Live {
        let mut at_point = Live::new();
        let mut live = Live::new();
        for arm in &wait.arms {
            let mut inside = self.block(&arm.body, after.clone());
            if let Some(bind) = arm.bind {
                inside.remove(&bind);
            }
            at_point.extend(inside);
            match &arm.wait {
                ArmWait::Task(_, args) => reads(args, &mut live),
                ArmWait::Sleep(e) => read(e, &mut live),
                ArmWait::Event { key, rest, event_local, .. } => {
                    read(key, &mut live);
                    if let Some(rest) = rest {
                        read(rest, &mut at_point);
                    }
                    at_point.remove(event_local);
                }
            }
        }
        let mut behind = after;
        if let [only] = wait.arms.as_slice()
            && let Some(bind) = only.bind
        {
            behind.remove(&bind);
        }
        at_point.extend(self.handlers(&wait.handlers, &behind));
        self.set(&wait.at, at_point.clone());
        live.extend(at_point);
        reads(&wait.until, &mut live);
        live
    }

    fn fork(&mut self, fork: &ForkStmt, after: Live) -> Live {
        let outside = std::mem::take(&mut self.uses);
        let behind = after.clone();
        let mut at_point = after;
        let mut live = Live::new();
        let mut hidden = Vec::new();
        match &fork.branches {
            ParallelBlock::Fixed(branches) => {
                for (_, bound) in branches {
                    bound.iter().for_each(|local| {
                        at_point.remove(local);
                    });
                }
                for (body, bound) in branches {
                    self.loops.push(Around::fiber());
                    // A name that nothing uses behind the fork may be unbound where its branch ends.
                    let wanted = bound.iter().filter(|local| behind.contains(local)).copied();
                    at_point.extend(self.block(body, wanted.collect()));
                    self.loops.pop();
                }
                self.forks.insert(fork.at.clone(), behind);
            }
            ParallelBlock::Each { pattern, over, body, bind, .. } => {
                if let Some(bind) = bind {
                    at_point.remove(bind);
                }
                self.loops.push(Around::fiber());
                let mut inside = self.block(body, Live::new());
                self.loops.pop();
                pattern.iter().for_each(|local| {
                    inside.remove(local);
                });
                at_point.extend(inside);
                read(over, &mut live);
                hidden.push((format!("#{}.list", fork.at), over.ty.clone()));
            }
        }
        self.uses = outside;
        self.set(&fork.at, at_point.clone());
        if let Some(point) = self.points.get_mut(&fork.at) {
            point.hidden.extend(hidden);
        }
        live.extend(at_point);
        live
    }

    fn each(&mut self, each: &EachStmt, after: Live) -> Live {
        let mut exit = after;
        let mut hidden = vec![(format!("#{}.list", each.at), each.over.ty.clone())];
        if let Some(bind) = each.bind {
            exit.remove(&bind);
            // While the list grows, the finished list's type is that of its part.
            hidden.push((format!("#{}.out", each.at), Ty::List(Box::new(Ty::Never))));
        }
        let mut head = exit.clone();
        // Order: a turn reads what an earlier one left live, so the second pass sees the first one's.
        for _ in 0..2 {
            self.loops.push(Around {
                head: head.clone(),
                exit: head.clone(),
                hidden: hidden.clone(),
                fiber: false,
                repeat: false,
            });
            let mut inside = self.block(&each.body, head.clone());
            if each.settle {
                each.pattern.iter().for_each(|local| {
                    inside.remove(local);
                });
                let mut unit = inside.clone();
                unit.extend(head.iter().copied());
                self.set(&each.at, unit);
            }
            self.loops.pop();
            each.pattern.iter().for_each(|local| {
                inside.remove(local);
            });
            head.extend(inside);
        }
        let mut live = head;
        read(&each.over, &mut live);
        live
    }

    fn repeat(&mut self, repeat: &RepeatStmt, after: Live) -> Live {
        let mut exit = after;
        if let Some(bind) = repeat.bind {
            exit.remove(&bind);
        }
        let over = match &repeat.otherwise {
            Some(block) => {
                self.uses.push(exit.clone());
                let over = self.block(block, exit.clone());
                self.uses.pop();
                over
            }
            None => exit.clone(),
        };
        let mut head = exit.clone();
        head.extend(over);
        for _ in 0..2 {
            self.loops.push(Around {
                head: head.clone(),
                exit: exit.clone(),
                hidden: Vec::new(),
                fiber: false,
                repeat: true,
            });
            let mut end = head.clone();
            if let Some(until) = &repeat.until {
                read(until, &mut end);
            }
            let inside = self.block(&repeat.body, end);
            self.loops.pop();
            head.extend(inside);
        }
        let mut live = head;
        for (local, _) in &repeat.vars {
            live.remove(local);
        }
        reads(repeat.vars.iter().map(|(_, e)| e), &mut live);
        live
    }

    fn scope(&mut self, scope: &ScopeStmt, after: Live) -> Live {
        let body = self.block(&scope.body, after.clone());
        // What the block yields is bound by whoever answers in its place, so it is not kept for it.
        let mut after = after;
        if let Some(bind) = scope.yields() {
            after.remove(&bind);
        }
        let handled = self.handlers(&scope.handlers, &after);
        let mut unit = body;
        unit.extend(handled.iter().copied());
        let mut live = Live::new();
        for interrupt in &scope.interrupts {
            let mut inside = self.remedy(&interrupt.remedy, &after);
            if let Some(rest) = &interrupt.rest {
                read(rest, &mut inside);
            }
            inside.remove(&interrupt.event_local);
            for binder in interrupt.binders.iter().flatten() {
                inside.remove(binder);
            }
            unit.extend(inside);
            // Order: the keys are evaluated when the unit begins, and again when it is run again.
            read(&interrupt.key, &mut unit);
        }
        if let Some(fallback) = &scope.fallback {
            unit.extend(self.fallback(fallback, &after, &handled));
        }
        self.set(&scope.at, unit.clone());
        live.extend(unit);
        live
    }
}

/// What of this a transaction binds.
fn kept_of(step: &StepStmt, read: &Live) -> Live {
    let kept = step.block.iter().flat_map(|block| &block.keeps);
    kept.filter(|local| read.contains(local)).copied().collect()
}

/// Names that a pattern binds are not live before it.
fn unbind(pattern: &PatternKind, live: &mut Live) {
    match pattern {
        PatternKind::Bind(local) => {
            live.remove(local);
        }
        PatternKind::Variant(_, binders) => binders.iter().flatten().for_each(|local| {
            live.remove(local);
        }),
        PatternKind::Any | PatternKind::Literal(_) | PatternKind::None => {}
    }
}
