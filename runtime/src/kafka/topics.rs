//! The topics of a program: whether they are there, and making those that are not.

use sagaflow_kafka::{Admin, Error, NewTopic, Settings};
use std::collections::{BTreeMap, BTreeSet};

/// Topics by name, each with the events that it carries.
type Topics = BTreeMap<String, BTreeSet<String>>;

/// How a topic is made that is not there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Copied {
    /// How many partitions.
    pub(crate) partitions: i32,
    /// How many copies of each.
    pub(crate) replication: i32,
    /// How long records are kept; the brokers' own time where it is none.
    pub(crate) retention_ms: Option<i64>,
}

/// What was found of a topic, in a line; an error is one for which a person has to do something.
pub(crate) type Found = Result<String, String>;

/// Why the topics could not be looked at.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Trouble {
    /// No client can be made, or it may not ask.
    #[error("{0}")]
    Settings(String),
    /// The brokers do not answer.
    #[error("{0}")]
    Away(String),
}

/// Names of events, for people.
pub(super) fn list(events: &BTreeSet<String>) -> String {
    let events: Vec<_> = events.iter().map(|event| format!("`{event}`")).collect();
    events.join(", ")
}

/// What is wrong with a topic, and what is to be done.
fn wrong(topic: &str, events: &BTreeSet<String>, error: &Error) -> String {
    let events = list(events);
    match error {
        Error::UnknownTopic(_) => format!(
            "R1042: the topic `{topic}` of {events} does not exist, or may not be seen; make it with `topics create`, or let this user describe it"
        ),
        error => format!(
            "R1042: the topic `{topic}` of {events} cannot be used: {error}; let this user describe, read and write it"
        ),
    }
}

/// Looks for the topics of a program before it is served. Every line of the answer is a topic that
/// cannot be used.
pub(crate) async fn check(settings: &Settings, topics: &Topics) -> Result<Vec<String>, Trouble> {
    let admin = admin(settings)?;
    let mut problems = Vec::new();
    for (topic, events) in topics {
        match admin.shape(topic).await {
            Ok(_) => {}
            Err(error @ Error::Settings(_)) => return Err(Trouble::Settings(error.to_string())),
            Err(error @ (Error::Transient(_) | Error::Fatal(_))) => {
                return Err(Trouble::Away(error.to_string()));
            }
            Err(error) => problems.push(wrong(topic, events, &error)),
        }
    }
    Ok(problems)
}

/// What each topic is.
pub(crate) async fn look(settings: &Settings, topics: &Topics) -> Result<Vec<Found>, Trouble> {
    let admin = admin(settings)?;
    let mut found = Vec::new();
    for (topic, events) in topics {
        found.push(match admin.topic(topic).await {
            Ok(it) => {
                let kept = it
                    .retention_ms
                    .map_or_else(|| "for ever".to_owned(), sagaflow_core::value::print_duration);
                let compacted = if it.compacted { ", compacted" } else { "" };
                Ok(format!(
                    "`{topic}` of {}: {} partitions, {} copies, records kept {kept}{compacted}",
                    list(events),
                    it.partitions,
                    it.replication,
                ))
            }
            Err(error @ (Error::Transient(_) | Error::Fatal(_))) => {
                return Err(Trouble::Away(error.to_string()));
            }
            Err(error) => Err(wrong(topic, events, &error)),
        });
    }
    Ok(found)
}

/// Makes the topics that are not there.
///
/// Crash: those that were made are found by the same command again, which goes on with the rest.
pub(crate) async fn create(
    settings: &Settings,
    topics: &Topics,
    how: Copied,
) -> Result<Vec<Found>, Trouble> {
    let admin = admin(settings)?;
    let mut found = Vec::new();
    for (topic, events) in topics {
        let retention = how.retention_ms.map(|ms| ("retention.ms".to_owned(), ms.to_string()));
        let new = NewTopic {
            name: topic.clone(),
            partitions: how.partitions,
            replication: how.replication,
            settings: retention.into_iter().collect(),
        };
        found.push(match admin.create(&new).await {
            Ok(()) => Ok(format!("`{topic}` of {} was made", list(events))),
            Err(Error::Exists(_)) => {
                Ok(format!("`{topic}` of {} is there and stays as it is", list(events)))
            }
            Err(error @ (Error::Transient(_) | Error::Fatal(_))) => {
                return Err(Trouble::Away(error.to_string()));
            }
            Err(error) => Err(format!(
                "R1042: the topic `{topic}` of {} cannot be made: {error}",
                list(events)
            )),
        });
    }
    Ok(found)
}

fn admin(settings: &Settings) -> Result<Admin, Trouble> {
    Admin::start(settings).map_err(|error| Trouble::Settings(error.to_string()))
}
