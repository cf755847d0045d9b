//! The lines of a run's history: what happened, for people.
//!
//! Must not hold a value that is personal or secret: arguments and results are masked by their types
//! before they get here.

use crate::codegen::Json;
use crate::service::Purpose;
use crate::time::Time;
use serde::{Deserialize, Serialize};

/// One line of a run's history. `path` is the durable point's, with indexes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are the documentation; the reference lists them")]
pub enum Happened {
    Started {
        workflow: String,
        version: u32,
        key: Option<String>,
    },
    /// It waits for its turn: so many are in flight at most, or start in so many ms.
    Queued {
        limit: u32,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        window_ms: Option<i64>,
        key: String,
    },
    Dequeued,
    Sent {
        path: String,
        action: String,
        purpose: Purpose,
        key: String,
        attempt: u32,
        generation: u32,
        /// Masked by its types.
        args: Json,
    },
    Done {
        path: String,
        action: String,
        purpose: Purpose,
        attempt: u32,
        /** Masked. */
        result: Json,
    },
    Failed {
        path: String,
        action: String,
        purpose: Purpose,
        attempt: u32,
        error: String,
        reason: String,
        /// Of a declared error, by field; masked by its types.
        #[serde(default, skip_serializing_if = "Json::is_null")]
        payload: Json,
    },
    Retrying {
        path: String,
        attempt: u32,
        at: Time,
        reason: String,
    },
    HeldBack {
        path: String,
        until: Time,
        reason: String,
    },
    Accepted {
        path: String,
        until: Time,
    },
    Waiting {
        path: String,
        until: Option<Time>,
    },
    Woken {
        path: String,
        arm: usize,
        by: String,
    },
    TimedOut {
        path: String,
    },
    Forked {
        path: String,
        branches: u32,
    },
    Joined {
        path: String,
    },
    BranchFailed {
        path: String,
        index: u32,
        error: String,
    },
    Entered {
        path: String,
    },
    Left {
        path: String,
    },
    Unwinding {
        path: String,
        error: String,
    },
    Again {
        path: String,
        attempt: u32,
        at: Time,
    },
    Interrupted {
        path: String,
        event: String,
        id: String,
    },
    Stopping {
        path: String,
    },
    Undoing {
        path: String,
        due: bool,
    },
    Undone {
        path: String,
    },
    NotNeeded {
        path: String,
    },
    Stuck {
        path: String,
        reason: String,
    },
    GaveUp {
        path: String,
        actor: String,
        reason: String,
    },
    Asked {
        path: String,
        question: String,
        item: String,
    },
    Claimed {
        item: String,
        actor: String,
    },
    Released {
        item: String,
        actor: String,
    },
    Answered {
        path: String,
        item: String,
        actor: String,
    },
    /// Free text of a person, as it was typed.
    Commented {
        item: String,
        actor: String,
        text: String,
    },
    Reviewed {
        item: String,
        actor: String,
        reason: String,
    },
    Withdrawn {
        item: String,
    },
    Resolved {
        path: String,
        actor: String,
        reason: String,
    },
    Faulted {
        path: String,
        message: String,
    },
    Retried {
        path: String,
        actor: String,
    },
    Committed {
        path: String,
    },
    Emitted {
        event: String,
        id: String,
    },
    Replied,
    Review {
        text: String,
        item: String,
    },
    /// Records of its batch were set aside.
    Rejected {
        records: u32,
        reason: String,
    },
    Progress {
        text: String,
        percent: Option<String>,
    },
    Pending {
        cause: String,
    },
    TooLate {
        input: String,
    },
    Overdue,
    UndoLate {
        path: String,
    },
    Paused {
        actor: String,
        reason: String,
    },
    Resumed {
        actor: String,
    },
    /// It goes on with another version.
    Upgraded {
        from: u32,
        to: u32,
        actor: String,
        reason: String,
    },
    Recovered {
        count: u32,
    },
    Poisoned {
        path: String,
    },
    Decided {
        status: String,
        error: String,
    },
    Aftermath,
    Terminated {
        actor: String,
        reason: String,
    },
    Ended {
        status: String,
    },
}
