//! The walk over a reduced workflow: what may have happened on each path, and what can fail then.
//!
//! A failure travels outwards through the units around it. At each level it meets the writes that
//! nothing undoes and the pivots that have passed there; each such meeting is a finding. It stops at
//! the unit that handles it. Loops and branches remember the failures that leave them, because an
//! earlier turn or a sibling may have written.

use super::report::Reporter;
use super::state::{Commit, Dirt, Place, State, merge};
use super::tree::{Cause, Fact, Guard, Handler, Node};
use crate::span::Span;
use std::collections::BTreeSet;
use std::rc::Rc;

/// Something that can end the run, seen on its way out.
#[derive(Clone, Debug)]
pub struct Abort {
    /// What kind.
    pub cause: Cause,
    /// Where.
    pub span: Span,
    /// `can fail with NoCarrier`, `gives up after 3 attempts`.
    pub label: String,
    /// It is a pivot that fails.
    pub pivot: bool,
    /// It stands in a handler or a fallback.
    pub remedy: bool,
    /// It comes from outside and stops a block at a boundary.
    pub stop: Option<Stop>,
    /// Guards on the way to it.
    pub guards: Vec<Guard>,
    /// Its branch.
    pub place: Place,
}

/// What stops a block from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// An interrupt whose handler leaves the block's surroundings too.
    Leaves,
    /// An interrupt whose handler goes on.
    GoesOn,
    /// The deadline of a scope.
    Deadline,
    /// The deadline of a `parallel`.
    Parallel,
}

/// A unit that is open.
#[derive(Default)]
pub(super) struct Open {
    /// Causes its handlers name; `else` takes everything.
    pub takes: Vec<Option<Cause>>,
    /// Which handlers were reached.
    pub reached: Vec<bool>,
    /// What may stop it from outside, with its place and label.
    pub stops: Vec<(Stop, Span, String)>,
    /// Something may stop it and keep what it did.
    pub keeps: bool,
    /// What is known at the boundaries where it may be stopped so.
    pub kept: Vec<State>,
    /// The pivots that passed inside it.
    pub commits: Vec<Commit>,
    /// A failing turn of a `settle` loop ends here, whatever the cause.
    pub isolates: bool,
    /// Which handlers say what an unknown outcome in it means: those behind a `fallback` do, since
    /// they are the only ones its call can have.
    pub decides: Vec<bool>,
    /// What may have happened where they do.
    pub undecided: Vec<State>,
}

impl Open {
    /// The handler that takes a cause: the first that names it, else `else`.
    pub fn taking(&self, cause: &Cause) -> Option<usize> {
        let named = self.takes.iter().position(|on| on.as_ref() == Some(cause));
        named.or_else(|| self.takes.iter().position(Option::is_none))
    }
}

/// A loop or branch that is being walked.
pub(super) struct Watch {
    /// Units open around it.
    pub depth: usize,
    /// Failures that leave it, with the facts of their paths.
    pub aborts: Vec<(Rc<Abort>, Vec<Fact>)>,
    /// What holds between two turns of a loop in it that may never end: the others run meanwhile.
    pub turning: Vec<State>,
}

impl Watch {
    /// Of something inside so many units.
    pub fn new(depth: usize) -> Self {
        Self { depth, aborts: Vec::new(), turning: Vec::new() }
    }
}

/// States in which a loop's body was left by its own words.
#[derive(Default)]
pub(super) struct Left {
    /// It is a `repeat`, to which `again` belongs.
    pub repeat: bool,
    /// By `give`.
    pub give: Vec<State>,
    /// By `again`.
    pub again: Vec<State>,
}

/// The walk.
pub struct Walker<'r> {
    /// Takes the findings.
    pub report: &'r mut Reporter,
    pub(super) units: Vec<Open>,
    pub(super) watches: Vec<Watch>,
    pub(super) turns: Vec<Left>,
    /// Paths that left a handler or fallback by `use` or `skip`, innermost last.
    pub(super) leaves: Vec<Vec<State>>,
    pub(super) place: Place,
    pub(super) guards: Vec<Guard>,
    pub(super) remedies: u32,
    /// Failures that nothing handled.
    pub escaped: Vec<Abort>,
    /// Steps and locks reached on a path that has not committed.
    pub before_commit: BTreeSet<Span>,
    /// Steps and locks reached on a path that has.
    pub after_commit: BTreeSet<Span>,
    pub(super) parallels: u32,
    pub(super) looped: u32,
    /// Paths that were carried through a statement: what the walk has cost.
    pub work: u64,
}

