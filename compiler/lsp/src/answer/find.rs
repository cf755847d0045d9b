//! From a name to where it is declared, and to where else it stands.

use super::Answer;
use super::place::{self, Text};
use crate::position::Lines;
use crate::server::State;
use sagaflow_compiler::index::{Entity, Key, Occurrence};
use sagaflow_compiler::span::Span;
use serde_json::{Value, json};

/// Where the name at a place is declared.
pub(super) fn definition(state: &mut State<'_>, params: &Value) -> Answer {
    let Some((text, name)) = place::name(state, params)? else { return Ok(Value::Null) };
    if let Entity::Module(file) = name.entity {
        let start = Span::new(file, 0, 0);
        return Ok(place::location(state, &text.program, start).unwrap_or(Value::Null));
    }
    let found = text.index().same(&name.key).filter(|one| one.declares);
    let mut spans: Vec<Span> = found.map(|one| one.span).collect();
    // Order: an error is declared by each action and workflow; those of the same file come first.
    spans.sort_by_key(|span| (span.file != name.span.file, *span));
    Ok(locations(state, &text, spans.into_iter()))
}

/// Every place where the name at a place stands.
pub(super) fn references(state: &mut State<'_>, params: &Value) -> Answer {
    let Some((text, name)) = place::name(state, params)? else { return Ok(Value::Null) };
    let all = params["context"]["includeDeclaration"].as_bool().unwrap_or(true);
    let found: Vec<Span> =
        same(&text, &name.key).filter(|one| all || !one.declares).map(|one| one.span).collect();
    Ok(locations(state, &text, found.into_iter()))
}

/// The same, in this text alone.
pub(super) fn highlights(state: &mut State<'_>, params: &Value) -> Answer {
    let Some((text, name)) = place::name(state, params)? else { return Ok(Value::Null) };
    let Some(source) = text.source() else { return Ok(Value::Null) };
    let lines = Lines::new(&source.text, state.encoding);
    let own = same(&text, &name.key).filter(|one| one.span.file == name.span.file);
    Ok(own.map(|one| json!({ "range": lines.span(one.span) })).collect())
}

fn same<'t>(text: &'t Text, key: &Key) -> impl Iterator<Item = &'t Occurrence> {
    text.index().same(key)
}

fn locations(state: &State<'_>, text: &Text, spans: impl Iterator<Item = Span>) -> Value {
    spans.filter_map(|span| place::location(state, &text.program, span)).collect()
}
