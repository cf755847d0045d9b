//! SQLite and Postgres behind the store port, and the conformance suite that every store passes.
//!
//! Promises: what was acknowledged is on the disk (`synchronous=FULL`, `synchronous_commit=on`); a
//! batch is there whole or not at all, also after a crash. One process has a file, and another takes
//! over the moment it dies; several share a server, by leases that run out. It knows nothing of runs
//! beyond the rows it is given: bodies are opaque.

pub mod conformance;
mod desk;
mod held;
mod postgres;
mod sqlite;
mod weight;

pub use postgres::{Postgres, PostgresOptions};
pub use sqlite::{Options, Sqlite};

#[cfg(test)]
mod alike_tests;
#[cfg(test)]
mod found_tests;
#[cfg(test)]
mod memory_tests;
#[cfg(test)]
mod short_run;
