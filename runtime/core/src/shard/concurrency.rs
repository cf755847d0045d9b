//! `concurrency`: how many runs of a class are in flight, decided by the class's home. Those that wait
//! under a `limit` wait in the same way.
//!
//! ```text
//!  shard of the run                     home of the class
//!  first record, Ask ─────────────────► queue, in order of arrival
//!  record: its turn has come ◄───────── Granted, while fewer than the limit are in flight
//!  last record, Left ─────────────────► the next one is granted
//! ```
//!
//! A run that was let in by a `limit` says `Left` at once: it was counted by the home ([`super::limit`]).
//!
//! Promises: a class never has more runs in flight than its limit, over all shards and through every
//! crash, and of those that wait the one that came first is let in first. What is true of a run is in
//! its own records alone: the home keeps nothing. One that begins anew asks every shard which of its
//! runs are in flight and which wait, and grants nothing before all have answered.
//!
//! Order: what one shard sends another is taken in as it was sent. So a shard that answers has taken in
//! every grant of the home's owner before, and the home has seen every `Ask` and `Left` that was sent
//! before the answer.

use super::classes::Census;
use super::input::Answer;
use super::output::Output;
use super::turn::Turn;
use super::{Run, Shard};
use crate::codegen::{Json, Machine, Otherwise, Values};
use crate::id::{RunId, ShardId, shard_of};
use crate::journal::{Happened, Mail};
use crate::key::canonical;
use crate::limits::{CLAIMS, GRANTS};
use crate::port::Source;
use crate::run::{Claim, ClaimClass, Hold, ROOT, Ready, RunState, State};
use crate::time::Time;
use std::collections::BTreeSet;

/// What a run claims that is admitted now.
pub(super) fn claims(
    machine: &dyn Machine,
    (namespace, input): (&str, &Values),
    (since, number): (Time, u64),
) -> Vec<Claim> {
    let spec = machine.spec();
    // A run whose key cannot be computed is one of those without a key: it waits rather than runs
    // beyond a limit.
    let keys = machine.classes(input).unwrap_or_default();
    let claim = |(at, (clause, limit, window_ms)): (usize, (u32, u32, Option<i64>))| {
        let key = canonical(keys.get(at).unwrap_or(&Json::Null));
        let (namespace, workflow) = (namespace.to_owned(), spec.name.clone());
        let starts = window_ms.is_some();
        let class = ClaimClass { namespace, workflow, clause, key, starts };
        let otherwise = match starts {
            true => Otherwise::Queue,
            false => spec.otherwise.get(clause as usize).copied().unwrap_or_default(),
        };
        let (granted, reserved) = (false, false);
        Claim { class, limit, window_ms, otherwise, reserved, since, number, granted }
    };
    // Order: limits first, so that whoever waits for one takes no place from others.
    let limits = (0..).zip(&spec.limits).map(|(at, one)| (at, one.calls, Some(one.window_ms)));
    let places = (0..).zip(&spec.concurrency).map(|(at, limit)| (at, *limit, None));
    let mut all: Vec<_> = limits.chain(places).enumerate().map(claim).collect();
    // Order: a place that a start does not wait for is there before the run is.
    all.sort_by_key(|claim| claim.otherwise.queues());
    all
}

/// How many of its claims a run has made: one after the other, so that two runs never hold each
/// other up.
fn made(state: &RunState) -> usize {
    let claims = &state.head().claims;
    claims.iter().position(|claim| !claim.granted).map_or(claims.len(), |open| open + 1)
}

impl Shard {
    /// Tells the homes what a run claims that has not been told yet, and after a recovery all of it:
    /// what nobody could read before may be readable now.
    ///
    /// Crash: the message is in the batch of the record that holds the claim.
    pub(super) fn tell_claims(&mut self, id: RunId, run: &mut Run, out: &mut Output) {
        let claims = &run.state.head().claims;
        if claims.is_empty() {
            return;
        }
        let upto = made(&run.state);
        for claim in claims.get(run.claimed.len()..upto).unwrap_or_default() {
            let home = claim.class.home(self.place);
            run.claimed.push(home);
            self.classes.since = self.classes.since.max(claim.since);
            if !claim.open() {
                continue;
            }
            if home == self.place.shard {
                self.claimed(id, claim, out);
            } else {
                self.post(home, &Mail::Ask { run: id, claim: claim.clone() }, out);
            }
        }
        if run.state.queued() {
            self.classes.queued.insert(id);
        } else {
            self.classes.queued.remove(&id);
        }
    }

