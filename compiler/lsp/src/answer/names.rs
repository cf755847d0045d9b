//! Another name for something, everywhere at once.
//!
//! Promises that a program without errors has none afterwards: the edits are tried on the program
//! first. Refuses what is not ours to name.

use super::place::{self, Text, is_file};
use super::{Answer, Refused};
use crate::position::Lines;
use crate::server::State;
use crate::world::{Program, World};
use sagaflow_compiler::diagnostic::Severity;
use sagaflow_compiler::index::{Entity, Occurrence};
use sagaflow_compiler::name::unspeakable;
use sagaflow_compiler::span::{FileId, Span};
use sagaflow_compiler::syntax::vocabulary::RESERVED;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Whether the name at a place can be another one, and which it is.
pub(super) fn prepare(state: &mut State<'_>, params: &Value) -> Answer {
    let Some((text, name)) = place::name(state, params)? else { return Ok(Value::Null) };
    ours(&text, &name)?;
    let Some(source) = text.source() else { return Ok(Value::Null) };
    let range = Lines::new(&source.text, state.encoding).span(name.span);
    let placeholder = text.program.loaded.sources.text(name.span);
    Ok(json!({ "range": range, "placeholder": placeholder }))
}

/// The edits that give the name at a place another one.
pub(super) fn rename(state: &mut State<'_>, params: &Value) -> Answer {
    let Some((text, name)) = place::name(state, params)? else {
        return Err(Refused::because("there is no name here"));
    };
    ours(&text, &name)?;
    let Some(new) = params["newName"].as_str() else {
        return Err(Refused::params("`newName` is missing"));
    };
    let old = text.program.loaded.sources.text(name.span);
    fits(old, new)?;
    if old == new {
        return Ok(json!({ "changes": {} }));
    }
    let mut by_file: BTreeMap<FileId, Vec<Span>> = BTreeMap::new();
    for one in text.index().same(&name.key) {
        by_file.entry(one.span.file).or_default().push(one.span);
    }
    harmless(state, &text, &by_file, new)?;
    let mut changes = serde_json::Map::new();
    for (file, spans) in &by_file {
        let Some(source) = text.program.loaded.sources.get(*file) else { continue };
        let lines = Lines::new(&source.text, state.encoding);
        let edits = spans.iter().map(|span| json!({ "range": lines.span(*span), "newText": new }));
        changes.insert(state.uri(&source.path), edits.collect());
    }
    Ok(json!({ "changes": changes }))
}

/// What is declared in files of the program can be renamed there.
fn ours(text: &Text, name: &Occurrence) -> Result<(), Refused> {
    if matches!(name.entity, Entity::Module(_)) {
        return Err(Refused::because("a module is named by its path: move the file instead"));
    }
    let declared: Vec<Span> =
        text.index().same(&name.key).filter(|one| one.declares).map(|one| one.span).collect();
    let own = |span: &Span| text.program.loaded.sources.get(span.file).is_some_and(is_file);
    if declared.is_empty() || !declared.iter().all(own) {
        return Err(Refused::because("this name is not declared in the files of this program"));
    }
    Ok(())
}

/// A name must be of the same kind: a capital says what it is.
fn fits(old: &str, new: &str) -> Result<(), Refused> {
    let capital = |name: &str| name.starts_with(|c: char| c.is_ascii_uppercase());
    let letters = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if !new.starts_with(|c: char| c.is_ascii_alphabetic()) || !new.chars().all(letters) {
        return Err(Refused::because(format!(
            "`{new}` is no name: a letter, then letters, digits and `_`"
        )));
    }
    if capital(old) != capital(new) {
        let letter = if capital(old) { "a capital" } else { "a small letter" };
        return Err(Refused::because(format!("the name must begin with {letter}")));
    }
    if RESERVED.contains(&new) || unspeakable(new) {
        return Err(Refused::because(format!("`{new}` is a reserved word")));
    }
    Ok(())
}

/// Tries the edits: there must not be more errors than before.
fn harmless(
    state: &State<'_>,
    text: &Text,
    by_file: &BTreeMap<FileId, Vec<Span>>,
    new: &str,
) -> Result<(), Refused> {
    let mut edited = BTreeMap::new();
    for (file, spans) in by_file {
        let Some(source) = text.program.loaded.sources.get(*file) else { continue };
        let mut after = source.text.clone();
        for span in spans.iter().rev() {
            after.replace_range(span.start as usize..span.end as usize, new);
        }
        edited.insert(source.path.clone(), after);
    }
    let then = World::edited(&text.path, &edited, &state.open, state.disk);
    if errors(&then).count() <= errors(&text.program).count() {
        return Ok(());
    }
    let before: Vec<&str> = errors(&text.program).collect();
    let first = errors(&then).find(|headline| !before.contains(headline));
    let why = first.unwrap_or("there would be more errors than before");
    Err(Refused::because(format!("`{new}` cannot be the name: {why}")))
}

fn errors(program: &Program) -> impl Iterator<Item = &str> {
    let all = program.analysis.diagnostics.iter();
    all.filter(|found| found.severity == Severity::Error).map(|found| found.headline.as_str())
}
