//! Static tables of one workflow: what the core must know about its durable points.
//!
//! Built from FIR as JSON (`sagaflow_fir::spec`), by the interpreter at load time and by generated
//! code at start-up, so both machines bring the very same tables. Everything here is policy and
//! shape; the program itself is in the machine.

use super::schema::{Schema, Ty};
use super::upgrade::UpgradeSpec;
use std::collections::BTreeMap;

/// Everything static about one version of one workflow.
#[derive(Clone, Debug, serde::Deserialize, serde::Serialize)]
pub struct WorkflowSpec {
    /// Qualified name, `shop.orders.FulfilOrder`.
    pub name: String,
    /// Version, from 1.
    pub version: u32,
    /// Hash of the meaning (hex SHA-256 of the canonical FIR without policy).
    pub hash: String,
    /// Its runs go on, and nothing starts it: a released version beside the program.
    #[serde(default)]
    pub continues: bool,
    /// Parameters in order, with their types.
    pub params: Vec<(String, Ty)>,
    /// Result type, if it has one.
    pub result: Option<Ty>,
    /// Declared errors with payload fields.
    pub fails: Vec<ErrorSpec>,
    /// Deadline from admission, in ms.
    pub deadline_ms: Option<i64>,
    /// How long an ended run is kept, in ms.
    pub retain_ms: i64,
    /// Whether it declares `idempotent by`.
    pub keyed: bool,
    /// `concurrency`: how many are in flight at most, for each clause ([`Machine::classes`]).
    ///
    /// [`Machine::classes`]: super::Machine::classes
    pub concurrency: Vec<u32>,
    /// What a start over each of them gets; what is left out waits.
    #[serde(default)]
    pub otherwise: Vec<Otherwise>,
    /// `limit`: how many start in which time at most, for each clause ([`Machine::classes`]).
    ///
    /// [`Machine::classes`]: super::Machine::classes
    #[serde(default)]
    pub limits: Vec<LimitSpec>,
    /// `index by`: the names of its values with their types, in order ([`Machine::indexed`]).
    ///
    /// [`Machine::indexed`]: super::Machine::indexed
    #[serde(default)]
    pub indexed: Vec<(String, Ty)>,
    /// `upgrade from`: whose runs may go on with this version.
    #[serde(default)]
    pub upgrades: Vec<UpgradeSpec>,
    /// How long its key is kept where it says `for`; else as long as the run.
    pub key_for_ms: Option<i64>,
    /// `on Event(x)` triggers.
    pub triggers: Vec<TriggerSpec>,
    /// Durable points by [`Point::at`].
    pub points: BTreeMap<String, Point>,
    /// Whether it has `after failure`.
    pub aftermath: bool,
    /// Human tasks it may ask, by qualified name.
    pub tasks: BTreeMap<String, TaskSpec>,
    /// Events it names, by qualified name.
    pub events: BTreeMap<String, EventSpec>,
    /// Services it calls, by qualified name.
    pub services: BTreeMap<String, ServiceSpec>,
    /// Declared record, enum and named types.
    pub schema: Schema,
}

/// What a start gets whose `concurrency` class is full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Otherwise {
    /// It waits for its turn.
    #[default]
    Queue,
    /// It gets the run that is in flight.
    Join,
    /// It is refused.
    Refuse,
}

impl Otherwise {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde calls")]
    pub(crate) fn queues(&self) -> bool {
        *self == Self::Queue
    }
}

impl WorkflowSpec {
    /// Whether its runs may have to wait for their turn before they begin.
    #[must_use]
    pub fn queues(&self) -> bool {
        !(self.concurrency.is_empty() && self.limits.is_empty())
    }

    /// Whether a start of it may have to ask for a place before its run is admitted.
    #[must_use]
    pub fn asks(&self) -> bool {
        self.otherwise.iter().any(|otherwise| !otherwise.queues())
    }
}

/// Protection of one service, from its contract.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
pub struct ServiceSpec {
    /// When its breaker opens; none: it has no breaker.
    pub breaker: Option<BreakerSpec>,
    /// Calls per window; none: unlimited.
    pub limit: Option<LimitSpec>,
}

/// `breaker opens at RATE% of CALLS calls in WINDOW or after FAILURES failures, probes after PAUSE`.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
pub struct BreakerSpec {
    /// Failure rate in percent, minimum volume, window in ms.
    pub rate: Option<(u32, u32, i64)>,
    /// Consecutive failures.
    pub failures: Option<u32>,
    /// Time from opening to the probe.
    pub probe_ms: i64,
}

