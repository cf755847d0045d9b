//! Findings as a Code Quality report of GitLab.

use super::{Extent, Found, each, extent};
use crate::diagnostic::Severity;
use serde_json::json;
use std::collections::BTreeMap;
use uuid::Uuid;

/// One array. GitLab tells by the fingerprint which findings a change brings and which it mends, so
/// it depends on what is found in which file and not on the line.
#[must_use]
pub fn gitlab(found: &[Found<'_>]) -> String {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let all: Vec<_> = each(found)
        .map(|(diagnostic, sources)| {
            let Extent { path, line, end_line, .. } = extent(diagnostic.span, sources);
            let what = format!("{path}\n{}\n{}", diagnostic.code, diagnostic.headline);
            let nth = seen.entry(what.clone()).or_default();
            *nth += 1;
            let name = format!("{what}\n{nth}");
            let fingerprint = Uuid::new_v5(&Uuid::NAMESPACE_URL, name.as_bytes());
            json!({
                "description": diagnostic.headline,
                "check_name": diagnostic.code,
                "fingerprint": fingerprint.simple().to_string(),
                "severity": match diagnostic.severity {
                    Severity::Error => "major",
                    Severity::Warning => "minor",
                },
                "location": { "path": path, "lines": { "begin": line, "end": end_line } },
            })
        })
        .collect();
    format!("{:#}\n", serde_json::Value::Array(all))
}