    /// Tells the homes that a run has ended.
    ///
    /// Crash: the message is in the batch of its last record.
    pub(super) fn leave_classes(&mut self, id: RunId, run: &Run, out: &mut Output) {
        self.classes.queued.remove(&id);
        let claims = run.state.head().claims.iter().zip(&run.claimed);
        for (claim, _) in claims.filter(|(claim, _)| claim.open()) {
            self.leave_class(id, &claim.class, out);
        }
    }

    /// Tells every home that a run is gone of which nobody can read what it claimed.
    ///
    /// Crash: the message is in the batch that ends it.
    pub(super) fn leave_everywhere(&mut self, run: RunId, out: &mut Output) {
        self.classes.forget(run);
        let others: Vec<_> = self.place.others().collect();
        others.into_iter().for_each(|shard| self.post(shard, &Mail::Gone { run }, out));
    }

    /// When a run that is admitted now has come: behind all that came before to this shard.
    pub(super) fn came(&self, now: Time) -> (Time, u64) {
        (self.classes.since.max(now), self.seq)
    }

    pub(super) fn leave_class(&mut self, run: RunId, class: &ClaimClass, out: &mut Output) {
        match class.home(self.place) {
            home if home == self.place.shard => self.classes.leave(run, class),
            home => self.post(home, &Mail::Left { run, class: class.clone() }, out),
        }
    }

    /// A run claims to be in flight in a class of this home.
    pub(super) fn claimed(&mut self, run: RunId, claim: &Claim, out: &mut Output) {
        self.classes.claim(run, claim);
        self.take_census(out);
    }

    /// A run is in flight no more in a class of this home.
    pub(super) fn has_left(&mut self, run: RunId, class: &ClaimClass, out: &mut Output) {
        self.classes.leave(run, class);
        // Others may wait behind it, though no program here has such a clause any more.
        self.take_census(out);
    }

    /// Asks the other shards which of their runs have claims here, once.
    ///
    /// Crash: whoever recovers the home asks anew, under an epoch of its own.
    pub(super) fn take_census(&mut self, out: &mut Output) {
        if !matches!(self.classes.census, Census::Open) {
            return;
        }
        let others: BTreeSet<ShardId> = self.place.others().collect();
        for shard in &others {
            self.post(*shard, &Mail::Census, out);
        }
        self.classes.census = match others.is_empty() {
            true => Census::Complete,
            false => Census::Missing(others),
        };
    }

    /// Tells a home that begins anew which runs of this shard have claims there.
    pub(super) fn answer_census(&mut self, from: Source, out: &mut Output) {
        let of = self.place.of;
        self.classes.forget_reserved(|run| shard_of(run.slot(), of) == from.shard);
        let mut claims = Vec::new();
        for (id, run) in &self.runs {
            let all = run.state.head().claims.iter().zip(&run.claimed);
            let here = all.filter(|(claim, home)| claim.open() && **home == from.shard);
            claims.extend(here.map(|(claim, _)| (*id, claim.clone())));
        }
        claims.extend(self.reservations.held_at(from.shard, self.place));
        self.ask_again(from.shard, out);
        let epoch = from.epoch;
        let mut rest = claims.chunks(CLAIMS).peekable();
        if rest.peek().is_none() {
            let none = Mail::Present { epoch, claims: Vec::new(), last: true };
            self.post(from.shard, &none, out);
        }
        while let Some(some) = rest.next() {
            let (claims, last) = (some.to_vec(), rest.peek().is_none());
            self.post(from.shard, &Mail::Present { epoch, claims, last }, out);
        }
    }

