//! Claim: with three times as many starts as it can take, the engine finishes at least 90 % of what
//! it finishes at its peak, tells the others at once to come back, and its memory stays bounded.
//! Set-up: SQLite, then a private Postgres; one-step runs; the capacity by a closed loop, then open
//! loops at intended times from 0.5 to 3 times that. Client, engine and server share the cores, so
//! the refused starts cost some of them too.
//! Run: `cargo run --release -p sagaflow-benches -- overload`.

use crate::loads::{Came, closed, numbered, open, unheard};
use crate::place::{Place, one_process_each, resident};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

const SPAN: Duration = Duration::from_secs(5);

/// Watches the memory of this process while a load runs, in MB.
async fn most_memory(
    load: impl Future<Output = anyhow::Result<Came>>,
) -> anyhow::Result<(Came, u64)> {
    let (most, stop) = (Arc::<AtomicU64>::default(), Arc::<AtomicBool>::default());
    let (seen, stopped) = (Arc::clone(&most), Arc::clone(&stop));
    let watch = tokio::spawn(async move {
        while !stopped.load(Ordering::Relaxed) {
            let now = resident().unwrap_or(0.0) / 1024.0 / 1024.0;
            seen.fetch_max(now as u64, Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    let came = load.await?;
    stop.store(true, Ordering::Relaxed);
    watch.await?;
    Ok((came, most.load(Ordering::Relaxed)))
}

pub async fn measure() -> anyhow::Result<()> {
    let Some(number) = one_process_each("## More starts than can be taken\n")? else {
        return Ok(());
    };
    let Some(place) = Place::nth(number, &unheard()).await? else { return Ok(()) };
    let handle = place.handle();
    let one = move || numbered(handle.clone(), "loads.One");
    closed(64, Duration::from_secs(1), one.clone()).await?;
    let mut capacity = 0.0_f64;
    for clients in [256, 1024] {
        capacity = capacity.max(closed(clients, SPAN / 2, one.clone()).await?.rate());
    }
    println!(
        "{}; capacity in this run: {capacity:.0} runs per second, {:.3} of {}.\n",
        place.name,
        capacity / place.pairs,
        place.limit
    );
    println!("| offered | ended/s | of the peak | claim | refused | p50 ms | p99 ms | memory MB |");
    println!("|--:|--:|--:|--:|--:|--:|--:|--:|");
    let mut peak = capacity;
    for tenths in [5, 8, 10, 15, 20, 30] {
        let offered = capacity * f64::from(tenths) / 10.0;
        let (came, memory) = most_memory(open(offered, SPAN, one.clone())).await?;
        peak = peak.max(came.rate());
        let total = came.times.len() + came.refused;
        println!(
            "| {:.1} × | {:.0} | {:.2} | {} | {:.0} % | {:.1} | {:.1} | {memory} |",
            f64::from(tenths) / 10.0,
            came.rate(),
            came.rate() / peak,
            if tenths == 30 { "0.90" } else { "" },
            100.0 * came.refused as f64 / total.max(1) as f64,
            came.ms(50),
            came.ms(99)
        );
    }
    println!();
    place.close().await;
    Ok(())
}
