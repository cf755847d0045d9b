//! Claim: undoing is as cheap as doing: with a fifth of the runs failing at step 4 of 5, and all
//! that they did undone, effects per second stay within a fifth of those without failures; nothing
//! is left undone.
//! Set-up: SQLite, then a private Postgres; five-step runs, 256 clients in a closed loop, first
//! without failures, then with; every undo is counted by the service.
//! Run: `cargo run --release -p sagaflow-benches -- saga_storm`.

use crate::loads::{Hook, closed, next, run};
use crate::place::Place;
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

pub async fn measure() -> anyhow::Result<()> {
    println!("## A fifth of the runs fails at step 4 of 5\n");
    println!("| store | failing | runs/s | effects/s | of limit | undone | p50 ms | p99 ms |");
    println!("|---|--:|--:|--:|--:|--:|--:|--:|");
    for number in 0..2 {
        let (done, undone) = (Arc::<AtomicU64>::default(), Arc::<AtomicU64>::default());
        let (does, undoes) = (Arc::clone(&done), Arc::clone(&undone));
        let hook: Hook = Arc::new(move |_, _, leg| {
            let counter = if leg > 0 { &does } else { &undoes };
            counter.fetch_add(1, Ordering::Relaxed);
        });
        let Some(place) = Place::nth(number, &hook).await? else { continue };
        for failing in [0, 20] {
            let handle = place.handle();
            let one = move || {
                let handle = handle.clone();
                async move {
                    let n = next();
                    let full = failing > 0 && n % (100 / failing) == 0;
                    run(&handle, "loads.Trip", json!({ "n": n, "full": full })).await
                }
            };
            let failed = || place.handle().counters().failed.load(Ordering::Relaxed);
            let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
            let (made, back, before) = (count(&done), count(&undone), failed());
            let came = closed(256, Duration::from_secs(5), one).await?;
            let (made, back) = (count(&done) - made, count(&undone) - back);
            let due = 3 * (failed() - before);
            anyhow::ensure!(back == due, "{back} undos of {due}");
            let effects = (made + back) as f64 / came.took.as_secs_f64();
            println!(
                "| {} | {failing} % | {:.0} | {effects:.0} | {:.3} of {} | {back} of {due} | {:.2} | {:.2} |",
                place.name,
                came.rate(),
                effects / place.pairs,
                place.limit,
                came.ms(50),
                came.ms(99)
            );
        }
        place.close().await;
    }
    Ok(())
}
