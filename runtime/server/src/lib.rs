//! The HTTP API of a node.
//!
//! Promises: JSON in and out; errors are problem+json with a stable code; answers to requests that
//! change something are given after the recorded decision; bodies, nesting and pages are bounded.
//! There is no authentication yet, so it listens on loopback only, refuses requests that name another
//! host (DNS rebinding) or come from another origin, and never sends CORS headers.
//!
//! Must not decide anything about a run, nor read the store by itself: everything goes through the
//! engine's handle. Where the node stands by, it sends on to the owner what the owner decides, and
//! never sends anything on twice.

mod api;
mod forward;
mod guards;
mod listen;
mod namespace;
mod problem;
mod request;

pub use listen::{About, Error, Server, Serving};
