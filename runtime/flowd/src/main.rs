//! `flowd`: runs `.flow` files, interpreted: `run`, `dev`, `serve`, `check-config`.
//!
//! Holds only how a program is made from files; the commands are the façade's.

mod files;
mod source;

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    sagaflow::main_with(&source::FlowFiles).await
}
