//! Simulated databases: a transaction is walked statement by statement, and its statements take
//! effect when it commits, under its one key.

use super::service::Plan;
use super::{Applied, World};
use sagaflow_core::codegen::{Draw, Json};
use sagaflow_core::service::{Attempt, Call};
use sagaflow_core::shard::Ticket;
use sagaflow_core::transaction::{ACTION, Body, Entry, SETTLE, Statement, Step};
use sagaflow_fir::{Action, Class, Compensation};

/// What is no action of a contract: a whole transaction, and the question what came of one.
pub(super) fn action(name: &str) -> Option<Action> {
    let class = match name {
        ACTION => Class::Tx,
        SETTLE => Class::Read,
        _ => return None,
    };
    Some(Action {
        class,
        params: Vec::new(),
        result: None,
        idempotent: true,
        errors: Vec::new(),
        within_ms: None,
        compensation: Compensation::None,
        sql: None,
        no_rows: None,
        lasts_ms: None,
    })
}

/// The answer to the question what came of a transaction: what is known is wrapped, because it may
/// have committed without a value.
pub(super) fn settled(attempt: Attempt) -> Attempt {
    match attempt {
        Attempt::Ok(value) if !value.is_null() => {
            Attempt::Ok(serde_json::json!({ "outcome": value }))
        }
        other => other,
    }
}

impl World<'_> {
    /// Walks a transaction's block: what it would answer, what it would apply, and how it ends where
    /// that is no commit.
    pub(super) fn transact(
        &mut self,
        ticket: Ticket,
        call: &Call,
        args: &Json,
    ) -> (Json, Vec<Applied>, Option<Plan>) {
        let entry: Option<Entry> = serde_json::from_value(args.clone()).ok();
        let machine = entry.as_ref().and_then(|entry| entry.machine(&self.machines));
        let (Some(entry), Some(machine)) = (entry, machine) else {
            return (Json::Null, Vec::new(), Some(Plan::Refused));
        };
        let mut body = Body::begin(machine, entry.frame, Draw::new(self.now, [0; 16]));
        let (mut applied, mut marks): (Vec<Applied>, Vec<usize>) = (Vec::new(), Vec::new());
        let mut number = 0;
        loop {
            match body.step() {
                Step::Call(statement) => {
                    number += 1;
                    match self.statement(ticket, call, &statement, number) {
                        Ok((answer, effect)) => {
                            applied.extend(effect.filter(|_| matches!(answer, Attempt::Ok(_))));
                            body.answer(&statement.spec, answer);
                        }
                        Err(plan) => return (Json::Null, Vec::new(), Some(plan)),
                    }
                }
                Step::Savepoint(_) => marks.push(applied.len()),
                Step::Release(_) => drop(marks.pop()),
                Step::Rollback(_) => applied.truncate(marks.pop().unwrap_or(0)),
                Step::Done(outcome) => {
                    let outcome = serde_json::to_value(outcome).unwrap_or_default();
                    return (outcome, applied, None);
                }
                Step::Failed { name, payload } => {
                    return (Json::Null, Vec::new(), Some(Plan::Fail(name, payload)));
                }
                // The program is at fault whatever its database does.
                Step::Fault(message) => {
                    return (Json::Null, Vec::new(), Some(Plan::Fault(message)));
                }
            }
        }
    }

    /// One statement: its answer and its effect, or how it ends the whole attempt.
    fn statement(
        &mut self,
        ticket: Ticket,
        call: &Call,
        statement: &Statement,
        number: u32,
    ) -> Result<(Attempt, Option<Applied>), Plan> {
        let Statement { path, spec, args, .. } = statement;
        let inner = Call {
            service: spec.service.clone(),
            action: spec.action.clone(),
            key: format!("{}/{number}", call.key),
            path: path.clone(),
            ..call.clone()
        };
        let name = format!("{}.{}", spec.service, spec.action);
        let result = self.program.fir().action(&spec.service, &spec.action);
        let (result, read) = match result {
            Some(action) => (action.result.clone(), action.class == Class::Read),
            None => (None, false),
        };
        let usual = self.usual(&inner, &result, args);
        self.note_at(ticket, &inner, (Some(&statement.at), &name), &usual);
        let effect = Applied { run: call.run, action: name.clone(), key: inner.key.clone() };
        let (plan, _) = self.plan(ticket, &inner, &name, args, &usual);
        match plan {
            Plan::Answer(value) => Ok((Attempt::Ok(value), (!read).then_some(effect))),
            Plan::Fail(name, payload) => Ok((Attempt::Failed { name, payload }, None)),
            // A statement that does not come back takes its transaction with it.
            _ => Err(Plan::Refused),
        }
    }
}
