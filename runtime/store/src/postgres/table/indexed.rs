//! `indexed`: the values by which runs are found.

use super::Query;
use super::run::bind_page;
use crate::postgres::options::Schema;
use sagaflow_core::id::RunId;
use sagaflow_core::port::RunFilter;
use uuid::Uuid;

/// Served by `indexed_value`, walked backwards from the last page, so that a page costs the same at any
/// depth; filters, and other values beside this one, are judged on the way.
///
/// Order: each run is looked up by its key, one by one, in the order of the index. A plan for any values
/// would rather read all of them and sort.
pub(in crate::postgres) const FIND: &str = "SELECT r.run, r.namespace, workflow, version, hash, key, status, \
     flags, started_at, ended_at, expires_at, due_at, upto, NULL::bytea \
     FROM {schema}.indexed AS i CROSS JOIN LATERAL ( \
     SELECT * FROM {schema}.run AS o WHERE o.run = i.run LIMIT 1) AS r \
     WHERE i.namespace = $2 AND i.name = $8 AND i.value = $9 AND i.run < $1 \
     AND r.namespace = $2 \
     AND ($3::text IS NULL OR workflow = $3 OR right(workflow, length($3) + 1) = '.' || $3) \
     AND ($4::text IS NULL OR status = $4) AND ($5::text IS NULL OR key = $5) \
     AND ($6::bigint IS NULL OR started_at >= $6) \
     AND NOT EXISTS (SELECT FROM unnest($10::text[], $11::text[]) AS w (name, value) \
     WHERE NOT EXISTS (SELECT FROM {schema}.indexed AS x \
     WHERE x.run = i.run AND x.name = w.name AND x.value = w.value AND x.namespace = $2)) \
     ORDER BY i.run DESC LIMIT $7";

/// Of several values the place, from 1, of the one that the fewest runs have, as far as a thousand tell.
/// Served by `indexed_value`.
pub(in crate::postgres) const RAREST: &str = "SELECT w.place FROM unnest($2::text[], $3::text[]) \
     WITH ORDINALITY AS w (name, value, place) CROSS JOIN LATERAL ( \
     SELECT count(*) AS n FROM (SELECT FROM {schema}.indexed AS i WHERE i.namespace = $1 \
     AND i.name = w.name AND i.value = w.value LIMIT 1000) AS few) AS c ORDER BY c.n, w.place LIMIT 1";

/// After every run: ids are of version 7, and none of them has all bits.
const BEYOND: RunId = RunId(Uuid::max());

/// Which of several values finds the runs.
pub(in crate::postgres) fn rarest(schema: &Schema, filter: &RunFilter) -> Query {
    let (names, values): (Vec<_>, Vec<_>) = filter.indexed.iter().cloned().unzip();
    let query = sqlx::query(schema.sql(RAREST)).bind(filter.namespace.clone());
    query.bind(names).bind(values)
}

/// Newest first: the runs that have the value at a place, and all of the others.
pub(in crate::postgres) fn find(schema: &Schema, filter: &RunFilter, place: usize) -> Query {
    let others = filter.indexed.iter().enumerate().filter(|(at, _)| *at != place);
    let (names, values): (Vec<_>, Vec<_>) = others.map(|(_, one)| one.clone()).unzip();
    let (name, value) = filter.indexed.get(place).cloned().unwrap_or_default();
    let query = sqlx::query(schema.sql(FIND)).bind(filter.after.unwrap_or(BEYOND).0);
    bind_page(query, filter).bind(name).bind(value).bind(names).bind(values)
}
