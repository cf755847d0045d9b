//! `event`: what arrived at its home, until nobody can want it.

use super::{Query, get, json, short, uint};
use crate::postgres::options::Schema;
use sagaflow_core::id::ShardId;
use sagaflow_core::port::{EventRow, Result};
use sagaflow_core::time::Time;
use sqlx::postgres::PgRow;

/// A range of the primary key.
pub(in crate::postgres) const KEPT: &str = "SELECT namespace, event, coalesce(whole_id, id), key, number, at, payload \
     FROM {schema}.event WHERE shard = $1 ORDER BY number, namespace, event, id";

/// All that a shard keeps.
pub(in crate::postgres) fn kept(schema: &Schema, shard: ShardId) -> Query {
    sqlx::query(schema.sql(KEPT)).bind(short(shard.0))
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
