//! `run`: look-up rows and snapshots.

use super::{int, json, run_id, small, uint};
use crate::sqlite::failure::{corrupt, read_error};
use crate::weight::flags;
use rusqlite::{Connection, params};
use sagaflow_core::id::{RunId, ShardId};
use sagaflow_core::port::{Batch, Result, RunFilter, RunRow};
use sagaflow_core::time::Time;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqlitePool};

pub(in crate::sqlite) const UPSERT: &str = "INSERT INTO run \
     (run, shard, namespace, workflow, version, hash, key, status, flags, \
     started_at, ended_at, expires_at, due_at, upto, snapshot) \
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15) \
     ON CONFLICT (run) DO UPDATE SET shard = excluded.shard, namespace = excluded.namespace, \
     workflow = excluded.workflow, version = excluded.version, hash = excluded.hash, \
     key = excluded.key, status = excluded.status, flags = excluded.flags, \
     started_at = excluded.started_at, ended_at = excluded.ended_at, \
     expires_at = excluded.expires_at, due_at = excluded.due_at, upto = excluded.upto, \
     snapshot = excluded.snapshot";

/// Found by its primary key.
pub(in crate::sqlite) const READ: &str = "SELECT run, namespace, workflow, version, hash, key, \
     status, \
     flags, started_at, ended_at, expires_at, due_at, upto, snapshot FROM run WHERE run = ?1";

/// Served by `run_open`.
pub(in crate::sqlite) const OPEN: &str = "SELECT run, namespace, workflow, version, hash, key, \
     status, \
     flags, started_at, ended_at, expires_at, due_at, upto, snapshot FROM run \
     WHERE shard = ?1 AND ended_at IS NULL ORDER BY run";

/// Walks the primary key backwards from the last page, so that a page costs the same at any depth;
/// filters are judged on the way.
pub(in crate::sqlite) const LIST: &str = "SELECT run, namespace, workflow, version, hash, key, \
     status, \
     flags, started_at, ended_at, expires_at, due_at, upto, NULL FROM run \
     WHERE run < ?1 AND (?2 = '' OR namespace = ?2) \
     AND (?3 IS NULL OR workflow = ?3 OR substr(workflow, -length(?3) - 1) = '.' || ?3) \
     AND (?4 IS NULL OR status = ?4) AND (?5 IS NULL OR key = ?5) \
     AND (?6 IS NULL OR started_at >= ?6) ORDER BY run DESC LIMIT ?7";

/// Served by `run_expiry`: ended, expired, and wholly before its shard's checkpoint and what is still
/// to be sent to topics.
pub(in crate::sqlite) const DUE: &str = "SELECT run FROM run WHERE expires_at < ?1 \
     AND ended_at IS NOT NULL AND NOT EXISTS (SELECT 1 FROM journal JOIN shard \
     ON shard.shard = journal.shard WHERE journal.run = run.run AND journal.seq > \
     min(shard.checkpoint, shard.emitted)) \
     ORDER BY expires_at, run LIMIT ?2";

pub(in crate::sqlite) const DELETE: &str = "DELETE FROM run WHERE run = ?1";

/// Served by `run_open`.
pub(in crate::sqlite) const OLDEST: &str =
    "SELECT min(started_at) FROM run WHERE ended_at IS NULL AND namespace = ?1";

/// Greater than every run id, because it is longer.
const BEYOND: [u8; 17] = [0xff; 17];

/// Writes the rows of runs, over those that are there.
pub(in crate::sqlite) fn upsert(
    conn: &Connection,
    batches: &[(ShardId, &Batch)],
) -> rusqlite::Result<()> {
    if batches.iter().all(|(_, batch)| batch.runs.is_empty()) {
        return Ok(());
    }
    let mut upsert = conn.prepare_cached(UPSERT)?;
    for (shard, batch) in batches {
        for row in &batch.runs {
            upsert.execute(params![
                row.run.0.as_bytes(),
                shard.0,
                row.namespace,
                row.workflow,
                row.version,
                row.hash,
                row.key,
                row.status,
                flags(&row.flags),
                row.started_at.0,
                row.ended_at.map(|at| at.0),
                row.expires_at.map(|at| at.0),
                row.due_at.map(|at| at.0),
                int(row.upto),
                row.snapshot,
            ])?;
        }
    }
    Ok(())
}

pub(in crate::sqlite) async fn read(db: &SqlitePool, run: RunId) -> Result<Option<RunRow>> {
    let found = sqlx::query(READ).bind(run.0).fetch_optional(db).await.map_err(read_error)?;
    found.as_ref().map(decode).transpose()
}

/// Those of a shard that have not ended.
pub(in crate::sqlite) async fn open(db: &SqlitePool, shard: ShardId) -> Result<Vec<RunRow>> {
    let found = sqlx::query(OPEN).bind(shard.0).fetch_all(db).await.map_err(read_error)?;
    found.iter().map(decode).collect()
}

/// Newest first.
pub(in crate::sqlite) async fn list(db: &SqlitePool, filter: &RunFilter) -> Result<Vec<RunRow>> {
    if !filter.indexed.is_empty() {
        return super::indexed::find(db, filter).await;
    }
    let query = bind_page(sqlx::query(LIST), filter);
    query.fetch_all(db).await.map_err(read_error)?.iter().map(decode).collect()
}

/// Binds what a page follows, its filters, and how long it is.
pub(super) fn bind_page(query: super::Query, filter: &RunFilter) -> super::Query {
    let before = filter.after.map_or(BEYOND.to_vec(), |run| run.0.as_bytes().to_vec());
    query
        .bind(before)
        .bind(filter.namespace.clone())
        .bind(filter.workflow.clone())
        .bind(filter.status.clone())
        .bind(filter.key.clone())
        .bind(filter.since.map(|at| at.0))
        .bind(filter.limit)
}

pub(super) fn decode(row: &SqliteRow) -> Result<RunRow> {
    let text = |column| row.try_get::<String, usize>(column).map_err(read_error);
    let number = |column| row.try_get::<i64, usize>(column).map_err(read_error);
    let time = |column| {
        let ms = row.try_get::<Option<i64>, usize>(column).map_err(read_error);
        ms.map(|ms| ms.map(Time))
    };
    let flags = json(&text(7)?)?;
    let flags = flags.as_array().ok_or_else(|| corrupt("flags are no list"))?;
    Ok(RunRow {
        run: run_id(row.try_get(0).map_err(read_error)?)?,
        namespace: text(1)?,
        workflow: text(2)?,
        version: small(number(3)?)?,
        hash: text(4)?,
        key: row.try_get(5).map_err(read_error)?,
        status: text(6)?,
        flags: flags.iter().filter_map(|flag| flag.as_str().map(str::to_owned)).collect(),
        started_at: Time(number(8)?),
        ended_at: time(9)?,
        expires_at: time(10)?,
        due_at: time(11)?,
        upto: uint(number(12)?)?,
        snapshot: row.try_get(13).map_err(read_error)?,
    })
}
