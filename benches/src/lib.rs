//! What the benchmarks share: rates, percentiles, and the ladder's own measurements.
//!
//! Every report begins with the ladder, because a figure without the machine's limit beside it says
//! nothing about another machine.

pub mod chain;
pub mod loads;
pub mod place;
pub mod scenario;
pub mod server;

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

/// A database in SQLite (WAL, `synchronous=FULL`) that takes a journal row and a run's row at a time,
/// in as few trips to its thread as there can be.
pub struct OneRow {
    db: sqlx::SqliteConnection,
    next: i64,
}

impl OneRow {
    /// Makes the database.
    ///
    /// # Errors
    /// Where it cannot be made.
    pub async fn new(path: &std::path::Path) -> anyhow::Result<Self> {
        use sqlx::{Connection as _, sqlite};
        let options = sqlite::SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(sqlite::SqliteJournalMode::Wal)
            .synchronous(sqlite::SqliteSynchronous::Full);
        let mut db = sqlx::SqliteConnection::connect_with(&options).await?;
        for table in [
            "create table journal (seq integer primary key, body blob not null) strict",
            "create table run (id integer primary key, state blob not null) strict",
        ] {
            sqlx::query(table).execute(&mut db).await?;
        }
        Ok(Self { db, next: 0 })
    }

    /// One transaction of so many pairs of rows: begin, two insertions, commit, sent at once.
    ///
    /// # Errors
    /// What the database says.
    pub async fn commit(&mut self, pairs: usize) -> anyhow::Result<()> {
        let rows = vec!["(?, ?)"; pairs].join(", ");
        let text = format!(
            "begin immediate; insert into journal (seq, body) values {rows}; \
             insert or replace into run (id, state) values {rows}; commit"
        );
        let body = [0x5a_u8; 128];
        let numbers = self.next + 1..=self.next + i64::try_from(pairs)?;
        let mut query = sqlx::query(sqlx::AssertSqlSafe(text));
        for seq in numbers.clone() {
            query = query.bind(seq).bind(body.to_vec());
        }
        for seq in numbers.clone() {
            query = query.bind(seq % 10_000).bind(body.to_vec());
        }
        self.next = *numbers.end();
        query.execute(&mut self.db).await?;
        Ok(())
    }

    /// The times of transactions of one pair, one after the other.
    ///
    /// # Errors
    /// What the database says.
    pub async fn times(&mut self, span: Duration) -> anyhow::Result<Vec<Duration>> {
        let begun = Instant::now();
        let mut times = Vec::new();
        while begun.elapsed() < span {
            let before = Instant::now();
            self.commit(1).await?;
            times.push(before.elapsed());
        }
        Ok(times)
    }
}

/// L5: row pairs per second into SQLite in transactions of `pairs` pairs.
///
/// # Errors
/// Where the database cannot be made or written.
pub async fn sqlite_rate(
    folder: &std::path::Path,
    pairs: usize,
    span: Duration,
) -> anyhow::Result<f64> {
    let mut database = OneRow::new(&folder.join(format!("ladder-{pairs}.db"))).await?;
    let begun = Instant::now();
    while begun.elapsed() < span {
        database.commit(pairs).await?;
    }
    Ok(database.next as f64 / begun.elapsed().as_secs_f64())
}
