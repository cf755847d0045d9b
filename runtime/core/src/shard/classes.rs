//! What a shard remembers of `concurrency`: for each class whose home it is, who is in flight and who
//! waits. Nothing of it is recorded; [`super::concurrency`] says why.

use super::Machines;
use crate::id::{RunId, ShardId};
use crate::limits::QUEUED;
use crate::run::{Claim, ConcurrencyClass};
use crate::time::Time;
use std::collections::{BTreeMap, BTreeSet};

/// The classes whose home is here, and the runs of this shard that wait in any.
#[derive(Default)]
pub(super) struct Classes {
    pub(super) homes: BTreeMap<ConcurrencyClass, Home>,
    pub(super) census: Census,
    /// Classes that may have room for somebody.
    pub(super) touched: BTreeSet<ConcurrencyClass>,
    /// Runs of this shard that wait for their turn.
    pub(super) queued: BTreeSet<RunId>,
    /// When the last run of this shard came that had a claim: a clock may step back.
    pub(super) since: Time,
}

/// One class at its home.
#[derive(Default)]
pub(super) struct Home {
    limit: u32,
    /// When the run came that says so.
    said: Time,
    in_flight: BTreeSet<RunId>,
    queue: BTreeSet<(Time, u64, RunId)>,
    /// Where each of the queue stands in it.
    places: BTreeMap<RunId, (Time, u64, RunId)>,
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
        }
        if claim.granted {
            self.leave(run);
            self.in_flight.insert(run);
        } else if !self.in_flight.contains(&run) {
            let place = claim.order(run);
            self.queue.insert(place);
            self.places.insert(run, place);
        }
    }

    fn leave(&mut self, run: RunId) {
        self.in_flight.remove(&run);
        if let Some(place) = self.places.remove(&run) {
            self.queue.remove(&place);
        }
    }

    /// Who is in flight next, where so many may be.
    fn next(&mut self, limit: u32) -> Option<RunId> {
        if self.in_flight.len() >= limit as usize {
            return None;
        }
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
        (matches!(self.census, Census::Complete) && !self.touched.is_empty()).then_some(Time(0))
    }

    pub(super) fn claim(&mut self, run: RunId, claim: &Claim) {
        self.homes.entry(claim.class.clone()).or_default().claim(run, claim);
        self.touched.insert(claim.class.clone());
    }

    pub(super) fn leave(&mut self, run: RunId, class: &ConcurrencyClass) {
        if let Some(home) = self.homes.get_mut(class) {
            home.leave(run);
            if home.is_empty() {
                self.homes.remove(class);
            } else {
                self.touched.insert(class.clone());
            }
        }
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
    pub(super) fn next(&mut self, machines: &Machines) -> Option<(ConcurrencyClass, RunId)> {
        if !matches!(self.census, Census::Complete) {
            return None;
        }
        loop {
            let class = self.touched.first()?.clone();
            let clause = class.clause as usize;
            let newest = machines.for_start(&class.workflow, None);
            let limit = newest.and_then(|newest| newest.spec().concurrency.get(clause)).copied();
            if let Some(home) = self.homes.get_mut(&class)
                && let Some(run) = home.next(limit.unwrap_or(home.limit).max(1))
            {
                return Some((class, run));
            }
            self.touched.remove(&class);
        }
    }
}
