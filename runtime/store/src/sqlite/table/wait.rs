//! `wait`: which shards want to be told of which events of other shards.

use super::small;
use crate::sqlite::failure::read_error;
use rusqlite::{Connection, params};
use sagaflow_core::id::ShardId;
use sagaflow_core::port::{Batch, EventName, Result, WaitRow};
use sqlx::{Row as _, SqlitePool};

/// Who is told already stays so.
pub(in crate::sqlite) const BEGIN: &str = "INSERT INTO wait (shard, namespace, event, key) \
     VALUES (?1, ?2, ?3, ?4) ON CONFLICT (namespace, event, key, shard) DO NOTHING";

/// Found by all of its columns; one that is not there is gone already.
pub(in crate::sqlite) const END: &str = "DELETE FROM wait \
     WHERE shard = ?1 AND namespace = ?2 AND event = ?3 AND key = ?4";

/// A range of the primary key.
pub(in crate::sqlite) const WAITS: &str = "SELECT shard FROM wait \
     WHERE namespace = ?1 AND event = ?2 AND key = ?3 ORDER BY shard";

/// Served by `wait_shard`.
pub(in crate::sqlite) const TOLD: &str =
    "SELECT namespace, event, key FROM wait WHERE shard = ?1 ORDER BY namespace, event, key";

/// Writes what shards begin and end to be told of.
pub(in crate::sqlite) fn write(
    conn: &Connection,
    batches: &[(ShardId, &Batch)],
) -> rusqlite::Result<()> {
    for (shard, batch) in batches {
        for WaitRow { name: EventName { namespace, event, key }, wanted } in &batch.waits {
            let text = if *wanted { BEGIN } else { END };
            conn.prepare_cached(text)?.execute(params![shard.0, namespace, event, key])?;
        }
    }
    Ok(())
}

/// The shards that want to be told, by name.
pub(in crate::sqlite) async fn waits(
    db: &SqlitePool,
    names: &[EventName],
) -> Result<Vec<Vec<ShardId>>> {
    let mut all = Vec::with_capacity(names.len());
    for EventName { namespace, event, key } in names {
        let query = sqlx::query(WAITS).bind(namespace).bind(event).bind(key);
        let rows = query.fetch_all(db).await.map_err(read_error)?;
        let shard = |row: &sqlx::sqlite::SqliteRow| {
            Ok(ShardId(small(row.try_get(0).map_err(read_error)?)?))
        };
        all.push(rows.iter().map(shard).collect::<Result<_>>()?);
    }
    Ok(all)
}

/// What a shard is told of.
pub(in crate::sqlite) async fn told(db: &SqlitePool, shard: ShardId) -> Result<Vec<EventName>> {
    let rows = sqlx::query(TOLD).bind(shard.0).fetch_all(db).await.map_err(read_error)?;
    let name = |row: &sqlx::sqlite::SqliteRow| {
        let text = |column| row.try_get::<String, usize>(column).map_err(read_error);
        Ok(EventName { namespace: text(0)?, event: text(1)?, key: text(2)? })
    };
    rows.iter().map(name).collect()
}
