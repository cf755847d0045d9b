//! Follows the forward paths of a workflow and counts.
//!
//! Every call is answered at its first attempt, so remedies are on no path but that of a wait whose
//! time runs out. Time is counted at worst: every attempt a policy allows, every wait to its bound.

use super::figures::{Amount, Spent, Time};
use super::size::{self, Sizes};
use super::turn::{QUICK_READ_MS, Way};
use crate::check::time::{Clock, cut, sleep_ms};
use crate::hir::{
    ArmWait, Await, AwaitFirst, Awaited, Block, Class, Concurrency, ConcurrencyElse, Each,
    Parallel, ParallelEach, Point, Provider, Repeat, Sleep, Step, Stmt, StmtKind, Target, Workflow,
};
use crate::span::Span;
use crate::words::{Words, duration};

/// Bound: more ways than this are joined into one; they double with every `if`.
const WAYS_MAX: usize = 12;
/// Bound: turns of a loop that are followed one by one; beyond it a turn counts like the second.
const TURNS_MAX: u64 = 1_000;

/// How a path has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// `return`
    Returns,
    /// `fail`
    Fails,
    /// `give`, `again`, `use`, `skip`: it leaves the block.
    Leaves,
}

pub(super) struct Walker<'p> {
    pub words: Words<'p>,
    pub clock: Clock<'p>,
    pub size: Sizes<'p>,
    /// Ways were joined.
    pub folded: bool,
}

impl<'p> Walker<'p> {
    /// All ways through a workflow.
    pub fn workflow(&mut self, workflow: &'p Workflow) -> Vec<Way> {
        let mut start = Way::started();
        start.open += self.size.input();
        let queues = |each: &&Concurrency| each.otherwise == ConcurrencyElse::Queue;
        let places = workflow.concurrency.iter().filter(queues).count();
        for _ in 0..workflow.limits.len() + places {
            // It rests until its turn has come, and says so.
            start.line(false, 60);
            start.rest(self.size.input());
            start.line(false, 0);
        }
        let mut ways = self.block(&workflow.body, vec![start]);
        for way in &mut ways {
            if way.end != Some(End::Fails) {
                way.line(false, 0);
                way.line(false, 0);
                way.rest(0);
            }
        }
        ways
    }

    pub(super) fn block(&mut self, block: &'p Block, mut ways: Vec<Way>) -> Vec<Way> {
        for stmt in &block.stmts {
            let (open, mut ended): (Vec<Way>, Vec<Way>) =
                ways.into_iter().partition(|way| way.end.is_none());
            let mut on = self.stmt(stmt, open);
            ended.append(&mut on);
            ways = self.few(ended);
        }
        ways
    }

    /// Joins ways where there are too many: those that go on, and those that have ended alike.
    fn few(&mut self, ways: Vec<Way>) -> Vec<Way> {
        if ways.len() <= WAYS_MAX {
            return ways;
        }
        self.folded = true;
        let mut out: Vec<Way> = Vec::new();
        for way in ways {
            match out.iter_mut().find(|other| other.end == way.end) {
                Some(other) => other.most(&way),
                None => out.push(Way { choices: vec!["ways joined".to_owned()], ..way }),
            }
        }
        out
    }

    fn stmt(&mut self, stmt: &'p Stmt, mut ways: Vec<Way>) -> Vec<Way> {
        match &stmt.kind {
            StmtKind::Step(step) => self.each(&mut ways, |this, way| this.step(step, way)),
            StmtKind::Await(wait) => return self.wait(wait, ways),
            StmtKind::AwaitFirst(first) => return self.first(first, ways),
            StmtKind::Sleep(point, sleep) => {
                self.each(&mut ways, |this, way| this.sleep(point, *sleep, stmt.span, way));
            }
            StmtKind::Parallel(fork) => {
                self.each(&mut ways, |this, way| this.parallel(fork, way));
            }
            StmtKind::ParallelEach(each) => {
                self.each(&mut ways, |this, way| this.parallel_each(each, way));
            }
            StmtKind::Each(each) => self.each(&mut ways, |this, way| this.turns(each, way)),
            StmtKind::Repeat(repeat) => {
                self.each(&mut ways, |this, way| this.repeat(repeat, way));
            }
            StmtKind::Transaction(tx) => {
                let time = Time { ms: self.clock.stmt(stmt) };
                let what = format!("transaction {}", tx.name.node);
                let undo = tx.compensate.as_ref();
                self.each(&mut ways, |this, way| {
                    this.alone(&tx.point, (what.clone(), stmt.span), time, way);
                    undo.iter().for_each(|undo| this.armed(undo, way));
                });
            }
            StmtKind::Lock(_) | StmtKind::Scope(_) | StmtKind::If(_) | StmtKind::Match(_) => {
                return self.blocks(stmt, ways);
            }
            StmtKind::Manual(point, _) => self.each(&mut ways, |this, way| {
                way.line(false, size::WAIT);
                way.rest(this.size.frame(&point.at));
                way.line(false, 60);
            }),
            _ => ways.iter_mut().for_each(|way| note(stmt, way)),
        }
        ways
    }

