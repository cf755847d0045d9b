//! Where items, statements and clauses begin and end, from tokens alone.

use super::parser::Rule;
use super::token::{Kind, Token};
use super::word;

/// A piece of the text that is read alone.
#[derive(Clone, Copy, Debug)]
pub(super) struct Segment {
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
    /// Its tokens, by index.
    pub tokens: (usize, usize),
    /// What it should be.
    pub entry: Rule,
}

fn at<'t>(text: &'t str, tokens: &[Token], i: usize) -> &'t str {
    tokens.get(i).and_then(|t| text.get(t.start..t.end)).unwrap_or("")
}

fn capital(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_uppercase())
}

/// Whether what follows an item keyword looks like that item; the words are not reserved.
fn has_shape(text: &str, tokens: &[Token], i: usize, keyword: &str) -> bool {
    let (name, then) = (at(text, tokens, i + 1), at(text, tokens, i + 2));
    match keyword {
        "test" => name.starts_with('"'),
        "fn" | "decide" | "policy" => !capital(name) && matches!(then, "(" | "="),
        "event" => capital(name) && matches!(then, "on" | "key" | "{" | ""),
        _ => capital(name) && !matches!(name, "." | ":") && then != ".",
    }
}

/// Whether an item starts at token `i`. A misspelt keyword counts at the start of a line outside
/// all brackets.
fn starts_item(text: &str, tokens: &[Token], i: usize, depth: usize) -> bool {
    let Some(token) = tokens.get(i) else { return false };
    let written = at(text, tokens, i);
    let column_0 = token.indent == Some(0);
    if token.kind != Kind::Word || !(column_0 || depth == 0) {
        return false;
    }
    if word::ITEMS.contains(&written) {
        return has_shape(text, tokens, i, written);
    }
    let before = i.checked_sub(1).map_or("", |i| at(text, tokens, i));
    let open_end = matches!(before, "=" | "=>" | "->" | ",");
    let elsewhere =
        word::HEADERS.contains(&written) || matches!(written, "module" | "use" | "after" | "allow");
    column_0
        && depth == 0
        && !open_end
        && !elsewhere
        && word::meant(written, word::ITEMS).is_some_and(|meant| has_shape(text, tokens, i, meant))
}

