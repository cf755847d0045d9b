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
    stage("docs", || sh("cargo", &["doc", "--locked", "--workspace", "--no-deps", "--quiet"]))?;
    stage("tests", || tests::run(true))
}
