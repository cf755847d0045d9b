//! The concrete tree: every word and mark of a text that reads as a whole, under the rule that read
//! it. For the formatter, which must lose nothing.
//!
//! Leaves cover everything but blanks and comments, because the grammar spells its punctuation as
//! visible rules. A leaf is one atomic piece: a path, an amount of money and a quoted text are one.

use super::parser::{Flow, with_stack};
use super::token::{Tokens, tokens};
use pest::Parser;
use pest::iterators::Pair;

pub(crate) use super::parser::Rule;

/// A rule with where it was read.
#[derive(Debug)]
pub(crate) struct Node {
    /// What it is.
    pub rule: Rule,
    /// First byte.
    pub start: usize,
    /// One past the last byte, blanks and comments left out.
    pub end: usize,
    /// Its parts; none in a leaf.
    pub kids: Vec<Node>,
}

/// A comment, which the tree leaves out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Remark {
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
    /// Whether nothing stands before it on its line.
    pub own_line: bool,
}

/// Reads a text and hands its tree on, where the stack suffices for both; `None` where the text
/// does not read as a whole.
pub(crate) fn read<T: Send>(text: &str, then: impl Fn(&Node, &[Remark]) -> T + Sync) -> Option<T> {
    let tokens = tokens(text);
    let (too_deep, nesting) = super::bracket::nesting(text, &tokens.tokens);
    if too_deep.is_some() {
        return None;
    }
    let remarks: Vec<Remark> = tokens
        .comments
        .iter()
        .map(|&(start, end)| Remark { start, end, own_line: begins_line(text, start) })
        .collect();
    with_stack(nesting, || {
        let file = Flow::parse(Rule::file, text).ok()?.next()?;
        let root = node(file, text, &tokens).unwrap_or(Node {
            rule: Rule::file,
            start: 0,
            end: 0,
            kids: Vec::new(),
        });
        Some(then(&root, &remarks))
    })
}

fn begins_line(text: &str, at: usize) -> bool {
    let line = text.get(..at).unwrap_or("").rsplit('\n').next().unwrap_or("");
    line.trim().is_empty()
}

/// A pair with what it holds; nothing where it covers no text.
fn node(pair: Pair<'_, Rule>, text: &str, tokens: &Tokens) -> Option<Node> {
    let (rule, span) = (pair.as_rule(), pair.as_span());
    let quoted = matches!(rule, Rule::string | Rule::plain | Rule::sql_text);
    let kids: Vec<Node> = if quoted {
        Vec::new()
    } else {
        pair.into_inner().filter_map(|inner| node(inner, text, tokens)).collect()
    };
    let start = kids.first().map_or(span.start(), |kid| kid.start);
    let end = kids.last().map_or_else(
        || if quoted { span.end() } else { tokens.trim(text, span.start(), span.end()) },
        |kid| kid.end,
    );
    (start < end).then_some(Node { rule, start, end, kids })
}

impl Node {
    /// The first part with this rule.
    pub fn kid(&self, rule: Rule) -> Option<&Node> {
        self.kids.iter().find(|kid| kid.rule == rule)
    }

    /// The leaves in order, each with the rule it stands in.
    pub fn leaves<'n>(&'n self, around: Rule, into: &mut Vec<(&'n Node, Rule)>) {
        if self.kids.is_empty() {
            into.push((self, around));
        }
        for kid in &self.kids {
            kid.leaves(self.rule, into);
        }
    }
}
