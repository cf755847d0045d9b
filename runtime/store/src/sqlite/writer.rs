//! The one thread that writes, and the connection that it writes by.
//!
//! It takes everything that is queued, commits it in one transaction, answers, and takes what has
//! arrived meanwhile. There is no timer: idle means flush at once, load makes groups wide by
//! itself. Callers may go away at any point; what they sent is written or refused all the same.

use super::commit::{self, Waiting};
use super::expire;
use super::failure::{self, Failure};
use super::file::{self, Lock, StoreFile};
use super::log::Log;
use super::table::{interest, shard};
use super::{Options, Result};
use crate::weight::size;
use rusqlite::Connection;
use sagaflow_core::id::ShardId;
use sagaflow_core::port::{Batch, Error, Interest, Lease};
use sagaflow_core::time::Time;
use sqlx::SqlitePool;
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

/// Bound: commands in the queue. Each shard has one batch in flight, so this is far above what
/// waits in a healthy process; beyond it callers wait.
const QUEUE_MAX: usize = 1_024;

/// Bound: records in one transaction, and bytes of their bodies: what a reader of the log waits
/// for.
const GROUP_ROWS_MAX: usize = 2_048;
const GROUP_BYTES_MAX: usize = 1 << 20;

/// Bound: how long the end waits for readers to be gone. One that a caller has just used goes back by
/// a task of that caller's runtime, which may be the very one that waits here.
const READERS_CLOSE: Duration = Duration::from_millis(250);

/// What opening gives: the file, and the connections that read it.
pub(super) type Opened = (Arc<StoreFile>, SqlitePool);

/// Where an answer goes. Dropped unanswered only if the writer dies.
pub(super) type Reply<T> = oneshot::Sender<Result<T>>;

/// What the writer is asked.
pub(super) enum Command {
    Acquire { shard: ShardId, reply: Reply<Lease> },
    Release { lease: Lease, reply: Reply<()> },
    Commit { lease: Lease, batch: Arc<Batch>, reply: Reply<()> },
    Expire { before: Time, limit: u32, reply: Reply<u64> },
    Interest { add: Interest, reply: Reply<()> },
}

/// The thread's handle: dropping it lets the thread finish the queue, copy the log into the file,
/// close it and free its lock.
pub(super) struct Writer {
    /// Dropped first, which ends the thread's loop.
    queue: Option<mpsc::Sender<Command>>,
    thread: Option<JoinHandle<()>>,
    /// Transactions that held batches.
    pub commits: Arc<AtomicU64>,
}

impl Writer {
    /// Opens the file in a thread of its own.
    pub async fn start(options: Options) -> Result<(Opened, Self)> {
        let (opened, opening) = oneshot::channel();
        let (queue, commands) = mpsc::channel(QUEUE_MAX);
        let thread = std::thread::Builder::new().name("flow-writer".to_owned());
        let commits = Arc::<AtomicU64>::default();
        let counted = Arc::clone(&commits);
        let thread = thread.spawn(move || run(&options, opened, commands, counted));
        let stopped =
            |cause: &dyn std::fmt::Display| Error::Unavailable(format!("its writer: {cause}"));
        let thread = thread.map_err(|error| stopped(&error))?;
        let writer = Self { queue: Some(queue), thread: Some(thread), commits };
        let opened = opening.await.unwrap_or_else(|_| Err(stopped(&"it stopped")))?;
        Ok((opened, writer))
    }

    /// Queues a command; gives it back where the writer has stopped.
    pub async fn send(&self, command: Command) -> std::result::Result<(), Command> {
        match &self.queue {
            Some(queue) => queue.send(command).await.map_err(|unsent| unsent.0),
            None => Err(command),
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        drop(self.queue.take());
        // Order: the lock is free before this returns, so that the file can be opened again at
        // once.
        if let Some(Err(_)) = self.thread.take().map(JoinHandle::join) {
            tracing::error!("the writer of the store had panicked");
        }
    }
}

fn run(
    options: &Options,
    opened: oneshot::Sender<Result<Opened>>,
    commands: mpsc::Receiver<Command>,
    commits: Arc<AtomicU64>,
) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            let _ = opened.send(Err(Error::Unavailable(format!("its writer: {error}"))));
            return;
        }
    };
    let made = runtime.block_on(async {
        let (file, lock, conn) = StoreFile::open(options).await?;
        Ok((file.readers(), Arc::new(file), lock, conn))
    });
    match made {
        Err(error) => _ = opened.send(Err(error)),
        Ok((readers, file, lock, conn)) => {
            if opened.send(Ok((Arc::clone(&file), readers.clone()))).is_err() {
                return;
            }
            let log = Log::default();
            let mut writer = Loop { file, conn: Some(conn), log, commits, _lock: lock };
            writer.serve(commands);
            // Order: readers first, so that none of them keeps the log from being copied into the file,
            // and the connection that writes is the last one to go. Too slow is only less tidy: an idle
            // reader keeps nothing but the names of the log's files.
            let closed = async { tokio::time::timeout(READERS_CLOSE, readers.close()).await };
            let _ = runtime.block_on(closed);
            writer.close();
        }
    }
}

