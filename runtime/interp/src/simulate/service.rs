//! Simulated services: what they answer, and the clauses of the contract they keep.
//!
//! Promises, by key: the undo of what never happened succeeds and is remembered; a forward call whose
//! key was undone is refused; both directions are idempotent where the action says so; a declared
//! error is remembered; a probe that answers `none` spends the key.

use sagaflow_core::codegen::Json;
use sagaflow_core::service::{Attempt, Purpose, Refusal};
use sagaflow_fir::{Action, Class, Compensation};
use std::collections::BTreeMap;

/// How a service is told to behave for one attempt.
#[derive(Clone, Debug, PartialEq)]
pub enum Plan {
    /// Keeps its contract, with this result.
    Answer(Json),
    /// A declared error.
    Fail(String, Json),
    /// Never reached.
    Refused,
    /// Done, and the answer is lost.
    UnknownDone,
    /// Not done, and nobody knows.
    UnknownLost,
    /// The same, and yet it arrives when the run has come to rest: it is done then, unless its key is
    /// spent.
    UnknownLate,
    /// Not done in time.
    Timeout,
    /// The program asked for what nobody can do.
    Fault(String),
}

/// What is remembered under a key.
#[derive(Clone, Debug, PartialEq)]
enum Known {
    Done(Json),
    Failed(String, Json),
    Undone,
}

/// One attempt as a service sees it.
pub(crate) struct Asked<'a> {
    pub(crate) key: &'a str,
    pub(crate) undoes: Option<&'a str>,
    pub(crate) purpose: Purpose,
    /// `service.action`.
    pub(crate) name: &'a str,
    pub(crate) action: &'a Action,
    /// What it answers where nothing else is said.
    pub(crate) usual: &'a Json,
}

/// What came of it.
pub(crate) struct Answered {
    pub(crate) attempt: Attempt,
    /// An effect was applied by this very attempt.
    pub(crate) applied: bool,
}

/// The memory of all services.
#[derive(Default)]
pub(crate) struct Services {
    known: BTreeMap<String, Known>,
    /// By which action a forward key was applied, and how it says it is undone.
    undone_by: BTreeMap<String, Compensation>,
}

impl Services {
    /// Answers one attempt.
    pub(crate) fn answer(&mut self, asked: &Asked<'_>, plan: Plan) -> Answered {
        let answered = |attempt| Answered { attempt, applied: false };
        if asked.purpose == Purpose::Probe {
            return answered(self.probe(asked, plan));
        }
        if plan == Plan::Refused {
            return answered(refused(Refusal::Away));
        }
        if asked.action.class == Class::Read {
            let applied = matches!(plan, Plan::Answer(_));
            return Answered { attempt: lone(plan), applied };
        }
        let repeatable = repeatable(asked.action);
        let known = self.known.get(asked.key).cloned();
        let lost = !matches!(plan, Plan::Answer(_) | Plan::Fail(..) | Plan::Refused);
        match known {
            Some(Known::Undone) => return answered(refused(Refusal::Undone)),
            Some(Known::Done(_) | Known::Failed(..)) if repeatable && lost => {
                return answered(lone(plan));
            }
            Some(Known::Done(value)) if repeatable => return answered(Attempt::Ok(value)),
            Some(Known::Failed(name, payload)) if repeatable => {
                return answered(Attempt::Failed { name, payload });
            }
            _ => {}
        }
        if let Plan::Fail(name, payload) = &plan {
            let known = Known::Failed(name.clone(), payload.clone());
            self.known.insert(asked.key.to_owned(), known);
        }
        match plan {
            Plan::Answer(value) => self.apply(asked, value.clone(), Attempt::Ok(value)),
            Plan::UnknownDone => {
                self.apply(asked, asked.usual.clone(), unknown("the answer was lost", false))
            }
            plan => answered(lone(plan)),
        }
    }

    /// Whether a forward call of this action that arrives under its key only now is applied.
    pub(crate) fn may_apply(&self, key: &str, action: &Action) -> bool {
        match self.known.get(key) {
            None => true,
            Some(Known::Undone) => false,
            Some(Known::Done(_) | Known::Failed(..)) => !repeatable(action),
        }
    }

    /// Whether a forward call under this key can no longer be applied.
    pub(crate) fn is_spent(&self, key: &str) -> bool {
        matches!(self.known.get(key), Some(Known::Undone))
    }

    fn apply(&mut self, asked: &Asked<'_>, value: Json, attempt: Attempt) -> Answered {
        self.known.insert(asked.key.to_owned(), Known::Done(value));
        let compensation = asked.action.compensation.clone();
        let mut empty = false;
        match (asked.purpose, asked.undoes) {
            (Purpose::Undo, Some(forward)) => {
                let done = matches!(self.known.get(forward), Some(Known::Done(_)));
                let declared = self.undone_by.get(forward);
                let this = Compensation::Action(asked.name.to_owned());
                // The undo of nothing succeeds, and changes nothing.
                empty = !done && declared.is_none_or(|declared| *declared == this);
                let spent = matches!(self.known.get(forward), Some(Known::Undone));
                empty &= !spent;
                self.known.insert(forward.to_owned(), Known::Undone);
            }
            _ => drop(self.undone_by.insert(asked.key.to_owned(), compensation)),
        }
        Answered { attempt, applied: !empty }
    }

    fn probe(&mut self, asked: &Asked<'_>, plan: Plan) -> Attempt {
        let Plan::Answer(_) = plan else { return lone(plan) };
        let forward = asked.undoes.unwrap_or_default();
        match self.known.get(forward) {
            Some(Known::Done(value)) => Attempt::Ok(value.clone()),
            _ => {
                self.known.insert(forward.to_owned(), Known::Undone);
                Attempt::Ok(Json::Null)
            }
        }
    }
}

fn repeatable(action: &Action) -> bool {
    action.idempotent || action.class == Class::Tx
}

/// What a plan comes to where nothing is remembered.
fn lone(plan: Plan) -> Attempt {
    match plan {
        Plan::Answer(value) => Attempt::Ok(value),
        Plan::Fail(name, payload) => Attempt::Failed { name, payload },
        Plan::Refused => refused(Refusal::Away),
        Plan::UnknownDone | Plan::UnknownLost | Plan::UnknownLate => {
            unknown("the answer was lost", false)
        }
        Plan::Timeout => unknown("it took too long", true),
        Plan::Fault(message) => Attempt::Fault { message },
    }
}

fn refused(cause: Refusal) -> Attempt {
    Attempt::Refused { reason: "refused by the simulation".into(), retry_after_ms: None, cause }
}

fn unknown(cause: &str, timeout: bool) -> Attempt {
    Attempt::Unknown { cause: cause.to_owned(), timeout }
}
