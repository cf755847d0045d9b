//! The test command: runs every test binary, adds up their closing lines, prints the totals last.
//!
//! The product's tests bring what they need themselves (free ports, temporary folders, their own
//! processes). A Postgres server is started for all of them from the machine's own programs, which
//! are installed where that is possible. What a Kafka for tests needs is fetched; the tests that need
//! one start it. The long tier, with processes killed at random, runs with
//! `--all`, which also fails where something that tests need is missing.

use crate::{kafka, postgres};
use anyhow::Context as _;
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

/// The client of Kafka over TLS: a build of its own, for it links OpenSSL.
const OVER_TLS: [&str; 9] = [
    "test",
    "--locked",
    "-p",
    "sagaflow-kafka",
    "--features",
    "kafka-tls",
    "--test",
    "brokers",
    "secure",
];

/// The tests of several nodes once more, over wires that lose one commit in a hundred on the way to the
/// server, and the server's word of another one.
const OVER_LOSSY_WIRES: [&str; 6] = ["test", "--locked", "--workspace", "--test", "it", "cluster"];

/// Counts of one run.
#[derive(Default)]
struct Totals {
    passed: u64,
    failed: u64,
    ignored: u64,
}

/// Runs the tests; fails if one failed or none ran.
pub fn run(all: bool) -> anyhow::Result<()> {
    let mut totals = Totals::default();
    let mut args = vec!["test", "--locked", "--workspace", "--no-fail-fast"];
    // Bound: a hundred kills take minutes.
    if !all {
        args.extend(["--exclude", "sagaflow-chaos"]);
    }
    kafka::prepare(all)?;
    let server = postgres::start(all)?;
    let mut environment = Vec::new();
    if let Some(server) = &server {
        environment.push((sagaflow_postgres::URL, server.url()));
        environment.push((sagaflow_postgres::DISPOSABLE, "1"));
    }
    if all {
        environment.push((sagaflow_postgres::ALL, "1"));
    }
    let mut ok = counted(&args, &environment, &mut totals)?;
    if all {
        ok &= counted(&OVER_TLS, &environment, &mut totals)?;
        environment.push(("FLOW_WIRE_LOSES", "100"));
        ok &= counted(&OVER_LOSSY_WIRES, &environment, &mut totals)?;
    }
    drop(server);
    if !all {
        println!(
            "left out: the tests that kill processes at random, and those over TLS \
             (`cargo xtask test --all`)"
        );
    }
    println!("{} passed, {} failed, {} skipped", totals.passed, totals.failed, totals.ignored);
    anyhow::ensure!(totals.passed > 0, "no test ran");
    anyhow::ensure!(ok && totals.failed == 0, "tests failed");
    Ok(())
}

/// Runs `cargo` with these arguments, passes its output on and adds up the result lines.
fn counted(
    args: &[&str],
    environment: &[(&str, &str)],
    totals: &mut Totals,
) -> anyhow::Result<bool> {
    let mut command = Command::new("cargo");
    command.args(args).envs(environment.iter().copied()).stdout(Stdio::piped());
    let mut child = command.spawn()?;
    let out = child.stdout.take().context("cargo's output is piped")?;
    for line in BufReader::new(out).lines() {
        let line = line?;
        println!("{line}");
        if let Some(rest) = line.strip_prefix("test result: ") {
            totals.passed += number_before(rest, " passed");
            totals.failed += number_before(rest, " failed");
            totals.ignored += number_before(rest, " ignored");
        }
    }
    Ok(child.wait()?.success())
}

/// The number directly before `word` in a line such as `ok. 3 passed; 0 failed`.
fn number_before(line: &str, word: &str) -> u64 {
    line.split(word)
        .next()
        .and_then(|head| head.rsplit(|c: char| !c.is_ascii_digit()).next())
        .and_then(|digits| digits.parse().ok())
        .unwrap_or(0)
}
