//! What a run is beside its fibers: what it was started with, and how far it has come.

use super::Claim;
use super::Input;
use super::ranges::Ranges;
use crate::codegen::{Json, Values};
use crate::status::{Cause, Status};
use crate::time::Time;
use std::collections::BTreeMap;

/// What never changes after the start, but for the version.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Origin {
    /// Namespace.
    pub namespace: String,
    /// Qualified workflow.
    pub workflow: String,
    /// Version; another one where an operator moved it.
    pub version: u32,
    /// Hash it is pinned to.
    pub hash: String,
    /// Its start key, as canonical text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// What it is found by beside that: names and values, as canonical text.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub indexed: BTreeMap<String, String>,
    /// Canonical input.
    pub input: Input,
    /// Admission.
    pub started: Time,
    /// Number of the last event before the admission: older ones do not count for its waits.
    pub events: u64,
    /// The workflow's deadline; none where it counts from the run's turn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Time>,
    /// The workflow's deadline from the run's turn on, in ms, where it has to wait for that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline_ms: Option<i64>,
    /// Retention class of its records.
    pub class: u8,
    /// How long it is kept after its end.
    pub retain_ms: i64,
    /// Where the records of its batch were read; none for a run that was not gathered from a topic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gathered: Option<Box<Gathered>>,
    /// The event that started it, where it may come to its waits later than it started the run: it is not
    /// for them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
}

/// Where the records of a batch were read.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Gathered {
    /// The topic's name.
    pub topic: String,
    /// What tells the topic from another one of its name.
    pub topic_id: String,
    /// The partition's number.
    pub partition: u32,
    /// The offsets of its records: some may be missing.
    pub offsets: Ranges,
    /// Bytes and headers of its records in order; empty where none can be rejected.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub whole: Vec<Json>,
}

impl Gathered {
    /// The offset of the record at this place in the batch.
    #[must_use]
    pub fn offset(&self, index: usize) -> Option<u64> {
        self.offsets.nth(index)
    }
}

/// What changes.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Head {
    /// Mode.
    pub mode: Mode,
    /// The commit point was passed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub committed: bool,
    /// The deadline passed without effect.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub overdue: bool,
    /// An undo takes long.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub undo_late: bool,
    /// Nothing new is sent.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub paused: bool,
    /// Terminated by an operator.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub abandoned: bool,
    /// The aftermath was begun.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub aftermath: bool,
    /// A cause that waits for an unresolved step (X1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending: Option<Cause>,
    /// Why it unwinds or unwound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
    /// The result.
    #[serde(
        default,
        deserialize_with = "crate::journal::present",
        skip_serializing_if = "Option::is_none"
    )]
    pub result: Option<Json>,
    /// What callers were answered before the end.
    #[serde(
        default,
        deserialize_with = "crate::journal::present",
        skip_serializing_if = "Option::is_none"
    )]
    pub reply: Option<Json>,
    /// Next id of a fiber, node, call or item.
    pub next_id: u64,
    /// Recoveries since the last outcome.
    #[serde(default)]
    pub recoveries: u32,
    /// The run was set aside because it was recovered too often.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub poisoned: Option<String>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Time>,
    /// Effects that are counted and no longer named.
    #[serde(default)]
    pub forgotten: u32,
    /// The workflow's deadline, where it counts from the run's turn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Time>,
    /// What it asks of the `limit` and `concurrency` clauses of its workflow, in their order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub claims: Vec<Claim>,
    /// What it was given when it moved to another version, by name: stands beside its input where the
    /// aftermath begins.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub given: Values,
    /// The places in its batch whose records were rejected.
    #[serde(default, skip_serializing_if = "Ranges::is_empty")]
    pub rejected: Ranges,
}

/// Mode `m` of the semantics; `committed` and `parked` stand beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// The program runs.
    Forward,
    /// `K` is being popped.
    Undoing,
    /// The outcome is decided.
    Closing,
    /// It is over.
    Ended,
}

impl Head {
    /// The head of a run that was just admitted.
    #[must_use]
    pub fn new() -> Self {
        Self {
            mode: Mode::Forward,
            committed: false,
            overdue: false,
            undo_late: false,
            paused: false,
            abandoned: false,
            aftermath: false,
            pending: None,
            cause: None,
            result: None,
            reply: None,
            next_id: 1,
            recoveries: 0,
            poisoned: None,
            ended: None,
            forgotten: 0,
            deadline: None,
            claims: Vec::new(),
            given: Values::new(),
            rejected: Ranges::default(),
        }
    }

    /// Flags, sorted.
    #[must_use]
    pub fn flags(&self) -> Vec<String> {
        let all = [
            (self.abandoned, "abandoned"),
            (self.committed, "committed"),
            (self.overdue, "overdue"),
            (self.paused, "paused"),
            (self.undo_late, "undo_late"),
        ];
        all.into_iter().filter(|(set, _)| *set).map(|(_, word)| word.to_owned()).collect()
    }

    /// The status of a run that has ended.
    #[must_use]
    pub fn outcome(&self) -> Status {
        self.cause.as_ref().map_or(Status::Completed, Cause::status)
    }
}

impl Default for Head {
    fn default() -> Self {
        Self::new()
    }
}