/// `limit CALLS per WINDOW`: calls of a service, or starts of a workflow.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
pub struct LimitSpec {
    /// Calls, or starts.
    pub calls: u32,
    /// Window in ms.
    pub window_ms: i64,
}

/// One durable point.
#[derive(Clone, Debug, serde::Deserialize, serde::Serialize)]
pub struct Point {
    /// Unique name in the workflow: the path, with `~2` … where two arms share it.
    pub at: String,
    /// Path template; `[]` takes the next index of the iteration.
    pub path: String,
    /// What rests here.
    pub kind: PointKind,
    /// Types of the live values (for masking and look-up), by frame name.
    #[serde(default)]
    pub live: BTreeMap<String, Ty>,
    /// Line in its source, from 1, for stories and graphs.
    #[serde(default)]
    pub line: u32,
    /// What a person may answer where a `manual` rests here that is about more than one call: about
    /// a fallback, a wait, a block, or a loop that ran out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ask: Option<AskSpec>,
}

impl Point {
    /// Its path with the indexes of an iteration.
    #[must_use]
    pub fn filled(&self, iteration: &[u32]) -> String {
        let mut indexes = iteration.iter();
        let mut parts = self.path.split("[]");
        let mut text = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            match indexes.next() {
                Some(index) => text.push_str(&format!("[{index}]")),
                None => text.push_str("[]"),
            }
            text.push_str(part);
        }
        text
    }
}

/// What may be answered in the place of what failed. Always its value; and the rest only where this
/// says so, and where it failed rather than was interrupted.
#[derive(Clone, Debug, serde::Deserialize, serde::Serialize)]
pub struct AskSpec {
    /// Type of its value; none where it has no value that is used.
    pub answer: Option<Ty>,
    /// Declared errors that one of its handlers takes.
    pub errors: Vec<ErrorSpec>,
    /// It may be done again.
    pub again: bool,
}

/// Kinds of durable point.
#[derive(Clone, Debug, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PointKind {
    /// The beginning of the run (`start`), of the aftermath (`after`), of an undo block.
    Begin,
    /// An effect.
    Call(Box<CallSpec>),
    /// A task, event, sleep, or `await first`.
    Wait,
    /// `parallel` or `parallel each`.
    Fork(ForkSpec),
    /// A unit of undo.
    Unit(UnitSpec),
    /// A `manual` statement.
    Manual,
}

/// Effect class, as declared on the action.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Deserialize, serde::Serialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// May be repeated and interrupted freely.
    Read,
    /// Inside a database transaction.
    Tx,
    /// Changes something.
    Write,
    /// Changes something nobody can undo.
    Pivot,
}

/// Policy and promises of one call.
#[derive(Clone, Debug, serde::Deserialize, serde::Serialize)]
pub struct CallSpec {
    /// Qualified service, `shop.orders.Payments`.
    pub service: String,
    /// Action.
    pub action: String,
    /// Class.
    pub class: Class,
    /// Safe to repeat under the same key.
    pub idempotent: bool,
    /// How long the key is good for, where the contract says so.
    pub key_for_ms: Option<i64>,
    /// Bound of one attempt.
    pub within_ms: i64,
    /// Bound of all attempts.
    pub deadline_ms: Option<i64>,
    /// Retry policy, defaults filled in.
    pub retry: Retry,
    /// Declared errors of the action.
    pub errors: Vec<ErrorSpec>,
    /// Result type; none where the action has no result.
    pub result: Option<Ty>,
    /// Parameter types, by name.
    pub params: BTreeMap<String, Ty>,
    /// The step has `fallback`, `else` or `on refused`: it leaves at once when the breaker is open.
    pub leaves_when_refused: bool,
    /// How it is undone.
    pub undo: UndoSpec,
    /// Ending Ok commits the run: a `pivot`, or a write that commits implicitly (P3).
    pub commits: bool,
    /// How to ask whether it happened.
    pub probe: Option<ProbeSpec>,
    /// The statement of a database's action; none where it is written in Rust.
    #[serde(default)]
    pub sql: Option<SqlSpec>,
    /// It is a whole `transaction`, at this isolation: its block is begun by `Branch(0)` at this very
    /// point, by whoever holds the connection.
    #[serde(default)]
    pub isolation: Option<Isolation>,
}

/// `sql """…""" no rows => E`.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
pub struct SqlSpec {
    /// The statement, in pieces.
    pub parts: Vec<SqlPart>,
    /// The declared error where it returns or affects no row.
    pub no_rows: Option<String>,
}

