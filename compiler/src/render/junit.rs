//! Findings as a JUnit report: one suite a file, one case a finding.
//!
//! An error fails its case. A warning is a case that passes and says so in its output. A file in
//! which nothing is wrong is a suite with one case that passes.

use super::{Extent, Found, extent, short, story};
use crate::diagnostic::{Diagnostic, Severity};
use crate::source::Sources;
use std::collections::{BTreeMap, BTreeSet};

/// One document.
#[must_use]
pub fn junit(found: &[Found<'_>]) -> String {
    let mut suites = String::new();
    let (mut tests, mut failures) = (0, 0);
    for program in found {
        let by_path = by_path(program);
        let paths: BTreeSet<&str> =
            by_path.keys().copied().chain(program.checked.iter().map(String::as_str)).collect();
        for path in paths {
            let findings = by_path.get(path).map(Vec::as_slice).unwrap_or_default();
            let failed = findings.iter().filter(|d| d.severity == Severity::Error).count();
            let cases = findings.len().max(1);
            suites += &format!(
                "  <testsuite name=\"{}\" tests=\"{cases}\" failures=\"{failed}\" errors=\"0\" \
                 skipped=\"0\">\n",
                escaped(path),
            );
            suites += &findings
                .iter()
                .map(|diagnostic| case(diagnostic, program.sources))
                .collect::<String>();
            if findings.is_empty() {
                let path = escaped(path);
                suites += &format!("    <testcase name=\"check\" classname=\"{path}\"/>\n");
            }
            suites += "  </testsuite>\n";
            (tests, failures) = (tests + cases, failures + failed);
        }
    }
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"flowc\" tests=\"{tests}\" \
         failures=\"{failures}\" errors=\"0\">\n{suites}</testsuites>\n"
    )
}

fn by_path<'a>(program: &Found<'a>) -> BTreeMap<&'a str, Vec<&'a Diagnostic>> {
    let mut out: BTreeMap<&str, Vec<&Diagnostic>> = BTreeMap::new();
    for diagnostic in program.diagnostics {
        out.entry(extent(diagnostic.span, program.sources).path).or_default().push(diagnostic);
    }
    out
}

fn case(diagnostic: &Diagnostic, sources: &Sources) -> String {
    let Extent { path, line, column, .. } = extent(diagnostic.span, sources);
    let (path, code) = (escaped(path), diagnostic.code);
    let text = escaped(&format!("{}\n{}", short(diagnostic, sources), story(diagnostic, sources)));
    let body = match diagnostic.severity {
        Severity::Error => format!(
            "<failure type=\"{code}\" message=\"{}\">{text}</failure>",
            escaped(&diagnostic.headline)
        ),
        Severity::Warning => format!("<system-out>{text}</system-out>"),
    };
    format!(
        "    <testcase name=\"{code} at {line}:{column}\" classname=\"{path}\">{body}</testcase>\n"
    )
}

/// Text for an element or an attribute; XML has no way to write most control characters.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' | '\t' => out.push(c),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}
