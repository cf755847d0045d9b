//! Support for the integration tests: real `flowd` processes, and a ledger that stands for the world.
//!
//! The ledger is the oracle: it counts what was sent and what was applied, by key, outside the
//! runtime. Must not look into a store.

mod ledger;
mod process;

pub use ledger::{Behave, Entry, Ledger, ORDER};
pub use process::{Flowd, Output, build, client, flow, flowd, sample};
