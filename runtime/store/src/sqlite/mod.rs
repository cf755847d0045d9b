//! One file, one process, one writer.
//!
//! ```text
//!  commit ─┐                    ┌─ fence ─ insert ─ COMMIT (fdatasync) ─► acknowledge all
//!  commit ─┼─► queue ─► writer ─┤
//!  acquire ┘   (bounded) thread └─ what arrives meanwhile is the next group
//!
//!  run, runs, history, items … ─► pool of read-only connections, never behind the writer
//! ```
//!
//! The process that opens the file locks a file beside it for as long as it lives, so a lease needs
//! no time to live: the operating system ends it with the process, and a restart takes over at
//! once.
//!
//! Beside the file `x.db` lies its log `x.db-wal`. While the store is at work, and after a crash, the
//! last commits are in the log only: the two belong together, and an opening looks for the log beside
//! the file, under its real name. Opening, giving a lease back and closing copy the log into the file
//! and empty it, so that after a clean end the file alone is the whole store.

mod commit;
mod expire;
mod failure;
mod file;
mod log;
mod node;
mod table;
mod writer;

#[cfg(test)]
mod tests;

use crate::desk::Desk;
use crate::held::Held;
use node::Nodes;
use sagaflow_core::id::{RunId, ShardId};
use sagaflow_core::port::{
    Batch, Declared, Error, EventName, EventRow, Interest, ItemRow, JournalRow, KeyName, KeyRow,
    Lease, MessageRow, NodeRow, OwnerRow, Result, RunFilter, RunRow, Source, Store, Tail,
};
use sagaflow_core::time::Time;
use sqlx::SqlitePool;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use table::{event, inbox, interest, item, journal, key, run, shard, wait};
use uuid::Uuid;
use writer::{Command, Reply, Writer};

/// How to open a store.
#[derive(Clone, Debug)]
pub struct Options {
    /// The file; its folder may be missing, that folder's parent may not.
    pub path: PathBuf,
    /// Shards of a new store; an existing one keeps its number.
    pub shards: u32,
    /// Connections for reading.
    pub readers: u32,
    /// Pages of 4 KB after which the store says that it is full; none: until the disk is.
    pub pages_max: Option<u32>,
}

impl Options {
    /// A store at `path`, made with one shard if it is new.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), shards: 1, readers: 4, pages_max: None }
    }
}

/// A store in one SQLite file. Clones share it; the last one to go closes it.
#[derive(Clone)]
pub struct Sqlite {
    writer: Arc<Writer>,
    desk: Desk,
    readers: SqlitePool,
    nodes: Arc<Nodes>,
    shards: u32,
}

impl Sqlite {
    /// Opens the file, makes or migrates it, and locks it for this process.
    ///
    /// # Errors [`Error::Held`] where another process has it; [`Error::Refused`] where the file is
    /// not ours, is newer than this program, or cannot be made there: nothing was touched then.
    pub async fn open(options: Options) -> Result<Self> {
        let ((file, readers), writer) = Writer::start(options).await?;
        let nodes = Arc::new(Nodes::new());
        let asked = readers.clone();
        let desk = Desk::start(move |names| {
            let asked = asked.clone();
            async move { key::read_many(&asked, &names).await }
        });
        Ok(Self { writer: Arc::new(writer), desk, readers, nodes, shards: file.shards })
    }

    /// Counts the commits that held batches, each of one shard or of several.
    #[must_use]
    pub fn commits(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.writer.commits)
    }

    async fn ask<T>(&self, command: impl FnOnce(Reply<T>) -> Command) -> Result<T> {
        let (reply, answer) = tokio::sync::oneshot::channel();
        let stopped = || Error::Unavailable("its writer has stopped".to_owned());
        self.writer.send(command(reply)).await.map_err(|_| stopped())?;
        answer.await.unwrap_or_else(|_| Err(stopped()))
    }

    async fn fence(&self, lease: Lease) -> Result<Held> {
        let row = shard::read(&self.readers, lease.shard).await?;
        match row.mismatch(lease) {
            None => Ok(row),
            Some(cause) => Err(Error::Fenced { shard: lease.shard.0, cause }),
        }
    }
}

impl Store for Sqlite {
    fn shards(&self) -> u32 {
        self.shards
    }

    async fn acquire(&self, shard: ShardId) -> Result<Lease> {
        let lease = self.ask(|reply| Command::Acquire { shard, reply }).await?;
        self.nodes.acquired(lease);
        Ok(lease)
    }

    async fn tail(&self, lease: Lease) -> Result<Tail> {
        let before = self.fence(lease).await?;
        let rows = journal::after(&self.readers, lease.shard, before.checkpoint).await?;
        let runs = run::open(&self.readers, lease.shard).await?;
        let events = event::kept(&self.readers, lease.shard).await?;
        let waits = wait::told(&self.readers, lease.shard).await?;
        // Order: only the holder of the lease writes the shard, so an unchanged fence row after the
        // reads proves that all of them saw one state.
        let after = self.fence(lease).await?;
        if after != before {
            let cause = "it was written while its tail was read".to_owned();
            return Err(Error::Fenced { shard: lease.shard.0, cause });
        }
        let Held { last, bucket, checkpoint, emitted, .. } = after;
        Ok(Tail { checkpoint, last, bucket, emitted, rows, runs, events, waits })
    }

