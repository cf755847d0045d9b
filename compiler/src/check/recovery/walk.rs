//! The walk over a reduced workflow: what may have happened on each path, and what can fail then.
//!
//! A failure travels outwards through the units around it. At each level it meets the writes that
//! nothing undoes and the pivots that have passed there; each such meeting is a finding. It stops at
//! the unit that handles it. Loops and branches remember the failures that leave them, because an
//! earlier turn or a sibling may have written.

use super::report::{Meeting, Reporter};
use super::state::{Commit, Dirt, Place, State, merge};
use super::tree::{Block, Cause, Guard, Handler, Loop, Node, Unit};
use crate::span::Span;
use std::collections::BTreeSet;

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
    /// Guards on the way to it.
    pub guards: Vec<Guard>,
    /// Its branch.
    pub place: Place,
}

/// A unit that is open.
struct Open {
    /// Causes its handlers name; `else` takes everything.
    takes: Vec<Option<Cause>>,
    /// Which handlers were reached.
    reached: Vec<bool>,
    /// What may stop it from outside, with its label.
    interrupts: Vec<(Span, String)>,
    /// A failing turn of a `settle` loop ends here, whatever the cause.
    isolates: bool,
}

/// A loop or branch that is being walked.
struct Watch {
    /// Units open around it.
    depth: usize,
    /// Failures that leave it, with the facts of their paths.
    aborts: Vec<(Abort, Vec<super::tree::Fact>)>,
}

/// The walk.
pub struct Walker<'r> {
    /// Takes the findings.
    pub report: &'r mut Reporter,
    units: Vec<Open>,
    watches: Vec<Watch>,
    turns: Vec<Vec<State>>,
    pub(super) place: Place,
    pub(super) guards: Vec<Guard>,
    pub(super) remedies: u32,
    /// Failures that nothing handled.
    pub escaped: Vec<Abort>,
    /// Steps reached on a path that has not committed.
    pub before_commit: BTreeSet<Span>,
    parallels: u32,
    looped: u32,
}

impl<'r> Walker<'r> {
    /// A walk that reports to `report`.
    pub fn new(report: &'r mut Reporter) -> Self {
        Self {
            report,
            units: Vec::new(),
            watches: Vec::new(),
            turns: Vec::new(),
            place: Vec::new(),
            guards: Vec::new(),
            remedies: 0,
            escaped: Vec::new(),
            before_commit: BTreeSet::new(),
            parallels: 0,
            looped: 0,
        }
    }

