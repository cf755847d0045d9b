//! `start_key`: which run a key started.

use super::{Query, get, indexed, small};
use crate::postgres::failure::corrupt;
use crate::postgres::options::Schema;
use sagaflow_core::id::RunId;
use sagaflow_core::port::{KeyName, KeyRow, Result};
use sqlx::postgres::PgRow;

/// Found by its primary key.
pub(in crate::postgres) const READ: &str = "SELECT run, fingerprint FROM {schema}.start_key \
     WHERE namespace = $1 AND workflow = $2 AND key = $3";

/// The same for several; the first column is the place of the name in the question, from 1.
///
/// Order: a first row is asked for, name by name. Without that, a plan for some hundred names reads and
/// hashes all keys of the store.
pub(in crate::postgres) const READ_MANY: &str = "SELECT f.place, k.run, k.fingerprint \
     FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY \
     AS f (namespace, workflow, key, place) CROSS JOIN LATERAL ( \
     SELECT k.run, k.fingerprint FROM {schema}.start_key AS k WHERE k.namespace = f.namespace \
     AND k.workflow = f.workflow AND k.key = f.key LIMIT 1) AS k";

pub(in crate::postgres) fn read_many(schema: &Schema, names: &[KeyName]) -> Query {
    let part = |of: fn(&KeyName) -> String| names.iter().map(of).collect::<Vec<_>>();
    sqlx::query(schema.sql(READ_MANY))
        .bind(part(|name| name.namespace.clone()))
        .bind(part(|name| name.workflow.clone()))
        .bind(part(|name| indexed(&name.key).into_owned()))
}

/// The rows of several names, each in the place of its name.
pub(in crate::postgres) fn decode_many(
    rows: &[PgRow],
    names: &[KeyName],
) -> Result<Vec<Option<KeyRow>>> {
    let mut found = vec![None; names.len()];
    for row in rows {
        let place: usize = small(get::<i64>(row, 0)?)?;
        let index = place.checked_sub(1).filter(|index| *index < names.len());
        let index = index.ok_or_else(|| corrupt("a key that nobody asked for"))?;
        let KeyName { namespace, workflow, key } = &names[index];
        found[index] = Some(decode_from(row, 1, (namespace, workflow, key))?);
    }
    Ok(found)
}

pub(in crate::postgres) fn read(
    schema: &Schema,
    (namespace, workflow, key): (&str, &str, &str),
) -> Query {
    sqlx::query(schema.sql(READ))
        .bind(namespace.to_owned())
        .bind(workflow.to_owned())
        .bind(indexed(key).into_owned())
}

pub(in crate::postgres) fn decode(row: &PgRow, name: (&str, &str, &str)) -> Result<KeyRow> {
    decode_from(row, 0, name)
}

fn decode_from(
    row: &PgRow,
    first: usize,
    (namespace, workflow, key): (&str, &str, &str),
) -> Result<KeyRow> {
    let fingerprint: &[u8] = get(row, first + 1)?;
    Ok(KeyRow {
        namespace: namespace.to_owned(),
        workflow: workflow.to_owned(),
        key: key.to_owned(),
        run: RunId(get(row, first)?),
        fingerprint: fingerprint
            .try_into()
            .map_err(|_| corrupt("a fingerprint is not 32 bytes"))?,
    })
}
