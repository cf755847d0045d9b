//! Topics: what comes in from them, and what goes out to them.
//!
//! ```text
//!  Broker ── records ──► decode ──► intake ──► shard ──► batch ──► store
//!  Broker ◄── messages ──── outlet ◄───────────────────── released │
//!                            └── reads again what may not be there ◄┘
//! ```
//!
//! Promises: a partition is read by the owner of one shard, from the position that its batches keep,
//! so one lease fences both. What goes out is read from the journal again until the brokers have it.
//! Must not: see a client library; the port is all that it knows of one.

mod decode;
mod gather;
mod intake;
mod letters;
mod outlet;
mod port;
#[cfg(test)]
mod tests;

pub use port::{
    Asking, Broker, Fault, Health, Message, Partition, Read, Reading, Record, Result, Sent, Start,
    Topic,
};

pub use letters::{Wanted, is_of_topic};

pub(crate) use decode::Decoder;
pub(crate) use intake::Intake;
pub(crate) use outlet::{Begin, Outlet};

use crate::limits;
use sagaflow_core::codegen::Machine;
pub use sagaflow_core::shard::Mirrors;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tokio::sync::{Mutex, Notify};
use tokio::time::Instant;

/// How an engine reaches topics.
#[derive(Clone)]
pub struct Kafka {
    /// The brokers.
    pub broker: Arc<dyn Broker>,
    /// Where a partition begins that was never read.
    pub start: Start,
    /// The topics in which others are told of runs and dead letters.
    pub mirrors: Mirrors,
}

/// The topics of workflows, each with the qualified events that it carries.
#[must_use]
pub fn topics(machines: &[Arc<dyn Machine>]) -> BTreeMap<String, BTreeSet<String>> {
    let mut topics: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (name, event) in machines.iter().flat_map(|machine| &machine.spec().events) {
        if let Some(topic) = &event.topic {
            topics.entry(topic.clone()).or_default().insert(name.clone());
        }
    }
    topics
}

/// What all shards of an engine share of it.
pub(crate) struct Bus {
    pub(crate) broker: Arc<dyn Broker>,
    pub(crate) start: Start,
    pub(crate) mirrors: Mirrors,
    pub(crate) decoder: Decoder,
    /// A person has decided about a partition that is not read any more.
    pub(crate) again: Notify,
    topics: Mutex<BTreeMap<String, (Instant, Result<Topic>)>>,
}

impl Bus {
    pub(crate) fn new(kafka: Kafka, decoder: Decoder) -> Self {
        let Kafka { broker, start, mirrors } = kafka;
        Self { broker, start, mirrors, decoder, again: Notify::new(), topics: Mutex::default() }
    }

    /// What a topic is, as it was said a moment ago: all shards ask for the same ones.
    async fn topic(&self, name: &str) -> Result<Topic> {
        let mut topics = self.topics.lock().await;
        if let Some((at, said)) = topics.get(name) {
            let good = if said.is_ok() { limits::TOPIC_LOOK / 2 } else { limits::TOPIC_MISSED };
            if at.elapsed() < good {
                return said.clone();
            }
        }
        let said = self.broker.topic(name).await;
        topics.insert(name.to_owned(), (Instant::now(), said.clone()));
        said
    }
}
