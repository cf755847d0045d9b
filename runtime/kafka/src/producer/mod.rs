//! Sends messages, each known by a ticket until its report.
//!
//! ```text
//!  send(generation, message) ──► librdkafka (idempotent, acks=all) ──► brokers
//!        ticket                        │ delivery reports
//!  Reports::next ◄── in bulk ──────────┘
//! ```
//!
//! Promises: messages of one key that are sent one after the other arrive in that order for the
//! first time, and each is reported once; a broker that is away only makes reports late, for it is
//! waited for without end. What breaks the library's client ends the generation: all tickets
//! without a report become undecided, and nobody sends in the new one before having heard of that.
//! A topic that refused a message takes no other until the caller says so, for a later message must
//! not overtake an earlier one of its key. Must not: keep a message that the caller could not send
//! again.

mod first;
mod state;
mod thread;

use crate::error::Error;
use crate::health::{Counted, Health};
use crate::settings::Settings;
use state::{Accepted, Shared};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// Bound: messages without a report that was taken. Enough for a second at ten thousand a second,
/// so that latency of the brokers does not bound the rate.
pub const OUTSTANDING_MAX: usize = 10_000;

/// Bound: kilobytes of these messages: what an outage may take of the memory.
pub(crate) const OUTSTANDING_KB_MAX: usize = 64 * 1024;

/// Bound: the size of one message; brokers take about as much unless they are told otherwise.
pub const MESSAGE_BYTES_MAX: usize = 1_000_000;

/// Names a message until its report. Tickets grow in the order of sending.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ticket(u64);

/// Counts the library's clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Generation(u64);

/// What is sent.
#[derive(Clone, Copy, Debug, Default)]
pub struct Message<'a> {
    /// To which topic.
    pub topic: &'a str,
    /// Decides the partition, as Java's clients do; anywhere without one.
    pub key: Option<&'a [u8]>,
    /// None is a tombstone.
    pub value: Option<&'a [u8]>,
    /// In their order.
    pub headers: &'a [(&'a str, Option<&'a [u8]>)],
}

impl Message<'_> {
    fn bytes(&self) -> usize {
        let headers = self.headers.iter();
        let headers: usize =
            headers.map(|(name, value)| name.len() + value.map_or(0, <[u8]>::len)).sum();
        self.key.map_or(0, <[u8]>::len) + self.value.map_or(0, <[u8]>::len) + headers
    }
}

/// The generation has ended: take the reports, send again what is undecided, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the producer was replaced")]
pub struct Stale;

/// What became of messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Report {
    /// All copies that the topic wants have it.
    Delivered {
        /// Which message.
        ticket: Ticket,
        /// Where it is.
        partition: i32,
        /// Its position there.
        offset: i64,
    },
    /// It is not in the topic.
    Failed {
        /// Which message.
        ticket: Ticket,
        /// The topic; closed unless the failure is [`Failure::TooLarge`] or [`Failure::Rejected`].
        topic: Arc<str>,
        /// Why.
        failure: Failure,
    },
    /// The library's client broke and there is a new one. Nothing is left of the old but these: they
    /// may be in their topics or not.
    Restarted {
        /// What sends after this.
        generation: Generation,
        /// Messages to send again, in this order.
        undecided: Vec<Ticket>,
        /// What broke.
        reason: String,
    },
}

/// Why a message is not in its topic.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// It is larger than [`MESSAGE_BYTES_MAX`] or than its topic takes; it never will be taken.
    #[error("the message is too large")]
    TooLarge,
    /// The brokers do not take this message, and never will.
    #[error("the message is rejected: {0}")]
    Rejected(String),
    /// This user may not write to the topic.
    #[error("writing is not allowed: {0}")]
    Unauthorised(String),
    /// There is no such topic.
    #[error("there is no such topic")]
    UnknownTopic,
    /// It may succeed when it is sent again.
    #[error("the message was not taken: {0}")]
    Retry(String),
    /// It was not tried, for an earlier message closed the topic.
    #[error("the topic is closed")]
    Closed,
}

impl Failure {
    /// Whether later messages must wait until the caller has decided about this one.
    pub(crate) fn closes(&self) -> bool {
        !matches!(self, Self::TooLarge | Self::Rejected(_))
    }
}

/// Sends; the thread ends when the last of these is dropped, and gives up what is not delivered.
#[derive(Clone, Debug)]
pub struct Producer {
    shared: Arc<Shared>,
    health: Arc<Counted>,
    /// Dropped by the last handle, which ends the thread.
    _alive: mpsc::Sender<()>,
}

/// Where reports come; room for new messages is made by taking them, so somebody must.
#[derive(Debug)]
pub struct Reports {
    shared: Arc<Shared>,
}

impl Reports {
    /// Waits for reports and takes all there are; none after the producer has ended.
    pub async fn next(&mut self) -> Option<Vec<Report>> {
        self.shared.take().await
    }
}

impl Producer {
    /// Starts the thread; no broker is asked for anything yet.
    ///
    /// # Errors
    /// [`Error::Settings`] where no client can be made of them.
    pub fn start(settings: &Settings) -> Result<(Self, Reports), Error> {
        let health = Arc::new(Counted::default());
        let shared = Arc::new(Shared::default());
        let (alive, ended) = mpsc::channel(1);
        thread::start(settings, Arc::clone(&shared), Arc::clone(&health), ended)?;
        let reports = Reports { shared: Arc::clone(&shared) };
        Ok((Self { shared, health, _alive: alive }, reports))
    }

    /// The generation to send in at first.
    #[must_use]
    pub fn generation(&self) -> Generation {
        self.shared.generation()
    }

    /// Hands a message over, waiting for room only. Messages that one task sends one after the
    /// other stay in that order.
    ///
    /// Crash: what was handed over and not reported may be in its topic or not; the caller sends it
    /// again with the same id.
    ///
    /// # Errors
    /// [`Stale`] where the generation has ended; all else is reported.
    pub async fn send(
        &self,
        generation: Generation,
        message: Message<'_>,
    ) -> Result<Ticket, Stale> {
        let kilobytes = (message.bytes() / 1024 + 1).min(OUTSTANDING_KB_MAX);
        let room = self.shared.room(kilobytes).await;
        loop {
            match self.shared.send(generation, &message, kilobytes)? {
                Accepted::Yes(ticket) => {
                    room.forget();
                    return Ok(ticket);
                }
                // Bound: the library's queue has twice the room of ours, so this is rare.
                Accepted::Full => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        }
    }

    /// Lets a topic take messages again, after what closed it was decided.
    pub fn reopen(&self, topic: &str) {
        self.shared.reopen(topic);
    }

    /// Messages that have no report yet.
    #[must_use]
    pub fn outstanding(&self) -> usize {
        self.shared.outstanding()
    }

    /// Waits until every message has a report; false where that took too long.
    pub async fn flush(&self, at_most: Duration) -> bool {
        tokio::time::timeout(at_most, self.shared.idle()).await.is_ok()
    }

    /// What was ridden out so far.
    #[must_use]
    pub fn health(&self) -> Health {
        self.health.get()
    }
}
