//! What a run has to do with the `concurrency` clauses of its workflow.

use crate::id::{Place, RunId, ShardId, shard_of, slot_of};
use crate::time::Time;

/// Runs of one workflow with one key, of which so many are in flight at most.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct ConcurrencyClass {
    /// Namespace.
    pub namespace: String,
    /// Qualified workflow, over all versions.
    pub workflow: String,
    /// Which of its clauses, from 0.
    pub clause: u32,
    /// The value of `per`, as canonical text.
    pub key: String,
}

impl ConcurrencyClass {
    /// The shard that decides about it.
    #[must_use]
    pub fn home(&self, place: Place) -> ShardId {
        let clause = format!("{}#{}", self.workflow, self.clause);
        shard_of(slot_of(&self.namespace, &clause, &self.key), place.of)
    }
}

/// What a run asks of a class: to be in flight in it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Claim {
    /// The class.
    pub class: ConcurrencyClass,
    /// How many may be in flight, as the run's version says.
    pub limit: u32,
    /// When it came: with `number` its place in the queue.
    pub since: Time,
    /// Tells those apart that came to one shard at once, in their order.
    pub number: u64,
    /// It is in flight.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub granted: bool,
}

impl Claim {
    /// Its place in the queue.
    #[must_use]
    pub fn order(&self, run: RunId) -> (Time, u64, RunId) {
        (self.since, self.number, run)
    }
}
