//! The bracket pass: how deep a text nests, and which bracket was never closed (F0002).
//!
//! Where brackets balance it says nothing. Where they do not, indentation tells which opener lacks
//! its closer, and the pass proposes one-character repairs that keep every offset true, so that
//! the rest of the item can still be read.

use super::token::{Kind, Token};
use crate::diagnostic::Diagnostic;
use crate::span::{FileId, Span};

/// Brackets nest at most this deep altogether; the builders draw the finer lines. Bound: deeper
/// text would need more stack than [`super::parser`] sets aside.
pub(super) const NESTING_MAX: usize = 320;
/// Operators in one row, and `else if` in one chain.
const CHAIN_MAX: usize = 256;

/// Bound: more repairs in one item would only be guesses, and each looks at all before it.
const REPAIRS_MAX: usize = 40;

/// Words that keep an expression going; every other reserved word ends it.
const EXPR_WORDS: [&str; 4] = ["and", "or", "in", "not"];

/// Words whose `<` opens a list of types.
const TYPE_HEADS: [&str; 5] = ["list", "map", "outcome", "batch", "money"];

/// Where brackets, operators or `else if` first go too deep, and how much nesting there is for the
/// stack to bear: a bracket costs pest about as much as four operators cost the builders.
pub(super) fn nesting(text: &str, tokens: &[Token]) -> (Option<Token>, usize) {
    // For each open bracket: operators in the current expression, names after dots in the current
    // operand, `else if` on the way here.
    let mut open = vec![(0_usize, 0_usize, 0_usize)];
    let (mut deepest, mut angles) = (0, 0_usize);
    let mut last = "";
    for &token in tokens {
        let word = text.get(token.start..token.end).unwrap_or("");
        let depth = open.len();
        let Some(frame) = open.last_mut() else { break };
        match token.kind {
            Kind::Open => {
                let chain = frame.2;
                open.push((0, 0, chain));
            }
            Kind::Close if depth > 1 => {
                open.pop();
            }
            Kind::Mark if matches!(word, "," | "=" | "=>" | ":") => (frame.0, frame.1) = (0, 0),
            Kind::Mark if word == "<" && TYPE_HEADS.contains(&last) => angles += 1,
            Kind::Mark if word == ">" && angles > 0 => angles -= 1,
            Kind::Mark if word == "." || word == "?" => frame.1 += 1,
            Kind::Mark => {
                (frame.0, frame.1) = (frame.0 + 1, if word == "-" { frame.1 + 1 } else { 0 })
            }
            Kind::Word if word == "not" => frame.1 += 1,
            Kind::Word if word == "if" && last == "else" => frame.2 += 1,
            Kind::Word if EXPR_WORDS.contains(&word) => (frame.0, frame.1) = (frame.0 + 1, 0),
            Kind::Word if super::word::is_reserved(word) && last != "." => {
                (frame.0, frame.1) = (0, 0)
            }
            Kind::Doc => (frame.0, frame.1) = (0, 0),
            _ => {}
        }
        if !(token.kind == Kind::Word || matches!(word, "<" | ">" | "," | "?" | ".")) {
            angles = 0;
        }
        let chains = open.last().map_or(0, |f| f.0.max(f.1).max(f.2));
        let (operators, else_ifs) = open.last().map_or((0, 0), |f| (f.0.max(f.1), f.2));
        deepest = deepest.max(open.len() - 1 + operators / 4 + else_ifs);
        if open.len() - 1 > NESTING_MAX || chains.max(angles) > CHAIN_MAX {
            return (Some(token), deepest);
        }
        last = word;
    }
    (None, deepest)
}

/// What is wrong with the brackets of one item, and how to read on.
#[derive(Default)]
pub(super) struct Repair {
    /// F0002, at openers.
    pub unclosed: Vec<Diagnostic>,
    /// Closers without an opener. They are a consequence more often than a cause.
    pub stray: Vec<Token>,
    /// Bytes to overwrite, by offset; several closers at the end of the text have the same one.
    pub edits: Vec<(usize, char)>,
    /// Where a further finding would repeat one of these.
    pub quiet: Vec<(usize, usize)>,
    /// So much is wrong that the item should be given up.
    pub hopeless: bool,
}

struct Opener {
    token: Token,
    /// Of the line it stands on.
    indent: usize,
    line: usize,
}

struct Pass<'t> {
    file: FileId,
    text: &'t str,
    tokens: &'t [Token],
    open: Vec<Opener>,
    out: Repair,
}

