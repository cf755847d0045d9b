//! One transaction for a group of batches.
//!
//! Promises: each batch is written whole or not at all; a batch is refused alone, its neighbours
//! are not; an answer is given only after the transaction has ended. The fence comes first, in the
//! same transaction as everything it guards.
//!
//! Every statement is a trip to the connection's thread and back, which a run alone feels; so the
//! fence goes with the `BEGIN`, and what a small group writes with its `COMMIT`.

use super::failure::{Failure, corrupt};
use super::table::{SEQ_MAX, event, item, journal, key, run, shard};
use super::writer::Reply;
use futures_util::StreamExt as _;
use sagaflow_core::id::ShardId;
use sagaflow_core::port::{
    Batch, Error, EventRow, ItemRow, JournalRow, KeyRow, Lease, Result, RunRow,
};
use sqlx::{AssertSqlSafe, Either, Executor as _, SqliteConnection};
use std::collections::VecDeque;

pub(super) const BEGIN: &str = "BEGIN IMMEDIATE";
pub(super) const COMMIT: &str = "COMMIT";
pub(super) const ROLLBACK: &str = "ROLLBACK";

/// A batch and who waits for its outcome.
pub(super) struct Waiting {
    pub lease: Lease,
    pub batch: Batch,
    pub reply: Reply<()>,
}

impl Waiting {
    /// Answers; a caller that has gone away learns it from the tail.
    pub fn answer(self, answer: Result<()>) {
        let _ = self.reply.send(answer);
    }

    /// Rows and bytes of what it writes.
    pub fn size(&self) -> (usize, usize) {
        let bodies: usize = self.batch.rows.iter().map(|row| row.body.len()).sum();
        let snapshot =
            |row: &sagaflow_core::port::RunRow| row.snapshot.as_ref().map_or(0, Vec::len);
        let snapshots: usize = self.batch.runs.iter().map(snapshot).sum();
        (self.batch.rows.len() + self.batch.runs.len(), bodies + snapshots)
    }

    fn fenced(self, cause: String) {
        let shard = self.lease.shard.0;
        self.answer(Err(Error::Fenced { shard, cause }));
    }
}

/// How a group ended, before anybody is told.
enum Outcome {
    /// It is on the disk; the batches at these indexes were fenced, for these reasons.
    Done(Vec<(usize, String)>),
    /// Nothing of it is.
    NotDone(Failure),
    /// Nobody knows.
    Unknown(Failure),
}

/// Commits a group, one batch per shard, and answers everybody.
///
/// # Errors
/// Where the connection cannot be used any more. Everybody was answered all the same.
pub(super) async fn group(conn: &mut SqliteConnection, group: Vec<Waiting>) -> Result<()> {
    let mut groups = VecDeque::from([sound(group)]);
    let mut usable = Ok(());
    while let Some(group) = groups.pop_front() {
        if group.is_empty() {
            continue;
        }
        if let Err(error) = &usable {
            group.into_iter().for_each(|waiting| waiting.answer(Err(Error::clone(error))));
            continue;
        }
        let outcome = transact(conn, &group).await;
        if !matches!(outcome, Outcome::Done(_)) {
            usable = rollback(conn).await;
        }
        match outcome {
            Outcome::Done(fenced) => {
                let mut fenced = fenced.into_iter().peekable();
                for (index, waiting) in group.into_iter().enumerate() {
                    match fenced.next_if(|(fenced, _)| *fenced == index) {
                        Some((_, cause)) => waiting.fenced(cause),
                        None => waiting.answer(Ok(())),
                    }
                }
            }
            // One batch broke a constraint: each alone, so that only that one is refused.
            Outcome::NotDone(Failure::Constraint(_)) if group.len() > 1 => {
                groups.extend(group.into_iter().map(|waiting| vec![waiting]));
            }
            Outcome::NotDone(failure) => {
                let error = failure.not_done(group.first().map_or(0, |first| first.lease.shard.0));
                group.into_iter().for_each(|waiting| waiting.answer(Err(error.clone())));
            }
            Outcome::Unknown(failure) => {
                let cause = match failure {
                    Failure::Constraint(cause) => cause,
                    Failure::Other(error) => error.to_string(),
                };
                group
                    .into_iter()
                    .for_each(|waiting| waiting.answer(Err(Error::Unknown(cause.clone()))));
            }
        }
    }
    usable
}

/// Ends a transaction that failed; an error means that the connection is in an unknown state.
pub(super) async fn rollback(conn: &mut SqliteConnection) -> Result<()> {
    let rolled = sqlx::query(ROLLBACK).execute(conn).await;
    // Some failures (a full disk, an I/O error) roll back by themselves, and then there is nothing
    // to roll back; a connection opened again is the plain way to know.
    rolled.map(drop).map_err(super::failure::read_error)
}

/// Answers at once what cannot be written by anybody.
fn sound(group: Vec<Waiting>) -> Vec<Waiting> {
    let mut sound = Vec::with_capacity(group.len());
    for waiting in group {
        let beyond = waiting.batch.last() > SEQ_MAX
            || waiting.batch.rows.iter().any(|row| row.number > SEQ_MAX)
            || waiting.batch.events.iter().any(|row| row.number > SEQ_MAX);
        let beyond = beyond.then(|| "a position is beyond what a store can number".to_owned());
        match waiting.batch.flaw(0).or(beyond) {
            Some(flaw) => waiting.fenced(flaw),
            None => sound.push(waiting),
        }
    }
    sound
}

