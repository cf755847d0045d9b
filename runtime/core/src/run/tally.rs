//! What is asked of all fibers of a run at once, kept by fiber, so that a run with many branches does
//! not look at all of them whenever one of them moves.
//!
//! Invariant: it says what a look at every fiber would say. A fiber that may be changed is struck out
//! and looked at itself until it is taken in again, with some others, so no change is ever missed.
//! Small runs have no tally: looking at their few fibers costs less than keeping one.

use super::facts::{Facts, MARKS, STANDINGS, call, is, stands, stands_in};
use super::{Alarm, Fiber, FiberId, Mark, Node, NodeId, Standing, alarms, visits};
use crate::time::Time;
use std::collections::{BTreeMap, BTreeSet};

/// Fibers above which a run has a tally; in tests nearly every run has one.
const SCANNED: usize = if cfg!(test) { 4 } else { 32 };

/// Fibers that may be struck out at a time.
/// Bound: each of them is looked at by every question.
const STRUCK: usize = if cfg!(test) { 2 } else { 16 };

/// The tally of a run.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    facts: BTreeMap<FiberId, Facts>,
    struck: BTreeSet<FiberId>,
    marked: BTreeMap<Mark, BTreeSet<FiberId>>,
    branches: BTreeMap<(FiberId, Standing), BTreeSet<FiberId>>,
    calls: BTreeMap<u64, FiberId>,
    timers: BTreeSet<(Alarm, Time, FiberId)>,
}

/// Two runs are alike whether or not one of them has a tally.
impl PartialEq for Tally {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Tally {
    /// The tally for so many fibers, where that many need one.
    pub(super) fn of(fibers: &BTreeMap<FiberId, Box<Fiber>>) -> Option<Box<Self>> {
        (fibers.len() > SCANNED).then(|| {
            let struck = fibers.keys().copied().collect();
            Box::new(Self { struck, ..Self::default() })
        })
    }

    /// Whether so few fibers need none any more.
    pub(super) fn needless(fibers: usize) -> bool {
        fibers < SCANNED / 2
    }

    /// Strikes out a fiber that may be changed.
    pub(super) fn strike(
        &mut self,
        id: FiberId,
        fibers: &BTreeMap<FiberId, Box<Fiber>>,
        nodes: &BTreeMap<NodeId, Node>,
    ) {
        if self.struck.contains(&id) {
            return;
        }
        if self.struck.len() >= STRUCK {
            for id in std::mem::take(&mut self.struck) {
                if let Some(fiber) = fibers.get(&id) {
                    visits::add(1);
                    self.take_in(id, Facts::of(fiber, nodes));
                }
            }
        }
        if let Some(facts) = self.facts.remove(&id) {
            self.strike_out(id, &facts);
        }
        self.struck.insert(id);
    }

    fn take_in(&mut self, id: FiberId, facts: Facts) {
        for mark in MARKS.into_iter().filter(|mark| facts.marks & *mark as u16 != 0) {
            self.marked.entry(mark).or_default().insert(id);
        }
        for one in STANDINGS.into_iter().filter(|one| facts.standings & *one as u8 != 0) {
            self.branches.entry((facts.parent, one)).or_default().insert(id);
        }
        self.calls.extend(facts.call.map(|call| (call, id)));
        self.timers.extend(facts.alarms.iter().flatten().map(|(alarm, at)| (*alarm, *at, id)));
        self.facts.insert(id, facts);
    }

    fn strike_out(&mut self, id: FiberId, facts: &Facts) {
        for mark in MARKS.into_iter().filter(|mark| facts.marks & *mark as u16 != 0) {
            if let Some(marked) = self.marked.get_mut(&mark) {
                marked.remove(&id);
            }
        }
        for one in STANDINGS.into_iter().filter(|one| facts.standings & *one as u8 != 0) {
            if let Some(branches) = self.branches.get_mut(&(facts.parent, one)) {
                branches.remove(&id);
                if branches.is_empty() {
                    self.branches.remove(&(facts.parent, one));
                }
            }
        }
        if let Some(call) = facts.call {
            self.calls.remove(&call);
        }
        for (alarm, at) in facts.alarms.iter().flatten() {
            self.timers.remove(&(*alarm, *at, id));
        }
    }

