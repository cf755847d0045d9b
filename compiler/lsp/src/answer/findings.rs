//! What is wrong, by file, as an editor shows it.

use super::place::{is_file, location};
use crate::position::Lines;
use crate::server::{State, overlay};
use crate::world::{Program, World};
use sagaflow_compiler::diagnostic::{Diagnostic, Severity};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The findings of every program with an open text, by path; open texts without any are there too.
pub(crate) fn findings(state: &mut State<'_>) -> BTreeMap<String, Vec<Value>> {
    let paths: Vec<String> = state.open.keys().cloned().collect();
    let mut all: BTreeMap<String, Vec<Value>> =
        paths.iter().map(|path| (path.clone(), Vec::new())).collect();
    let mut seen = BTreeSet::new();
    for path in paths {
        if !seen.insert(World::name(&path, &overlay(state))) {
            continue;
        }
        let program = state.program(&path);
        for finding in &program.analysis.diagnostics {
            let source = program.loaded.sources.get(finding.span.file);
            let Some(source) = source.filter(|source| is_file(source)) else { continue };
            let shown = shown(state, &program, finding);
            all.entry(source.path.clone()).or_default().extend(shown);
        }
        for refused in &program.unreadable {
            let start = json!({ "line": 0, "character": 0 });
            all.entry(refused.path.clone()).or_default().push(json!({
                "range": { "start": start, "end": start },
                "severity": 1,
                "source": "flowc",
                "message": refused.to_string(),
            }));
        }
    }
    all
}

/// One finding; the steps of its path are what stands beside it.
pub(super) fn shown(state: &State<'_>, program: &Program, finding: &Diagnostic) -> Option<Value> {
    let source = program.loaded.sources.get(finding.span.file)?;
    let range = Lines::new(&source.text, state.encoding).span(finding.span);
    let severity = match finding.severity {
        Severity::Error => 1,
        Severity::Warning => 2,
    };
    let mut message = finding.headline.clone();
    if let Some(help) = &finding.help {
        message.push_str("\n\n");
        message.push_str(help);
    }
    let many = finding.labels.len() > 1;
    let related: Vec<Value> = finding
        .labels
        .iter()
        .enumerate()
        .filter_map(|(n, label)| {
            let text = &label.text;
            let message = if many { format!("{}. {text}", n + 1) } else { text.clone() };
            let location = location(state, program, label.span)?;
            Some(json!({ "location": location, "message": message }))
        })
        .collect();
    Some(json!({
        "range": range,
        "severity": severity,
        "code": finding.code,
        "source": "flowc",
        "message": message,
        "relatedInformation": related,
    }))
}