async fn transact(conn: &mut SqliteConnection, group: &[Waiting]) -> Outcome {
    let batches: Vec<_> = group.iter().map(|waiting| (waiting.lease, &waiting.batch)).collect();
    let (fenced, writable) = match fence(conn, &batches).await {
        Ok(fenced) => fenced,
        Err(failure) => return Outcome::NotDone(failure),
    };
    // Crash: before the last statement returns, the log holds the whole transaction or none of it,
    // and nobody was answered; after it the log was forced to the disk, and opening the file again
    // finds every batch of the group.
    match Rows::of(&writable).write(conn).await {
        Ok(()) => Outcome::Done(fenced),
        Err((failure, false)) => Outcome::NotDone(failure),
        Err((failure, true)) => Outcome::Unknown(failure),
    }
}

/// The batches that do not pass, by index and with the reason, and those that may be written.
type Fenced<'a> = (Vec<(usize, String)>, Vec<(ShardId, &'a Batch)>);

/// Begins, and judges every batch by the fence.
async fn fence<'a>(
    conn: &mut SqliteConnection,
    batches: &[(Lease, &'a Batch)],
) -> std::result::Result<Fenced<'a>, Failure> {
    let passed = shard::fence(conn, batches).await?;
    let mut fenced = Vec::new();
    let mut writable = Vec::new();
    for (index, (lease, batch)) in batches.iter().enumerate() {
        if passed.contains(&lease.shard.0) {
            writable.push((lease.shard, *batch));
            continue;
        }
        let cause = match shard::read(&mut *conn, lease.shard).await {
            Ok(row) => row.refusal(*lease, batch),
            Err(Error::Refused(cause)) => cause,
            Err(error) => return Err(Failure::Other(error)),
        };
        fenced.push((index, cause));
    }
    if passed.len() + fenced.len() != batches.len() {
        return Err(Failure::Other(corrupt("the fence moved a shard twice")));
    }
    Ok((fenced, writable))
}

/// Bound: statements that go in one trip; a wider group has larger costs than trips.
const TOGETHER_MAX: usize = 12;

/// What a group writes, table by table, in an order that keeps their trees close together.
#[derive(Default)]
struct Rows<'a> {
    journal: Vec<(ShardId, &'a JournalRow)>,
    keys: Vec<&'a KeyRow>,
    runs: Vec<(ShardId, &'a RunRow)>,
    items: Vec<&'a ItemRow>,
    events: Vec<(ShardId, &'a EventRow)>,
}

impl<'a> Rows<'a> {
    fn of(batches: &[(ShardId, &'a Batch)]) -> Self {
        let mut rows = Self::default();
        for (shard, batch) in batches {
            rows.journal.extend(batch.rows.iter().map(|row| (*shard, row)));
            rows.keys.extend(batch.keys.iter());
            rows.runs.extend(batch.runs.iter().map(|row| (*shard, row)));
            rows.items.extend(batch.items.iter());
            rows.events.extend(batch.events.iter().map(|row| (*shard, row)));
        }
        rows
    }

    /// Writes and commits; a failure says whether it was the commit's.
    async fn write(&self, conn: &mut SqliteConnection) -> std::result::Result<(), (Failure, bool)> {
        let mut texts = journal::INSERT.statements(self.journal.len());
        texts.extend(key::INSERT.statements(self.keys.len()));
        texts.extend(run::UPSERT.statements(self.runs.len()));
        texts.extend(item::UPSERT.statements(self.items.len()));
        texts.extend(event::INSERT.statements(self.events.len()));
        if texts.len() <= TOGETHER_MAX {
            return self.together(conn, texts).await;
        }
        self.apart(conn).await.map_err(|failure| (failure, false))?;
        let committed = sqlx::query(COMMIT).execute(conn).await;
        committed.map(drop).map_err(|error| (error.into(), true))
    }

    async fn together(
        &self,
        conn: &mut SqliteConnection,
        mut texts: Vec<&'static str>,
    ) -> std::result::Result<(), (Failure, bool)> {
        texts.push(COMMIT);
        let text = AssertSqlSafe(texts.join("; "));
        let mut query = self.journal.iter().fold(sqlx::query(text), journal::bind);
        query = self.keys.iter().fold(query, key::bind);
        query = self.runs.iter().fold(query, run::bind);
        query = self.items.iter().fold(query, item::bind);
        query = self.events.iter().fold(query, event::bind);
        let mut done = 0;
        let mut results = conn.fetch_many(query);
        while let Some(result) = results.next().await {
            match result {
                // Order: the commit is the last statement, and none begins before the one before it
                // has ended well.
                Err(error) => return Err((error.into(), done + 1 == texts.len())),
                Ok(Either::Left(_)) => done += 1,
                Ok(Either::Right(_)) => {}
            }
        }
        // Order: answers that end too early are a connection that died, perhaps at the commit.
        if done < texts.len() {
            let died = Error::Unavailable("the connection stopped at the commit".to_owned());
            return Err((Failure::Other(died), true));
        }
        Ok(())
    }

    async fn apart(&self, conn: &mut SqliteConnection) -> std::result::Result<(), Failure> {
        journal::INSERT.write(conn, &self.journal, journal::bind).await?;
        key::INSERT.write(conn, &self.keys, key::bind).await?;
        run::UPSERT.write(conn, &self.runs, run::bind).await?;
        item::UPSERT.write(conn, &self.items, item::bind).await?;
        event::INSERT.write(conn, &self.events, event::bind).await?;
        Ok(())
    }
}
