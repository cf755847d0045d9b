//! `flowc debug`: intermediate forms, for whoever works on the compiler.

use crate::disk::Disk;
use anyhow::bail;
use clap::ValueEnum;
use sagaflow_compiler::emit;
use sagaflow_compiler::load::load;
use sagaflow_compiler::render::{self, Format};
use std::process::ExitCode;

/// What `flowc debug` takes.
#[derive(clap::Args)]
pub struct Options {
    /// Which form
    form: Form,
    /// A file
    file: String,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    /// What was written
    Ast,
    /// What it means
    Hir,
    /// What runs, as JSON
    Fir,
    /// What `include_flow!` makes of it
    Rust,
}

/// Prints a form. Findings go to stderr.
pub fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let loaded = load(std::slice::from_ref(&options.file), &Disk)?;
    if options.form == Form::Ast {
        for (_, file) in loaded.asts.iter().take(1) {
            crate::print(&format!("{file:#?}\n"))?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    let analysis = sagaflow_compiler::analyze(&loaded);
    eprint!("{}", render::render(&analysis.diagnostics, &loaded.sources, Format::Short));
    if options.form == Form::Hir {
        crate::print(&format!("{:#?}\n", analysis.program))?;
        return Ok(ExitCode::SUCCESS);
    }
    match analysis.lower(&loaded.sources) {
        Some(fir) if options.form == Form::Rust => {
            crate::print(&emit::pretty(&emit::modules(&fir)))?;
        }
        Some(fir) => crate::print(&format!("{}\n", serde_json::to_string_pretty(&fir)?))?,
        None => bail!("`{}` has errors, so it has no intermediate form", options.file),
    }
    Ok(ExitCode::SUCCESS)
}