/// The head of the file and then each item with its docs and allows.
pub(super) fn segments(text: &str, tokens: &[Token]) -> Vec<Segment> {
    let mut starts = Vec::new();
    let mut depth = 0_usize;
    for (i, token) in tokens.iter().enumerate() {
        if starts_item(text, tokens, i, depth) {
            depth = 0;
            starts.push(with_lead(text, tokens, i, starts.last().map_or(0, |&s| s + 1)));
        }
        match token.kind {
            Kind::Open => depth += 1,
            Kind::Close => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    let mut out = Vec::new();
    let first = starts.first().copied().unwrap_or(tokens.len());
    if first > 0 {
        out.push(segment(tokens, 0, first, Rule::segment_head));
    }
    for (n, &from) in starts.iter().enumerate() {
        let to = starts.get(n + 1).copied().unwrap_or(tokens.len());
        out.push(segment(tokens, from, to, Rule::segment_item));
    }
    out
}

fn segment(tokens: &[Token], from: usize, to: usize, entry: Rule) -> Segment {
    let start = tokens.get(from).map_or(0, |t| t.start);
    let end = to.checked_sub(1).and_then(|last| tokens.get(last)).map_or(start, |t| t.end);
    Segment { start, end, tokens: (from, to), entry }
}

/// `i` moved back over docs and allows, not below `floor`.
fn with_lead(text: &str, tokens: &[Token], mut i: usize, floor: usize) -> usize {
    loop {
        let back = |n: usize| i.checked_sub(n).filter(|&at| at >= floor);
        if back(1).is_some_and(|at| tokens.get(at).is_some_and(|t| t.kind == Kind::Doc)) {
            i -= 1;
        } else if back(4).is_some_and(|from| at(text, tokens, from) == "allow") {
            i -= 4;
        } else {
            return i;
        }
    }
}

/// The token with the keyword of the item: the first that is neither doc nor allow.
pub(super) fn head_index(text: &str, tokens: &[Token]) -> usize {
    let mut i = 0;
    loop {
        match tokens.get(i) {
            Some(token) if token.kind == Kind::Doc => i += 1,
            Some(_) if at(text, tokens, i) == "allow" => i += 4,
            _ => return i,
        }
    }
}

/// Whether the word starts a statement, a clause or a member of a contract.
pub(super) fn is_starter(written: &str) -> bool {
    starts_statement(written) || starts_clause(written) || word::ITEMS.contains(&written)
}

/// The starting word that was most likely meant.
pub(super) fn meant_starter(written: &str) -> Option<&'static str> {
    let all = word::STATEMENTS
        .into_iter()
        .chain(word::CLAUSES)
        .chain(word::ACTION_CLAUSES)
        .chain(word::HEADERS)
        .chain(word::TEST_STATEMENTS)
        .chain(word::MEMBERS)
        .chain(word::HUMAN_CLAUSES)
        .chain(word::ITEMS);
    word::meant(written, all)
}

fn starts_statement(written: &str) -> bool {
    word::STATEMENTS.contains(&written)
        || word::TEST_STATEMENTS.contains(&written)
        || matches!(written, "read" | "write" | "tx" | "breaker" | "module")
        || word::HUMAN_CLAUSES.contains(&written)
}

fn starts_clause(written: &str) -> bool {
    word::CLAUSES.contains(&written)
        || word::ACTION_CLAUSES.contains(&written)
        || word::HEADERS.contains(&written)
}

/// Whether a clause or statement begins at token `i`; `first` means it opens its bracket.
fn is_start(text: &str, tokens: &[Token], i: usize, first: bool) -> bool {
    let Some(token) = tokens.get(i) else { return false };
    let before = i.checked_sub(1).map_or("", |i| at(text, tokens, i));
    if first || token.kind == Kind::Doc {
        return true;
    }
    if matches!(token.kind, Kind::Mark | Kind::Open | Kind::Close | Kind::Missing) {
        return false;
    }
    let written = at(text, tokens, i);
    let statement = word::is_reserved(written) && starts_statement(written);
    let own_line = token.indent.is_some() && statement && !matches!(written, "if" | "match");
    let remedy = matches!(before, "=>" | "else" | "fallback" | "compensate" | "probe");
    let operand = matches!(before, "=" | "->" | "." | "by" | "," | "and" | "or" | "not" | "in")
        || matches!(before, "+" | "-" | "*" | "/" | "<" | ">" | "==" | "!=" | "??");
    if remedy || (operand && !own_line) {
        // A list of fields goes on after its comma; the next field is a piece of its own.
        return before == "," && token.indent.is_some() && at(text, tokens, i + 1) == ":";
    }
    let reserved = word::is_reserved(written) && is_starter(written);
    let clear = is_starter(written)
        && !matches!(at(text, tokens, i + 1), "." | ":" | "," | ")" | "=" | "(");
    token.indent.is_some() || reserved || clear
}

/// The index after the brace that encloses token `i`, or the start of the tokens. Parentheses are
/// no frame: what is in them belongs to the statement round them.
fn frame_start(text: &str, tokens: &[Token], i: usize) -> usize {
    let mut depth = 0_usize;
    for back in (0..i.min(tokens.len())).rev() {
        match tokens.get(back).map(|t| t.kind) {
            Some(Kind::Close | Kind::Missing) => depth += 1,
            Some(Kind::Open) if depth > 0 => depth -= 1,
            Some(Kind::Open) if at(text, tokens, back) == "{" => return back + 1,
            _ => {}
        }
    }
    0
}

/// The starts of clauses and statements in the frame of token `i`, and where the frame ends.
fn starts_in_frame(text: &str, tokens: &[Token], i: usize) -> (Vec<usize>, usize) {
    let frame = frame_start(text, tokens, i);
    let mut starts = Vec::new();
    let mut depth = 0_usize;
    for at_token in frame..tokens.len() {
        match tokens.get(at_token).map(|t| t.kind) {
            Some(Kind::Open) => {
                // Outside all braces, the body of an item is a piece of its own.
                if depth == 0 && frame == 0 && at(text, tokens, at_token) == "{" {
                    starts.push(at_token);
                }
                depth += 1;
            }
            Some(Kind::Close | Kind::Missing) if depth == 0 => return (starts, at_token),
            Some(Kind::Close | Kind::Missing) => depth -= 1,
            _ if depth == 0 && is_start(text, tokens, at_token, at_token == frame) => {
                starts.push(at_token)
            }
            _ => {}
        }
    }
    (starts, tokens.len())
}

/// Where the clause or statement with token `i` begins.
pub(super) fn chunk_start(text: &str, tokens: &[Token], i: usize) -> usize {
    let (starts, _) = starts_in_frame(text, tokens, i);
    starts.into_iter().rev().find(|&s| s <= i).unwrap_or_else(|| frame_start(text, tokens, i))
}

/// The clause with token `i`, or the statement with its clauses.
pub(super) fn chunk(text: &str, tokens: &[Token], i: usize) -> (usize, usize) {
    let (starts, end) = starts_in_frame(text, tokens, i);
    let from = starts.iter().rev().find(|&&s| s <= i).copied().unwrap_or(i.min(tokens.len()));
    let is_clause = |s: usize| {
        let written = at(text, tokens, s);
        starts_clause(written) && !matches!(written, "limit" | "index" | "subject")
    };
    let follows = |s: usize| s > from && (is_clause(from) || !is_clause(s));
    let to = starts.iter().copied().find(|&s| follows(s)).unwrap_or(end);
    (from, to.max(from + 1).min(tokens.len()))
}

/// The statement whose braces enclose token `i`; nothing where that is the item itself.
pub(super) fn enclosing(text: &str, tokens: &[Token], i: usize) -> Option<(usize, usize)> {
    let opener = frame_start(text, tokens, i).checked_sub(1)?;
    if frame_start(text, tokens, opener) == 0 {
        return None;
    }
    Some(chunk(text, tokens, opener))
}

/// The line of token `i` and the deeper lines after it.
pub(super) fn lines_round(tokens: &[Token], i: usize) -> (usize, usize) {
    let from =
        (0..=i).rev().find(|&at| tokens.get(at).is_some_and(|t| t.indent.is_some())).unwrap_or(0);
    let indent = tokens.get(from).and_then(|t| t.indent).unwrap_or(0);
    let deeper = |t: &Token| t.indent.is_none_or(|n| n > indent);
    let rest = tokens.get(i + 1..).unwrap_or_default();
    (from, i + 1 + rest.iter().take_while(|t| deeper(t)).count())
}
