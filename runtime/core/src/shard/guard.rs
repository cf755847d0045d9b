//! Breakers and limiters of the services this shard calls, in memory.
//!
//! A call they refuse uses no attempt (semantics A3). They are state of the process, not of a run:
//! after a restart a breaker is closed until it learns again.

use crate::breaker::{Breaker, Permit};
use crate::codegen::ServiceSpec;
use crate::id::RunId;
use crate::limits::CREDENTIALS_PAUSE_MS;
use crate::rate::Bucket;
use crate::time::Time;
use std::collections::BTreeMap;

/// Guards by service.
#[derive(Debug, Default)]
pub(super) struct Guards {
    services: BTreeMap<String, Guard>,
    /// Permits of calls in flight, by run and call.
    permits: BTreeMap<(RunId, u64), Permit>,
}

#[derive(Debug)]
struct Guard {
    breaker: Option<Breaker>,
    bucket: Option<Bucket>,
    /// Refused credentials, where there is no breaker to open.
    locked_out: Time,
}

/// Why a call may not leave, and until when.
pub(super) struct Refusal {
    pub(super) until: Time,
    pub(super) reason: &'static str,
}

impl Guards {
    fn guard(&mut self, service: &str, spec: Option<&ServiceSpec>) -> &mut Guard {
        self.services.entry(service.to_owned()).or_insert_with(|| Guard {
            breaker: spec.and_then(|spec| spec.breaker.clone()).map(Breaker::new),
            bucket: spec.and_then(|spec| spec.limit.clone()).map(Bucket::new),
            locked_out: Time(i64::MIN),
        })
    }

    /// Asks for one attempt.
    pub(super) fn permit(
        &mut self,
        service: &str,
        spec: Option<&ServiceSpec>,
        now: Time,
        call: (RunId, u64),
    ) -> Result<(), Refusal> {
        let guard = self.guard(service, spec);
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
            self.permits.insert(call, permit);
        }
        Ok(())
    }

    /// Learns how an attempt went.
    pub(super) fn record(&mut self, service: &str, now: Time, call: (RunId, u64), ok: bool) {
        // A call sent by an earlier owner of the shard has no permit, and says nothing here.
        let Some(permit) = self.permits.remove(&call) else { return };
        if let Some(breaker) = self.services.get_mut(service).and_then(|g| g.breaker.as_mut()) {
            breaker.record(now, permit, ok);
        }
    }

    /// Opens the breaker at once, and says until when nothing should be sent.
    pub(super) fn lock_out(
        &mut self,
        service: &str,
        spec: Option<&ServiceSpec>,
        now: Time,
    ) -> Time {
        let guard = self.guard(service, spec);
        if let Some(breaker) = &mut guard.breaker {
            breaker.trip(now);
            if let Permit::Refused { until } = breaker.permit(now) {
                return until.max(now.plus(1));
            }
        }
        guard.locked_out = now.plus(CREDENTIALS_PAUSE_MS);
        guard.locked_out
    }
}