    /// Statements in order; the states at their normal end.
    pub fn body(&mut self, nodes: &[Node], mut states: Vec<State>) -> Vec<State> {
        for node in nodes {
            if states.is_empty() {
                break;
            }
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
            Node::EndTurn => {
                if let Some(turn) = self.turns.last_mut() {
                    turn.extend(states);
                }
                Vec::new()
            }
            Node::Return => Vec::new(),
        }
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
            guards: self.guards.clone(),
            place: self.place.clone(),
        };
        for level in (0..=self.units.len()).rev() {
            for state in states {
                self.report.meet(&abort, state, level, Meeting::Here);
            }
            for watch in self.watches.iter_mut().filter(|w| w.depth == level) {
                for state in states {
                    watch.aborts.push((abort.clone(), state.facts.clone()));
                }
            }
            let Some(unit) = level.checked_sub(1).and_then(|at| self.units.get_mut(at)) else {
                self.escaped.push(abort);
                return;
            };
            let taken = unit
                .takes
                .iter()
                .position(|on| on.as_ref() == Some(&abort.cause))
                .or_else(|| unit.takes.iter().position(Option::is_none));
            if let Some(at) = taken {
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
        for at in 0..self.units.len() {
            for (span, label) in self.units[at].interrupts.clone() {
                let abort = Abort {
                    cause: Cause::Other,
                    span,
                    label,
                    pivot: false,
                    remedy: false,
                    guards: Vec::new(),
                    place: self.place.clone(),
                };
                for state in states {
                    for level in at + 1..=self.units.len() {
                        self.report.meet(&abort, state, level, Meeting::Interrupt);
                    }
                }
                for watch in self.watches.iter_mut().filter(|w| w.depth > at) {
                    watch.aborts.push((abort.clone(), Vec::new()));
                }
            }
        }
    }

    fn choice(&mut self, arms: &[(Guard, Vec<Node>)], states: &[State]) -> Vec<State> {
        let mut out = Vec::new();
        for (guard, body) in arms {
            let taken: Vec<State> = states.iter().filter_map(|s| s.taking(guard)).collect();
            self.guards.push(guard.clone());
            out.extend(self.body(body, taken));
            self.guards.pop();
        }
        out
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
        let out = self.body(body, states);
        self.remedies -= u32::from(alternative);
        out
    }

    fn parallel(
        &mut self,
        span: Span,
        branches: &[Vec<Node>],
        first: bool,
        mut states: Vec<State>,
    ) -> Vec<State> {
        self.boundary(&states);
        let id = self.parallels;
        self.parallels += 1;
        let mut left: Vec<Watch> = Vec::new();
        let before = states.clone();
        for (index, branch) in branches.iter().enumerate() {
            self.place.push((id, index as u32));
            self.watches.push(Watch { depth: self.units.len(), aborts: Vec::new() });
            // Order: each branch goes on from its siblings' states, so that facts and writes add up;
            // what is of a sibling is told apart by its place.
            states = self.body(branch, states);
            if let Some(watch) = self.watches.pop() {
                left.push(watch);
            }
            self.place.pop();
        }
        for watch in &left {
            for (abort, facts) in &watch.aborts {
                for state in &states {
                    self.report.meet_sibling(abort, facts, state, self.units.len());
                }
            }
        }
        if first {
            self.losers(span, &before, &states);
        }
        states
    }

    /// `first k` stops and undoes the losers: nothing in a branch may be beyond undoing.
    fn losers(&mut self, span: Span, before: &[State], after: &[State]) {
        for state in after {
            let new =
                |dirt: &&Dirt| !before.iter().any(|b| b.dirt.iter().any(|d| d.write == dirt.write));
            for dirt in state.dirt.iter().filter(new) {
                self.report.loser(dirt, span);
            }
            for commit in &state.commits {
                if !before.iter().any(|b| b.commits.contains(commit)) {
                    self.report.losing_pivot(commit, span);
                }
            }
        }
    }

    fn repeated(&mut self, repeated: &Loop, states: Vec<State>) -> Vec<State> {
        self.boundary(&states);
        if repeated.settle {
            self.units.push(Open {
                takes: Vec::new(),
                reached: Vec::new(),
                interrupts: Vec::new(),
                isolates: true,
            });
        } else {
            self.looped += 1;
        }
        let id = self.parallels;
        if repeated.parallel {
            self.parallels += 1;
            self.place.push((id, 0));
        }
        let depth = self.units.len();
        self.watches.push(Watch { depth, aborts: Vec::new() });
        self.turns.push(Vec::new());
        let mut turned = self.body(&repeated.body, states.clone());
        turned.extend(self.turns.pop().unwrap_or_default());
        let watch = self.watches.pop();
        if repeated.parallel {
            self.place.pop();
        }
        if repeated.settle {
            self.units.pop();
        } else {
            self.looped -= 1;
        }
        for state in &mut turned {
            state.forget(&repeated.locals);
            state.close(self.units.len());
        }
        if let (Some(watch), false) = (watch, repeated.settle) {
            for (abort, _) in &watch.aborts {
                for state in &turned {
                    self.report.meet_turn(abort, state, &states, repeated, self.units.len());
                }
            }
        }
        if repeated.first {
            self.losers(repeated.head, &states, &turned);
        }
        let mut out = turned;
        if repeated.ends {
            out.extend(states);
        }
        if let Some(otherwise) = &repeated.otherwise {
            let ran_out = self.body(otherwise, merge(out.clone()));
            out.extend(ran_out);
        }
        out
    }

    fn unit(&mut self, unit: &Unit, states: Vec<State>) -> Vec<State> {
        self.boundary(&states);
        let takes: Vec<Option<Cause>> = if unit.fallback.is_some() {
            vec![None]
        } else {
            unit.handlers.iter().map(|h| h.on.clone()).collect()
        };
        let mut interrupts: Vec<(Span, String)> = unit
            .interrupts
            .iter()
            .filter(|i| !i.keep)
            .map(|i| (i.span, format!("`{}` may arrive and stop the {}", i.event, unit.word)))
            .collect();
        if let Some(deadline) = unit.deadline {
            interrupts.push((deadline, format!("the {} may run out of time", unit.word)));
        }
        let timed = unit.deadline.is_some();
        let (mut out, mut reached) = self.guarded(&unit.body, takes, interrupts, &states);
        if timed {
            // The deadline is a `timeout` that the unit's own handlers see.
            self.reach_timeout(unit, &mut reached, &states);
        }
        self.report.scoped_pivots(unit, &out);
        for interrupt in &unit.interrupts {
            let from = if interrupt.keep {
                merge(states.iter().chain(&out).cloned().collect())
            } else {
                states.clone()
            };
            out.extend(self.remedy(&interrupt.body, from));
        }
        if let (Some(fallback), true) = (&unit.fallback, reached.first().copied() == Some(true)) {
            out.extend(self.fallback(fallback, &unit.handlers, &states));
        } else if unit.fallback.is_none() {
            out.extend(self.handlers(&unit.handlers, &reached, &states));
        }
        out
    }

    fn reach_timeout(&mut self, unit: &Unit, reached: &mut [bool], states: &[State]) {
        if unit.fallback.is_some() {
            reached.iter_mut().for_each(|r| *r = true);
            return;
        }
        let at = unit
            .handlers
            .iter()
            .position(|h| h.on == Some(Cause::Timeout))
            .or_else(|| unit.handlers.iter().position(|h| h.on.is_none()));
        match at.and_then(|at| reached.get_mut(at)) {
            Some(seen) => *seen = true,
            None => {
                let span = unit.deadline.unwrap_or(unit.span);
                let label = format!("the {} can run out of time", unit.word);
                self.abort(Cause::Timeout, span, label, false, states);
            }
        }
    }

    /// Walks a body as a unit; its exits, and which handlers were reached.
    fn guarded(
        &mut self,
        body: &[Node],
        takes: Vec<Option<Cause>>,
        interrupts: Vec<(Span, String)>,
        states: &[State],
    ) -> (Vec<State>, Vec<bool>) {
        let reached = vec![false; takes.len()];
        self.units.push(Open { takes, reached, interrupts, isolates: false });
        let mut out = self.body(body, states.to_vec());
        let reached = self.units.pop().map(|open| open.reached).unwrap_or_default();
        for state in &mut out {
            state.close(self.units.len());
        }
        (out, reached)
    }

    /// A fallback is a unit of its own; the handlers see what it ended with.
    pub(super) fn fallback(
        &mut self,
        fallback: &Block,
        handlers: &[Handler],
        states: &[State],
    ) -> Vec<State> {
        let takes = handlers.iter().map(|h| h.on.clone()).collect();
        self.remedies += 1;
        let (mut out, reached) = self.guarded(&fallback.body, takes, Vec::new(), states);
        self.remedies -= 1;
        out.extend(self.handlers(handlers, &reached, states));
        out
    }

    /// The handlers that were reached, each from the states before what they guard.
    fn handlers(&mut self, handlers: &[Handler], reached: &[bool], states: &[State]) -> Vec<State> {
        let mut out = Vec::new();
        for (handler, seen) in handlers.iter().zip(reached) {
            if *seen {
                out.extend(self.remedy(&handler.body, states.to_vec()));
            }
        }
        out
    }

    /// Adds a commit to each state; what was written before no longer waits for anything.
    pub(super) fn commit(&self, states: &mut [State], span: Span, name: &str) {
        for state in states {
            state.dirt.retain(|d| super::state::concurrent(&d.place, &self.place));
            state.commits.push(Commit {
                span,
                name: name.to_owned(),
                depth: self.units.len(),
                place: self.place.clone(),
                looped: self.looped > 0,
            });
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
