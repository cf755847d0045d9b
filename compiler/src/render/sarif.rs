//! Findings as SARIF 2.1.0, the format of code scanning.

use super::{Extent, Found, each, extent, word};
use crate::diagnostic::{Diagnostic, Label};
use crate::explain;
use crate::source::Sources;
use crate::span::Span;
use serde_json::{Value, json};
use std::collections::BTreeSet;

const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// One log with one run. `version` is that of the tool.
#[must_use]
pub fn sarif(found: &[Found<'_>], version: &str) -> String {
    let codes: BTreeSet<&'static str> = each(found).map(|(d, _)| d.code).collect();
    let codes: Vec<&'static str> = codes.into_iter().collect();
    let rules: Vec<Value> = codes.iter().map(|code| rule(code)).collect();
    let results: Vec<Value> = each(found).map(|(d, s)| result(d, s, &codes)).collect();
    let log = json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "flowc",
                "version": version,
                "rules": rules,
            } },
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    });
    format!("{log:#}\n")
}

fn rule(code: &str) -> Value {
    let mut rule = json!({ "id": code });
    if let (Some(page), Some(rule)) = (explain::page(code), rule.as_object_mut()) {
        let title = page.lines().next().and_then(|l| l.split_once(": ")).map_or(code, |(_, t)| t);
        rule.insert("shortDescription".into(), json!({ "text": title }));
        rule.insert("help".into(), json!({ "text": page, "markdown": page }));
    }
    rule
}

fn result(diagnostic: &Diagnostic, sources: &Sources, codes: &[&str]) -> Value {
    let mut message = diagnostic.headline.clone();
    if let Some(help) = &diagnostic.help {
        message += &format!("\n{help}");
    }
    let mut out = json!({
        "ruleId": diagnostic.code,
        "ruleIndex": codes.binary_search(&diagnostic.code).unwrap_or(0),
        "level": word(diagnostic.severity),
        "message": { "text": message },
        "locations": [location(diagnostic.span, sources, None)],
    });
    let labelled: Vec<&Label> = diagnostic.labels.iter().filter(|l| !l.text.is_empty()).collect();
    let Some(fields) = out.as_object_mut() else { return out };
    if labelled.len() > 1 {
        // The path to the failure, step by step.
        let steps: Vec<Value> = labelled
            .iter()
            .map(|l| json!({ "location": location(l.span, sources, Some(&l.text)) }))
            .collect();
        fields.insert("codeFlows".into(), json!([{ "threadFlows": [{ "locations": steps }] }]));
    }
    if !diagnostic.fixes.is_empty() {
        let fixes: Vec<Value> = diagnostic
            .fixes
            .iter()
            .map(|fix| {
                json!({
                    "description": { "text": fix.title },
                    "artifactChanges": [{
                        "artifactLocation": { "uri": uri(extent(fix.span, sources).path) },
                        "replacements": [{
                            "deletedRegion": region(fix.span, sources),
                            "insertedContent": { "text": fix.replacement },
                        }],
                    }],
                })
            })
            .collect();
        fields.insert("fixes".into(), fixes.into());
    }
    out
}

fn location(span: Span, sources: &Sources, text: Option<&str>) -> Value {
    let mut out = json!({ "physicalLocation": {
        "artifactLocation": { "uri": uri(extent(span, sources).path) },
        "region": region(span, sources),
    } });
    if let (Some(text), Some(out)) = (text, out.as_object_mut()) {
        out.insert("message".into(), json!({ "text": text }));
    }
    out
}

fn region(span: Span, sources: &Sources) -> Value {
    let Extent { line, column, end_line, end_column, .. } = extent(span, sources);
    json!({ "startLine": line, "startColumn": column, "endLine": end_line, "endColumn": end_column })
}

/// A path as a relative reference, with what a URI may not hold written as its code.
fn uri(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    if path.starts_with('/') {
        out.push_str("file://");
    }
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                out.push(char::from(byte));
            }
            byte => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}
