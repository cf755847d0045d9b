//! `run`: look-up rows and snapshots.

use super::{Query, get, json, short, small, uint};
use crate::postgres::failure::corrupt;
use crate::postgres::options::Schema;
use sagaflow_core::id::{RunId, ShardId};
use sagaflow_core::port::{Result, RunFilter, RunRow};
use sagaflow_core::time::Time;
use sqlx::postgres::PgRow;

/// Found by its primary key.
pub(in crate::postgres) const READ: &str = "SELECT run, namespace, workflow, version, hash, key, status, flags, \
     started_at, ended_at, expires_at, due_at, upto, snapshot FROM {schema}.run WHERE run = $1";

/// Served by `run_open`.
pub(in crate::postgres) const OPEN: &str = "SELECT run, namespace, workflow, version, hash, key, status, flags, \
     started_at, ended_at, expires_at, due_at, upto, snapshot FROM {schema}.run \
     WHERE shard = $1 AND ended_at IS NULL ORDER BY run";

/// Walks the primary key backwards from the last page, so that a page costs the same at any depth;
/// filters are judged on the way.
pub(in crate::postgres) const LIST: &str = "SELECT run, namespace, workflow, version, hash, key, status, flags, \
     started_at, ended_at, expires_at, due_at, upto, NULL::bytea FROM {schema}.run \
     WHERE ($1::uuid IS NULL OR run < $1) AND ($2 = '' OR namespace = $2) \
     AND ($3::text IS NULL OR workflow = $3 OR right(workflow, length($3) + 1) = '.' || $3) \
     AND ($4::text IS NULL OR status = $4) AND ($5::text IS NULL OR key = $5) \
     AND ($6::bigint IS NULL OR started_at >= $6) ORDER BY run DESC LIMIT $7";

/// [`LIST`] where a page follows another: a plan for any values cannot begin in the middle of the key
/// unless it is told that there is a middle.
pub(in crate::postgres) const LIST_AFTER: &str = "SELECT run, namespace, workflow, version, hash, key, status, flags, \
     started_at, ended_at, expires_at, due_at, upto, NULL::bytea FROM {schema}.run \
     WHERE run < $1 AND ($2 = '' OR namespace = $2) \
     AND ($3::text IS NULL OR workflow = $3 OR right(workflow, length($3) + 1) = '.' || $3) \
     AND ($4::text IS NULL OR status = $4) AND ($5::text IS NULL OR key = $5) \
     AND ($6::bigint IS NULL OR started_at >= $6) ORDER BY run DESC LIMIT $7";

pub(in crate::postgres) fn read(schema: &Schema, run: RunId) -> Query {
    sqlx::query(schema.sql(READ)).bind(run.0)
}

/// Those of a shard that have not ended.
pub(in crate::postgres) fn open(schema: &Schema, shard: ShardId) -> Query {
    sqlx::query(schema.sql(OPEN)).bind(short(shard.0))
}

/// Newest first.
pub(in crate::postgres) fn list(schema: &Schema, filter: &RunFilter) -> Query {
    let text = if filter.after.is_some() { LIST_AFTER } else { LIST };
    bind_page(sqlx::query(schema.sql(text)).bind(filter.after.map(|run| run.0)), filter)
}

/// Binds the filters of a page, and how long it is.
pub(super) fn bind_page(query: Query, filter: &RunFilter) -> Query {
    query
        .bind(filter.namespace.clone())
        .bind(filter.workflow.clone())
        .bind(filter.status.clone())
        .bind(filter.key.clone())
        .bind(filter.since.map(|at| at.0))
        .bind(i64::from(filter.limit))
}

pub(in crate::postgres) fn decode(row: &PgRow) -> Result<RunRow> {
    let time = |column| Ok(get::<Option<i64>>(row, column)?.map(Time));
    let flags = json(get(row, 7)?)?;
    let flags = flags.as_array().ok_or_else(|| corrupt("flags are no list"))?;
    Ok(RunRow {
        run: RunId(get(row, 0)?),
        namespace: get(row, 1)?,
        workflow: get(row, 2)?,
        version: small(get(row, 3)?)?,
        hash: get(row, 4)?,
        key: get(row, 5)?,
        status: get(row, 6)?,
        flags: flags.iter().filter_map(|flag| flag.as_str().map(str::to_owned)).collect(),
        started_at: Time(get(row, 8)?),
        ended_at: time(9)?,
        expires_at: time(10)?,
        due_at: time(11)?,
        upto: uint(row, 12)?,
        snapshot: get(row, 13)?,
    })
}
