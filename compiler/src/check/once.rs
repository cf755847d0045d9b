//! Saying a thing once: a contract may be repeated by `service B = A`, a body may be walked more
//! than once, and what is wrong in it is wrong at one place.
//!
//! Promises: of one code there is at most one finding at a place, the first. It words nothing.

use crate::diagnostic::Diagnostic;
use crate::span::Span;
use std::collections::BTreeSet;

/// Gathers the findings of one rule.
pub(super) struct Once<'f> {
    findings: &'f mut Vec<Diagnostic>,
    seen: BTreeSet<(&'static str, Span)>,
}

impl<'f> Once<'f> {
    /// Adds to these.
    pub fn new(findings: &'f mut Vec<Diagnostic>) -> Self {
        Self { findings, seen: BTreeSet::new() }
    }

    /// Says it, unless it was said.
    pub fn say(&mut self, finding: Diagnostic) {
        if self.seen.insert((finding.code, finding.span)) {
            self.findings.push(finding);
        }
    }

    /// Whether this was said of that place.
    pub fn has(&self, code: &'static str, span: Span) -> bool {
        self.seen.contains(&(code, span))
    }
}
