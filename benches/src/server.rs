//! Postgres on the ladder: a private server, and what it can do with the same bytes and no engine.

use sagaflow_core::id::{RunId, ShardId};
use sagaflow_core::port::{Batch, JournalRow, RunRow, Store as _};
use sagaflow_core::time::Time;
use sagaflow_postgres::{Binaries, Cluster};
use sagaflow_store::{Postgres, PostgresOptions};
use sqlx::{Connection as _, PgConnection};
use std::time::{Duration, Instant};

/// A server of the machine's own programs; none where it has none.
///
/// # Errors
/// Where it does not start.
pub fn start() -> anyhow::Result<Option<Cluster>> {
    if Binaries::find().is_err() {
        return Ok(None);
    }
    Cluster::start().map(Some)
}

/// L2: one-row transactions per second over so many connections.
///
/// # Errors
/// What the server says.
pub async fn one_row_rate(
    server: &Cluster,
    connections: usize,
    span: Duration,
) -> anyhow::Result<f64> {
    let database = server.fresh()?;
    let mut first = PgConnection::connect(database.url()).await?;
    let table = "create table row (id bigserial primary key, body bytea not null)";
    sqlx::query(table).execute(&mut first).await?;
    let begun = Instant::now();
    let writer = |url: String| async move {
        let mut conn = PgConnection::connect(&url).await?;
        let mut count = 0_u32;
        while begun.elapsed() < span {
            let insert = sqlx::query("insert into row (body) values ($1)").bind(vec![0x5a_u8; 128]);
            insert.execute(&mut conn).await?;
            count += 1;
        }
        anyhow::Ok(count)
    };
    let tasks: Vec<_> =
        (0..connections).map(|_| tokio::spawn(writer(database.url().to_string()))).collect();
    let mut count = 0;
    for task in tasks {
        count += task.await??;
    }
    Ok(f64::from(count) / begun.elapsed().as_secs_f64())
}

/// L3: rows per second, a record and a run's row each, through the store's own statement, so many
/// pairs at once, one after the other.
///
/// # Errors
/// What the store says.
pub async fn batch_rate(server: &Cluster, pairs: u32, span: Duration) -> anyhow::Result<f64> {
    let database = server.fresh()?;
    let options = PostgresOptions { shards: 1, ..PostgresOptions::new(database.url()) };
    Postgres::migrate(&options).await?;
    let store = Postgres::open(options).await?;
    let lease = store.acquire(ShardId(0)).await?;
    let begun = Instant::now();
    let mut prev = 0;
    while begun.elapsed() < span {
        let batch = pairs_after(prev, pairs);
        prev = batch.last();
        store.commit(lease, batch).await?;
    }
    Ok(prev as f64 / begun.elapsed().as_secs_f64())
}

fn pairs_after(prev: u64, pairs: u32) -> Batch {
    let numbers = prev + 1..=prev + u64::from(pairs);
    let run = |seq: u64| RunId::new(1_700_000_000_000 + seq as i64, 7, seq.to_be_bytes());
    let row = |seq: u64| JournalRow {
        seq,
        bucket: 1,
        class: 3,
        run: Some(run(seq)),
        number: 1,
        body: vec![0x5a; 128],
    };
    let index = |seq: u64| RunRow {
        run: run(seq),
        namespace: "default".to_owned(),
        workflow: "chain.Chain".to_owned(),
        version: 1,
        hash: "ab".repeat(32),
        key: Some(seq.to_string()),
        status: "running".to_owned(),
        flags: Vec::new(),
        started_at: Time(0),
        ended_at: None,
        expires_at: None,
        due_at: None,
        upto: 0,
        snapshot: None,
    };
    Batch {
        prev,
        rows: numbers.clone().map(row).collect(),
        runs: numbers.map(index).collect(),
        ..Batch::default()
    }
}
