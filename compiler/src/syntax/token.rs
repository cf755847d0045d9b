//! A light scanner: words, brackets, texts, comments and where lines begin.
//!
//! It never fails. It sees just enough for the bracket pass, for recovery and for messages, gives
//! the comments that the grammar skips, and does not recurse.

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A name or keyword.
    Word,
    /// Starts with a digit.
    Number,
    /// A quoted text, interpolations included.
    Text,
    /// A quoted text without its closing quote; ends with its line or file.
    OpenText,
    /// `{`, `(` or `[`.
    Open,
    /// `}`, `)` or `]`.
    Close,
    /// A closer that was never written; the bracket pass adds it.
    Missing,
    /// A `///` line.
    Doc,
    /// Everything else, one operator at a time.
    Mark,
}

/// A piece of text between blanks and comments.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token {
    /// What it is.
    pub kind: Kind,
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
    /// Blanks in front of it on its line, where it is the first there.
    pub indent: Option<usize>,
}

/// What the scanner saw.
#[derive(Debug, Default)]
pub(super) struct Tokens {
    /// In order.
    pub tokens: Vec<Token>,
    /// Start and end of each comment, in order, right-trimmed.
    pub comments: Vec<(usize, usize)>,
}

impl Tokens {
    /// `end` moved left over blanks and comments, not beyond `start`.
    pub(super) fn trim(&self, text: &str, start: usize, mut end: usize) -> usize {
        loop {
            end = start + text.get(start..end).map_or(0, |s| s.trim_end().len());
            let i = self.comments.partition_point(|c| c.1 < end);
            match self.comments.get(i) {
                // A comment covers `end` where the text was cut inside it.
                Some(&(from, _)) if from < end && from >= start && end > start => end = from,
                _ => return end,
            }
        }
    }
}

/// Operators of more than one character; the first match counts.
const LONG_MARKS: [&str; 8] = ["=>", "->", "==", "!=", "<=", ">=", "??", ".."];

/// Words before a text in which braces are characters.
const BEFORE_PLAIN: [&str; 7] = ["matching", "because", "test", "on", "at", "in", "as"];

/// Bound: texts in texts beyond this are no program, and looking for their end again from each
/// quote would take quadratic time.
const TEXT_NESTING_MAX: usize = 128;

/// Scans a whole text.
pub(super) fn tokens(text: &str) -> Tokens {
    let bytes = text.as_bytes();
    let mut out = Tokens::default();
    let (mut i, mut line_start, mut first) = (0, 0, true);
    while let Some(&b) = bytes.get(i) {
        if b == b'\n' {
            (i, line_start, first) = (i + 1, i + 1, true);
            continue;
        }
        if b.is_ascii_whitespace() {
            i += 1;
            continue;
        }
        if is_comment(bytes, i) {
            let end = line_end(bytes, i);
            out.comments.push((i, i + text.get(i..end).map_or(0, |s| s.trim_end().len())));
            i = end;
            continue;
        }
        let plain = out.tokens.last().is_some_and(|t: &Token| {
            t.kind == Kind::Word && BEFORE_PLAIN.contains(&text.get(t.start..t.end).unwrap_or(""))
        });
        let (kind, end) = token(text, i, plain);
        out.tokens.push(Token { kind, start: i, end, indent: first.then_some(i - line_start) });
        // A text in three quotes spans lines; what follows it is not the first on its line.
        first = false;
        i = end;
    }
    out
}

fn is_comment(bytes: &[u8], i: usize) -> bool {
    bytes.get(i..i + 2) == Some(b"//")
        && (bytes.get(i + 2) != Some(&b'/') || bytes.get(i + 3) == Some(&b'/'))
}

fn line_end(bytes: &[u8], i: usize) -> usize {
    bytes
        .get(i..)
        .and_then(|rest| rest.iter().position(|&b| b == b'\n'))
        .map_or(bytes.len(), |n| i + n)
}

fn is_word(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b == b'_'
}

