//! Text to tree: [`parse`] reads one `.flow` text into an [`ast::File`] and never fails.
//!
//! The tree is what was written, with a span on every node; it says nothing about meaning. What
//! cannot be read is reported and left out, so that one mistake never hides another.

pub mod ast;
mod bracket;
mod build;
pub(crate) mod concrete;
mod habit;
mod message;
mod parser;
mod recover;
mod reserved;
mod split;
mod token;
pub mod vocabulary;
mod word;

#[cfg(test)]
mod tests;

pub use parser::parse;

/// What to write instead of a chain of `else if` that is too long: what is one level however many
/// cases there are.
pub(crate) const CHAIN_HELP: &str =
    "use `match` on what is compared, or a `decide` with a row for each condition";