    /// A shard has said which of its runs have claims here.
    pub(super) fn present(
        &mut self,
        from: Source,
        epoch: u64,
        (claims, last): (Vec<(RunId, Claim)>, bool),
    ) {
        let Census::Missing(missing) = &mut self.classes.census else { return };
        // Order: one answer is taken once; after it a run may have left that it names.
        if epoch != self.post.epoch || !missing.contains(&from.shard) {
            return;
        }
        if last {
            missing.remove(&from.shard);
            if missing.is_empty() {
                self.classes.census = Census::Complete;
                let all = self.classes.homes.keys().cloned();
                self.classes.touched.extend(all);
            }
        }
        for (run, claim) in claims {
            self.classes.claim(run, &claim);
        }
    }

    /// Grants turns as far as there is room.
    pub(super) fn grant(&mut self, now: Time, out: &mut Output) {
        self.keep_places(now, out);
        // A paused node lets nobody in: all of them would go on at once when it is no more.
        let turns = if self.paused { 0 } else { GRANTS };
        for _ in 0..turns {
            let Some((class, run)) = self.classes.next(&self.machines, now) else { break };
            match shard_of(run.slot(), self.place.of) {
                shard if shard == self.place.shard => self.granted(now, run, &class, out),
                // Crash: without the message the run still waits, and says so to the next owner.
                shard => self.post(shard, &Mail::Granted { run, class }, out),
            }
        }
        self.keep_places(now, out);
        self.note_let_in(now, out);
    }

    /// A run of this shard is granted its turn.
    pub(super) fn granted(&mut self, now: Time, id: RunId, class: &ClaimClass, out: &mut Output) {
        // Order: also where no node of this build can run it, so that it goes on where one can.
        match self.runs.remove(&id) {
            Some(run) => {
                self.turn_of(now, id, run, out, |turn| turn.granted(class));
                if class.starts {
                    // Crash: the message is in the batch of the record that says so.
                    self.leave_class(id, class, out);
                }
            }
            // It has ended, or cannot be read: its turn is for the next one.
            None => self.leave_class(id, class, out),
        }
    }
}

impl Turn<'_> {
    /// Makes the claims of a run that was just admitted; it waits for the first that is not granted.
    pub(super) fn claim(&mut self, claims: Vec<Claim>) {
        let waits = claims.iter().any(|claim| !claim.granted);
        if !claims.is_empty() {
            self.state().head_mut().claims = claims;
        }
        if !waits {
            return;
        }
        if let Some(crate::run::Fiber { state: State::Ready(ready), .. }) =
            self.state().fiber_mut(ROOT)
        {
            ready.held = Hold::Place;
        }
        self.note_queued();
    }

    fn note_queued(&mut self) {
        let open = self.run.state.head().claims.iter().find(|claim| !claim.granted);
        if let Some(claim) = open {
            let (limit, window_ms) = (claim.limit, claim.window_ms);
            let queued = Happened::Queued { limit, window_ms, key: claim.class.key.clone() };
            self.note(queued);
        }
    }

    /// Its turn has come in one class; in the last one it begins.
    fn granted(&mut self, class: &ClaimClass) -> Answer {
        let claims = &self.run.state.head().claims;
        let open = claims.iter().position(|claim| claim.class == *class && !claim.granted);
        let Some(open) = open else { return Answer::Done };
        let last = open + 1 == claims.len();
        if let Some(claim) = self.state().head_mut().claims.get_mut(open) {
            claim.granted = true;
        }
        self.note(Happened::Dequeued);
        if !last {
            self.note_queued();
            return Answer::Done;
        }
        if let Some(ms) = self.run.state.origin().deadline_ms {
            let deadline = self.now.plus(ms);
            self.state().head_mut().deadline = Some(deadline);
        }
        let root = self.run.state.fiber(ROOT).map(|root| &root.state);
        if matches!(root, Some(State::Ready(Ready { held: Hold::Place, .. }))) {
            self.release(ROOT);
        }
        Answer::Done
    }
}
