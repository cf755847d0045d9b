//! How fast one file takes three-step runs, beside how fast the disk takes `fdatasync`.
//!
//! `cargo run --release -p sagaflow-store --example throughput [FOLDER]`; the folder should be on
//! the disk that will hold the store. Both numbers come from the same minute on the same machine,
//! and only their ratio means anything.

use sagaflow_core::id::{RunId, ShardId};
use sagaflow_core::port::{Batch, JournalRow, KeyRow, RunRow, Store};
use sagaflow_core::time::Time;
use sagaflow_store::{Options, Sqlite};
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

const SHARDS: u32 = 16;
const MEASURED: Duration = Duration::from_secs(3);

/// Appends of 8 KB, each forced to the disk.
fn syncs_per_second(folder: &Path) -> std::io::Result<f64> {
    let path = folder.join("throughput.sync");
    let mut file = std::fs::File::create(&path)?;
    let (start, mut count) = (Instant::now(), 0_u32);
    while start.elapsed() < MEASURED {
        file.write_all(&[7; 8_192])?;
        file.sync_data()?;
        count += 1;
    }
    let rate = f64::from(count) / start.elapsed().as_secs_f64();
    std::fs::remove_file(path)?;
    Ok(rate)
}

/// Record `number` of four of each of `width` runs, with what starts and ends write beside it.
fn batch(shard: u32, prev: u64, first: u64, width: u64, number: u64) -> Batch {
    let id = |index: u64| {
        RunId::new(1_700_000_000_000 + i64::try_from(index / 100).unwrap_or(0), 1, {
            let mixed = index.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ u64::from(shard);
            mixed.to_be_bytes()
        })
    };
    let mut batch = Batch { prev, ..Batch::default() };
    for index in 0..width {
        let run = id(first + index);
        let seq = prev + 1 + index;
        let (class, run_of) = (3, Some(run));
        batch.rows.push(JournalRow {
            seq,
            bucket: 1,
            class,
            run: run_of,
            number,
            body: vec![b'x'; 300],
        });
        let (workflow, key) = ("shop.orders.FulfilOrder".to_owned(), run.to_string());
        let namespace = "default".to_owned();
        if number == 1 {
            let (namespace, workflow, key) = (namespace.clone(), workflow.clone(), key.clone());
            batch.keys.push(KeyRow { namespace, workflow, key, run, fingerprint: [1; 32] });
        }
        if number == 1 || number == 4 {
            let end = (number == 4).then_some(Time(2));
            batch.runs.push(RunRow {
                run,
                namespace,
                workflow,
                version: 1,
                hash: "ab".repeat(32),
                key: Some(key),
                status: if end.is_some() { "completed" } else { "running" }.to_owned(),
                flags: Vec::new(),
                started_at: Time(1),
                ended_at: end,
                expires_at: end,
                due_at: None,
                upto: seq,
                snapshot: None,
            });
        }
    }
    batch
}

/// Runs per second over all shards, with `width` runs in flight on each, and commits per second.
async fn runs_per_second(folder: &Path, shards: u32, width: u64) -> (f64, f64) {
    let path = folder.join(format!("throughput-{shards}-{width}.db"));
    let store = Sqlite::open(Options { shards: SHARDS, ..Options::new(&path) }).await;
    let store = store.expect("a store can be made in the folder");
    let start = Instant::now();
    let mut loops = tokio::task::JoinSet::new();
    for shard in 0..shards {
        let store = store.clone();
        loops.spawn(async move {
            let lease = store.acquire(ShardId(shard)).await.expect("a lease");
            let (mut prev, mut runs, mut commits) = (0, 0, 0_u64);
            while start.elapsed() < MEASURED {
                for number in 1..=4 {
                    let sent = batch(shard, prev, runs, width, number);
                    store.commit(lease, sent).await.expect("a commit");
                    prev += width;
                    commits += 1;
                }
                runs += width;
            }
            (runs, commits)
        });
    }
    let (runs, commits) =
        loops.join_all().await.into_iter().fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
    let seconds = start.elapsed().as_secs_f64();
    drop(store);
    for suffix in ["", "-wal", "-shm", ".lock"] {
        let _ = std::fs::remove_file(format!("{}{suffix}", path.display()));
    }
    (per(runs, seconds), per(commits, seconds))
}

fn per(count: u64, seconds: f64) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX)) / seconds
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let folder = std::env::args().nth(1).unwrap_or_else(|| ".".to_owned());
    let folder = Path::new(&folder);
    let syncs = syncs_per_second(folder)?;
    println!("fdatasync of 8 KB           {syncs:>9.0}/s");
    println!("shards  width    runs/s   of fdatasync   batches/s");
    for (shards, width) in [(1, 1), (1, 16), (16, 1), (16, 8), (16, 64)] {
        let (runs, commits) = runs_per_second(folder, shards, width).await;
        println!("{shards:>6} {width:>6} {runs:>9.0} {:>13.2}x {commits:>11.0}", runs / syncs);
    }
    Ok(())
}
