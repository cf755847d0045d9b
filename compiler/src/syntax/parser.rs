//! The grammar and the way from a text to its tree: at once where the text is right, else piece by
//! piece with [`super::recover`].

use super::ast;
use super::build::{Builder, Piece};
use super::recover;
use super::token::{Tokens, tokens};
use crate::diagnostic::Diagnostic;
use crate::span::{FileId, Span};
use pest::Parser;
use pest::error::{Error, ErrorVariant, InputLocation};

/// The rules of `flow.pest`.
#[derive(pest_derive::Parser)]
#[grammar = "syntax/flow.pest"]
pub(super) struct Flow;

/// Nesting that any thread's stack can bear, also where nothing is optimized.
const NESTING_EASY: usize = 12;
/// Bound: without optimization the deepest text of any one kind that is allowed was measured to
/// need less than 16 MB; pages that are not touched cost nothing.
const STACK_BYTES: usize = 64 << 20;

/// Reads one text. Never fails: what cannot be read is reported and left out of the tree.
#[must_use]
pub fn parse(file: FileId, text: &str) -> (ast::File, Vec<Diagnostic>) {
    let tokens = tokens(text);
    let (too_deep, nesting) = super::bracket::nesting(text, &tokens.tokens);
    let read = || match too_deep {
        None => match whole(file, text, &tokens) {
            Some(read) => read,
            None => recover::file(file, text, &tokens),
        },
        Some(_) => recover::file(file, text, &tokens),
    };
    let (mut tree, mut diagnostics) = with_stack(nesting, read);
    tree.comments.extend(tokens.comments.iter().map(|&(start, end)| ast::Comment {
        span: Span::new(file, start, end),
        text: text.get(start..end).unwrap_or("").to_owned(),
    }));
    tree.comments.sort_by_key(|c| c.span.start);
    diagnostics.sort_by_key(|d| (d.span.start, d.span.end));
    (tree, diagnostics)
}

/// Runs `read` where the stack suffices for this nesting.
pub(super) fn with_stack<T: Send>(nesting: usize, read: impl Fn() -> T + Sync) -> T {
    if nesting <= NESTING_EASY {
        return read();
    }
    let large = std::thread::scope(|scope| {
        let builder = std::thread::Builder::new().stack_size(STACK_BYTES);
        builder.spawn_scoped(scope, &read).ok().and_then(|thread| thread.join().ok())
    });
    // No thread to be had: pest refuses by itself what this stack cannot bear.
    large.unwrap_or_else(read)
}

/// The fast way: nothing to report but what the builders find.
fn whole(file: FileId, text: &str, tokens: &Tokens) -> Option<(ast::File, Vec<Diagnostic>)> {
    let mut builder = Builder::new(file, text, tokens, 0);
    let Piece { mut head, items } = read(&mut builder, Rule::file, text).ok()??;
    head.items = items;
    head.skipped = builder.skipped;
    head.comments = builder.stray_docs;
    Some((head, builder.diagnostics))
}

/// Why a piece could not be read.
pub(super) struct Failure {
    /// The furthest place that was reached, in bytes from the start of the piece.
    pub at: usize,
    /// What was tried there; nothing where the stack ran out.
    pub tried: Option<Vec<Rule>>,
}

/// Parses and builds one piece; `Ok(None)` would be a mistake of a builder.
pub(super) fn read(
    builder: &mut Builder<'_>,
    entry: Rule,
    piece: &str,
) -> Result<Option<Piece>, Failure> {
    match Flow::parse(entry, piece) {
        Ok(mut pairs) => Ok(pairs.next().and_then(|pair| builder.piece(pair))),
        Err(error) => Err(failure(error)),
    }
}

fn failure(error: Error<Rule>) -> Failure {
    let at = match error.location {
        InputLocation::Pos(at) | InputLocation::Span((at, _)) => at,
    };
    let tried = match error.variant {
        ErrorVariant::ParsingError { positives, .. } => Some(positives),
        ErrorVariant::CustomError { .. } => None,
    };
    Failure { at, tried }
}

/// Whether the text reads as a whole, on the stack of this thread.
#[cfg(test)]
pub(super) fn reads_whole(text: &str) -> bool {
    whole(FileId(0), text, &tokens(text)).is_some()
}
