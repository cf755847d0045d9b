//! `concurrency … else`: what a start gets whose class is full, decided before its run is admitted.
//!
//! ```text
//!  shard of the start                     home of the class
//!  Reserve, and nothing recorded ───────► a place is kept for the run, if there is one
//!  first record of the run, Ask  ◄─────── Reserved
//!  or the answer                 ◄─────── Full, and who is in flight
//! ```
//!
//! Promises: the class never has more runs in flight than its limit, as with those that queue
//! ([`super::concurrency`]); a start that is joined or refused leaves nothing, not even its key.
//!
//! What is kept for a run that is not admitted yet is memory on both sides. A home that begins anew is
//! told of it with the census; a shard that begins anew has forgotten whom it was about to admit, which
//! the census that it takes itself tells the homes. Nobody was promised anything: the caller asks again,
//! an event comes again.

use super::classes::Verdict;
use super::input::Answer;
use super::output::Output;
use super::start::{KeyId, Print, StartedBy, Waiting};
use super::{Shard, start};
use crate::codegen::Otherwise;
use crate::id::{RunId, ShardId, shard_of};
use crate::journal::Mail;
use crate::limits::QUEUED;
use crate::run::{Claim, ClaimClass};
use crate::time::Time;
use std::collections::{BTreeMap, VecDeque};

/// Starts that ask for their places.
#[derive(Default)]
pub(super) struct Reservations {
    open: BTreeMap<RunId, Reservation>,
    /// Others that start under the same keys meanwhile.
    behind: BTreeMap<KeyId, Vec<Waiting>>,
}

/// A start that asks for its places, one after the other.
struct Reservation {
    namespace: String,
    key: Option<String>,
    waiting: Waiting,
    claims: Vec<Claim>,
}

impl Reservation {
    fn key_id(&self) -> Option<KeyId> {
        let workflow = self.waiting.machine.spec().name.clone();
        Some((self.namespace.clone(), workflow, self.key.clone()?))
    }

    /// What it asks for now.
    fn next(&self) -> Option<&Claim> {
        self.claims.iter().find(|claim| claim.otherwise != Otherwise::Queue && !claim.granted)
    }

    /// What it holds, though it is not admitted yet.
    fn held(&self) -> impl Iterator<Item = &Claim> {
        self.claims.iter().filter(|claim| claim.granted)
    }
}

impl Reservations {
    /// Whether so many ask that callers are asked to come back.
    pub(super) fn crowded(&self) -> bool {
        self.open.len() >= QUEUED
    }

    /// Those behind the start that asks under a key, if there is one.
    pub(super) fn behind(&mut self, id: &KeyId) -> Option<&mut Vec<Waiting>> {
        self.behind.get_mut(id)
    }

    /// What runs hold that are not admitted yet, in classes of this home.
    pub(super) fn held_at(&self, home: ShardId, place: crate::id::Place) -> Vec<(RunId, Claim)> {
        let mut all = Vec::new();
        for (run, one) in &self.open {
            let here = one.held().filter(|claim| claim.class.home(place) == home);
            all.extend(here.map(|claim| (*run, Claim { reserved: true, ..claim.clone() })));
        }
        all
    }
}

impl Shard {
    /// Admits a run, or asks for its places first.
    pub(super) fn begin(
        &mut self,
        now: Time,
        namespace: String,
        key: Option<String>,
        waiting: Waiting,
        out: &mut Output,
    ) -> Option<RunId> {
        let claims = self.claims_of(now, &namespace, &waiting);
        let run = self.run_id(now, &namespace, key.as_deref(), &waiting);
        let one = Reservation { namespace, key, waiting, claims };
        if one.next().is_none() {
            return Some(self.admitted(now, run, one, out));
        }
        if let Some(id) = one.key_id() {
            self.reservations.behind.entry(id).or_default();
        }
        self.reservations.open.insert(run, one);
        self.reserve_next(run, out);
        None
    }

    fn admitted(&mut self, now: Time, run: RunId, one: Reservation, out: &mut Output) -> RunId {
        let Reservation { namespace, key, waiting, claims } = one;
        self.admit(now, (run, claims), (namespace, key), waiting, out)
    }

