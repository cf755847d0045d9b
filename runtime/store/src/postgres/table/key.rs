//! `start_key`: which run a key started.

use super::{Query, get, indexed};
use crate::postgres::failure::corrupt;
use crate::postgres::options::Schema;
use sagaflow_core::id::RunId;
use sagaflow_core::port::{KeyRow, Result};
use sqlx::postgres::PgRow;

/// Found by its primary key.
const READ: &str = "SELECT run, fingerprint FROM {schema}.start_key \
     WHERE namespace = $1 AND workflow = $2 AND key = $3";

pub(in crate::postgres) fn read(
    schema: &Schema,
    (namespace, workflow, key): (&str, &str, &str),
) -> Query {
    sqlx::query(schema.sql(READ))
        .bind(namespace.to_owned())
        .bind(workflow.to_owned())
        .bind(indexed(key).into_owned())
}

pub(in crate::postgres) fn decode(
    row: &PgRow,
    (namespace, workflow, key): (&str, &str, &str),
) -> Result<KeyRow> {
    let fingerprint: &[u8] = get(row, 1)?;
    Ok(KeyRow {
        namespace: namespace.to_owned(),
        workflow: workflow.to_owned(),
        key: key.to_owned(),
        run: RunId(get(row, 0)?),
        fingerprint: fingerprint
            .try_into()
            .map_err(|_| corrupt("a fingerprint is not 32 bytes"))?,
    })
}