    fn first(&self, alarm: Alarm) -> Option<Time> {
        let from = (alarm, Time(i64::MIN), FiberId::MIN);
        let first = self.timers.range(from..).next();
        first.filter(|(kind, ..)| *kind == alarm).map(|(_, at, _)| *at)
    }
}

/// The questions, each answered by the tally and a look at what it does not know, or by a look at all.
impl super::RunState {
    /// The fibers that have to be looked at, whatever the question.
    fn unknown(&self) -> impl Iterator<Item = (FiberId, &Fiber)> {
        let tally = self.tally.as_deref();
        let struck = tally.into_iter().flat_map(|tally| &tally.struck);
        let struck = struck.filter_map(|id| Some((*id, self.fibers.get(id)?)));
        let all = self.fibers.iter().filter(move |_| tally.is_none()).map(|(id, one)| (*id, one));
        let all = struck.chain(all).map(|(id, fiber)| (id, fiber.as_ref()));
        all.inspect(|_| visits::add(1))
    }

    /// The fibers of which this is true, in their order.
    pub(crate) fn marked(&self, mark: Mark) -> Vec<FiberId> {
        let unknown = self.unknown().filter(|(_, fiber)| is(fiber, mark));
        let mut all: Vec<_> = unknown.map(|(id, _)| id).collect();
        if let Some(known) = self.tally.as_ref().and_then(|tally| tally.marked.get(&mark)) {
            visits::add(known.len());
            all.extend(known);
            all.sort_unstable();
        }
        all
    }

    /// Whether this is true of any fiber.
    pub(crate) fn any(&self, mark: Mark) -> bool {
        let known = self.tally.as_ref().and_then(|tally| tally.marked.get(&mark));
        known.is_some_and(|known| !known.is_empty())
            || self.unknown().any(|(_, fiber)| is(fiber, mark))
    }

    /// Whether a branch stands like this.
    pub(crate) fn stands(&self, branch: FiberId, standing: Standing) -> bool {
        self.fiber(branch).is_some_and(|fiber| stands(fiber, standing))
    }

    /// How many branches of a fork stand like this.
    pub(crate) fn standing(&self, fork: FiberId, standing: Standing) -> usize {
        let known = self.tally.as_ref().and_then(|t| t.branches.get(&(fork, standing)));
        let unknown = self.unknown().filter(|(_, fiber)| stands_in(fork, fiber, standing));
        known.map_or(0, BTreeSet::len) + unknown.count()
    }

    /// The first branch of a fork that stands like this: branches are begun in their order.
    pub(crate) fn first_standing(&self, fork: FiberId, standing: Standing) -> Option<FiberId> {
        let known = self.tally.as_ref().and_then(|t| t.branches.get(&(fork, standing))?.first());
        let unknown = self.unknown().filter(|(_, fiber)| stands_in(fork, fiber, standing));
        unknown.map(|(id, _)| id).chain(known.copied()).min()
    }

    /// Whether every question is answered as it would be without a tally.
    #[cfg(test)]
    pub(crate) fn tally_is_right(&self) -> bool {
        let plain = Self { tally: None, ..self.clone() };
        let forks: BTreeSet<_> = self.fibers.values().filter_map(|one| one.kind.parent()).collect();
        let stands = |fork: &FiberId| {
            let alike = |one: &Standing| {
                self.standing(*fork, *one) == plain.standing(*fork, *one)
                    && self.first_standing(*fork, *one) == plain.first_standing(*fork, *one)
            };
            STANDINGS.iter().all(alike)
        };
        let calls = self.fibers.values().filter_map(|one| call(one));
        let marks = |mark: Mark| (self.any(mark), self.marked(mark));
        MARKS.into_iter().all(|mark| marks(mark) == (plain.any(mark), plain.marked(mark)))
            && super::ALARMS.iter().all(|one| self.first_alarm(*one) == plain.first_alarm(*one))
            && forks.iter().all(stands)
            && calls.into_iter().all(|id| self.caller(id) == plain.caller(id))
    }

    /// The fiber that is at this call.
    pub(crate) fn caller(&self, wanted: u64) -> Option<FiberId> {
        let known = self.tally.as_ref().and_then(|tally| tally.calls.get(&wanted).copied());
        let mut unknown = self.unknown().filter(|(_, fiber)| call(fiber) == Some(wanted));
        known.or_else(|| unknown.next().map(|(id, _)| id))
    }

    /// The first timer of a kind.
    pub(crate) fn first_alarm(&self, alarm: Alarm) -> Option<Time> {
        let known = self.tally.as_ref().and_then(|tally| tally.first(alarm));
        let unknown = self.unknown().flat_map(|(_, fiber)| alarms(fiber, &self.nodes)).flatten();
        let unknown = unknown.filter(|(kind, _)| *kind == alarm).map(|(_, at)| at);
        unknown.chain(known).min()
    }
}
