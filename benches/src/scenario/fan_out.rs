//! Claim (16): a run that forks into 1,000 branches of one step and joins them takes at most fifty
//! times as long as a run of one step.
//! Set-up: SQLite, then a private Postgres; one run at a time, alternating.
//! Run: `cargo run --release -p sagaflow-benches -- fan_out`.

use crate::loads::{next, numbered, run, unheard};
use crate::percentile_ms;
use crate::place::Place;
use serde_json::json;
use std::time::Instant;

const ROUNDS: usize = 15;

pub async fn measure() -> anyhow::Result<()> {
    println!("## A thousand branches, forked and joined\n");
    println!(
        "| store | branches | p50 ms | slowest ms | commits | one step, p50 ms | times | claim |"
    );
    println!("|---|--:|--:|--:|--:|--:|--:|--:|");
    for number in 0..2 {
        let Some(place) = Place::nth(number, &unheard()).await? else { continue };
        let handle = place.handle();
        for branches in [10, 100, 1000_i64] {
            let (mut ones, mut fans) = (Vec::new(), Vec::new());
            let before = place.commits();
            for _ in 0..ROUNDS {
                let begun = Instant::now();
                numbered(handle.clone(), "loads.One").await?;
                ones.push(begun.elapsed());
                let all: Vec<i64> = (0..branches).collect();
                let begun = Instant::now();
                run(&handle, "loads.Fan", json!({ "n": next(), "branches": all })).await?;
                fans.push(begun.elapsed());
            }
            ones.sort();
            fans.sort();
            let commits = place.commits() - before;
            let (one, fan) = (percentile_ms(&ones, 50), percentile_ms(&fans, 50));
            let claim = if branches == 1000 { "50" } else { "" };
            println!(
                "| {} | {branches} | {fan:.2} | {:.2} | {:.1} | {one:.2} | {:.1} | {claim} |",
                place.name,
                percentile_ms(&fans, 100),
                // Two are the one-step run's.
                commits as f64 / ROUNDS as f64 - 2.0,
                fan / one
            );
        }
        place.close().await;
    }
    Ok(())
}
