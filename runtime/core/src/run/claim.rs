//! What a run has to do with the `limit` and `concurrency` clauses of its workflow.

use crate::codegen::{LimitSpec, Otherwise};
use crate::id::{Place, RunId, ShardId, shard_of, slot_of};
use crate::time::Time;

/// Runs of one workflow with one key, of which so many start in a window or are in flight at most.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct ClaimClass {
    /// Namespace.
    pub namespace: String,
    /// Qualified workflow, over all versions.
    pub workflow: String,
    /// Which of its clauses of this kind, from 0.
    pub clause: u32,
    /// The value of `per` or `by`, as canonical text.
    pub key: String,
    /// It is of `limit`, and counts starts; else of `concurrency`, and counts who is in flight.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub starts: bool,
}

impl ClaimClass {
    /// The shard that decides about it.
    #[must_use]
    pub fn home(&self, place: Place) -> ShardId {
        let kind = if self.starts { '%' } else { '#' };
        let clause = format!("{}{kind}{}", self.workflow, self.clause);
        shard_of(slot_of(&self.namespace, &clause, &self.key), place.of)
    }
}

/// What a run asks of a class: to start, or to be in flight in it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Claim {
    /// The class.
    pub class: ClaimClass,
    /// How many may start or be in flight, as the run's version says.
    pub limit: u32,
    /// In how many ms so many may start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window_ms: Option<i64>,
    /// What its start gets if there is no place: one that does not wait asks before it is admitted.
    #[serde(default, skip_serializing_if = "Otherwise::queues")]
    pub otherwise: Otherwise,
    /// A place is kept for it, but it is not admitted yet.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reserved: bool,
    /// When it came: with `number` its place in the queue.
    pub since: Time,
    /// Tells those apart that came to one shard at once, in their order.
    pub number: u64,
    /// Its turn has come.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub granted: bool,
}

impl Claim {
    /// Its place in the queue.
    #[must_use]
    pub fn order(&self, run: RunId) -> (Time, u64, RunId) {
        (self.since, self.number, run)
    }

    /// Whether it counts in its class, or waits there: a start that was let in has been counted.
    #[must_use]
    pub fn open(&self) -> bool {
        !(self.class.starts && self.granted)
    }

    /// How many may start in which time, where it is of `limit`.
    #[must_use]
    pub fn rate(&self) -> Option<LimitSpec> {
        self.window_ms.map(|window_ms| LimitSpec { calls: self.limit, window_ms })
    }
}
