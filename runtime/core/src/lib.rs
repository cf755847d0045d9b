//! The engine's vocabulary and its pure heart.
//!
//! Four invariants hold here and are tested:
//! 1. *Commit, then speak*: nothing but a read leaves the process before the batch that records it
//!    has committed.
//! 2. *One writer*: a shard's state is changed only by its loop, under its current lease epoch, and
//!    the epoch is checked inside every batch.
//! 3. *The log explains everything*: state after recovery is a fold of records; user code is never
//!    replayed, because a record carries the frame.
//! 4. *Bounded*: every queue, batch, retry, branch count and payload has a limit in [`limits`].
//!
//! No clock, randomness, thread, file or network is touched in this crate: time and entropy come in
//! as arguments.
pub mod breaker;
pub mod codegen;
pub mod id;
pub mod journal;
pub mod key;
pub mod limits;
pub mod memory;
pub mod port;
pub mod rate;
pub mod retry;
pub mod run;
#[cfg(feature = "sabotage")]
pub mod sabotage;
pub mod service;
pub mod shard;
pub mod status;
pub mod time;
pub mod transaction;
pub mod value;
