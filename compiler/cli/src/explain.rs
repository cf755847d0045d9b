//! `flowc explain`

use anyhow::bail;
use sagaflow_compiler::{explain, name};
use std::process::ExitCode;

/// What `flowc explain` takes.
#[derive(clap::Args)]
pub struct Options {
    /// The code, such as F0201 or R1006
    code: String,
}

/// Prints the page of a code.
pub fn run(options: &Options) -> anyhow::Result<ExitCode> {
    print_page(&options.code)
}

/// Prints the page of a code; an unknown one is a mistake in usage.
pub fn print_page(code: &str) -> anyhow::Result<ExitCode> {
    let code = code.to_ascii_uppercase();
    if let Some(page) = explain::page(&code) {
        crate::print(page)?;
        return Ok(ExitCode::SUCCESS);
    }
    let near = name::suggest(&code, explain::pages());
    match near.as_slice() {
        [] => bail!("there is no page for `{code}`"),
        near => bail!("there is no page for `{code}`; did you mean {}?", name::any_of(near)),
    }
}
