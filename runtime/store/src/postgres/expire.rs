//! Deletes what nobody may or can want any more, in one statement.

use super::options::Schema;
use super::table::Query;
use sagaflow_core::port::{EVENT_KEPT_MS, ITEM_KEPT_MS};
use sagaflow_core::time::Time;

/// Order: a run is deleted first, judged again on its newest version after a wait for a batch under
/// way; only what is of a run that went goes with it.
///
/// Crash: all of it is gone or none of it; the next call finds what is still due.
const EXPIRE: &str = "WITH due AS MATERIALIZED ( \
     SELECT run FROM {schema}.run WHERE expires_at < $1 AND ended_at IS NOT NULL \
     AND NOT EXISTS (SELECT FROM {schema}.journal AS j JOIN {schema}.shard AS s USING (shard) \
     WHERE j.run = run.run AND j.seq > least(s.checkpoint, s.emitted)) ORDER BY expires_at, run LIMIT $2 \
     ), gone AS ( \
     DELETE FROM {schema}.run AS r USING due WHERE r.run = due.run \
     AND r.expires_at < $1 AND r.ended_at IS NOT NULL RETURNING r.run \
     ), j AS (DELETE FROM {schema}.journal AS j USING gone WHERE j.run = gone.run \
     ), k AS (DELETE FROM {schema}.start_key AS k USING gone WHERE k.run = gone.run \
     ), x AS (DELETE FROM {schema}.indexed AS x USING gone WHERE x.run = gone.run \
     ), i AS (DELETE FROM {schema}.item AS i USING gone WHERE i.run = gone.run \
     ), c AS (DELETE FROM {schema}.item WHERE run IS NULL AND NOT open AND at < $4 \
     ), o AS (DELETE FROM {schema}.journal AS o USING {schema}.shard AS s \
     WHERE o.run IS NULL AND o.shard = s.shard AND o.seq <= least(s.checkpoint, s.emitted) \
     ), stale AS MATERIALIZED (SELECT DISTINCT namespace FROM {schema}.event WHERE at < $3 \
     ), until AS MATERIALIZED (SELECT namespace, least($3, (SELECT min(started_at) \
     FROM {schema}.run AS r WHERE r.ended_at IS NULL AND r.namespace = stale.namespace)) AS at \
     FROM stale \
     ), e AS (DELETE FROM {schema}.event AS e USING until \
     WHERE e.namespace = until.namespace AND e.at < $3 AND (e.at < until.at OR e.number = 0)) \
     SELECT count(*) FROM gone";

/// At most `limit` runs, and what was theirs.
pub(super) fn expire(schema: &Schema, before: Time, limit: u32) -> Query {
    let (old, closed) = (before.plus(-EVENT_KEPT_MS), before.plus(-ITEM_KEPT_MS));
    sqlx::query(schema.sql(EXPIRE)).bind(before.0).bind(i64::from(limit)).bind(old.0).bind(closed.0)
}
