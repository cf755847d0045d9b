//! `shard`: who may write, and up to where it is written.

use super::{Many, Query, int, small, uint};
use crate::held::Held;
use crate::sqlite::failure::read_error;
use sagaflow_core::id::ShardId;
use sagaflow_core::port::{Batch, Error, Lease, Result};
use sqlx::{Row as _, SqliteExecutor};
use std::sync::LazyLock;
use uuid::Uuid;

/// The fence: moves the positions of those batches whose epoch, owner and previous position are what
/// is stored. The others are fenced, and write nothing.
pub(in crate::sqlite) static FENCE: LazyLock<Many> = LazyLock::new(|| {
    Many::new(
        "UPDATE shard SET last = f.column5, bucket = max(bucket, f.column6), \
         checkpoint = max(checkpoint, f.column7) FROM",
        8,
        "AS f WHERE shard.shard = f.column1 AND shard.epoch = f.column2 \
         AND shard.owner = f.column3 AND shard.last = f.column4 AND shard.bucket <= f.column8",
    )
});

/// Fails unless the fence right before it moved so many shards: what is no JSON is an error, which
/// keeps all that follows from being done.
pub(in crate::sqlite) const PASSED: &str =
    "SELECT json(CASE changes() WHEN ? THEN 'true' ELSE 'fenced' END)";

/// Found by its primary key.
pub(in crate::sqlite) const READ: &str =
    "SELECT epoch, owner, last, bucket, checkpoint FROM shard WHERE shard = ?1";

pub(in crate::sqlite) const ACQUIRE: &str =
    "UPDATE shard SET epoch = epoch + 1, owner = ?2 WHERE shard = ?1 RETURNING epoch";

pub(in crate::sqlite) const RELEASE: &str =
    "UPDATE shard SET owner = NULL WHERE shard = ?1 AND epoch = ?2 AND owner = ?3";

pub(in crate::sqlite) const CHECKPOINTS: &str = "SELECT shard, checkpoint FROM shard";

pub(in crate::sqlite) const OWNERS: &str = "SELECT shard, epoch, owner FROM shard ORDER BY shard";

/// The row of one shard.
pub(in crate::sqlite) async fn read(db: impl SqliteExecutor<'_>, shard: ShardId) -> Result<Held> {
    let found = sqlx::query(READ).bind(shard.0).fetch_optional(db).await.map_err(read_error)?;
    let row = found.ok_or_else(|| Error::Refused(format!("there is no shard `{}`", shard.0)))?;
    let number = |column| row.try_get::<i64, usize>(column).map_err(read_error);
    Ok(Held {
        epoch: uint(number(0)?)?,
        owner: row.try_get(1).map_err(read_error)?,
        last: uint(number(2)?)?,
        bucket: small(number(3)?)?,
        checkpoint: uint(number(4)?)?,
    })
}

/// Every shard with its epoch and owner.
pub(in crate::sqlite) async fn owners(
    db: impl SqliteExecutor<'_>,
) -> Result<Vec<(ShardId, u64, Option<Uuid>)>> {
    let found = sqlx::query_as::<_, (u32, i64, Option<Uuid>)>(OWNERS).fetch_all(db).await;
    let rows = found.map_err(read_error)?.into_iter();
    rows.map(|(shard, epoch, owner)| Ok((ShardId(shard), uint(epoch)?, owner))).collect()
}

pub(in crate::sqlite) fn bind(query: Query, (lease, batch): &(Lease, &Batch)) -> Query {
    let first_bucket = batch.rows.first().map_or(i64::MAX, |row| i64::from(row.bucket));
    query
        .bind(lease.shard.0)
        .bind(int(lease.epoch))
        .bind(lease.owner)
        .bind(int(batch.prev))
        .bind(int(batch.last()))
        .bind(batch.rows.last().map_or(0, |row| row.bucket))
        .bind(batch.checkpoint.map_or(0, int))
        .bind(first_bucket)
}
