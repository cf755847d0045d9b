//! The one connection that writes batches, and the task that has it.
//!
//! It takes everything that is queued, sends it as one statement, answers, and takes what has arrived
//! meanwhile. There is no timer: idle means flush at once, load makes groups wide by itself. Callers
//! may go away at any point; what they sent is written or refused all the same.

use super::commit::{self, Target, Waiting};
use super::connect::{ANSWER, CONNECT, Connector, RESTED};
use super::failure::Failure;
use super::leases::Leases;
use crate::weight::size;
use sagaflow_core::port::{Batch, Error, Lease, Result};
use sqlx::{Connection as _, PgConnection};
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot};

/// Bound: batches in the queue. Each shard has one in flight, so this is the most there can be.
const QUEUE_MAX: usize = 4_096;

/// Bound: records in one statement, and bytes of their bodies: what everybody in it waits for.
const GROUP_ROWS_MAX: usize = 2_048;
const GROUP_BYTES_MAX: usize = 1 << 20;

/// Bound: attempts at a group that the server rolled back for the sake of others.
const ATTEMPTS: u32 = 3;

/// Bound: how long the end waits for the server to hear of it.
const CLOSE: Duration = Duration::from_millis(250);

/// The task's handle. The task ends when the last one is dropped and the queue is empty.
#[derive(Clone)]
pub(super) struct Writer {
    queue: mpsc::Sender<Waiting>,
    /// Statements that wrote batches.
    pub commits: Arc<AtomicU64>,
}

impl Writer {
    /// Begins with a connection that was checked.
    pub fn start(
        connector: Arc<Connector>,
        leases: Arc<Leases>,
        ttl: Duration,
        conn: PgConnection,
    ) -> Self {
        let (queue, waiting) = mpsc::channel(QUEUE_MAX);
        let text = connector.schema().sql(commit::COMMIT).0.into();
        let (used, commits) = (Instant::now(), Arc::<AtomicU64>::default());
        let counted = Arc::clone(&commits);
        let task = Task { connector, leases, ttl, text, conn: Some(conn), used, commits: counted };
        tokio::spawn(task.serve(waiting));
        Self { queue, commits }
    }

    /// Queues a batch and waits for its outcome.
    pub async fn commit(&self, lease: Lease, batch: Arc<Batch>) -> Result<()> {
        let (reply, answer) = oneshot::channel();
        let queued = self.queue.send(Waiting { lease, batch, reply }).await;
        queued.map_err(|_| Error::Unavailable("its writer has stopped".to_owned()))?;
        // Crash: a writer that died with the batch in its hands may have sent it.
        let lost = || Err(Error::Unknown("the writer stopped at the commit".to_owned()));
        answer.await.unwrap_or_else(|_| lost())
    }
}

struct Task {
    connector: Arc<Connector>,
    leases: Arc<Leases>,
    ttl: Duration,
    /// The one statement, made once.
    text: Arc<str>,
    /// None after it was lost, until the next group opens another.
    conn: Option<PgConnection>,
    /// When the connection was last of use.
    used: Instant,
    commits: Arc<AtomicU64>,
}

impl Task {
    async fn serve(mut self, mut waiting: mpsc::Receiver<Waiting>) {
        let mut queue = VecDeque::new();
        while let Some(first) = waiting.recv().await {
            queue.push_back(first);
            while queue.len() < QUEUE_MAX {
                let Ok(next) = waiting.try_recv() else { break };
                queue.push_back(next);
            }
            while let Some(first) = queue.pop_front() {
                let group = gather(first, &mut queue);
                self.commit(group).await;
            }
        }
        if let Some(conn) = self.conn.take() {
            // A server that does not hear it notices the end of the connection.
            let _ = tokio::time::timeout(CLOSE, conn.close()).await;
        }
    }

    /// Commits a group and answers everybody in it.
    async fn commit(&mut self, group: Vec<Waiting>) {
        let mut groups = VecDeque::from([(sound(group), 1)]);
        while let Some((group, attempt)) = groups.pop_front() {
            // Order: the connection first, because making one tells of another server.
            if let Err(error) = self.connect().await {
                group.into_iter().for_each(|waiting| waiting.answer(Err(error.clone())));
                continue;
            }
            let group = self.current(group);
            if group.is_empty() {
                continue;
            }
            match self.send(&group).await {
                Ok(passed) => self.answer(group, &passed).await,
                Err(Failure::Conflict(_)) if attempt < ATTEMPTS => {
                    groups.push_front((group, attempt + 1));
                }
                // One batch broke a constraint: each alone, so that only that one is refused.
                Err(Failure::Constraint(_)) if group.len() > 1 => {
                    groups.extend(group.into_iter().map(|waiting| (vec![waiting], 1)));
                }
                Err(failure) => {
                    let shard = group.first().map_or(0, |first| first.lease.shard.0);
                    let error = failure.error(shard);
                    group.into_iter().for_each(|waiting| waiting.answer(Err(error.clone())));
                }
            }
        }
    }

