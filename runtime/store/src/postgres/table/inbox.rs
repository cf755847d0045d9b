//! `inbox`: messages from shard to shard, until they are taken.

use super::{Query, get, int, short, small, uint};
use crate::postgres::options::Schema;
use sagaflow_core::id::ShardId;
use sagaflow_core::port::{MessageRow, Result, Source};
use sqlx::postgres::PgRow;

/// A range of the primary key.
pub(in crate::postgres) const INBOX: &str = "SELECT shard, src_shard, src_epoch, src_seq, src_index, body \
     FROM {schema}.inbox WHERE shard = $1 \
     AND (src_shard, src_epoch, src_seq, src_index) > ($2, $3, $4, $5) \
     ORDER BY src_shard, src_epoch, src_seq, src_index LIMIT $6";

/// One look at the primary key for each shard. Order: a first row is asked for, which no plan can turn
/// into a scan of the table.
pub(in crate::postgres) const MAIL: &str = "SELECT a.shard FROM unnest($1::integer[]) AS a (shard) \
     CROSS JOIN LATERAL (SELECT FROM {schema}.inbox AS i WHERE i.shard = a.shard \
     ORDER BY i.src_shard, i.src_epoch, i.src_seq, i.src_index LIMIT 1) AS i \
     GROUP BY a.shard ORDER BY a.shard";

/// The messages of a shard behind this one, in order of their sources.
pub(in crate::postgres) fn read(
    schema: &Schema,
    shard: ShardId,
    after: Option<Source>,
    limit: u32,
) -> Query {
    // Before every shard where none is given.
    let (source, epoch, seq, index) = match after {
        Some(Source { shard, epoch, seq, index }) => {
            (short(shard.0), int(epoch), int(seq), short(index))
        }
        None => (-1, 0, 0, 0),
    };
    let query = sqlx::query(schema.sql(INBOX)).bind(short(shard.0)).bind(source);
    query.bind(epoch).bind(seq).bind(index).bind(i64::from(limit))
}

/// Those of these shards that have messages, in order.
pub(in crate::postgres) fn mail(schema: &Schema, shards: &[ShardId]) -> Query {
    let shards: Vec<i32> = shards.iter().map(|shard| short(shard.0)).collect();
    sqlx::query(schema.sql(MAIL)).bind(shards)
}

/// A shard that has messages.
pub(in crate::postgres) fn decode_shard(row: &PgRow) -> Result<ShardId> {
    Ok(ShardId(small(get::<i32>(row, 0)?.into())?))
}

pub(in crate::postgres) fn decode(row: &PgRow) -> Result<MessageRow> {
    let from = Source {
        shard: ShardId(small(get::<i32>(row, 1)?.into())?),
        epoch: uint(row, 2)?,
        seq: uint(row, 3)?,
        index: small(get::<i32>(row, 4)?.into())?,
    };
    Ok(MessageRow { to: decode_shard(row)?, from, body: get(row, 5)? })
}
