//! `start_key`: which run a key started.

use super::{Many, Query, run_id};
use crate::sqlite::failure::{corrupt, read_error};
use sagaflow_core::port::{KeyRow, Result};
use sqlx::{Row as _, SqlitePool};
use std::sync::LazyLock;

pub(in crate::sqlite) static INSERT: LazyLock<Many> = LazyLock::new(|| {
    Many::new(
        "INSERT INTO start_key (namespace, workflow, key, run, fingerprint) VALUES",
        "(?, ?, ?, ?, ?)",
        "",
    )
});

/// Found by its primary key.
pub(in crate::sqlite) const READ: &str = "SELECT run, fingerprint FROM start_key \
     WHERE namespace = ?1 AND workflow = ?2 AND key = ?3";

/// Served by `start_key_run`.
pub(in crate::sqlite) const DELETE_RUN: &str = "DELETE FROM start_key WHERE run = ?1";

pub(in crate::sqlite) fn bind(query: Query, row: &&KeyRow) -> Query {
    query
        .bind(row.namespace.clone())
        .bind(row.workflow.clone())
        .bind(row.key.clone())
        .bind(row.run.0)
        .bind(row.fingerprint.to_vec())
}

pub(in crate::sqlite) async fn read(
    db: &SqlitePool,
    namespace: &str,
    workflow: &str,
    key: &str,
) -> Result<Option<KeyRow>> {
    let query = sqlx::query(READ).bind(namespace).bind(workflow).bind(key);
    let Some(row) = query.fetch_optional(db).await.map_err(read_error)? else { return Ok(None) };
    let fingerprint: &[u8] = row.try_get(1).map_err(read_error)?;
    Ok(Some(KeyRow {
        namespace: namespace.to_owned(),
        workflow: workflow.to_owned(),
        key: key.to_owned(),
        run: run_id(row.try_get(0).map_err(read_error)?)?,
        fingerprint: fingerprint
            .try_into()
            .map_err(|_| corrupt("a fingerprint is not 32 bytes"))?,
    }))
}
