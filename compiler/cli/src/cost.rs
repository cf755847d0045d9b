//! `flowc cost`: what a run costs, before there is one.

use crate::pages;
use clap::ValueEnum;
use sagaflow_compiler::cost::{self, Cost};
use std::process::ExitCode;

/// What `flowc cost` takes.
#[derive(clap::Args)]
pub struct Options {
    /// Files, and folders with everything below them
    #[arg(default_value = ".")]
    paths: Vec<String>,
    /// Only this workflow
    #[arg(long, value_name = "NAME")]
    workflow: Option<String>,
    /// How it is written
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// One array, for scripts
    Json,
}

/// Writes the costs. Exit code 1 if a program has errors.
pub fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let Some(programs) = pages::accepted(&options.paths)? else { return Ok(ExitCode::from(1)) };
    let mut costs: Vec<Cost> = Vec::new();
    for (checked, id) in pages::workflows(&programs, options.workflow.as_deref())? {
        let sources = &checked.loaded.sources;
        // Order: whoever has no error has an intermediate form.
        if let Some(fir) = checked.analysis.lower(sources) {
            costs.push(cost::cost(&checked.analysis.program, sources, &fir, id));
        }
    }
    let text = match options.format {
        Format::Text => cost::text(&costs),
        Format::Json => format!("{}\n", serde_json::to_string_pretty(&costs)?),
    };
    crate::print(&text)?;
    Ok(ExitCode::SUCCESS)
}
