//! The words and marks of a text, those inside `{…}` of quoted texts included.
//!
//! It never fails and knows no grammar, so that it sees the same in a text that is being typed.
//! Comments are left out, and so are the characters of texts.

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A name or keyword.
    Word,
    /// Starts with a digit.
    Number,
    /// A piece of a quoted text.
    Text,
    /// Anything else, one byte at a time.
    Mark(u8),
}

/// A piece of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    /// What it is.
    pub kind: Kind,
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Token {
    /// Its characters.
    #[must_use]
    pub fn text<'t>(&self, text: &'t str) -> &'t str {
        text.get(self.start as usize..self.end as usize).unwrap_or("")
    }

    /// Whether it is this mark.
    #[must_use]
    pub fn is(&self, mark: u8) -> bool {
        self.kind == Kind::Mark(mark)
    }
}

/// Words before a text in which braces are characters.
const BEFORE_PLAIN: [&str; 7] = ["matching", "because", "test", "on", "at", "in", "as"];

/// Bound: texts in texts beyond this are no program.
const NESTING_MAX: usize = 64;

/// Scans a whole text.
#[must_use]
pub fn scan(text: &str) -> Vec<Token> {
    let mut scanner = Scanner { text, bytes: text.as_bytes(), at: 0, out: Vec::new() };
    // What is open, innermost last: `true` for a quoted text, `false` for braces inside one.
    let mut open: Vec<(bool, usize)> = Vec::new();
    while scanner.at < scanner.bytes.len() {
        match open.last_mut() {
            Some((true, _)) => scanner.chars(&mut open),
            Some((false, depth)) => match scanner.bytes[scanner.at] {
                b'}' if *depth == 0 => {
                    scanner.mark();
                    open.pop();
                }
                // Order: a text never spans lines, so a brace in it that was not closed ends here.
                b'\n' => open.clear(),
                byte => {
                    *depth = match byte {
                        b'{' => *depth + 1,
                        b'}' => depth.saturating_sub(1),
                        _ => *depth,
                    };
                    scanner.code(&mut open);
                }
            },
            None => scanner.code(&mut open),
        }
    }
    scanner.out
}

struct Scanner<'t> {
    text: &'t str,
    bytes: &'t [u8],
    at: usize,
    out: Vec<Token>,
}

impl Scanner<'_> {
    fn push(&mut self, kind: Kind, end: usize) {
        self.out.push(Token { kind, start: self.at as u32, end: end as u32 });
        self.at = end;
    }

    fn mark(&mut self) {
        let byte = self.bytes.get(self.at).copied().unwrap_or_default();
        let width =
            self.text.get(self.at..).and_then(|t| t.chars().next()).map_or(1, char::len_utf8);
        self.push(Kind::Mark(byte), self.at + width);
    }

    fn code(&mut self, open: &mut Vec<(bool, usize)>) {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let run = |wanted: &dyn Fn(u8) -> bool| {
            self.at + rest.iter().position(|&b| !wanted(b)).unwrap_or(rest.len())
        };
        match rest.first().copied().unwrap_or_default() {
            b' ' | b'\t' | b'\r' | b'\n' => self.at += 1,
            b'/' if rest.starts_with(b"//") => self.at = run(&|b| b != b'\n'),
            b'"' if rest.starts_with(b"\"\"\"") => {
                let close = self.text.get(self.at + 3..).and_then(|after| after.find("\"\"\""));
                let end = close.map_or(self.bytes.len(), |n| self.at + n + 6);
                self.push(Kind::Text, end);
            }
            b'"' => {
                let plain = self.out.last().is_some_and(|last| {
                    last.kind == Kind::Word && BEFORE_PLAIN.contains(&last.text(self.text))
                });
                if plain || open.len() >= NESTING_MAX {
                    let end = self.plain_end();
                    self.push(Kind::Text, end);
                } else {
                    self.push(Kind::Text, self.at + 1);
                    open.push((true, 0));
                }
            }
            b if b.is_ascii_digit() => {
                let end = run(&|b| b.is_ascii_alphanumeric() || b == b'_');
                self.push(Kind::Number, end);
            }
            b if b.is_ascii_alphabetic() || b == b'_' => {
                let end = run(&|b| b.is_ascii_alphanumeric() || b == b'_');
                self.push(Kind::Word, end);
            }
            _ => self.mark(),
        }
    }

    /// One past the closing quote, or the end of the line.
    fn plain_end(&self) -> usize {
        let mut at = self.at + 1;
        loop {
            match self.bytes.get(at) {
                Some(b'"') => return at + 1,
                None | Some(b'\n') => return at.min(self.bytes.len()),
                // Order: what is escaped may be wider than a byte, and is no quote then.
                Some(b'\\') if self.bytes.get(at + 1).is_some_and(u8::is_ascii) => at += 2,
                Some(_) => at += 1,
            }
        }
    }

    /// Characters of a text up to a brace, its end, or the end of the line.
    fn chars(&mut self, open: &mut Vec<(bool, usize)>) {
        let mut at = self.at;
        loop {
            match self.bytes.get(at) {
                None | Some(b'\n') => {
                    open.clear();
                    break;
                }
                Some(b'"') => {
                    at += 1;
                    open.pop();
                    break;
                }
                Some(b'{') => {
                    open.push((false, 0));
                    break;
                }
                Some(b'\\')
                    if self.bytes.get(at + 1).is_some_and(|b| b.is_ascii() && *b != b'\n') =>
                {
                    at += 2;
                }
                Some(_) => at += 1,
            }
        }
        if at > self.at {
            self.push(Kind::Text, at);
        }
        if self.bytes.get(self.at) == Some(&b'{') && matches!(open.last(), Some((false, 0))) {
            self.mark();
        }
    }
}
