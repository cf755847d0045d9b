//! Reading on after a syntax error.
//!
//! The text is split at items, so that a broken one never hides another. Each is tried alone; on an
//! error it is reported, the clause or statement round it is overwritten with blanks, and the item
//! is tried again. Offsets stay true throughout. An item that stays unreadable is `Item::Broken`.

use super::ast::{self, Item, Name};
use super::bracket;
use super::build::{Builder, Piece};
use super::habit::{self, Habit};
use super::message::{self, Expected};
use super::parser::{Failure, Rule, read};
use super::reserved;
use super::split::{self, Segment};
use super::token::{Kind, Token, Tokens};
use crate::diagnostic::Diagnostic;
use crate::span::{FileId, Span};

/// Bound: each try costs a parse of the item, and more findings than this would not be read.
const TRIES_MAX: usize = 20;

/// Reads a text that does not parse as a whole.
pub(super) fn file(file: FileId, text: &str, tokens: &Tokens) -> (ast::File, Vec<Diagnostic>) {
    let mut out = ast::File::default();
    let mut diagnostics = Vec::new();
    for segment in split::segments(text, &tokens.tokens) {
        let mut recovery = Recovery::new(file, text, tokens, segment);
        match recovery.run() {
            Some(Piece { head, items }) => {
                if segment.entry == Rule::segment_head {
                    out.docs = head.docs;
                    out.module = head.module;
                    out.uses = head.uses;
                }
                out.items.extend(items);
            }
            None if segment.entry == Rule::segment_item => {
                let span = Span::new(file, segment.start, segment.end);
                recovery.skipped.push(span);
                out.items.push(Item::Broken { name: recovery.declared_name(), span });
            }
            None => {}
        }
        out.skipped.append(&mut recovery.skipped);
        out.comments.append(&mut recovery.stray_docs);
        diagnostics.append(&mut recovery.diagnostics);
    }
    out.lone_docs();
    (out, diagnostics)
}

/// One item on its way.
struct Recovery<'t> {
    file: FileId,
    text: &'t str,
    all: &'t Tokens,
    segment: Segment,
    /// What is left of the tokens.
    tokens: Vec<Token>,
    /// What is left of the text, as long as the segment or longer by missing closers.
    work: String,
    /// Words reported as F0007, which raise no further findings.
    reserved: Vec<String>,
    quiet: Vec<(usize, usize)>,
    diagnostics: Vec<Diagnostic>,
    skipped: Vec<Span>,
    stray_docs: Vec<ast::Comment>,
}

impl<'t> Recovery<'t> {
    fn new(file: FileId, text: &'t str, all: &'t Tokens, segment: Segment) -> Self {
        Self {
            file,
            text,
            all,
            segment,
            tokens: all.tokens.get(segment.tokens.0..segment.tokens.1).unwrap_or_default().to_vec(),
            work: text.get(segment.start..segment.end).unwrap_or("").to_owned(),
            reserved: Vec::new(),
            quiet: Vec::new(),
            diagnostics: Vec::new(),
            skipped: Vec::new(),
            stray_docs: Vec::new(),
        }
    }

    fn run(&mut self) -> Option<Piece> {
        if let (Some(token), _) = bracket::nesting(self.text, &self.tokens) {
            self.too_deep(token.start, token.end);
            return None;
        }
        if !self.open_texts() {
            return None;
        }
        let strays = self.brackets()?;
        let head = split::head_index(self.text, &self.tokens);
        let params = reserved::parameters(self.text, &self.tokens, head);
        self.reserved = params.iter().map(|token| self.word(*token).to_owned()).collect();
        let piece = self.tries();
        // Of an item that reads, `resolve` reports them. Nothing is given up without a word.
        if piece.is_none() && self.diagnostics.is_empty() {
            let token = params.first().or(self.tokens.get(head));
            let span = token.map_or_else(|| self.span(0, 0), |t| self.span(t.start, t.end));
            self.diagnostics.push(match params.first() {
                Some(name) => reserved::diagnostic(self.word(*name), span),
                None => message::unreadable(span),
            });
        }
        if self.diagnostics.is_empty() {
            let strays: Vec<_> = strays.into_iter().map(|token| self.stray(token)).collect();
            self.diagnostics.extend(strays);
        }
        piece
    }

