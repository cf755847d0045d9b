//! Events of one shard on their way to their topics, as long as it is served here.
//!
//! Promises: they are handed over in the order of their records, after the commit of those; whatever
//! the brokers have not acknowledged is read again from the journal by the next owner, under the same
//! id. Memory holds some of them at most: of more only the position is kept, and they are read from
//! the journal when their turn comes. Must not: give one up because a broker is away.

use super::decode::{CONTENT, EVENT, ID, NAMESPACE, RUN, TRACE};
use super::port::{self, Broker, Sent};
use crate::driver::{Message, pause};
use crate::limits;
use sagaflow_core::id::ShardId;
use sagaflow_core::port::Store;
use sagaflow_core::shard::{Input, Outgoing};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::sleep;

/// Takes what a shard's commits let out.
pub(crate) struct Outlet {
    shared: Arc<Shared>,
    /// Aborted with this.
    _tasks: JoinSet<()>,
}

/// Where an outlet begins.
pub(crate) struct Begin {
    /// The shard.
    pub(crate) shard: ShardId,
    /// Its epoch.
    pub(crate) epoch: u64,
    /// At or before this every event is in its topic.
    pub(crate) emitted: u64,
    /// The last position that has committed.
    pub(crate) position: u64,
    /// The way to the shard's task.
    pub(crate) back: mpsc::Sender<Message>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    /// There may be something to hand over.
    wake: Notify,
}

#[derive(Default)]
struct State {
    /// Committed, and not handed over; empty while `behind`.
    waiting: VecDeque<Outgoing>,
    /// The last position that has committed.
    released: u64,
    /// Events up to here were handed over or are waiting.
    read: u64,
    /// What follows `read` has to be read from the journal.
    behind: bool,
    /// Handed over and not acknowledged.
    flying: usize,
    /// Every event up to here is acknowledged.
    passed: u64,
}

