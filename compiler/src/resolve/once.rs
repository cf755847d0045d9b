//! Clauses that may stand once only (F0006).

use super::Resolver;
use crate::diagnostic::Diagnostic;
use crate::span::Span;
use crate::syntax::ast::Count;
use std::collections::HashMap;

/// Which clauses have been seen in one place.
#[derive(Default)]
pub(super) struct Once {
    seen: HashMap<String, Span>,
}

impl Once {
    /// Whether this is the first `word`; F0006 at the second.
    pub(super) fn first(
        &mut self,
        r: &mut Resolver<'_>,
        word: impl Into<String>,
        at: Span,
    ) -> bool {
        let word = word.into();
        let Some(earlier) = self.seen.get(&word).copied() else {
            self.seen.insert(word, at);
            return true;
        };
        let found = Diagnostic::error("F0006", at, format!("`{word}` stands here twice"))
            .label(earlier, format!("the first `{word}`…"))
            .label(at, "…and another one")
            .help("keep one of them");
        r.report(found);
        false
    }

    /// F0006 where `other` was seen already: both cannot hold.
    pub(super) fn against(
        &mut self,
        r: &mut Resolver<'_>,
        other: &str,
        word: &str,
        at: Span,
    ) -> bool {
        let Some(earlier) = self.seen.get(other).copied() else { return true };
        let found = Diagnostic::error("F0006", at, format!("`{word}` contradicts `{other}`"))
            .label(earlier, format!("`{other}` says one thing…"))
            .label(at, format!("…and `{word}` another"))
            .help("keep one of them");
        r.report(found);
        false
    }
}

/// F0006 for a clause that means nothing where it stands.
pub(super) fn meaningless(r: &mut Resolver<'_>, clause: &str, place: &str, at: Span, help: &str) {
    let found = Diagnostic::error("F0006", at, format!("`{clause}` means nothing on {place}"))
        .label(at, "leave this out")
        .help(help);
    r.report(found);
}

/// F0006 for a number of nothing, and the number to go on with.
pub(super) fn counts(r: &mut Resolver<'_>, clause: &str, count: Count) -> Count {
    if count.node == 0 {
        let found =
            Diagnostic::error("F0006", count.span, format!("`{clause}` lets nothing through"))
                .label(count.span, "means nothing")
                .help("write 1 or more");
        r.report(found);
    }
    Count { node: count.node.max(1), ..count }
}
