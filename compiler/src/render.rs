//! Findings as text: drawn for people, one line each, and what continuous integration reads.
//!
//! Pure: from findings to a text, in the order of the findings. A renderer decides nothing about
//! what is found and knows nothing of the terminal. One file per format.

mod draw;
mod github;
mod gitlab;
mod json;
mod junit;
mod rdjson;
mod sarif;

pub use draw::pretty;
pub use github::github;
pub use gitlab::gitlab;
pub use json::{array, json, lines};
pub use junit::junit;
pub use rdjson::rdjson;
pub use sarif::sarif;

use crate::diagnostic::{Diagnostic, Severity};
use crate::source::Sources;
use crate::span::Span;

/// How [`render`] writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Drawn, with or without colours.
    Pretty {
        /// Whether the terminal shows colours.
        colours: bool,
    },
    /// `path:line:column: error[F0201]: headline`
    Short,
    /// One array.
    Json,
}

/// What was found in one program.
#[derive(Clone, Copy, Debug)]
pub struct Found<'a> {
    /// The findings, in order.
    pub diagnostics: &'a [Diagnostic],
    /// The texts they speak of.
    pub sources: &'a Sources,
    /// The files that were asked for, whether or not something is wrong with them.
    pub checked: &'a [String],
}

/// All findings in one format; empty where there are none, except for JSON.
#[must_use]
pub fn render(diagnostics: &[Diagnostic], sources: &Sources, format: Format) -> String {
    match format {
        Format::Pretty { colours } => diagnostics
            .iter()
            .map(|d| pretty(d, sources, colours, None))
            .collect::<Vec<_>>()
            .join("\n"),
        Format::Short => diagnostics.iter().map(|d| short(d, sources) + "\n").collect(),
        Format::Json => array(&[Found { diagnostics, sources, checked: &[] }]),
    }
}

/// One finding on one line.
#[must_use]
pub fn short(diagnostic: &Diagnostic, sources: &Sources) -> String {
    let Extent { path, line, column, .. } = extent(diagnostic.span, sources);
    let severity = word(diagnostic.severity);
    let Diagnostic { code, headline, .. } = diagnostic;
    format!("{path}:{line}:{column}: {severity}[{code}]: {headline}")
}

/// Each finding with the texts it speaks of.
fn each<'a>(found: &[Found<'a>]) -> impl Iterator<Item = (&'a Diagnostic, &'a Sources)> {
    found.iter().flat_map(|f| f.diagnostics.iter().map(|d| (d, f.sources)))
}

fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

/// Where a span begins and ends, for formats that count lines and characters from 1; the end is
/// the column behind the last character.
struct Extent<'s> {
    path: &'s str,
    line: usize,
    column: usize,
    end_line: usize,
    end_column: usize,
}

fn extent(span: Span, sources: &Sources) -> Extent<'_> {
    let Some(source) = sources.get(span.file) else {
        return Extent { path: "", line: 1, column: 1, end_line: 1, end_column: 1 };
    };
    let (line, column) = source.line_column(span.start);
    let (end_line, end_column) = source.line_column(span.end);
    Extent { path: &source.path, line, column, end_line, end_column }
}

/// Labels and help as plain sentences, one a line, with the place of each label.
fn story(diagnostic: &Diagnostic, sources: &Sources) -> String {
    let mut text = String::new();
    let several = diagnostic.labels.len() > 1;
    for (n, label) in diagnostic.labels.iter().enumerate().filter(|(_, l)| !l.text.is_empty()) {
        let Extent { path, line, column, .. } = extent(label.span, sources);
        let number = if several { format!("{}. ", n + 1) } else { String::new() };
        text += &format!("{number}{path}:{line}:{column}: {}\n", label.text);
    }
    if let Some(help) = &diagnostic.help {
        text += &format!("help: {help}\n");
    }
    text
}

#[cfg(test)]
mod tests;