impl<'r> Walker<'r> {
    /// A walk that reports to `report`.
    pub fn new(report: &'r mut Reporter) -> Self {
        Self {
            report,
            units: Vec::new(),
            watches: Vec::new(),
            turns: Vec::new(),
            leaves: Vec::new(),
            place: Vec::new(),
            guards: Vec::new(),
            remedies: 0,
            escaped: Vec::new(),
            before_commit: BTreeSet::new(),
            after_commit: BTreeSet::new(),
            parallels: 0,
            looped: 0,
            work: 0,
        }
    }

    /// Statements in order; the states at their normal end.
    pub fn body(&mut self, nodes: &[Node], mut states: Vec<State>) -> Vec<State> {
        for node in nodes {
            if states.is_empty() {
                break;
            }
            self.work += states.len() as u64;
            states = merge(self.node(node, states));
        }
        states
    }

    fn node(&mut self, node: &Node, states: Vec<State>) -> Vec<State> {
        match node {
            Node::Step(step) => self.step(step, states),
            Node::Wait { span, expires, handlers, arms } => {
                self.wait(*span, expires.as_deref(), handlers, arms, states)
            }
            Node::Choice(arms) => self.choice(arms, &states),
            Node::Parallel { span, branches, first } => {
                self.parallel(*span, branches, *first, states)
            }
            Node::Loop(repeated) => self.repeated(repeated, states),
            Node::Unit(unit) => self.unit(unit, states),
            Node::Fail { span, error } => {
                let label = format!("the run can fail with {error}");
                self.abort(Cause::Declared(error.clone()), *span, label, false, &states);
                Vec::new()
            }
            Node::Manual => states,
            Node::Say { span, reply } => self.say(*span, *reply, states),
            Node::Give => {
                if let Some(turn) = self.turns.last_mut() {
                    turn.give.extend(states);
                }
                Vec::new()
            }
            Node::Again => {
                if let Some(turn) = self.turns.iter_mut().rfind(|turn| turn.repeat) {
                    turn.again.extend(states);
                }
                Vec::new()
            }
            Node::Leave => {
                if let Some(left) = self.leaves.last_mut() {
                    left.extend(states);
                }
                Vec::new()
            }
            Node::Return => Vec::new(),
        }
    }

    /// A step or lock is reached, before the commit or after it.
    pub(super) fn reach(&mut self, span: Span, states: &[State]) {
        for state in states {
            let side = match state.committed(&self.place) {
                true => &mut self.after_commit,
                false => &mut self.before_commit,
            };
            side.insert(span);
        }
    }

    /// Something is told to others here that a later failure may make untrue.
    fn say(&mut self, span: Span, reply: bool, mut states: Vec<State>) -> Vec<State> {
        let said = self.report.said(span, reply);
        for state in &mut states {
            let known = state.said.iter().any(|told| told.write == said);
            if !known && !state.committed(&self.place) {
                state.said.push(Dirt {
                    write: said,
                    depth: self.units.len(),
                    place: self.place.clone(),
                    guards: Vec::new(),
                });
            }
        }
        states
    }

    /// Units open here.
    pub(super) fn depth(&self) -> usize {
        self.units.len()
    }

    /// The run can fail here: meets what stands in the way, outwards, until something handles it.
    pub(super) fn abort(
        &mut self,
        cause: Cause,
        span: Span,
        label: String,
        pivot: bool,
        states: &[State],
    ) {
        let abort = Abort {
            cause,
            span,
            label,
            pivot,
            remedy: self.remedies > 0,
            stop: None,
            guards: self.guards.clone(),
            place: self.place.clone(),
        };
        for level in (0..=self.units.len()).rev() {
            for state in states {
                self.report.meet(&abort, state, level);
            }
            for watch in self.watches.iter_mut().filter(|w| w.depth == level) {
                let shared = Rc::new(abort.clone());
                for state in states {
                    watch.aborts.push((Rc::clone(&shared), state.facts.clone()));
                }
            }
            let Some(unit) = level.checked_sub(1).and_then(|at| self.units.get_mut(at)) else {
                self.escaped.push(abort);
                return;
            };
            if let Some(at) = unit.taking(&abort.cause) {
                if let Some(reached) = unit.reached.get_mut(at) {
                    *reached = true;
                }
                return;
            }
            if unit.isolates {
                return;
            }
        }
    }

