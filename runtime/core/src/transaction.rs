//! The block of a transaction, walked from statement to statement by whoever holds the connection.
//!
//! ```text
//!  shard ── frame ──► Body ── Call, Savepoint, … ──► connection
//!                      ▲ └──────── answers ◄──────────┘
//!                      └──► Done: what it bound, and what goes out with the run's next record
//! ```
//!
//! The block is one effect (semantics C9): it commits with its outcome row or not at all, so nothing
//! inside it is recorded by the run. Promises: what was said inside a savepoint that was rolled back
//! is not said. Must not know a database.

use crate::codegen::{
    CallSpec, Draw, Event, Failure, FailureKind, Frame, Json, Machine, Move, Next, Op, PointKind,
};
use crate::service::Attempt;
use crate::shard::Machines;
use std::collections::VecDeque;
use std::sync::Arc;

/// The action of a call that is a whole transaction.
pub const ACTION: &str = "#transaction";

/// What asks for the outcome of one, and refuses it from then on where there is none.
pub const SETTLE: &str = "#settle";

/// Bound: statements of one transaction; more is a loop that never ends.
const STATEMENTS_MAX: u32 = 100_000;

/// What is said inside, and goes out when the transaction has committed.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
enum Said {
    Emit { event: String, key: String, payload: Json },
    Reply(Json),
    Review(String),
    Reject { records: Vec<Json>, why: String },
    Progress { text: String, percent: Option<String> },
}

/// What a transaction is called with: the workflow, and the frame it stands in.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Entry {
    /// Qualified workflow.
    pub workflow: String,
    /// Its version.
    pub version: u32,
    /// The hash that the run is pinned to.
    pub hash: String,
    /// Where it rests.
    pub frame: Frame,
}

impl Entry {
    /// The machine that walks it, where this process has it.
    #[must_use]
    pub fn machine(&self, machines: &Machines) -> Option<Arc<dyn Machine>> {
        machines.get(&self.workflow, self.version, &self.hash).cloned()
    }
}

/// What a block came to, as its outcome row holds it.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Outcome {
    /// What it bound, by name.
    pub values: Json,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    said: Vec<Said>,
}

impl Outcome {
    /// What goes out with the run's next record, in order.
    pub(crate) fn ops(self) -> (Json, Vec<Op>) {
        let op = |said| match said {
            Said::Emit { event, key, payload } => Op::Emit { event, key, payload },
            Said::Reply(value) => Op::Reply(value),
            Said::Review(text) => Op::Review(text),
            Said::Reject { records, why } => Op::Reject { records, why },
            Said::Progress { text, percent } => Op::Progress { text, percent },
        };
        (self.values, self.said.into_iter().map(op).collect())
    }
}

/// What the connection does next.
#[derive(Clone, Debug)]
pub enum Step {
    /// Executes a statement, and tells [`Body::answer`].
    Call(Box<Statement>),
    /// Sets a savepoint of this number.
    Savepoint(usize),
    /// Forgets it, and keeps what was done.
    Release(usize),
    /// Undoes what was done since, and forgets it.
    Rollback(usize),
    /// The block has ended: commit, with this outcome.
    Done(Outcome),
    /// The block failed with a declared error: roll back.
    Failed {
        /// Its name.
        name: String,
        /// Payload by field; `null` if it has none.
        payload: Json,
    },
    /// The program is at fault: roll back.
    Fault(String),
}

/// One call of an action of the database.
#[derive(Clone, Debug)]
pub struct Statement {
    /// Durable point.
    pub at: String,
    /// Path with indexes.
    pub path: String,
    /// Policy and types; the action's name is in it.
    pub spec: CallSpec,
    /// Arguments by parameter.
    pub args: Json,
}

/// A block under way.
pub struct Body {
    machine: Arc<dyn Machine>,
    draw: Draw,
    rests: Frame,
    /// Open savepoints, with how much had been said when each was set.
    units: Vec<(Frame, usize)>,
    said: Vec<Said>,
    queue: VecDeque<Step>,
    statements: u32,
}

impl Body {
    /// Begins the block of the transaction that `frame` rests at.
    #[must_use]
    pub fn begin(machine: Arc<dyn Machine>, frame: Frame, draw: Draw) -> Self {
        let mut body = Self {
            machine,
            draw,
            rests: frame.clone(),
            units: Vec::new(),
            said: Vec::new(),
            queue: VecDeque::new(),
            statements: 0,
        };
        body.resume(&frame, Event::Branch(0));
        body
    }

