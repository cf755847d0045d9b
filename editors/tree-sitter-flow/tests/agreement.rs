//! The compiler's parser decides: what it reads, the grammar reads in the same pieces; what it
//! refuses, the grammar refuses.

mod texts;

use sagaflow_compiler::span::FileId;
use sagaflow_compiler::syntax;
use std::collections::HashSet;
use std::sync::LazyLock;
use texts::{Text, blocks, first_error, programs, tree};
use tree_sitter::Tree;

/// Findings of the compiler's parser that a grammar alone cannot have: nesting beyond its bound,
/// clauses that make no sense together, and reserved words as names, of which the grammar lets some
/// through.
const BEYOND: [&str; 3] = ["F0003", "F0006", "F0007"];

/// What the compiler's parser thinks of a text.
#[derive(PartialEq, Debug)]
enum Verdict {
    Read,
    Refused,
    /// Refused for what a grammar need not see.
    Beyond,
}

fn verdict(text: &str) -> Verdict {
    let (_, findings) = syntax::parse(FileId(0), text);
    match &findings[..] {
        [] => Verdict::Read,
        all if all.iter().any(|d| BEYOND.contains(&d.code)) => Verdict::Beyond,
        _ => Verdict::Refused,
    }
}

/// The places of all nodes, in bytes.
fn places(tree: &Tree) -> HashSet<(usize, usize)> {
    let mut found = HashSet::new();
    let mut open = vec![tree.root_node()];
    while let Some(node) = open.pop() {
        found.insert((node.start_byte(), node.end_byte()));
        let mut cursor = node.walk();
        open.extend(node.children(&mut cursor));
    }
    found
}

/// Every place that the compiler's tree names, taken from how it prints itself.
fn places_of_the_compiler(text: &str) -> Vec<(usize, usize)> {
    let (file, _) = syntax::parse(FileId(0), text);
    let printed = format!("{file:?}");
    let number = |at: &str| {
        at.split(|c: char| !c.is_ascii_digit()).next().and_then(|digits| digits.parse().ok())
    };
    let mut found = Vec::new();
    for part in printed.split("Span { file: FileId(0), start: ").skip(1) {
        let end = part.split_once("end: ").and_then(|(_, end)| number(end));
        found.extend(number(part).zip(end));
    }
    found
}

/// A text, and what each of the two makes of it.
struct Judged {
    at: Text,
    verdict: Verdict,
    tree: Tree,
}

/// All programs, and all blocks of pages.
static ALL: LazyLock<Vec<Judged>> = LazyLock::new(|| {
    let judge = |at: Text| Judged { verdict: verdict(&at.text), tree: tree(&at.text), at };
    programs().into_iter().chain(blocks()).map(judge).collect()
});

fn all_that_are(verdict: Verdict) -> Vec<&'static Judged> {
    ALL.iter().filter(|judged| judged.verdict == verdict).collect()
}

#[test]
fn what_the_compiler_reads_the_grammar_reads() {
    let read = all_that_are(Verdict::Read);
    assert!(read.len() > 1000, "only {} texts were found", read.len());
    for Judged { at, tree, .. } in read {
        assert_eq!(first_error(tree), None, "{}", at.place);
    }
}

#[test]
fn what_the_compiler_refuses_the_grammar_refuses() {
    let refused = all_that_are(Verdict::Refused);
    assert!(refused.len() > 5, "only {} texts were found", refused.len());
    for Judged { at, tree, .. } in refused {
        assert!(first_error(tree).is_some(), "{} reads", at.place);
    }
}

#[test]
fn both_see_the_same_pieces() {
    let mut count = 0;
    for Judged { at, tree, .. } in all_that_are(Verdict::Read) {
        // Written by a generator, and more of them than of all others.
        if at.place.contains("generated") {
            continue;
        }
        let seen = places(tree);
        for (start, end) in places_of_the_compiler(&at.text) {
            count += 1;
            let piece = at.text.get(start..end).unwrap_or_default();
            assert!(seen.contains(&(start, end)), "{}: no node is `{piece}`", at.place);
        }
    }
    assert!(count > 50_000, "only {count} pieces were found");
}

/// Words, and marks one by one.
fn words(text: &str) -> Vec<(usize, usize)> {
    let mut found: Vec<(usize, usize)> = Vec::new();
    let mut in_word = false;
    for (at, c) in text.char_indices() {
        let is_word = c.is_ascii_alphanumeric() || c == '_';
        match found.last_mut() {
            Some(last) if is_word && in_word => last.1 = at + 1,
            _ if c.is_whitespace() => {}
            _ => found.push((at, at + c.len_utf8())),
        }
        in_word = is_word;
    }
    found
}

#[test]
fn they_agree_also_where_a_word_is_left_out() {
    let (mut read, mut refused) = (0, 0);
    for Text { place, text } in programs().iter().filter(|t| t.place.starts_with("flows")) {
        // Every so many words, for what all of them would take.
        for (start, end) in words(text).into_iter().skip(7).step_by(211) {
            let (before, after) = (&text[..start], &text[end..]);
            let cut = format!("{before}{after}");
            let error = first_error(&tree(&cut));
            let line = before.lines().count();
            let word = &text[start..end];
            match verdict(&cut) {
                Verdict::Read => {
                    read += 1;
                    assert_eq!(error, None, "{place}:{line} without `{word}`");
                }
                Verdict::Refused => {
                    refused += 1;
                    assert!(error.is_some(), "{place}:{line} reads without `{word}`");
                }
                Verdict::Beyond => {}
            }
        }
    }
    assert!(read > 5 && refused > 25, "{read} read and {refused} refused");
}

#[test]
fn a_mistake_leaves_what_stands_beside_it() {
    let text = "workflow A(a: int) {\n  step = = S.write(a)\n  step S.again(a) within 2s\n}\n\n\
                /// Says what it does.\nworkflow B(b: int) {\n  deadline = b\n  sleep until deadline\n}\n";
    let tree = tree(text);
    assert!(first_error(&tree).is_some());
    let last =
        tree.root_node().named_children(&mut tree.walk()).last().expect("the file has items");
    assert_eq!((last.kind(), last.has_error()), ("workflow_decl", false));
    let steps = tree.root_node().to_sexp();
    assert!(steps.contains("(step"), "the second step is read: {steps}");
}
