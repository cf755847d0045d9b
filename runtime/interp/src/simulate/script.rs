//! What a simulation is told beforehand: scripted outcomes, one failure, one crash, one interruption.

use super::service::Plan;
use sagaflow_core::codegen::Json;
use sagaflow_core::service::Purpose;

/// `given …`: the last one that still fits wins.
#[derive(Clone, Debug, PartialEq)]
pub struct Given {
    /// `service.action` qualified, a human task, or an event wait.
    pub target: String,
    /// Only calls whose arguments equal these.
    pub args: Option<Vec<(String, Json)>>,
    /// What it answers.
    pub answer: GivenAnswer,
    /// Delay in ms.
    pub after_ms: i64,
    /// Attempts it still counts for; none: all.
    pub left: Option<u32>,
}

/// The answer of a [`Given`].
#[derive(Clone, Debug, PartialEq)]
pub enum GivenAnswer {
    /// A value.
    Value(Json),
    /// A declared error.
    Fail(String, Json),
    /// Never reached.
    Refused,
    /// Applied, the answer lost.
    Unknown,
    /// Nothing in time.
    Timeout,
}

impl GivenAnswer {
    /// As a service does it.
    pub(super) fn plan(&self) -> Plan {
        match self {
            Self::Value(value) => Plan::Answer(value.clone()),
            Self::Fail(name, payload) => Plan::Fail(name.clone(), payload.clone()),
            Self::Refused => Plan::Refused,
            Self::Unknown => Plan::UnknownDone,
            Self::Timeout => Plan::Timeout,
        }
    }
}

/// One call that goes wrong.
#[derive(Clone, Debug, PartialEq)]
pub struct Failing {
    /// Path with indexes.
    pub path: String,
    /// `service.action`, qualified.
    pub action: String,
    /// Why it is made.
    pub purpose: Purpose,
    /// How it goes wrong.
    pub plan: Plan,
    /// On which attempts, from 1 to this one.
    pub attempts: u32,
}

/// What the world answers where it has a choice, for the first time at its path.
#[derive(Clone, Debug, PartialEq)]
pub enum Choice {
    /// A call's result.
    Result {
        /// Path with indexes.
        path: String,
        /// The result.
        value: Json,
    },
    /// A person's answer; none: nobody answers.
    Task {
        /// Path with indexes.
        path: String,
        /// The answer.
        answer: Option<Json>,
    },
    /// An awaited event comes, to this arm of the wait at this path.
    Event {
        /// Path with indexes.
        path: String,
        /// Arm.
        arm: usize,
    },
    /// An answer to a `manual` question.
    Manual {
        /// Path with indexes.
        path: String,
        /// The answer, as people give it.
        answer: Json,
    },
}

/// Where the memory of the shard is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Crash {
    /// Record of the run, from 1.
    pub record: u64,
    /// Before it is committed, or right after, before anything leaves.
    pub before: bool,
}

/// What happens to the run from outside, right after a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Strike {
    /// Record of the run, from 1.
    pub record: u64,
    /// What.
    pub what: StrikeKind,
}

/// Kinds of interference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StrikeKind {
    /// Somebody cancels it.
    Cancel,
    /// Its deadline passes.
    Deadline,
}

/// Everything a simulation is told beforehand.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Script {
    /// In order of the source.
    pub given: Vec<Given>,
    /// Departures from the default.
    pub choices: Vec<Choice>,
    /// Calls that go wrong.
    pub failing: Vec<Failing>,
    /// At most one crash.
    pub crash: Option<Crash>,
    /// At most one interference.
    pub strike: Option<Strike>,
}
