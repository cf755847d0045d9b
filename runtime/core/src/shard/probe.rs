//! Probes: asking whether a call happened that may not be repeated (A4).

use super::attempt::Request;
use super::output::Send;
use super::policy::{patient, settling};
use super::turn::Turn;
use crate::codegen::{CallSpec, Class, Json};
use crate::journal::Happened;
use crate::limits::PROBES;
use crate::retry;
use crate::run::{Call, FiberId, Last, Phase, Role};
use crate::service::{Attempt, Purpose, Refusal};
use crate::time::Time;

impl Turn<'_> {
    /// Asks the probe whether it happened.
    pub(super) fn ask_probe(
        &mut self,
        id: FiberId,
        mut call: Box<Call>,
        spec: &CallSpec,
        question: u32,
    ) {
        let (Some(probe), Some(args)) = (&spec.probe, call.probe.clone()) else {
            self.put_call(id, call);
            return self.fault(id, "nobody can tell whether it happened");
        };
        if self.held_at_boundary(false) {
            // Nothing new is sent: it is asked when the run goes on.
            call.phase = Phase::AskBackoff { until: self.now, question };
            self.durable = true;
            return self.put_call(id, call);
        }
        let ticket = self.ticket(&call, question, Purpose::Probe);
        if let Err(refusal) = self.permit(&probe.service, ticket) {
            self.guards.hold_back(&probe.service, self.id, id);
            let (until, reason) = (refusal.until, refusal.reason.to_owned());
            return self.ask_later(id, call, spec, (question, until, reason));
        }
        self.guards.let_go(self.id, id);
        (call.phase, call.held) = (Phase::Asked { question }, false);
        let send = self.question(&call, spec, args);
        if let Some(send) = send {
            self.note(Happened::Sent {
                path: call.path.clone(),
                action: format!("{}.{}", probe.service, probe.action.trim_start_matches('#')),
                purpose: Purpose::Probe,
                key: send.call.key.clone(),
                attempt: question,
                generation: call.generation,
                args: Json::Null,
            });
            self.sends.push(send);
        }
        self.put_call(id, call);
    }

    /// A breaker, a limiter or refused credentials hold a question back: none is used up (A3).
    fn ask_later(
        &mut self,
        id: FiberId,
        mut call: Box<Call>,
        spec: &CallSpec,
        (question, until, reason): (u32, Time, String),
    ) {
        if spec.class != Class::Tx && self.past_deadline(&call, spec, until) {
            self.note_failed(&call, spec, "unknown", &reason);
            return self.policy_ended(id, call);
        }
        (call.phase, call.held) = (Phase::AskBackoff { until, question }, true);
        let path = call.path.clone();
        self.note(Happened::HeldBack { path, until, reason });
        self.put_call(id, call);
        self.boundary(id);
    }

    /// The question a call stands at, as it leaves: also after a crash.
    pub(super) fn question(&self, call: &Call, spec: &CallSpec, args: Json) -> Option<Send> {
        let Phase::Asked { question } = call.phase else { return None };
        let probe = spec.probe.as_ref()?;
        Some(self.request(
            call,
            (&probe.service, &probe.action),
            args,
            Request {
                key: self.key(call, &probe.service, &probe.action, Purpose::Probe),
                undoes: Some(call.key.clone()),
                attempt: question,
                purpose: Purpose::Probe,
                within_ms: probe.within_ms,
                // Nobody answers from the key of a probe (K1).
                expires: None,
            },
        ))
    }

    pub(super) fn probe_answered(
        &mut self,
        id: FiberId,
        mut call: Box<Call>,
        spec: &CallSpec,
        result: Attempt,
    ) {
        let Phase::Asked { question } = call.phase else { return };
        match result {
            Attempt::Ok(Json::Null) => {
                // Not applied, and never to be applied under this key: it is spent.
                call.unresolved = false;
                if call.role == Role::Ask {
                    return self.known_not(id, call, None);
                }
                self.new_generation(id, &mut call, spec);
                let reason = "the probe found nothing".to_owned();
                self.retry(id, call, spec, (Last::Refused, reason, None));
            }
            Attempt::Ok(value) => {
                // A transaction may have committed without a value: it is told from none by a wrapper.
                let outcome = value.get("outcome").filter(|_| spec.class == Class::Tx);
                self.succeeded(id, call, spec, outcome.unwrap_or(&value));
            }
            Attempt::Fault { message } => {
                self.put_call(id, call);
                self.fault(id, &message);
                self.boundary(id);
            }
            Attempt::Refused { reason, cause: Refusal::Credentials, .. } => {
                let service = spec.probe.as_ref().map_or("", |probe| &probe.service);
                let until = self.lock_out(service);
                let reason = format!("the service refuses our credentials: {reason}");
                self.ask_later(id, call, spec, (question, until, reason));
            }
            other => {
                let after = match &other {
                    Attempt::Refused { retry_after_ms, .. } => retry_after_ms.unwrap_or(0),
                    _ => 0,
                };
                let step = call.role == Role::Step && call.purpose == Purpose::Do;
                let settles = spec.class == Class::Tx;
                let policy = match (settles, step) {
                    (true, _) => settling(),
                    (false, true) => spec.retry.clone(),
                    (false, false) => patient(),
                };
                let wait = retry::delay(&policy, question, self.random()).max(after);
                let until = self.now.plus(wait);
                let limit = policy.attempts.map(|attempts| attempts.max(PROBES));
                if limit.is_some_and(|limit| question >= limit)
                    || !settles && self.past_deadline(&call, spec, until)
                {
                    self.note_failed(&call, spec, "unknown", "the probe did not answer");
                    return self.policy_ended(id, call);
                }
                call.phase = Phase::AskBackoff { until, question: question + 1 };
                let (path, reason) = (call.path.clone(), "the probe did not answer".to_owned());
                self.note(Happened::Retrying { path, attempt: question + 1, at: until, reason });
                self.put_call(id, call);
                self.boundary(id);
            }
        }
    }
}
