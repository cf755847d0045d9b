//! The services a shard calls, as an operator sees them: their breakers and limits, and a breaker
//! that is opened or closed by hand.

use super::input::{Actor, Answer, BreakerAct, Token};
use super::output::Output;
use super::{ServiceState, Shard};
use crate::codegen::ServiceSpec;
use crate::journal::{Mail, ShardRecord};
use crate::time::Time;
use std::collections::BTreeMap;

impl Shard {
    /// What protects every service that a workflow here calls, as it stands.
    #[must_use]
    pub fn services(&self, now: Time) -> Vec<ServiceState> {
        let all = self.service_specs();
        all.iter().map(|(name, spec)| self.guards.state(name, Some(spec), now)).collect()
    }

    fn service_specs(&self) -> BTreeMap<String, ServiceSpec> {
        // Order: the newest last, whose policy counts; runs of older versions call services too.
        let specs = self.machines.all().chain(self.machines.newest()).map(|machine| machine.spec());
        let all = specs.flat_map(|spec| spec.services.iter());
        all.map(|(name, spec)| (name.clone(), spec.clone())).collect()
    }

    /// An operator opens or closes a breaker: recorded, so that it outlives the process.
    pub(super) fn operate_breaker(
        &mut self,
        now: Time,
        (service, act): (String, BreakerAct),
        (actor, reason): (Actor, String),
        token: Option<Token>,
        out: &mut Output,
    ) {
        if !self.service_specs().contains_key(&service) {
            return out.reply(token, Answer::NotFound);
        }
        // Crash: whoever asked was not answered, and asks again; the record says the same then.
        let record = ShardRecord::Breaker {
            service: service.clone(),
            act,
            actor: actor.name,
            reason,
            at: now,
        };
        self.shard_record(now, &record, out);
        for shard in self.place.others().collect::<Vec<_>>() {
            self.post(shard, &Mail::Breaker(record.clone()), out);
        }
        self.apply_breaker(now, &service, act, record, out);
        out.reply(token, Answer::Done);
    }

    /// What an operator did, as it is recorded here.
    pub(super) fn apply_breaker(
        &mut self,
        now: Time,
        service: &str,
        act: BreakerAct,
        record: ShardRecord,
        out: &mut Output,
    ) {
        self.set_breaker(service, act, record);
        if act == BreakerAct::Close {
            for (run, fiber) in self.guards.take_held(service) {
                self.turn(now, run, None, out, |turn| {
                    turn.send_held(fiber);
                    Answer::Done
                });
            }
        }
    }

    /// Records which breakers have opened, for the next owner, and tells the other shards.
    pub(super) fn tell_opened(&mut self, now: Time, out: &mut Output) {
        for (service, until) in self.guards.take_opened() {
            // Crash: without this record the next owner's first calls find out anew.
            let record = ShardRecord::BreakerOpened { service, until };
            self.shard_record(now, &record, out);
            for shard in self.place.others().collect::<Vec<_>>() {
                self.post(shard, &Mail::Breaker(record.clone()), out);
            }
        }
    }

    /// A breaker has opened, as it is recorded here.
    pub(super) fn breaker_opened(&mut self, now: Time, service: &str, until: Time) {
        let spec = self.service_specs().remove(service);
        self.guards.open_until(service, spec.as_ref(), now, until);
    }

    /// Brings a breaker to where its record left it.
    pub(super) fn set_breaker(&mut self, service: &str, act: BreakerAct, record: ShardRecord) {
        let spec = self.service_specs().remove(service);
        match act {
            BreakerAct::Open => self.guards.hold_open(service, spec.as_ref(), record),
            BreakerAct::Close => self.guards.close(service, spec.as_ref(), &record),
        }
    }

    /// Writes again which breakers are open or held open, for the next recovery reads nothing before the
    /// checkpoint; returns the last position that the checkpoint may have.
    pub(super) fn keep_breakers(&mut self, now: Time, out: &mut Output) -> u64 {
        let before = self.seq;
        let open = self.guards.open(now).into_iter();
        let open = open.map(|(service, until)| ShardRecord::BreakerOpened { service, until });
        let kept: Vec<_> = self.guards.held_open().into_iter().chain(open).collect();
        if kept.is_empty() {
            return u64::MAX;
        }
        for record in kept {
            self.shard_record(now, &record, out);
        }
        before
    }
}
