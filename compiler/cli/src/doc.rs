//! `flowc doc`: a page for each workflow.

use crate::pages;
use anyhow::Context as _;
use clap::ValueEnum;
use sagaflow_compiler::doc;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// What `flowc doc` takes.
#[derive(clap::Args)]
pub struct Options {
    /// Files, and folders with everything below them
    #[arg(default_value = ".")]
    paths: Vec<String>,
    /// Only this workflow
    #[arg(long, value_name = "NAME")]
    workflow: Option<String>,
    /// Write a file for each workflow into this folder; without it, pages go to stdout
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// How it is written
    #[arg(long, value_enum, default_value_t = Format::Md)]
    format: Format,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Markdown
    Md,
    /// An HTML document
    Html,
}

/// Writes the pages. Exit code 1 if a program has errors.
pub fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let Some(programs) = pages::accepted(&options.paths)? else { return Ok(ExitCode::from(1)) };
    let mut written = BTreeSet::new();
    for (checked, id) in pages::workflows(&programs, options.workflow.as_deref())? {
        let program = &checked.analysis.program;
        let workflow = &program.workflows[id];
        let about = checked.loaded.asts.iter().find(|(file, _)| *file == workflow.name_span.file);
        let about = about.map(|(_, ast)| {
            let lines: Vec<&str> = ast.docs.iter().map(|doc| doc.text.trim()).collect();
            lines.join(" ")
        });
        let (format, ending) = match options.format {
            Format::Md => (doc::Format::Markdown, "md"),
            Format::Html => (doc::Format::Html, "html"),
        };
        let about = about.unwrap_or_default();
        let page = doc::page(program, &checked.loaded.sources, &about, id, format);
        let Some(folder) = &options.out else {
            crate::print(&page)?;
            continue;
        };
        let name = format!("{}.{ending}", workflow.name);
        anyhow::ensure!(written.insert(name.clone()), "two workflows would be written to `{name}`");
        write(folder, &name, &page)?;
    }
    if options.out.is_some() {
        eprintln!("wrote {}", crate::plural(written.len(), "page"));
    }
    Ok(ExitCode::SUCCESS)
}

/// Crash: a page that was half written is written again by the next call, and nothing reads it before.
fn write(folder: &Path, name: &str, page: &str) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder)
        .with_context(|| format!("make the folder `{}`", folder.display()))?;
    let path = folder.join(name);
    std::fs::write(&path, page).with_context(|| format!("write `{}`", path.display()))
}
