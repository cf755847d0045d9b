//! SQLite behind the store port, and the conformance suite that every store passes.
//!
//! Promises: what was acknowledged is on the disk (`synchronous=FULL`); a batch is there whole or
//! not at all, also after a crash; one process has the file, and another takes over the moment it
//! dies. It knows nothing of runs beyond the rows it is given: bodies are opaque.

pub mod conformance;
mod sqlite;

pub use sqlite::{Options, Sqlite};

#[cfg(test)]
mod memory_tests;