    fn stray(&self, token: Token) -> Diagnostic {
        message::stray(self.word(token), self.span(token.start, token.end))
    }

    fn tries(&mut self) -> Option<Piece> {
        for _ in 0..TRIES_MAX {
            let mut builder = Builder::new(self.file, self.text, self.all, self.segment.start);
            match read(&mut builder, self.segment.entry, &self.work) {
                Ok(Some(piece)) => {
                    self.diagnostics.append(&mut builder.diagnostics);
                    self.skipped.append(&mut builder.skipped);
                    self.stray_docs.append(&mut builder.stray_docs);
                    return Some(piece);
                }
                Ok(None) => return None,
                Err(failure) => self.failed(failure)?,
            }
        }
        None
    }

    /// Reports a failure and blanks what it concerns; `None` where the item is to be given up.
    fn failed(&mut self, failure: Failure) -> Option<()> {
        let at = self.segment.start + failure.at;
        let Some(tried) = failure.tried else {
            self.too_deep(at, at);
            return None;
        };
        let i = self.tokens.partition_point(|t| t.end <= at);
        if let Some(word) = self.reserved_name(i, at) {
            return self.rename(word);
        }
        let expected = message::expected(&tried);
        let blamed = self.blame(i, &expected);
        let quiet = self.tokens.get(blamed).is_none_or(|t| self.is_quiet(*t)) || self.is_torn(i);
        // Where nothing was said yet, this cannot be a repetition.
        if !quiet || self.diagnostics.is_empty() {
            let left_out = self.report(i, blamed, &expected);
            let at =
                left_out.and_then(|token| self.tokens.iter().position(|t| t.start == token.start));
            if let Some(at) = at {
                return self.blank(at, at + 1);
            }
        }
        self.blank_round(blamed)
    }

    /// The token to blame: the one found, or the one before it where a line ends too early.
    fn blame(&self, i: usize, expected: &Expected) -> usize {
        let early = match self.tokens.get(i) {
            None => true,
            Some(token) if token.kind == Kind::Close => {
                // Brackets pair, so that something lacks before it, unless nothing stands there.
                let before = i.checked_sub(1).and_then(|i| self.tokens.get(i));
                before.is_some_and(|t| t.kind != Kind::Open)
            }
            Some(token) => token.indent.is_some() && !expected.fresh,
        };
        let mut blamed = if early { i.saturating_sub(1) } else { i };
        while blamed > 0 && self.tokens.get(blamed).is_some_and(|t| t.kind == Kind::Missing) {
            blamed -= 1;
        }
        blamed
    }

    /// Says what is wrong; returns the token without which it would be right, where there is one.
    fn report(&mut self, i: usize, blamed: usize, expected: &Expected) -> Option<Token> {
        let Some(token) = self.tokens.get(blamed).copied() else {
            let span = self.span(self.segment.start, self.segment.start);
            self.diagnostics.push(message::nothing(span));
            return None;
        };
        let found = message::found(self.text, self.tokens.get(i).copied());
        let headline = match expected.list() {
            Some(list) => format!("expected {list}, found {found}"),
            None => format!("{found} cannot stand here"),
        };
        let habit = habit::seen(self.text, &self.tokens, i, blamed);
        if let Some(Habit { token, help, replacement }) = habit {
            let span = self.span(token.start, token.end);
            let headline = format!("`{}` cannot stand here", self.word(token));
            let mut diagnostic = Diagnostic::error("F0001", span, headline)
                .label(span, "not said like this here")
                .help(help);
            if let Some(replacement) = replacement {
                diagnostic = diagnostic.fix(help, span, replacement);
            }
            self.diagnostics.push(diagnostic);
            return replacement.is_some_and(str::is_empty).then_some(token);
        }
        let (at, meant) = self.suggestion(blamed, expected).unzip();
        let at = at.unwrap_or(token);
        let span = self.span(at.start, at.end);
        let label = match (&meant, blamed == i) {
            (Some(_), _) => "not a word that can stand here",
            (None, true) => "cannot stand here",
            (None, false) => "something is missing after this",
        };
        let mut diagnostic = Diagnostic::error("F0001", span, headline).label(span, label);
        if let Some(meant) = meant {
            diagnostic = diagnostic.help(format!("did you mean `{meant}`?")).fix(
                format!("replace it with `{meant}`"),
                span,
                meant,
            );
        }
        self.diagnostics.push(diagnostic);
        None
    }

