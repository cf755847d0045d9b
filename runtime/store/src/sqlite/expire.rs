//! Deletes what nobody may or can want any more.

use super::commit::{BEGIN, COMMIT, perform};
use super::failure::Failure;
use super::table::{event, indexed, item, journal, key, run, shard};
use rusqlite::{Connection, params};
use sagaflow_core::id::ShardId;
use sagaflow_core::port::{EVENT_KEPT_MS, ITEM_KEPT_MS};
use sagaflow_core::time::Time;

/// Deletes at most `limit` expired runs with all that is theirs, and counts them.
pub(super) fn expire(conn: &Connection, before: Time, limit: u32) -> Result<u64, Failure> {
    perform(conn, BEGIN)?;
    let due: Vec<Vec<u8>> = {
        let mut due = conn.prepare_cached(run::DUE)?;
        due.query_map(params![before.0, limit], |row| row.get(0))?.collect::<Result<_, _>>()?
    };
    for id in &due {
        let kept = [journal::DELETE_RUN, key::DELETE_RUN, item::DELETE_RUN, indexed::DELETE_RUN];
        for text in kept.into_iter().chain([run::DELETE]) {
            conn.prepare_cached(text)?.execute([id])?;
        }
    }
    conn.prepare_cached(item::DELETE_CLOSED)?.execute([before.plus(-ITEM_KEPT_MS).0])?;
    delete_own(conn)?;
    forget_events(conn, before)?;
    // Crash: all of it is gone or none of it; the next call finds what is still due.
    perform(conn, COMMIT)?;
    Ok(due.len() as u64)
}

fn delete_own(conn: &Connection) -> Result<(), Failure> {
    let mut shards = conn.prepare_cached(shard::SETTLED)?;
    let shards = shards.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    for row in shards {
        let (shard, settled): (u32, i64) = row?;
        let shard = ShardId(shard);
        let settled = u64::try_from(settled).unwrap_or(0);
        let range = [journal::position(shard, 0), journal::position(shard, settled)];
        conn.prepare_cached(journal::DELETE_OWN)?.execute(range)?;
    }
    Ok(())
}

fn forget_events(conn: &Connection, before: Time) -> Result<(), Failure> {
    let old = before.plus(-EVENT_KEPT_MS);
    conn.prepare_cached(event::FORGET_COUNTED)?.execute([old.0])?;
    let stale: Vec<String> = {
        let mut stale = conn.prepare_cached(event::STALE)?;
        stale.query_map([old.0], |row| row.get(0))?.collect::<Result<_, _>>()?
    };
    for namespace in stale {
        let mut oldest = conn.prepare_cached(run::OLDEST)?;
        let oldest: Option<i64> = oldest.query_row([&namespace], |row| row.get(0))?;
        let until = old.0.min(oldest.unwrap_or(i64::MAX));
        conn.prepare_cached(event::FORGET)?.execute(params![namespace, until])?;
    }
    Ok(())
}
