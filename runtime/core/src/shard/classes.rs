//! What a shard remembers of `limit` and `concurrency`: for each class whose home it is, who is in flight
//! and who waits. Nothing of it is recorded but what is left of a limit ([`super::limit`]);
//! [`super::concurrency`] says why.

use super::Machines;
use super::limit::Limits;
use crate::codegen::{LimitSpec, WorkflowSpec};
use crate::id::{RunId, ShardId};
use crate::limits::QUEUED;
use crate::run::{Claim, ClaimClass};
use crate::time::Time;
use std::collections::{BTreeMap, BTreeSet};

/// The classes whose home is here, and the runs of this shard that wait in any.
#[derive(Default)]
pub(super) struct Classes {
    pub(super) homes: BTreeMap<ClaimClass, Home>,
    pub(super) census: Census,
    /// How much of their limit classes have left.
    pub(super) limits: Limits,
    /// Runs that are not admitted yet and ask for a place.
    asking: BTreeMap<(ClaimClass, RunId), Claim>,
    /// Classes that may have room for somebody.
    pub(super) touched: BTreeSet<ClaimClass>,
    /// Runs of this shard that wait for their turn.
    pub(super) queued: BTreeSet<RunId>,
    /// When the last run of this shard came that had a claim: a clock may step back.
    pub(super) since: Time,
}

/// One class at its home.
#[derive(Default)]
pub(super) struct Home {
    limit: u32,
    /// How many may start in which time, of a class that counts starts.
    rate: Option<LimitSpec>,
    /// When the run came that says so.
    said: Time,
    /// In flight; of a class that counts starts those let in that have not said yet that they know it.
    in_flight: BTreeSet<RunId>,
    /// Those of them that are not admitted yet.
    reserved: BTreeSet<RunId>,
    queue: BTreeSet<(Time, u64, RunId)>,
    /// Where each of the queue stands in it.
    places: BTreeMap<RunId, (Time, u64, RunId)>,
}

/// What becomes of a run that asks for a place.
pub(super) enum Verdict {
    /// One is kept for it.
    Kept,
    /// There is none; this run has one.
    Full(RunId),
}

/// Which shards have said what their runs claim.
#[derive(Default)]
pub(super) enum Census {
    /// Nobody was asked.
    #[default]
    Open,
    /// These have not answered yet.
    Missing(BTreeSet<ShardId>),
    /// All have.
    Complete,
}

impl Home {
    fn claim(&mut self, run: RunId, claim: &Claim) {
        if claim.since >= self.said {
            (self.said, self.limit) = (claim.since, claim.limit.max(1));
            self.rate = claim.rate();
        }
        if claim.granted {
            self.leave(run);
            self.in_flight.insert(run);
            if claim.reserved {
                self.reserved.insert(run);
            }
        } else if !self.in_flight.contains(&run) {
            let place = claim.order(run);
            self.queue.insert(place);
            self.places.insert(run, place);
        }
    }

    fn leave(&mut self, run: RunId) {
        self.in_flight.remove(&run);
        self.reserved.remove(&run);
        if let Some(place) = self.places.remove(&run) {
            self.queue.remove(&place);
        }
    }

    /// Who comes next.
    fn next(&mut self) -> Option<RunId> {
        let (_, _, run) = self.queue.pop_first()?;
        self.places.remove(&run);
        self.in_flight.insert(run);
        Some(run)
    }

    fn is_empty(&self) -> bool {
        self.in_flight.is_empty() && self.queue.is_empty()
    }
}

impl Classes {
    /// Whether so many wait here that callers are asked to come back.
    pub(super) fn crowded(&self) -> bool {
        self.queued.len() >= QUEUED
    }

    /// When there is somebody to be granted a turn.
    pub(super) fn due(&self) -> Option<Time> {
        match self.census {
            Census::Complete if !self.touched.is_empty() => Some(Time(0)),
            Census::Complete => self.limits.due(),
            Census::Open | Census::Missing(_) => None,
        }
    }

    pub(super) fn claim(&mut self, run: RunId, claim: &Claim) {
        self.homes.entry(claim.class.clone()).or_default().claim(run, claim);
        self.touched.insert(claim.class.clone());
    }

    pub(super) fn leave(&mut self, run: RunId, class: &ClaimClass) {
        if let Some(home) = self.homes.get_mut(class) {
            home.leave(run);
            if home.is_empty() {
                self.homes.remove(class);
            } else {
                self.touched.insert(class.clone());
            }
        }
    }