    /// A word that was probably meant, at the blamed token or at the start of its statement.
    fn suggestion(&self, blamed: usize, expected: &Expected) -> Option<(Token, String)> {
        let token = self.tokens.get(blamed).copied()?;
        if token.kind == Kind::Word
            && let Some(meant) = expected.meant(self.word(token))
        {
            return Some((token, meant.to_owned()));
        }
        // `stpe x = …` fails at `x`: then the first word of the line is the misspelt one.
        let first = split::chunk_start(self.text, &self.tokens, blamed);
        let before = *self.tokens.get(first)?;
        let near = first < blamed && blamed - first <= 2 && before.kind == Kind::Word;
        if !near || split::is_starter(self.word(before)) {
            return None;
        }
        Some((before, split::meant_starter(self.word(before))?.to_owned()))
    }

    fn reserved_name(&self, i: usize, at: usize) -> Option<Token> {
        // In a text with `{…}` there are no tokens.
        if let Some(token) = reserved::used(&self.reserved, self.text, at) {
            return Some(token);
        }
        let known = |token: &Token| {
            token.kind == Kind::Word && self.reserved.iter().any(|w| w == self.word(*token))
        };
        for at in [Some(i), i.checked_sub(1)].into_iter().flatten() {
            if let Some(token) = self.tokens.get(at).copied().filter(known) {
                return Some(token);
            }
        }
        reserved::declared(self.text, &self.tokens, i).and_then(|at| self.tokens.get(at).copied())
    }

    /// Reports F0007 once for each word, and reads the word as a name of the same length.
    fn rename(&mut self, token: Token) -> Option<()> {
        let word = self.word(token).to_owned();
        let at = token.end - 1 - self.segment.start;
        if self.work.get(at..=at) == Some("0") {
            return None;
        }
        self.work.replace_range(at..=at, "0");
        let span = self.span(token.start, token.end);
        if self.reserved.contains(&word) {
            reserved::widen(&mut self.diagnostics, self.text, &word, span);
        } else {
            self.diagnostics.push(reserved::diagnostic(&word, span));
            self.reserved.push(word);
        }
        Some(())
    }

    /// Reports texts without a closing quote and blanks their lines; `false` where that leaves no
    /// item.
    fn open_texts(&mut self) -> bool {
        for _ in 0..TRIES_MAX {
            let open = self.tokens.iter().position(|t| t.kind == Kind::OpenText);
            let Some((i, token)) = open.and_then(|i| Some((i, *self.tokens.get(i)?))) else {
                return true;
            };
            let quote = if self.word(token).starts_with("\"\"\"") { "\"\"\"" } else { "\"" };
            let span = self.span(token.start, token.start + quote.len());
            self.diagnostics.push(message::open_text(quote, span));
            let (from, to) = split::lines_round(&self.tokens, i);
            if self.blank(from, to).is_none() {
                return false;
            }
        }
        false
    }

