//! What the compiler has to say about a program: data only, rendered elsewhere.
//!
//! A finding has a stable code, one sentence in the user's words, labels in the order of the path
//! that leads to it, a help with concrete edits, and machine-applicable fixes where there are some.
//! At most one finding per cause.

use crate::span::Span;

/// How much a finding weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The program is refused.
    Error,
    /// The program is accepted; `allow … because` silences it.
    Warning,
}

/// Words beside a place in the source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// The place.
    pub span: Span,
    /// The words; numbered by the renderer where there are several.
    pub text: String,
}

/// A text edit that a tool may apply by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fix {
    /// What the edit does, as an offer: ``rename it to `order_id` ``.
    pub title: String,
    /// What is replaced; an empty span inserts.
    pub span: Span,
    /// The new text.
    pub replacement: String,
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Stable code, `F0201`.
    pub code: &'static str,
    /// Error or warning.
    pub severity: Severity,
    /// One sentence: what goes wrong in the world.
    pub headline: String,
    /// Where it is reported by machine formats.
    pub span: Span,
    /// Along the path, in order; the renderer numbers them if there is more than one.
    pub labels: Vec<Label>,
    /// What to do, possibly several lines.
    pub help: Option<String>,
    /// Edits that tools may apply.
    pub fixes: Vec<Fix>,
}

impl Diagnostic {
    /// An error whose only label so far is empty and stands at `span`.
    #[must_use]
    pub fn error(code: &'static str, span: Span, headline: impl Into<String>) -> Self {
        Self {
            code,
            severity: Severity::Error,
            headline: headline.into(),
            span,
            labels: Vec::new(),
            help: None,
            fixes: Vec::new(),
        }
    }

    /// A warning, else as [`Diagnostic::error`].
    #[must_use]
    pub fn warning(code: &'static str, span: Span, headline: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, span, headline) }
    }

    /// Adds a label.
    #[must_use]
    pub fn label(mut self, span: Span, text: impl Into<String>) -> Self {
        self.labels.push(Label { span, text: text.into() });
        self
    }

    /// Sets the help.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help = Some(text.into());
        self
    }

    /// Adds an edit.
    #[must_use]
    pub fn fix(
        mut self,
        title: impl Into<String>,
        span: Span,
        replacement: impl Into<String>,
    ) -> Self {
        self.fixes.push(Fix { title: title.into(), span, replacement: replacement.into() });
        self
    }
}
