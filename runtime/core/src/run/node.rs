//! The undo tree: an arena of nodes, each naming the one before it in its list.

use super::NodeId;
use crate::codegen::{Json, Values};
use crate::time::Time;

/// One node of the undo tree `K`, or of the due undos `Q`.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Node {
    /// The node before it in its list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prev: Option<NodeId>,
    /// What it undoes.
    pub what: What,
}

/// What a node undoes.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// One step.
    Step(Box<Entry>),
    /// The branches of a fork, at once.
    Par {
        /// Last node of each branch's list.
        heads: Vec<Option<NodeId>>,
        /// How many at once.
        max: Option<u32>,
    },
}

/// `u` or `ask` of one step.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Entry {
    /// The step's durable point.
    pub at: String,
    /// Id of the forward call.
    #[serde(default)]
    pub call: u64,
    /// Its loop indexes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub iteration: Vec<u32>,
    /// The step's path with indexes.
    pub path: String,
    /// Where its undo block begins.
    pub undo: String,
    /// What the undo block captured, with `result` once it is known.
    pub captured: Values,
    /// Generation of the forward call.
    pub generation: u32,
    /// Key of the forward call.
    pub key: String,
    /// An `ask`: the forward call has to be asked for its result first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ask: Option<Ask>,
    /// When its undoing began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undoing: Option<Time>,
}

/// What an `ask` needs to ask.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Ask {
    /// Arguments of the forward call.
    pub args: Json,
    /// Its `idempotent by` values.
    #[serde(
        default,
        deserialize_with = "crate::journal::present",
        skip_serializing_if = "Option::is_none"
    )]
    pub by: Option<Json>,
    /// Arguments of its probe.
    #[serde(
        default,
        deserialize_with = "crate::journal::present",
        skip_serializing_if = "Option::is_none"
    )]
    pub probe: Option<Json>,
    /// When its first attempt left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_sent: Option<Time>,
    /// Number of the attempt that was sent last.
    pub attempt: u32,
}
