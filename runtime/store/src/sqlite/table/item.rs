//! `item`: what a person may have to look at.

use super::{json, run_id};
use crate::sqlite::failure::read_error;
use rusqlite::{Connection, params};
use sagaflow_core::id::ShardId;
use sagaflow_core::port::{Batch, ItemRow, Result};
use sagaflow_core::time::Time;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqlitePool};

pub(in crate::sqlite) const UPSERT: &str = "INSERT INTO item \
     (id, kind, namespace, run, open, at, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) \
     ON CONFLICT (id) DO UPDATE SET kind = excluded.kind, namespace = excluded.namespace, \
     run = excluded.run, open = excluded.open, at = excluded.at, body = excluded.body";

/// Found by its primary key.
pub(in crate::sqlite) const READ: &str =
    "SELECT id, kind, namespace, run, open, at, body FROM item WHERE id = ?1";

/// Served by `item_open`; continues after the item named, with nothing where it is not there.
pub(in crate::sqlite) const LIST_OPEN: &str = "SELECT id, kind, namespace, run, open, at, body \
     FROM item \
     WHERE namespace = ?1 AND kind = ?2 AND open = 1 \
     AND (?3 IS NULL OR (at, id) > (SELECT at, id FROM item WHERE id = ?3)) \
     ORDER BY at, id LIMIT ?4";

/// Served by `item_all`.
pub(in crate::sqlite) const LIST_ALL: &str = "SELECT id, kind, namespace, run, open, at, body \
     FROM item \
     WHERE namespace = ?1 AND kind = ?2 \
     AND (?3 IS NULL OR (at, id) > (SELECT at, id FROM item WHERE id = ?3)) \
     ORDER BY at, id LIMIT ?4";

/// Served by `item_run`.
pub(in crate::sqlite) const DELETE_RUN: &str = "DELETE FROM item WHERE run = ?1";

/// Served by `item_closed`: items of no run that were closed before then.
pub(in crate::sqlite) const DELETE_CLOSED: &str =
    "DELETE FROM item WHERE run IS NULL AND open = 0 AND at < ?1";

/// Writes items, over those that are there.
pub(in crate::sqlite) fn upsert(
    conn: &Connection,
    batches: &[(ShardId, &Batch)],
) -> rusqlite::Result<()> {
    for row in batches.iter().flat_map(|(_, batch)| &batch.items) {
        let ItemRow { id, kind, namespace, run, open, at, body } = row;
        let run = run.as_ref().map(|run| run.0.as_bytes());
        let row = params![id, kind, namespace, run, open, at.0, body.to_string()];
        conn.prepare_cached(UPSERT)?.execute(row)?;
    }
    Ok(())
}

pub(in crate::sqlite) async fn read(db: &SqlitePool, id: &str) -> Result<Option<ItemRow>> {
    let found = sqlx::query(READ).bind(id).fetch_optional(db).await.map_err(read_error)?;
    found.as_ref().map(decode).transpose()
}

/// Oldest first, by namespace and kind.
pub(in crate::sqlite) async fn list(
    db: &SqlitePool,
    (namespace, kind): (&str, &str),
    all: bool,
    after: Option<&str>,
    limit: u32,
) -> Result<Vec<ItemRow>> {
    let query = sqlx::query(if all { LIST_ALL } else { LIST_OPEN });
    let query = query.bind(namespace).bind(kind).bind(after).bind(limit);
    query.fetch_all(db).await.map_err(read_error)?.iter().map(decode).collect()
}

fn decode(row: &SqliteRow) -> Result<ItemRow> {
    let text = |column| row.try_get::<String, usize>(column).map_err(read_error);
    let run: Option<&[u8]> = row.try_get(3).map_err(read_error)?;
    Ok(ItemRow {
        id: text(0)?,
        kind: text(1)?,
        namespace: text(2)?,
        run: run.map(run_id).transpose()?,
        open: row.try_get::<i64, usize>(4).map_err(read_error)? == 1,
        at: Time(row.try_get(5).map_err(read_error)?),
        body: json(&text(6)?)?,
    })
}
