//! The words of the language for tools that colour and complete: which there are, and which may
//! stand where. Says nothing of its own; the grammar and `word` do.

use std::collections::BTreeSet;
use std::sync::OnceLock;

pub use super::word::{
    ACTION_CLAUSES, CLAUSES, HEADERS, HUMAN_CLAUSES, ITEMS, MEMBERS, RESERVED, STATEMENTS,
    TEST_STATEMENTS,
};

/// Every word that the grammar reads as a keyword somewhere.
#[must_use]
pub fn keywords() -> &'static BTreeSet<&'static str> {
    static KEYWORDS: OnceLock<BTreeSet<&'static str>> = OnceLock::new();
    KEYWORDS.get_or_init(|| {
        let grammar = include_str!("flow.pest");
        let spelt = grammar.split("@{ \"").skip(1).filter_map(|rest| rest.split_once('"'));
        let words = spelt.filter(|(_, after)| after.starts_with(" ~ WB")).map(|(word, _)| word);
        words.chain(["true", "false", "none"]).filter(|word| word.len() > 1).collect()
    })
}
