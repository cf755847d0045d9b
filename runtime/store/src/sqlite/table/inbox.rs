//! `inbox`: messages from shard to shard, until they are taken.

use super::{Many, int, small, uint};
use crate::sqlite::failure::read_error;
use rusqlite::{Connection, params};
use sagaflow_core::id::ShardId;
use sagaflow_core::port::{Batch, MessageRow, Result, Source};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqlitePool};
use std::sync::LazyLock;

/// A message is named by its receiver and its source; what is sent under the same name replaces it.
pub(in crate::sqlite) const SEND: &str = "INSERT INTO inbox \
     (shard, src_shard, src_epoch, src_seq, src_index, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6) \
     ON CONFLICT (shard, src_shard, src_epoch, src_seq, src_index) \
     DO UPDATE SET body = excluded.body";

/// Found by its primary key; one that is not there is taken already.
pub(in crate::sqlite) const TAKE: &str = "DELETE FROM inbox WHERE shard = ?1 \
     AND src_shard = ?2 AND src_epoch = ?3 AND src_seq = ?4 AND src_index = ?5";

/// A range of the primary key.
pub(in crate::sqlite) const INBOX: &str = "SELECT src_shard, src_epoch, src_seq, src_index, body \
     FROM inbox WHERE shard = ?1 \
     AND (src_shard, src_epoch, src_seq, src_index) > (?2, ?3, ?4, ?5) \
     ORDER BY src_shard, src_epoch, src_seq, src_index LIMIT ?6";

/// One look at the primary key for each shard. Order: the shards are looked for in the table, not the
/// other way round.
pub(in crate::sqlite) static MAIL: LazyLock<Many> = LazyLock::new(|| {
    Many::new(
        "SELECT a.column1 FROM",
        1,
        "AS a WHERE EXISTS (SELECT 1 FROM inbox WHERE inbox.shard = a.column1) ORDER BY a.column1",
    )
});

/// Deletes what batches took of their own shards' messages.
pub(in crate::sqlite) fn take(
    conn: &Connection,
    batches: &[(ShardId, &Batch)],
) -> rusqlite::Result<()> {
    for (to, batch) in batches {
        for Source { shard, epoch, seq, index } in &batch.taken {
            let name = params![to.0, shard.0, int(*epoch), int(*seq), index];
            conn.prepare_cached(TAKE)?.execute(name)?;
        }
    }
    Ok(())
}

/// Writes what batches sent.
pub(in crate::sqlite) fn send(
    conn: &Connection,
    batches: &[(ShardId, &Batch)],
) -> rusqlite::Result<()> {
    for MessageRow { to, from, body } in batches.iter().flat_map(|(_, batch)| &batch.sent) {
        let Source { shard, epoch, seq, index } = from;
        let row = params![to.0, shard.0, int(*epoch), int(*seq), index, body];
        conn.prepare_cached(SEND)?.execute(row)?;
    }
    Ok(())
}

/// The messages of a shard behind this one, in order of their sources.
pub(in crate::sqlite) async fn read(
    db: &SqlitePool,
    shard: ShardId,
    after: Option<Source>,
    limit: u32,
) -> Result<Vec<MessageRow>> {
    // Before every shard where none is given.
    let (source, epoch, seq, index) = match after {
        Some(Source { shard, epoch, seq, index }) => {
            (i64::from(shard.0), int(epoch), int(seq), i64::from(index))
        }
        None => (-1, 0, 0, 0),
    };
    let query = sqlx::query(INBOX).bind(shard.0).bind(source).bind(epoch).bind(seq).bind(index);
    let query = query.bind(limit);
    let found = query.fetch_all(db).await.map_err(read_error)?;
    found.iter().map(|row| decode(shard, row)).collect()
}

/// Those of these shards that have messages, in order.
pub(in crate::sqlite) async fn mail(db: &SqlitePool, shards: &[ShardId]) -> Result<Vec<ShardId>> {
    let mut found = Vec::new();
    for (text, some) in MAIL.chunks(shards) {
        let query = MAIL.bind(sqlx::query(text), some, |query, shard| query.bind(shard.0));
        for row in query.fetch_all(db).await.map_err(read_error)? {
            found.push(ShardId(small(row.try_get(0).map_err(read_error)?)?));
        }
    }
    found.sort_unstable();
    found.dedup();
    Ok(found)
}

fn decode(to: ShardId, row: &SqliteRow) -> Result<MessageRow> {
    let number = |column| row.try_get::<i64, usize>(column).map_err(read_error);
    let from = Source {
        shard: ShardId(small(number(0)?)?),
        epoch: uint(number(1)?)?,
        seq: uint(number(2)?)?,
        index: small(number(3)?)?,
    };
    Ok(MessageRow { to, from, body: row.try_get(4).map_err(read_error)? })
}
