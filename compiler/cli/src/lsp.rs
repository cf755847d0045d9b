//! `flowc lsp`: the language server on stdin and stdout.

use crate::disk::Disk;
use anyhow::Context as _;
use std::io::{BufReader, stdin, stdout};
use std::process::ExitCode;

/// What `flowc lsp` takes.
#[derive(clap::Args)]
pub struct Options {
    /// Speak over stdin and stdout, which it does anyway; editors say it
    #[arg(long)]
    stdio: bool,
}

/// Serves until the editor says `exit` or goes away. Exit code 1 where it did not say `shutdown`.
pub fn run(_: &Options) -> anyhow::Result<ExitCode> {
    let agreed = sagaflow_lsp::serve(BufReader::new(stdin()), stdout().lock(), &Disk)
        .context("talk to the editor")?;
    Ok(ExitCode::from(u8::from(!agreed)))
}
