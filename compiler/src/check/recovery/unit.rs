//! Units of undo: what fails in one is undone before its handlers run, and they go on from before it.

use super::state::{Commit, State, merge};
use super::tree::{Block, Cause, End, Handler, Interrupt, Node, Unit};
use super::walk::{Open, Stop, Walker, choose};
use crate::span::Span;

/// What a walk over a unit's body found.
struct Guarded {
    /// Its normal exits.
    exits: Vec<State>,
    /// Which handlers were reached.
    reached: Vec<bool>,
    /// Where an interrupt with `keep` may have ended it.
    kept: Vec<State>,
    /// The pivots that passed inside.
    commits: Vec<Commit>,
    /// What may have happened where a write ended unknown and the handlers decide.
    undecided: Vec<State>,
}

impl Walker<'_> {
    /// A `scope`, a `lock`, or a `parallel` with clauses.
    pub(super) fn unit(&mut self, unit: &Unit, states: Vec<State>) -> Vec<State> {
        self.boundary(&states);
        if unit.word == "lock" {
            self.reach(unit.span, &states);
        }
        let takes: Vec<Option<Cause>> = if unit.fallback.is_some() {
            vec![None]
        } else {
            unit.handlers.iter().map(|h| h.on.clone()).collect()
        };
        let open = Open {
            reached: vec![false; takes.len()],
            takes,
            stops: stops(unit),
            keeps: unit.interrupts.iter().any(|interrupt| interrupt.keep),
            ..Open::default()
        };
        let mut found = self.guarded(&unit.body, open, &states);
        if unit.deadline.is_some() {
            // The deadline is a `timeout` that the unit's own handlers see.
            self.reach_timeout(unit, &mut found.reached, &states);
        }
        self.report.scoped_pivots(unit, &found.commits);
        let mut out = found.exits;
        for interrupt in &unit.interrupts {
            out.extend(self.interrupted(interrupt, &states, &found.kept));
        }
        let fallen = found.reached.first().copied() == Some(true);
        if let (Some(fallback), true) = (&unit.fallback, fallen) {
            out.extend(self.fallback(fallback, &unit.handlers, &states));
        } else if unit.fallback.is_none() {
            out.extend(self.handlers(&unit.handlers, &found.reached, &states));
        }
        out
    }

    /// An interrupt's handler: what was done is undone, or kept as far as it came.
    fn interrupted(
        &mut self,
        interrupt: &Interrupt,
        before: &[State],
        kept: &[State],
    ) -> Vec<State> {
        let from = if interrupt.keep {
            merge(before.iter().chain(kept).cloned().collect())
        } else {
            before.to_vec()
        };
        self.remedy(&interrupt.body, from)
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

    /// Walks a body as a unit.
    fn guarded(&mut self, body: &[Node], open: Open, states: &[State]) -> Guarded {
        self.units.push(open);
        let mut exits = self.body(body, states.to_vec());
        let open = self.units.pop().unwrap_or_default();
        for state in &mut exits {
            state.close(self.units.len());
        }
        Guarded {
            exits,
            reached: open.reached,
            kept: open.kept,
            commits: open.commits,
            undecided: open.undecided,
        }
    }

    /// A fallback is a unit of its own; the handlers see what it ended with.
    pub(super) fn fallback(
        &mut self,
        fallback: &Block,
        handlers: &[Handler],
        states: &[State],
    ) -> Vec<State> {
        let takes: Vec<Option<Cause>> = handlers.iter().map(|h| h.on.clone()).collect();
        let decides: Vec<bool> =
            handlers.iter().map(|h| matches!(h.end, End::Skips | End::Manual)).collect();
        let open = Open { reached: vec![false; takes.len()], takes, decides, ..Open::default() };
        self.remedies += 1;
        self.leaves.push(Vec::new());
        let found = self.guarded(&fallback.body, open, states);
        let mut left = self.leaves.pop().unwrap_or_default();
        self.remedies -= 1;
        let depth = self.units.len();
        let mut undecided = found.undecided;
        left.iter_mut().chain(&mut undecided).for_each(|state| state.close(depth));
        let mut out = found.exits;
        out.extend(left);
        out.extend(self.handlers(handlers, &found.reached, states));
        // Where its outcome is unknown, a write of the fallback may be there when the handler runs.
        if let (Some(handler), false) = (choose(handlers, &Cause::Unknown), undecided.is_empty()) {
            out.extend(self.remedy(&handler.body, merge(undecided)));
        }
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
}

/// What may stop a unit from outside and undo it, with its place and label.
fn stops(unit: &Unit) -> Vec<(Stop, Span, String)> {
    let mut stops: Vec<(Stop, Span, String)> = unit
        .interrupts
        .iter()
        .filter(|interrupt| !interrupt.keep)
        .map(|interrupt| {
            let stop = if interrupt.end == End::Fails { Stop::Leaves } else { Stop::GoesOn };
            let label = format!("`{}` can arrive and stop the {}", interrupt.event, unit.word);
            (stop, interrupt.span, label)
        })
        .collect();
    if let Some(deadline) = unit.deadline {
        let stop = if unit.word == "parallel" { Stop::Parallel } else { Stop::Deadline };
        stops.push((stop, deadline, format!("the {} can run out of time", unit.word)));
    }
    stops
}
