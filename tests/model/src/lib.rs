//! The protocol of lease, fence, commit and takeover as a small model, checked exhaustively.
//!
//! ```text
//!  two owners ──acquire──► epoch    ──read──► tail ──commit──► fence record ──► serve
//!                            │ compared with every batch, as is the position before it
//!  one run: do 1, do 2, and where 2 fails: undo 1
//! ```
//!
//! Everything between the parties takes any time: batches, answers, requests, replies; a lease runs out
//! at any moment; an owner dies at any moment, or goes on long after its lease has run out. Each rule of
//! the protocol can be left out, which some property must notice.
//!
//! Must not: share code with the runtime. It says what the runtime has to do, not what it does.

mod protocol;
mod state;

pub use protocol::Protocol;
pub use state::{Action, Broken, Call, Owner, Progress, Record, State};
