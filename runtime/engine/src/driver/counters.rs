//! Counts of what the driver did, for `/metrics` and for tests.

use sagaflow_core::service::Attempt;
use sagaflow_core::status::Status;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counts since the process began. Each only grows.
#[derive(Debug, Default)]
pub struct Counters {
    /// Batches committed.
    pub commits: AtomicU64,
    /// Records in them.
    pub records: AtomicU64,
    /// Commits that the store did not take, or did not answer.
    pub commit_errors: AtomicU64,
    /// Times a shard's memory was dropped and read again.
    pub recoveries: AtomicU64,
    /// Runs admitted.
    pub started: AtomicU64,
    /// Runs that ended well.
    pub completed: AtomicU64,
    /// Runs that failed and were undone.
    pub failed: AtomicU64,
    /// Runs that were cancelled and undone.
    pub cancelled: AtomicU64,
    /// Attempts that ended well.
    pub attempts_ok: AtomicU64,
    /// Attempts that ended in a declared error.
    pub attempts_failed: AtomicU64,
    /// Attempts that were refused.
    pub attempts_refused: AtomicU64,
    /// Attempts whose effect is unknown.
    pub attempts_unknown: AtomicU64,
    /// Attempts that broke their contract.
    pub attempts_fault: AtomicU64,
}

impl Counters {
    /// Adds one.
    pub(crate) fn bump(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn attempt(&self, attempt: &Attempt) {
        Self::bump(match attempt {
            Attempt::Ok(_) => &self.attempts_ok,
            Attempt::Failed { .. } => &self.attempts_failed,
            Attempt::Refused { .. } => &self.attempts_refused,
            Attempt::Unknown { .. } => &self.attempts_unknown,
            Attempt::Fault { .. } => &self.attempts_fault,
        });
    }

    pub(crate) fn ended(&self, status: Status) {
        match status {
            Status::Completed => Self::bump(&self.completed),
            Status::Failed => Self::bump(&self.failed),
            Status::Cancelled => Self::bump(&self.cancelled),
            _ => {}
        }
    }

    /// Names, help and values, in the order they are shown.
    #[must_use]
    pub fn all(&self) -> Vec<(&'static str, &'static str, u64)> {
        let value = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        vec![
            ("flow_runs_started_total", "Runs admitted", value(&self.started)),
            ("flow_runs_completed_total", "Runs that ended well", value(&self.completed)),
            ("flow_runs_failed_total", "Runs that failed and were undone", value(&self.failed)),
            ("flow_runs_cancelled_total", "Runs that were cancelled", value(&self.cancelled)),
            ("flow_commits_total", "Batches committed", value(&self.commits)),
            ("flow_records_total", "Records committed", value(&self.records)),
            ("flow_commit_errors_total", "Commits not taken", value(&self.commit_errors)),
            ("flow_recoveries_total", "Shards read again", value(&self.recoveries)),
            ("flow_attempts_ok_total", "Attempts that ended well", value(&self.attempts_ok)),
            ("flow_attempts_failed_total", "Declared errors", value(&self.attempts_failed)),
            ("flow_attempts_refused_total", "Attempts refused", value(&self.attempts_refused)),
            ("flow_attempts_unknown_total", "Unknown outcomes", value(&self.attempts_unknown)),
            ("flow_attempts_fault_total", "Broken contracts", value(&self.attempts_fault)),
        ]
    }
}
