//! Choices: each arm is a path of its own, as long as it matters which one was taken.

use super::state::State;
use super::tree::{Fact, Guard, Node};
use super::walk::Walker;
use std::collections::BTreeSet;

impl Walker<'_> {
    /// `if` and `match`.
    pub(super) fn choice(&mut self, arms: &[(Guard, Vec<Node>)], states: &[State]) -> Vec<State> {
        let mut exits = Vec::new();
        for (guard, body) in arms {
            let taken: Vec<State> = states.iter().filter_map(|s| s.taking(guard)).collect();
            self.guards.push(guard.clone());
            exits.push(self.body(body, taken));
            self.guards.pop();
        }
        rejoin(arms, states, exits)
    }
}

/// Paths that every arm leaves with the same behind them are one path again: which arm it was then
/// says nothing of what may have happened.
///
/// Bound: without it the number of paths doubles with every choice, up to the most that is kept;
/// with it only choices that matter for what may have happened count.
/// Invariant: nothing is lost, because a value never changes: where it is looked at again, one path
/// splits as the others would have been told apart.
fn rejoin(arms: &[(Guard, Vec<Node>)], before: &[State], exits: Vec<Vec<State>>) -> Vec<State> {
    let learnt = |fact: &Fact| {
        arms.iter().any(|(guard, _)| guard.facts.contains(fact))
            && !before.iter().any(|state| state.facts.contains(fact))
    };
    let mut alike: Vec<Alike> = Vec::new();
    for (arm, states) in exits.into_iter().enumerate() {
        for state in states {
            let mut without = state.clone();
            without.facts.retain(|fact| !learnt(fact));
            match alike.iter_mut().find(|known| known.without == without) {
                Some(known) => {
                    known.arms.insert(arm);
                    known.states.push(state);
                }
                None => {
                    alike.push(Alike { without, arms: BTreeSet::from([arm]), states: vec![state] })
                }
            }
        }
    }
    let mut out = Vec::new();
    for known in alike {
        if known.arms.len() == arms.len() {
            out.push(known.without);
        } else {
            out.extend(known.states);
        }
    }
    out
}

/// Exits that differ in nothing but what the choice has taught.
struct Alike {
    /// Without that.
    without: State,
    /// Which arms lead here.
    arms: BTreeSet<usize>,
    /// With it.
    states: Vec<State>,
}
