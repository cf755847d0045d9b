//! `journal`: the records, in order of position within their shard.

use super::{SEQ_BITS, SEQ_MAX, int, run_id, small, uint};
use crate::sqlite::failure::read_error;
use rusqlite::{Connection, params};
use sagaflow_core::id::{RunId, ShardId};
use sagaflow_core::port::{Batch, JournalRow, Result};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqlitePool};

pub(in crate::sqlite) const INSERT: &str = "INSERT INTO journal \
     (position, bucket, class, run, number, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";

/// A range of the primary key.
pub(in crate::sqlite) const AFTER: &str = "SELECT seq, bucket, class, run, number, body FROM \
     journal \
     WHERE position BETWEEN ?1 AND ?2 ORDER BY position";

/// A range of the primary key.
pub(in crate::sqlite) const BETWEEN: &str = "SELECT seq, bucket, class, run, number, body FROM \
     journal \
     WHERE position BETWEEN ?1 AND ?2 ORDER BY position LIMIT ?3";

/// Served by `journal_run`.
pub(in crate::sqlite) const HISTORY: &str = "SELECT seq, bucket, class, run, number, body FROM \
     journal \
     WHERE run = ?1 AND number > ?2 ORDER BY number LIMIT ?3";

pub(in crate::sqlite) const DELETE_RUN: &str = "DELETE FROM journal WHERE run = ?1";

/// Served by `journal_own`.
pub(in crate::sqlite) const DELETE_OWN: &str =
    "DELETE FROM journal WHERE run IS NULL AND position BETWEEN ?1 AND ?2";

/// Where a record stands: its shard and its position there, as one number.
pub(in crate::sqlite) fn position(shard: ShardId, seq: u64) -> i64 {
    (i64::from(shard.0) << SEQ_BITS) | int(seq.min(SEQ_MAX))
}

/// Writes the records of batches.
pub(in crate::sqlite) fn insert(
    conn: &Connection,
    batches: &[(ShardId, &Batch)],
) -> rusqlite::Result<()> {
    let mut insert = conn.prepare_cached(INSERT)?;
    for (shard, batch) in batches {
        for row in &batch.rows {
            let run = row.run.as_ref().map(|run| run.0.as_bytes());
            let (position, number) = (position(*shard, row.seq), int(row.number));
            insert.execute(params![position, row.bucket, row.class, run, number, row.body])?;
        }
    }
    Ok(())
}

/// The records of a shard after a position.
pub(in crate::sqlite) async fn after(
    db: &SqlitePool,
    shard: ShardId,
    seq: u64,
) -> Result<Vec<JournalRow>> {
    let query = sqlx::query(AFTER);
    let range = query.bind(position(shard, seq.saturating_add(1))).bind(position(shard, SEQ_MAX));
    range.fetch_all(db).await.map_err(read_error)?.iter().map(record).collect()
}

/// The records of a shard after a position and not after another.
pub(in crate::sqlite) async fn between(
    db: &SqlitePool,
    shard: ShardId,
    (after, upto): (u64, u64),
    limit: u32,
) -> Result<Vec<JournalRow>> {
    if after >= upto.min(SEQ_MAX) {
        return Ok(Vec::new());
    }
    let query = sqlx::query(BETWEEN).bind(position(shard, after + 1)).bind(position(shard, upto));
    query.bind(limit).fetch_all(db).await.map_err(read_error)?.iter().map(record).collect()
}

/// The records of a run after a number.
pub(in crate::sqlite) async fn history(
    db: &SqlitePool,
    run: RunId,
    after: u64,
    limit: u32,
) -> Result<Vec<JournalRow>> {
    let query = sqlx::query(HISTORY).bind(run.0).bind(int(after)).bind(limit);
    query.fetch_all(db).await.map_err(read_error)?.iter().map(record).collect()
}

fn record(row: &SqliteRow) -> Result<JournalRow> {
    let number = |column| row.try_get::<i64, usize>(column).map_err(read_error);
    let run: Option<&[u8]> = row.try_get(3).map_err(read_error)?;
    Ok(JournalRow {
        seq: uint(number(0)?)?,
        bucket: small(number(1)?)?,
        class: small(number(2)?)?,
        run: run.map(run_id).transpose()?,
        number: uint(number(4)?)?,
        body: row.try_get(5).map_err(read_error)?,
    })
}
