//! Several nodes, one store, many faults, one thread: the pure core under a simulated world, judged
//! from outside after every event.
//!
//! ```text
//!  clients, people ──► nodes (gather, apply, commit, release) ──► services (keyed)
//!  events, operators      │  ▲                                        │
//!                         ▼  │ leases, fences, tails                  ▼
//!                     one store in memory                    history ──► judges
//! ```
//!
//! Promises: a seed makes the same simulation on every machine; what is judged is what requests,
//! services and clients saw, and what was committed. Must not: believe a node.

pub mod dice;
pub mod fleet;
pub mod history;
pub mod judges;
pub mod shrink;
pub mod structure;
pub mod trace;
pub mod world;
