//! Claim: after an edit of its `.flow` file the example builds again in under 5 s, and no C is
//! compiled. Set-up: the example built once; then a deadline of its process is changed, and changed
//! back. Run: `cargo xtask bench`.

use anyhow::Context as _;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

const FLOW: &str = "flows/shop/orders.flow";
const ROUNDS: u32 = 3;

/// The file as it was; written back whatever happens.
struct Original(String);

impl Drop for Original {
    fn drop(&mut self) {
        if let Err(error) = std::fs::write(FLOW, &self.0) {
            eprintln!("`{FLOW}` could not be written back: {error}");
        }
    }
}

/// Builds the example and says how long that took and what was run.
fn build() -> anyhow::Result<(Duration, String)> {
    let begun = Instant::now();
    let out = Command::new("cargo")
        .args(["build", "--verbose", "-p", "order-saga"])
        .output()
        .context("cargo starts")?;
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    anyhow::ensure!(out.status.success(), "the example does not build:\n{said}");
    Ok((begun.elapsed(), said))
}

pub fn measure() -> anyhow::Result<()> {
    anyhow::ensure!(Path::new(FLOW).is_file(), "run it at the root of the repository");
    build()?;
    let original = Original(std::fs::read_to_string(FLOW)?);
    let mut times = Vec::new();
    for round in 0..ROUNDS {
        let edited = original.0.replace("deadline 6h", &format!("deadline {}h", 7 + round));
        anyhow::ensure!(edited != original.0, "there is no deadline to change");
        std::fs::write(FLOW, edited)?;
        let (time, said) = build()?;
        let ran = said.lines().filter(|line| line.trim_start().starts_with("Running"));
        let ran: Vec<&str> = ran.collect();
        let foreign = ran.iter().find(|line| !line.contains("--crate-name order_saga"));
        anyhow::ensure!(foreign.is_none(), "more than the example was built: {foreign:?}");
        anyhow::ensure!(!ran.is_empty(), "the edit did not reach the build");
        times.push(time);
    }
    times.sort();
    println!("## Building the example after an edit of its `.flow`\n");
    println!(
        "Nothing but the example itself is compiled.\n\n| median | slowest | claim |\n|--:|--:|--:|"
    );
    println!(
        "| {:.2} s | {:.2} s | 5 s |",
        crate::percentile_ms(&times, 50) / 1e3,
        crate::percentile_ms(&times, 100) / 1e3
    );
    Ok(())
}
