//! Databases of programs, on Postgres: `transaction`, `tx` and `read` actions with their SQL.
//!
//! ```text
//!  engine ── call ──► Database ── begin, row, statements, commit ──► Postgres
//!                        │  ▲
//!                 frame ─▼──┴─ outcome      (the block is walked by `sagaflow_core::transaction`)
//! ```
//!
//! Promises (semantics C9): the writes of a transaction and its outcome row commit together or not at
//! all; a rerun finds the row and answers what it says; whoever settles an unknown inserts `refused`
//! under the row's key, and from then on no attempt of that transaction can commit. A connection that
//! may stand inside a transaction is closed, never lent again. Parameters are bound, always.
//!
//! Must not: judge what an outcome means for a run, or keep anything outside the user's database.

mod connect;
mod outcome;
mod params;
mod rows;
mod statement;
mod trouble;
mod walk;

pub use connect::{Options, Unusable};

use sagaflow_core::service::{Attempt, Attempting, Call, Purpose, Service};
use sagaflow_core::shard::Machines;
use sagaflow_core::{codegen::Json, transaction};
use std::sync::Arc;
use std::time::Duration;

/// Bound: how long an attempt outlives whoever waits for it.
const LINGER: Duration = Duration::from_secs(5);

/// One database of a program.
#[derive(Clone)]
pub struct Database {
    inner: Arc<Inner>,
}

struct Inner {
    connector: connect::Connector,
    actions: statement::Actions,
    machines: Machines,
}

impl Database {
    /// A database behind this address. Nothing is opened yet. `machines` walk the blocks.
    ///
    /// # Errors
    /// [`Unusable`] where the address cannot be read, or an action has no statement.
    pub fn new(name: &str, options: &Options, machines: Machines) -> Result<Self, Unusable> {
        let connector = connect::Connector::new(name, options)?;
        let actions = statement::Actions::of(name, &machines)?;
        Ok(Self { inner: Arc::new(Inner { connector, actions, machines }) })
    }
}

impl Service for Database {
    fn call<'a>(&'a self, call: &'a Call, args: Json) -> Attempting<'a> {
        let (inner, call) = (Arc::clone(&self.inner), call.clone());
        Box::pin(async move {
            // Order: a task of its own, so that whoever stops waiting never drops a connection in the
            // middle of anything. What it still does, its row says.
            let attempt = tokio::spawn(async move {
                // Bound: nobody waits for it any more; what holds its connection is dropped, which
                // closes that.
                let bound = call.within + LINGER;
                let attempt = tokio::time::timeout(bound, inner.attempt(&call, args)).await;
                attempt.unwrap_or_else(|_| Attempt::Unknown {
                    cause: "no answer in time".to_owned(),
                    timeout: true,
                })
            });
            attempt.await.unwrap_or_else(|error| Attempt::Unknown {
                cause: format!("the transaction was not seen to its end: {error}"),
                timeout: false,
            })
        })
    }
}

impl Inner {
    async fn attempt(&self, call: &Call, args: Json) -> Attempt {
        let done = match (call.action.as_str(), call.purpose, &call.undoes) {
            (transaction::SETTLE, Purpose::Probe, Some(forward)) => {
                self.settle(forward, call).await
            }
            (transaction::ACTION, ..) => self.block(call, args).await,
            _ => self.lone(call, &args).await,
        };
        match done {
            // A fault is told of what has not committed and never will (C9): an earlier attempt may
            // still be under way.
            Err(trouble::Trouble::Fault(message)) if self.writes(call) => {
                self.fault(message, call).await.unwrap_or_else(trouble::Trouble::attempt)
            }
            done => done.unwrap_or_else(trouble::Trouble::attempt),
        }
    }
}
