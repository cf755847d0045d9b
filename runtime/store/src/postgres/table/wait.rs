//! `wait`: which shards want to be told of which events of other shards.

use super::{Query, get, indexed, short, small};
use crate::postgres::options::Schema;
use sagaflow_core::id::ShardId;
use sagaflow_core::port::{EventName, Result};
use sqlx::postgres::PgRow;

/// A range of the primary key for each name.
pub(in crate::postgres) const WAITS: &str = "SELECT a.place, w.shard \
     FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[]) AS a (place, namespace, event, key) \
     CROSS JOIN LATERAL (SELECT w.shard FROM {schema}.wait AS w WHERE w.namespace = a.namespace \
     AND w.event = a.event AND w.key = a.key ORDER BY w.shard OFFSET 0) AS w \
     ORDER BY a.place, w.shard";

/// Served by `wait_shard`.
pub(in crate::postgres) const TOLD: &str = "SELECT namespace, event, coalesce(whole_key, key) \
     FROM {schema}.wait WHERE shard = $1 ORDER BY namespace, event, key";

/// The shards that want to be told, each with the place of the name.
pub(in crate::postgres) fn waits(schema: &Schema, names: &[EventName]) -> Query {
    let places: Vec<i64> = (0..).take(names.len()).collect();
    let text = |of: fn(&EventName) -> &String| names.iter().map(of).cloned().collect::<Vec<_>>();
    let keys: Vec<String> = names.iter().map(|name| indexed(&name.key).into_owned()).collect();
    sqlx::query(schema.sql(WAITS))
        .bind(places)
        .bind(text(|name| &name.namespace))
        .bind(text(|name| &name.event))
        .bind(keys)
}

/// The answers, in the order of the names.
pub(in crate::postgres) fn decode_waits(rows: &[PgRow], names: usize) -> Result<Vec<Vec<ShardId>>> {
    let mut all = vec![Vec::new(); names];
    for row in rows {
        let place: usize = small(get::<i64>(row, 0)?)?;
        if let Some(shards) = all.get_mut(place) {
            shards.push(ShardId(small(get::<i32>(row, 1)?.into())?));
        }
    }
    Ok(all)
}

/// What a shard is told of.
pub(in crate::postgres) fn told(schema: &Schema, shard: ShardId) -> Query {
    sqlx::query(schema.sql(TOLD)).bind(short(shard.0))
}

pub(in crate::postgres) fn decode_told(row: &PgRow) -> Result<EventName> {
    Ok(EventName { namespace: get(row, 0)?, event: get(row, 1)?, key: get(row, 2)? })
}
