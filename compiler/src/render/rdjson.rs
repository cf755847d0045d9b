//! Findings for reviewdog: the Reviewdog Diagnostic Format.

use super::{Found, each, story, word};
use crate::source::Sources;
use crate::span::Span;
use serde_json::{Value, json};

/// One document. Columns count bytes, as the format has it.
#[must_use]
pub fn rdjson(found: &[Found<'_>]) -> String {
    let all: Vec<Value> = each(found)
        .map(|(diagnostic, sources)| {
            let story = story(diagnostic, sources);
            let message = format!("{}\n{story}", diagnostic.headline);
            let mut out = json!({
                "message": message.trim_end(),
                "location": { "path": path(diagnostic.span, sources), "range": range(diagnostic.span, sources) },
                "severity": word(diagnostic.severity).to_uppercase(),
                "code": { "value": diagnostic.code },
            });
            // A suggestion is for the file of the finding; the format cannot name another.
            let suggestions: Vec<Value> = diagnostic
                .fixes
                .iter()
                .filter(|fix| fix.span.file == diagnostic.span.file)
                .map(|fix| json!({ "range": range(fix.span, sources), "text": fix.replacement }))
                .collect();
            if let (false, Some(out)) = (suggestions.is_empty(), out.as_object_mut()) {
                out.insert("suggestions".into(), suggestions.into());
            }
            out
        })
        .collect();
    format!("{:#}\n", json!({ "source": { "name": "flowc" }, "diagnostics": all }))
}

fn path(span: Span, sources: &Sources) -> &str {
    sources.get(span.file).map_or("", |s| s.path.as_str())
}

fn range(span: Span, sources: &Sources) -> Value {
    json!({ "start": position(span, span.start, sources), "end": position(span, span.end, sources) })
}

fn position(span: Span, at: u32, sources: &Sources) -> Value {
    let Some(source) = sources.get(span.file) else { return json!({ "line": 1, "column": 1 }) };
    let before = source.text.get(..at as usize).unwrap_or("");
    let line_start = before.rfind('\n').map_or(0, |n| n + 1);
    let (line, _) = source.line_column(at);
    json!({ "line": line, "column": before.len() - line_start + 1 })
}
