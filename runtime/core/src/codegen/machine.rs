//! What a machine answers, and what it is asked.
//!
//! One function does everything: [`Machine::resume`] takes a frame and what happened to it, and
//! returns the next [`Move`]. The places a fiber can be resumed at, with the event that does it:
//!
//! | frame rests at | event |
//! |---|---|
//! | `start` (values: the parameters) | `Enter` begins the run |
//! | `after` (values: the parameters, `failure.error`, `failure.step`) | `Enter` begins `after failure` |
//! | `<step>/undo` (values: what was captured, and `result` if it was asked for) | `Enter` begins an undo |
//! | a call | `Done` or `Failed` with the step's final outcome |
//! | a transaction | `Branch(0)` begins its block, in a frame of its own; `Done` with what the block ended with |
//! | a wait, sleep, `await first` | `Arm` or `Timeout` |
//! | a fork (`parallel`, `parallel each`) | `Branch(i)` begins a branch; `Joined` goes on after it |
//! | a unit (scope, guarded parallel, fallback, `settle` iteration) | `Enter` runs its body (again), `Failed` or `Interrupt` runs its handlers; the unit is no longer open then |
//! | a `manual` statement, or what a `manual` is about | `Answer`; about a unit also `Failed`, or `Enter` with the unit open again |
//!
//! A sequential `each` and `repeat`, `if`, `match` and `decide` happen inside the machine.

use super::spec::WorkflowSpec;
use crate::time::Time;
use std::collections::BTreeMap;

/// A JSON value in the forms of `docs/reference` (money `"12.00 EUR"`, time RFC 3339, …).
pub type Json = serde_json::Value;

/// Named values: what a frame holds.
pub type Values = BTreeMap<String, Json>;

/// Where a fiber rests and what is live there. Serialised as it stands, readable by either machine.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Frame {
    /// [`Point::at`](super::Point::at) of the durable point.
    pub at: String,
    /// The indexes of the loops around it, outermost first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub iteration: Vec<u32>,
    /// What is live after it, by name; loop bookkeeping under `#…` names.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub values: Values,
}

/// A bug of the program (overflow, missing key, bad value from a contract): parks the run, never
/// unwinds it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct Fault {
    /// What went wrong, lower-case, without values labelled `pii` or `secret`.
    pub message: String,
}

/// How a step, block or run failed.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Failure {
    /// Declared, or one of the built-in causes.
    pub kind: FailureKind,
    /// Name of the declared error; empty for built-in causes.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Payload of the declared error, an object by field name; `null` if it has none.
    #[serde(default, skip_serializing_if = "Json::is_null")]
    pub payload: Json,
    /// Path of the step it came from, with its indexes; the core fills it where it is empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub step: String,
}

/// The kinds of failure a program can tell apart (`on E`, `on timeout`, `on refused`, `on unknown`,
/// `else`). Cancel, deadline and stop are none of them: nothing handles those.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// A declared error: the effect did not happen.
    Declared,
    /// Never sent, in any attempt, or every attempt was refused.
    Refused,
    /// A read or a wait ran out of time: harmless.
    Timeout,
    /// May or may not have happened.
    Unknown,
    /// A read's attempts are used up for another reason than time.
    Exhausted,
    /// A lock's lease was lost before the commit.
    Lost,
}

/// What happened to the fiber since it rested.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// Begin (or, for a unit, begin again).
    Enter,
    /// Begin branch `i` of the fork the frame rests at; the frame is the parent's.
    Branch(u32),
    /// The call ended well with this result (`null` where the action has none).
    Done(Json),
    /// The call, or the unit, failed for good.
    Failed(Failure),
    /// Arm `index` of the wait came first, with the answer, the event's payload, or `null`.
    Arm {
        /// Position of the arm in the source.
        index: usize,
        /// Its value, already checked against its type.
        value: Json,
    },
    /// The bound of the wait passed.
    Timeout,
    /// All branches of the fork have ended, in branch order.
    Joined(Vec<BranchEnd>),
    /// A person answered: a `manual` statement, or in the place of what failed, with its value.
    Answer(Json),
    /// The unit was interrupted by its `index`-th `on event`; its body is still and undone (or kept).
    Interrupt {
        /// Position of the interrupt in the source.
        index: usize,
        /// The event's payload.
        value: Json,
    },
}

