//! The async driver: what is around the pure shard.
//!
//! One task per shard gathers inputs, asks the shard what they mean, commits what it decided, and
//! only then lets anything leave: effects, replies, timers. Services are called here, over HTTP, in
//! Rust, or simulated. Must not decide anything about a run: that is the shard's.

pub mod clock;
pub mod cluster;
pub mod code;
mod contact;
pub mod contract;
pub mod driver;
pub mod engine;
pub mod error;
pub mod guard;
pub mod handle;
pub mod http;
mod indexed;
pub mod input;
pub mod inputs;
mod interest;
pub mod kafka;
pub mod limits;
pub mod protect;
pub mod reader;
mod router;
pub mod simulated;
pub mod view;
pub mod wait;

pub use cluster::{Member, Role};
pub use driver::{Bound, Counters, OnCommit, Services, Told};
pub use engine::{Engine, Options};
pub use error::Error;
pub use handle::{Decided, Delivered, Handle, Request, Started, Until};
pub use indexed::Unindexed;
