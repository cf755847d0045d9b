//! Branches side by side: what one may do while another fails.

use super::state::{State, join, merge};
use super::tree::Node;
use super::walk::{Walker, Watch};
use crate::span::Span;

impl Walker<'_> {
    /// `parallel { … }`. Each branch begins where the block begins: nothing that a sibling found out
    /// or did can be taken for granted in it.
    pub(super) fn parallel(
        &mut self,
        span: Span,
        branches: &[Vec<Node>],
        first: bool,
        states: Vec<State>,
    ) -> Vec<State> {
        self.boundary(&states);
        let id = self.parallels;
        self.parallels += 1;
        let mut walked: Vec<(Watch, Vec<State>)> = Vec::new();
        for (index, branch) in branches.iter().enumerate() {
            self.place.push((id, u32::try_from(index).unwrap_or(u32::MAX)));
            self.watches.push(Watch::new(self.units.len()));
            let exits = self.body(branch, states.clone());
            if let Some(watch) = self.watches.pop() {
                walked.push((watch, exits));
            }
            self.place.pop();
        }
        for (at, (watch, _)) in walked.iter().enumerate() {
            let siblings = walked.iter().enumerate().filter(|(other, _)| *other != at);
            for (abort, facts) in &watch.aborts {
                for (_, (beside, exits)) in siblings.clone() {
                    for state in exits.iter().chain(&beside.turning) {
                        self.report.meet_sibling(abort, facts, state, self.units.len());
                    }
                }
            }
        }
        let turning: Vec<State> =
            walked.iter().flat_map(|(watch, _)| watch.turning.iter().cloned()).collect();
        let exits = walked.into_iter().map(|(_, exits)| exits);
        // Of `first k` only the winners have come to their end, whichever they are.
        let joined = match first {
            true => merge(exits.flatten().collect()),
            false => exits.reduce(join).unwrap_or_else(|| states.clone()),
        };
        if first {
            let after: Vec<State> = joined.iter().cloned().chain(turning).collect();
            self.losers(span, &states, &after);
        }
        // A sibling may still be at a boundary when the others are through.
        self.keep(&joined);
        joined
    }

    /// `first k` stops and undoes the losers: nothing in a branch may be beyond undoing.
    pub(super) fn losers(&mut self, span: Span, before: &[State], after: &[State]) {
        for state in after {
            let old = |write: usize| before.iter().any(|b| b.dirt.iter().any(|d| d.write == write));
            for dirt in state.dirt.iter().filter(|dirt| !old(dirt.write)) {
                self.report.loser(dirt, span);
            }
            for commit in &state.commits {
                if !before.iter().any(|b| b.commits.iter().any(|c| c.span == commit.span)) {
                    self.report.losing_pivot(commit, span);
                }
            }
        }
    }
}