    /// Statements that hold blocks of the same fiber.
    fn blocks(&mut self, stmt: &'p Stmt, mut ways: Vec<Way>) -> Vec<Way> {
        match &stmt.kind {
            StmtKind::Lock(lock) => {
                // What a lock writes is not known before this version executes one.
                for way in &mut ways {
                    way.exact = false;
                    way.line(false, size::WAIT);
                    way.rest(self.size.frame(&lock.point.at));
                    way.line(false, 0);
                }
                self.block(&lock.body, ways)
            }
            StmtKind::Scope(scope) => {
                ways.iter_mut().for_each(|way| way.line(false, 60));
                let mut ways = self.block(&scope.body, ways);
                let open = |way: &&mut Way| way.end.is_none();
                ways.iter_mut().filter(open).for_each(|way| way.line(false, 60));
                if let Some(deadline) = scope.guard.deadline {
                    for way in &mut ways {
                        way.time.ms = cut(way.time.ms, Some(deadline.value)).or(way.time.ms);
                    }
                }
                ways
            }
            StmtKind::If(choice) => {
                let (holds, not) = self.words.sides(choice.condition);
                let (mut then, mut other) = (ways.clone(), ways);
                then.iter_mut().for_each(|way| way.choices.push(holds.clone()));
                other.iter_mut().for_each(|way| way.choices.push(not.clone()));
                let mut all = self.block(&choice.then, then);
                all.extend(match &choice.otherwise {
                    Some(block) => self.block(block, other),
                    None => other,
                });
                all
            }
            StmtKind::Match(choice) => {
                let subject = self.words.expr(choice.subject);
                let mut all = Vec::new();
                for arm in &choice.arms {
                    let pattern = self.words.text(self.words.program.patterns[arm.pattern].span);
                    let mut here = ways.clone();
                    let told = format!("`{subject}` is `{pattern}`");
                    here.iter_mut().for_each(|way| way.choices.push(told.clone()));
                    all.extend(self.block(&arm.body, here));
                }
                all
            }
            _ => ways,
        }
    }

    fn each(&mut self, ways: &mut [Way], mut act: impl FnMut(&mut Self, &mut Way)) {
        ways.iter_mut().for_each(|way| act(self, way));
    }

    /// A call: its intent, its rest, its answer.
    pub(super) fn step(&mut self, step: &'p Step, way: &mut Way) {
        let time = Time { ms: self.clock.call(step) };
        let place = (self.told(step), step.call.span);
        let Target::Action(id) = step.call.target else {
            // A child's own records are on its own page.
            way.exact = false;
            return self.alone(&step.point, place, time, way);
        };
        let action = &self.words.program.actions[id];
        let class = action.class.node;
        let read = class == Class::Read;
        way.exact &= matches!(action.provider, Provider::Service(_));
        let within = step.within.as_ref().map_or(30_000, |within| within.value);
        let provider = self.words.program.provider(id).to_string();
        let (args, result) = self.size.action(&provider, &action.name.node);
        way.durable |= !read || within > QUICK_READ_MS;
        way.line(read, size::CALL + 2 * args);
        way.calls.add(&Amount::of(1));
        if let Some(undo) = self.undo_of(step).filter(|_| !read && !way.committed) {
            way.open += size::ARMED;
            self.armed(undo, way);
        }
        way.rest(self.size.frame(&step.point.at));
        way.line(read, result);
        self.spend(way, place, time, self.why(step, within));
        way.committed |= step.pivot;
    }

