//! Breakers and limiters of the services that are called, in memory.
//!
//! A call they refuse uses no attempt (semantics A3). They are state of the process, not of a run, and
//! all shards of a process share them. That a breaker has opened is recorded on every shard, so it is
//! open in the other processes and after a restart too, until its probe. Of a limit each process uses
//! the share of its shards.

use super::input::Ticket;
use crate::breaker::{self, Breaker, Permit};
use crate::codegen::{LimitSpec, ServiceSpec};
use crate::id::RunId;
use crate::journal::ShardRecord;
use crate::limits::{CREDENTIALS_PAUSE_MS, HELD_OPEN_MS};
use crate::rate::Bucket;
use crate::run::FiberId;
use crate::service::{Attempt, Purpose, Refusal as Cause};
use crate::time::Time;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What protects one service, as it stands.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct ServiceState {
    /// Qualified service.
    pub service: String,
    /// Its breaker; none where its contract declares none.
    pub breaker: Option<breaker::State>,
    /// Since when its breaker is closed, or not; none: since the process began.
    pub since: Option<Time>,
    /// An operator holds it open: nothing is sent until an operator closes it.
    pub held_open: bool,
    /// Who does, why, and since when.
    pub held: Option<Held>,
    /// Nothing is sent before this instant, because it refuses our credentials.
    pub locked_out: Option<Time>,
    /// Its limit; none where its contract declares none.
    pub limit: Option<LimitSpec>,
    /// Calls the limit lets through at once.
    pub available: Option<u32>,
}

/// How an operator came to hold a breaker open.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Held {
    /// Who.
    pub actor: String,
    /// Why.
    pub reason: String,
    /// Since when.
    pub at: Time,
}

impl Held {
    fn of(record: &ShardRecord) -> Option<Self> {
        let ShardRecord::Breaker { actor, reason, at, .. } = record else { return None };
        Some(Self { actor: actor.clone(), reason: reason.clone(), at: *at })
    }
}

/// What protects the services of one process. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Protection(Arc<Mutex<Services>>);

#[derive(Debug, Default)]
struct Services {
    by_name: BTreeMap<String, Guard>,
    /// How many of how many shards are served here; none: all.
    share: Option<(u32, u32)>,
}