    /// Starts under one key, one after the other.
    pub(super) fn begin_all(
        &mut self,
        now: Time,
        id: &KeyId,
        mut known: Option<(RunId, Print)>,
        all: Vec<Waiting>,
        out: &mut Output,
    ) {
        let mut all = VecDeque::from(all);
        while let Some(waiting) = all.pop_front() {
            if let Some(known) = known {
                self.answer_known(now, waiting, known, out);
                continue;
            }
            let Some(waiting) = self.may_begin(now, &id.2, waiting, out) else { continue };
            let print = start::input_print(&waiting.input);
            match self.begin(now, id.0.clone(), Some(id.2.clone()), waiting, out) {
                Some(run) => known = Some((run, print)),
                None => {
                    // Order: they are decided when it is known what became of the first.
                    self.reservations.behind.entry(id.clone()).or_default().extend(all);
                    return;
                }
            }
        }
    }

    /// Asks for the next place that a start needs.
    ///
    /// Crash: nothing was promised yet; the home hears that this shard has begun anew.
    fn reserve_next(&mut self, run: RunId, out: &mut Output) {
        let Some(claim) = self.reservations.open.get(&run).and_then(Reservation::next) else {
            return;
        };
        let (claim, home) = (claim.clone(), claim.class.home(self.place));
        if home == self.place.shard {
            self.classes.ask(run, claim);
            self.take_census(out);
        } else {
            self.post(home, &Mail::Reserve { run, claim }, out);
        }
    }

    /// Decides about the places that were asked for at this home.
    pub(super) fn keep_places(&mut self, now: Time, out: &mut Output) {
        while let Some((run, class, verdict)) = self.classes.decide(&self.machines) {
            let here = shard_of(run.slot(), self.place.of);
            match verdict {
                Verdict::Kept if here == self.place.shard => self.reserved(now, run, &class, out),
                // Crash: without the message the home has kept nothing, and is asked again.
                Verdict::Kept => self.post(here, &Mail::Reserved { run, class }, out),
                Verdict::Full(by) if here == self.place.shard => {
                    self.full(now, run, (&class, by), out);
                }
                Verdict::Full(by) => self.post(here, &Mail::Full { run, class, by }, out),
            }
        }
    }

    /// A place is kept for a run.
    pub(super) fn reserved(&mut self, now: Time, run: RunId, class: &ClaimClass, out: &mut Output) {
        let Some(one) = self.reservations.open.get_mut(&run) else {
            // It may be told twice.
            if !self.runs.contains_key(&run) {
                self.leave_class(run, class, out);
            }
            return;
        };
        if let Some(claim) = one.claims.iter_mut().find(|claim| claim.class == *class) {
            claim.granted = true;
        }
        if one.next().is_some() {
            return self.reserve_next(run, out);
        }
        let Some(one) = self.reservations.open.remove(&run) else { return };
        let (id, print) = (one.key_id(), start::input_print(&one.waiting.input));
        self.admitted(now, run, one, out);
        self.go_on_behind(now, id, Some((run, print)), out);
    }

    /// There is no place for a run: this one has it.
    pub(super) fn full(
        &mut self,
        now: Time,
        run: RunId,
        (class, by): (&ClaimClass, RunId),
        out: &mut Output,
    ) {
        let asks = self.reservations.open.get(&run).and_then(Reservation::next);
        let Some(otherwise) = asks.filter(|claim| claim.class == *class).map(|c| c.otherwise)
        else {
            return;
        };
        let Some(one) = self.reservations.open.remove(&run) else { return };
        for claim in one.held() {
            self.leave_class(run, &claim.class, out);
        }
        let id = one.key_id();
        let answer = match otherwise {
            Otherwise::Join => Answer::Started { run: by, new: false },
            Otherwise::Refuse | Otherwise::Queue => Answer::InFlight { run: by },
        };
        match one.waiting.origin {
            StartedBy::Caller(token) => out.reply(token, answer),
            StartedBy::Event { namespace, id } => self.triggered(now, namespace, id, out),
            StartedBy::Mail(from) => self.started_by_mail(from, out),
        }
        self.go_on_behind(now, id, None, out);
    }

    fn go_on_behind(
        &mut self,
        now: Time,
        id: Option<KeyId>,
        known: Option<(RunId, Print)>,
        out: &mut Output,
    ) {
        let Some(id) = id else { return };
        let behind = self.reservations.behind.remove(&id).unwrap_or_default();
        self.begin_all(now, &id, known, behind, out);
    }

    /// A home begins anew: it has forgotten who asked.
    pub(super) fn ask_again(&mut self, home: ShardId, out: &mut Output) {
        let asks = |one: &Reservation| {
            one.next().is_some_and(|claim| claim.class.home(self.place) == home)
        };
        let open = self.reservations.open.iter().filter(|(_, one)| asks(one));
        let again: Vec<RunId> = open.map(|(run, _)| *run).collect();
        again.into_iter().for_each(|run| self.reserve_next(run, out));
    }
}
