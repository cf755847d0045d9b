//! `flowc graph`: a workflow as a picture.

use crate::disk::Disk;
use anyhow::bail;
use clap::ValueEnum;
use sagaflow_compiler::graph::{self, draw};
use sagaflow_compiler::hir::WorkflowId;
use sagaflow_compiler::load::load;
use sagaflow_compiler::{Analysis, analyze, name, render};
use std::process::ExitCode;

/// What `flowc graph` takes.
#[derive(clap::Args)]
pub struct Options {
    /// A file
    file: String,
    /// Which workflow of the file; may be left out where there is one
    #[arg(long, value_name = "NAME")]
    workflow: Option<String>,
    /// How it is drawn
    #[arg(long, value_enum, default_value_t = Format::Mermaid)]
    format: Format,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For Markdown
    Mermaid,
    /// For Graphviz
    Dot,
    /// As it is
    Svg,
}

/// Draws. Findings go to stderr; a program with errors is not drawn, because it may mean something
/// else than it shows.
pub fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let loaded = load(std::slice::from_ref(&options.file), &Disk)?;
    if let Some(unreadable) = loaded.unreadable.first() {
        bail!("{unreadable}");
    }
    let analysis = analyze(&loaded);
    if !analysis.is_accepted() {
        for finding in &analysis.diagnostics {
            eprintln!("{}", render::short(finding, &loaded.sources));
        }
        return Ok(ExitCode::from(1));
    }
    let module = loaded.sources.iter().next().map(|(_, source)| source.module.clone());
    let workflow = choose(&analysis, &module.unwrap_or_default(), options)?;
    let format = match options.format {
        Format::Mermaid => graph::Format::Mermaid,
        Format::Dot => graph::Format::Dot,
        Format::Svg => graph::Format::Svg,
    };
    crate::print(&draw(&analysis.program, &loaded.sources, workflow, format))?;
    Ok(ExitCode::SUCCESS)
}

fn choose(analysis: &Analysis, module: &str, options: &Options) -> anyhow::Result<WorkflowId> {
    let own: Vec<(WorkflowId, &str)> = analysis
        .program
        .workflows
        .iter()
        .filter(|(_, workflow)| workflow.name.module == module)
        .map(|(id, workflow)| (id, workflow.name.name.as_str()))
        .collect();
    let names = || own.iter().map(|(_, name)| *name);
    let all = names().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    match (&options.workflow, own.as_slice()) {
        (_, []) => bail!("there is no workflow in {}", options.file),
        (None, [(id, _)]) => Ok(*id),
        (None, _) => {
            bail!("{} has several workflows: say --workflow with one of {all}", options.file)
        }
        (Some(wanted), _) => match own.iter().find(|(_, name)| *name == wanted.as_str()) {
            Some((id, _)) => Ok(*id),
            None => match name::suggest(wanted, names()).as_slice() {
                [] => bail!("there is no workflow `{wanted}` in {}; it has {all}", options.file),
                near => {
                    bail!("there is no workflow `{wanted}`; did you mean {}?", name::any_of(near))
                }
            },
        },
    }
}
