//! Everything the main branch must pass, cheapest first.

use crate::{codegen, sh, stage, tests, tidy};

/// Runs all stages; the first failure ends it.
pub fn run() -> anyhow::Result<()> {
    stage("format", || sh("cargo", &["fmt", "--all", "--check"]))?;
    stage("tidy", tidy::run)?;
    stage("lints", || {
        sh("cargo", &["clippy", "--locked", "--workspace", "--all-targets", "--", "-D", "warnings"])
    })?;
    stage("generated files", || codegen::run(true))?;
    stage("docs", docs)?;
    stage("tests", || tests::run(true))
}

/// Builds the documentation; a link that leads nowhere is an error.
fn docs() -> anyhow::Result<()> {
    let mut command = std::process::Command::new("cargo");
    command.args(["doc", "--locked", "--workspace", "--no-deps", "--quiet"]);
    let status = command.env("RUSTDOCFLAGS", "-D warnings").status()?;
    anyhow::ensure!(status.success(), "the documentation has warnings");
    Ok(())
}
