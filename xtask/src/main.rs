//! The project's own commands: `cargo xtask test | ci | tidy | codegen | bench`.
//!
//! Each stage prints what it runs and how long it took; a stage that fails ends the run with its
//! output. Nothing here is needed to use the product.

mod bench;
mod ci;
mod codegen;
mod kafka;
mod postgres;
mod tests;
mod tidy;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Builds, tests and tidies the project")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the tests; with `--all`, the long ones too, and fail where something they need is missing.
    Test {
        /// Also the crash and kill tests with real processes.
        #[arg(long)]
        all: bool,
    },
    /// Everything that guards the main branch: format, lints, tidy, docs, generated files, all tests.
    Ci,
    /// House rules that neither the compiler nor clippy knows.
    Tidy,
    /// Write the generated files; with `--check`, fail where they are stale.
    Codegen {
        /// Only compare.
        #[arg(long)]
        check: bool,
    },
    /// Run the benchmarks and write `benches/report.md`.
    Bench,
}

fn main() -> anyhow::Result<()> {
    std::env::set_current_dir(root()?)?;
    match Cli::parse().command {
        Command::Test { all } => tests::run(all),
        Command::Ci => ci::run(),
        Command::Tidy => tidy::run(),
        Command::Codegen { check } => codegen::run(check),
        Command::Bench => bench::run(),
    }
}

/// The folder of the workspace.
fn root() -> anyhow::Result<std::path::PathBuf> {
    let here = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent()
        .map(std::path::Path::to_path_buf)
        .ok_or_else(|| anyhow::anyhow!("`{}` has no parent", here.display()))
}

/// Runs one command, its output going through; fails if it does.
fn sh(program: &str, args: &[&str]) -> anyhow::Result<()> {
    let status = std::process::Command::new(program).args(args).status()?;
    anyhow::ensure!(status.success(), "`{program} {}` failed ({status})", args.join(" "));
    Ok(())
}

/// Runs a named stage and prints how long it took.
fn stage(name: &str, body: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<()> {
    println!("── {name}");
    let begun = std::time::Instant::now();
    body().map_err(|error| error.context(format!("stage `{name}`")))?;
    println!("── {name}: {:.1} s", begun.elapsed().as_secs_f64());
    Ok(())
}