/// The thread's own things. Order: the lock is the last field, so it is freed after the connection.
struct Loop {
    file: Arc<StoreFile>,
    /// None after it was lost, until the next command opens it again.
    conn: Option<Connection>,
    log: Log,
    commits: Arc<AtomicU64>,
    _lock: Lock,
}

impl Loop {
    fn serve(&mut self, mut commands: mpsc::Receiver<Command>) {
        let mut queue = VecDeque::new();
        while let Some(first) = commands.blocking_recv() {
            queue.push_back(first);
            while queue.len() < QUEUE_MAX {
                let Ok(next) = commands.try_recv() else { break };
                queue.push_back(next);
            }
            while let Some(command) = queue.pop_front() {
                self.perform(command, &mut queue);
                if let Some(conn) = &self.conn {
                    self.log.copy(conn);
                }
            }
        }
    }

    /// Crash: the log stays beside the file, and the next opening finds it there.
    fn close(&mut self) {
        let Some(conn) = self.conn.take() else { return };
        file::fold(&conn);
        if let Err((_, error)) = conn.close() {
            tracing::warn!(%error, "the store was not closed cleanly");
        }
    }

    fn perform(&mut self, command: Command, queue: &mut VecDeque<Command>) {
        // Answers to callers that have gone away are dropped: what was done stays done.
        match command {
            Command::Commit { lease, batch, reply } => {
                let group = gather(Waiting { lease, batch, reply }, queue);
                self.commit(group);
            }
            Command::Acquire { shard, reply } => {
                let lease = self.acquire(shard);
                let _ = reply.send(lease);
            }
            Command::Release { lease, reply } => {
                let released = self.release(lease);
                let _ = reply.send(released);
            }
            Command::Expire { before, limit, reply } => {
                let expired = self.expire(before, limit);
                let _ = reply.send(expired);
            }
            Command::Interest { add, reply } => {
                let added = self.interest(&add);
                let _ = reply.send(added);
            }
        }
    }

    fn commit(&mut self, group: Vec<Waiting>) {
        self.commits.fetch_add(1, Ordering::Relaxed);
        match self.conn() {
            Ok(conn) => {
                if let Err(lost) = commit::group(conn, group) {
                    tracing::error!(error = %lost, "the store's connection is opened again");
                    self.conn = None;
                }
            }
            Err(error) => group.into_iter().for_each(|waiting| waiting.answer(Err(error.clone()))),
        }
    }

    /// Crash: the grown epoch is on the disk or it is not; nobody has been told of it, and the next
    /// acquisition grows it again.
    fn acquire(&mut self, shard: ShardId) -> Result<Lease> {
        let owner = Uuid::now_v7();
        let epoch = shard::acquire(self.conn()?, shard, owner).map_err(failure::error)?;
        let epoch =
            epoch.ok_or_else(|| Error::Refused(format!("there is no shard `{}`", shard.0)))?;
        Ok(Lease { shard, epoch: super::table::uint(epoch)?, owner })
    }

    /// Whoever gives a lease back may copy the file next, and may not know of its log.
    ///
    /// Crash: the lease stays where it was, and ends with the process.
    fn release(&mut self, lease: Lease) -> Result<()> {
        let conn = self.conn()?;
        shard::release(conn, lease).map_err(failure::error)?;
        file::fold(conn);
        Ok(())
    }

    fn expire(&mut self, before: Time, limit: u32) -> Result<u64> {
        let conn = self.conn()?;
        match expire::expire(conn, before, limit) {
            Ok(count) => Ok(count),
            Err(failure) => {
                if commit::rollback(conn).is_err() {
                    self.conn = None;
                }
                Err(match failure {
                    Failure::Constraint(cause) => Error::Corrupt(cause),
                    Failure::Other(error) => error,
                })
            }
        }
    }

    fn interest(&mut self, add: &Interest) -> Result<()> {
        interest::add(self.conn()?, add).map_err(failure::error)
    }

    fn conn(&mut self) -> Result<&Connection> {
        match &mut self.conn {
            Some(conn) => Ok(conn),
            none => {
                let again = |error: Error| Error::Unavailable(error.to_string());
                Ok(none.insert(self.file.connect().map_err(again)?))
            }
        }
    }
}

/// The commits that follow in the queue, while each has a shard of its own and the bounds hold.
pub(super) fn gather(first: Waiting, queue: &mut VecDeque<Command>) -> Vec<Waiting> {
    let mut shards = BTreeSet::from([first.lease.shard]);
    let (mut rows, mut bytes) = size(&first.batch);
    let mut group = vec![first];
    while let Some(Command::Commit { lease, .. }) = queue.front() {
        if rows >= GROUP_ROWS_MAX || bytes >= GROUP_BYTES_MAX || !shards.insert(lease.shard) {
            break;
        }
        let Some(Command::Commit { lease, batch, reply }) = queue.pop_front() else { break };
        let next = Waiting { lease, batch, reply };
        let (more_rows, more_bytes) = size(&next.batch);
        rows += more_rows;
        bytes += more_bytes;
        group.push(next);
    }
    group
}
