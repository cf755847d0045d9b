//! Claim (4): with one client a step takes at most one fsync and a millisecond (p50), and at most
//! three times that and two milliseconds (p99).
//! Set-up: SQLite, then a private Postgres; one run at a time, in turns with the disk's own times.
//! A step is measured inside runs of thirty: from one call to the next lie one commit and
//! everything else. A one-step run has two commits, a start and an end.
//! Run: `cargo run --release -p sagaflow-benches -- low_load_latency`.

use crate::loads::{Hook, numbered};
use crate::percentile_ms;
use crate::place::Place;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Turns, because a disk's speed moves from second to second.
const TURNS: u32 = 8;

type Calls = Arc<Mutex<Vec<(i64, Instant)>>>;

/// Times between one call and the next of the same run.
fn steps(calls: &Calls) -> Vec<Duration> {
    let calls = calls.lock().unwrap_or_else(PoisonError::into_inner);
    let pairs = calls.windows(2).filter_map(|pair| match pair {
        [(a, before), (b, after)] if a == b => Some(after.duration_since(*before)),
        _ => None,
    });
    let mut times: Vec<_> = pairs.collect();
    times.sort();
    times
}

pub async fn measure() -> anyhow::Result<()> {
    println!("## One step at low load\n");
    println!(
        "| store | fdatasync p50 | step p50 | claim | step p99 | claim | one-step run p50 | p99 | \
         of fdatasync |"
    );
    println!("|---|--:|--:|--:|--:|--:|--:|--:|--:|");
    for number in 0..2 {
        let calls = Calls::default();
        let told = Arc::clone(&calls);
        let hook: Hook = Arc::new(move |_, n, _| {
            told.lock().unwrap_or_else(PoisonError::into_inner).push((n, Instant::now()));
        });
        let Some(place) = Place::nth(number, &hook).await? else { continue };
        let handle = place.handle();
        let (mut syncs, mut runs) = (Vec::new(), Vec::new());
        for turn in 0..=TURNS {
            let begun = Instant::now();
            while begun.elapsed() < Duration::from_millis(700) {
                numbered(handle.clone(), "loads.Thirty").await?;
            }
            // The first turn warms everything up.
            if turn == 0 {
                calls.lock().unwrap_or_else(PoisonError::into_inner).clear();
            }
            let begun = Instant::now();
            while turn > 0 && begun.elapsed() < Duration::from_millis(300) {
                let before = Instant::now();
                numbered(handle.clone(), "loads.One").await?;
                runs.push(before.elapsed());
            }
            syncs.extend(place.sync_times(Duration::from_millis(200))?);
        }
        runs.sort();
        syncs.sort();
        let (steps, sync) = (steps(&calls), percentile_ms(&syncs, 50));
        let (p50, p99) = (percentile_ms(&steps, 50), percentile_ms(&steps, 99));
        println!(
            "| {} | {sync:.2} ms | {p50:.2} ms | {:.2} ms | {p99:.2} ms | {:.2} ms | {:.2} ms | {:.2} ms \
             | {:.1} |",
            place.name,
            sync + 1.0,
            3.0 * p50 + 2.0,
            percentile_ms(&runs, 50),
            percentile_ms(&runs, 99),
            p50 / sync,
        );
        place.close().await;
    }
    Ok(())
}
