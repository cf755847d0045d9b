//! `item`: what a person may have to look at.

use super::{Query, get, json};
use crate::postgres::options::Schema;
use sagaflow_core::id::RunId;
use sagaflow_core::port::{ItemRow, Result};
use sagaflow_core::time::Time;
use sqlx::postgres::PgRow;
use uuid::Uuid;

/// Found by its primary key.
pub(in crate::postgres) const READ: &str =
    "SELECT id, kind, namespace, run, open, at, body FROM {schema}.item WHERE id = $1";

/// Served by `item_open`; continues after the item named, with nothing where it is not there.
pub(in crate::postgres) const LIST_OPEN: &str = "SELECT id, kind, namespace, run, open, at, body FROM {schema}.item \
     WHERE namespace = $1 AND kind = $2 AND open \
     AND ($3::text IS NULL OR (at, id) > (SELECT at, id FROM {schema}.item WHERE id = $3)) \
     ORDER BY at, id LIMIT $4";

/// Served by `item_all`.
pub(in crate::postgres) const LIST_ALL: &str = "SELECT id, kind, namespace, run, open, at, body FROM {schema}.item \
     WHERE namespace = $1 AND kind = $2 \
     AND ($3::text IS NULL OR (at, id) > (SELECT at, id FROM {schema}.item WHERE id = $3)) \
     ORDER BY at, id LIMIT $4";

pub(in crate::postgres) fn read(schema: &Schema, id: &str) -> Query {
    sqlx::query(schema.sql(READ)).bind(id.to_owned())
}

/// Oldest first, by namespace and kind.
pub(in crate::postgres) fn list(
    schema: &Schema,
    (namespace, kind): (&str, &str),
    all: bool,
    after: Option<&str>,
    limit: u32,
) -> Query {
    sqlx::query(schema.sql(if all { LIST_ALL } else { LIST_OPEN }))
        .bind(namespace.to_owned())
        .bind(kind.to_owned())
        .bind(after.map(str::to_owned))
        .bind(i64::from(limit))
}

pub(in crate::postgres) fn decode(row: &PgRow) -> Result<ItemRow> {
    Ok(ItemRow {
        id: get(row, 0)?,
        kind: get(row, 1)?,
        namespace: get(row, 2)?,
        run: get::<Option<Uuid>>(row, 3)?.map(RunId),
        open: get(row, 4)?,
        at: Time(get(row, 5)?),
        body: json(get(row, 6)?)?,
    })
}
