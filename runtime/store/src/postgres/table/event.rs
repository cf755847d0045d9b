//! `event`: what arrived at its home, until nobody can want it.

use super::{Query, get, int, json, short, uint};
use crate::postgres::options::Schema;
use sagaflow_core::id::ShardId;
use sagaflow_core::port::{EventName, EventRow, Result};
use sagaflow_core::time::Time;
use sqlx::postgres::PgRow;

/// A range of the primary key.
pub(in crate::postgres) const KEPT: &str = "SELECT namespace, event, coalesce(whole_id, id), key, number, at, payload \
     FROM {schema}.event WHERE shard = $1 ORDER BY number, namespace, event, id";

/// All that a shard keeps.
pub(in crate::postgres) fn kept(schema: &Schema, shard: ShardId) -> Query {
    sqlx::query(schema.sql(KEPT)).bind(short(shard.0))
}

/// Served by `event_name`.
pub(in crate::postgres) const NAMED: &str = "SELECT namespace, event, coalesce(whole_id, id), key, number, at, payload \
     FROM {schema}.event WHERE shard = $1 AND namespace = $2 AND event = $3 \
     AND left(key, 200) = left($4, 200) AND key = $4 AND number > $5 AND at >= $6 \
     ORDER BY number, id LIMIT $7";

/// Those of one name at their home that came then or later, above a number, in order.
pub(in crate::postgres) fn named(
    schema: &Schema,
    home: ShardId,
    EventName { namespace, event, key }: &EventName,
    (since, after, limit): (Time, u64, u32),
) -> Query {
    sqlx::query(schema.sql(NAMED))
        .bind(short(home.0))
        .bind(namespace.clone())
        .bind(event.clone())
        .bind(key.clone())
        .bind(int(after))
        .bind(since.0)
        .bind(i64::from(limit))
}

pub(in crate::postgres) fn decode(row: &PgRow) -> Result<EventRow> {
    Ok(EventRow {
        namespace: get(row, 0)?,
        event: get(row, 1)?,
        id: get(row, 2)?,
        key: get(row, 3)?,
        number: uint(row, 4)?,
        at: Time(get(row, 5)?),
        payload: json(get(row, 6)?)?,
    })
}
