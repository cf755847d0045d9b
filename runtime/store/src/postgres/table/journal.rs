//! `journal`: the records, in order of position within their shard.

use super::{Query, get, int, short, small, uint};
use crate::postgres::options::Schema;
use sagaflow_core::id::{RunId, ShardId};
use sagaflow_core::port::{JournalRow, Result};
use sqlx::postgres::PgRow;
use uuid::Uuid;

/// A range of the primary key.
pub(in crate::postgres) const AFTER: &str = "SELECT seq, bucket, class, run, number, body FROM {schema}.journal \
     WHERE shard = $1 AND seq > $2 ORDER BY seq";

/// A range of the primary key.
pub(in crate::postgres) const BETWEEN: &str = "SELECT seq, bucket, class, run, number, body FROM {schema}.journal \
     WHERE shard = $1 AND seq > $2 AND seq <= $3 ORDER BY seq LIMIT $4";

/// Served by `journal_run`.
pub(in crate::postgres) const HISTORY: &str = "SELECT seq, bucket, class, run, number, body FROM {schema}.journal \
     WHERE run = $1 AND number > $2 ORDER BY number LIMIT $3";

/// The records of a shard after a position.
pub(in crate::postgres) fn after(schema: &Schema, shard: ShardId, seq: u64) -> Query {
    sqlx::query(schema.sql(AFTER)).bind(short(shard.0)).bind(int(seq))
}

/// The records of a shard after a position and not after another.
pub(in crate::postgres) fn between(
    schema: &Schema,
    shard: ShardId,
    (after, upto): (u64, u64),
    limit: u32,
) -> Query {
    let query = sqlx::query(schema.sql(BETWEEN)).bind(short(shard.0));
    query.bind(int(after)).bind(int(upto)).bind(i64::from(limit))
}

/// The records of a run after a number.
pub(in crate::postgres) fn history(schema: &Schema, run: RunId, after: u64, limit: u32) -> Query {
    sqlx::query(schema.sql(HISTORY)).bind(run.0).bind(int(after)).bind(i64::from(limit))
}

pub(in crate::postgres) fn decode(row: &PgRow) -> Result<JournalRow> {
    Ok(JournalRow {
        seq: uint(row, 0)?,
        bucket: small(get::<i32>(row, 1)?.into())?,
        class: small(get::<i16>(row, 2)?.into())?,
        run: get::<Option<Uuid>>(row, 3)?.map(RunId),
        number: uint(row, 4)?,
        body: get(row, 5)?,
    })
}
