//! `shard`: who may write, until when, and up to where it is written.

use super::{Query, get, short, small, uint};
use crate::held::Held;
use crate::postgres::options::Schema;
use sagaflow_core::id::ShardId;
use sagaflow_core::port::{Lease, OwnerRow, Result};
use sqlx::postgres::PgRow;
use uuid::Uuid;

/// Found by its primary key. In one statement, because the clock must be of the row's time.
pub(in crate::postgres) const READ: &str = "SELECT s.shard, s.epoch, s.owner, s.last, s.bucket, \
     s.checkpoint, s.node, s.lease_until::text, n.address, s.emitted FROM {schema}.shard AS s \
     LEFT JOIN {schema}.node AS n ON n.node = s.node WHERE s.shard = ANY ($1)";

/// Takes a shard that is free, whose lease has run out by the server's clock, or that this process
/// holds. The condition is judged again on the row's newest version after a wait for a batch under
/// way, and the epoch begins at the server's timeline (the first eight hexadecimal digits of a log
/// file's name), so that a failover that lost an acquisition gives no epoch twice.
pub(in crate::postgres) const ACQUIRE: &str = "UPDATE {schema}.shard SET epoch = greatest(epoch, \
     ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::bigint << 32) + 1, \
     owner = $2, node = $3, \
     lease_until = clock_timestamp() + $4::bigint * interval '1 millisecond' \
     WHERE shard = $1 AND (owner IS NULL OR owner = ANY ($5) OR ($6 AND node = $3) \
     OR lease_until <= clock_timestamp()) \
     RETURNING epoch";

/// Order: rows are locked in the order of shards, as by every statement that locks several, because
/// two that lock them in different orders can wait for each other.
pub(in crate::postgres) const RENEW: &str = "WITH held AS MATERIALIZED ( \
     SELECT s.shard FROM {schema}.shard AS s \
     JOIN unnest($1::integer[], $2::bigint[], $3::uuid[]) AS a (shard, epoch, owner) \
     ON s.shard = a.shard AND s.epoch = a.epoch AND s.owner = a.owner \
     ORDER BY s.shard FOR NO KEY UPDATE OF s) \
     UPDATE {schema}.shard AS s \
     SET lease_until = clock_timestamp() + $4::bigint * interval '1 millisecond' \
     FROM held WHERE s.shard = held.shard RETURNING s.shard, s.epoch, s.owner";

pub(in crate::postgres) const RELEASE: &str = "UPDATE {schema}.shard \
     SET owner = NULL, node = NULL, lease_until = '-infinity' \
     WHERE shard = $1 AND epoch = $2 AND owner = $3";

pub(in crate::postgres) const OWNERS: &str = "SELECT shard, epoch, node, \
     owner IS NOT NULL AND lease_until > clock_timestamp() FROM {schema}.shard ORDER BY shard";

/// A shard as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::postgres) struct ShardRow {
    pub shard: ShardId,
    /// What a tail is judged by: a renewal alone changes nothing of it.
    pub held: Held,
    /// Who has it until when, in words.
    pub holder: String,
}

impl ShardRow {
    pub fn decode(row: &PgRow) -> Result<Self> {
        let node: Option<Uuid> = get(row, 6)?;
        let address: Option<String> = get(row, 8)?;
        let node = node.map_or_else(|| "nobody".to_owned(), |node| format!("node {node}"));
        let address = address.map(|address| format!(" ({address})")).unwrap_or_default();
        let until: String = get(row, 7)?;
        Ok(Self {
            shard: ShardId(small(get::<i32>(row, 0)?.into())?),
            held: Held {
                epoch: uint(row, 1)?,
                owner: get(row, 2)?,
                last: uint(row, 3)?,
                bucket: small(get::<i32>(row, 4)?.into())?,
                checkpoint: uint(row, 5)?,
                emitted: uint(row, 9)?,
            },
            holder: format!("{node}{address} until {until}"),
        })
    }
}

pub(in crate::postgres) fn read(schema: &Schema, shards: &[ShardId]) -> Query {
    let shards: Vec<i32> = shards.iter().map(|shard| short(shard.0)).collect();
    sqlx::query(schema.sql(READ)).bind(shards)
}

pub(in crate::postgres) fn owner_row(row: &PgRow) -> Result<OwnerRow> {
    Ok(OwnerRow {
        shard: ShardId(small(get::<i32>(row, 0)?.into())?),
        epoch: uint(row, 1)?,
        node: get(row, 2)?,
        live: get(row, 3)?,
    })
}

/// A lease that was renewed.
pub(in crate::postgres) fn lease(row: &PgRow) -> Result<Lease> {
    let shard = ShardId(small(get::<i32>(row, 0)?.into())?);
    Ok(Lease { shard, epoch: uint(row, 1)?, owner: get(row, 2)? })
}
