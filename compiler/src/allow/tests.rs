//! What `allow` silences, and what it must not.

use super::apply;
use crate::diagnostic::Diagnostic;
use crate::load::load_text;
use crate::span::Span;

/// Codes left of a warning at `words`, after the `allow` lines of the text were applied.
fn left(
    text: &str,
    finding: fn(&'static str, Span) -> Diagnostic,
    words: &str,
) -> Vec<&'static str> {
    let loaded = load_text("t.flow", "t", text);
    assert_eq!(loaded.diagnostics, []);
    let (file, _) = loaded.sources.iter().next().expect("one text");
    let start = text.find(words).expect("the words stand in the text");
    let mut all = vec![finding("F0305", Span::new(file, start, start + words.len()))];
    apply(&loaded.asts, &mut all);
    all.iter().map(|d| d.code).collect()
}

fn warning(code: &'static str, span: Span) -> Diagnostic {
    Diagnostic::warning(code, span, "")
}

fn error(code: &'static str, span: Span) -> Diagnostic {
    Diagnostic::error(code, span, "")
}

const BEFORE_STEP: &str =
    "workflow W() {\n  allow F0305 because \"fine\"\n  step A.b()\n  step C.d()\n}";

#[test]
fn a_warning_is_silenced_in_the_next_statement_only() {
    assert!(left(BEFORE_STEP, warning, "A.b()").is_empty());
    assert_eq!(left(BEFORE_STEP, warning, "C.d()"), ["F0305"]);
}

#[test]
fn an_error_is_never_silenced() {
    assert_eq!(left(BEFORE_STEP, error, "A.b()"), ["F0305"]);
    let forbidden = "allow F0201 because \"no\"\nworkflow W() { step A.b() }";
    assert_eq!(left(forbidden, error, "A.b()"), ["F0305", "F0006"]);
}

#[test]
fn an_item_is_covered_with_all_its_blocks() {
    let text = "allow F0305 because \"x\"\nworkflow W() { if true { scope s { step A.b() } } }";
    assert!(left(text, warning, "A.b()").is_empty());
    let inside = "workflow W() { step X.y() else { allow F0305 because \"x\" step A.b() } }";
    assert!(left(inside, warning, "A.b()").is_empty());
}

#[test]
fn another_code_silences_nothing_and_an_unknown_one_is_named() {
    let other = "workflow W() { allow F0107 because \"x\" step A.b() }";
    assert_eq!(left(other, warning, "A.b()"), ["F0305"]);
    let unknown = "workflow W() { allow F9999 because \"x\" step A.b() }";
    assert_eq!(left(unknown, warning, "A.b()"), ["F0305", "F0101"]);
}
