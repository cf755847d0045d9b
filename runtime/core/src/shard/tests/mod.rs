//! Behaviour of the shard, tested against a ledger with scripted outcomes and crashes.

mod asked;
mod batches;
mod concurrency;
mod indexed;
mod letters;
mod limits;
mod mirrors;
mod operators;
mod otherwise;
mod parallel;
mod paused;
mod program;
mod random;
mod recovery;
mod rejects;
mod repeats;
mod reviews;
mod sequence;
mod services;
mod shards;
mod stops;
mod topics;
mod units;
mod waits;
mod wide;
mod world;
