//! The standard library of the `.flow` language, as sources: texts, names, and what they say of
//! themselves.

mod item;
mod page;

pub use item::Item;
pub use page::page;

/// A module of the standard library.
#[derive(Clone, Copy, Debug)]
pub struct Module {
    /// Its dotted name, beginning with `std.`.
    pub name: &'static str,
    /// Its text.
    pub text: &'static str,
}

/// A module by its name and the file that holds it.
macro_rules! modules {
    ($($name:literal: $file:literal,)*) => {
        /// Every module, in order of name.
        pub const MODULES: &[Module] = &[
            $(Module { name: $name, text: include_str!($file) },)*
        ];
    };
}

modules! {
    "std.approval": "../std/approval.flow",
    "std.money": "../std/money.flow",
    "std.notify": "../std/notify.flow",
    "std.reconcile": "../std/reconcile.flow",
    "std.retry": "../std/retry.flow",
    "std.time": "../std/time.flow",
}
