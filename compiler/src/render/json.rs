//! Findings as JSON: everything there is, for whoever builds a tool.

use super::{Found, extent, word};
use crate::diagnostic::Diagnostic;
use crate::source::Sources;
use crate::span::Span;

/// One array over several programs.
#[must_use]
pub fn array(found: &[Found<'_>]) -> String {
    let all: Vec<_> = super::each(found).map(|(d, sources)| json(d, sources)).collect();
    format!("{:#}\n", serde_json::Value::Array(all))
}

/// One object a line.
#[must_use]
pub fn lines(found: &[Found<'_>]) -> String {
    super::each(found).map(|(d, sources)| format!("{}\n", json(d, sources))).collect()
}

/// One finding as JSON.
#[must_use]
pub fn json(diagnostic: &Diagnostic, sources: &Sources) -> serde_json::Value {
    let span = |span: Span| {
        let at = extent(span, sources);
        serde_json::json!({
            "path": at.path, "line": at.line, "column": at.column,
            "end_line": at.end_line, "end_column": at.end_column,
            "start": span.start, "end": span.end,
        })
    };
    let labels: Vec<_> = diagnostic
        .labels
        .iter()
        .map(|label| serde_json::json!({ "span": span(label.span), "text": label.text }))
        .collect();
    let fixes: Vec<_> = diagnostic
        .fixes
        .iter()
        .map(|fix| {
            serde_json::json!({
                "title": fix.title, "span": span(fix.span), "replacement": fix.replacement,
            })
        })
        .collect();
    serde_json::json!({
        "code": diagnostic.code,
        "severity": word(diagnostic.severity),
        "headline": diagnostic.headline,
        "span": span(diagnostic.span),
        "labels": labels,
        "help": diagnostic.help,
        "fixes": fixes,
    })
}
