//! Walks a workflow with what has been done by then, and writes down each place where something can
//! go wrong.
//!
//! What a branch or a turn does is found by a first walk that writes nothing down, because what is
//! undone beside it is what its siblings did.

use super::sheet::{Point, Undoing, Way};
use super::stack::{Cause, Frame, Kind, Leaves, leaves, remedy, unwinding};
use crate::hir::{
    ArmWait, Await, Awaited, Block, Class, Compensate, CompensateHow, Fallback, Guard, Step, Stmt,
    StmtKind, Target, Undo, Workflow,
};
use crate::span::Span;
use crate::words::Words;

/// Walks one workflow.
pub(super) struct Walker<'p> {
    pub words: Words<'p>,
    pub workflow: &'p Workflow,
    /// What can be undone, in the order it was done.
    pub k: Vec<Undoing>,
    pub frames: Vec<Frame<'p>>,
    pub committed: bool,
    /// Within `after failure`, where nothing is undone.
    pub after: bool,
    pub points: Vec<Point>,
    /// Calls with which a run commits.
    pub irreversible: Vec<String>,
    /// Within a remedy whose `fail` is said at what it is a remedy of.
    pub said: bool,
}

impl<'p> Walker<'p> {
    pub fn block(&mut self, block: &'p Block) {
        for stmt in &block.stmts {
            self.stmt(stmt);
        }
    }

    fn stmt(&mut self, stmt: &'p Stmt) {
        match &stmt.kind {
            StmtKind::Step(step) => self.step(step),
            StmtKind::Await(wait) => self.wait(wait),
            StmtKind::Sleep(point, _) => {
                let what = self.words.text(stmt.span);
                self.rests(&point.at, what, stmt.span, Vec::new());
            }
            StmtKind::Parallel(fork) => {
                let depth = self.open(&fork.guard);
                let branches: Vec<&'p Stmt> = fork.branches.iter().collect();
                self.branches(&branches);
                self.stopped(&fork.guard, (&fork.point.at, "parallel".into(), stmt.span), depth);
                self.close(&fork.guard, depth);
            }
            StmtKind::ParallelEach(each) => {
                let depth = self.open(&each.guard);
                let name = format!("`each` of `{}`", self.words.expr(each.over));
                self.turns(&each.body, name.clone(), true, each.settle);
                self.stopped(&each.guard, (&each.point.at, name, stmt.span), depth);
                self.close(&each.guard, depth);
            }
            StmtKind::Each(each) => {
                let name = format!("`each` of `{}`", self.words.expr(each.over));
                self.turns(&each.body, name, false, each.settle);
            }
            StmtKind::Repeat(repeat) => {
                let name = match self.words.local(repeat.bind) {
                    Some(name) => format!("`repeat` of `{name}`"),
                    None => "`repeat`".to_owned(),
                };
                self.turns(&repeat.body, name, false, false);
                repeat.otherwise.iter().for_each(|block| self.aside(block));
            }
            StmtKind::Transaction(tx) => self.transaction(tx, stmt.span),
            StmtKind::Scope(scope) => {
                let depth = self.open(&scope.guard);
                self.block(&scope.body);
                let name = format!("scope {}", scope.name.node);
                self.stopped(&scope.guard, (&scope.point.at, name, stmt.span), depth);
                self.close(&scope.guard, depth);
            }
            StmtKind::Lock(_) | StmtKind::If(_) | StmtKind::Match(_) | StmtKind::AwaitFirst(_) => {
                self.choice(stmt)
            }
            StmtKind::Fail(fail) => self.fails(fail, stmt.span),
            StmtKind::Manual(point, text) => {
                let what = format!("manual {}", self.words.expr(*text));
                self.rests(&point.at, what, stmt.span, Vec::new());
            }
            _ => {}
        }
    }

