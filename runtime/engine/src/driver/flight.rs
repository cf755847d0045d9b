//! A batch on its way to the store, and what leaves when it has landed.
//!
//! Promises: one at a time, in the order in which it was decided; nothing of a batch leaves before the
//! store has it, and all of it leaves then.

use super::Told;
use super::counters::Counters;
use super::serve::{Lost, Serving};
use crate::clock::Boot;
use crate::limits;
use sagaflow_core::port::{self, Batch, KeyName, Store};
use sagaflow_core::shard::{Answer, Effect, Notice, Outgoing, Output};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::Instant;

type Commit = Pin<Box<dyn Future<Output = port::Result<()>> + Send>>;

/// A batch on its way, and what it holds back.
pub(super) struct Flight {
    pub(super) batch: Arc<Batch>,
    effects: Vec<Effect>,
    /// When the first of it was decided.
    since: Instant,
    /// Yields the store's answer. Dropped half-way, the store finishes it or not, and the tail tells.
    commit: Commit,
    /// When it was sent: it renews the lease.
    sent: Boot,
    retries: u32,
    /// Until when what it was decided by was good: events that nobody wants are left out of it.
    good_until: Boot,
}

impl<S: Store> Serving<'_, S> {
    /// Sends what was decided, or lets it out where there is nothing to commit.
    pub(super) fn send_pending(&mut self) {
        if self.flight.is_some() {
            return;
        }
        let Output { batch, effects, .. } = if self.pending.is_clean() {
            let effects = std::mem::take(&mut self.pending.effects);
            // Without a batch nothing is for a topic.
            self.release(effects);
            return;
        } else {
            std::mem::take(&mut self.pending)
        };
        let batch = Arc::new(batch);
        let (sent, commit) = (Boot::now(), self.commit(Arc::clone(&batch), Duration::ZERO));
        let good_until = std::mem::replace(&mut self.good_until, Boot(i64::MAX));
        let since = self.pending_since.take().unwrap_or_else(Instant::now);
        self.flight = Some(Flight { batch, effects, since, commit, sent, retries: 0, good_until });
    }

    /// Crash: before the store has committed, recovery knows nothing of this batch, and nothing of it
    /// has left. After it, recovery finds it whole, and sends again what it held back.
    fn commit(&self, batch: Arc<Batch>, pause: Duration) -> Commit {
        let (store, lease) = (Arc::clone(&self.store), self.lease);
        Box::pin(async move {
            // Order: the timer counts in whole milliseconds, so even no pause at all would take one.
            if !pause.is_zero() {
                tokio::time::sleep(pause).await;
            }
            store.commit(lease, batch).await
        })
    }

    /// The store has it.
    fn has_landed(&mut self, flight: Flight) {
        let counters = &self.shared.counters;
        self.gate.renewed(flight.sent);
        self.shared.away.store(false, Ordering::Relaxed);
        Counters::bump(&counters.commits);
        counters.records.fetch_add(flight.batch.rows.len() as u64, Ordering::Relaxed);
        if let Some(on_commit) = &self.shared.on_commit {
            on_commit(&flight.batch);
        }
        self.crowd.landed(flight.batch.rows.len(), flight.since.elapsed());
        self.tell_of_the_crowd();
        // Order: the row before the notice, so that who waits for the end needs no look at the store.
        // The store has let go of the batch by now, so nothing is copied.
        let position = flight.batch.last();
        let Batch { runs, taken, sent, .. } = Arc::unwrap_or_clone(flight.batch);
        for row in runs {
            if row.ended_at.is_some() {
                self.shared.feeds.ended(row);
            }
        }
        self.mail.taken(taken.len());
        self.shared.hand_over(sent);
        let events = self.release(flight.effects);
        if let Some(outlet) = &self.outlet {
            outlet.released(position, events);
        }
    }

    /// The store has answered for the batch in flight.
    pub(super) fn committed(&mut self, answer: port::Result<()>) -> Option<Lost> {
        let mut flight = self.flight.take()?;
        let Err(error) = answer else {
            self.has_landed(flight);
            return None;
        };
        Counters::bump(&self.shared.counters.commit_errors);
        match error {
            port::Error::Unavailable(_) => {
                // Nothing was written: effects stay held, starts are refused, the same batch goes
                // again.
                self.shared.away.store(true, Ordering::Relaxed);
                flight.retries += 1;
                tracing::warn!(%error, retries = flight.retries, "the store does not take commits");
                if flight.good_until.passed(limits::DECIDED_FOR) {
                    // Order: decided again, by what programs take in now.
                    return Some(Lost::Memory(error));
                }
                // Order: counted from before the pause, which is only too careful.
                flight.sent = Boot::now();
                flight.commit = self.commit(Arc::clone(&flight.batch), pause(flight.retries));
                self.flight = Some(flight);
                None
            }
            port::Error::Fenced { .. } | port::Error::Unknown(_) | port::Error::Held(_) => {
                Some(Lost::Memory(error))
            }
            port::Error::Refused(_) | port::Error::Corrupt(_) => Some(Lost::Fatal(error)),
        }
    }

    /// Lets out what a batch held back, in its order, but for what is for topics.
    pub(super) fn release(&mut self, effects: Vec<Effect>) -> Vec<Outgoing> {
        let (mut wanted, mut names, mut events) = (Vec::new(), Vec::new(), Vec::new());
        for effect in effects {
            match effect {
                Effect::Call(send) => {
                    self.caller.send(send, self.gate.clone(), self.inlets.back.clone());
                }
                Effect::Find { namespace, workflow, key } => {
                    wanted.push(KeyName { namespace, workflow, key });
                }
                Effect::FindItem { item } => self.find_item(item),
                Effect::FindWaits(name) => names.push(name),
                Effect::FindEvents { home, name, since } => self.find_events(home, name, since),
                Effect::Reply { token, answer } => {
                    if let Some(reply) = self.replies.remove(&token) {
                        self.count_start(&answer);
                        // Whoever asked may have stopped waiting.
                        let _ = reply.send(answer);
                    }
                }
                Effect::Notice { run, notice } => {
                    if let Notice::Ended { status, .. } = &notice {
                        self.shared.counters.ended(*status);
                    }
                    self.shared.feeds.tell(run, Told::Notice(notice));
                }
                Effect::History { run, number, happened } => {
                    self.shared.feeds.tell(run, Told::Record { number, happened });
                }
                Effect::Publish(outgoing) => events.push(*outgoing),
            }
        }
        for some in wanted.chunks(limits::KEYS_AT_ONCE) {
            self.find(some.to_vec());
        }
        for some in names.chunks(limits::KEYS_AT_ONCE) {
            self.find_waits(some.to_vec());
        }
        events
    }

    fn count_start(&self, answer: &Answer) {
        if matches!(answer, Answer::Started { new: true, .. }) {
            Counters::bump(&self.shared.counters.started);
        }
    }
}

pub(super) async fn landed(flight: &mut Option<Flight>) -> port::Result<()> {
    match flight {
        Some(flight) => flight.commit.as_mut().await,
        None => std::future::pending().await,
    }
}

/// Bound: doubles up to two seconds, so that a store that comes back is used again at once.
pub(crate) fn pause(tries: u32) -> Duration {
    let (first, longest) = limits::STORE_BACKOFF;
    first.saturating_mul(1 << tries.saturating_sub(1).min(10)).min(longest)
}
