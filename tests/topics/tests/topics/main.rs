//! Topics end to end: real nodes, real brokers, real crashes. One binary.
//!
//! The oracle is a tap on the topics themselves. Where the machine has no Kafka these tests are
//! skipped, and say so.
#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod batches;
mod durable;
mod fleet;
mod handoff;
mod hot;
mod letters;
mod mirrors;
mod order;
mod outage;
mod relay;
mod start;
mod storm;
mod transactions;
mod warehouse;
