//! Runs are found by a value among many: ten thousand, and a million in the long tier. How long it takes
//! and what the values weigh are figures, not promises: they are printed, and nothing is asserted but
//! what is found.

use crate::conformance::Harness as _;
use crate::postgres::tests::Schemas;
use crate::{Options, Sqlite};
use sagaflow_core::id::{RunId, ShardId};
use sagaflow_core::port::{Batch, IndexedRow, JournalRow, Lease, RunFilter, RunRow, Store};
use sagaflow_core::time::Time;
use std::time::Instant;

const BATCH: u64 = 2_000;

/// How many there are; each customer has ten of them.
fn runs() -> u64 {
    let all = std::env::var(sagaflow_postgres::ALL).as_deref() == Ok("1");
    if all { 1_000_000 } else { 10_000 }
}

fn run(index: u64) -> RunId {
    let at = 1_700_000_000_000 + i64::try_from(index).unwrap_or(0);
    RunId::new(at, 1, index.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes())
}

/// Runs end in no order of their customers.
fn customer(index: u64) -> String {
    format!("\"{:06}\"", index.wrapping_mul(7_919) % (runs() / 10))
}

fn land(index: u64) -> String {
    format!("\"{}\"", if index.is_multiple_of(2) { "DE" } else { "FR" })
}

fn row(index: u64) -> RunRow {
    let run = run(index);
    RunRow {
        run,
        namespace: "default".to_owned(),
        workflow: "shop.orders.FulfilOrder".to_owned(),
        version: 1,
        hash: "ab".repeat(32),
        key: Some(format!("\"{run}\"")),
        status: "completed".to_owned(),
        flags: Vec::new(),
        started_at: Time(1_700_000_000_000),
        ended_at: Some(Time(1_700_000_001_000)),
        expires_at: None,
        due_at: None,
        upto: 0,
        snapshot: None,
    }
}

fn batch(first: u64, indexed: bool) -> Batch {
    let seq = first / BATCH + 1;
    let own = JournalRow { seq, bucket: 1, class: 1, run: None, number: 0, body: Vec::new() };
    let all = first..first + BATCH;
    let value = |index: u64, name: &str, value: String| IndexedRow {
        namespace: "default".to_owned(),
        name: name.to_owned(),
        value,
        run: run(index),
    };
    let values = all.clone().filter(|_| indexed).flat_map(|index| {
        [value(index, "customer", customer(index)), value(index, "land", land(index))]
    });
    let (runs, indexed) = (all.map(row).collect(), values.collect());
    Batch { prev: seq - 1, rows: vec![own], runs, indexed, ..Batch::default() }
}

async fn filled(store: &impl Store) -> Lease {
    let lease = store.acquire(ShardId(0)).await.expect("a lease");
    for first in (0..runs()).step_by(BATCH as usize) {
        store.commit(lease, batch(first, true)).await.expect("a commit");
    }
    lease
}

/// Prints how long each search takes, the best and the worst of ten.
async fn look(kind: &str, store: &impl Store) {
    let by = |values: &[(&str, String)], after: Option<u64>| RunFilter {
        namespace: "default".to_owned(),
        indexed: values.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect(),
        after: after.map(run),
        limit: 50,
        ..RunFilter::default()
    };
    let (ann, de, nobody) = (customer(1_234), land(0), "\"none\"".to_owned());
    let half = Some(runs() / 2);
    let table = [
        ("a value of ten runs", by(&[("customer", ann.clone())], None), 10),
        ("a value of half of them", by(&[("land", de.clone())], None), 50),
        ("its page in the middle", by(&[("land", de.clone())], half), 50),
        ("a value of nobody", by(&[("customer", nobody)], None), 0),
        (
            "the rare one, then the common",
            by(&[("customer", ann.clone()), ("land", de.clone())], None),
            10,
        ),
        ("the common one, then the rare", by(&[("land", de), ("customer", ann)], None), 10),
    ];
    for (what, filter, expected) in table {
        let mut times = Vec::new();
        for _ in 0..10 {
            let begun = Instant::now();
            let found = store.runs(&filter).await.expect("runs").len();
            times.push(begun.elapsed().as_secs_f64() * 1_000.0);
            assert_eq!(found, expected, "{what}");
        }
        times.sort_by(f64::total_cmp);
        println!("{kind}: {what}: {:.2} to {:.2} ms", times[0], times[9]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_are_found_among_many_on_sqlite() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("s.db");
    let store = Sqlite::open(Options::new(&path)).await.expect("it opens");
    let lease = filled(&store).await;
    look("SQLite", &store).await;
    store.release(lease).await.expect("a release");
    drop(store);
    let file = rusqlite::Connection::open(&path).expect("a file");
    let sizes = "SELECT sum(pgsize) FROM dbstat WHERE name IN ('indexed', 'indexed_value')";
    let bytes: i64 = file.query_row(sizes, [], |row| row.get(0)).expect("a size");
    println!("SQLite: {} bytes for a value", bytes.unsigned_abs() / (2 * runs()));
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_are_found_among_many_on_postgres() {
    let Some(cluster) = sagaflow_postgres::shared() else { return };
    let schemas = Schemas::new(cluster);
    let store = schemas.fresh().await;
    let lease = filled(&store).await;
    look("Postgres, as it was filled", &store).await;
    schemas.psql("VACUUM ANALYZE {schema}.indexed");
    schemas.psql("VACUUM ANALYZE {schema}.run");
    look("Postgres, vacuumed", &store).await;
    let size = schemas.psql("SELECT pg_total_relation_size('{schema}.indexed')");
    let bytes: u64 = size.parse().expect("a size");
    println!("Postgres: {} bytes for a value", bytes / (2 * runs()));
    let position = || -> u64 {
        schemas.psql("SELECT pg_current_wal_lsn() - '0/0'").parse().expect("a position")
    };
    let mut logged = Vec::new();
    for (nth, indexed) in [false, true].into_iter().enumerate() {
        let before = position();
        for more in 0..10 {
            let first = runs() + (nth as u64 * 10 + more) * BATCH;
            store.commit(lease, batch(first, indexed)).await.expect("a commit");
        }
        logged.push(position() - before);
    }
    let more = logged[1].saturating_sub(logged[0]) / (2 * 10 * BATCH);
    println!("Postgres: {more} bytes of log for a value");
}
