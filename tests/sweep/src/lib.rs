//! Proof by enumeration: generated programs, every failure of each, judged from the ledger of the
//! outside world alone.
//!
//! ```text
//!  seed ──generate──► Program ──print──► .flow ──compile──► machine ──► World ──► Ledger
//!                        │                                     ▲ Script     │
//!                        └──────────── reference ◄─────────────┴────────────┘  judge
//! ```
//!
//! The reference is written from the semantics and shares nothing with the runtime. Must not: read
//! the runtime's records to judge a run.
//!
//! | what is shown | where |
//! |---|---|
//! | accepted programs leave no mess, whatever fails | `tests/sweep.rs`: generated programs and the order flow, their services in a [`process`] with a file of its own |
//! | one wrong edit is refused where it is made, and would leave a mess | `tests/edits.rs`, [`edit`], [`mess`], [`twin::Retold`] |
//! | builds that are wrong are caught | `tests/sabotage.rs`, `sagaflow_core::sabotage`, [`twin`] |

pub mod edit;
pub mod generate;
pub mod judge;
pub mod ledger;
pub mod mess;
pub mod orders;
pub mod print;
pub mod process;
pub mod program;
pub mod random;
pub mod reference;
pub mod sample;
pub mod script;
pub mod subject;
pub mod sweep;
pub mod twin;
pub mod world;
