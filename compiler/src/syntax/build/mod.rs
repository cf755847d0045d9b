//! Parse pairs to tree: one function for each grammar rule, named after it.
//!
//! The grammar guarantees which children a rule has. A builder still returns `None` where one is
//! missing, so that a mistake here costs an item and never a panic.

mod clause;
mod contract;
mod expr;
mod item;
mod literal;
mod stmt;
mod test;
mod workflow;

pub(super) use item::Piece;

use super::ast::*;
use super::parser::Rule;
use super::reserved;
use super::token::Tokens;
use super::word::is_reserved;
use crate::diagnostic::Diagnostic;
use crate::span::{FileId, Span, Spanned};
use pest::iterators::{Pair, Pairs};

/// Blocks nest at most this deep (F0003).
pub(super) const BLOCK_DEPTH_MAX: usize = 64;
/// Expressions nest at most this deep (F0003).
pub(super) const EXPR_DEPTH_MAX: usize = 256;

/// What the builders share.
pub(super) struct Builder<'t> {
    file: FileId,
    /// The whole text, and what the scanner saw in it.
    text: &'t str,
    tokens: &'t Tokens,
    /// Where the parsed piece begins in the whole text.
    base: usize,
    block_depth: usize,
    expr_depth: usize,
    /// `else if` of the chains around.
    else_ifs: usize,
    /// Whether the expression that is read was said to be too deep.
    deep_said: bool,
    /// What could not be said by the grammar.
    pub diagnostics: Vec<Diagnostic>,
    /// Text that was left out of the tree.
    pub skipped: Vec<Span>,
    /// Doc lines that document nothing; they live on as comments.
    pub stray_docs: Vec<Comment>,
}

/// The children of a pair, in order, read past punctuation.
pub(super) struct Cursor<'i> {
    pairs: Pairs<'i, Rule>,
}

impl<'i> Cursor<'i> {
    fn peek(&mut self) -> Option<Rule> {
        while let Some(pair) = self.pairs.peek() {
            if !is_punctuation(pair.as_rule()) {
                return Some(pair.as_rule());
            }
            self.pairs.next();
        }
        None
    }

    /// The next child, whatever it is.
    fn next(&mut self) -> Option<Pair<'i, Rule>> {
        self.peek()?;
        self.pairs.next()
    }

    /// The next child, if it is of this rule.
    fn take(&mut self, rule: Rule) -> Option<Pair<'i, Rule>> {
        if self.peek()? == rule { self.pairs.next() } else { None }
    }

    /// Whether the next child is of this rule; steps over it.
    fn flag(&mut self, rule: Rule) -> bool {
        self.take(rule).is_some()
    }
}

fn is_punctuation(rule: Rule) -> bool {
    matches!(
        rule,
        Rule::brace_open
            | Rule::brace_close
            | Rule::paren_open
            | Rule::paren_close
            | Rule::bracket_open
            | Rule::bracket_close
            | Rule::angle_open
            | Rule::angle_close
            | Rule::comma
            | Rule::colon
            | Rule::dot
            | Rule::range
            | Rule::equals
            | Rule::arrow
            | Rule::gives
            | Rule::EOI
    )
}

impl<'t> Builder<'t> {
    /// For a piece of `text` that begins at `base`.
    pub(super) fn new(file: FileId, text: &'t str, tokens: &'t Tokens, base: usize) -> Self {
        Self {
            file,
            text,
            tokens,
            base,
            block_depth: 0,
            expr_depth: 0,
            else_ifs: 0,
            deep_said: false,
            diagnostics: Vec::new(),
            skipped: Vec::new(),
            stray_docs: Vec::new(),
        }
    }

    fn span(&self, pair: &Pair<'_, Rule>) -> Span {
        let span = pair.as_span();
        let (start, end) = (self.base + span.start(), self.base + span.end());
        Span::new(self.file, start, self.tokens.trim(self.text, start, end))
    }

