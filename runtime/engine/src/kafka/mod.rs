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
mod intake;
mod outlet;
mod port;
#[cfg(test)]
mod tests;

pub use port::{
    Asking, Broker, Fault, Message, Partition, Read, Reading, Record, Result, Sent, Start, Topic,
};

pub(crate) use decode::Decoder;
pub(crate) use intake::Intake;
pub(crate) use outlet::{Begin, Outlet};

use crate::limits;
use sagaflow_core::codegen::Machine;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// How an engine reaches topics.
#[derive(Clone)]
pub struct Kafka {
    /// The brokers.
    pub broker: Arc<dyn Broker>,
    /// Where a partition begins that was never read.
    pub start: Start,
}

/// Topics that workflows read, and those that they write to.
#[must_use]
pub fn topics(machines: &[Arc<dyn Machine>]) -> (BTreeSet<String>, BTreeSet<String>) {
    let events = || machines.iter().flat_map(|machine| machine.spec().events.values());
    let of = |awaited: bool| {
        let some = events().filter(|event| !awaited || event.awaited);
        some.filter_map(|event| event.topic.clone()).collect()
    };
    (of(true), of(false))
}

/// What all shards of an engine share of it.
pub(crate) struct Bus {
    pub(crate) broker: Arc<dyn Broker>,
    pub(crate) start: Start,
    pub(crate) decoder: Decoder,
    topics: Mutex<BTreeMap<String, (Instant, Topic)>>,
}

impl Bus {
    pub(crate) fn new(kafka: Kafka, decoder: Decoder) -> Self {
        let Kafka { broker, start } = kafka;
        Self { broker, start, decoder, topics: Mutex::default() }
    }

    /// What a topic is, as it was said a moment ago: all shards ask for the same ones.
    async fn topic(&self, name: &str) -> Result<Topic> {
        let mut topics = self.topics.lock().await;
        if let Some((at, topic)) = topics.get(name)
            && at.elapsed() < limits::TOPIC_LOOK / 2
        {
            return Ok(topic.clone());
        }
        let topic = self.broker.topic(name).await?;
        topics.insert(name.to_owned(), (Instant::now(), topic.clone()));
        Ok(topic)
    }
}
