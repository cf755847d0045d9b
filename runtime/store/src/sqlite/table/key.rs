//! `start_key`: which run a key started.

use super::{Many, int, run_id, small};
use crate::sqlite::failure::{corrupt, read_error};
use rusqlite::{Connection, params};
use sagaflow_core::id::ShardId;
use sagaflow_core::port::{Batch, KeyName, KeyRow, Result};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqlitePool};
use std::sync::LazyLock;

pub(in crate::sqlite) const INSERT: &str = "INSERT INTO start_key \
     (namespace, workflow, key, run, fingerprint) VALUES (?1, ?2, ?3, ?4, ?5)";

/// Found by its primary key.
pub(in crate::sqlite) const READ: &str = "SELECT run, fingerprint FROM start_key \
     WHERE namespace = ?1 AND workflow = ?2 AND key = ?3";

/// The same for several; the first column is the place of the name in the question. Order: each name
/// is looked for in the table, not the other way round.
pub(in crate::sqlite) static READ_MANY: LazyLock<Many> = LazyLock::new(|| {
    Many::new(
        "SELECT f.column1, k.run, k.fingerprint FROM",
        4,
        "AS f CROSS JOIN start_key AS k ON k.namespace = f.column2 \
         AND k.workflow = f.column3 AND k.key = f.column4",
    )
});

/// Served by `start_key_run`.
pub(in crate::sqlite) const DELETE_RUN: &str = "DELETE FROM start_key WHERE run = ?1";

/// Writes the new start keys of batches.
pub(in crate::sqlite) fn insert(
    conn: &Connection,
    batches: &[(ShardId, &Batch)],
) -> rusqlite::Result<()> {
    if batches.iter().all(|(_, batch)| batch.keys.is_empty()) {
        return Ok(());
    }
    let mut insert = conn.prepare_cached(INSERT)?;
    let rows = batches.iter().flat_map(|(_, batch)| &batch.keys);
    for KeyRow { namespace, workflow, key, run, fingerprint } in rows {
        insert.execute(params![namespace, workflow, key, run.0.as_bytes(), fingerprint])?;
    }
    Ok(())
}

pub(in crate::sqlite) async fn read(
    db: &SqlitePool,
    namespace: &str,
    workflow: &str,
    key: &str,
) -> Result<Option<KeyRow>> {
    let query = sqlx::query(READ).bind(namespace).bind(workflow).bind(key);
    let Some(row) = query.fetch_optional(db).await.map_err(read_error)? else { return Ok(None) };
    let (namespace, workflow) = (namespace.to_owned(), workflow.to_owned());
    decode(KeyName { namespace, workflow, key: key.to_owned() }, &row, 0).map(Some)
}

/// The rows of several names, each in the place of its name.
pub(in crate::sqlite) async fn read_many(
    db: &SqlitePool,
    names: &[KeyName],
) -> Result<Vec<Option<KeyRow>>> {
    let mut rows = vec![None; names.len()];
    let numbered: Vec<_> = names.iter().enumerate().collect();
    for (text, some) in READ_MANY.chunks(&numbered) {
        let query = READ_MANY.bind(sqlx::query(text), some, |query, (index, name)| {
            query
                .bind(int(*index as u64))
                .bind(name.namespace.clone())
                .bind(name.workflow.clone())
                .bind(name.key.clone())
        });
        for row in query.fetch_all(db).await.map_err(read_error)? {
            let index: usize = small(row.try_get(0).map_err(read_error)?)?;
            let name = names.get(index).ok_or_else(|| corrupt("a key that nobody asked for"))?;
            rows[index] = Some(decode(name.clone(), &row, 1)?);
        }
    }
    Ok(rows)
}

fn decode(name: KeyName, row: &SqliteRow, first: usize) -> Result<KeyRow> {
    let fingerprint: &[u8] = row.try_get(first + 1).map_err(read_error)?;
    let KeyName { namespace, workflow, key } = name;
    Ok(KeyRow {
        namespace,
        workflow,
        key,
        run: run_id(row.try_get(first).map_err(read_error)?)?,
        fingerprint: fingerprint
            .try_into()
            .map_err(|_| corrupt("a fingerprint is not 32 bytes"))?,
    })
}
