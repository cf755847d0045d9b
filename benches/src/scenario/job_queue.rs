//! Claim: as a queue of work items, one durable step each, the engine takes and finishes at least
//! 0.15 of the rows that the store's own statement can write (1), and two records an item.
//! Set-up: SQLite, then a private Postgres; one-step runs in a closed loop of 1 to 1,024 clients.
//! Run: `cargo run --release -p sagaflow-benches -- job_queue`.

use crate::loads::{closed, numbered, unheard};
use crate::place::Place;
use std::time::Duration;

pub async fn measure() -> anyhow::Result<()> {
    println!("## A queue of one-step runs\n");
    for number in 0..2 {
        let Some(place) = Place::nth(number, &unheard()).await? else { continue };
        let (name, limit, pairs) = (place.name, place.limit, place.pairs);
        println!("{name}; {limit} in this run: {pairs:.0} row pairs per second.\n");
        println!("| clients | runs/s | of {limit} | commits per step | p50 ms | p99 ms |");
        println!("|--:|--:|--:|--:|--:|--:|");
        let handle = place.handle();
        let one = move || numbered(handle.clone(), "loads.One");
        closed(16, Duration::from_secs(1), one.clone()).await?;
        for clients in [1, 16, 64, 256, 1024] {
            let before = place.commits();
            let came = closed(clients, Duration::from_secs(3), one.clone()).await?;
            println!(
                "| {clients} | {:.0} | {:.3} | {:.3} | {:.2} | {:.2} |",
                came.rate(),
                came.rate() / place.pairs,
                (place.commits() - before) as f64 / came.times.len().max(1) as f64,
                came.ms(50),
                came.ms(99)
            );
        }
        println!();
        place.close().await;
    }
    Ok(())
}