    async fn commit(&self, lease: Lease, batch: impl Into<Arc<Batch>> + Send) -> Result<()> {
        let batch = batch.into();
        let (reply, answer) = tokio::sync::oneshot::channel();
        let command = Command::Commit { lease, batch, reply };
        let queued = self.writer.send(command).await;
        queued.map_err(|_| Error::Unavailable("its writer has stopped".to_owned()))?;
        // Crash: a writer that died with the batch in its hands may have committed it.
        let lost = || Err(Error::Unknown("the writer stopped at the commit".to_owned()));
        answer.await.unwrap_or_else(|_| lost())
    }

    async fn inbox(
        &self,
        shard: ShardId,
        after: Option<Source>,
        limit: u32,
    ) -> Result<Vec<MessageRow>> {
        inbox::read(&self.readers, shard, after, limit).await
    }

    async fn waits(&self, names: &[EventName]) -> Result<Vec<Vec<ShardId>>> {
        wait::waits(&self.readers, names).await
    }

    async fn events(
        &self,
        home: ShardId,
        name: &EventName,
        since: Time,
        after: u64,
        limit: u32,
    ) -> Result<Vec<EventRow>> {
        event::named(&self.readers, home, name, (since, after, limit)).await
    }

    async fn interest(&self, add: &Interest) -> Result<Declared> {
        if *add != Interest::default() {
            let add = add.clone();
            self.ask(|reply| Command::Interest { add, reply }).await?;
        }
        Ok(Declared { all: interest::all(&self.readers).await?, age: None })
    }

    async fn mail(&self, shards: &[ShardId]) -> Result<Vec<ShardId>> {
        inbox::mail(&self.readers, shards).await
    }

    fn ttl(&self) -> Option<Duration> {
        None
    }

    async fn renew(&self, leases: &[Lease]) -> Result<Vec<ShardId>> {
        let mut lost = Vec::new();
        for lease in leases {
            match self.fence(*lease).await {
                Ok(_) => {}
                Err(Error::Fenced { .. } | Error::Refused(_)) => lost.push(lease.shard),
                Err(error) => return Err(error),
            }
        }
        Ok(lost)
    }

    async fn owners(&self) -> Result<Vec<OwnerRow>> {
        let rows = shard::owners(&self.readers).await?;
        Ok(rows
            .into_iter()
            .map(|(shard, epoch, owner)| self.nodes.row(shard, epoch, owner))
            .collect())
    }

    async fn announce(&self, node: &NodeRow) -> Result<Vec<NodeRow>> {
        Ok(self.nodes.announce(node))
    }

    async fn withdraw(&self, node: Uuid) -> Result<()> {
        self.nodes.withdraw(node);
        Ok(())
    }

    async fn release(&self, lease: Lease) -> Result<()> {
        self.ask(|reply| Command::Release { lease, reply }).await
    }

    async fn now(&self) -> Result<Time> {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        let since = since.map_err(|_| Error::Unavailable("the clock is before 1970".to_owned()))?;
        Ok(Time(i64::try_from(since.as_millis()).unwrap_or(i64::MAX)))
    }

    async fn key(&self, namespace: &str, workflow: &str, key: &str) -> Result<Option<KeyRow>> {
        key::read(&self.readers, namespace, workflow, key).await
    }

    async fn keys(&self, names: &[KeyName]) -> Result<Vec<Option<KeyRow>>> {
        self.desk.keys(names).await
    }

    async fn run(&self, run: RunId) -> Result<Option<RunRow>> {
        run::read(&self.readers, run).await
    }

    async fn runs(&self, filter: &RunFilter) -> Result<Vec<RunRow>> {
        run::list(&self.readers, filter).await
    }

    async fn history(&self, run: RunId, after: u64, limit: u32) -> Result<Vec<JournalRow>> {
        journal::history(&self.readers, run, after, limit).await
    }

    async fn journal(
        &self,
        shard: ShardId,
        after: u64,
        upto: u64,
        limit: u32,
    ) -> Result<Vec<JournalRow>> {
        journal::between(&self.readers, shard, (after, upto), limit).await
    }

    async fn items(
        &self,
        namespace: &str,
        kind: &str,
        all: bool,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<ItemRow>> {
        item::list(&self.readers, (namespace, kind), all, after, limit).await
    }

    async fn item(&self, id: &str) -> Result<Option<ItemRow>> {
        item::read(&self.readers, id).await
    }

    async fn expire(&self, before: Time, limit: u32) -> Result<u64> {
        self.ask(|reply| Command::Expire { before, limit, reply }).await
    }
}
