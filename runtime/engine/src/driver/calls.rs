//! Calls that the shard decided on: each is made once, and its outcome goes back to the shard.
//!
//! Promises: every call that leaves comes back exactly once, whatever the service does: it answers,
//! panics, or does not end; none leaves under a lease that may have run out. Must not repeat a call:
//! that is the shard's decision.

use super::Message;
use super::counters::Counters;
use super::gate::Gate;
use crate::clock::Clock;
use crate::http::{Answered, Http};
use crate::limits;
use futures_util::FutureExt as _;
use sagaflow_core::service::{Attempt, Refusal, Service};
use sagaflow_core::shard::{Input, Send};
use std::collections::{BTreeMap, BTreeSet};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use tokio::sync::{Semaphore, mpsc};
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

/// What answers for a service.
#[derive(Clone)]
pub enum Bound {
    /// Over HTTP.
    Http(Arc<Http>),
    /// Rust code of this process.
    Code(Arc<dyn Service>),
    /// Nobody: answered from its contract.
    Simulated(Arc<dyn Service>),
    /// Some actions by one, the others by another: how `--fail` reaches a real service.
    Split {
        /// The actions of the first.
        actions: BTreeSet<String>,
        /// The first.
        these: Arc<dyn Service>,
        /// The other.
        others: Box<Bound>,
    },
}

impl Bound {
    /// How it is bound, in a word.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Http(_) => "http",
            Self::Code(_) => "code",
            Self::Simulated(_) => "simulated",
            Self::Split { others, .. } => others.kind(),
        }
    }
}

impl Bound {
    /// What answers for one action.
    fn of(&self, action: &str) -> &Self {
        match self {
            Self::Split { actions, others, .. } if !actions.contains(action) => others.of(action),
            bound => bound,
        }
    }
}

/// The services of a process, by qualified name.
pub type Services = BTreeMap<String, Bound>;

/// Makes calls.
#[derive(Clone)]
pub(crate) struct Caller {
    services: Arc<Services>,
    places: Arc<Semaphore>,
    in_flight: TaskTracker,
    counters: Arc<Counters>,
    clock: Clock,
}

impl Caller {
    pub(crate) fn new(services: Arc<Services>, counters: Arc<Counters>, clock: Clock) -> Self {
        let places = Arc::new(Semaphore::new(limits::CALLS));
        Self { services, places, in_flight: TaskTracker::new(), counters, clock }
    }

    /// The same for another shard, which waits for its own calls only.
    pub(crate) fn for_shard(&self) -> Self {
        Self { in_flight: TaskTracker::new(), ..self.clone() }
    }

    /// How many calls have left and not come back.
    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    /// Sends a call on its way; what became of it arrives on `back`.
    ///
    /// Crash: its intent is committed (or it is a read), so recovery sends it again under the same
    /// key and attempt, or asks, or calls it unknown.
    pub(crate) fn send(&self, send: Box<Send>, gate: Gate, back: mpsc::Sender<Message>) {
        let this = self.clone();
        self.in_flight.spawn(async move {
            let Ok(_place) = this.places.clone().acquire_owned().await else { return };
            // Order: the last look before it leaves. Under a lease that may have run out another node
            // may already have recovered the run, and makes this call itself.
            if !gate.is_open() {
                return;
            }
            let ticket = send.ticket;
            // Order: asked when nothing is waited for any more: the commit and a place are behind it.
            let attempt = match send.expires {
                Some(expires) if this.clock.now() > expires => Answered::Ended(expired()),
                _ => this.attempt(*send).await,
            };
            let input = match attempt {
                Answered::Ended(result) => {
                    this.counters.attempt(&result);
                    Input::Outcome { ticket, result, token: None }
                }
                Answered::Accepted => Input::Accepted(ticket),
            };
            // The shard is gone only when the process stops.
            let _ = back.send(Message::Outcome { input, over: Instant::now() }).await;
        });
    }

    async fn attempt(&self, send: Send) -> Answered {
        let Send { call, args, .. } = send;
        let Some(bound) = self.services.get(&call.service) else {
            let message = format!("nothing is bound to `{}`", call.service);
            return Answered::Ended(Attempt::Fault { message });
        };
        match bound.of(&call.action) {
            Bound::Http(http) => http.exchange(&call, &args).await,
            Bound::Code(service)
            | Bound::Simulated(service)
            | Bound::Split { these: service, .. } => {
                let attempt = AssertUnwindSafe(service.call(&call, args)).catch_unwind();
                Answered::Ended(match tokio::time::timeout(call.within, attempt).await {
                    Ok(Ok(attempt)) => attempt,
                    // What it did before it panicked is not known (semantics A4).
                    Ok(Err(_)) => panicked(),
                    Err(_) => {
                        Attempt::Unknown { cause: "no answer in time".to_owned(), timeout: true }
                    }
                })
            }
        }
    }
}

/// A4: a call is never sent later than its key is good for.
fn expired() -> Attempt {
    let reason = "its key expired before it could be sent".to_owned();
    Attempt::Refused { reason, retry_after_ms: None, cause: Refusal::Expired }
}

fn panicked() -> Attempt {
    Attempt::Unknown { cause: "panic in the action".to_owned(), timeout: false }
}
