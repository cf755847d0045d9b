//! `event`: what arrived at its home, until nobody can want it.

use super::{int, json, uint};
use crate::sqlite::failure::read_error;
use rusqlite::{Connection, params};
use sagaflow_core::id::ShardId;
use sagaflow_core::port::{Batch, EventName, EventRow, Result};
use sagaflow_core::time::Time;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqlitePool};

/// The first one stays: a repeated id is the same event.
pub(in crate::sqlite) const INSERT: &str = "INSERT INTO event \
     (shard, namespace, event, id, key, number, at, payload) \
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) \
     ON CONFLICT (shard, namespace, event, id) DO NOTHING";

/// A range of the primary key.
pub(in crate::sqlite) const KEPT: &str = "SELECT namespace, event, id, key, number, at, payload \
     FROM event WHERE shard = ?1 ORDER BY number, namespace, event, id";

/// Served by `event_name`.
pub(in crate::sqlite) const NAMED: &str = "SELECT namespace, event, id, key, number, at, payload \
     FROM event WHERE shard = ?1 AND namespace = ?2 AND event = ?3 AND key = ?4 AND number > ?5 \
     AND at >= ?6 ORDER BY number, id LIMIT ?7";

/// Served by `event_at`.
pub(in crate::sqlite) const STALE: &str = "SELECT DISTINCT namespace FROM event WHERE at < ?1";

/// Served by `event_at`.
pub(in crate::sqlite) const FORGET: &str = "DELETE FROM event WHERE namespace = ?1 AND at < ?2";

/// Served by `event_at`. One without a number is wanted by no run.
pub(in crate::sqlite) const FORGET_COUNTED: &str = "DELETE FROM event WHERE number = 0 AND at < ?1";

/// Writes events that are not there.
pub(in crate::sqlite) fn insert(
    conn: &Connection,
    batches: &[(ShardId, &Batch)],
) -> rusqlite::Result<()> {
    for (shard, batch) in batches {
        for row in &batch.events {
            let EventRow { id, namespace, event, key, number, at, payload } = row;
            let (number, payload) = (int(*number), payload.to_string());
            let row = params![shard.0, namespace, event, id, key, number, at.0, payload];
            conn.prepare_cached(INSERT)?.execute(row)?;
        }
    }
    Ok(())
}

/// All that a shard keeps.
pub(in crate::sqlite) async fn kept(db: &SqlitePool, shard: ShardId) -> Result<Vec<EventRow>> {
    let found = sqlx::query(KEPT).bind(shard.0).fetch_all(db).await.map_err(read_error)?;
    found.iter().map(decode).collect()
}

/// Those of one name at their home that came then or later, above a number, in order.
pub(in crate::sqlite) async fn named(
    db: &SqlitePool,
    home: ShardId,
    EventName { namespace, event, key }: &EventName,
    (since, after, limit): (Time, u64, u32),
) -> Result<Vec<EventRow>> {
    let query = sqlx::query(NAMED).bind(home.0).bind(namespace).bind(event).bind(key);
    let query = query.bind(int(after)).bind(since.0).bind(limit);
    query.fetch_all(db).await.map_err(read_error)?.iter().map(decode).collect()
}

fn decode(row: &SqliteRow) -> Result<EventRow> {
    let text = |column| row.try_get::<String, usize>(column).map_err(read_error);
    Ok(EventRow {
        namespace: text(0)?,
        event: text(1)?,
        id: text(2)?,
        key: text(3)?,
        number: uint(row.try_get(4).map_err(read_error)?)?,
        at: Time(row.try_get(5).map_err(read_error)?),
        payload: json(&text(6)?)?,
    })
}
