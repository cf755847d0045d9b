//! The language server of `.flow` files: what an editor asks, answered from the compiler.
//!
//! ```text
//! editor ──frames──► wire ──► server ──► answer/* ──► world ──► compiler
//!        ◄─frames───────────────┘           (analysis of a source root, open texts over the disk)
//! ```
//!
//! One thread answers in the order in which it was asked, another reads. Promises that whatever comes
//! in, be it no JSON or a text in the midst of typing, is answered or let go, and never ends the
//! server; only `exit` and the end of its input do. Must not touch the disk but through
//! [`sagaflow_compiler::load::Files`].

mod answer;
mod documents;
mod position;
mod server;
mod uri;
mod wire;
mod world;

pub use server::serve;
