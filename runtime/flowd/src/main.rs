//! `flowd`: runs `.flow` files, interpreted: `run`, `dev`, `serve`, `check-config`.
//!
//! Holds only how a program is made from files; the commands are the façade's.

mod files;
mod source;

use std::process::ExitCode;

/// A run is many small values that are made by one task and dropped by another, which this allocator
/// is made for: with the system's a quarter of a loaded node's work was allocation.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    sagaflow::main_with(&source::FlowFiles).await
}
