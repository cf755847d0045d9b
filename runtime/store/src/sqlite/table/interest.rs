//! `interest`: which events the programs of this store have ever taken in.

use crate::sqlite::failure::read_error;
use rusqlite::{Connection, params};
use sagaflow_core::port::{Interest, Result};
use sqlx::{Row as _, SqlitePool};

/// What runs wait for once, they may wait for ever.
pub(in crate::sqlite) const ADD: &str = "INSERT INTO interest (event, waits) VALUES (?1, ?2) \
     ON CONFLICT (event) DO UPDATE SET waits = max(waits, excluded.waits)";

pub(in crate::sqlite) const ALL: &str = "SELECT event, waits FROM interest ORDER BY event";

/// Crash: each event is there or not; the next program that starts adds what is missing before it
/// runs anything.
pub(in crate::sqlite) fn add(conn: &Connection, add: &Interest) -> rusqlite::Result<()> {
    let starts = add.starts.iter().map(|event| (event, false));
    for (event, waits) in starts.chain(add.waits.iter().map(|event| (event, true))) {
        conn.prepare_cached(ADD)?.execute(params![event, waits])?;
    }
    Ok(())
}

pub(in crate::sqlite) async fn all(db: &SqlitePool) -> Result<Interest> {
    let rows = sqlx::query(ALL).fetch_all(db).await.map_err(read_error)?;
    let mut all = Interest::default();
    for row in rows {
        let event: String = row.try_get(0).map_err(read_error)?;
        let waits: bool = row.try_get(1).map_err(read_error)?;
        all.add(event, waits);
    }
    Ok(all)
}
