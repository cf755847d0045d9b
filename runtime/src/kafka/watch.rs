//! How the brokers are: asked now and then, so that whoever looks need not ask.
//!
//! Promises: that they went away, that they are back, and that events wait are said once each.

use super::outbox::Outbox;
use super::readers::Readers;
use sagaflow_engine::kafka::Partition;
use sagaflow_kafka::{Admin, Error};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Bound: how old an answer about the brokers may be; two requests for each topic of a node.
const LOOK: Duration = Duration::from_secs(5);

/// Events that wait longer are said to.
const LATE: Duration = Duration::from_secs(10);

/// What was seen last.
#[derive(Clone, Default)]
pub(super) struct Seen {
    pub(super) away_since: Option<Instant>,
    pub(super) trouble: Option<String>,
    pub(super) unusable: BTreeMap<String, String>,
    pub(super) lag: BTreeMap<Partition, u64>,
}

/// Keeps what was seen last.
#[derive(Default)]
pub(super) struct Watch(Mutex<Seen>);

impl Watch {
    pub(super) fn seen(&self) -> Seen {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Looks until it is aborted.
    pub(super) async fn run(
        &self,
        (admin, readers): (Admin, Arc<Readers>),
        outbox: Arc<Outbox>,
        topics: BTreeMap<String, BTreeSet<String>>,
    ) {
        let mut late = false;
        loop {
            let before = self.seen();
            let seen = look(&admin, &readers, &topics, &before).await;
            tell(&before, &seen, &topics);
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = seen;
            let (waiting, longest, _) = outbox.known();
            let is_late = longest.is_some_and(|longest| longest > LATE);
            if is_late && !late {
                tracing::error!(waiting, "events wait for the brokers; runs go on");
            } else if late && !is_late {
                tracing::warn!(waiting, "events reach the brokers again");
            }
            late = is_late;
            tokio::time::sleep(LOOK).await;
        }
    }
}

async fn look(
    admin: &Admin,
    readers: &Readers,
    topics: &BTreeMap<String, BTreeSet<String>>,
    before: &Seen,
) -> Seen {
    let mut seen = Seen { lag: before.lag.clone(), ..Seen::default() };
    let mut away = None;
    for topic in topics.keys() {
        match admin.shape(topic).await {
            Ok(_) => {}
            Err(error @ (Error::Transient(_) | Error::Fatal(_))) => {
                // Order: whoever does not answer is not asked for the rest.
                away = Some(error.to_string());
                break;
            }
            Err(error) => {
                seen.unusable.insert(topic.clone(), error.to_string());
            }
        }
    }
    match away {
        Some(trouble) => {
            seen.away_since = before.away_since.or_else(|| Some(Instant::now()));
            seen.trouble = Some(trouble);
            seen.unusable.clone_from(&before.unusable);
        }
        None => {
            if let Ok(lag) = readers.lag().await {
                seen.lag = lag;
            }
        }
    }
    seen
}

fn tell(before: &Seen, seen: &Seen, topics: &BTreeMap<String, BTreeSet<String>>) {
    match (&before.away_since, &seen.away_since) {
        (None, Some(_)) => {
            let trouble = seen.trouble.clone().unwrap_or_default();
            tracing::error!(trouble, "R1043: the brokers do not answer; runs go on, events wait");
        }
        (Some(_), None) => tracing::warn!("the brokers answer again"),
        _ => {}
    }
    for (topic, why) in &seen.unusable {
        if before.unusable.get(topic) != Some(why) {
            let events = topics.get(topic).map(super::topics::list).unwrap_or_default();
            tracing::error!(topic, events, why, "R1042: a topic cannot be used");
        }
    }
}