impl State {
    fn settled(&self) -> u64 {
        let idle = self.waiting.is_empty() && !self.behind && self.flying == 0;
        if idle { self.released } else { self.passed }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Outlet {
    /// Begins with what may not be in its topic yet.
    pub(crate) fn start<S: Store>(store: Arc<S>, broker: Arc<dyn Broker>, begin: Begin) -> Self {
        let Begin { shard, epoch, emitted, position, back } = begin;
        let state = State {
            released: position,
            read: emitted,
            passed: emitted,
            behind: emitted < position,
            ..State::default()
        };
        let shared = Arc::new(Shared { state: Mutex::new(state), wake: Notify::new() });
        // Bound: what is with the brokers at once.
        let (flying, flown) = mpsc::channel(limits::FLYING);
        let mut tasks = JoinSet::new();
        let feeder = Feeder { store, broker, shard, shared: Arc::clone(&shared), flying };
        tasks.spawn(feeder.run());
        tasks.spawn(settle(Arc::clone(&shared), flown, epoch, back));
        Self { shared, _tasks: tasks }
    }

    /// A batch has committed, and lets these out.
    pub(crate) fn released(&self, position: u64, events: Vec<Outgoing>) {
        let mut state = self.shared.lock();
        state.released = position;
        if state.behind {
            return;
        }
        // Bound: what does not fit is read from the journal later.
        if state.waiting.len() + events.len() > limits::OUTGOING {
            state.behind = true;
        } else {
            state.read = position;
            state.waiting.extend(events);
        }
        self.shared.wake.notify_one();
    }

    /// Up to where every event is in its topic, or set aside.
    pub(crate) fn settled(&self) -> u64 {
        self.shared.lock().settled()
    }

    /// Whether nothing is on its way.
    pub(crate) fn is_idle(&self) -> bool {
        let state = self.shared.lock();
        state.settled() == state.released
    }
}

/// Hands events over, one after the other.
struct Feeder<S> {
    store: Arc<S>,
    broker: Arc<dyn Broker>,
    shard: ShardId,
    shared: Arc<Shared>,
    flying: mpsc::Sender<(Outgoing, oneshot::Receiver<Sent>)>,
}

impl<S: Store> Feeder<S> {
    async fn run(self) {
        loop {
            let next = {
                let mut state = self.shared.lock();
                let next = state.waiting.pop_front();
                state.flying += usize::from(next.is_some());
                next.ok_or_else(|| state.behind.then_some((state.read, state.released)))
            };
            match next {
                Ok(outgoing) => self.hand_over(outgoing).await,
                Err(Some((read, released))) => self.catch_up(read, released).await,
                Err(None) => self.shared.wake.notified().await,
            }
        }
    }

    /// Hands over a page of what the journal holds.
    async fn catch_up(&self, read: u64, released: u64) {
        let mut tries = 0;
        let page = limits::JOURNAL_PAGE;
        let rows = loop {
            match self.store.journal(self.shard, read, released, page).await {
                Ok(rows) => break rows,
                Err(error) => {
                    tries += 1;
                    tracing::warn!(%error, tries, "events for topics cannot be read again");
                    sleep(pause(tries)).await;
                }
            }
        };
        let full = rows.len() >= page as usize;
        let upto = rows.last().filter(|_| full).map_or(released, |row| row.seq);
        for outgoing in rows.iter().flat_map(Outgoing::read) {
            self.shared.lock().flying += 1;
            self.hand_over(outgoing).await;
        }
        let mut state = self.shared.lock();
        state.read = upto;
        state.behind = upto < state.released;
    }

    /// Crash: what was handed over and not acknowledged is read again by the next owner.
    async fn hand_over(&self, outgoing: Outgoing) {
        let answer = self.broker.send(message(&outgoing)).await;
        // The other end is dropped with the outlet.
        let _ = self.flying.send((outgoing, answer)).await;
    }
}

/// Takes the answers of the brokers in the order in which events were handed over, and tells the shard
/// how far they are.
async fn settle(
    shared: Arc<Shared>,
    mut flown: mpsc::Receiver<(Outgoing, oneshot::Receiver<Sent>)>,
    epoch: u64,
    back: mpsc::Sender<Message>,
) {
    let (mut at, mut news) = (tokio::time::Instant::now(), false);
    loop {
        let next = tokio::time::timeout(limits::EMITTED, flown.recv()).await;
        match next {
            Ok(None) => return,
            Ok(Some((outgoing, answer))) => {
                let position = outgoing.position;
                match answer.await {
                    Ok(Sent::Done) => {}
                    Ok(Sent::Never(why)) => {
                        tracing::error!(topic = outgoing.topic, why, "an event is set aside");
                        let outgoing = Box::new(outgoing);
                        // Order: the shard is told before the position passes the event.
                        let told = Message::Tell(Input::Unsent { outgoing, why });
                        if back.send(told).await.is_err() {
                            return;
                        }
                    }
                    // The process stops: the next owner reads it again.
                    Err(_) => return,
                }
                let mut state = shared.lock();
                state.flying -= 1;
                // Invariant: answers are taken in the order of handing over, so everything before this
                // record is done; of the record itself another event may follow.
                state.passed = state.passed.max(position.saturating_sub(1));
                news = true;
            }
            Err(_) => {}
        }
        // Bound: so often at most, for it may cost a commit of its own. Where only commits without
        // events went on, the next checkpoint tells it.
        if news && at.elapsed() >= limits::EMITTED {
            (at, news) = (tokio::time::Instant::now(), false);
            let settled = shared.lock().settled();
            if back.send(Message::Emitted(epoch, settled)).await.is_err() {
                return;
            }
        }
    }
}

pub(super) fn message(outgoing: &Outgoing) -> port::Message {
    let Outgoing { run, topic, event, .. } = outgoing;
    let mut headers = vec![(ID, event.id.clone()), (NAMESPACE, event.namespace.clone())];
    if outgoing.is_mirrored() {
        headers.push((CONTENT, "application/cloudevents+json".to_owned()));
    } else {
        // One trace per run: its id is the run's, as in its calls.
        let (trace, span) = (run.0.simple(), span(&event.id));
        headers.extend([
            (RUN, run.to_string()),
            (EVENT, event.event.clone()),
            (CONTENT, "application/json".to_owned()),
            (TRACE, format!("00-{trace}-{span:016x}-01")),
        ]);
    }
    port::Message {
        topic: topic.clone(),
        key: event.key.clone(),
        value: event.payload.to_string().into_bytes(),
        headers,
    }
}

/// The same for the same event, and never zero, which is no span.
fn span(id: &str) -> u64 {
    let number = id.rsplit_once('.').and_then(|(_, number)| number.parse::<u64>().ok());
    number.unwrap_or(0).wrapping_add(1).max(1)
}
