//! What drives the pure shard: gather, apply, commit, and only then speak.
//!
//! ```text
//!  requests ──► inbox ────┐
//!  outcomes ──► outcomes ─┴─► apply ─► pending ─► one commit in flight ─► release
//!  timers ────────────────────▲                                          │ calls, replies, feeds
//!                             └──────────────────────────────────────────┘
//! ```

mod calls;
mod counters;
mod feed;
mod flight;
mod gate;
mod lookup;
mod mailbox;
mod owner;
mod pressure;
mod renewal;
mod serve;
#[cfg(test)]
mod tests;
mod tray;

pub use calls::{Bound, Services};
pub use counters::Counters;
pub use feed::Told;

pub(crate) use calls::Caller;
pub(crate) use feed::{Feeds, Woken};
pub(crate) use flight::pause;
pub(crate) use owner::{Owned, Owner};
pub(crate) use pressure::Pressure;
pub(crate) use renewal::{Leases, keep};
pub(crate) use serve::Inlets;
pub(crate) use tray::Tray;

use crate::clock::Clock;
use crate::cluster::Cluster;
use crate::handle::Until;
use crate::interest::Interest;
use crate::kafka::Bus;
use sagaflow_core::id::{RunId, ShardId};
use sagaflow_core::journal::Position;
use sagaflow_core::port::{self, MessageRow};
use sagaflow_core::shard::{Answer, Input, Protection, ServiceState, Token};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::{oneshot, watch};
use tokio::time::Instant;

/// What a shard's task is told.
pub(crate) enum Message {
    /// An input nobody waits for.
    Tell(Input),
    /// What a look-up found under the ownership of this epoch. Order: what was true in the store then
    /// may not be any more once the shard has been read again, which looks up for itself.
    Found(u64, Vec<Input>),
    /// Whether a run is under way here and has not got so far: a look, which decides nothing.
    Look {
        /// The run.
        run: RunId,
        /// How far.
        until: Until,
        /// False also where it is not known here.
        reply: oneshot::Sender<bool>,
    },
    /// What protects the services, as it stands: a look, which decides nothing.
    Services(oneshot::Sender<Vec<ServiceState>>),
    /// Up to where a partition was taken in: a look, which decides nothing.
    Position {
        /// The topic's name.
        topic: String,
        /// The partition's number.
        partition: u32,
        /// For whose batches it is read; none where its events are taken in one by one.
        workflow: Option<String>,
        /// None where nobody has said from where to begin.
        reply: oneshot::Sender<Option<Position>>,
    },
    /// How many runs of batches of a partition have not ended: a look, which decides nothing.
    Batches {
        /// Whose.
        workflow: String,
        /// The topic's name.
        topic: String,
        /// The partition's number.
        partition: u32,
        /// How many.
        reply: oneshot::Sender<usize>,
    },
    /// Up to where events are in their topics, under the ownership of this epoch.
    Emitted(u64, u64),
    /// What a look into the inbox has found, under the ownership of this epoch.
    Mail(u64, Vec<MessageRow>),
    /// What a call has become.
    Outcome {
        /// The input it is.
        input: Input,
        /// When it was over.
        over: Instant,
    },
    /// A request: the input it becomes, and who waits.
    Ask {
        /// Makes the input once the request has its token.
        input: Box<dyn FnOnce(Token) -> Input + Send>,
        /// When it was asked.
        asked: Instant,
        /// Answered after the commit; dropped unanswered when the shard loses its memory, which means
        /// "ask again".
        reply: oneshot::Sender<Answer>,
    },
}

/// Called with every batch after it has committed and before anything of it leaves.
pub type OnCommit = Arc<dyn Fn(&port::Batch) + Send + Sync>;

/// What all tasks of an engine share.
pub(crate) struct Shared {
    pub(crate) feeds: Feeds,
    pub(crate) cluster: Cluster,
    pub(crate) clock: Clock,
    pub(crate) leases: Arc<Leases>,
    pub(crate) protection: Protection,
    pub(crate) pressure: Pressure,
    /// Messages for the shards that are served here, by shard.
    pub(crate) trays: Vec<Tray>,
    pub(crate) counters: Arc<Counters>,
    /// The way to topics, where there is one.
    pub(crate) bus: Option<Arc<Bus>>,
    /// What programs of the store take in.
    pub(crate) interest: Interest,
    /// The store does not take commits at the moment: new starts are refused.
    pub(crate) away: AtomicBool,
    /// Why the engine cannot go on, where it cannot; sent once by the shard's task.
    pub(crate) fatal: watch::Sender<Option<String>>,
    /// Nothing is sent and no timer fires.
    pub(crate) paused: bool,
    pub(crate) on_commit: Option<OnCommit>,
}

impl Shared {
    /// Gives messages that have committed to the shards that are served here.
    fn hand_over(&self, sent: Vec<MessageRow>) {
        let mut by_shard: BTreeMap<ShardId, Vec<MessageRow>> = BTreeMap::new();
        for row in sent {
            by_shard.entry(row.to).or_default().push(row);
        }
        for (to, rows) in by_shard {
            if let Some(tray) = self.trays.get(to.0 as usize) {
                tray.put(rows);
            }
        }
    }

    /// A shard has a new owner here: what the one before sent may be in the store only, and goes before
    /// what this one sends, so every inbox is read again. Order: behind the fence record, before
    /// anything else is sent.
    fn missed(&self) {
        self.trays.iter().for_each(Tray::missed);
    }

    /// Other nodes may have sent messages to a shard.
    pub(crate) fn look(&self, shard: ShardId) {
        if let Some(tray) = self.trays.get(shard.0 as usize) {
            tray.look();
        }
    }

    /// Whether a shard that is served here is behind with its messages.
    pub(crate) fn crowded(&self) -> bool {
        self.trays.iter().any(Tray::crowded)
    }

    pub(crate) fn is_away(&self) -> bool {
        self.away.load(Ordering::Relaxed)
    }
}
