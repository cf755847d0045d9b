//! F0007: a reserved word where a name is declared, though the grammar refuses it there.

use super::token::{Kind, Token};
use super::word::is_reserved;
use crate::diagnostic::Diagnostic;
use crate::span::Span;

/// The finding, with another name as fix.
pub(super) fn diagnostic(word: &str, span: Span) -> Diagnostic {
    let other = format!("{word}_value");
    Diagnostic::error("F0007", span, format!("`{word}` is a reserved word and cannot be a name"))
        .label(span, "declared as a name here")
        .help(format!("choose another name, for example `{other}`"))
        .fix(format!("rename it to `{other}`"), span, other)
}

/// One of some words where it stands in a text, as a token of its own.
pub(super) fn used(words: &[String], text: &str, at: usize) -> Option<Token> {
    let rest = text.get(at..)?;
    let ends = |word: &&String| {
        let behind = rest.strip_prefix(word.as_str()).map(|rest| rest.chars().next());
        behind.is_some_and(|next| !next.is_some_and(|c| c.is_alphanumeric() || c == '_'))
    };
    let word = words.iter().find(ends)?;
    Some(Token { kind: Kind::Word, start: at, end: at + word.len(), indent: None })
}

/// Lets the fix of a finding rename a use of the word too.
pub(super) fn widen(found: &mut [Diagnostic], text: &str, word: &str, used: Span) {
    let other = format!("{word}_value");
    let fixes = found.iter_mut().filter(|it| it.code == "F0007").flat_map(|it| &mut it.fixes);
    for fix in fixes.filter(|fix| fix.replacement.starts_with(&other)) {
        if let Some(between) = text.get(fix.span.end as usize..used.start as usize) {
            fix.replacement += between;
            fix.replacement += &other;
            fix.span.end = used.end;
        }
    }
}

/// The index of a reserved word declared as a name at or just before token `i`.
pub(super) fn declared(text: &str, tokens: &[Token], i: usize) -> Option<usize> {
    [Some(i), i.checked_sub(1)].into_iter().flatten().find(|&at| is_declaration(text, tokens, at))
}

/// The parameters of a workflow, function or decision that are named by a reserved word. The grammar
/// takes any word there, so that only their uses fail to read.
pub(super) fn parameters(text: &str, tokens: &[Token], head: usize) -> Vec<Token> {
    let word = |at: usize| tokens.get(at).and_then(|t| text.get(t.start..t.end)).unwrap_or("");
    if !matches!(word(head), "workflow" | "fn" | "decide") {
        return Vec::new();
    }
    let open = (head..tokens.len()).take(4).find(|&at| word(at) == "(");
    let Some(open) = open else { return Vec::new() };
    let mut found = Vec::new();
    let mut depth = 0_usize;
    for at in open..tokens.len() {
        match word(at) {
            "(" => depth += 1,
            ")" if depth <= 1 => break,
            ")" => depth -= 1,
            name if word(at + 1) == ":" && is_reserved(name) => found.extend(tokens.get(at)),
            _ => {}
        }
    }
    found
}

fn is_declaration(text: &str, tokens: &[Token], i: usize) -> bool {
    let word = |at: Option<usize>| {
        at.and_then(|at| tokens.get(at)).and_then(|t| text.get(t.start..t.end)).unwrap_or("")
    };
    let reserved = |at: usize| {
        tokens.get(at).is_some_and(|t| t.kind == Kind::Word) && is_reserved(word(Some(at)))
    };
    if !reserved(i) {
        return false;
    }
    let (before, after) = (word(i.checked_sub(1)), word(Some(i + 1)));
    let first = tokens.get(i).is_some_and(|t| t.indent.is_some());
    match before {
        "step" | "pivot" | "await" => after == "=",
        "fn" | "decide" => after == "(",
        "policy" => after == "=",
        "scope" | "savepoint" => matches!(after, "{" | "fails"),
        "each" => after == "in",
        _ => match after {
            // `x = …` as a statement; a value of `upgrade` or a default is not reached here.
            "=" => first || matches!(before, "{" | "}" | "(" | ")" | ","),
            "=>" => matches!(before, "(" | ",") || first,
            ")" | "," => matches!(before, "(" | ",") && binds(text, tokens, i),
            _ => false,
        },
    }
}

/// Whether the parentheses round token `i` hold names to bind: `on E(x) =>`, `each (k, v) in`,
/// `on Event(x)` in the head of a workflow.
fn binds(text: &str, tokens: &[Token], i: usize) -> bool {
    let word = |at: usize| tokens.get(at).and_then(|t| text.get(t.start..t.end)).unwrap_or("");
    let Some(open) = (0..i).rev().take(32).find(|&at| word(at) == "(") else { return false };
    let Some(close) = (i..tokens.len()).take(32).find(|&at| word(at) == ")") else { return false };
    let heads = open.checked_sub(2).map(word);
    word(close + 1) == "=>" || word(close + 1) == "in" || heads == Some("on")
}