    /// What is to be done now; after a [`Step::Call`], [`Self::answer`] comes first.
    pub fn step(&mut self) -> Step {
        let lost = || Step::Fault("the transaction waits for an answer".to_owned());
        self.queue.pop_front().unwrap_or_else(lost)
    }

    /// What a statement came to. Only a result or a declared error is the program's to judge;
    /// everything else ends the attempt.
    pub fn answer(&mut self, spec: &CallSpec, result: Attempt) {
        let event = match result {
            Attempt::Ok(value) => self.result(spec, &value).map(Event::Done),
            Attempt::Failed { name, payload } => {
                match spec.errors.iter().any(|error| error.name == name) {
                    true => {
                        let (kind, step) = (FailureKind::Declared, String::new());
                        Ok(Event::Failed(Failure { kind, name, payload, step }))
                    }
                    false => Err(format!("it failed with `{name}`, which it does not declare")),
                }
            }
            Attempt::Refused { reason, .. } => Err(reason),
            Attempt::Unknown { cause, .. } => Err(cause),
            Attempt::Fault { message } => Err(message),
        };
        match event {
            Ok(event) => {
                let frame = std::mem::take(&mut self.rests);
                self.resume(&frame, event);
            }
            Err(message) => {
                let message = format!("`{}.{}`: {message}", spec.service, spec.action);
                self.queue.push_back(Step::Fault(message));
            }
        }
    }

    fn result(&self, spec: &CallSpec, value: &Json) -> Result<Json, String> {
        let Some(ty) = &spec.result else { return Ok(Json::Null) };
        let decoded = self.machine.spec().schema.decode(ty, value);
        decoded.map_err(|mismatch| format!("its rows do not fit: {mismatch}"))
    }

    fn resume(&mut self, frame: &Frame, event: Event) {
        match self.machine.resume(frame, event, &mut self.draw) {
            Ok(Move { ops, next, .. }) => {
                ops.into_iter().for_each(|op| self.op(op));
                self.follow(next);
            }
            Err(fault) => self.queue.push_back(Step::Fault(fault.message)),
        }
    }

    fn op(&mut self, op: Op) {
        match op {
            Op::Enter { frame, .. } => {
                self.units.push((frame, self.said.len()));
                self.queue.push_back(Step::Savepoint(self.units.len()));
            }
            Op::Leave { .. } => {
                self.queue.push_back(Step::Release(self.units.len()));
                self.units.pop();
            }
            Op::Emit { event, key, payload } => self.said.push(Said::Emit { event, key, payload }),
            Op::Reply(value) => self.said.push(Said::Reply(value)),
            Op::Review(text) => self.said.push(Said::Review(text)),
            Op::Reject { records, why } => self.said.push(Said::Reject { records, why }),
            Op::Progress { text, percent } => self.said.push(Said::Progress { text, percent }),
        }
    }

    fn follow(&mut self, next: Next) {
        match next {
            Next::Call { frame, args, .. } => self.call(frame, args),
            Next::End(values) => {
                let said = std::mem::take(&mut self.said);
                self.queue.push_back(Step::Done(Outcome { values, said }));
            }
            Next::Fail(failure) => match self.units.pop() {
                Some((frame, said)) => {
                    self.said.truncate(said);
                    self.queue.push_back(Step::Rollback(self.units.len() + 1));
                    self.resume(&frame, Event::Failed(failure));
                }
                None => {
                    let Failure { name, payload, .. } = failure;
                    self.queue.push_back(Step::Failed { name, payload });
                }
            },
            _ => {
                let message = "it does what no transaction can do".to_owned();
                self.queue.push_back(Step::Fault(message));
            }
        }
    }

    fn call(&mut self, frame: Frame, args: Json) {
        self.statements += 1;
        let point = self.machine.spec().points.get(&frame.at);
        let step = match point.map(|point| &point.kind) {
            _ if self.statements > STATEMENTS_MAX => {
                Step::Fault(format!("more than {STATEMENTS_MAX} statements in one transaction"))
            }
            Some(PointKind::Call(spec)) if spec.isolation.is_none() => {
                let path = point.map(|point| point.filled(&frame.iteration)).unwrap_or_default();
                let (at, spec) = (frame.at.clone(), (**spec).clone());
                Step::Call(Box::new(Statement { at, path, spec, args }))
            }
            _ => Step::Fault(format!("there is no statement `{}`", frame.at)),
        };
        self.rests = frame;
        self.queue.push_back(step);
    }
}