/// Pairs the brackets of one item. Balanced ones cost nothing more than a walk.
pub(super) fn repair(file: FileId, text: &str, tokens: &[Token]) -> Repair {
    if balanced(text, tokens) {
        return Repair::default();
    }
    let mut pass = Pass { file, text, tokens, open: Vec::new(), out: Repair::default() };
    let (mut line, mut indent) = (0, 0);
    for (i, &token) in tokens.iter().enumerate() {
        if let Some(first) = token.indent {
            (line, indent) = (line + 1, first);
            pass.dedent(i, token, first);
        }
        match token.kind {
            Kind::Open => pass.open.push(Opener { token, indent, line }),
            Kind::Close => pass.close(i, token, line),
            _ => {}
        }
        if pass.out.edits.len() > REPAIRS_MAX {
            pass.out.hopeless = true;
            return pass.out;
        }
    }
    let end = tokens.last().map_or(0, |t| t.end);
    while let Some(opener) = pass.open.pop() {
        pass.unclosed(&opener, (end, usize::MAX));
    }
    pass.out
}

fn closer(text: &str, opener: Token) -> char {
    match text.as_bytes().get(opener.start) {
        Some(b'{') => '}',
        Some(b'(') => ')',
        _ => ']',
    }
}

fn balanced(text: &str, tokens: &[Token]) -> bool {
    let mut open = Vec::new();
    for &token in tokens {
        match token.kind {
            Kind::Open => open.push(closer(text, token)),
            Kind::Close => {
                let this = text.get(token.start..token.end).and_then(|s| s.chars().next());
                if this != open.pop() {
                    return false;
                }
            }
            _ => {}
        }
    }
    open.is_empty()
}

impl Pass<'_> {
    /// What lies between token `i` and the one before it.
    fn gap(&self, i: usize) -> (usize, usize) {
        let after = i.checked_sub(1).and_then(|i| self.tokens.get(i)).map_or(0, |t| t.end);
        (after, self.tokens.get(i).map_or(after, |t| t.start))
    }

    /// A line that stands no deeper than the line of an opener has left that bracket.
    fn dedent(&mut self, i: usize, token: Token, indent: usize) {
        while let Some(top) = self.open.last() {
            let left = if token.kind == Kind::Close {
                // A closer at the height of its opener's line is the normal end of a block, and
                // one that fits no opener says nothing.
                let this = self.text.get(token.start..token.end);
                let fits =
                    |o: &Opener| this.is_some_and(|t| t.starts_with(closer(self.text, o.token)));
                top.indent > indent && self.open.iter().any(|o| o.indent <= indent && fits(o))
            } else {
                top.indent >= indent
            };
            if !left {
                return;
            }
            let Some(opener) = self.open.pop() else { return };
            self.unclosed(&opener, self.gap(i));
        }
    }

    fn close(&mut self, i: usize, token: Token, line: usize) {
        let this = self.text.get(token.start..token.end).and_then(|s| s.chars().next());
        let fits = self.open.iter().rposition(|o| Some(closer(self.text, o.token)) == this);
        // Mid-line, a `}` does not end a block that began on an earlier line.
        let ends = |o: &Opener| token.indent.is_some() || this != Some('}') || o.line == line;
        match fits {
            Some(at) if self.open.get(at).is_some_and(ends) => {
                while self.open.len() > at + 1 {
                    let Some(opener) = self.open.pop() else { return };
                    self.unclosed(&opener, self.gap(i));
                }
                self.open.pop();
            }
            _ => {
                self.out.stray.push(token);
                self.out.edits.push((token.start, ' '));
            }
        }
    }

    /// Reports an opener and closes it in the blanks of a gap.
    fn unclosed(&mut self, opener: &Opener, (after, before): (usize, usize)) {
        let start = opener.token.start;
        let span = Span::new(self.file, start, opener.token.end);
        let open = self.text.get(start..opener.token.end).unwrap_or("");
        let close = closer(self.text, opener.token);
        self.out.unclosed.push(
            Diagnostic::error("F0002", span, format!("this `{open}` is never closed"))
                .label(span, format!("no `{close}` belongs to it"))
                .help(format!("add the missing `{close}`")),
        );
        let rest = self.text.get(start..).unwrap_or("");
        let line_end = start + rest.find('\n').unwrap_or(rest.len());
        self.out.quiet.push((start, line_end));
        let free = |at: usize| {
            let blank = self.text.as_bytes().get(at).is_some_and(u8::is_ascii_whitespace);
            blank && !self.out.edits.iter().any(|e| e.0 == at)
        };
        let before = before.min(self.text.len());
        let at = if close == '}' {
            // As late as possible, so that no comment swallows it.
            (after..before).rev().find(|&at| free(at))
        } else {
            // A list of arguments does not go beyond its line.
            let last = self.tokens.partition_point(|t| t.end <= line_end).checked_sub(1);
            let last = last.and_then(|i| self.tokens.get(i)).map_or(after, |t| t.end.min(after));
            (last..before).find(|&at| free(at))
        };
        self.out.edits.push((at.unwrap_or(usize::MAX), close));
    }
}
