//! The status of a run: one list of words, the same everywhere, and how a run came to its end.

use crate::codegen::{Failure, FailureKind};

/// Status of a run (semantics, "Status").
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Something is being called, or is about to be.
    Running,
    /// Nothing is in flight: it waits for a person, an event or a time.
    Waiting,
    /// A fault, a manual question or a missing version: a person must act.
    Parked,
    /// Unwinding.
    Undoing,
    /// The outcome is decided; due undos or `after failure` still run.
    Closing,
    /// A child that completed and may still be undone.
    Held,
    /// Ended well.
    Completed,
    /// Ended, and undone.
    Failed,
    /// Ended, and undone, because somebody wanted it.
    Cancelled,
}

impl Status {
    /// The word in rows, in the API and in metrics.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Parked => "parked",
            Self::Undoing => "undoing",
            Self::Closing => "closing",
            Self::Held => "held",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether nothing can happen to the run any more.
    #[must_use]
    pub fn ended(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled)
    }
}

/// Why a run unwinds or unwound.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// The program failed.
    Failed(Failure),
    /// Somebody cancelled it.
    Cancelled {
        /// Who.
        actor: String,
        /// Why.
        reason: String,
    },
    /// The workflow's deadline passed before the commit.
    Deadline,
}

impl Cause {
    /// The status it leads to.
    #[must_use]
    pub fn status(&self) -> Status {
        match self {
            Self::Failed(_) | Self::Deadline => Status::Failed,
            Self::Cancelled { .. } => Status::Cancelled,
        }
    }

    /// `failure.error`: the declared error's name, or the word of the built-in cause.
    #[must_use]
    pub fn error(&self) -> String {
        match self {
            Self::Failed(failure) => failure_word(failure).to_owned(),
            Self::Cancelled { .. } => "cancelled".to_owned(),
            Self::Deadline => "deadline".to_owned(),
        }
    }

    /// `failure.step`: the path it came from, empty where no step is to blame.
    #[must_use]
    pub fn step(&self) -> &str {
        match self {
            Self::Failed(failure) => &failure.step,
            Self::Cancelled { .. } | Self::Deadline => "",
        }
    }
}

/// The name of a declared error, or the word of a built-in cause.
#[must_use]
pub fn failure_word(failure: &Failure) -> &str {
    match failure.kind {
        FailureKind::Declared => &failure.name,
        FailureKind::Refused => "refused",
        FailureKind::Timeout => "timeout",
        FailureKind::Unknown => "unknown",
        FailureKind::Exhausted => "exhausted",
        FailureKind::Lost => "lost",
    }
}
