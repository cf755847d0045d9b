//! What a client rode out, counted, so that somebody can see it.

use crate::error::{Kind, kind};
use rdkafka::error::RDKafkaErrorCode as Code;
use std::sync::Mutex;

/// Counts since the client began.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// Errors that the client tries again after: connections lost, brokers away.
    pub transient: u64,
    /// Logins and requests that brokers refused; the client goes on trying.
    pub refused: u64,
    /// Times that a broken client was replaced by a new one.
    pub restarts: u64,
    /// The last of these errors that says why.
    pub last: Option<String>,
}

/// Where a client's threads count.
#[derive(Debug, Default)]
pub(crate) struct Counted(Mutex<Health>);

impl Counted {
    pub fn get(&self) -> Health {
        self.locked().clone()
    }

    /// Counts an error that concerns the whole client.
    pub fn error(&self, code: Code, reason: &str) {
        let mut health = self.locked();
        if kind(code) == Kind::Unauthorised {
            health.refused += 1
        } else {
            health.transient += 1
        }
        tracing::warn!(%code, reason, "kafka");
        // That nobody is left follows the reason why, and says none.
        if code != Code::AllBrokersDown || health.last.is_none() {
            health.last = Some(format!("{code}: {reason}"));
        }
    }

    pub fn restarted(&self, reason: &str) {
        let mut health = self.locked();
        health.restarts += 1;
        tracing::error!(reason, "kafka producer replaced");
        health.last = Some(reason.to_owned());
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, Health> {
        // Counts stay true whatever a thread died of.
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
