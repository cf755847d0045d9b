//! Claims, on the embedded store (SQLite, WAL, `synchronous=FULL`), client and engine sharing the
//! cores: three-step runs at no less than 0.4 of the machine's fdatasync rate; one run alone in at
//! most four commits and a millisecond; a parked run in under 8 KB.
//! Set-up: generated code, services in Rust that do nothing. Run: `cargo xtask bench`.

use crate::chain::{closed_loop, engine, load, start};
use crate::place::EMBEDDED;
use sagaflow_engine::Handle;
use sagaflow_store::Sqlite;
use std::path::Path;
use std::time::Duration;

/// One run at a time, in turns with the disk's and the database's own times, which move from second
/// to second.
async fn alone(handle: &Handle, folder: &Path, span: Duration) -> anyhow::Result<()> {
    let (mut syncs, mut commits, mut times) = (Vec::new(), Vec::new(), Vec::new());
    let mut database = crate::OneRow::new(&folder.join("one-row.db")).await?;
    for _ in 0..8 {
        syncs.extend(crate::sync_times(folder, 8 * 1024, span / 16)?);
        commits.extend(database.times(span / 16).await?);
        times.extend(load(handle, 1, span / 8).await?.1);
    }
    syncs.sort();
    commits.sort();
    times.sort();
    let p50 = |times: &[Duration]| crate::percentile_ms(times, 50);
    println!(
        "| one run alone, p50 | p99 | fdatasync, p50 | one-row commit, p50 | claim: four commits and 1 ms |"
    );
    println!("|--:|--:|--:|--:|--:|");
    println!(
        "| {:.2} ms | {:.2} ms | {:.2} ms | {:.2} ms | {:.2} ms |\n",
        p50(&times),
        crate::percentile_ms(&times, 99),
        p50(&syncs),
        p50(&commits),
        4.0 * p50(&commits) + 1.0
    );
    Ok(())
}

/// Resident memory of this process, in bytes.
fn resident() -> anyhow::Result<f64> {
    let text = std::fs::read_to_string("/proc/self/statm")?;
    let pages: f64 = text.split(' ').nth(1).unwrap_or("0").parse()?;
    Ok(pages * 4096.0)
}

pub async fn measure() -> anyhow::Result<()> {
    let folder = tempfile::tempdir_in(".")?;
    let span = Duration::from_secs(4);
    let sync = crate::sync_rate(folder.path(), 8 * 1024, Duration::from_secs(2))?;
    let path = folder.path().join("store.db");
    let options =
        sagaflow_store::Options { shards: EMBEDDED, ..sagaflow_store::Options::new(&path) };
    let store = Sqlite::open(options).await?;
    let made = store.commits();
    let engine = engine(store).await?;
    let handle = engine.handle();
    load(&handle, 16, Duration::from_secs(1)).await?;
    println!(
        "## Three-step runs on the embedded store\n\nfdatasync of 8 KB in this run: {sync:.0} per second.\n"
    );
    alone(&handle, folder.path(), span).await?;
    closed_loop((&handle, &made), ("fdatasync", sync), span).await?;
    let (parked, at_once) = (10_000, 500);
    let before = resident()?;
    for _ in 0..parked / at_once {
        let some: Vec<_> = (0..at_once)
            .map(|_| {
                let handle = handle.clone();
                tokio::spawn(async move { start(&handle, "chain.Parked").await })
            })
            .collect();
        for task in some {
            task.await??;
        }
    }
    let each = (resident()? - before) / f64::from(parked);
    println!("\nMemory per parked run, of {parked}: {:.1} KB.", each / 1024.0);
    engine.stop().await;
    Ok(())
}