impl Protection {
    /// So many of all shards are served by this process, and it may use as much of every limit: the
    /// shares of all processes together are the limit.
    pub fn share(&self, own: u32, of: u32) {
        let mut services = self.lock();
        services.share = Some((own, of));
        for guard in services.by_name.values_mut() {
            if let Some(bucket) = &mut guard.bucket {
                bucket.share(own, of);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Services> {
        // Nothing here can panic half-way through a change.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Services {
    fn guard(&mut self, service: &str, spec: Option<&ServiceSpec>) -> &mut Guard {
        let share = self.share;
        self.by_name.entry(service.to_owned()).or_insert_with(|| {
            let mut guard = Guard::new(spec);
            if let (Some(bucket), Some((own, of))) = (&mut guard.bucket, share) {
                bucket.share(own, of);
            }
            guard
        })
    }
}

/// Guards by service, and what of this shard they let through or hold back.
#[derive(Debug, Default)]
pub(super) struct Guards {
    protection: Protection,
    /// Permits of attempts in flight, with the service they are for.
    permits: BTreeMap<Ticket, (String, Permit)>,
    /// Breakers that have opened since it was asked last, and until when.
    opened: BTreeMap<String, Time>,
    /// Calls that are held back, with their service: they go when an operator closes its breaker.
    held: BTreeMap<(RunId, FiberId), String>,
}

#[derive(Debug)]
struct Guard {
    breaker: Option<Breaker>,
    bucket: Option<Bucket>,
    limit: Option<LimitSpec>,
    /// Refused credentials, where there is no breaker to open.
    locked_out: Time,
    /// The record by which an operator holds it open.
    held_open: Option<ShardRecord>,
    /// What operators did about it last.
    operated: Option<ShardRecord>,
}

impl Guard {
    fn new(spec: Option<&ServiceSpec>) -> Self {
        Self {
            breaker: spec.and_then(|spec| spec.breaker.clone()).map(Breaker::new),
            bucket: spec.and_then(|spec| spec.limit.clone()).map(Bucket::new),
            limit: spec.and_then(|spec| spec.limit.clone()),
            locked_out: Time(i64::MIN),
            held_open: None,
            operated: None,
        }
    }

    /// Whether a record is newer than what operators have done here. Every shard has a copy of each
    /// record, and reads it at its own time.
    fn operated_after(&mut self, record: &ShardRecord) -> bool {
        let at = |record: &ShardRecord| match record {
            ShardRecord::Breaker { at, .. } => Some(*at),
            _ => None,
        };
        let newer = self.operated.as_ref().is_none_or(|last| at(last) <= at(record));
        if !newer || self.operated.as_ref() == Some(record) {
            return false;
        }
        self.operated = Some(record.clone());
        true
    }
}

/// Why a call may not leave, and until when.
pub(super) struct Refusal {
    pub(super) until: Time,
    pub(super) reason: &'static str,
}

impl Guards {
    pub(super) fn new(protection: Protection) -> Self {
        Self { protection, ..Self::default() }
    }

    /// Asks for one attempt.
    pub(super) fn permit(
        &mut self,
        service: &str,
        spec: Option<&ServiceSpec>,
        now: Time,
        ticket: Ticket,
    ) -> Result<(), Refusal> {
        let mut services = self.protection.lock();
        let guard = services.guard(service, spec);
        if guard.held_open.is_some() {
            let reason = "an operator holds the breaker open";
            return Err(Refusal { until: now.plus(HELD_OPEN_MS), reason });
        }
        if now < guard.locked_out {
            let reason = "the service refuses our credentials";
            return Err(Refusal { until: guard.locked_out, reason });
        }
        let permit = guard.breaker.as_mut().map(|breaker| breaker.permit(now));
        if let Some(Permit::Refused { until }) = permit {
            // At least a tick later: a probe in flight says nothing about when it ends.
            let until = until.max(now.plus(1));
            return Err(Refusal { until, reason: "the breaker is open" });
        }
        if let Some(bucket) = &mut guard.bucket
            && let Err(until) = bucket.take(now)
        {
            if let (Some(breaker), Some(permit)) = (&mut guard.breaker, permit) {
                breaker.release(now, permit);
            }
            return Err(Refusal { until: until.max(now.plus(1)), reason: "the limit is reached" });
        }
        if let Some(permit) = permit {
            self.permits.insert(ticket, (service.to_owned(), permit));
        }
        Ok(())
    }

    /// Learns how an attempt went, whether or not its run still wants to know.
    pub(super) fn record(&mut self, now: Time, ticket: Ticket, result: &Attempt) {
        // An attempt sent by an earlier owner of the shard has no permit, and says nothing here.
        let Some((service, permit)) = self.permits.remove(&ticket) else { return };
        let mut services = self.protection.lock();
        let guard = services.by_name.get_mut(&service);
        let Some(breaker) = guard.and_then(|guard| guard.breaker.as_mut()) else { return };
        let well = match result {
            // It says nothing about the service: it was not sent.
            Attempt::Refused { cause: Cause::Expired, .. } => return breaker.release(now, permit),
            Attempt::Ok(_) | Attempt::Failed { .. } => true,
            Attempt::Fault { .. } | Attempt::Refused { cause: Cause::Undone, .. } => true,
            Attempt::Refused { .. } | Attempt::Unknown { .. } => false,
        };
        let closed = |breaker: &Breaker| !matches!(breaker.state(), breaker::State::Open { .. });
        let before = closed(breaker);
        breaker.record(now, permit, well);
        if let (true, breaker::State::Open { until }) = (before, breaker.state()) {
            self.opened.insert(service, until);
        }
    }

    /// Breakers that have opened since this was asked last.
    pub(super) fn take_opened(&mut self) -> BTreeMap<String, Time> {
        std::mem::take(&mut self.opened)
    }

    /// A breaker is open, as a record or another shard says.
    pub(super) fn open_until(
        &mut self,
        service: &str,
        spec: Option<&ServiceSpec>,
        now: Time,
        until: Time,
    ) {
        let mut services = self.protection.lock();
        if let Some(breaker) = &mut services.guard(service, spec).breaker {
            breaker.open_until(now, until);
        }
    }

    /// The breakers that are open now, and until when.
    pub(super) fn open(&self, now: Time) -> Vec<(String, Time)> {
        let services = self.protection.lock();
        let open = services.by_name.iter().filter_map(|(service, guard)| {
            match guard.breaker.as_ref().map(Breaker::state) {
                Some(breaker::State::Open { until }) if now < until => {
                    Some((service.clone(), until))
                }
                _ => None,
            }
        });
        open.collect()
    }

    /// Forgets what a run that has ended had in flight: nobody may answer for it any more.
    pub(super) fn forget(&mut self, run: RunId) {
        let first = Ticket { run, call: 0, attempt: 0, purpose: Purpose::Do };
        let all = self.permits.range(first..).map(|(ticket, _)| *ticket);
        let gone: Vec<_> = all.take_while(|ticket| ticket.run == run).collect();
        for ticket in gone {
            self.permits.remove(&ticket);
        }
        let held = self.held.range((run, FiberId::MIN)..=(run, FiberId::MAX));
        for call in held.map(|(call, _)| *call).collect::<Vec<_>>() {
            self.held.remove(&call);
        }
    }

    /// Remembers a call that is held back.
    pub(super) fn hold_back(&mut self, service: &str, run: RunId, fiber: FiberId) {
        self.held.insert((run, fiber), service.to_owned());
    }

    /// A fiber's call is held back no longer: what it pauses for from now on is its own policy.
    pub(super) fn let_go(&mut self, run: RunId, fiber: FiberId) {
        self.held.remove(&(run, fiber));
    }

    /// The calls that are held back from a service.
    pub(super) fn take_held(&mut self, service: &str) -> Vec<(RunId, FiberId)> {
        let held = self.held.iter().filter(|(_, of)| *of == service);
        let held: Vec<_> = held.map(|(call, _)| *call).collect();
        for call in &held {
            self.held.remove(call);
        }
        held
    }

    /// Opens the breaker at once, and says until when nothing should be sent.
    pub(super) fn lock_out(
        &mut self,
        service: &str,
        spec: Option<&ServiceSpec>,
        now: Time,
    ) -> Time {
        let mut services = self.protection.lock();
        let guard = services.guard(service, spec);
        if let Some(breaker) = &mut guard.breaker {
            breaker.trip(now);
            if let Permit::Refused { until } = breaker.permit(now) {
                self.opened.insert(service.to_owned(), until);
                return until.max(now.plus(1));
            }
        }
        guard.locked_out = now.plus(CREDENTIALS_PAUSE_MS);
        guard.locked_out
    }

    /// An operator opens the breaker and holds it open.
    pub(super) fn hold_open(
        &mut self,
        service: &str,
        spec: Option<&ServiceSpec>,
        record: ShardRecord,
    ) {
        let mut services = self.protection.lock();
        let guard = services.guard(service, spec);
        if guard.operated_after(&record) {
            guard.held_open = Some(record);
        }
    }

    /// An operator closes the breaker: the service is well, whatever was learned about it.
    pub(super) fn close(
        &mut self,
        service: &str,
        spec: Option<&ServiceSpec>,
        record: &ShardRecord,
    ) {
        let mut services = self.protection.lock();
        let guard = services.guard(service, spec);
        let ShardRecord::Breaker { at: now, .. } = *record else { return };
        if !guard.operated_after(record) {
            return;
        }
        guard.held_open = None;
        guard.locked_out = Time(i64::MIN);
        if let Some(breaker) = &mut guard.breaker {
            breaker.close(now);
        }
    }

    /// The records of the breakers that operators hold open.
    pub(super) fn held_open(&self) -> Vec<ShardRecord> {
        let services = self.protection.lock();
        services.by_name.values().filter_map(|guard| guard.held_open.clone()).collect()
    }

    /// What protects a service now, whether or not it was ever called.
    pub(super) fn state(
        &self,
        service: &str,
        spec: Option<&ServiceSpec>,
        now: Time,
    ) -> ServiceState {
        let fresh = Guard::new(spec);
        let services = self.protection.lock();
        let guard = services.by_name.get(service).unwrap_or(&fresh);
        ServiceState {
            service: service.to_owned(),
            breaker: guard.breaker.as_ref().map(Breaker::state),
            since: guard.breaker.as_ref().and_then(Breaker::since),
            held_open: guard.held_open.is_some(),
            held: guard.held_open.as_ref().and_then(Held::of),
            locked_out: Some(guard.locked_out).filter(|until| now < *until),
            limit: guard.limit.clone(),
            available: guard.bucket.as_ref().map(|bucket| bucket.available(now)),
        }
    }
}
