//! The plain owned tree of one `.flow` file: what was written, and where.
//!
//! Grammar rule = builder function = type here, in three casings. Spans never cover trailing blanks
//! or comments. Conventions that hold everywhere:
//! * `doc` lines and `allow` lines are not nodes of their own: they are the [`Lead`] of the item or
//!   statement they stand in front of.
//! * A remedy, a match arm and an `else if` are a [`Block`] like any other; where no braces were
//!   written it has `braced: false` and holds exactly one statement.
//! * Clauses stay in the order written, repetitions included (F0006 is found later).
//! * Parentheses leave no node; the span of an expression covers the parentheses round it.
//! * Bounded: expressions nest at most 256 deep and blocks at most 64, and at most 256 `else if`
//!   stand one below the other on any path, so recursion is safe.

mod clause;
mod contract;
mod expr;
mod item;
mod stmt;
mod test;

pub use clause::*;
pub use contract::*;
pub use expr::*;
pub use item::*;
pub use stmt::*;
pub use test::*;

use crate::span::{Span, Spanned};
use smol_str::SmolStr;

/// One parsed file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct File {
    /// Doc lines of the module: those before `module`, or before `use` where there is no `module`.
    pub docs: Vec<Doc>,
    /// The `module` line, if written.
    pub module: Option<ModuleDecl>,
    /// The `use` lines.
    pub uses: Vec<UseDecl>,
    /// Everything at top level, in order.
    pub items: Vec<Item>,
    /// Every ordinary comment, in order; docs are not among them.
    pub comments: Vec<Comment>,
    /// Text that was skipped to go on after a syntax error. An item that overlaps one of these is
    /// incomplete: later passes must not blame it for what may have stood there.
    pub skipped: Vec<Span>,
}

impl File {
    /// Whether part of what `span` covers was skipped after a syntax error.
    #[must_use]
    pub fn is_incomplete(&self, span: Span) -> bool {
        self.skipped.iter().any(|s| s.start < span.end && span.start < s.end)
    }

    /// Docs at the very top belong to the first item where there is no `module` and no `use`.
    pub(super) fn lone_docs(&mut self) {
        let lead: Option<&mut Lead> = match self.items.first_mut() {
            Some(item) if self.module.is_none() && self.uses.is_empty() => item.lead_mut(),
            _ => None,
        };
        if let Some(lead) = lead {
            lead.docs.splice(0..0, self.docs.drain(..));
        }
    }
}

/// A name as written, of either case.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Name {
    /// The characters.
    pub text: SmolStr,
    /// Where.
    pub span: Span,
}

/// Names joined by dots: `shop.orders`, `order.id`.
#[derive(Clone, Debug, PartialEq)]
pub struct Path {
    /// At least one.
    pub segments: Vec<Name>,
    /// All of it.
    pub span: Span,
}

/// An ordinary comment, `// …` or `//// …`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comment {
    /// From the slashes to the end of the line, right-trimmed.
    pub span: Span,
    /// The text, slashes included.
    pub text: String,
}

/// One `///` line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Doc {
    /// The text without the slashes, one leading blank and trailing blanks.
    pub text: String,
    /// The whole line from its slashes.
    pub span: Span,
}

/// `allow F0305 because "…"`.
#[derive(Clone, Debug, PartialEq)]
pub struct Allow {
    /// The code to silence.
    pub code: Name,
    /// Why.
    pub because: Plain,
    /// All of it.
    pub span: Span,
}

/// What stands in front of an item or statement and belongs to it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Lead {
    /// Documentation.
    pub docs: Vec<Doc>,
    /// Warnings silenced for what follows.
    pub allows: Vec<Allow>,
}

/// A quoted text without interpolation: only `\"` and `\\` are escapes in it, so that patterns keep
/// their backslashes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plain {
    /// The decoded text.
    pub text: String,
    /// With the quotes.
    pub span: Span,
}

/// A duration in milliseconds.
pub type DurationMs = Spanned<i64>;
/// A whole number that counts something.
pub type Count = Spanned<u64>;
/// `80%` as `80`: the digits, without separators and sign.
pub type Percent = Spanned<SmolStr>;
/// `v3` as 3.
pub type Version = Spanned<u32>;

/// `module shop.orders`.
#[derive(Clone, Debug, PartialEq)]
pub struct ModuleDecl {
    /// The dotted name.
    pub path: Path,
    /// All of it.
    pub span: Span,
}

/// `use shop.types { Address, CustomerId }`.
#[derive(Clone, Debug, PartialEq)]
pub struct UseDecl {
    /// The module.
    pub path: Path,
    /// What is imported from it.
    pub names: Vec<Name>,
    /// All of it.
    pub span: Span,
}

/// A written type: `pii list<Item>?`.
#[derive(Clone, Debug, PartialEq)]
pub struct Ty {
    /// `pii` or `secret`.
    pub label: Option<Spanned<TyLabel>>,
    /// Without label and question mark.
    pub base: TyBase,
    /// Whether `?` follows.
    pub optional: bool,
    /// All of it.
    pub span: Span,
}

/// A confidentiality label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TyLabel {
    /// `pii`
    Pii,
    /// `secret`
    Secret,
}

/// The middle of a written type.
#[derive(Clone, Debug, PartialEq)]
pub enum TyBase {
    /// `text`, `Order`, `types.Order`.
    Name {
        /// What stands before the dot.
        module: Option<Name>,
        /// The name of the type.
        name: Name,
    },
    /// `list<T>`, `map<K, V>`, `outcome<T>`, `batch<E>`, `money<EUR>`.
    Generic {
        /// The word before the bracket.
        head: Name,
        /// One or two.
        args: Vec<Ty>,
    },
}

/// `name: type` in parentheses.
#[derive(Clone, Debug, PartialEq)]
pub struct Param {
    /// May be a reserved word where it belongs to an action.
    pub name: Name,
    /// Its type.
    pub ty: Ty,
    /// All of it.
    pub span: Span,
}
