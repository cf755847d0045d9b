//! `node`: who is at work on this store.

use super::{Query, get, small};
use crate::postgres::options::Schema;
use sagaflow_core::port::{NodeRow, Result};
use sqlx::postgres::PgRow;
use std::time::Duration;

/// Writes the own row and reads the others of the statement's beginning; those that nobody withdrew
/// go after a day, so that the table stays small.
const ANNOUNCE: &str = "WITH mine AS (INSERT INTO {schema}.node \
     (node, address, workflows, format_min, format_max, draining, seen_at) \
     VALUES ($1, $2, $3, $4, $5, $6, clock_timestamp()) ON CONFLICT (node) DO UPDATE SET \
     address = excluded.address, workflows = excluded.workflows, \
     format_min = excluded.format_min, format_max = excluded.format_max, \
     draining = excluded.draining, seen_at = excluded.seen_at \
     RETURNING node, address, workflows, format_min, format_max, draining), \
     gone AS (DELETE FROM {schema}.node WHERE node <> $1 \
     AND seen_at < clock_timestamp() - interval '1 day') \
     SELECT * FROM mine UNION ALL \
     SELECT node, address, workflows, format_min, format_max, draining FROM {schema}.node \
     WHERE node <> $1 AND seen_at > clock_timestamp() - $7::bigint * interval '1 millisecond' \
     ORDER BY node";

const WITHDRAW: &str = "DELETE FROM {schema}.node WHERE node = $1";

pub(in crate::postgres) fn announce(schema: &Schema, node: &NodeRow, ttl: Duration) -> Query {
    sqlx::query(schema.sql(ANNOUNCE))
        .bind(node.node)
        .bind(node.address.clone())
        .bind(node.workflows.clone())
        .bind(i64::from(node.formats.0))
        .bind(i64::from(node.formats.1))
        .bind(node.draining)
        .bind(i64::try_from(ttl.as_millis()).unwrap_or(i64::MAX))
}

pub(in crate::postgres) fn withdraw(schema: &Schema, node: uuid::Uuid) -> Query {
    sqlx::query(schema.sql(WITHDRAW)).bind(node)
}

pub(in crate::postgres) fn decode(row: &PgRow) -> Result<NodeRow> {
    Ok(NodeRow {
        node: get(row, 0)?,
        address: get(row, 1)?,
        workflows: get(row, 2)?,
        formats: (small(get(row, 3)?)?, small(get(row, 4)?)?),
        draining: get(row, 5)?,
    })
}
