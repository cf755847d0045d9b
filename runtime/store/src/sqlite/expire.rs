//! Deletes what nobody may or can want any more.

use super::commit::{BEGIN, COMMIT};
use super::failure::Failure;
use super::table::{event, item, journal, key, run, shard};
use sagaflow_core::id::ShardId;
use sagaflow_core::port::EVENT_KEPT_MS;
use sagaflow_core::time::Time;
use sqlx::SqliteConnection;

/// Deletes at most `limit` expired runs with all that is theirs, and counts them.
pub(super) async fn expire(
    conn: &mut SqliteConnection,
    before: Time,
    limit: u32,
) -> Result<u64, Failure> {
    sqlx::query(BEGIN).execute(&mut *conn).await?;
    let due = sqlx::query_scalar::<_, Vec<u8>>(run::DUE).bind(before.0).bind(limit);
    let due = due.fetch_all(&mut *conn).await?;
    for id in &due {
        for text in [journal::DELETE_RUN, key::DELETE_RUN, item::DELETE_RUN, run::DELETE] {
            sqlx::query(text).bind(id.as_slice()).execute(&mut *conn).await?;
        }
    }
    delete_own(conn).await?;
    forget_events(conn, before).await?;
    // Crash: all of it is gone or none of it; the next call finds what is still due.
    sqlx::query(COMMIT).execute(&mut *conn).await?;
    Ok(due.len() as u64)
}

async fn delete_own(conn: &mut SqliteConnection) -> Result<(), Failure> {
    let shards = sqlx::query_as::<_, (u32, i64)>(shard::CHECKPOINTS).fetch_all(&mut *conn).await?;
    for (shard, checkpoint) in shards {
        let shard = ShardId(shard);
        let checkpoint = u64::try_from(checkpoint).unwrap_or(0);
        let range = sqlx::query(journal::DELETE_OWN).bind(journal::position(shard, 0));
        range.bind(journal::position(shard, checkpoint)).execute(&mut *conn).await?;
    }
    Ok(())
}

async fn forget_events(conn: &mut SqliteConnection, before: Time) -> Result<(), Failure> {
    let old = before.plus(-EVENT_KEPT_MS);
    let stale = sqlx::query_scalar::<_, String>(event::STALE).bind(old.0);
    for namespace in stale.fetch_all(&mut *conn).await? {
        let oldest = sqlx::query_scalar::<_, Option<i64>>(run::OLDEST).bind(namespace.clone());
        let oldest = oldest.fetch_one(&mut *conn).await?.unwrap_or(i64::MAX);
        let until = old.0.min(oldest);
        sqlx::query(event::FORGET).bind(namespace).bind(until).execute(&mut *conn).await?;
    }
    Ok(())
}