/// The token that starts at `i`, which is no blank and no comment.
fn token(text: &str, i: usize, plain: bool) -> (Kind, usize) {
    let bytes = text.as_bytes();
    let rest = bytes.get(i..).unwrap_or_default();
    let word_end = || i + rest.iter().position(|&b| !is_word(b)).unwrap_or(rest.len());
    match rest.first() {
        Some(b'{' | b'(' | b'[') => (Kind::Open, i + 1),
        Some(b'}' | b')' | b']') => (Kind::Close, i + 1),
        Some(b'"') if rest.starts_with(b"\"\"\"") => {
            match text.get(i + 3..).and_then(|after| after.find("\"\"\"")) {
                Some(n) => (Kind::Text, i + 3 + n + 3),
                None => (Kind::OpenText, text_block_end(text, i)),
            }
        }
        Some(b'"') => match text_end(bytes, i, plain) {
            Some(end) => (Kind::Text, end),
            None => (Kind::OpenText, line_end(bytes, i)),
        },
        Some(b'/') if rest.starts_with(b"///") => (Kind::Doc, line_end(bytes, i)),
        Some(b) if b.is_ascii_digit() => (Kind::Number, number_end(bytes, i)),
        Some(&b) if is_word(b) => (Kind::Word, word_end()),
        _ => {
            let long = LONG_MARKS.iter().find(|m| rest.starts_with(m.as_bytes()));
            let width = text.get(i..).and_then(|s| s.chars().next()).map_or(1, char::len_utf8);
            (Kind::Mark, i + long.map_or(width, |m| m.len()))
        }
    }
}

/// Digits, a fraction, and a unit or percent sign that touches them.
fn number_end(bytes: &[u8], mut i: usize) -> usize {
    while bytes.get(i).is_some_and(|&b| is_word(b))
        || (bytes.get(i) == Some(&b'.') && bytes.get(i + 1).is_some_and(u8::is_ascii_digit))
    {
        i += 1;
    }
    i + usize::from(bytes.get(i) == Some(&b'%'))
}

/// Where an unclosed `"""` may be assumed to end: before the next line that is not indented, so
/// that what follows is still read.
fn text_block_end(text: &str, i: usize) -> usize {
    let mut end = i;
    for line in text.get(i..).unwrap_or("").split_inclusive('\n') {
        let opens = line.chars().next().is_some_and(|c| c.is_ascii_alphabetic() || c == '}');
        if end > i && opens {
            break;
        }
        end += line.len();
    }
    i + text.get(i..end).map_or(3, |s| s.trim_end().len())
}

/// One past the closing quote of the text that opens at `i`, if it closes on its line. With
/// `plain`, braces are characters; else they hold expressions, which may hold texts again, unless
/// that leads nowhere.
fn text_end(bytes: &[u8], i: usize, plain: bool) -> Option<usize> {
    if plain { plain_end(bytes, i) } else { nested_end(bytes, i).or_else(|| plain_end(bytes, i)) }
}

fn plain_end(bytes: &[u8], i: usize) -> Option<usize> {
    let mut at = i + 1;
    loop {
        match bytes.get(at)? {
            b'"' => return Some(at + 1),
            b'\n' => return None,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

fn nested_end(bytes: &[u8], i: usize) -> Option<usize> {
    // What is open, innermost last: `"` for a text, `{` for an expression in it.
    let mut open = vec![b'"'];
    let mut at = i + 1;
    while let Some(&top) = open.last() {
        match (top, *bytes.get(at)?) {
            (b'"', b'"') | (b'{', b'}') => {
                open.pop();
            }
            (b'"', b'\n') => return None,
            (b'"', b'\\') => at += 1,
            (_, b'{') => open.push(b'{'),
            (b'{', b'"') => open.push(b'"'),
            _ => {}
        }
        if open.len() > TEXT_NESTING_MAX {
            return None;
        }
        at += 1;
    }
    Some(at)
}
