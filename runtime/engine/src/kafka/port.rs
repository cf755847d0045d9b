//! What the engine asks of a client of brokers, in plain types.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;

/// A boxed answer of the brokers.
pub type Asking<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Something did not succeed; it may when it is tried again, after somebody has looked at it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Fault(pub String);

/// Answer of the brokers.
pub type Result<T> = std::result::Result<T, Fault>;

/// A partition of a topic.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Partition {
    /// The topic's name.
    pub topic: Arc<str>,
    /// Its number in the topic.
    pub number: u32,
}

impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}[{}]", self.topic, self.number)
    }
}

/// A topic as the brokers have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topic {
    /// What tells it from others of its name.
    pub id: String,
    /// How many partitions it has.
    pub partitions: u32,
}

/// Where a partition begins that was never read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Start {
    /// With the first record that is still there.
    #[default]
    Earliest,
    /// Behind the last one.
    Latest,
}

/// A record as it was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// Its place in the partition.
    pub offset: u64,
    /// Its key.
    pub key: Option<Vec<u8>>,
    /// Its value; none is a tombstone.
    pub value: Option<Vec<u8>>,
    /// Its headers in their order.
    pub headers: Vec<(String, Option<Vec<u8>>)>,
}

/// What is read from a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Read {
    /// At least one record, in order of their offsets, none twice.
    Records(Vec<Record>),
    /// Nothing more comes, and a person has to look at it.
    Stopped(String),
    /// Nothing more comes; reading may begin anew.
    Lost,
}

/// Reads one partition; dropping it ends that.
pub trait Reading: Send {
    /// Waits for what comes next. Bound: what is not asked for is read ahead only by some batches.
    fn next(&mut self) -> Asking<'_, Read>;
}

/// A message for a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The topic's name.
    pub topic: String,
    /// Decides the partition.
    pub key: String,
    /// The payload.
    pub value: Vec<u8>,
    /// Headers.
    pub headers: Vec<(&'static str, String)>,
}

/// What became of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sent {
    /// The topic has it, on all copies that it wants.
    Done,
    /// The brokers will never take it.
    Never(String),
}

/// How the brokers are, as far as is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// For how long they have not answered; none where they do.
    pub away: Option<Duration>,
    /// What they said last, where something is wrong.
    pub trouble: Option<String>,
    /// Topics of hosted workflows that cannot be used, each with the reason.
    pub unusable: BTreeMap<String, String>,
    /// Events that were handed over and are not acknowledged.
    pub unacknowledged: u64,
    /// How long the first of these has waited.
    pub waiting: Option<Duration>,
    /// Records that are in a partition and were not read, of those that are read here.
    pub lag: BTreeMap<Partition, u64>,
}

/// The brokers.
pub trait Broker: Send + Sync + 'static {
    /// What a topic is.
    fn topic<'a>(&'a self, name: &'a str) -> Asking<'a, Result<Topic>>;

    /// The offset at which a partition begins.
    fn first<'a>(&'a self, partition: &'a Partition, start: Start) -> Asking<'a, Result<u64>>;

    /// Reads a partition from this offset on; only what was not rolled back. It is read for the batches
    /// of a workflow, or, where none is named, for single events: each of these reads it by itself,
    /// from an offset of its own.
    fn read<'a>(
        &'a self,
        partition: &'a Partition,
        from: u64,
        workflow: Option<&'a str>,
    ) -> Asking<'a, Result<Box<dyn Reading>>>;

    /// Hands a message over, waiting for room only. What one task sends one after the other arrives in
    /// that order for the first time, and is not given up while brokers are away. An answer that never
    /// comes means that the process stops.
    fn send(&self, message: Message) -> Asking<'_, oneshot::Receiver<Sent>>;

    /// Everything before this offset was taken in by a reader, as in [`Broker::read`]: for dashboards of
    /// others, nothing reads it back.
    fn taken(&self, _partition: &Partition, _next: u64, _workflow: Option<&str>) {}

    /// How they are. Asks nobody.
    fn health(&self) -> Health {
        Health::default()
    }
}
