//! The one way a `.flow` text is laid out: from its words, marks and comments to text.
//!
//! The layout depends on what is written and not on how it was spaced, but for what a blank line
//! or the place of a comment tells a reader. Nothing is lost: what comes out reads as the same
//! words and marks, commas between lines and the order of clauses aside, with every comment.

mod flat;
mod item;
mod out;
mod print;
mod stmt;

#[cfg(test)]
pub(crate) mod tests;

use crate::syntax::concrete::{self, Node, Rule};

/// Lines are kept to this many columns where the language leaves a place to break them.
const COLUMNS: usize = 100;

/// The text in its canonical layout; `None` where it does not read as a whole.
#[must_use]
pub fn format(text: &str) -> Option<String> {
    let (printed, lost) = print(text)?;
    // A text is never risked for its looks.
    Some(if lost { text.to_owned() } else { printed })
}

/// The layout, and whether something was lost on the way, which would be a mistake of ours.
pub(crate) fn print(text: &str) -> Option<(String, bool)> {
    let (printed, words) = concrete::read(text, |root, remarks| {
        let mut printer = print::Printer::new(text, remarks);
        printer.file(root);
        (printer.finish(), words(root, text))
    })?;
    // Invariant: the same words come out.
    let again = concrete::read(&printed, |root, _| self::words(root, &printed));
    Some((printed, again != Some(words)))
}

/// Every leaf but commas with the rule that read it, without their order: clauses move.
fn words(root: &Node, text: &str) -> Vec<(Rule, String)> {
    let mut leaves = Vec::new();
    root.leaves(Rule::file, &mut leaves);
    let mut words: Vec<(Rule, String)> = leaves
        .into_iter()
        .filter(|(leaf, _)| leaf.rule != Rule::comma)
        .map(|(leaf, _)| {
            let written = text.get(leaf.start..leaf.end).unwrap_or("");
            (leaf.rule, written.trim_end().to_owned())
        })
        .collect();
    words.sort();
    words
}
