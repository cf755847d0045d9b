//! The terminal, the log, and the files that commands read.

use super::Problem;
use crate::config::StoreUrl;
use sagaflow_core::port;
use std::io::IsTerminal as _;
use tracing_subscriber::EnvFilter;

/// Whether colours are wanted on stdout.
pub fn colour_out() -> bool {
    std::io::stdout().is_terminal() && colours_allowed()
}

/// Whether colours are wanted on stderr.
pub fn colour_err() -> bool {
    std::io::stderr().is_terminal() && colours_allowed()
}

fn colours_allowed() -> bool {
    // Source: no-color.org
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
        && std::env::var("TERM").map_or(true, |term| term != "dumb")
}

/// Says what went wrong.
pub fn complain(text: &str) {
    let text = text.trim_end();
    // Rendered findings bring their own heading.
    if text.contains('\n') {
        eprintln!("{text}");
    } else {
        eprintln!("error: {text}");
    }
}

/// Sends the log to stderr: errors, or what `SAGAFLOW_LOG` says.
pub fn log() {
    let filter =
        EnvFilter::try_from_env("SAGAFLOW_LOG").unwrap_or_else(|_| EnvFilter::new("error"));
    // A second call in one process finds the first one's log in place.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(colour_err())
        .try_init();
}

/// What a store says, for people.
pub fn store_problem(place: &StoreUrl, error: &port::Error) -> Problem {
    Problem(match error {
        port::Error::Held(_) => {
            format!(
                "R1033: the store `{place}` is held by another process; stop it, or use another store"
            )
        }
        error => format!("R1016: the store `{place}` cannot be used: {error}"),
    })
}