/// How one branch ended.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BranchEnd {
    /// What it gave: an object of its bindings (`parallel { }`), or its `give` value.
    Ok(Json),
    /// It failed; only under `settle`.
    Failed(Failure),
}

/// Recorded clock and entropy, and nothing else the machine could not know from its frame.
///
/// The same draw with the same frame and event gives the same move.
#[derive(Clone, Debug)]
pub struct Draw {
    /// The recorded time of this transition.
    pub now: Time,
    /// Seed of this transition; each use mixes in the next counter.
    pub seed: [u8; 16],
    /// What the transition cost, where it did not fault: the same in every machine.
    pub work: u64,
    used: u64,
}

impl Draw {
    /// A draw for one transition.
    #[must_use]
    pub fn new(now: Time, seed: [u8; 16]) -> Self {
        Self { now, seed, work: 0, used: 0 }
    }

    /// The next 16 random bytes: a hash of the seed and a counter.
    pub fn bytes(&mut self) -> [u8; 16] {
        use sha2::Digest as _;
        let mut hash = sha2::Sha256::new();
        hash.update(self.seed);
        hash.update(self.used.to_be_bytes());
        self.used += 1;
        let digest = hash.finalize();
        let mut out = [0; 16];
        out.copy_from_slice(&digest[..16]);
        out
    }
}

/// What the program does next.
#[derive(Clone, Debug, PartialEq)]
pub struct Move {
    /// How a step whose outcome is unknown was left (semantics A5). Meaningful only in the answer to
    /// `Failed`; the core ignores it where nothing is unresolved.
    pub leave: Leave,
    /// Done on the way, in order, with the next record.
    pub ops: Vec<Op>,
    /// Where the fiber goes.
    pub next: Next,
}

/// How a handler leaves a step whose effect may have happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Leave {
    /// The program goes on with something else (`use`, fallback, `return`, `give`, a block that goes
    /// on): the step's own undo is due now, beside what follows.
    #[default]
    GoOn,
    /// `skip`, or a block that ends in it: either way is fine; the undo stays armed.
    Skip,
    /// `fail`, no handler, or a block that ends in `fail`: the undo stays armed and is run by the
    /// unwinding.
    Fail,
}

/// Something that happens with the next record, without waiting for anything.
#[derive(Clone, Debug, PartialEq)]
pub enum Op {
    /// A unit begins: what follows is undone together if it fails.
    Enter {
        /// The unit's frame: resumed with `Failed`, `Interrupt`, or `Enter` for another run.
        frame: Frame,
        /// Its interrupts, in source order.
        interrupts: Vec<Subscription>,
    },
    /// The innermost open unit of this fiber ended well; `at` names it, as an assertion.
    Leave {
        /// [`Point::at`](super::Point::at) of the unit.
        at: String,
    },
    /// An event goes out with the record.
    Emit {
        /// Qualified event name.
        event: String,
        /// The event's key, as text.
        key: String,
        /// Payload by field name.
        payload: Json,
    },
    /// Answers a waiting caller now.
    Reply(Json),
    /// An item for the manual review queue.
    Review(String),
    /// Records of the run's batch are set aside for a person.
    Reject {
        /// As the program holds them.
        records: Vec<Json>,
        /// Why.
        why: String,
    },
    /// A line for the progress feed.
    Progress {
        /// The line.
        text: String,
        /// Percent done, where the program says so, as text such as `"40%"`.
        percent: Option<String>,
    },
}

/// An event awaited by key.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Subscription {
    /// Qualified event name.
    pub event: String,
    /// The key it must have, as text.
    pub key: String,
    /// Only events that arrive after this wait began.
    #[serde(default)]
    pub fresh: bool,
}

