//! Claims: short runs leave no dead rows (8); throughput keeps at least 90 % of itself while a
//! transaction is held open, and while four readers scan (9); from the first to the last window
//! throughput and p99 drift by at most 5 % (10).
//! Set-up: a private Postgres; three-step runs, 128 clients in a closed loop without a pause, in
//! windows; a third of the time alone, a third beside a transaction that keeps its snapshot, a
//! third beside four readers that scan the journal and the runs every second; then alone again.
//! Run: `cargo run --release -p sagaflow-benches -- bloat`; minutes may follow: 5 if nothing is
//! said, 60 for the long form.

use crate::loads::{Came, closed, numbered, unheard};
use crate::place::Place;
use anyhow::Context as _;
use sqlx::{Connection as _, PgConnection};
use std::time::Duration;

const CLIENTS: usize = 128;

/// What the journal's readers see at a time.
const SCANS: [&str; 2] = [
    "SELECT count(*), sum(length(body)) FROM flow.journal",
    "SELECT count(*), max(upto) FROM flow.run WHERE status <> 'completed'",
];

/// Between two scans of one reader, which would otherwise only show that cores are shared.
const SCAN_EVERY: Duration = Duration::from_secs(1);

/// What happens beside the load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Beside {
    Nothing,
    Snapshot,
    Readers,
}

/// Connections that do it; it ends with them.
async fn begin(beside: Beside, url: &str) -> anyhow::Result<Vec<tokio::task::AbortHandle>> {
    let mut all = Vec::new();
    match beside {
        Beside::Nothing => {}
        Beside::Snapshot => {
            let mut conn = PgConnection::connect(url).await?;
            let open = "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM flow.shard";
            sqlx::raw_sql(open).execute(&mut conn).await?;
            let held = tokio::spawn(async move {
                std::future::pending::<()>().await;
                drop(conn);
            });
            all.push(held.abort_handle());
        }
        Beside::Readers => {
            for reader in 0..4 {
                let mut conn = PgConnection::connect(url).await?;
                let scan = SCANS[reader % SCANS.len()];
                let reads = tokio::spawn(async move {
                    // A reader whose connection is gone reads no more.
                    while sqlx::raw_sql(scan).execute(&mut conn).await.is_ok() {
                        tokio::time::sleep(SCAN_EVERY).await;
                    }
                });
                all.push(reads.abort_handle());
            }
        }
    }
    Ok(all)
}

/// Dead rows and sizes of the tables.
fn tables(place: &Place) -> anyhow::Result<String> {
    let database = place.database.as_ref().context("a scenario on a server")?;
    database.psql(
        "SELECT string_agg(format('%s %s dead, %s MB', relname, n_dead_tup, \
         pg_total_relation_size(relid) / 1048576), '; ' ORDER BY relname) \
         FROM pg_stat_user_tables WHERE schemaname = 'flow' AND n_tup_ins > 0",
    )
}

/// How far the last half of the windows is from the first, in percent.
fn drift(first: &[f64], last: &[f64]) -> f64 {
    let mean = |all: &[f64]| all.iter().sum::<f64>() / all.len().max(1) as f64;
    100.0 * (mean(last) - mean(first)) / mean(first)
}

pub async fn measure(args: &[String]) -> anyhow::Result<()> {
    let minutes = args.first().map(|text| text.parse()).transpose();
    let minutes: f64 = minutes.context("a number of minutes")?.unwrap_or(5.0);
    println!("## {minutes} minutes without a pause\n");
    let Some(place) = Place::postgres(unheard()).await? else {
        println!("Not measured: this machine has no Postgres.");
        return Ok(());
    };
    let url = place.url().context("a server")?.to_owned();
    let handle = place.handle();
    let one = move || numbered(handle.clone(), "loads.Three");
    closed(CLIENTS, Duration::from_secs(3), one.clone()).await?;
    let phases = [Beside::Nothing, Beside::Snapshot, Beside::Readers, Beside::Nothing];
    // Bound: enough windows for a drift, none shorter than what a checkpoint of the server
    // disturbs.
    let windows = 4_u32;
    let window = Duration::from_secs_f64(minutes * 60.0 / f64::from(windows) / phases.len() as f64);
    println!("{} in this run: {:.0} row pairs per second.\n", place.limit, place.pairs);
    println!(
        "| beside it | runs/s | of {} | of alone | p99 ms | runs/s, drift | p99, drift |",
        place.limit
    );
    println!("|---|--:|--:|--:|--:|--:|--:|");
    let mut alone = 0.0;
    for beside in phases {
        let others = begin(beside, &url).await?;
        let (mut rates, mut tails) = (Vec::new(), Vec::new());
        for _ in 0..windows {
            let came: Came = closed(CLIENTS, window, one.clone()).await?;
            rates.push(came.rate());
            tails.push(came.ms(99));
        }
        others.iter().for_each(tokio::task::AbortHandle::abort);
        let mean = |all: &[f64]| all.iter().sum::<f64>() / all.len() as f64;
        if alone == 0.0 {
            alone = mean(&rates);
        }
        let half = rates.len() / 2;
        println!(
            "| {beside:?} | {:.0} | {:.3} | {:.2} | {:.1} | {:+.1} % | {:+.1} % |",
            mean(&rates),
            mean(&rates) / place.pairs,
            mean(&rates) / alone,
            mean(&tails),
            drift(&rates[..half], &rates[half..]),
            drift(&tails[..half], &tails[half..]),
        );
    }
    println!("\nTables at the end: {}.", tables(&place)?);
    place.close().await;
    Ok(())
}
