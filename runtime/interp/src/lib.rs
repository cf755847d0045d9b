//! Executes FIR: an interpreter that is a machine of the core.
//!
//! [`Interpreter`] walks the program's tree from one durable point to the next and writes the same
//! frames as generated code, so that either can finish what the other began. Pure: no clock, entropy,
//! file, network or thread is touched here.

mod codec;
pub mod enumerate;
mod eval;
mod machine;
mod program;
pub mod simulate;
pub mod test;
mod trace;
mod value;
mod walk;

pub use codec::{decode, encode, print};
pub use eval::WORK_MAX;
pub use machine::{Error, Interpreter};
pub use value::{Fields, Value};

#[cfg(test)]
mod tests;
