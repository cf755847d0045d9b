//! Attempts: sending, what holds one back, and what is sent (semantics A1, A3, A4, T2).

use super::input::{Answer, Ticket};
use super::output::Send;
use super::policy::critical;
use super::turn::Turn;
use crate::codegen::{CallSpec, Class, Failure, FailureKind, Json, Next};
use crate::journal::Happened;
use crate::run::{Call, FiberId, Last, Phase, Role, State};
use crate::service::{self, Attempt, Purpose};
use crate::time::Time;
use crate::transaction::Entry;
use std::time::Duration;

impl Turn<'_> {
    /// A copy of a fiber's call and of its policy.
    pub(super) fn calling(&self, id: FiberId) -> Option<(Box<Call>, CallSpec)> {
        let State::Call(call) = &self.run.state.fiber(id)?.state else { return None };
        let machine = self.run.machine.as_ref()?;
        let spec = Self::call_spec(machine.as_ref(), &call.at)?;
        Some((call.clone(), spec.clone()))
    }

    /// Puts a changed call back.
    pub(super) fn put_call(&mut self, id: FiberId, call: Box<Call>) {
        if let Some(fiber) = self.state().fiber_mut(id) {
            fiber.state = State::Call(call);
        }
    }

    /// Sends the next attempt, or says why it has to wait.
    pub(super) fn send(&mut self, id: FiberId) {
        let Some((mut call, spec)) = self.calling(id) else { return };
        let program = self.run.state.fiber(id).is_some_and(|fiber| fiber.kind.program());
        let blocked = self.held_at_boundary(program && !critical(&call, &spec));
        if blocked {
            // It stays due, and leaves when the run is resumed or the cause is settled.
            call.phase = Phase::Backoff { until: self.now };
            self.durable = true;
            return self.put_call(id, call);
        }
        if self.expired(&call, &spec) {
            return self.key_expired(id, call, &spec);
        }
        if call.role == Role::Ask && spec.class == Class::Tx {
            // C9: nothing is done again to know; its row is the answer, or is refused from now on.
            return self.ask_probe(id, call, &spec, 1);
        }
        if call.unresolved && !spec.idempotent && spec.class != Class::Read {
            return self.stopped_under_way(id, call, &spec);
        }
        let ticket = self.ticket(&call, call.next, call.purpose);
        if let Err(refusal) = self.permit(&spec.service, ticket) {
            self.guards.hold_back(&spec.service, self.id, id);
            return self.held_back(id, call, &spec, refusal.until, refusal.reason);
        }
        self.guards.let_go(self.id, id);
        call.attempt = call.next;
        (call.phase, call.held) = (Phase::Sent, false);
        if call.first_sent.is_none() {
            call.first = call.attempt;
        }
        let first = *call.first_sent.get_or_insert(self.now);
        if let Some(entry) = call.entry
            && let Some(ask) = self.state().entry_mut(entry).and_then(|e| e.ask.as_mut())
        {
            ask.first_sent = Some(first);
            ask.attempt = call.attempt;
        }
        let quiet = spec.class == Class::Read && call.attempt == 1;
        let line = self.sent_line(&call, &spec);
        if quiet {
            self.note_quietly(line)
        } else {
            self.note(line)
        }
        let send = self.attempt(&call, &spec);
        self.sends.push(send);
        self.put_call(id, call);
    }

    /// A call that was held back goes at once: its breaker was closed by hand.
    pub(super) fn send_held(&mut self, id: FiberId) {
        let Some((call, spec)) = self.calling(id) else { return };
        match call.phase {
            Phase::Backoff { .. } => self.send(id),
            Phase::AskBackoff { question, .. } => self.ask_probe(id, call, &spec, question),
            _ => {}
        }
    }

    /// After a recovery: what is held back is in the calls themselves.
    pub(super) fn remember_held(&mut self) {
        let ids: Vec<_> = self.run.state.fibers().keys().copied().collect();
        for id in ids {
            let Some((call, spec)) = self.calling(id).filter(|(call, _)| call.held) else {
                continue;
            };
            let service = match (&call.phase, &spec.probe) {
                (Phase::AskBackoff { .. }, Some(probe)) => &probe.service,
                _ => &spec.service,
            };
            self.guards.hold_back(service, self.id, id);
        }
    }

    /// A call that may not be repeated was with the service when the process stopped.
    fn stopped_under_way(&mut self, id: FiberId, call: Box<Call>, spec: &CallSpec) {
        if call.role == Role::Ask {
            return self.ask_probe(id, call, spec, 1);
        }
        let cause = "the process stopped while the call was under way".to_owned();
        self.judge(id, call, spec, Attempt::Unknown { cause, timeout: false });
    }

    /// Whether a key is good no longer (A4).
    pub(super) fn expired(&self, call: &Call, spec: &CallSpec) -> bool {
        let spent = call.first_sent.zip(spec.key_for_ms);
        spent.is_some_and(|(first, good)| self.now.since(first) > good)
    }

    /// Names one attempt, or one question.
    pub(super) fn ticket(&self, call: &Call, attempt: u32, purpose: Purpose) -> Ticket {
        Ticket { run: self.id, call: call.id, attempt, purpose }
    }

    fn sent_line(&self, call: &Call, spec: &CallSpec) -> Happened {
        Happened::Sent {
            path: call.path.clone(),
            action: self.action(spec),
            purpose: call.purpose,
            key: call.key.clone(),
            attempt: call.attempt,
            generation: call.generation,
            args: self.mask_args(spec, &call.args),
        }
    }

    /// The attempt a call stands at, as it leaves: also after a crash.
    pub(super) fn attempt(&self, call: &Call, spec: &CallSpec) -> Send {
        let rest = spec.deadline_ms.filter(|_| call.role == Role::Step);
        let rest = rest.map_or(i64::MAX, |ms| call.began.plus(ms).since(self.now).max(1));
        self.request(
            call,
            (&spec.service, &spec.action),
            self.arguments(call, spec),
            Request {
                key: call.key.clone(),
                undoes: call.undoes.clone(),
                attempt: call.attempt,
                purpose: call.purpose,
                within_ms: spec.within_ms.min(rest),
                expires: call.first_sent.zip(spec.key_for_ms).map(|(at, good)| at.plus(good)),
            },
        )
    }

    /// What the service gets: of a transaction, the frame that its block begins in.
    fn arguments(&self, call: &Call, spec: &CallSpec) -> Json {
        if spec.isolation.is_none() {
            return call.args.clone();
        }
        let fiber = self.run.state.caller(call.id).and_then(|id| self.run.state.fiber(id));
        let origin = self.run.state.origin();
        let entry = Entry {
            workflow: origin.workflow.clone(),
            version: origin.version,
            hash: origin.hash.clone(),
            frame: fiber.map(|fiber| fiber.frame.clone()).unwrap_or_default(),
        };
        serde_json::to_value(entry).unwrap_or_default()
    }

    pub(super) fn request(
        &self,
        call: &Call,
        to: (&str, &str),
        args: Json,
        request: Request,
    ) -> Send {
        let Request { key, undoes, attempt, purpose, within_ms, expires } = request;
        let ticket = self.ticket(call, attempt, purpose);
        let call = service::Call {
            namespace: self.run.state.origin().namespace.clone(),
            service: to.0.to_owned(),
            action: to.1.to_owned(),
            key,
            undoes,
            run: self.id,
            path: call.path.clone(),
            attempt,
            purpose,
            fence: None,
            within: Duration::from_millis(u64::try_from(within_ms).unwrap_or(0)),
            callback: format!("runs/{}/calls/{}/{}/{}", self.id, call.id, attempt, purpose.word()),
        };
        Send { ticket, call, args, expires }
    }

    pub(super) fn permit(
        &mut self,
        service: &str,
        ticket: Ticket,
    ) -> Result<(), super::guard::Refusal> {
        let machine = self.machine();
        let spec = machine.as_ref().and_then(|machine| machine.spec().services.get(service));
        self.guards.permit(service, spec, self.now, ticket)
    }

    /// A breaker or limiter refuses it: no attempt is used (A3).
    pub(super) fn held_back(
        &mut self,
        id: FiberId,
        mut call: Box<Call>,
        spec: &CallSpec,
        until: Time,
        reason: &str,
    ) {
        let leaves = spec.leaves_when_refused
            && call.role == Role::Step
            && call.purpose == Purpose::Do
            && (!call.unresolved || !spec.commits && self.has_alternative(id, &call));
        if leaves || self.past_deadline(&call, spec, until) {
            if call.last == Last::None {
                call.last = Last::Refused;
            }
            self.note_failed(&call, spec, "refused", reason);
            return self.policy_ended(id, call);
        }
        (call.phase, call.held) = (Phase::Backoff { until }, true);
        let (path, reason) = (call.path.clone(), reason.to_owned());
        self.note(Happened::HeldBack { path, until, reason });
        self.put_call(id, call);
        self.boundary(id);
    }

    /// Whether the program does something else where the step's outcome is unknown. If it does not, a
    /// refusal must not make the step fail (I39): the step waits, and asks again.
    fn has_alternative(&mut self, id: FiberId, call: &Call) -> bool {
        let (Some(machine), Some(fiber)) = (self.machine(), self.run.state.fiber(id)) else {
            return false;
        };
        let frame = fiber.frame.clone();
        let failure = Failure {
            kind: FailureKind::Unknown,
            name: String::new(),
            payload: Json::Null,
            step: call.path.clone(),
        };
        // Only asked: the draw is a copy, and the answer is made again when the step is left.
        let mut draw = self.draw().clone();
        let answer = machine.resume(&frame, crate::codegen::Event::Failed(failure), &mut draw);
        answer.is_ok_and(|step| !matches!(step.next, Next::Fail(_) | Next::Manual { .. }))
    }

    pub(super) fn past_deadline(&self, call: &Call, spec: &CallSpec, next: Time) -> bool {
        call.role == Role::Step && spec.deadline_ms.is_some_and(|ms| next >= call.began.plus(ms))
    }

    /// The service accepted the call, or is still at it: the bound begins again.
    pub(super) fn accepted(&mut self, ticket: Ticket) -> Answer {
        let found = self.run.state.caller(ticket.call);
        let Some((id, (mut call, spec))) = found.and_then(|id| Some((id, self.calling(id)?)))
        else {
            return Answer::TooLate;
        };
        let sent = matches!(call.phase, Phase::Sent | Phase::Accepted { .. });
        if !sent || call.attempt != ticket.attempt {
            return Answer::TooLate;
        }
        // T2: the step's deadline bounds all attempts, also one that is said to go on.
        let bound = spec.deadline_ms.filter(|_| call.role == Role::Step);
        let bound = bound.map_or(Time(i64::MAX), |ms| call.began.plus(ms));
        let until = self.now.plus(spec.within_ms).min(bound);
        call.phase = Phase::Accepted { until };
        self.note(Happened::Accepted { path: call.path.clone(), until });
        self.put_call(id, call);
        Answer::Done
    }

    fn mask_args(&self, spec: &CallSpec, args: &Json) -> Json {
        let (Some(machine), Some(fields)) = (&self.run.machine, args.as_object()) else {
            return Json::Null;
        };
        let masked = fields.iter().map(|(name, value)| {
            let value = spec
                .params
                .get(name)
                .map_or(Json::Null, |ty| machine.spec().schema.mask(ty, value));
            (name.clone(), value)
        });
        Json::Object(masked.collect())
    }
}

/// The parts of a request that depend on why it is made.
pub(super) struct Request {
    pub(super) key: String,
    pub(super) undoes: Option<String>,
    pub(super) attempt: u32,
    pub(super) purpose: Purpose,
    pub(super) within_ms: i64,
    pub(super) expires: Option<Time>,
}
