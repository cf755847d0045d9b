//! A workflow as a picture, for a preview beside its text: the request `sagaflow/graph`.
//!
//! Takes a text, and a workflow's name or a position in it where the text has several; gives the
//! picture and the names of all workflows of the text.

use super::{Answer, Refused, place};
use crate::position::{Lines, Position};
use crate::server::State;
use sagaflow_compiler::graph::{Format, draw};
use sagaflow_compiler::hir::WorkflowId;
use serde_json::{Value, json};

pub(super) fn graph(state: &mut State<'_>, params: &Value) -> Answer {
    let text = place::text(state, params)?;
    let (Some(file), Some(source)) = (text.file, text.source()) else {
        return Err(Refused::because("this text cannot be read"));
    };
    let (word, format) = match params["format"].as_str() {
        None | Some("svg") => ("svg", Format::Svg),
        Some("mermaid") => ("mermaid", Format::Mermaid),
        Some("dot") => ("dot", Format::Dot),
        Some(_) => return Err(Refused::params("`format` is `svg`, `mermaid` or `dot`")),
    };
    let analysis = &text.program.analysis;
    let own: Vec<(WorkflowId, &str)> = analysis
        .program
        .workflows
        .iter()
        .filter(|(_, workflow)| workflow.name_span.file == file)
        .map(|(id, workflow)| (id, workflow.name.name.as_str()))
        .collect();
    let position = serde_json::from_value::<Position>(params["position"].clone()).ok();
    let offset = position.map(|at| Lines::new(&source.text, state.encoding).offset(at));
    let around = |id: WorkflowId| {
        let span = analysis.program.workflows[id].span;
        offset.is_some_and(|at| span.start <= at && at <= span.end)
    };
    let chosen = match params["workflow"].as_str() {
        Some(name) => own.iter().find(|(_, own)| *own == name),
        None => own.iter().find(|(id, _)| around(*id)).or(own.first()),
    };
    let Some((id, name)) = chosen else {
        return Err(Refused::because("there is no such workflow in this text"));
    };
    // Order: a program with errors may mean something else than it shows.
    if !analysis.is_accepted() {
        return Err(Refused::because("a program with errors is not drawn"));
    }
    let picture = draw(&analysis.program, &text.program.loaded.sources, *id, format);
    let names: Vec<&str> = own.iter().map(|(_, name)| *name).collect();
    Ok(json!({ "workflow": name, "workflows": names, "format": word, "text": picture }))
}
