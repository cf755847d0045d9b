//! What is known at one place of a workflow, on one set of paths.

use super::tree::{Fact, Guard};
use crate::span::Span;
use std::collections::BTreeMap;

/// Facts a state keeps; beyond, the oldest is forgotten and paths merge.
///
/// Bound: the number of states doubles with each; eight cover what people write.
const FACTS_MAX: usize = 8;

/// States kept at one place; beyond, all facts are forgotten and they become one.
///
/// Bound: 2 to the power of [`FACTS_MAX`].
const STATES_MAX: usize = 256;

/// Where in nested `parallel`s something stands: which one, and which branch of it.
pub type Place = Vec<(u32, u32)>;

/// Whether two places can run at the same time.
pub fn concurrent(a: &[(u32, u32)], b: &[(u32, u32)]) -> bool {
    a.iter().zip(b).find(|(x, y)| x != y).is_some_and(|(x, y)| x.0 == y.0 && x.1 != y.1)
}

/// A write that may have happened and that nothing undoes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dirt {
    /// Index into the walker's writes.
    pub write: usize,
    /// Units around it that are still open.
    pub depth: usize,
    /// Its branch.
    pub place: Place,
    /// Guards on the way to it.
    pub guards: Vec<Guard>,
}

/// A pivot that ended well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// The call.
    pub span: Span,
    /// Its name as written.
    pub name: String,
    /// Units around it that are still open.
    pub depth: usize,
    /// Its branch.
    pub place: Place,
    /// It stands in a loop whose turns are not isolated.
    pub looped: bool,
}

/// One set of paths.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// What these paths have in common.
    pub facts: Vec<Fact>,
    /// What may have happened.
    pub dirt: Vec<Dirt>,
    /// What others were told (`write` then numbers what was said).
    pub said: Vec<Dirt>,
    /// What has committed.
    pub commits: Vec<Commit>,
}

impl State {
    /// Whether the run has passed a pivot on these paths, as seen from `place`.
    pub fn committed(&self, place: &[(u32, u32)]) -> bool {
        self.commits.iter().any(|c| !concurrent(&c.place, place))
    }

    /// This state where `guard` is taken; nothing if that cannot be.
    pub fn taking(&self, guard: &Guard) -> Option<Self> {
        let clash = |fact: &Fact| self.facts.iter().any(|known| known.contradicts(fact));
        if guard.facts.iter().any(clash) {
            return None;
        }
        let mut state = self.clone();
        for fact in &guard.facts {
            if !state.facts.contains(fact) {
                state.facts.push(fact.clone());
            }
        }
        let over = state.facts.len().saturating_sub(FACTS_MAX);
        state.facts.drain(..over);
        Some(state)
    }

    /// Forgets what mentions names that end here.
    pub fn forget(&mut self, locals: &[u32]) {
        self.facts.retain(|fact| !fact.mentions(locals));
    }

    /// Closes units: what is deeper than `depth` now belongs to it.
    pub fn close(&mut self, depth: usize) {
        for dirt in &mut self.dirt {
            dirt.depth = dirt.depth.min(depth);
        }
        for told in &mut self.said {
            told.depth = told.depth.min(depth);
        }
        for commit in &mut self.commits {
            commit.depth = commit.depth.min(depth);
        }
    }
}

/// Whether two paths can be the same one.
pub fn agree(a: &[Fact], b: &[Fact]) -> bool {
    !a.iter().any(|x| b.iter().any(|y| x.contradicts(y)))
}

/// Merges states that know the same, and all of them if there are too many.
pub fn merge(states: Vec<State>) -> Vec<State> {
    let mut kept: Vec<State> = Vec::new();
    let mut known: BTreeMap<Vec<Fact>, usize> = BTreeMap::new();
    for state in states {
        match known.get(&state.facts).and_then(|at| kept.get_mut(*at)) {
            Some(same) => absorb(same, state),
            None => {
                known.insert(state.facts.clone(), kept.len());
                kept.push(state);
            }
        }
    }
    if kept.len() > STATES_MAX {
        kept = vec![forgetful(kept)];
    }
    kept
}

/// Paths through branches side by side: each of one together with each of the other.
pub fn join(left: Vec<State>, right: Vec<State>) -> Vec<State> {
    // Bound: beyond this many pairs what one side knows is forgotten.
    const PAIRS_MAX: usize = 4096;
    let right = if left.len().saturating_mul(right.len()) > PAIRS_MAX {
        vec![forgetful(right)]
    } else {
        right
    };
    let mut joined = Vec::new();
    for a in &left {
        for b in right.iter().filter(|b| agree(&a.facts, &b.facts)) {
            joined.push(beside(a, b));
        }
    }
    merge(joined)
}

fn beside(a: &State, b: &State) -> State {
    let mut both = a.clone();
    both.facts.extend(b.facts.iter().filter(|fact| !a.facts.contains(fact)).cloned());
    let over = both.facts.len().saturating_sub(FACTS_MAX);
    both.facts.drain(..over);
    absorb(&mut both, b.clone());
    // What one side committed no longer waits for anything on the other.
    let State { dirt, said, commits, .. } = &mut both;
    dirt.retain(|d| commits.iter().all(|c| concurrent(&c.place, &d.place)));
    said.retain(|d| commits.iter().all(|c| concurrent(&c.place, &d.place)));
    both
}

/// One state for all of them, which knows nothing but what may have happened.
fn forgetful(states: Vec<State>) -> State {
    let mut all = State::default();
    for state in states {
        absorb(&mut all, state);
    }
    all
}

/// Adds what `from` knows to have possibly happened.
fn absorb(into: &mut State, from: State) {
    for dirt in from.dirt {
        if !into.dirt.iter().any(|d| d.write == dirt.write && d.depth == dirt.depth) {
            into.dirt.push(dirt);
        }
    }
    for told in from.said {
        if !into.said.iter().any(|d| d.write == told.write && d.depth == told.depth) {
            into.said.push(told);
        }
    }
    for commit in from.commits {
        if !into.commits.iter().any(|c| c.span == commit.span && c.depth == commit.depth) {
            into.commits.push(commit);
        }
    }
}
