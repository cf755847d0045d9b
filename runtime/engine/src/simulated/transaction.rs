//! Simulated databases: a transaction is walked statement by statement, and remembered as one.

use super::{Memories, Simulated};
use crate::clock;
use crate::guard::{self, Begun, Memory};
use sagaflow_core::codegen::{Draw, Json};
use sagaflow_core::service::{Attempt, Call, Refusal};
use sagaflow_core::transaction::{Body, Entry, Statement, Step};

impl Simulated {
    /// One attempt of a whole transaction.
    pub(super) fn transact(&self, memories: &mut Memories, call: &Call, args: &Json) -> Attempt {
        let attempt = match guard::judge_forward(memories.by_key.get(&call.key).cloned()) {
            Begun::Answered(answer) => return Attempt::Ok(answer),
            Begun::Failed { name, payload } => return Attempt::Failed { name, payload },
            Begun::Undone => {
                let reason = "it was refused before".to_owned();
                let cause = Refusal::Undone;
                return Attempt::Refused { reason, retry_after_ms: None, cause };
            }
            Begun::Fresh => self.walk(call, args),
        };
        let memory = match &attempt {
            Attempt::Ok(outcome) => Memory::Done(outcome.clone()),
            Attempt::Failed { name, payload } => {
                Memory::Failed { name: name.clone(), payload: payload.clone() }
            }
            _ => return attempt,
        };
        memories.put(&call.key, memory).map_or_else(|refused| refused, |()| attempt)
    }

    fn walk(&self, call: &Call, args: &Json) -> Attempt {
        let entry: Option<Entry> = serde_json::from_value(args.clone()).ok();
        let machine = entry.as_ref().and_then(|entry| entry.machine(&self.machines));
        let (Some(entry), Some(machine)) = (entry, machine) else {
            return Attempt::Fault { message: "the transaction cannot be read".to_owned() };
        };
        let mut seed = [0; 16];
        seed.iter_mut().zip(call.key.bytes()).for_each(|(to, from)| *to = from);
        let mut body = Body::begin(machine, entry.frame, Draw::new(clock::now(), seed));
        let mut number = 0;
        loop {
            match body.step() {
                Step::Call(statement) if statement.spec.service != call.service => {
                    let message = format!("`{}` is another database", statement.spec.service);
                    return Attempt::Fault { message };
                }
                Step::Call(statement) => {
                    number += 1;
                    match self.statement(call, &statement, number) {
                        done @ (Attempt::Ok(_) | Attempt::Failed { .. }) => {
                            body.answer(&statement.spec, done);
                        }
                        // A statement that does not come back takes its transaction with it.
                        other => return other,
                    }
                }
                Step::Savepoint(_) | Step::Release(_) | Step::Rollback(_) => {}
                Step::Done(outcome) => {
                    return Attempt::Ok(serde_json::to_value(outcome).unwrap_or_default());
                }
                Step::Failed { name, payload } => return Attempt::Failed { name, payload },
                Step::Fault(message) => return Attempt::Fault { message },
            }
        }
    }

    fn statement(&self, call: &Call, statement: &Statement, number: u32) -> Attempt {
        let Some(action) = self.contract.get(&statement.spec.action) else {
            return Attempt::Fault {
                message: "no hosted workflow declares this action".to_owned(),
            };
        };
        let inner = Call {
            action: statement.spec.action.clone(),
            key: format!("{}/{number}", call.key),
            path: statement.path.clone(),
            ..call.clone()
        };
        let failing = self.failing.get(&inner.action);
        if let Some(attempt) = failing.and_then(super::Failing::before) {
            return attempt;
        }
        let money = super::first_money(action, &statement.args);
        let declared =
            failing.and_then(|failing| failing.declared(action, &super::seed(&inner, &money)));
        declared.unwrap_or_else(|| Attempt::Ok(self.sampled(&inner, action, &statement.args)))
    }
}