    /// A boundary: an interrupt or a block's deadline may stop the units around it here.
    pub(super) fn boundary(&mut self, states: &[State]) {
        self.keep(states);
        for at in 0..self.units.len() {
            for (stop, span, label) in self.units[at].stops.clone() {
                let abort = Abort {
                    cause: Cause::Other,
                    span,
                    label,
                    pivot: false,
                    remedy: false,
                    stop: Some(stop),
                    guards: Vec::new(),
                    place: self.place.clone(),
                };
                for state in states {
                    for level in at + 1..=self.units.len() {
                        self.report.meet(&abort, state, level);
                    }
                }
                let shared = Rc::new(abort);
                for watch in self.watches.iter_mut().filter(|w| w.depth > at) {
                    for state in states {
                        watch.aborts.push((Rc::clone(&shared), state.facts.clone()));
                    }
                }
            }
        }
    }

    /// What an interrupt with `keep` would find here goes on behind its unit.
    pub(super) fn keep(&mut self, states: &[State]) {
        for (depth, unit) in self.units.iter_mut().enumerate().filter(|(_, unit)| unit.keeps) {
            unit.kept.extend(states.iter().cloned().map(|mut state| {
                state.close(depth);
                state
            }));
            unit.kept = merge(std::mem::take(&mut unit.kept));
        }
    }

    fn wait(
        &mut self,
        span: Span,
        expires: Option<&str>,
        handlers: &[Handler],
        arms: &[(Span, Vec<Node>)],
        states: Vec<State>,
    ) -> Vec<State> {
        self.boundary(&states);
        let mut out = if arms.is_empty() { states.clone() } else { Vec::new() };
        for (_, body) in arms {
            out.extend(self.body(body, states.clone()));
        }
        if let Some(label) = expires {
            match choose(handlers, &Cause::Timeout) {
                Some(handler) => out.extend(self.remedy(&handler.body, states)),
                None => self.abort(Cause::Timeout, span, label.to_owned(), false, &states),
            }
        }
        out
    }

    /// A handler or fallback: what fails in it after a pivot has a code of its own.
    pub(super) fn remedy(&mut self, body: &[Node], states: Vec<State>) -> Vec<State> {
        // A bare `fail` is no alternative: what fails then is the step itself.
        let alternative = !matches!(body, [Node::Fail { .. }]);
        self.remedies += u32::from(alternative);
        let out = self.leavable(body, states);
        self.remedies -= u32::from(alternative);
        out
    }

    /// A body that `use` and `skip` end; they go on where its normal end does.
    pub(super) fn leavable(&mut self, body: &[Node], states: Vec<State>) -> Vec<State> {
        self.leaves.push(Vec::new());
        let mut out = self.body(body, states);
        let mut left = self.leaves.pop().unwrap_or_default();
        let depth = self.units.len();
        left.iter_mut().for_each(|state| state.close(depth));
        out.extend(left);
        merge(out)
    }

    /// Adds a commit to each state; what was written before no longer waits for anything.
    pub(super) fn commit(&mut self, states: &mut [State], span: Span, name: &str) {
        let commit = Commit {
            span,
            name: name.to_owned(),
            depth: self.units.len(),
            place: self.place.clone(),
            looped: self.looped > 0,
        };
        for unit in &mut self.units {
            unit.commits.push(commit.clone());
        }
        for state in states {
            state.dirt.retain(|d| super::state::concurrent(&d.place, &self.place));
            state.said.retain(|d| super::state::concurrent(&d.place, &self.place));
            state.commits.push(commit.clone());
        }
    }
}

/// The handler that takes a cause: the first `on` that names it, else `else`.
pub fn choose<'h>(handlers: &'h [Handler], cause: &Cause) -> Option<&'h Handler> {
    handlers
        .iter()
        .find(|h| h.on.as_ref() == Some(cause))
        .or_else(|| handlers.iter().find(|h| h.on.is_none()))
}
