//! `indexed`: the values by which runs are found.

use crate::sqlite::failure::read_error;
use rusqlite::{Connection, params};
use sagaflow_core::id::ShardId;
use sagaflow_core::port::{Batch, IndexedRow, Result, RunFilter, RunRow};
use sqlx::SqlitePool;

/// What is there already stays.
pub(in crate::sqlite) const INSERT: &str = "INSERT INTO indexed (run, name, namespace, value) \
     VALUES (?1, ?2, ?3, ?4) ON CONFLICT (run, name) DO NOTHING";

/// A range of the primary key.
pub(in crate::sqlite) const DELETE_RUN: &str = "DELETE FROM indexed WHERE run = ?1";

/// Served by `indexed_value`, walked backwards from the last page, so that a page costs the same at any
/// depth; filters, and other values beside this one, are judged on the way.
pub(in crate::sqlite) const FIND: &str = "SELECT run.run, run.namespace, workflow, version, hash, key, \
     status, \
     flags, started_at, ended_at, expires_at, due_at, upto, NULL \
     FROM indexed AS i CROSS JOIN run ON run.run = i.run \
     WHERE i.namespace = ?2 AND i.name = ?8 AND i.value = ?9 AND i.run < ?1 \
     AND run.namespace = ?2 \
     AND (?3 IS NULL OR workflow = ?3 OR substr(workflow, -length(?3) - 1) = '.' || ?3) \
     AND (?4 IS NULL OR status = ?4) AND (?5 IS NULL OR key = ?5) \
     AND (?6 IS NULL OR started_at >= ?6) \
     AND NOT EXISTS (SELECT 1 FROM json_each(?10) AS w WHERE NOT EXISTS (SELECT 1 FROM indexed AS o \
     WHERE o.run = i.run AND o.name = w.value ->> 0 AND o.value = w.value ->> 1 \
     AND o.namespace = ?2)) \
     ORDER BY i.run DESC LIMIT ?7";

/// Of several values the place of the one that the fewest runs have, as far as a thousand tell. Served by
/// `indexed_value`.
pub(in crate::sqlite) const RAREST: &str = "SELECT w.key FROM json_each(?2) AS w ORDER BY ( \
     SELECT count(*) FROM (SELECT 1 FROM indexed AS i WHERE i.namespace = ?1 \
     AND i.name = w.value ->> 0 AND i.value = w.value ->> 1 LIMIT 1000)), w.key LIMIT 1";

/// Writes by which values the runs of batches are found.
pub(in crate::sqlite) fn insert(
    conn: &Connection,
    batches: &[(ShardId, &Batch)],
) -> rusqlite::Result<()> {
    if batches.iter().all(|(_, batch)| batch.indexed.is_empty()) {
        return Ok(());
    }
    let mut insert = conn.prepare_cached(INSERT)?;
    let rows = batches.iter().flat_map(|(_, batch)| &batch.indexed);
    for IndexedRow { namespace, name, value, run } in rows {
        insert.execute(params![run.0.as_bytes(), name, namespace, value])?;
    }
    Ok(())
}

/// Newest first: the runs that have all of the values.
pub(in crate::sqlite) async fn find(db: &SqlitePool, filter: &RunFilter) -> Result<Vec<RunRow>> {
    let mut others = filter.indexed.clone();
    let place = match others.len() {
        0 | 1 => 0,
        _ => {
            let asked = sqlx::query_scalar::<_, i64>(RAREST).bind(filter.namespace.clone());
            let all = serde_json::json!(others).to_string();
            super::small(asked.bind(all).fetch_one(db).await.map_err(read_error)?)?
        }
    };
    if place >= others.len() {
        return Ok(Vec::new());
    }
    let (name, value) = others.swap_remove(place);
    let others = serde_json::json!(others);
    let query = super::run::bind_page(sqlx::query(FIND), filter)
        .bind(name)
        .bind(value)
        .bind(others.to_string());
    query.fetch_all(db).await.map_err(read_error)?.iter().map(super::run::decode).collect()
}
