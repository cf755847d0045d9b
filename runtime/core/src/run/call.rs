//! One call of an action: its intent, its attempts, and what is known about its effect.

use super::{Fault, NodeId};
use crate::codegen::{Failure, Json};
use crate::service::Purpose;
use crate::time::Time;

/// A recorded intent with its attempts.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Call {
    /// Unique in the run; the same for every attempt, and for sending again after a crash.
    pub id: u64,
    /// The durable point whose policy holds.
    pub at: String,
    /// Path with indexes.
    pub path: String,
    /// Forward or undo.
    pub purpose: Purpose,
    /// Whether the answer belongs to the program, or settles an `ask` of the undo tree.
    pub role: Role,
    /// K1.
    pub generation: u32,
    /// K1, recorded with the intent.
    pub key: String,
    /// On an undo: the key of its forward call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undoes: Option<String>,
    /// Arguments by parameter name.
    pub args: Json,
    /// The `idempotent by` values.
    #[serde(
        default,
        deserialize_with = "crate::journal::present",
        skip_serializing_if = "Option::is_none"
    )]
    pub by: Option<Json>,
    /// Arguments of the probe.
    #[serde(
        default,
        deserialize_with = "crate::journal::present",
        skip_serializing_if = "Option::is_none"
    )]
    pub probe: Option<Json>,
    /// Its own entry of the undo tree.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry: Option<NodeId>,
    /// Number of the attempt that was sent last; 0 before the first.
    pub attempt: u32,
    /// Number of the attempt that is sent next.
    pub next: u32,
    /// Attempts that a person has granted anew.
    #[serde(default)]
    pub granted: u32,
    /// Number of the first attempt under this key: late answers to earlier ones are for another key.
    pub first: u32,
    /// When the intent was made.
    pub began: Time,
    /// When the first attempt under this key left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_sent: Option<Time>,
    /// An attempt ended unknown and nothing has answered for it since (A4).
    #[serde(default)]
    pub unresolved: bool,
    /// What the last counted attempt came to.
    #[serde(default)]
    pub last: Last,
    /// The last declared error that the policy retried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub declared: Option<Failure>,
    /// It pauses because it was held back from its service, not because of its own policy.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub held: bool,
    /// Where it stands.
    pub phase: Phase,
}

/// Whose the answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The program's.
    Step,
    /// The undo tree's: did the forward call happen, and with which result?
    Ask,
}

/// What the last counted attempt came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Last {
    /// None was counted.
    #[default]
    None,
    /// Known not to have been applied.
    Refused,
    /// A declared error that the policy retried.
    Declared,
    /// Out of time.
    Timeout,
    /// Lost.
    Lost,
    /// The action panicked.
    Panic,
}

/// Where a call stands.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// An attempt is with the service.
    Sent,
    /// The service accepted it (202) and completes it later.
    Accepted {
        /// Unknown from then on.
        until: Time,
    },
    /// The next attempt is due then. Also while a breaker or limiter holds it back.
    Backoff {
        /// When.
        until: Time,
    },
    /// The probe is with the service.
    Asked {
        /// Number of the question, from 1.
        question: u32,
    },
    /// The probe is asked again then.
    AskBackoff {
        /// When.
        until: Time,
        /// Number of the next question.
        question: u32,
    },
    /// Parked: the contract is broken, or nobody can tell what happened.
    Fault(Fault),
}

impl Call {
    /// Whether an answer is outstanding, from the service or about an earlier attempt.
    #[must_use]
    pub fn open(&self) -> bool {
        self.unresolved || matches!(self.phase, Phase::Sent | Phase::Accepted { .. })
    }

    /// Attempts that count against the policy.
    #[must_use]
    pub fn counted(&self) -> u32 {
        (self.next - 1).saturating_sub(self.granted)
    }
}