    /// Applies the bracket pass; gives closers without openers.
    fn brackets(&mut self) -> Option<Vec<Token>> {
        let mut repair = bracket::repair(self.file, self.text, &self.tokens);
        if repair.hopeless {
            let stray = repair.stray.first().filter(|_| repair.unclosed.is_empty());
            self.diagnostics.extend(stray.map(|&token| self.stray(token)));
            repair.unclosed.truncate(TRIES_MAX);
            self.diagnostics.extend(repair.unclosed);
            return None;
        }
        for (at, close) in repair.edits {
            let at = match at.checked_sub(self.segment.start) {
                Some(at) if at < self.work.len() => {
                    self.work.replace_range(at..=at, close.encode_utf8(&mut [0; 4]));
                    at
                }
                _ => {
                    self.work.push(close);
                    self.work.len() - 1
                }
            };
            if close != ' ' {
                let start = self.segment.start + at;
                let token = Token { kind: Kind::Missing, start, end: start + 1, indent: None };
                let index = self.tokens.partition_point(|t| t.end <= start);
                self.tokens.insert(index, token);
            }
        }
        self.tokens.retain(|t| !repair.stray.iter().any(|s| s.start == t.start));
        self.diagnostics.extend(repair.unclosed);
        self.quiet = repair.quiet;
        Some(repair.stray)
    }

    /// Blanks the clause or statement round a token, or more where that was not enough.
    fn blank_round(&mut self, i: usize) -> Option<()> {
        let closes = self.tokens.get(i).is_some_and(|t| t.kind == Kind::Close);
        let (from, to) = if closes {
            // Nothing is left in these brackets that could be blanked.
            split::enclosing(self.text, &self.tokens, i)?
        } else {
            split::chunk(self.text, &self.tokens, i)
        };
        self.blank(from, to)
    }

    /// Blanks tokens; `None` where the head of the item would be lost.
    fn blank(&mut self, from: usize, to: usize) -> Option<()> {
        let keeps_head = from > split::head_index(self.text, &self.tokens);
        let (first, last) = (*self.tokens.get(from)?, *self.tokens.get(to.checked_sub(1)?)?);
        if self.segment.entry == Rule::segment_item && !keeps_head {
            return None;
        }
        let base = self.segment.start;
        let range = first.start - base..(last.end - base).min(self.work.len());
        let blanks: String = self
            .work
            .get(range.clone())?
            .bytes()
            .map(|b| if b == b'\n' { '\n' } else { ' ' })
            .collect();
        self.work.replace_range(range, &blanks);
        self.skipped.push(self.span(first.start, last.end));
        self.tokens.drain(from..to);
        Some(())
    }

    fn too_deep(&mut self, start: usize, end: usize) {
        let word = self.text.get(start..end);
        self.diagnostics.push(message::too_deep(self.span(start, end), word));
    }

    fn declared_name(&self) -> Option<Name> {
        let head = split::head_index(self.text, &self.tokens);
        let token = self.tokens.get(head + 1).filter(|t| t.kind == Kind::Word)?;
        Some(Name { text: self.word(*token).into(), span: self.span(token.start, token.end) })
    }

    /// Whether something was skipped just before a token, so that it stands there by our doing.
    fn is_torn(&self, i: usize) -> bool {
        let before = i.checked_sub(1).and_then(|i| self.tokens.get(i));
        let from = before.map_or(self.segment.start, |token| token.end);
        let to = self.tokens.get(i).map_or(self.segment.end, |token| token.start);
        self.skipped.iter().any(|s| from <= s.start as usize && s.end as usize <= to)
    }

    fn is_quiet(&self, token: Token) -> bool {
        self.quiet.iter().any(|&(start, end)| token.start >= start && token.start < end)
    }

    fn span(&self, start: usize, end: usize) -> Span {
        Span::new(self.file, start, end)
    }

    fn word(&self, token: Token) -> &'t str {
        self.text.get(token.start..token.end).unwrap_or("")
    }
}