    /// The span of a pair and its children.
    fn open<'i>(&self, pair: Pair<'i, Rule>) -> (Span, Cursor<'i>) {
        (self.span(&pair), Cursor { pairs: pair.into_inner() })
    }

    /// The children of a pair after its keyword.
    fn after_keyword<'i>(&self, pair: Pair<'i, Rule>) -> (Span, Cursor<'i>) {
        let (span, mut c) = self.open(pair);
        c.next();
        (span, c)
    }

    fn error(&mut self, code: &'static str, span: Span, headline: String, help: &str) {
        self.diagnostics
            .push(Diagnostic::error(code, span, headline).label(span, "here").help(help));
    }

    /// Every following child of this rule, built.
    fn all<'i, T>(
        &mut self,
        c: &mut Cursor<'i>,
        rule: Rule,
        build: fn(&mut Self, Pair<'i, Rule>) -> Option<T>,
    ) -> Option<Vec<T>> {
        let mut out = Vec::new();
        while let Some(pair) = c.take(rule) {
            out.push(build(self, pair)?);
        }
        Some(out)
    }

    /// The next child, built, if it is of this rule. The outer `None` is a builder's mistake.
    fn maybe<'i, T>(
        &mut self,
        c: &mut Cursor<'i>,
        rule: Rule,
        build: fn(&mut Self, Pair<'i, Rule>) -> Option<T>,
    ) -> Option<Option<T>> {
        match c.take(rule) {
            Some(pair) => build(self, pair).map(Some),
            None => Some(None),
        }
    }

    /// The text comes from the source, because recovery may read another word in its place.
    fn name(&mut self, pair: Pair<'_, Rule>) -> Option<Name> {
        let span = self.span(&pair);
        let text = self.text.get(span.start as usize..span.end as usize)?;
        Some(Name { text: text.into(), span })
    }

    fn path(&mut self, pair: Pair<'_, Rule>) -> Option<Path> {
        let span = self.span(&pair);
        let mut at = span.start as usize;
        let mut segments = Vec::new();
        for part in pair.as_str().split('.') {
            let end = at + part.len();
            segments.push(Name { text: part.into(), span: Span::new(self.file, at, end) });
            at = end + 1;
        }
        Some(Path { segments, span })
    }

    fn doc(&mut self, pair: Pair<'_, Rule>) -> Option<Doc> {
        let span = self.span(&pair);
        let text = pair.as_str().trim_start_matches('/');
        let text = text.strip_prefix(' ').unwrap_or(text).trim_end();
        Some(Doc { text: text.to_owned(), span })
    }

    fn stray_doc(&mut self, doc: &Doc) {
        let text = self.text.get(doc.span.start as usize..doc.span.end as usize).unwrap_or("");
        self.stray_docs.push(Comment { span: doc.span, text: text.to_owned() });
    }

    fn allow(&mut self, pair: Pair<'_, Rule>) -> Option<Allow> {
        let (span, mut c) = self.after_keyword(pair);
        let code = self.name(c.take(Rule::code)?)?;
        c.flag(Rule::k_because);
        Some(Allow { code, because: self.plain(c.next()?)?, span })
    }

    /// An `allow` with nothing after it.
    fn stray_allows(&mut self, lead: &Lead) {
        for allow in &lead.allows {
            let code = allow.code.text.clone();
            let headline = format!("`allow {code}` stands in front of nothing");
            self.error("F0006", allow.span, headline, "put it in front of what it concerns");
        }
    }

    fn ty(&mut self, pair: Pair<'_, Rule>) -> Option<Ty> {
        let (span, mut c) = self.open(pair);
        let label = c.take(Rule::ty_label).map(|p| {
            let node = if p.as_str().starts_with("pii") { TyLabel::Pii } else { TyLabel::Secret };
            Spanned { node, span: self.span(&p) }
        });
        let base = self.ty_base(c.take(Rule::ty_base)?)?;
        Some(Ty { label, base, optional: c.flag(Rule::optional), span })
    }

    fn ty_base(&mut self, pair: Pair<'_, Rule>) -> Option<TyBase> {
        let (_, mut c) = self.open(pair);
        let inner = c.next()?;
        if inner.as_rule() == Rule::generic {
            let (_, mut c) = self.open(inner);
            let head = self.name(c.take(Rule::generic_head)?)?;
            return Some(TyBase::Generic { head, args: self.all(&mut c, Rule::ty, Self::ty)? });
        }
        let mut segments = self.path(inner)?.segments;
        let name = segments.pop()?;
        Some(TyBase::Name { module: segments.pop(), name })
    }

    fn params(&mut self, pair: Pair<'_, Rule>) -> Option<Vec<Param>> {
        let (_, mut c) = self.open(pair);
        self.all(&mut c, Rule::param, Self::param)
    }

    /// Parameters whose names are used bare, so that no reserved word will do (F0007).
    fn bare_params(&mut self, pair: Pair<'_, Rule>) -> Option<Vec<Param>> {
        let params = self.params(pair)?;
        for Param { name, .. } in &params {
            if is_reserved(&name.text) {
                self.diagnostics.push(reserved::diagnostic(&name.text, name.span));
            }
        }
        Some(params)
    }

    fn param(&mut self, pair: Pair<'_, Rule>) -> Option<Param> {
        let (span, mut c) = self.open(pair);
        let name = self.name(c.take(Rule::name)?)?;
        Some(Param { name, ty: self.ty(c.take(Rule::ty)?)?, span })
    }

    fn returns(&mut self, pair: Pair<'_, Rule>) -> Option<Ty> {
        let (_, mut c) = self.open(pair);
        self.ty(c.take(Rule::ty)?)
    }
}
