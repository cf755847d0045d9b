//! One transaction for a group of batches.
//!
//! Promises: each batch is written whole or not at all; a batch is refused alone, its neighbours
//! are not; an answer is given only after the transaction has ended. The fence comes first, in the
//! same transaction as everything it guards.

use super::failure::Failure;
use super::table::{SEQ_MAX, event, inbox, indexed, item, journal, key, run, shard, wait};
use super::writer::Reply;
use crate::weight::sources;
use rusqlite::Connection;
use sagaflow_core::id::ShardId;
use sagaflow_core::port::{Batch, Error, Lease, Result};
use std::collections::VecDeque;
use std::sync::Arc;

pub(super) const BEGIN: &str = "BEGIN IMMEDIATE";
pub(super) const COMMIT: &str = "COMMIT";
pub(super) const ROLLBACK: &str = "ROLLBACK";

/// A batch and who waits for its outcome.
pub(super) struct Waiting {
    pub lease: Lease,
    pub batch: Arc<Batch>,
    pub reply: Reply<()>,
}

impl Waiting {
    /// Answers; a caller that has gone away learns it from the tail. Order: the batch is let go of
    /// first, so that its sender has it alone.
    pub fn answer(self, answer: Result<()>) {
        let Self { batch, reply, .. } = self;
        drop(batch);
        let _ = reply.send(answer);
    }

    fn fenced(self, cause: String) {
        let shard = self.lease.shard.0;
        self.answer(Err(Error::Fenced { shard, cause }));
    }
}

/// Commits a group, one batch per shard, and answers everybody.
///
/// # Errors
/// Where the connection cannot be used any more. Everybody was answered all the same.
pub(super) fn group(conn: &Connection, group: Vec<Waiting>) -> Result<()> {
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
        let stopped = match transact(conn, &group) {
            Ok(fenced) => {
                answer(group, fenced);
                continue;
            }
            Err(stopped) => stopped,
        };
        usable = rollback(conn);
        match stopped {
            // One batch broke a constraint: each alone, so that only that one is refused.
            Stopped::Before(Failure::Constraint(_)) if group.len() > 1 => {
                groups.extend(group.into_iter().map(|waiting| vec![waiting]));
            }
            Stopped::Before(failure) => {
                let error = failure.not_done(group.first().map_or(0, |first| first.lease.shard.0));
                group.into_iter().for_each(|waiting| waiting.answer(Err(error.clone())));
            }
            Stopped::AtCommit(failure) => {
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

/// Answers a group that is on the disk, but for the batches at these indexes, which were fenced.
fn answer(group: Vec<Waiting>, fenced: Vec<(usize, String)>) {
    let mut fenced = fenced.into_iter().peekable();
    for (index, waiting) in group.into_iter().enumerate() {
        match fenced.next_if(|(fenced, _)| *fenced == index) {
            Some((_, cause)) => waiting.fenced(cause),
            None => waiting.answer(Ok(())),
        }
    }
}

/// Ends a transaction that failed; an error means that the connection is in an unknown state.
pub(super) fn rollback(conn: &Connection) -> Result<()> {
    // Some failures (a full disk, an I/O error) roll back by themselves, and then there is nothing
    // to roll back; a connection opened again is the plain way to know.
    perform(conn, ROLLBACK).map_err(super::failure::error)
}

/// A statement without values.
pub(super) fn perform(conn: &Connection, text: &str) -> rusqlite::Result<()> {
    conn.prepare_cached(text)?.execute([]).map(drop)
}

/// Answers at once what cannot be written by anybody.
fn sound(group: Vec<Waiting>) -> Vec<Waiting> {
    let mut sound = Vec::with_capacity(group.len());
    let large = |value: u64| i64::try_from(value).is_err();
    for waiting in group {
        let beyond = waiting.batch.last() > SEQ_MAX
            || waiting.batch.rows.iter().any(|row| row.number > SEQ_MAX)
            || waiting.batch.events.iter().any(|row| row.number > SEQ_MAX)
            || sources(&waiting.batch).any(|from| large(from.epoch) || large(from.seq));
        let beyond = beyond.then(|| "a position is beyond what a store can number".to_owned());
        match waiting.batch.flaw(0).or(beyond) {
            Some(flaw) => waiting.fenced(flaw),
            None => sound.push(waiting),
        }
    }
    sound
}

/// Where a transaction stopped.
enum Stopped {
    /// Before its commit: nothing is written.
    Before(Failure),
    /// At its commit: nobody knows.
    AtCommit(Failure),
}

impl<E: Into<Failure>> From<E> for Stopped {
    fn from(error: E) -> Self {
        Self::Before(error.into())
    }
}

/// Writes a group; answers the batches that were fenced, by index and with the reason.
fn transact(
    conn: &Connection,
    group: &[Waiting],
) -> std::result::Result<Vec<(usize, String)>, Stopped> {
    perform(conn, BEGIN)?;
    let (mut fenced, mut passed) = (Vec::new(), Vec::with_capacity(group.len()));
    for (index, Waiting { lease, batch, .. }) in group.iter().enumerate() {
        match refusal(conn, *lease, batch)? {
            Some(cause) => fenced.push((index, cause)),
            None => passed.push((lease.shard, &**batch)),
        }
    }
    write(conn, &passed)?;
    // Crash: before this returns, the log holds the whole transaction or none of it, and nobody was
    // answered; after it the log was forced to the disk, and opening the file again finds every batch
    // of the group.
    perform(conn, COMMIT).map_err(|error| Stopped::AtCommit(error.into()))?;
    Ok(fenced)
}

/// Moves a batch's shard, or says why not.
fn refusal(
    conn: &Connection,
    lease: Lease,
    batch: &Batch,
) -> std::result::Result<Option<String>, Failure> {
    if shard::pass(conn, lease, batch)? {
        return Ok(None);
    }
    Ok(Some(match shard::held(conn, lease.shard)? {
        Some(row) => row.refusal(lease, batch),
        None => format!("there is no shard `{}`", lease.shard.0),
    }))
}

/// Writes what batches that passed the fence hold. Order: table by table, so that each tree is walked
/// once; within a batch what is taken goes before what is sent.
fn write(conn: &Connection, batches: &[(ShardId, &Batch)]) -> rusqlite::Result<()> {
    journal::insert(conn, batches)?;
    key::insert(conn, batches)?;
    run::upsert(conn, batches)?;
    indexed::insert(conn, batches)?;
    item::upsert(conn, batches)?;
    event::insert(conn, batches)?;
    wait::write(conn, batches)?;
    inbox::take(conn, batches)?;
    inbox::send(conn, batches)
}
