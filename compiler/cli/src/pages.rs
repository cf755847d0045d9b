//! What the commands that write pages share: which workflows they are about.
//!
//! Promises that a program with errors has no page, because it may mean something else than it says.

use crate::check::{self, Checked};
use anyhow::bail;
use sagaflow_compiler::diagnostic::Severity;
use sagaflow_compiler::hir::WorkflowId;
use sagaflow_compiler::{name, render};

/// Analyses programs. Findings of those with errors go to stderr, and there is nothing then.
///
/// # Errors
/// A path that cannot be read, or paths without any `.flow` file.
pub fn accepted(paths: &[String]) -> anyhow::Result<Option<Vec<Checked>>> {
    let programs = check::analyse(paths)?;
    let mut refused = false;
    for program in &programs {
        refused |= !program.analysis.is_accepted();
        let errors = program.analysis.diagnostics.iter();
        for finding in errors.filter(|finding| finding.severity == Severity::Error) {
            eprintln!("{}", render::short(finding, &program.loaded.sources));
        }
    }
    Ok((!refused).then_some(programs))
}

/// The workflows of the files that were asked for, or the one of that name, with the program each is
/// in, in order of place.
///
/// # Errors
/// There is none, or none of that name.
pub fn workflows<'c>(
    programs: &'c [Checked],
    wanted: Option<&str>,
) -> anyhow::Result<Vec<(&'c Checked, WorkflowId)>> {
    let mut own = Vec::new();
    for checked in programs {
        for (id, workflow) in checked.analysis.program.workflows.iter() {
            let source = checked.loaded.sources.get(workflow.name_span.file);
            if source.is_some_and(|source| checked.paths.contains(&source.path)) {
                own.push((checked, id));
            }
        }
    }
    let name = |(checked, id): &(&'c Checked, WorkflowId)| {
        checked.analysis.program.workflows[*id].name.clone()
    };
    if own.is_empty() {
        bail!("there is no workflow in these files");
    }
    let Some(wanted) = wanted else { return Ok(own) };
    let names: Vec<String> = own.iter().map(|each| name(each).name.to_string()).collect();
    own.retain(|each| name(each).name == wanted || name(each).to_string() == wanted);
    if own.is_empty() {
        match name::suggest(wanted, names.iter().map(String::as_str)).as_slice() {
            [] => bail!("there is no workflow `{wanted}`; there is {}", names.join(", ")),
            near => bail!("there is no workflow `{wanted}`; did you mean {}?", name::any_of(near)),
        }
    }
    Ok(own)
}
