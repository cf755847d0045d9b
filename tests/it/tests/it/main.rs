//! Integration tests: real processes, real HTTP services, real crashes. One binary.
#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod api;
mod bad_input;
mod cluster;
mod crash;
mod databases;
mod generated;
mod indexed;
mod limits;
mod node;
mod people;
mod run;
mod transactions;
mod turns;
mod versions;
