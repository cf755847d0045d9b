//! One transaction for a group of batches.
//!
//! Promises: each batch is written whole or not at all; a batch is refused alone, its neighbours
//! are not; an answer is given only after the transaction has ended. The fence comes first, in the
//! same transaction as everything it guards.
//!
//! Every statement is a trip to the connection's thread and back, which a run alone feels; so a
//! group goes in one trip, from `BEGIN` to `COMMIT`, with the fence between them. Only where a
//! batch is fenced, or a group is very wide, is each statement a trip of its own.

use super::failure::Failure;
use super::table::{Many, Query, SEQ_MAX, event, inbox, int, item, journal, key, run, shard, wait};
use super::writer::Reply;
use crate::weight::sources;
use futures_util::StreamExt as _;
use sagaflow_core::id::ShardId;
use sagaflow_core::port::{
    Batch, Error, EventName, EventRow, ItemRow, JournalRow, KeyRow, Lease, MessageRow, Result,
    RunRow, Source, WaitRow,
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

async fn transact(conn: &mut SqliteConnection, group: &[Waiting]) -> Outcome {
    let batches: Vec<_> = group.iter().map(|waiting| (waiting.lease, &waiting.batch)).collect();
    let rows = Rows::of(batches.iter().map(|(lease, batch)| (lease.shard, *batch)));
    if batches.len() <= TOGETHER_SHARDS && rows.few() {
        match together(conn, &batches, &rows).await {
            Ok(true) => return Outcome::Done(Vec::new()),
            Err(stopped) => return stopped.into(),
            // Somebody is fenced; who it is, is asked one by one.
            Ok(false) => {
                if let Err(error) = rollback(conn).await {
                    return Outcome::NotDone(Failure::Other(error));
                }
            }
        }
    }
    match apart(conn, &batches).await {
        Ok(fenced) => Outcome::Done(fenced),
        Err(stopped) => stopped.into(),
    }
}

/// Where a transaction stopped.
enum Stopped {
    /// Before its commit.
    Before(Failure),
    /// At its commit, or nobody knows where.
    AtCommit(Failure),
}

impl From<Failure> for Stopped {
    fn from(failure: Failure) -> Self {
        Self::Before(failure)
    }
}

impl From<Stopped> for Outcome {
    fn from(stopped: Stopped) -> Self {
        match stopped {
            Stopped::Before(failure) => Self::NotDone(failure),
            Stopped::AtCommit(failure) => Self::Unknown(failure),
        }
    }
}

/// Bound: shards whose batches go in one trip, so that their fence is one statement.
const TOGETHER_SHARDS: usize = 64;

/// Fence, rows and commit in one trip to the connection's thread; false where not every batch passed
/// the fence, and the transaction is still open. None of the statements begins before the one before
/// it has ended well.
async fn together(
    conn: &mut SqliteConnection,
    batches: &[(Lease, &Batch)],
    rows: &Rows<'_>,
) -> std::result::Result<bool, Stopped> {
    let mut texts = vec![BEGIN];
    texts.extend(shard::FENCE.text(batches.len()));
    let fence = texts.len();
    texts.push(shard::PASSED);
    texts.extend(rows.texts());
    texts.push(COMMIT);
    let query = sqlx::query(AssertSqlSafe(texts.join("; ")));
    let query = shard::FENCE.bind(query, batches, shard::bind);
    let query = rows.bind(query.bind(int(batches.len() as u64)));
    // Crash: before the last statement returns, the log holds the whole transaction or none of it,
    // and nobody was answered; after it the log was forced to the disk, and opening the file again
    // finds every batch of the group.
    let mut done = 0;
    let mut results = conn.fetch_many(query);
    while let Some(result) = results.next().await {
        match result {
            Err(error) if done == fence && error.as_database_error().is_some() => {
                return Ok(false);
            }
            Err(error) if done + 1 < texts.len() => return Err(Stopped::Before(error.into())),
            Err(error) => return Err(Stopped::AtCommit(error.into())),
            Ok(Either::Left(_)) => done += 1,
            Ok(Either::Right(_)) => {}
        }
    }
    // Order: answers that end too early are a connection that died, perhaps at the commit.
    if done < texts.len() {
        let died = Error::Unavailable("the connection stopped at the commit".to_owned());
        return Err(Stopped::AtCommit(Failure::Other(died)));
    }
    Ok(true)
}

/// The same in a trip for each statement, with a verdict for each batch: the batches that do not
/// pass, by index and with the reason.
async fn apart(
    conn: &mut SqliteConnection,
    batches: &[(Lease, &Batch)],
) -> std::result::Result<Vec<(usize, String)>, Stopped> {
    sqlx::query(BEGIN).execute(&mut *conn).await.map_err(Failure::from)?;
    let mut fenced = Vec::new();
    let mut writable = Vec::new();
    for (index, (lease, batch)) in batches.iter().enumerate() {
        match refusal(conn, *lease, batch).await? {
            Some(cause) => fenced.push((index, cause)),
            None => writable.push((lease.shard, *batch)),
        }
    }
    Rows::of(writable.into_iter()).write(conn).await?;
    // Crash: as where all goes in one trip.
    match sqlx::query(COMMIT).execute(conn).await {
        Ok(_) => Ok(fenced),
        Err(error) => Err(Stopped::AtCommit(error.into())),
    }
}

/// Moves a batch's shard, or says why not.
async fn refusal(
    conn: &mut SqliteConnection,
    lease: Lease,
    batch: &Batch,
) -> std::result::Result<Option<String>, Failure> {
    let Some(text) = shard::FENCE.text(1) else { return Ok(None) };
    let query = shard::bind(sqlx::query(text), &(lease, batch));
    if query.execute(&mut *conn).await?.rows_affected() > 0 {
        return Ok(None);
    }
    match shard::read(conn, lease.shard).await {
        Ok(row) => Ok(Some(row.refusal(lease, batch))),
        Err(Error::Refused(cause)) => Ok(Some(cause)),
        Err(error) => Err(Failure::Other(error)),
    }
}

/// What a group writes, table by table, in an order that keeps their trees close together.
#[derive(Default)]
struct Rows<'a> {
    journal: Vec<(ShardId, &'a JournalRow)>,
    keys: Vec<&'a KeyRow>,
    runs: Vec<(ShardId, &'a RunRow)>,
    items: Vec<&'a ItemRow>,
    events: Vec<(ShardId, &'a EventRow)>,
    unwanted: Vec<(ShardId, &'a EventName)>,
    wanted: Vec<(ShardId, &'a EventName)>,
    /// Order: before what is sent, as in the batch.
    taken: Vec<(ShardId, Source)>,
    sent: Vec<&'a MessageRow>,
}

impl<'a> Rows<'a> {
    fn of(batches: impl Iterator<Item = (ShardId, &'a Batch)>) -> Self {
        let mut rows = Self::default();
        for (shard, batch) in batches {
            rows.journal.extend(batch.rows.iter().map(|row| (shard, row)));
            rows.keys.extend(batch.keys.iter());
            rows.runs.extend(batch.runs.iter().map(|row| (shard, row)));
            rows.items.extend(batch.items.iter());
            rows.events.extend(batch.events.iter().map(|row| (shard, row)));
            for WaitRow { name, wanted } in &batch.waits {
                if *wanted { &mut rows.wanted } else { &mut rows.unwanted }.push((shard, name));
            }
            rows.taken.extend(batch.taken.iter().map(|source| (shard, *source)));
            rows.sent.extend(batch.sent.iter());
        }
        rows
    }

    /// Whether each table takes them in one statement.
    fn few(&self) -> bool {
        let Self { journal, keys, runs, items, events, unwanted, wanted, taken, sent } = self;
        let counts = [journal.len(), keys.len(), runs.len(), items.len(), events.len()];
        let between = [unwanted.len(), wanted.len(), taken.len(), sent.len()];
        counts.into_iter().chain(between).all(Many::holds)
    }

    fn texts(&self) -> impl Iterator<Item = &'static str> {
        let texts = [
            journal::INSERT.text(self.journal.len()),
            key::INSERT.text(self.keys.len()),
            run::UPSERT.text(self.runs.len()),
            item::UPSERT.text(self.items.len()),
            event::INSERT.text(self.events.len()),
            wait::END.text(self.unwanted.len()),
            wait::BEGIN.text(self.wanted.len()),
            inbox::TAKE.text(self.taken.len()),
            inbox::SEND.text(self.sent.len()),
        ];
        texts.into_iter().flatten()
    }

    /// Binds what [`Self::texts`] wants.
    fn bind(&self, query: Query) -> Query {
        let query = journal::INSERT.bind(query, &self.journal, journal::bind);
        let query = key::INSERT.bind(query, &self.keys, key::bind);
        let query = run::UPSERT.bind(query, &self.runs, run::bind);
        let query = item::UPSERT.bind(query, &self.items, item::bind);
        let query = event::INSERT.bind(query, &self.events, event::bind);
        let query = wait::END.bind(query, &self.unwanted, wait::bind);
        let query = wait::BEGIN.bind(query, &self.wanted, wait::bind);
        let query = inbox::TAKE.bind(query, &self.taken, inbox::bind_taken);
        inbox::SEND.bind(query, &self.sent, inbox::bind_sent)
    }

    async fn write(&self, conn: &mut SqliteConnection) -> std::result::Result<(), Failure> {
        journal::INSERT.write(conn, &self.journal, journal::bind).await?;
        key::INSERT.write(conn, &self.keys, key::bind).await?;
        run::UPSERT.write(conn, &self.runs, run::bind).await?;
        item::UPSERT.write(conn, &self.items, item::bind).await?;
        event::INSERT.write(conn, &self.events, event::bind).await?;
        wait::END.write(conn, &self.unwanted, wait::bind).await?;
        wait::BEGIN.write(conn, &self.wanted, wait::bind).await?;
        inbox::TAKE.write(conn, &self.taken, inbox::bind_taken).await?;
        inbox::SEND.write(conn, &self.sent, inbox::bind_sent).await?;
        Ok(())
    }
}
