//! `interest`: which events the programs of this store have ever taken in.

use super::{Query, get, small};
use crate::postgres::options::Schema;
use sagaflow_core::port::{Declared, Interest, Result};
use sqlx::postgres::PgRow;
use std::time::Duration;

/// What runs wait for once, they may wait for ever. Sorted, so that nodes that start together do not
/// wait for each other in a circle.
const ADD: &str = "INSERT INTO {schema}.interest AS old (event, waits) \
     SELECT event, waits FROM unnest($1::text[], $2::bool[]) AS a (event, waits) ORDER BY event \
     ON CONFLICT (event) DO UPDATE SET waits = true, added_at = clock_timestamp() \
     WHERE excluded.waits AND NOT old.waits";

const ALL: &str = "SELECT event, waits, \
     greatest(0, 1000 * extract(epoch FROM clock_timestamp() - added_at))::bigint \
     FROM {schema}.interest ORDER BY event";

pub(in crate::postgres) fn add(schema: &Schema, add: &Interest) -> Query {
    // Order: one that both starts and waits stands once, for a statement changes a row once.
    let starts = add.starts.difference(&add.waits).map(|event| (event.clone(), false));
    let waits = add.waits.iter().map(|event| (event.clone(), true));
    let (events, flags): (Vec<_>, Vec<_>) = starts.chain(waits).unzip();
    sqlx::query(schema.sql(ADD)).bind(events).bind(flags)
}

pub(in crate::postgres) fn all(schema: &Schema) -> Query {
    sqlx::query(schema.sql(ALL))
}

pub(in crate::postgres) fn decode(rows: &[PgRow]) -> Result<Declared> {
    let mut all = Interest::default();
    let mut age = Duration::MAX;
    for row in rows {
        all.add(get(row, 0)?, get(row, 1)?);
        age = age.min(Duration::from_millis(small(get(row, 2)?)?));
    }
    Ok(Declared { all, age: Some(age) })
}