    /// Blocks of which one is taken, and one that is held.
    fn choice(&mut self, stmt: &'p Stmt) {
        match &stmt.kind {
            StmtKind::AwaitFirst(first) => {
                let arms: Vec<(String, &'p Block)> = first
                    .arms
                    .iter()
                    .map(|arm| {
                        let told = self.words.text(arm.wait_span);
                        (format!("`{told}` comes first"), &arm.body)
                    })
                    .collect();
                let timed = first.arms.iter().any(|arm| matches!(arm.wait, ArmWait::Sleep(_)));
                let what = "await first".to_owned();
                let ways = if timed { vec![] } else { vec![self.never_comes()] };
                self.rests(&first.point.at, what, first.span, ways);
                self.arms(arms);
            }
            StmtKind::Lock(lock) => {
                let targets = lock.targets.iter().map(|target| self.words.text(target.span));
                let what = format!("lock {}", targets.collect::<Vec<_>>().join(", "));
                let mut ways = Vec::new();
                if lock.within.is_some() {
                    ways.push(self.failing(&lock.handlers, Cause::Timeout, None, "timeout"));
                }
                self.rests(&lock.point.at, what, stmt.span, ways);
                self.block(&lock.body);
            }
            StmtKind::If(choice) => {
                let (holds, not) = self.words.sides(choice.condition);
                let mut arms = vec![(holds, &choice.then)];
                arms.extend(choice.otherwise.as_ref().map(|other| (not, other)));
                self.arms(arms);
            }
            StmtKind::Match(choice) => {
                let subject = self.words.expr(choice.subject);
                let arms = choice.arms.iter().map(|arm| {
                    let pattern = self.words.text(self.words.program.patterns[arm.pattern].span);
                    (format!("`{subject}` is `{pattern}`"), &arm.body)
                });
                let arms = arms.collect();
                self.arms(arms);
            }
            _ => {}
        }
    }

    /// Blocks of which one is taken.
    fn arms(&mut self, arms: Vec<(String, &'p Block)>) {
        let (before, committed) = (self.k.len(), self.committed);
        let mut added = Vec::new();
        let mut commits = None;
        for (when, block) in arms {
            self.committed = committed;
            let kept = self.k.clone();
            self.block(block);
            let own = self.k.split_off(before.min(self.k.len()));
            self.k = kept;
            if !block.exits().goes_on() {
                continue;
            }
            if self.committed && !committed {
                commits = Some(when.clone());
            }
            if !own.is_empty() {
                added.push(Undoing::If { when, then: own });
            }
        }
        self.committed = committed;
        if let Some(when) = commits {
            // What was done before is kept only where the other arm was taken.
            let then = std::mem::take(&mut self.k);
            self.k.push(Undoing::If { when: format!("not: {when}"), then });
        }
        self.k.extend(added);
    }

    /// A block that is only reached aside from the usual way.
    fn aside(&mut self, block: &'p Block) {
        let (kept, committed) = (self.k.clone(), self.committed);
        self.block(block);
        self.k = kept;
        self.committed = committed;
    }

    /// A remedy: where all it does is fail, that was said at what it is a remedy of.
    fn remedy(&mut self, block: &'p Block) {
        if leaves(block) == Leaves::Asks {
            // The question is about what failed, and is no place of its own.
            return;
        }
        let said = matches!(leaves(block), Leaves::Fails(_));
        let before = std::mem::replace(&mut self.said, said);
        self.aside(block);
        self.said = before;
    }

    /// What a piece does, found without writing anything down.
    fn done_by(&mut self, walk: impl FnOnce(&mut Self)) -> Vec<Undoing> {
        let (kept, committed, points) = (self.k.clone(), self.committed, self.points.len());
        walk(self);
        let own = self.k.split_off(kept.len().min(self.k.len()));
        self.k = kept;
        self.committed = committed;
        self.points.truncate(points);
        own
    }

    fn branches(&mut self, branches: &[&'p Stmt]) {
        let base = self.k.len();
        let mut all = Vec::new();
        for branch in branches {
            all.push(self.done_by(|this| this.stmt(branch)));
        }
        let committed = self.committed;
        let mut commits = false;
        for (at, branch) in branches.iter().enumerate() {
            let others = all.iter().enumerate().filter(|(other, _)| *other != at);
            let others = others.map(|(_, list)| list.clone()).collect();
            self.frames.push(Frame { base, kind: Kind::Branch(others) });
            self.stmt(branch);
            commits |= self.committed;
            self.committed = committed;
            self.frames.pop();
            self.k.truncate(base);
        }
        self.committed = commits;
        if commits && !committed {
            self.k.clear();
            return;
        }
        all.retain(|list| !list.is_empty());
        match all.len() {
            0 => {}
            1 => self.k.extend(all.pop().unwrap_or_default()),
            _ => self.k.push(Undoing::Together(all)),
        }
    }

    fn turns(&mut self, body: &'p Block, of: String, together: bool, settle: bool) {
        let base = self.k.len();
        let turn = |each: Vec<Undoing>| Kind::Turn { of: of.clone(), together, each, settle };
        let each = self.done_by(|this| {
            this.frames.push(Frame { base, kind: turn(Vec::new()) });
            this.block(body);
            this.frames.pop();
        });
        let kind = turn(each.clone());
        self.frames.push(Frame { base, kind });
        self.block(body);
        self.frames.pop();
        self.k.truncate(base);
        if !each.is_empty() && !self.committed {
            self.k.push(Undoing::Turns { of, together, each });
        }
    }

    /// Begins a guarded block; says at which depth, where it has clauses.
    fn open(&mut self, guard: &'p Guard) -> Option<usize> {
        if guard.is_empty() {
            return None;
        }
        let kind = Kind::Unit {
            handlers: &guard.handlers,
            fallback: guard.fallback.as_ref(),
            again: guard.retry.is_some(),
        };
        self.frames.push(Frame { base: self.k.len(), kind });
        Some(self.frames.len())
    }

    fn close(&mut self, guard: &'p Guard, depth: Option<usize>) {
        let Some(depth) = depth else { return };
        self.frames.truncate(depth - 1);
        let kept = self.k.clone();
        let committed = self.committed;
        guard.fallback.iter().for_each(|fallback| self.aside(&fallback.body));
        guard.interrupts.iter().for_each(|interrupt| self.aside(&interrupt.remedy));
        guard.handlers.remedies().for_each(|block| self.remedy(block));
        self.k = kept;
        self.committed = committed;
    }

    /// The undo of a step, as an entry.
    fn entry(&self, step: &'p Step) -> Option<Undoing> {
        let compensate = match &step.undo {
            Undo::None => return None,
            Undo::Contract(action) => self.words.program.actions[*action].compensate.as_ref()?,
            Undo::Own(own) => own,
        };
        self.entry_of(compensate, &step.point.at, self.words.call(step))
    }

    pub(super) fn entry_of(&self, undo: &'p Compensate, at: &str, call: String) -> Option<Undoing> {
        let CompensateHow::Block { body, .. } = &undo.how else { return None };
        let mut by = Vec::new();
        body.walk(false, &mut |stmt| {
            if let StmtKind::Step(step) = &stmt.kind {
                by.push(self.words.call(step));
            }
        });
        Some(Undoing::Step { at: at.to_owned(), call, by, sure: true })
    }

    fn step(&mut self, step: &'p Step) {
        let read = matches!(step.call.target, Target::Action(id)
            if self.words.program.actions[id].class.node == Class::Read);
        let own = self.entry(step).filter(|_| !read && self.keeps());
        let ways = self.ways(step, own.as_ref(), read);
        self.point(&step.point.at, self.words.call(step), step.call.span, ways);
        if let Some(fallback) = &step.fallback {
            self.fallback(step, fallback);
        }
        step.handlers.remedies().for_each(|block| self.remedy(block));
        if self.commits(step) && !self.after {
            self.commit(self.words.call(step));
            return;
        }
        if let Some(own) = own {
            // Where the run may go on without it, it may not be there.
            let left =
                step.handlers.remedies().any(|block| !matches!(leaves(block), Leaves::Fails(_)));
            let sure = !left && step.fallback.is_none();
            let own = if sure { vec![own] } else { Undoing::perhaps(&[own]) };
            self.k.extend(own);
        }
    }

    fn fallback(&mut self, step: &'p Step, fallback: &'p Fallback) {
        let kind = Kind::Unit { handlers: &step.handlers, fallback: None, again: false };
        self.frames.push(Frame { base: self.k.len(), kind });
        self.aside(&fallback.body);
        self.frames.pop();
    }

    /// Whether what is done here can be undone later: before the commit always, after it in a unit.
    pub(super) fn keeps(&self) -> bool {
        let unit = |frame: &Frame<'_>| {
            matches!(frame.kind, Kind::Unit { .. } | Kind::Turn { settle: true, .. })
        };
        !self.after && (!self.committed || self.frames.iter().any(unit))
    }

    /// Whether a step is a point of no return.
    fn commits(&self, step: &Step) -> bool {
        let Target::Action(id) = step.call.target else { return step.pivot };
        let class = self.words.program.actions[id].class.node;
        step.pivot || matches!(class, Class::Write | Class::Tx) && matches!(step.undo, Undo::None)
    }

    /// Everything done so far is done for good.
    pub(super) fn commit(&mut self, call: String) {
        if !self.committed && !self.irreversible.contains(&call) {
            self.irreversible.push(call);
        }
        self.committed = true;
        self.k.clear();
        for frame in &mut self.frames {
            frame.base = 0;
            match &mut frame.kind {
                Kind::Branch(others) => others.clear(),
                Kind::Turn { each, .. } => each.clear(),
                Kind::Unit { .. } => {}
            }
        }
    }

    fn wait(&mut self, wait: &'p Await) {
        let what = match &wait.awaited {
            Awaited::Event(event) => format!("await event {}", event.name.node),
            Awaited::Task { human: Some(id), .. } => {
                format!("await {}", self.words.program.humans[*id].name.name)
            }
            Awaited::Task { span, .. } => format!("await {}", self.words.text(*span)),
        };
        let ways = match wait.bound {
            Some(_) => vec![self.failing(&wait.handlers, Cause::Timeout, None, "timeout")],
            None => vec![self.never_comes()],
        };
        self.rests(&wait.point.at, what, wait.span, ways);
        wait.handlers.remedies().for_each(|block| self.remedy(block));
    }

    fn never_comes(&self) -> Way {
        Way {
            what: "timeout".into(),
            then: "nothing bounds the wait but the workflow's deadline".into(),
            undone: Vec::new(),
            ends: "waits".into(),
        }
    }

    fn fails(&mut self, fail: &'p crate::hir::Fail, span: Span) {
        if self.said {
            return;
        }
        let name = fail.name.node.to_string();
        let (undone, then, ends) = self.travels(&Cause::Declared(name.clone()), self.frames.len());
        let way = Way { what: format!("fails {name}"), then, undone, ends };
        let at = format!("fail {name} at {}", self.words.place(span));
        self.point(&at, format!("fail {name}"), span, vec![way]);
    }

    /// A place where the run rests: also cancel, deadline and crash.
    fn rests(&mut self, at: &str, what: String, span: Span, mut ways: Vec<Way>) {
        ways.push(Way {
            what: "crash".into(),
            then: "the run goes on where it was".into(),
            undone: Vec::new(),
            ends: "goes on".into(),
        });
        let struck = self.struck(None, false);
        ways.extend(struck);
        self.point(at, what, span, ways);
    }

    pub(super) fn point(&mut self, at: &str, what: String, span: Span, ways: Vec<Way>) {
        self.points.push(Point {
            at: at.to_owned(),
            what,
            place: self.words.place(span),
            done: self.k.clone(),
            committed: self.committed || self.after,
            ways,
        });
    }

    /// A failure of something with handlers: what comes of it. `own` is undone first where it may
    /// have been done.
    pub fn failing(
        &mut self,
        handlers: &'p crate::hir::Handlers,
        cause: Cause,
        own: Option<&Undoing>,
        what: &str,
    ) -> Way {
        let what = what.to_owned();
        let Some(block) = remedy(handlers, &cause) else {
            return self.outwards(&cause, own, what, String::new());
        };
        let told = self.words.remedy(block);
        let kept = own.into_iter().cloned().collect::<Vec<_>>();
        match leaves(block) {
            Leaves::Fails(name) => {
                let told = format!("its remedy: {told}; ");
                self.outwards(&Cause::Declared(name), own, what, told)
            }
            Leaves::Asks => {
                Way { what, then: told, undone: Vec::new(), ends: "asks a person".into() }
            }
            Leaves::Skips => Way { what, then: told, undone: Vec::new(), ends: "goes on".into() },
            Leaves::GoesOn => Way { what, then: told, undone: kept, ends: "goes on".into() },
        }
    }

    fn outwards(
        &mut self,
        cause: &Cause,
        own: Option<&Undoing>,
        what: String,
        told: String,
    ) -> Way {
        self.k.extend(own.cloned());
        let (undone, then, ends) = self.travels(cause, self.frames.len());
        if own.is_some() {
            self.k.pop();
        }
        Way { what, then: format!("{told}{then}"), undone, ends }
    }

    /// Where a failure goes from the innermost `depth` frames: what is undone, and what comes of it.
    pub(super) fn travels(&self, cause: &Cause, depth: usize) -> (Vec<Undoing>, String, String) {
        for at in (0..depth).rev() {
            let Some(frame) = self.frames.get(at) else { continue };
            let to = Some(at);
            match &frame.kind {
                Kind::Turn { settle: true, .. } => {
                    let undone = unwinding(&self.k, &self.frames, to);
                    let told = "the turn is undone and its failure is its value".to_owned();
                    return (undone, told, "goes on".into());
                }
                Kind::Unit { handlers, fallback, again } => {
                    let undone = unwinding(&self.k, &self.frames, to);
                    let again =
                        if *again { "the block is undone and may be done again; " } else { "" };
                    if let Some(fallback) = fallback {
                        let told = format!(
                            "{again}the block is undone, then its fallback: {}",
                            self.words.remedy(&fallback.body)
                        );
                        return (undone, told, "goes on".into());
                    }
                    let Some(block) = remedy(handlers, cause) else { continue };
                    let told =
                        format!("{again}the block is undone, then: {}", self.words.remedy(block));
                    return match leaves(block) {
                        Leaves::Fails(name) => {
                            let (undone, then, ends) = self.travels(&Cause::Declared(name), at);
                            (undone, format!("{told}; {then}"), ends)
                        }
                        Leaves::Asks => (undone, told, "asks a person".into()),
                        Leaves::Skips | Leaves::GoesOn => (undone, told, "goes on".into()),
                    };
                }
                Kind::Branch(_) | Kind::Turn { .. } => {}
            }
        }
        let undone = unwinding(&self.k, &self.frames, None);
        let told = match undone.is_empty() {
            true => "the run fails; there is nothing to undo".to_owned(),
            false => "the run fails, and everything is undone".to_owned(),
        };
        (undone, told, format!("failed {}", cause.word()))
    }
}
