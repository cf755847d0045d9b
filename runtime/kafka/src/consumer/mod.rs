//! Reads partitions that the caller assigns, each from the offset that it names.
//!
//! ```text
//!  Consumer ── commands ──► thread: one task ──► librdkafka
//!                             └ a task per partition ──► Events (bounded) ──► caller
//! ```
//!
//! Promises: records of one assignment come in the order of their offsets, none twice and none
//! skipped but what is compacted, aborted or a transaction's marker; an offset that is not there
//! stops its partition and never moves it. Must not: choose an offset, join a group, or keep one.

mod ask;
mod check;
mod pump;
mod thread;

use crate::error::Error;
use crate::health::{Counted, Health};
use crate::record::{Partition, Record};
use crate::settings::Settings;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};

/// Bound: batches that wait for the caller, for all partitions together; beside them each partition
/// holds one. A batch has at most 500 records and about a megabyte, so a caller that stands still
/// costs 16 MB and what librdkafka has fetched ahead.
const EVENTS_MAX: usize = 16;

/// Bound: requests that wait for the thread; a caller beyond that waits to ask.
const COMMANDS_MAX: usize = 64;

/// One assignment of a partition; a partition that is assigned again has another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Assignment(u64);

/// Records of one partition, in the order of their offsets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// Under which assignment they were read: one that was released may still be on its way.
    pub assignment: Assignment,
    /// Where they are from.
    pub partition: Partition,
    /// At least one.
    pub records: Vec<Record>,
}

/// What the consumer says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Records.
    Records(Batch),
    /// A partition is no longer read. Its assignment has ended; assign it again to go on.
    Stopped {
        /// What has ended.
        assignment: Assignment,
        /// Which partition.
        partition: Partition,
        /// Why.
        reason: Stopped,
    },
    /// The client is of no use any more: nothing follows, and a new one is needed.
    Fatal(Error),
}

/// Why a partition is no longer read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Stopped {
    /// The next offset is not in the partition: deleted, or never written, or another history.
    #[error("the next offset is not in the partition")]
    OutOfRange,
    /// This user may not read it.
    #[error("reading is not allowed: {0}")]
    Unauthorised(String),
    /// There is no such topic or partition.
    #[error("there is no such topic or partition")]
    UnknownTopic,
    /// Its records cannot be read.
    #[error("the partition cannot be read: {0}")]
    Unreadable(String),
}

/// Which offset is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// That of the first record that is still there.
    First,
    /// The one after the last record that readers may see.
    End,
    /// That of the first record of this instant or later.
    Time {
        /// Milliseconds since 1970.
        timestamp_ms: i64,
    },
}

/// How far an assignment is behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lag {
    /// Which assignment.
    pub assignment: Assignment,
    /// Which partition.
    pub partition: Partition,
    /// The offset after the last record that was handed out.
    pub next: i64,
    /// The offset after the last record that readers may see.
    pub end: i64,
}

impl Lag {
    /// Offsets between the two.
    #[must_use]
    pub fn records(&self) -> u64 {
        u64::try_from(self.end - self.next).unwrap_or(0)
    }
}

/// Asks the consumer's thread; it ends when the last of these is dropped.
#[derive(Clone, Debug)]
pub struct Consumer {
    commands: mpsc::Sender<Command>,
    health: Arc<Counted>,
}

/// Where the consumer's thread puts what it read.
#[derive(Debug)]
pub struct Events(mpsc::Receiver<Event>);

impl Events {
    /// Waits for the next; none after the consumer has ended.
    pub async fn next(&mut self) -> Option<Event> {
        self.0.recv().await
    }
}

type Answer<T> = oneshot::Sender<Result<T, Error>>;

