//! Behaviour of the shard, tested against a ledger with scripted outcomes and crashes.

mod operators;
mod parallel;
mod program;
mod random;
mod sequence;
mod units;
mod waits;
mod world;