    /// One effect that takes a turn: a transaction, a child.
    fn alone(&mut self, point: &Point, place: (String, Span), time: Time, way: &mut Way) {
        way.exact = false;
        way.line(false, size::CALL);
        way.calls.add(&Amount::of(1));
        way.rest(self.size.frame(&point.at));
        way.line(false, 0);
        self.spend(way, place, time, String::new());
    }

    pub(super) fn spend(
        &self,
        way: &mut Way,
        (what, span): (String, Span),
        time: Time,
        why: String,
    ) {
        way.time = way.time.then(time);
        way.spent.push(Spent { what, place: self.words.place(span), time, why });
    }

    fn told(&self, step: &Step) -> String {
        let word = if step.pivot { "pivot" } else { "step" };
        let call = self.words.call(step);
        match self.words.local(step.bind) {
            Some(name) => format!("{word} {name} = {call}"),
            None => format!("{word} {call}"),
        }
    }

    fn why(&self, step: &Step, within_ms: i64) -> String {
        let policy = self.words.policy(step, false);
        let within = duration(within_ms);
        let mut why = match policy.attempts {
            Some(1) => format!("one attempt of {within}"),
            Some(n) => format!("{n} attempts of {within} and the pauses between them"),
            None => format!("attempts of {within} until it succeeds"),
        };
        if let Some(deadline) = &step.deadline {
            why.push_str(&format!(", cut after {}", duration(deadline.value)));
        }
        why
    }

    fn sleep(&mut self, point: &Point, sleep: Sleep, span: Span, way: &mut Way) {
        way.line(false, size::WAIT);
        way.rest(self.size.frame(&point.at));
        way.line(false, 0);
        let time = Time { ms: sleep_ms(self.words.program, sleep) };
        let what = self.words.text(span);
        self.spend(way, (what, span), time, String::new());
    }

    fn wait(&mut self, wait: &'p Await, mut ways: Vec<Way>) -> Vec<Way> {
        let time = Time { ms: wait.bound.and_then(|bound| bound.fixed_ms) };
        let what = match &wait.awaited {
            Awaited::Event(event) => format!("await event {}", event.name.node),
            Awaited::Task { span, .. } => format!("await {}", self.words.text(*span)),
        };
        self.each(&mut ways, |this, way| {
            way.line(false, size::WAIT);
            way.rest(this.size.frame(&wait.point.at));
            way.line(false, 60);
            this.spend(way, (what.clone(), wait.span), time, String::new());
        });
        let on = wait.handlers.on.iter().find(|h| matches!(h.on, crate::hir::On::Timeout));
        let late = on.map(|h| &h.remedy).or(wait.handlers.otherwise.as_ref().map(|e| &e.remedy));
        let Some(late) = late else { return ways };
        let mut out_of_time = ways.clone();
        for way in &mut out_of_time {
            way.choices.push(format!("nothing comes of `{what}` in time"));
        }
        let mut out_of_time = self.block(late, out_of_time);
        // `use` and `skip` end the remedy only.
        for way in out_of_time.iter_mut().filter(|way| way.end == Some(End::Leaves)) {
            way.end = None;
        }
        ways.extend(out_of_time);
        ways
    }

    fn first(&mut self, first: &'p AwaitFirst, mut ways: Vec<Way>) -> Vec<Way> {
        let program = self.words.program;
        let bound = first.arms.iter().filter_map(|arm| match arm.wait {
            ArmWait::Sleep(sleep) => sleep_ms(program, sleep),
            ArmWait::Awaited(_) => None,
        });
        let time = Time { ms: bound.min() };
        self.each(&mut ways, |this, way| {
            way.line(false, size::WAIT);
            way.rest(this.size.frame(&first.point.at));
            way.line(false, 60);
            let what = "await first".to_owned();
            this.spend(way, (what, first.span), time, "to its first time".to_owned());
        });
        let mut all = Vec::new();
        for arm in &first.arms {
            let mut here = ways.clone();
            let told = format!("`{}` comes first", self.words.text(arm.wait_span));
            here.iter_mut().for_each(|way| way.choices.push(told.clone()));
            all.extend(self.block(&arm.body, here));
        }
        all
    }

