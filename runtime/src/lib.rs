//! Durable, compensated business processes from `.flow` files.
//!
//! What a binary with generated flows depends on: [`Node`] to host them, [`cli`](fn@cli) to give them
//! the commands of `flowd`, [`guard`] to keep the promises of a service, and the types that
//! service methods speak. Generated code names [`codegen`] and nothing else.
//!
//! Must not see the compiler or the interpreter: what is run comes in as machines.

pub mod bind;
pub mod brokers;
pub mod cli;
pub mod config;
pub mod guard;
mod identity;
#[cfg(feature = "kafka")]
mod kafka;
mod node;
pub mod program;
mod store;
pub mod story;

pub use cli::{cli, main_with};
pub use node::{Client, Error, Node, Result, Run, Running, Unfinished};
pub use sagaflow_core::codegen::rt::{
    Date, Decimal, DurationMs, Money, Percent, Pii, Secret, Time, Uuid,
};
pub use sagaflow_core::service::{Call, Failure, NoError, Outcome};
pub use sagaflow_macros::include_flow;

/// The names that generated code uses.
pub mod codegen {
    pub use sagaflow_core::codegen::*;
    pub use sagaflow_core::service::{Attempt, Attempting, Call, NoError, Outcome, Service};
}
