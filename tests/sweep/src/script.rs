//! What a run is told beforehand, and the contract that every service here keeps.

use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// A call as its service knows it: an action, and the values of the loops around the call site.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CallId {
    /// Action.
    pub action: String,
    /// First argument.
    pub at: String,
}

impl std::fmt::Display for CallId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.at.as_str() {
            "" | "-" => f.write_str(&self.action),
            at => write!(f, "{}[{at}]", self.action),
        }
    }
}

/// How a service behaves for one attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Plan {
    /// Keeps its contract.
    Ok,
    /// A declared error.
    Fail(String),
    /// Not reached.
    Refused,
    /// Done, and the answer is lost.
    Done,
    /// Not done, and nobody knows.
    Lost,
    /// Not done, and never answered: only the bound of the attempt ends it.
    Hangs,
}

/// One call that goes wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Strike {
    /// Which.
    pub id: CallId,
    /// Only the first time the program comes to it.
    pub once: bool,
    /// On attempts 1 to this one.
    pub attempts: u32,
    /// How.
    pub plan: Plan,
}

/// Where the process dies: at so many commits of records, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Crash {
    /// Commit.
    pub commit: u64,
    /// Before it, or after it and before anything leaves.
    pub before: bool,
}

/// Everything a run is told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Script {
    /// Calls that go wrong.
    pub strikes: Vec<Strike>,
    /// At most one crash.
    pub crash: Option<Crash>,
    /// The recovery dies too, before or after it commits its first batch.
    pub again_before: Option<bool>,
    /// What a service says to an attempt that is sent again after the crash; none: as the first time.
    pub again: Option<Plan>,
    /// Every request, answer and event arrives twice.
    pub twice: bool,
    /// Seed of how long answers take.
    pub latency: u64,
    /// Waits that nobody answers.
    pub silent: BTreeSet<String>,
    /// Tasks that are answered with no.
    pub denied: BTreeSet<String>,
    /// The run is cancelled after so many commits.
    pub cancel: Option<u64>,
    /// The event of an interrupt comes when this call is first sent.
    pub interrupt: Option<(CallId, String)>,
}

impl Script {
    /// How a service behaves for an attempt of the `visit`-th time the program comes to a call.
    #[must_use]
    pub fn plan(&self, id: &CallId, visit: u32, attempt: u32) -> Plan {
        let strike = self.strikes.iter().find(|strike| {
            strike.id == *id && attempt <= strike.attempts && (!strike.once || visit == 0)
        });
        strike.map_or(Plan::Ok, |strike| strike.plan.clone())
    }
}

/// What a service remembers under a key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Known {
    /// Nothing.
    #[default]
    Nothing,
    /// Applied.
    Done,
    /// A declared error.
    Failed(String),
    /// Undone, or asked for and not found: spent.
    Undone,
}

/// What a service answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Said {
    /// It happened.
    Ok,
    /// A declared error.
    Failed(String),
    /// Not applied.
    Refused,
    /// The key was undone before.
    Spent,
    /// No answer.
    Unknown,
}

/// A forward call or undo under its key: what is remembered, what is said, whether it was applied now.
#[must_use]
pub fn answer(known: &Known, repeatable: bool, plan: &Plan) -> (Known, Said, bool) {
    if *plan == Plan::Refused {
        return (known.clone(), Said::Refused, false);
    }
    let lost = matches!(plan, Plan::Done | Plan::Lost | Plan::Hangs);
    match known {
        Known::Undone if lost => return (Known::Undone, Said::Unknown, false),
        Known::Undone => return (Known::Undone, Said::Spent, false),
        Known::Done | Known::Failed(_) if repeatable && lost => {
            return (known.clone(), Said::Unknown, false);
        }
        Known::Done if repeatable => return (Known::Done, Said::Ok, false),
        Known::Failed(name) if repeatable => {
            return (known.clone(), Said::Failed(name.clone()), false);
        }
        _ => {}
    }
    match plan {
        Plan::Ok => (Known::Done, Said::Ok, true),
        Plan::Fail(name) => (Known::Failed(name.clone()), Said::Failed(name.clone()), false),
        Plan::Done => (Known::Done, Said::Unknown, true),
        Plan::Lost | Plan::Hangs => (known.clone(), Said::Unknown, false),
        Plan::Refused => (known.clone(), Said::Refused, false),
    }
}

/// The number every service answers with: a function of what it was asked.
#[must_use]
pub fn value(action: &str, at: &str, arg: i64) -> i64 {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for byte in action.bytes().chain(at.bytes()).chain(arg.to_be_bytes()) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    i64::try_from((hash >> 32) % 10).unwrap_or(0)
}
