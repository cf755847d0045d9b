//! Generated Rust and the interpreter are each other's oracle.
//!
//! [`compare`] drives both machines of one workflow through the same random events, and says where
//! they first differ: in a frame, an operation, a value, or in who faults. A seed repeats a trace.

mod check;
mod compare;
mod constructs;
mod random;

pub use check::{check, check_generated, fir};
pub use compare::{Stats, compare, tables};
pub use constructs::constructs;
