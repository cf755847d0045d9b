//! The retry policy: when the next attempt leaves, and what is known when it ends (A3, A4, T2, K1).

use super::turn::Turn;
use crate::codegen::{CallSpec, Class, Failure, FailureKind, Json, Retry};
use crate::journal::Happened;
use crate::limits::{UNDO_LATE_ATTEMPTS, UNDO_LATE_MS};
use crate::retry;
use crate::run::{Call, FiberId, Happening, Last, Phase, Role};
#[cfg(feature = "sabotage")]
use crate::sabotage::{self, Sabotage};
use crate::service::Purpose;

/// U1: how an `ask` of the undo tree is asked.
pub(super) fn patient() -> Retry {
    Retry { attempts: None, first_ms: 1_000, max_ms: 300_000, jitter: true, on: Vec::new() }
}

/// C9: how a database is asked what came of a transaction, until it says so.
pub(super) fn settling() -> Retry {
    Retry { attempts: None, first_ms: 200, max_ms: 10_000, jitter: true, on: Vec::new() }
}

impl Turn<'_> {
    /// The policy decides about the next attempt.
    pub(super) fn retry(
        &mut self,
        id: FiberId,
        mut call: Box<Call>,
        spec: &CallSpec,
        (last, reason, after): (Last, String, Option<i64>),
    ) {
        // `refused` means that no attempt was sent or all were refused (verdict 61).
        let read = spec.class == Class::Read && !matches!(call.last, Last::None | Last::Refused);
        if last != Last::Refused || !read {
            call.last = last;
        }
        call.next = call.attempt + 1;
        match call.declared.clone().filter(|_| last == Last::Declared) {
            Some(failure) => self.note_declared(&call, spec, &failure),
            None => self.note_failed(&call, spec, last_word(last), &reason),
        }
        self.watch_undo(id, &call);
        if call.unresolved && !spec.idempotent {
            // It may not be repeated: the probe is the question, where there is one (A4).
            if call.probe.is_some() && spec.probe.is_some() {
                return self.ask_probe(id, call, spec, 1);
            }
            return self.policy_ended(id, call);
        }
        let policy = if call.role == Role::Ask { patient() } else { spec.retry.clone() };
        let failed = call.counted();
        let random = self.random();
        let wait = retry::delay(&policy, failed, random).max(after.unwrap_or(0));
        let until = self.now.plus(wait);
        let used_up = policy.attempts.is_some_and(|attempts| failed >= attempts);
        if used_up || self.past_deadline(&call, spec, until) {
            return self.policy_ended(id, call);
        }
        call.phase = Phase::Backoff { until };
        let (path, attempt) = (call.path.clone(), call.next);
        self.note(Happened::Retrying { path, attempt, at: until, reason });
        self.put_call(id, call);
        self.boundary(id);
    }

    /// History has a line for whatever a step ends with, so that nothing unwinds without a reason.
    pub(super) fn note_failed(&mut self, call: &Call, spec: &CallSpec, error: &str, reason: &str) {
        self.note(Happened::Failed {
            path: call.path.clone(),
            action: self.action(spec),
            purpose: call.purpose,
            attempt: call.attempt,
            error: error.to_owned(),
            reason: reason.to_owned(),
            payload: Json::Null,
        });
    }

    /// The same for a declared error, with its payload.
    pub(super) fn note_declared(&mut self, call: &Call, spec: &CallSpec, failure: &Failure) {
        self.note(Happened::Failed {
            path: call.path.clone(),
            action: self.action(spec),
            purpose: call.purpose,
            attempt: call.attempt,
            error: failure.name.clone(),
            reason: String::new(),
            payload: self.mask_payload(spec, failure),
        });
    }

    pub(super) fn random(&mut self) -> u64 {
        let bytes = self.draw().bytes();
        let mut half = [0; 8];
        half.copy_from_slice(bytes.get(..8).unwrap_or(&[0; 8]));
        u64::from_be_bytes(half)
    }

    /// A key that is spent gets a successor, and the armed undo with it (K1).
    pub(super) fn new_generation(&mut self, id: FiberId, call: &mut Call, spec: &CallSpec) {
        call.generation = self.run.state.generation(&call.path).max(call.generation + 1);
        call.key = self.key(call, &spec.service, &spec.action, call.purpose);
        call.first_sent = None;
        call.unresolved = false;
        self.remember_generation(id, &call.path, call.generation + 1);
        if let Some(entry) = call.entry.and_then(|node| self.state().entry_mut(node)) {
            entry.generation = call.generation;
            entry.key.clone_from(&call.key);
            if let Some(ask) = &mut entry.ask {
                ask.first_sent = None;
            }
        }
    }

    /// A key is good no longer: it is never sent again (A4).
    pub(super) fn key_expired(&mut self, id: FiberId, mut call: Box<Call>, spec: &CallSpec) {
        if !call.unresolved && call.role == Role::Step {
            self.new_generation(id, &mut call, spec);
            self.put_call(id, call);
            return self.send(id);
        }
        if call.probe.is_some() && spec.probe.is_some() {
            return self.ask_probe(id, call, spec, 1);
        }
        if call.role == Role::Ask {
            self.put_call(id, call);
            return self.fault(id, "its key has expired, and nobody can tell whether it happened");
        }
        self.note_failed(&call, spec, last_word(Last::Lost), "its key has expired");
        self.policy_ended(id, call);
    }

    /// The policy has ended: what is known is the outcome.
    pub(super) fn policy_ended(&mut self, id: FiberId, mut call: Box<Call>) {
        // Sent no more; only what is unresolved stays open.
        call.phase = Phase::Backoff { until: self.now };
        if call.last == Last::Panic {
            self.put_call(id, call);
            self.fault(id, "the action panicked");
            return self.boundary(id);
        }
        if call.role == Role::Ask {
            self.put_call(id, call);
            return self.fault(id, "nobody can tell whether it happened");
        }
        let failure = |kind| Failure {
            kind,
            name: String::new(),
            payload: Json::Null,
            step: call.path.clone(),
        };
        if call.unresolved
            && let Some(machine) = self.machine()
            && let Some(spec) = Self::call_spec(machine.as_ref(), &call.at)
            && spec.class == Class::Tx
        {
            // C9: nobody leaves it unknown; its row says what came of it, or is refused from now on.
            return self.ask_probe(id, call, spec, 1);
        }
        if call.unresolved {
            let failure = failure(FailureKind::Unknown);
            self.durable = true;
            return self.ready_with(id, Happening::Failed(failure), Some(call));
        }
        let failure = match (call.last, call.declared.clone()) {
            (Last::Refused | Last::Declared, Some(declared)) => declared,
            (Last::Timeout, _) => failure(FailureKind::Timeout),
            (Last::None | Last::Refused | Last::Declared, _) => failure(FailureKind::Refused),
            (Last::Lost | Last::Panic, _) => failure(FailureKind::Exhausted),
        };
        self.known_not(id, call, Some(failure));
    }

    /// The effect is known not to have happened: its undo is not needed (A3).
    pub(super) fn known_not(&mut self, id: FiberId, mut call: Box<Call>, failure: Option<Failure>) {
        self.durable = true;
        if call.role == Role::Ask {
            return self.ask_settled(id, None);
        }
        let failure = failure.unwrap_or_else(|| Failure {
            kind: FailureKind::Refused,
            name: String::new(),
            payload: Json::Null,
            step: call.path.clone(),
        });
        // The call goes with it: a person may be asked about this very step, and ask it anew. Its
        // entry is dropped with the move (`follow`), or when the fiber is stopped before it.
        call.phase = Phase::Backoff { until: self.now };
        self.ready_with(id, Happening::Failed(failure), Some(call));
    }

    /// U2: an undo that takes long is flagged, and goes on.
    pub(super) fn watch_undo(&mut self, id: FiberId, call: &Call) {
        let Some(node) = self.run.state.fiber(id).and_then(|fiber| fiber.kind.undoes()) else {
            return;
        };
        let since = self.entry(node).and_then(|entry| entry.undoing);
        let long = since.is_some_and(|since| self.now.since(since) >= UNDO_LATE_MS);
        if long || call.counted() >= UNDO_LATE_ATTEMPTS {
            self.flag_undo_late(id);
        }
    }

    /// Flags the run, once.
    pub(super) fn flag_undo_late(&mut self, id: FiberId) {
        if !self.run.state.head().undo_late {
            self.state().head_mut().undo_late = true;
            let path = self.path(id);
            self.note(Happened::UndoLate { path });
        }
    }
}

/// X1: a step that has no boundary while it is open.
pub(super) fn critical(call: &Call, spec: &CallSpec) -> bool {
    // Sabotage: a cancel does not wait for the pivot.
    #[cfg(feature = "sabotage")]
    if sabotage::is(Sabotage::CancelUnwindsPivot) && spec.class == Class::Pivot {
        return false;
    }
    call.open()
        && call.role == Role::Step
        && call.purpose == Purpose::Do
        && spec.class != Class::Read
        && (spec.class == Class::Pivot || spec.commits || call.entry.is_none())
}

fn last_word(last: Last) -> &'static str {
    match last {
        Last::None => "",
        Last::Refused => "refused",
        Last::Declared => "declared",
        Last::Timeout => "timeout",
        Last::Lost | Last::Panic => "unknown",
    }
}