/// A piece of a statement.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SqlPart {
    /// As it stands.
    Text(String),
    /// A parameter, which is bound.
    Param(String),
}

/// Isolation of a transaction, in the words of SQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Isolation {
    /// Each statement sees what was committed before it.
    ReadCommitted,
    /// All statements see what was committed before the first.
    RepeatableRead,
    /// As if transactions ran one after the other.
    Serializable,
}

/// The undo of a call.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum UndoSpec {
    /// There is none.
    None,
    /// `compensate none because …`.
    Waived,
    /// Armed before the call; the undo block begins at this point.
    Args(String),
    /// Needs the call's result (as `result`): an `ask` until it is known.
    Result(String),
}

/// A `read` that answers the action's result, or none where it was not and never will be applied.
#[derive(Clone, Debug, serde::Deserialize, serde::Serialize)]
pub struct ProbeSpec {
    /// Qualified service.
    pub service: String,
    /// Read action.
    pub action: String,
    /// Bound of one attempt.
    pub within_ms: i64,
}

/// A retry policy with every default filled in.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
pub struct Retry {
    /// Attempts in all; none is forever.
    pub attempts: Option<u32>,
    /// First pause.
    pub first_ms: i64,
    /// Longest pause; equal to the first one for a constant pause.
    pub max_ms: i64,
    /// Each delay is drawn from its upper half.
    pub jitter: bool,
    /// Declared errors that are retried too (`retry … on E`, and `transient` ones).
    #[serde(default)]
    pub on: Vec<String>,
}

/// A declared error.
#[derive(Clone, Debug, serde::Deserialize, serde::Serialize)]
pub struct ErrorSpec {
    /// Name.
    pub name: String,
    /// Payload fields in order.
    pub fields: Vec<(String, Ty)>,
    /// Worth a retry.
    #[serde(default)]
    pub transient: bool,
}

/// A fork.
#[derive(Clone, Debug, serde::Deserialize, serde::Serialize)]
pub struct ForkSpec {
    /// How many branches run at once; none: all.
    pub max: Option<u32>,
    /// Failing iterations undo themselves and give `Failed`.
    pub settle: bool,
}

/// A unit of undo.
#[derive(Clone, Debug, serde::Deserialize, serde::Serialize)]
pub struct UnitSpec {
    /// Bound of the whole block: it then fails as `timeout`.
    pub deadline_ms: Option<i64>,
    /// The block is run again after it was undone.
    pub retry: Option<Retry>,
    /// Per interrupt, in source order: keeps what was done.
    #[serde(default)]
    pub keep: Vec<bool>,
    /// Declared errors with a handler of their own, which `retry` does not repeat unless it names
    /// them (verdict 60).
    #[serde(default)]
    pub handled: Vec<String>,
}

/// A human task.
#[derive(Clone, Debug, serde::Deserialize, serde::Serialize)]
pub struct TaskSpec {
    /// Type of the answer.
    pub answer: Ty,
}

/// An event.
#[derive(Clone, Debug, serde::Deserialize, serde::Serialize)]
pub struct EventSpec {
    /// Fields with their types.
    pub fields: Vec<(String, Ty)>,
    /// Path of the key in the payload, `order.id`.
    pub key: String,
    /// Topic, where it has one.
    pub topic: Option<String>,
    /// The workflow is started or interrupted by it, or waits for it; else it only emits it.
    #[serde(default)]
    pub awaited: bool,
    /// The workflow is interrupted by it or waits for it.
    #[serde(default)]
    pub waited: bool,
}

/// `on Event(x)`.
#[derive(Clone, Debug, serde::Deserialize, serde::Serialize)]
pub struct TriggerSpec {
    /// Qualified event.
    pub event: String,
    /// Parameter of the workflow that it fills.
    pub param: String,
    /// The event's field that is passed; none: the whole payload.
    pub field: Option<String>,
    /// `on batch`: the parameter takes records of one partition that came together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gather: Option<GatherSpec>,
}

/// `on batch Event up to UP_TO or every EVERY`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
pub struct GatherSpec {
    /// At most so many records.
    pub up_to: u32,
    /// At most so long after the first one, in ms.
    pub every_ms: i64,
    /// Whether the program can reject records: they are then kept whole, with bytes and headers.
    #[serde(default)]
    pub whole: bool,
}

impl WorkflowSpec {
    /// The trigger by which it takes batches, and how they are gathered.
    #[must_use]
    pub fn gathers(&self) -> Option<(&TriggerSpec, GatherSpec)> {
        self.triggers.iter().find_map(|trigger| Some((trigger, trigger.gather?)))
    }
}
