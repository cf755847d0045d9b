//! What the benchmarks share: rates, percentiles, and the ladder's own measurements.
//!
//! Every report begins with the ladder, because a figure without the machine's limit beside it says
//! nothing about another machine.

use std::io::Write as _;
use std::time::{Duration, Instant};

/// The value at `percent` of sorted samples, in milliseconds.
#[must_use]
pub fn percentile_ms(sorted: &[Duration], percent: usize) -> f64 {
    let last = sorted.len().saturating_sub(1);
    let at = (sorted.len() * percent / 100).min(last);
    sorted.get(at).map_or(f64::NAN, |d| d.as_secs_f64() * 1e3)
}

/// L1: appends of `bytes` each followed by `fdatasync`, one at a time, for about `span`; per second.
///
/// # Errors
/// Where the folder cannot be written.
pub fn sync_rate(folder: &std::path::Path, bytes: usize, span: Duration) -> anyhow::Result<f64> {
    let begun = Instant::now();
    let count = u32::try_from(sync_times(folder, bytes, span)?.len())?;
    Ok(f64::from(count) / begun.elapsed().as_secs_f64())
}

/// The same, each append's own time, in the order they were made.
///
/// # Errors
/// Where the folder cannot be written.
pub fn sync_times(
    folder: &std::path::Path,
    bytes: usize,
    span: Duration,
) -> anyhow::Result<Vec<Duration>> {
    let block = vec![0x5a_u8; bytes];
    let mut file = std::fs::File::create(folder.join(format!("append-{bytes}")))?;
    let begun = Instant::now();
    let mut times = Vec::new();
    while begun.elapsed() < span {
        let before = Instant::now();
        file.write_all(&block)?;
        file.sync_data()?;
        times.push(before.elapsed());
    }
    Ok(times)
}

/// L5: row pairs per second into SQLite (WAL, `synchronous=FULL`) in transactions of `batch` pairs.
///
/// # Errors
/// Where the database cannot be made or written.
pub async fn sqlite_rate(
    folder: &std::path::Path,
    batch: usize,
    span: Duration,
) -> anyhow::Result<f64> {
    use sqlx::{Connection as _, sqlite};
    let options = sqlite::SqliteConnectOptions::new()
        .filename(folder.join(format!("ladder-{batch}.db")))
        .create_if_missing(true)
        .journal_mode(sqlite::SqliteJournalMode::Wal)
        .synchronous(sqlite::SqliteSynchronous::Full);
    let mut db = sqlite::SqliteConnection::connect_with(&options).await?;
    sqlx::query("create table journal (seq integer primary key, body blob not null) strict")
        .execute(&mut db)
        .await?;
    sqlx::query("create table run (id integer primary key, state blob not null) strict")
        .execute(&mut db)
        .await?;
    let body = [0x5a_u8; 128];
    let begun = Instant::now();
    let mut count = 0_i64;
    while begun.elapsed() < span {
        let mut tx = db.begin_with("begin immediate").await?;
        for _ in 0..batch {
            count += 1;
            sqlx::query("insert into journal (seq, body) values (?, ?)")
                .bind(count)
                .bind(&body[..])
                .execute(&mut *tx)
                .await?;
            sqlx::query("insert or replace into run (id, state) values (?, ?)")
                .bind(count % 10_000)
                .bind(&body[..])
                .execute(&mut *tx)
                .await?;
        }
        tx.commit().await?;
    }
    Ok(count as f64 / begun.elapsed().as_secs_f64())
}