#[derive(Debug)]
enum Command {
    Assign(Partition, i64, Answer<Assignment>),
    Release(Assignment, Answer<()>),
    Pause(Assignment, bool, Answer<()>),
    Offsets(Vec<Partition>, At, Answer<Vec<Option<i64>>>),
    Lag(Answer<Vec<Lag>>),
    Commit(Vec<(Partition, i64)>, Answer<()>),
    Committed(Vec<Partition>, Answer<Vec<Option<i64>>>),
}

impl Consumer {
    /// Starts the thread; no broker is asked for anything yet.
    ///
    /// # Errors
    /// [`Error::Settings`] where no client can be made of them.
    pub fn start(settings: &Settings) -> Result<(Self, Events), Error> {
        let (commands, asked) = mpsc::channel(COMMANDS_MAX);
        let (events, read) = mpsc::channel(EVENTS_MAX);
        let health = Arc::new(Counted::default());
        thread::start(settings, asked, events, Arc::clone(&health))?;
        Ok((Self { commands, health }, Events(read)))
    }

    /// Reads a partition from this offset on. Where it was assigned, that assignment ends first.
    ///
    /// # Errors
    /// [`Error::Rejected`] where the offset or the name cannot be; that a partition is not there is
    /// an event.
    pub async fn assign(&self, partition: Partition, next: i64) -> Result<Assignment, Error> {
        self.ask(|answer| Command::Assign(partition, next, answer)).await
    }

    /// Ends an assignment. Nothing of it is sent after this returns; what already waits among the
    /// events names it. Ending it twice is no error.
    ///
    /// # Errors
    /// [`Error::Fatal`] where the client has ended.
    pub async fn release(&self, assignment: Assignment) -> Result<(), Error> {
        self.ask(|answer| Command::Release(assignment, answer)).await
    }

    /// Stops to fetch. Records that are on their way still come.
    ///
    /// # Errors
    /// [`Error::Fatal`] where the client has ended.
    pub async fn pause(&self, assignment: Assignment) -> Result<(), Error> {
        self.ask(|answer| Command::Pause(assignment, true, answer)).await
    }

    /// Fetches again after [`Consumer::pause`].
    ///
    /// # Errors
    /// As [`Consumer::pause`].
    pub async fn resume(&self, assignment: Assignment) -> Result<(), Error> {
        self.ask(|answer| Command::Pause(assignment, false, answer)).await
    }

    /// Asks the brokers for offsets, in the order of the partitions; none where no record is of
    /// that time or later.
    ///
    /// # Errors
    /// Where one of them cannot be known.
    pub async fn offsets(
        &self,
        partitions: Vec<Partition>,
        at: At,
    ) -> Result<Vec<Option<i64>>, Error> {
        self.ask(|answer| Command::Offsets(partitions, at, answer)).await
    }

    /// How far all assignments are behind, asked of the brokers.
    ///
    /// # Errors
    /// Where one of them cannot be known.
    pub async fn lag(&self) -> Result<Vec<Lag>, Error> {
        self.ask(Command::Lag).await
    }

    /// Tells the group's dashboards a position; nothing reads it back.
    ///
    /// # Errors
    /// Where the brokers did not take it.
    pub async fn commit(&self, next: Vec<(Partition, i64)>) -> Result<(), Error> {
        self.ask(|answer| Command::Commit(next, answer)).await
    }

    /// What the group was told last, by [`Consumer::commit`] of anybody, in the order of the
    /// partitions.
    ///
    /// # Errors
    /// Where the brokers do not say.
    pub async fn committed(&self, partitions: Vec<Partition>) -> Result<Vec<Option<i64>>, Error> {
        self.ask(|answer| Command::Committed(partitions, answer)).await
    }

    /// What was ridden out so far.
    #[must_use]
    pub fn health(&self) -> Health {
        self.health.get()
    }

    async fn ask<T>(&self, command: impl FnOnce(Answer<T>) -> Command) -> Result<T, Error> {
        let (answer, answered) = oneshot::channel();
        self.commands.send(command(answer)).await.map_err(|_| Error::ended())?;
        answered.await.map_err(|_| Error::ended())?
    }
}
