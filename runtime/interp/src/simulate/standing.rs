//! How a run stands, in the words of tests.

use super::World;
use sagaflow_core::codegen::Json;
use sagaflow_core::id::RunId;
use sagaflow_core::status::{Cause, Status};

/// How a run stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Standing {
    /// Status.
    pub status: Status,
    /// `failure.error`, where it failed.
    pub error: String,
    /// The result, where it has one.
    pub result: Option<Json>,
    /// Every undo was given up or left.
    pub abandoned: bool,
}

impl World<'_> {
    /// How a run stands.
    #[must_use]
    pub fn standing(&self, run: RunId) -> Option<Standing> {
        let state = self.state(run)?;
        let head = state.head();
        Some(Standing {
            status: state.status(),
            error: head.cause.as_ref().map(Cause::error).unwrap_or_default(),
            result: head.result.clone(),
            abandoned: head.abandoned,
        })
    }

    /// Faults and stuck undos that a run has met, with their paths: never what a program means.
    #[must_use]
    pub fn faults(&self, run: RunId) -> Vec<(String, String)> {
        self.records.faults(run)
    }
}
