//! Outcomes: what an answer of a service means for its step (semantics A2 to A4, T1).

use super::input::{Answer, Ticket};
use super::turn::Turn;
use crate::codegen::{CallSpec, Class, ErrorSpec, Failure, FailureKind, Json, Ty, UndoSpec};
use crate::journal::Happened;
use crate::run::{Call, Entry, Fate, FiberId, Happening, Last, Phase, Role};
#[cfg(feature = "sabotage")]
use crate::sabotage::{self, Sabotage};
use crate::service::{Attempt, Purpose, Refusal};
use crate::time::Time;
use crate::transaction::Outcome;

/// How the cause of an unknown outcome begins when the action panicked.
const PANIC: &str = "panic";

impl Turn<'_> {
    /// A service, or whoever completes a call for it, says what came of it.
    pub(super) fn told(&mut self, ticket: Ticket, result: Attempt, heard: bool) -> Answer {
        let answer = self.outcome(ticket, result);
        if answer == Answer::Done && self.run.state.head().recoveries > 0 {
            self.state().head_mut().recoveries = 0;
            self.durable = true;
        }
        if answer == Answer::TooLate && heard {
            // T3: whoever comes too late is told so, and it is recorded.
            let input = format!("completion of attempt {}", ticket.attempt);
            self.note(Happened::TooLate { input });
        }
        answer
    }

    /// Takes in the outcome of an attempt or of a probe.
    pub(super) fn outcome(&mut self, ticket: Ticket, result: Attempt) -> Answer {
        let found = self.run.state.caller(ticket.call);
        let Some((id, (call, spec))) = found.and_then(|id| Some((id, self.calling(id)?))) else {
            return Answer::TooLate;
        };
        if ticket.purpose == Purpose::Probe {
            let Phase::Asked { question } = call.phase else { return Answer::TooLate };
            if question != ticket.attempt {
                return Answer::TooLate;
            }
            self.probe_answered(id, call, &spec, result);
            return Answer::Done;
        }
        let current = ticket.attempt == call.attempt
            && matches!(call.phase, Phase::Sent | Phase::Accepted { .. });
        // A late answer to an earlier attempt under the same key is the answer: only a result, or an
        // error that is remembered under the key, says more than is known.
        let late = call.unresolved
            && (call.first..=call.attempt).contains(&ticket.attempt)
            && match &result {
                Attempt::Ok(_) => true,
                Attempt::Failed { .. } => spec.idempotent,
                _ => false,
            };
        if !current && !late {
            return Answer::TooLate;
        }
        self.judge(id, call, &spec, result);
        Answer::Done
    }

    /// Credentials are ours to repair: nothing is sent to the service for a while.
    pub(super) fn lock_out(&mut self, service: &str) -> Time {
        let machine = self.machine();
        let spec = machine.as_ref().and_then(|machine| machine.spec().services.get(service));
        self.guards.lock_out(service, spec, self.now)
    }

    pub(super) fn judge(
        &mut self,
        id: FiberId,
        mut call: Box<Call>,
        spec: &CallSpec,
        result: Attempt,
    ) {
        match result {
            Attempt::Ok(value) => self.succeeded(id, call, spec, &value),
            Attempt::Failed { name, payload } => self.declared(id, call, spec, (name, payload)),
            Attempt::Refused { reason, retry_after_ms, cause } => match cause {
                Refusal::Credentials => {
                    let until = self.lock_out(&spec.service);
                    call.next = call.attempt;
                    let reason = format!("the service refuses our credentials: {reason}");
                    // Whoever repairs them closes the breaker, and it goes at once.
                    self.guards.hold_back(&spec.service, self.id, id);
                    self.held_back(id, call, spec, until, &reason);
                }
                Refusal::Expired => {
                    // It never left, so it uses no attempt; what earlier ones did is as before.
                    call.next = call.attempt;
                    call.phase = Phase::Backoff { until: self.now };
                    self.key_expired(id, call, spec);
                }
                Refusal::Undone => {
                    call.unresolved = false;
                    if call.role == Role::Ask {
                        return self.known_not(id, call, None);
                    }
                    self.new_generation(id, &mut call, spec);
                    self.retry(id, call, spec, (Last::Refused, reason, retry_after_ms));
                }
                Refusal::Away => {
                    // Sabotage: a refusal is taken for an answer about the attempts before it.
                    #[cfg(feature = "sabotage")]
                    match call.role {
                        Role::Ask if sabotage::is(Sabotage::RefusalDropsAsk) => {
                            return self.known_not(id, call, None);
                        }
                        Role::Step if sabotage::is(Sabotage::RefusalDisarms) => {
                            call.unresolved = false;
                        }
                        _ => {}
                    }
                    self.retry(id, call, spec, (Last::Refused, reason, retry_after_ms));
                }
            },
            Attempt::Unknown { cause, timeout } => {
                let last = match (timeout, cause.starts_with(PANIC)) {
                    (true, _) => Last::Timeout,
                    (false, true) => Last::Panic,
                    (false, false) => Last::Lost,
                };
                if spec.class != Class::Read {
                    call.unresolved = true;
                }
                self.retry(id, call, spec, (last, cause, None));
            }
            Attempt::Fault { message } => {
                // The service may have done it and answered badly: what happened is not known. Of a
                // transaction this very attempt did not commit; what is open about earlier ones stays so.
                if spec.class != Class::Tx {
                    call.unresolved = spec.class != Class::Read;
                }
                self.put_call(id, call);
                self.fault(id, &message);
                self.boundary(id);
            }
        }
    }

    /// A2.
    pub(super) fn succeeded(
        &mut self,
        id: FiberId,
        call: Box<Call>,
        spec: &CallSpec,
        value: &Json,
    ) {
        if spec.isolation.is_some() {
            return self.committed(id, call, spec, value);
        }
        match self.decode(spec.result.as_ref(), value) {
            Ok(value) => self.happened(id, call, spec, value),
            Err(expected) => {
                let message = format!(
                    "`{}.{}` answered with a result that does not fit: {expected}",
                    spec.service, spec.action
                );
                let mut call = call;
                call.unresolved = spec.class != Class::Read;
                self.put_call(id, call);
                self.fault(id, &message);
                self.boundary(id);
            }
        }
    }

    /// C9: a transaction has committed; what it said goes out with this record.
    fn committed(&mut self, id: FiberId, mut call: Box<Call>, spec: &CallSpec, value: &Json) {
        match serde_json::from_value::<Outcome>(value.clone()) {
            Ok(outcome) => {
                let (values, ops) = outcome.ops();
                self.run_ops(id, ops);
                self.happened(id, call, spec, values);
            }
            Err(cause) => {
                call.unresolved = true;
                self.put_call(id, call);
                self.fault(id, &format!("the transaction's outcome row cannot be read: {cause}"));
                self.boundary(id);
            }
        }
    }

    /// The effect happened, with this canonical result.
    pub(super) fn happened(
        &mut self,
        id: FiberId,
        mut call: Box<Call>,
        spec: &CallSpec,
        value: Json,
    ) {
        call.unresolved = false;
        let line = Happened::Done {
            path: call.path.clone(),
            action: self.action(spec),
            purpose: call.purpose,
            attempt: call.attempt,
            result: self.mask_result(spec, &value),
        };
        if spec.class == Class::Read {
            self.note_quietly(line)
        } else {
            self.note(line)
        }
        if call.role == Role::Ask {
            return self.ask_settled(id, Some((spec, value)));
        }
        if spec.class != Class::Read && call.purpose == Purpose::Do {
            self.remember(call.id, &call.path, self.action(spec), Fate::Applied);
        }
        // Sabotage: armed only now.
        #[cfg(feature = "sabotage")]
        if let Some((frame, captured)) = sabotage::held(self.id, call.id) {
            call.entry = self.arm(id, &call, &frame, &spec.undo, captured);
        }
        if let Some(node) = call.entry {
            if matches!(spec.undo, UndoSpec::Result(_))
                && let Some(entry) = self.state().entry_mut(node)
            {
                entry.ask = None;
                known(entry, spec, &value);
            }
            if !self.keeps(id) {
                self.disarm(id, node);
            }
        }
        if spec.commits {
            self.commit(id);
        }
        self.ready(id, Happening::Done(value));
    }

    /// A3 for a declared error.
    fn declared(
        &mut self,
        id: FiberId,
        mut call: Box<Call>,
        spec: &CallSpec,
        (name, payload): (String, Json),
    ) {
        let failure = match self.declared_failure(spec, &name, &payload) {
            Ok(failure) => Failure { step: call.path.clone(), ..failure },
            Err(message) => {
                call.unresolved = spec.class != Class::Read;
                self.put_call(id, call);
                self.fault(id, &message);
                return self.boundary(id);
            }
        };
        if call.unresolved && !spec.idempotent {
            // It answers for this attempt, not for the earlier one (A3): the step is in A4.
            return self.retry(id, call, spec, (Last::Lost, name, None));
        }
        call.unresolved = false;
        if call.role == Role::Ask {
            self.note_declared(&call, spec, &failure);
            return self.known_not(id, call, Some(failure));
        }
        if spec.retry.on.contains(&name) {
            call.declared = Some(failure);
            self.new_generation(id, &mut call, spec);
            return self.retry(id, call, spec, (Last::Declared, name, None));
        }
        self.note_declared(&call, spec, &failure);
        self.known_not(id, call, Some(failure));
    }

    /// A declared error with its payload checked.
    pub(super) fn declared_failure(
        &self,
        spec: &CallSpec,
        name: &str,
        payload: &Json,
    ) -> Result<Failure, String> {
        let Some(error) = spec.errors.iter().find(|error| error.name == name) else {
            return Err(format!(
                "`{}.{}` failed with `{name}`, which its contract does not declare",
                spec.service, spec.action
            ));
        };
        let payload = self.decode_fields(error, payload)?;
        let (kind, step) = (FailureKind::Declared, String::new());
        Ok(Failure { kind, name: name.to_owned(), payload, step })
    }

    pub(super) fn decode_fields(&self, error: &ErrorSpec, payload: &Json) -> Result<Json, String> {
        if error.fields.is_empty() {
            return Ok(Json::Null);
        }
        let mut fields = serde_json::Map::new();
        for (name, ty) in &error.fields {
            let value = payload.get(name).unwrap_or(&Json::Null);
            let value = self.decode(Some(ty), value).map_err(|expected| {
                format!("the payload of `{}` does not fit: `{name}`: {expected}", error.name)
            })?;
            if !value.is_null() {
                fields.insert(name.clone(), value);
            }
        }
        Ok(Json::Object(fields))
    }

    /// A value in canonical form, or what was expected.
    pub(super) fn decode(&self, ty: Option<&Ty>, value: &Json) -> Result<Json, String> {
        let (Some(ty), Some(machine)) = (ty, &self.run.machine) else { return Ok(Json::Null) };
        machine.spec().schema.decode(ty, value).map_err(|mismatch| mismatch.to_string())
    }

    /// The payload of a declared error without what is personal or secret.
    pub(super) fn mask_payload(&self, spec: &CallSpec, failure: &Failure) -> Json {
        let error = spec.errors.iter().find(|error| error.name == failure.name);
        let (Some(machine), Some(error)) = (&self.run.machine, error) else { return Json::Null };
        let fields = error.fields.iter().filter_map(|(name, ty)| {
            let value = failure.payload.get(name)?;
            Some((name.clone(), machine.spec().schema.mask(ty, value)))
        });
        let fields: serde_json::Map<_, _> = fields.collect();
        if fields.is_empty() { Json::Null } else { Json::Object(fields) }
    }

    fn mask_result(&self, spec: &CallSpec, value: &Json) -> Json {
        match (&spec.result, &self.run.machine) {
            (Some(ty), Some(machine)) => machine.spec().schema.mask(ty, value),
            _ => Json::Null,
        }
    }
}

/// The undo's frame gets the result, as `result`; of a transaction, the names that it bound.
pub(super) fn known(entry: &mut Entry, spec: &CallSpec, value: &Json) {
    if spec.isolation.is_none() {
        entry.captured.insert("result".to_owned(), value.clone());
        return;
    }
    for (name, bound) in value.as_object().into_iter().flatten() {
        entry.captured.insert(name.clone(), bound.clone());
    }
}
