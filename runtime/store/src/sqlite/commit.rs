//! One transaction for a group of batches.
//!
//! Promises: each batch is written whole or not at all; a batch is refused alone, its neighbours
//! are not; an answer is given only after the transaction has ended. The fence comes first, in the
//! same transaction as everything it guards.

use super::failure::{Failure, corrupt};
use super::table::{SEQ_MAX, event, item, journal, key, run, shard};
use super::writer::Reply;
use sagaflow_core::port::{Batch, Error, Lease, Result};
use sqlx::SqliteConnection;
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
    let fenced = match write(conn, group).await {
        Ok(fenced) => fenced,
        Err(failure) => return Outcome::NotDone(failure),
    };
    // Crash: before this statement returns, the log holds the whole transaction or none of it, and
    // nobody was answered; after it the log was forced to the disk, and opening the file again
    // finds every batch of the group.
    match sqlx::query(COMMIT).execute(conn).await {
        Ok(_) => Outcome::Done(fenced),
        Err(error) => Outcome::Unknown(error.into()),
    }
}

/// Writes what passes the fence and names what does not.
async fn write(
    conn: &mut SqliteConnection,
    group: &[Waiting],
) -> std::result::Result<Vec<(usize, String)>, Failure> {
    sqlx::query(BEGIN).execute(&mut *conn).await?;
    let batches: Vec<_> = group.iter().map(|waiting| (waiting.lease, &waiting.batch)).collect();
    let passed = shard::fence(conn, &batches).await?;
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
    tables(conn, &writable).await?;
    Ok(fenced)
}

/// Writes every table once for the whole group, in an order that keeps its trees close together.
async fn tables(
    conn: &mut SqliteConnection,
    batches: &[(sagaflow_core::id::ShardId, &Batch)],
) -> std::result::Result<(), Failure> {
    let mut rows = Vec::new();
    let (mut keys, mut runs, mut items, mut events) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (shard, batch) in batches {
        rows.extend(batch.rows.iter().map(|row| (*shard, row)));
        keys.extend(batch.keys.iter());
        runs.extend(batch.runs.iter().map(|row| (*shard, row)));
        items.extend(batch.items.iter());
        events.extend(batch.events.iter().map(|row| (*shard, row)));
    }
    journal::INSERT.write(conn, &rows, journal::bind).await?;
    key::INSERT.write(conn, &keys, key::bind).await?;
    run::UPSERT.write(conn, &runs, run::bind).await?;
    item::UPSERT.write(conn, &items, item::bind).await?;
    event::INSERT.write(conn, &events, event::bind).await?;
    Ok(())
}
