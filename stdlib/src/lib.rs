//! The standard library of the `.flow` language, as sources: texts and names, no code.

/// A module of the standard library.
#[derive(Clone, Copy, Debug)]
pub struct Module {
    /// Its dotted name, beginning with `std.`.
    pub name: &'static str,
    /// Its text.
    pub text: &'static str,
}

/// Every module, in order of name.
pub const MODULES: &[Module] = &[];
