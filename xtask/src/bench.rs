//! Runs the benchmarks one after the other and writes `benches/report.md`.

use anyhow::Context as _;
use std::process::Command;

/// Every benchmark with its arguments, in the order of the report: the quick set. Longer forms,
/// such as `bloat 60`, are run by hand.
const BENCHES: &[(&str, &[&str])] = &[
    ("ladder", &[]),
    ("check", &[]),
    ("rebuild", &[]),
    ("embedded", &[]),
    ("postgres", &[]),
    ("low_load_latency", &[]),
    ("job_queue", &[]),
    ("noop_chain", &[]),
    ("saga_storm", &[]),
    ("fan_out", &[]),
    ("sleepers", &[]),
    ("kafka_pipeline", &[]),
    ("kill_matrix", &[]),
    ("overload", &[]),
    ("bloat", &["2"]),
];

/// Runs all and writes the report; each prints a Markdown section to its standard output.
pub fn run() -> anyhow::Result<()> {
    let mut report = String::from(
        "# Benchmarks\n\nWritten by `cargo xtask bench`. Every figure stands beside the machine's own limits of the same run;\nonly the ratios mean something on another machine or day.\n",
    );
    let commit = Command::new("git").args(["rev-parse", "--short", "HEAD"]).output()?;
    report.push_str(&format!("\nCommit: {}\n", String::from_utf8_lossy(&commit.stdout).trim()));
    for (bench, with) in BENCHES {
        println!("── {bench}");
        let out = Command::new("cargo")
            .args(["run", "--release", "--quiet", "-p", "sagaflow-benches", "--", bench])
            .args(*with)
            .stderr(std::process::Stdio::inherit())
            .output()?;
        anyhow::ensure!(out.status.success(), "benchmark `{bench}` failed");
        let text = String::from_utf8(out.stdout).context("a benchmark prints text")?;
        print!("{text}");
        report.push('\n');
        report.push_str(&text);
    }
    std::fs::write("benches/report.md", report).context("write `benches/report.md`")
}