    /// A run that is not admitted yet asks for a place.
    ///
    /// Bound: callers who wait for an answer, and messages that were taken at once.
    pub(super) fn ask(&mut self, run: RunId, claim: Claim) {
        self.asking.insert((claim.class.clone(), run), claim);
    }

    /// The next run that asked for a place and can be told what came of it.
    ///
    /// Order: where all places are kept for runs that are not admitted yet, nobody can be named, and one
    /// of them may be given back; who asks waits for that.
    pub(super) fn decide(&mut self, machines: &Machines) -> Option<(RunId, ClaimClass, Verdict)> {
        if !matches!(self.census, Census::Complete) {
            return None;
        }
        let mut decided = None;
        for ((class, run), claim) in &self.asking {
            let home = self.homes.entry(class.clone()).or_default();
            let limit = newest(machines, class).and_then(|spec| places(spec, class));
            let limit = limit.unwrap_or(claim.limit).max(1) as usize;
            // Order: a place that is free is that of the run that waits for it.
            let free = home.in_flight.len() < limit && home.queue.is_empty();
            if home.in_flight.contains(run) || free {
                decided = Some((*run, class.clone(), Verdict::Kept));
            } else if let Some(by) = home.in_flight.difference(&home.reserved).next() {
                decided = Some((*run, class.clone(), Verdict::Full(*by)));
            }
            if decided.is_some() {
                break;
            }
        }
        let (run, class, verdict) = decided?;
        let claim = self.asking.remove(&(class.clone(), run))?;
        if matches!(verdict, Verdict::Kept) {
            self.claim(run, &Claim { granted: true, reserved: true, ..claim });
        }
        Some((run, class, verdict))
    }

    /// A shard has forgotten whom it was about to admit.
    pub(super) fn forget_reserved(&mut self, of: impl Fn(RunId) -> bool) {
        self.asking.retain(|(_, run), _| !of(*run));
        let reserved = self.homes.iter().map(|(class, home)| (class, &home.reserved));
        let gone: Vec<_> = reserved
            .flat_map(|(class, runs)| runs.iter().map(move |run| (*run, class.clone())))
            .filter(|(run, _)| of(*run))
            .collect();
        gone.iter().for_each(|(run, class)| self.leave(*run, class));
    }

    /// A run has no claims any more.
    pub(super) fn forget(&mut self, run: RunId) {
        self.queued.remove(&run);
        let has = |home: &Home| home.in_flight.contains(&run) || home.places.contains_key(&run);
        let its = self.homes.iter().filter(|(_, home)| has(home));
        for class in its.map(|(class, _)| class.clone()).collect::<Vec<_>>() {
            self.leave(run, &class);
        }
    }

    /// The next run that is granted its turn.
    ///
    /// Order: the newest program says how many may be in flight; where none has the clause any more,
    /// the run that came last.
    pub(super) fn next(&mut self, machines: &Machines, now: Time) -> Option<(ClaimClass, RunId)> {
        if !matches!(self.census, Census::Complete) {
            return None;
        }
        self.touched.extend(self.limits.ready(now));
        loop {
            let class = self.touched.first()?.clone();
            if let Some(home) = self.homes.get_mut(&class)
                && !home.queue.is_empty()
                && room(&class, home, &mut self.limits, (machines, now))
                && let Some(run) = home.next()
            {
                return Some((class, run));
            }
            self.touched.remove(&class);
        }
    }
}

/// Whether one more may start, or be in flight; where starts are counted, it counts as one.
fn room(
    class: &ClaimClass,
    home: &Home,
    limits: &mut Limits,
    (machines, now): (&Machines, Time),
) -> bool {
    let newest = newest(machines, class);
    if class.starts {
        let rate = newest.and_then(|newest| newest.limits.get(class.clause as usize));
        let rate = rate.or(home.rate.as_ref());
        return rate.is_none_or(|rate| limits.take(class, rate, now));
    }
    let limit = newest.and_then(|newest| places(newest, class));
    home.in_flight.len() < limit.unwrap_or(home.limit).max(1) as usize
}

fn newest<'m>(machines: &'m Machines, class: &ClaimClass) -> Option<&'m WorkflowSpec> {
    machines.for_start(&class.workflow, None).map(|newest| newest.spec())
}

/// How many may be in flight.
fn places(spec: &WorkflowSpec, class: &ClaimClass) -> Option<u32> {
    spec.concurrency.get(class.clause as usize).copied()
}
