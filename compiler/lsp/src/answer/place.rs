//! The text and the place that a request speaks of.

use super::Refused;
use crate::position::{Lines, Position};
use crate::server::State;
use crate::uri;
use crate::world::Program;
use sagaflow_compiler::index::{Index, Occurrence};
use sagaflow_compiler::source::Source;
use sagaflow_compiler::span::{FileId, Span};
use serde_json::{Value, json};
use std::rc::Rc;

/// A text of a program.
pub(super) struct Text {
    /// Its path.
    pub(super) path: String,
    /// The program that it is part of.
    pub(super) program: Rc<Program>,
    /// Its id in that program; none where it cannot be read.
    pub(super) file: Option<FileId>,
}

/// The text of a request.
pub(super) fn text(state: &mut State<'_>, params: &Value) -> Result<Text, Refused> {
    let Some(uri) = params["textDocument"]["uri"].as_str() else {
        return Err(Refused::params("`textDocument.uri` is missing"));
    };
    let Some(path) = uri::path(uri) else {
        return Err(Refused::params(format!("`{uri}` is no file")));
    };
    let program = state.program(&path);
    let file = program.file(&path).map(|(id, _)| id);
    Ok(Text { path, program, file })
}

/// A text, and the byte in it that a request speaks of; none where the text cannot be read.
pub(super) fn place(
    state: &mut State<'_>,
    params: &Value,
) -> Result<Option<(Text, FileId, u32)>, Refused> {
    let text = text(state, params)?;
    let Ok(position) = serde_json::from_value::<Position>(params["position"].clone()) else {
        return Err(Refused::params("`position` is missing"));
    };
    let found = text.file.zip(text.source());
    let at =
        found.map(|(id, source)| (id, Lines::new(&source.text, state.encoding).offset(position)));
    Ok(at.map(|(id, offset)| (text, id, offset)))
}

impl Text {
    /// What is in it.
    pub(super) fn source(&self) -> Option<&Source> {
        self.program.loaded.sources.get(self.file?)
    }

    /// The names of its program.
    pub(super) fn index(&self) -> &Index {
        self.program.index()
    }
}

/// The name at a place of a request.
pub(super) fn name(
    state: &mut State<'_>,
    params: &Value,
) -> Result<Option<(Text, Occurrence)>, Refused> {
    let Some((text, file, offset)) = place(state, params)? else { return Ok(None) };
    let found = text.index().at(file, offset).cloned();
    Ok(found.map(|found| (text, found)))
}

/// Where a span is, for the editor.
pub(super) fn location(state: &State<'_>, program: &Program, span: Span) -> Option<Value> {
    let source = program.loaded.sources.get(span.file)?;
    let range = Lines::new(&source.text, state.encoding).span(span);
    is_file(source).then(|| json!({ "uri": state.uri(&source.path), "range": range }))
}

/// Whether a text is a file, and not of the standard library.
pub(super) fn is_file(source: &Source) -> bool {
    !source.path.starts_with('<')
}
