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
