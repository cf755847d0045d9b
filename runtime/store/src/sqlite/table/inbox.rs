//! `inbox`: messages from shard to shard, until they are taken.

use super::{Many, Query, int, small, uint};
use crate::sqlite::failure::read_error;
use sagaflow_core::id::ShardId;
use sagaflow_core::port::{MessageRow, Result, Source};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqlitePool};
use std::sync::LazyLock;

/// A message is named by its receiver and its source; what is sent under the same name replaces it.
pub(in crate::sqlite) static SEND: LazyLock<Many> = LazyLock::new(|| {
    Many::insert(
        "inbox (shard, src_shard, src_epoch, src_seq, src_index, body)",
        6,
        "ON CONFLICT (shard, src_shard, src_epoch, src_seq, src_index) \
         DO UPDATE SET body = excluded.body",
    )
});

/// Found by its primary key; one that is not there is taken already.
pub(in crate::sqlite) static TAKE: LazyLock<Many> = LazyLock::new(|| {
    Many::new("DELETE FROM inbox WHERE (shard, src_shard, src_epoch, src_seq, src_index) IN", 5, "")
});

/// A range of the primary key.
pub(in crate::sqlite) const INBOX: &str = "SELECT src_shard, src_epoch, src_seq, src_index, body \
     FROM inbox WHERE shard = ?1 \
     ORDER BY src_shard, src_epoch, src_seq, src_index LIMIT ?2";

/// One look at the primary key for each shard. Order: the shards are looked for in the table, not the
/// other way round.
pub(in crate::sqlite) static MAIL: LazyLock<Many> = LazyLock::new(|| {
    Many::new(
        "SELECT a.column1 FROM",
        1,
        "AS a WHERE EXISTS (SELECT 1 FROM inbox WHERE inbox.shard = a.column1) ORDER BY a.column1",
    )
});

pub(in crate::sqlite) fn bind_sent(query: Query, row: &&MessageRow) -> Query {
    bind_source(query.bind(row.to.0), row.from).bind(row.body.clone())
}

pub(in crate::sqlite) fn bind_taken(query: Query, (shard, source): &(ShardId, Source)) -> Query {
    bind_source(query.bind(shard.0), *source)
}

fn bind_source(query: Query, source: Source) -> Query {
    query.bind(source.shard.0).bind(int(source.epoch)).bind(int(source.seq)).bind(source.index)
}

/// The messages of a shard, in order of their sources.
pub(in crate::sqlite) async fn read(
    db: &SqlitePool,
    shard: ShardId,
    limit: u32,
) -> Result<Vec<MessageRow>> {
    let query = sqlx::query(INBOX).bind(shard.0).bind(limit);
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
