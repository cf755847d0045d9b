//! Claims, on the embedded store (SQLite, WAL, `synchronous=FULL`), client and engine sharing the
//! cores: three-step runs at no less than 0.4 of the machine's fdatasync rate; one run alone in at
//! most four commits and a millisecond; a parked run in under 8 KB.
//! Set-up: generated code, services in Rust that do nothing. Run: `cargo xtask bench`.

use sagaflow_core::id::RunId;
use sagaflow_engine::{Bound, Engine, Handle, Options, Request, Until};
use sagaflow_store::Sqlite;
use serde_json::json;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

sagaflow::include_flow!("flows/chain.flow");

struct Idle;

impl chain::Nothing for Idle {
    async fn first(
        &self,
        _call: &sagaflow::Call,
        _n: i64,
    ) -> sagaflow::Outcome<(), sagaflow::NoError> {
        Ok(())
    }
    async fn second(
        &self,
        _call: &sagaflow::Call,
        _n: i64,
    ) -> sagaflow::Outcome<(), sagaflow::NoError> {
        Ok(())
    }
    async fn third(
        &self,
        _call: &sagaflow::Call,
        _n: i64,
    ) -> sagaflow::Outcome<(), sagaflow::NoError> {
        Ok(())
    }
}

static NEXT: AtomicI64 = AtomicI64::new(0);

async fn engine(path: &Path) -> anyhow::Result<Engine> {
    let flows: sagaflow::codegen::rt::Flows = chain::flows().nothing(Idle).into();
    let options = sagaflow_store::Options { shards: 1, ..sagaflow_store::Options::new(path) };
    let store = Arc::new(Sqlite::open(options).await?);
    let options = Options {
        namespace: "default".to_owned(),
        machines: flows.machines,
        services: flows
            .services
            .into_iter()
            .map(|(name, code)| (name, Bound::Code(code)))
            .collect(),
        paused: false,
        on_commit: None,
        member: None,
    };
    Ok(Engine::start(store, options).await?)
}

async fn start(handle: &Handle, workflow: &str) -> anyhow::Result<RunId> {
    let n = NEXT.fetch_add(1, Ordering::Relaxed);
    let request = Request { workflow: workflow.to_owned(), input: json!(n), ..Request::default() };
    Ok(handle.start(request).await?.run)
}

async fn one(handle: &Handle) -> anyhow::Result<Duration> {
    let begun = Instant::now();
    let run = start(handle, "chain.Chain").await?;
    handle.wait(run, Until::End, Duration::from_secs(60)).await?;
    Ok(begun.elapsed())
}

/// Runs per second and sorted latencies with `clients` at once.
async fn load(
    handle: &Handle,
    clients: usize,
    span: Duration,
) -> anyhow::Result<(f64, Vec<Duration>)> {
    let begun = Instant::now();
    let tasks: Vec<_> = (0..clients)
        .map(|_| {
            let handle = handle.clone();
            tokio::spawn(async move {
                let mut times = Vec::new();
                while begun.elapsed() < span {
                    times.push(one(&handle).await?);
                }
                anyhow::Ok(times)
            })
        })
        .collect();
    let mut times = Vec::new();
    for task in tasks {
        times.extend(task.await??);
    }
    let rate = times.len() as f64 / begun.elapsed().as_secs_f64();
    times.sort();
    Ok((rate, times))
}

/// One run at a time, in turns with the disk's own time, which moves from second to second.
async fn alone(handle: &Handle, folder: &Path, span: Duration) -> anyhow::Result<()> {
    let (mut syncs, mut times) = (Vec::new(), Vec::new());
    for _ in 0..8 {
        syncs.extend(sagaflow_benches::sync_times(folder, 8 * 1024, span / 16)?);
        times.extend(load(handle, 1, span / 8).await?.1);
    }
    syncs.sort();
    times.sort();
    let sync = sagaflow_benches::percentile_ms(&syncs, 50);
    println!("| one run alone, p50 | p99 | fdatasync, p50 | claim: four of them and 1 ms |");
    println!("|--:|--:|--:|--:|");
    println!(
        "| {:.2} ms | {:.2} ms | {sync:.2} ms | {:.2} ms |",
        sagaflow_benches::percentile_ms(&times, 50),
        sagaflow_benches::percentile_ms(&times, 99),
        4.0 * sync + 1.0
    );
    Ok(())
}

/// Resident memory of this process, in bytes.
fn resident() -> anyhow::Result<f64> {
    let text = std::fs::read_to_string("/proc/self/statm")?;
    let pages: f64 = text.split(' ').nth(1).unwrap_or("0").parse()?;
    Ok(pages * 4096.0)
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let folder = tempfile::tempdir_in(".")?;
    let span = Duration::from_secs(4);
    let sync = sagaflow_benches::sync_rate(folder.path(), 8 * 1024, Duration::from_secs(2))?;
    let engine = engine(&folder.path().join("store.db")).await?;
    let handle = engine.handle();
    load(&handle, 16, Duration::from_secs(1)).await?;
    println!(
        "## Three-step runs on the embedded store\n\nfdatasync of 8 KB in this run: {sync:.0} per second.\n"
    );
    alone(&handle, folder.path(), span).await?;
    println!("\n| clients | runs/s | of fdatasync | p50 ms | p99 ms |\n|--:|--:|--:|--:|--:|");
    for clients in [16, 64, 256, 1024] {
        let (rate, times) = load(&handle, clients, span).await?;
        println!(
            "| {clients} | {rate:.0} | {:.2} | {:.2} | {:.2} |",
            rate / sync,
            sagaflow_benches::percentile_ms(&times, 50),
            sagaflow_benches::percentile_ms(&times, 99)
        );
    }
    let parked = 10_000;
    let before = resident()?;
    let mut waiting = Vec::new();
    for _ in 0..parked {
        let handle = handle.clone();
        waiting.push(tokio::spawn(async move { start(&handle, "chain.Parked").await }));
    }
    for task in waiting {
        task.await??;
    }
    let each = (resident()? - before) / f64::from(parked);
    println!("Memory per parked run, of {parked}: {:.1} KB.", each / 1024.0);
    engine.stop().await;
    Ok(())
}
