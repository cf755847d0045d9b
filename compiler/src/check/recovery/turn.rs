//! Loops: what an earlier turn, or one beside it, may have done when a turn fails.

use super::state::{State, merge};
use super::tree::{Cause, Guard, Loop, Turns};
use super::walk::{Left, Open, Walker, Watch};

/// How one walk over a body ended.
struct Turn {
    /// The next turn begins with these.
    next: Vec<State>,
    /// The loop has ended with these.
    ended: Vec<State>,
    /// Failures that left the turn.
    watch: Option<Watch>,
}

impl Walker<'_> {
    /// A loop.
    pub(super) fn repeated(&mut self, repeated: &Loop, states: Vec<State>) -> Vec<State> {
        self.boundary(&states);
        let mut turn = self.turn(repeated, states.clone());
        if repeated.parallel && !repeated.settle {
            self.beside(repeated, &turn, &states);
        }
        if !repeated.parallel && more(&turn.next, &states) {
            // What one turn leaves behind is there when the next one fails. One extra walk tells
            // every pair of turns apart that can differ.
            let mut again = states.clone();
            again.extend(turn.next.iter().cloned());
            let second = self.turn(repeated, merge(again));
            turn.next.extend(second.next);
            turn.ended.extend(second.ended);
        }
        if repeated.first {
            let turning = turn.watch.iter().flat_map(|watch| &watch.turning);
            let after: Vec<State> = turn.next.iter().chain(turning).cloned().collect();
            self.losers(repeated.head, &states, &after);
            let label = "fewer may succeed than are wanted".to_owned();
            self.abort(Cause::Other, repeated.head, label, false, &states);
        }
        if matches!(repeated.turns, Turns::Repeat { bounded: false, .. }) {
            // Whoever runs beside it may fail while it turns, whether or not it ever ends.
            for watch in &mut self.watches {
                watch.turning.extend(turn.next.iter().cloned());
                watch.turning = merge(std::mem::take(&mut watch.turning));
            }
        }
        let mut out = turn.ended;
        match &repeated.turns {
            Turns::List => {
                out.extend(turn.next);
                out.extend(states);
            }
            Turns::Repeat { bounded: true, .. } => match &repeated.otherwise {
                Some(otherwise) => out.extend(self.leavable(otherwise, merge(turn.next))),
                None => out.extend(turn.next),
            },
            Turns::Repeat { bounded: false, .. } => {}
        }
        let out = merge(out);
        self.keep(&out);
        out
    }

    /// One walk over the body, in units and places of its own where turns are isolated or parallel.
    fn turn(&mut self, repeated: &Loop, states: Vec<State>) -> Turn {
        if repeated.settle {
            self.units.push(Open { isolates: true, ..Open::default() });
        } else {
            self.looped += 1;
        }
        if repeated.parallel {
            let id = self.parallels;
            self.parallels += 1;
            self.place.push((id, 0));
        }
        self.watches.push(Watch::new(self.units.len()));
        let repeat = matches!(repeated.turns, Turns::Repeat { .. });
        self.turns.push(Left { repeat, ..Left::default() });
        let label = "in a turn of this loop".to_owned();
        self.guards.push(Guard { facts: Vec::new(), span: repeated.head, label });
        let fell = self.body(&repeated.body, states);
        self.guards.pop();
        let left = self.turns.pop().unwrap_or_default();
        let watch = self.watches.pop();
        if repeated.parallel {
            self.place.pop();
        }
        if repeated.settle {
            self.units.pop();
        } else {
            self.looped -= 1;
        }
        let (mut next, mut ended) = ends(repeated, fell, left);
        let depth = self.units.len();
        for state in next.iter_mut().chain(&mut ended) {
            state.forget(&repeated.locals);
            state.close(depth);
        }
        if self.looped == 0 {
            // A turn that ends the loop is its last: what it commits, it commits once.
            let once = |commit: &mut super::state::Commit| commit.looped = false;
            ended.iter_mut().flat_map(|state| &mut state.commits).for_each(once);
        }
        Turn { next: merge(next), ended: merge(ended), watch }
    }

    /// Parallel turns: any of them may have come to its end when another fails.
    fn beside(&mut self, repeated: &Loop, turn: &Turn, before: &[State]) {
        for (abort, facts) in turn.watch.iter().flat_map(|watch| &watch.aborts) {
            // What a turn knows of its own names says nothing of another's.
            let shared: Vec<_> =
                facts.iter().filter(|fact| !fact.mentions(&repeated.locals)).cloned().collect();
            let turning = turn.watch.iter().flat_map(|watch| &watch.turning);
            for state in turn.next.iter().chain(turning) {
                self.report.meet_turn(abort, &shared, state, before, self.units.len());
            }
        }
    }
}

/// Where the states at the end of a body lead: to the next turn, or out of the loop.
fn ends(repeated: &Loop, fell: Vec<State>, left: Left) -> (Vec<State>, Vec<State>) {
    let Turns::Repeat { until, .. } = &repeated.turns else {
        let mut next = fell;
        next.extend(left.give);
        return (next, Vec::new());
    };
    let Some((holds, not)) = until else {
        let mut next = fell;
        next.extend(left.again);
        return (next, left.give);
    };
    let taking = |guard: &Guard| -> Vec<State> {
        fell.iter().filter_map(|state| state.taking(guard)).collect()
    };
    let (mut next, mut ended) = (taking(not), taking(holds));
    next.extend(left.again);
    ended.extend(left.give);
    (next, ended)
}

/// Whether a turn may leave something behind that was not there before it.
fn more(after: &[State], before: &[State]) -> bool {
    let dirty = |write: usize| before.iter().any(|b| b.dirt.iter().any(|d| d.write == write));
    let passed = |span| before.iter().any(|b| b.commits.iter().any(|c| c.span == span));
    after.iter().any(|state| {
        state.dirt.iter().any(|dirt| !dirty(dirt.write))
            || state.commits.iter().any(|commit| !passed(commit.span))
    })
}
