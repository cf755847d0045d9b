//! The edits that findings offer, applied to a text. Pure, and never two that overlap.

use crate::diagnostic::{Diagnostic, Fix};
use crate::span::FileId;

/// The edits that can be applied to one text together, in the order of the text.
///
/// Of a finding that offers several, the first counts: the others would mend it another way. Of
/// two that overlap or touch, the first counts; the other may be offered again afterwards.
#[must_use]
pub fn choose(diagnostics: &[Diagnostic], file: FileId) -> Vec<&Fix> {
    let mut offered: Vec<&Fix> = diagnostics
        .iter()
        .filter_map(|d| d.fixes.first())
        .filter(|fix| fix.span.file == file)
        .collect();
    offered.sort_by_key(|fix| (fix.span.start, fix.span.end));
    let mut chosen: Vec<&Fix> = Vec::new();
    for fix in offered {
        if chosen.last().is_none_or(|last| last.span.end < fix.span.start) {
            chosen.push(fix);
        }
    }
    chosen
}

/// The text with the edits made; they are in its order and do not overlap.
#[must_use]
pub fn apply(text: &str, fixes: &[&Fix]) -> String {
    let (mut out, mut at) = (String::with_capacity(text.len()), 0);
    for fix in fixes {
        out.push_str(text.get(at..fix.span.start as usize).unwrap_or(""));
        out.push_str(&fix.replacement);
        at = fix.span.end as usize;
    }
    out.push_str(text.get(at..).unwrap_or(""));
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::span::Span;

    fn offer(start: usize, end: usize, replacement: &str) -> Diagnostic {
        let span = Span::new(FileId(0), start, end);
        Diagnostic::error("F0101", span, "no").fix("mend it", span, replacement)
    }

    #[test]
    fn edits_that_overlap_or_touch_wait_for_the_next_round() {
        let found = [offer(4, 7, "B"), offer(0, 3, "A"), offer(2, 5, "x"), offer(7, 8, "y")];
        let chosen = choose(&found, FileId(0));
        assert_eq!(apply("one two three", &chosen), "A B three");
        assert!(choose(&found, FileId(1)).is_empty());
    }

    #[test]
    fn of_two_offers_the_first_is_taken() {
        let span = Span::new(FileId(0), 0, 1);
        let found = [offer(0, 1, "first").fix("or so", span, "second")];
        assert_eq!(apply("a", &choose(&found, FileId(0))), "first");
    }

    #[test]
    fn insertions_and_removals_keep_the_rest() {
        let found = [offer(0, 0, ">"), offer(3, 5, "")];
        assert_eq!(apply("abcéd", &choose(&found, FileId(0))), ">abcd");
    }
}
