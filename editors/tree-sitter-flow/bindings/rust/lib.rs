//! The grammar of `.flow` for tree-sitter, as Rust programs take it in.
//!
//! Editors take the same parser from `src`. What is a `.flow` program is the compiler's to say: the
//! tests beside this file hold the two against each other.

// Only to name the generated parser, which is C.
#![allow(unsafe_code)]

use tree_sitter_language::LanguageFn;

unsafe extern "C" {
    fn tree_sitter_flow() -> *const ();
}

/// The language, for `tree_sitter::Parser::set_language`.
// The function is the one that the generator wrote for this purpose: it takes nothing, and what it
// returns is constant.
pub const LANGUAGE: LanguageFn = unsafe { LanguageFn::from_raw(tree_sitter_flow) };

/// Which part of a text has which colour.
pub const HIGHLIGHTS_QUERY: &str = include_str!("../../queries/highlights.scm");
/// Which parts of a text are another language.
pub const INJECTIONS_QUERY: &str = include_str!("../../queries/injections.scm");
/// Where names are declared, and where they hold.
pub const LOCALS_QUERY: &str = include_str!("../../queries/locals.scm");
/// What can be folded away.
pub const FOLDS_QUERY: &str = include_str!("../../queries/folds.scm");
