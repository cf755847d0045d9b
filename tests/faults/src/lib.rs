//! Stores that fail now and then, and services that keep a ledger: what the engine is put between.
//!
//! ```text
//!  engine ──► Faulty ──► SQLite, Postgres, memory
//!     └─────► Keeper (keyed services, a ledger for every run)
//! ```
//!
//! Promises: a store here lies only as real ones do: it says that nothing was done where nothing was
//! done, and that it does not know where it may have been. Must not: see what the engine keeps.

mod faulty;
mod keeper;

pub use faulty::Faulty;
pub use keeper::Keeper;