    /// The longest way through a block that a loop or a fork repeats, on its own.
    fn inner(&mut self, block: &'p Block, start: Way) -> Way {
        let ways = self.block(block, vec![start]);
        self.longest(ways)
    }

    fn longest(&self, ways: Vec<Way>) -> Way {
        let mut ends = ways.into_iter().filter(|way| way.end != Some(End::Fails));
        let Some(mut longest) = ends.next() else { return Way::default() };
        for other in ends {
            longest.most(&other);
        }
        longest.end = None;
        longest
    }

    fn parallel(&mut self, fork: &'p Parallel, way: &mut Way) {
        let guarded = !fork.guard.is_empty();
        way.line(false, if guarded { 120 } else { 60 });
        way.exact &= fork.first.is_none();
        let mut commits = Amount::default();
        let (mut time, mut undo) = (Time::default(), Time::default());
        let mut spent = Vec::new();
        let mut in_turn = Amount::default();
        for branch in &fork.branches {
            let ways = self.stmt(branch, vec![way.inner(true)]);
            let inner = self.longest(ways);
            way.take(&inner);
            commits.most(&inner.commits);
            in_turn.add(&inner.commits);
            way.undo.at_first_ms = way.undo.at_first_ms.max(inner.undo.at_first_ms);
            undo = undo.longer(inner.undo.time);
            if inner.time.longer(time) == inner.time {
                (time, spent) = (inner.time, inner.spent);
            }
        }
        let few = fork.max.is_some_and(|max| max.node < fork.branches.len() as u64);
        way.commits.add(if few { &in_turn } else { &commits });
        way.undo.time = way.undo.time.then(undo);
        way.time = way.time.then(Time { ms: cut(time.ms, fork.guard.deadline.map(|d| d.value)) });
        way.spent.extend(spent);
        way.line(false, if guarded { 120 } else { 60 });
    }

    fn parallel_each(&mut self, each: &'p ParallelEach, way: &mut Way) {
        let guarded = !each.guard.is_empty();
        way.line(false, if guarded { 120 } else { 60 });
        way.exact &= each.first.is_none();
        let inner = self.inner(&each.body, way.inner(true));
        let length = self.clock.length(each.over);
        let at_once = each.max.map_or(1, |max| max.node).max(1);
        let rounds = length.map(|n| n.div_ceil(at_once));
        let name = format!("`each` of `{}`", self.words.expr(each.over));
        let place = (format!("parallel {name}"), each.span);
        self.turned(way, &inner, (length, rounds), &name);
        // Branches wait side by side: commits follow the rounds, which only a known length tells.
        way.exact &= length.is_some() || inner.commits == Amount::default();
        let time = inner.time.times(rounds);
        let time = Time { ms: cut(time.ms, each.guard.deadline.map(|d| d.value)) };
        self.spend(way, place, time, turns_words(inner.time, rounds, "rounds"));
        way.line(false, if guarded { 120 } else { 60 });
    }

    /// Adds an inner way once a turn.
    fn turned(
        &mut self,
        way: &mut Way,
        inner: &Way,
        (turns, rounds): (Option<u64>, Option<u64>),
        name: &str,
    ) {
        let many = |amount: &Amount, n: Option<u64>| match n {
            Some(n) => amount.times(n),
            None => amount.each_turn(name),
        };
        way.records.add(&many(&inner.records, turns));
        way.commits.add(&many(&inner.commits, rounds));
        way.calls.add(&many(&inner.calls, turns));
        way.bytes.add(&many(&inner.bytes, turns));
        way.undo.calls.add(&many(&inner.undo.calls, turns));
        let n = i64::try_from(rounds.unwrap_or(1)).unwrap_or(i64::MAX);
        let at_first = inner.undo.at_first_ms.saturating_mul(n);
        way.undo.at_first_ms = way.undo.at_first_ms.saturating_add(at_first);
        way.undo.time = way.undo.time.then(inner.undo.time.times(rounds));
        way.exact &= inner.exact;
        way.committed |= inner.committed;
    }

    fn turns(&mut self, each: &'p Each, way: &mut Way) {
        let turns = self.clock.length(each.over);
        let most = turns.or(each.max.map(|max| max.node));
        let name = format!("`each` of `{}`", self.words.expr(each.over));
        self.looped(&each.body, each.settle, (turns, most), (name, each.span), way);
    }

