//! `shard`: who may write, and up to where it is written.

use super::{int, small, uint};
use crate::held::Held;
use crate::sqlite::failure::{Failure, corrupt, read_error};
use rusqlite::{Connection, OptionalExtension as _, params};
use sagaflow_core::id::ShardId;
use sagaflow_core::port::{Batch, Error, Lease, Result};
use sqlx::{Row as _, SqliteExecutor};
use uuid::Uuid;

/// The fence: moves the positions of a batch whose epoch, owner and previous position are what is
/// stored. Another is fenced, and writes nothing.
pub(in crate::sqlite) const FENCE: &str = "UPDATE shard \
     SET last = ?5, bucket = max(bucket, ?6), checkpoint = max(checkpoint, ?7), \
     emitted = max(emitted, ?9) \
     WHERE shard = ?1 AND epoch = ?2 AND owner = ?3 AND last = ?4 AND bucket <= ?8";

/// Found by its primary key.
pub(in crate::sqlite) const READ: &str =
    "SELECT epoch, owner, last, bucket, checkpoint, emitted FROM shard WHERE shard = ?1";

pub(in crate::sqlite) const ACQUIRE: &str =
    "UPDATE shard SET epoch = epoch + 1, owner = ?2 WHERE shard = ?1 RETURNING epoch";

pub(in crate::sqlite) const RELEASE: &str =
    "UPDATE shard SET owner = NULL WHERE shard = ?1 AND epoch = ?2 AND owner = ?3";

/// Up to where nobody will read the records of each shard again, but for their history.
pub(in crate::sqlite) const SETTLED: &str = "SELECT shard, min(checkpoint, emitted) FROM shard";

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
        emitted: uint(number(5)?)?,
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

/// Moves a batch's shard; false where the batch is fenced.
pub(in crate::sqlite) fn pass(
    conn: &Connection,
    lease: Lease,
    batch: &Batch,
) -> rusqlite::Result<bool> {
    let first_bucket = batch.rows.first().map_or(i64::MAX, |row| i64::from(row.bucket));
    let moved = conn.prepare_cached(FENCE)?.execute(params![
        lease.shard.0,
        int(lease.epoch),
        lease.owner.as_bytes(),
        int(batch.prev),
        int(batch.last()),
        batch.rows.last().map_or(0, |row| row.bucket),
        batch.checkpoint.map_or(0, int),
        first_bucket,
        batch.emitted.map_or(0, int),
    ])?;
    Ok(moved > 0)
}

/// The row of one shard as the writer sees it; none where there is no such shard.
pub(in crate::sqlite) fn held(
    conn: &Connection,
    shard: ShardId,
) -> std::result::Result<Option<Held>, Failure> {
    type Row = (i64, Option<Vec<u8>>, i64, i64, i64, i64);
    let read = |row: &rusqlite::Row<'_>| -> rusqlite::Result<Row> {
        Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?))
    };
    let found = conn.prepare_cached(READ)?.query_row([shard.0], read).optional()?;
    let decode = |(epoch, owner, last, bucket, checkpoint, emitted): Row| -> Result<Held> {
        let owner = owner.map(|owner| Uuid::from_slice(&owner)).transpose();
        let owner = owner.map_err(|_| corrupt("an owner is no UUID"))?;
        let (last, checkpoint, emitted) = (uint(last)?, uint(checkpoint)?, uint(emitted)?);
        Ok(Held { epoch: uint(epoch)?, owner, last, bucket: small(bucket)?, checkpoint, emitted })
    };
    found.map(decode).transpose().map_err(Failure::Other)
}

/// Takes a shard with a fresh owner; none where there is no such shard.
pub(in crate::sqlite) fn acquire(
    conn: &Connection,
    shard: ShardId,
    owner: Uuid,
) -> rusqlite::Result<Option<i64>> {
    let mut acquire = conn.prepare_cached(ACQUIRE)?;
    acquire.query_row(params![shard.0, owner.as_bytes()], |row| row.get(0)).optional()
}

/// Gives a lease back, if it is the current one.
pub(in crate::sqlite) fn release(conn: &Connection, lease: Lease) -> rusqlite::Result<()> {
    let named = params![lease.shard.0, int(lease.epoch), lease.owner.as_bytes()];
    conn.prepare_cached(RELEASE)?.execute(named).map(drop)
}