/// One arm of a wait.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Arm {
    /// A person's answer.
    Task {
        /// Qualified name of the human task; its answer's type is in [`WorkflowSpec::tasks`].
        task: String,
        /// Title, rendered.
        title: String,
        /// Who may answer: `role:NAME` or `user:NAME`, any of them.
        assign: Vec<String>,
        /// What is shown, by expression text; `pii` already masked by its schema.
        show: Json,
    },
    /// An event; [`Machine::matches`] judges what the key does not say.
    Event(Subscription),
    /// An instant.
    Sleep {
        /// When.
        until: Time,
    },
}

/// Where the fiber goes.
#[derive(Clone, Debug, PartialEq)]
pub enum Next {
    /// Call an action; policy, undo and errors are in the point's [`CallSpec`](super::CallSpec).
    Call {
        /// Rests here until the step's final outcome.
        frame: Frame,
        /// Arguments by parameter name.
        args: Json,
        /// The `idempotent by` values, where declared.
        by: Option<Json>,
        /// Arguments of the probe, where the action has one.
        probe: Option<Json>,
        /// What the undo captures; `result` is added by the core where the undo asks for it.
        undo: Option<Values>,
    },
    /// Wait for the first of these.
    Wait {
        /// Rests here.
        frame: Frame,
        /// In source order; a plain `await` or `sleep` has one.
        arms: Vec<Arm>,
        /// When the wait itself times out.
        until: Option<Time>,
    },
    /// Run branches `0..branches` and join; each is begun by `Branch(i)` from this same frame.
    Fork {
        /// The parent's frame.
        frame: Frame,
        /// How many.
        branches: u32,
    },
    /// Park until a person answers. At a call's own frame the answer is the step's outcome; elsewhere
    /// [`Point::ask`](super::Point::ask) says what it may be.
    Manual {
        /// Rests here.
        frame: Frame,
        /// The question, rendered.
        question: String,
    },
    /// The branch, undo block or aftermath ended; a branch's value.
    End(Json),
    /// The workflow's result. Open units of the fiber were left by `ops`.
    Return(Json),
    /// The fiber fails: the innermost open unit, else the parent, else the run.
    Fail(Failure),
}

/// A compiled workflow.
pub trait Machine: Send + Sync {
    /// Its static tables.
    fn spec(&self) -> &WorkflowSpec;

    /// Goes on from `frame` with `event`.
    ///
    /// # Errors
    /// A [`Fault`] where the program has a bug; the fiber stays where it was.
    fn resume(&self, frame: &Frame, event: Event, draw: &mut Draw) -> Result<Move, Fault>;

    /// Whether an event with the right key fits the rest of the `where` of arm (or, for a unit's
    /// frame, interrupt) `index`.
    ///
    /// # Errors
    /// A [`Fault`] where evaluating the condition has a bug.
    fn matches(&self, frame: &Frame, index: usize, event: &Json) -> Result<bool, Fault>;

    /// The workflow's declared key for this input, in canonical JSON; nothing where it declares none.
    ///
    /// # Errors
    /// A [`Fault`] where evaluating it has a bug.
    fn key(&self, input: &Values) -> Result<Option<Json>, Fault>;

    /// The values of `by` and `per` for this input, for each `limit` clause in order and then for each
    /// `concurrency` clause; `null` where a clause has none.
    ///
    /// # Errors
    /// A [`Fault`] where evaluating them has a bug.
    fn classes(&self, input: &Values) -> Result<Vec<Json>, Fault>;

    /// The value at `index` of `upgrade from` version `from`, for a run that moves to this version and
    /// holds these values: among them are the parameters that it is made from.
    ///
    /// # Errors
    /// A [`Fault`] where evaluating it has a bug, or there is no such value.
    fn given(&self, from: u32, index: usize, input: &Values) -> Result<Json, Fault> {
        let _ = (from, index, input);
        Err(Fault { message: "there is no such value".to_owned() })
    }

    /// The values of `index by` for this input, in the order of [`WorkflowSpec::indexed`]; `null` where
    /// there is none.
    ///
    /// # Errors
    /// A [`Fault`] where evaluating them has a bug.
    fn indexed(&self, input: &Values) -> Result<Vec<Json>, Fault>;
}