    fn repeat(&mut self, repeat: &'p Repeat, way: &mut Way) {
        let most = repeat.up_to.map(|n| n.node);
        let name = self.words.local(repeat.bind).map_or_else(
            || format!("`repeat` at {}", self.words.place(repeat.span)),
            |name| format!("`repeat` of `{name}`"),
        );
        self.looped(&repeat.body, false, (None, most), (name, repeat.span), way);
    }

    /// A loop whose turns follow one another: the first begins in the turn of the machine that is
    /// under way, so it may write a record more or less than the others.
    fn looped(
        &mut self,
        body: &'p Block,
        settle: bool,
        (turns, most): (Option<u64>, Option<u64>),
        (name, span): (String, Span),
        way: &mut Way,
    ) {
        let before = way.clone();
        let one = |this: &mut Self, way: &mut Way| {
            let mut start = way.inner(way.durable);
            start.open = way.open;
            if settle {
                start.line(false, 60);
            }
            let mut inner = this.inner(body, start);
            if settle {
                inner.line(false, 60);
            }
            (way.durable, way.lines, way.open) = (inner.durable, inner.lines, inner.open);
            inner
        };
        if let Some(turns) = turns {
            let mut last = Way::default();
            for _ in 0..turns.min(TURNS_MAX) {
                last = one(self, way);
                self.turned(way, &last, (Some(1), Some(1)), &name);
            }
            let left = turns.saturating_sub(TURNS_MAX);
            self.turned(way, &last, (Some(left), Some(left)), &name);
            way.exact &= left == 0;
            let time = last.time.times(Some(turns));
            let why = turns_words(last.time, Some(turns), "turns");
            return self.spend(way, (name, span), time, why);
        }
        let first = one(self, way);
        let other = one(self, way);
        self.turned(way, &other, (None, most), &name);
        // One turn for nothing, so that the formula holds for one turn and more.
        for (own, first, other) in [
            (&mut way.records, &first.records, &other.records),
            (&mut way.commits, &first.commits, &other.commits),
            (&mut way.bytes, &first.bytes, &other.bytes),
        ] {
            own.add(&Amount::of(first.fixed.saturating_sub(other.fixed)));
        }
        way.exact &= first.records.fixed >= other.records.fixed;
        way.exact &= first.records.fixed > 0 || first.lines == before.lines;
        if most.is_some() {
            way.commits = commits_by_turn(&before, &first, &other, &name);
        }
        let why = turns_words(other.time, most, "turns");
        self.spend(way, (name, span), other.time.times(most), why);
    }
}

/// Commits of a loop whose turns are bounded but not known: one turn's, by turn.
fn commits_by_turn(before: &Way, first: &Way, other: &Way, name: &str) -> Amount {
    let mut commits = before.commits.clone();
    commits.add(&other.commits.each_turn(name));
    commits.add(&Amount::of(first.commits.fixed.saturating_sub(other.commits.fixed)));
    commits
}

/// `4 rounds of 1m`.
fn turns_words(turn: Time, turns: Option<u64>, word: &str) -> String {
    match (turns, turn.ms) {
        (_, Some(0)) => String::new(),
        (Some(n), _) => format!("{n} {word} of {}", turn.words()),
        (None, _) => format!("nobody bounds its {word}; one takes {}", turn.words()),
    }
}

/// A statement that writes a line, or ends the way.
fn note(stmt: &Stmt, way: &mut Way) {
    match &stmt.kind {
        StmtKind::Emit { .. } => way.line(false, 300),
        StmtKind::Review(_) | StmtKind::Reply(_) | StmtKind::Progress(..) => way.line(false, 80),
        StmtKind::Start { .. } | StmtKind::Reject(..) => {
            way.exact = false;
            way.line(false, 200);
        }
        StmtKind::Fail(_) => way.end = Some(End::Fails),
        StmtKind::Return(_) => way.end = Some(End::Returns),
        StmtKind::Give(_) | StmtKind::Again(_) | StmtKind::Use(_) | StmtKind::Skip => {
            way.end = Some(End::Leaves);
        }
        _ => {}
    }
}
