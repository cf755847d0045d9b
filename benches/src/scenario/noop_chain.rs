//! Claims: durable steps at no less than 0.15 of the rows that the store's own statement can write
//! (1); at 50 and 80 % of its own capacity a step ends within 25 and 50 ms (5, p99, from the
//! intended start); 0.02 commits per effect at capacity, and (k + 1)/k of them with one client (6).
//! Set-up: SQLite, then a private Postgres; runs of 1, 3, 9 and 30 steps that do nothing; a closed
//! loop of 1 to 1,024 clients, then an open loop of one-step runs at intended times.
//! Run: `cargo run --release -p sagaflow-benches -- noop_chain`.

use crate::loads::{closed, numbered, open, unheard};
use crate::place::Place;
use std::time::Duration;

const SPAN: Duration = Duration::from_secs(2);

const CHAINS: [(usize, &str); 4] =
    [(1, "loads.One"), (3, "loads.Three"), (9, "loads.Nine"), (30, "loads.Thirty")];

/// The capacity that was found for one-step runs, in runs per second.
async fn closed_loops(place: &Place) -> anyhow::Result<f64> {
    let limit = place.limit;
    println!(
        "| steps | clients | runs/s | steps/s | of {limit} | commits per step | p50 ms | p99 ms |"
    );
    println!("|--:|--:|--:|--:|--:|--:|--:|--:|");
    let mut capacity = 0.0_f64;
    for (steps, workflow) in CHAINS {
        let handle = place.handle();
        let one = move || numbered(handle.clone(), workflow);
        for clients in [1, 16, 128, 1024] {
            let before = place.commits();
            let came = closed(clients, SPAN, one.clone()).await?;
            let made = (came.times.len().max(1) * steps) as f64;
            println!(
                "| {steps} | {clients} | {:.0} | {:.0} | {:.3} | {:.3} | {:.2} | {:.2} |",
                came.rate(),
                came.rate() * steps as f64,
                came.rate() * steps as f64 / place.pairs,
                (place.commits() - before) as f64 / made,
                came.ms(50),
                came.ms(99)
            );
            if steps == 1 {
                capacity = capacity.max(came.rate());
            }
        }
    }
    Ok(capacity)
}

async fn open_loops(place: &Place, capacity: f64) -> anyhow::Result<()> {
    println!(
        "\nOne-step runs at intended times; capacity in this run: {capacity:.0} per second.\n"
    );
    println!("| of capacity | offered/s | ended/s | refused | p50 ms | p99 ms | claim |");
    println!("|--:|--:|--:|--:|--:|--:|--:|");
    for (percent, claim) in [(50, 25), (80, 50)] {
        let (offered, handle) = (capacity * f64::from(percent) / 100.0, place.handle());
        let one = move || numbered(handle.clone(), "loads.One");
        let came = open(offered, SPAN * 3, one).await?;
        println!(
            "| {percent} % | {offered:.0} | {:.0} | {} | {:.2} | {:.2} | {claim} |",
            came.rate(),
            came.refused,
            came.ms(50),
            came.ms(99)
        );
    }
    println!();
    Ok(())
}

pub async fn measure() -> anyhow::Result<()> {
    println!("## Chains of steps that do nothing\n");
    for number in 0..2 {
        let Some(place) = Place::nth(number, &unheard()).await? else { continue };
        let (name, limit, pairs) = (place.name, place.limit, place.pairs);
        println!("{name}; {limit} in this run: {pairs:.0} row pairs per second.\n");
        let capacity = closed_loops(&place).await?;
        open_loops(&place, capacity).await?;
        place.close().await;
    }
    Ok(())
}