    async fn connect(&mut self) -> Result<()> {
        if let Some(mut conn) = self.conn.take() {
            // Order: asked before a batch is sent. One that died at rest would leave the batch with an
            // outcome that nobody knows, and a node that has just taken over without its lease.
            let rested = self.used.elapsed() >= RESTED;
            if !rested || matches!(tokio::time::timeout(CONNECT, conn.ping()).await, Ok(Ok(()))) {
                self.conn = Some(conn);
                return Ok(());
            }
        }
        // A server that must not be used now may be the right one again in a moment.
        let later = |error: Error| Error::Unavailable(error.to_string());
        let conn = self.connector.connect().await.map_err(later)?;
        self.conn = Some(conn);
        Ok(())
    }

    /// Answers at once those whose lease another server gave.
    fn current(&self, group: Vec<Waiting>) -> Vec<Waiting> {
        let mut current = Vec::with_capacity(group.len());
        for waiting in group {
            match self.leases.current(waiting.lease) {
                Ok(()) => current.push(waiting),
                Err(error) => waiting.answer(Err(error)),
            }
        }
        current
    }

    /// One statement, one round trip. A connection whose answer was lost is not used again.
    async fn send(
        &mut self,
        group: &[Waiting],
    ) -> std::result::Result<BTreeSet<sagaflow_core::id::ShardId>, Failure> {
        let Some(mut conn) = self.conn.take() else {
            return Err(Failure::NotDone(Error::Unavailable("no connection".to_owned())));
        };
        let sent = commit::send(&mut conn, &self.text, self.ttl, group);
        let sent = match tokio::time::timeout(ANSWER, sent).await {
            Ok(sent) => sent,
            Err(_) => Err(Failure::Unknown("the server does not answer".to_owned())),
        };
        self.used = Instant::now();
        self.commits.fetch_add(1, Ordering::Relaxed);
        match &sent {
            Err(Failure::Unknown(cause)) => {
                tracing::warn!(cause, "the outcome of a commit is unknown; connecting again");
            }
            _ => self.conn = Some(conn),
        }
        sent
    }

    async fn answer(&mut self, group: Vec<Waiting>, passed: &BTreeSet<sagaflow_core::id::ShardId>) {
        let passes = |waiting: &Waiting| passed.contains(&waiting.lease.shard);
        let (written, fenced): (Vec<_>, Vec<_>) = group.into_iter().partition(passes);
        written.into_iter().for_each(|waiting| waiting.answer(Ok(())));
        if fenced.is_empty() {
            return;
        }
        let causes = match &mut self.conn {
            None => std::collections::BTreeMap::new(),
            Some(conn) => {
                let asked = commit::refusals(conn, self.connector.schema(), &fenced);
                match tokio::time::timeout(ANSWER, asked).await {
                    Ok(causes) => causes,
                    Err(_) => {
                        self.conn = None;
                        std::collections::BTreeMap::new()
                    }
                }
            }
        };
        for waiting in fenced {
            let cause = causes.get(&waiting.lease.shard).cloned();
            waiting.fenced(cause.unwrap_or_else(|| "it was fenced".to_owned()));
        }
    }
}

/// Answers at once what cannot be written by anybody.
fn sound(group: Vec<Waiting>) -> Vec<Waiting> {
    let mut sound = Vec::with_capacity(group.len());
    for waiting in group {
        match waiting.flaw() {
            Some(flaw) => waiting.fenced(flaw),
            None => sound.push(waiting),
        }
    }
    sound
}

/// The batches that follow in the queue, while each has a shard of its own, none writes over
/// another's rows, and the bounds hold.
pub(super) fn gather(first: Waiting, queue: &mut VecDeque<Waiting>) -> Vec<Waiting> {
    if queue.is_empty() {
        return vec![first];
    }
    let mut shards = BTreeSet::from([first.lease.shard]);
    let mut targets: BTreeSet<Target> = first.targets().collect();
    let (mut rows, mut bytes) = size(&first.batch);
    let mut group = vec![first];
    while let Some(next) = queue.front() {
        let full = rows >= GROUP_ROWS_MAX || bytes >= GROUP_BYTES_MAX;
        if full
            || next.targets().any(|target| targets.contains(&target))
            || !shards.insert(next.lease.shard)
        {
            break;
        }
        let Some(next) = queue.pop_front() else { break };
        targets.extend(next.targets());
        let (more_rows, more_bytes) = size(&next.batch);
        rows += more_rows;
        bytes += more_bytes;
        group.push(next);
    }
    group
}
