//! What the callers and the thread of a producer share: who waits for a report, and the reports.
//!
//! Invariant: a ticket is outstanding, or its report is ready, or was taken; never two of these.

use super::first::{First, Held, Key};
use super::thread::Native;
use super::{
    Failure, Generation, Message, OUTSTANDING_KB_MAX, OUTSTANDING_MAX, Report, Stale, Ticket,
};
use rdkafka::error::RDKafkaErrorCode as Code;
use rdkafka::message::OwnedHeaders;
use rdkafka::producer::BaseRecord;
use std::collections::{BTreeMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{Notify, Semaphore, SemaphorePermit};

#[derive(Debug)]
pub(crate) struct Shared {
    state: Mutex<State>,
    /// Permits go back when a report is taken.
    messages: Semaphore,
    kilobytes: Semaphore,
    /// The thread says that there are reports, or that it ends.
    news: Notify,
    /// The thread says that nothing is outstanding.
    idle: Notify,
}

#[derive(Default)]
struct State {
    /// None while there is no client that works.
    native: Option<Arc<Native>>,
    generation: u64,
    last: u64,
    outstanding: BTreeMap<u64, Outstanding>,
    closed: HashSet<Arc<str>>,
    first: First,
    ready: Vec<Report>,
    /// What the ready reports give back.
    freed_messages: usize,
    freed_kilobytes: usize,
    ended: bool,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State")
            .field("generation", &self.generation)
            .field("outstanding", &self.outstanding.len())
            .finish_non_exhaustive()
    }
}

struct Outstanding {
    topic: Arc<str>,
    key: Option<Key>,
    kilobytes: usize,
}

/// Room for one message, given back unless it was used.
pub(super) struct Room<'a> {
    message: SemaphorePermit<'a>,
    kilobytes: SemaphorePermit<'a>,
}

impl Room<'_> {
    pub fn forget(self) {
        self.message.forget();
        self.kilobytes.forget();
    }
}

pub(super) enum Accepted {
    Yes(Ticket),
    Full,
}

impl Default for Shared {
    fn default() -> Self {
        Self {
            state: Mutex::default(),
            messages: Semaphore::new(OUTSTANDING_MAX),
            kilobytes: Semaphore::new(OUTSTANDING_KB_MAX),
            news: Notify::new(),
            idle: Notify::new(),
        }
    }
}

impl Shared {
    pub async fn room(&self, kilobytes: usize) -> Room<'_> {
        let kilobytes = u32::try_from(kilobytes).unwrap_or(u32::MAX);
        let message = self.messages.acquire().await;
        let kilobytes = self.kilobytes.acquire_many(kilobytes).await;
        let never = "nobody closes these semaphores";
        Room { message: message.expect(never), kilobytes: kilobytes.expect(never) }
    }

    pub fn send(
        &self,
        generation: Generation,
        message: &Message<'_>,
        kilobytes: usize,
    ) -> Result<Accepted, Stale> {
        let mut state = self.locked();
        if generation.0 != state.generation {
            return Err(Stale);
        }
        let native = Arc::clone(state.native.as_ref().ok_or(Stale)?);
        let ticket = state.last + 1;
        let topic: Arc<str> = message.topic.into();
        let key = state.first.key(message);
        let refused = if state.closed.contains(&topic) {
            Some(Failure::Closed)
        } else if state.first.hold(key, ticket, message) {
            None
        } else {
            // Order: under the lock, so that tickets grow as messages are handed over, and a
            // report finds its ticket outstanding.
            match hand_over(&native, message, ticket) {
                Ok(()) => {
                    state.first.went(key);
                    None
                }
                Err(Code::QueueFull) => return Ok(Accepted::Full),
                Err(Code::Fatal) => return Err(Stale),
                Err(code) => Some(failure(code)),
            }
        };
        state.last = ticket;
        // One that was not handed over is nobody's first.
        let key = key.filter(|_| refused.is_none());
        state.outstanding.insert(ticket, Outstanding { topic, key, kilobytes });
        if let Some(failure) = refused {
            self.fail(&mut state, ticket, failure);
        }
        Ok(Accepted::Yes(Ticket(ticket)))
    }

    pub fn delivered(&self, ticket: u64, partition: i32, offset: i64) {
        let mut state = self.locked();
        let key = state.outstanding.get(&ticket).and_then(|it| it.key);
        self.decide(&mut state, ticket, |_| Report::Delivered {
            ticket: Ticket(ticket),
            partition,
            offset,
        });
        let waiting = state.first.arrived(key);
        self.follow(&mut state, waiting);
    }

    /// A message that did not arrive, unless that is not known.
    pub fn failed(&self, ticket: u64, code: Code) {
        let mut state = self.locked();
        // What went down with its client is undecided.
        let broke = [Code::Fatal, Code::PurgeQueue, Code::PurgeInflight, Code::GaplessGuarantee];
        if broke.contains(&code) {
            return;
        }
        let key = state.outstanding.get(&ticket).and_then(|it| it.key);
        self.fail(&mut state, ticket, failure(code));
        let waiting = state.first.failed(key);
        self.step_up(&mut state, key, waiting);
    }

    /// Hands over what waited for its key's first message, which has arrived.
    fn follow(&self, state: &mut State, waiting: VecDeque<Held>) {
        for held in waiting {
            // What cannot go is outstanding, and becomes undecided with its generation.
            let _ = self.release(state, &held);
        }
    }

    /// Lets the next of those that wait be its key's first message.
    fn step_up(&self, state: &mut State, key: Option<Key>, mut waiting: VecDeque<Held>) {
        while let Some(held) = waiting.pop_front() {
            if self.release(state, &held) {
                state.first.wait(key, waiting);
                return;
            }
        }
    }

    /// Hands over one that waited; false where it did not go.
    fn release(&self, state: &mut State, held: &Held) -> bool {
        let failed = if state.closed.contains(&held.topic) {
            Failure::Closed
        } else {
            // The generation is ending.
            let Some(native) = state.native.clone() else { return false };
            match held.with(|message| hand_over(&native, message, held.ticket)) {
                Ok(()) => return true,
                Err(Code::Fatal) => return false,
                Err(code) => failure(code),
            }
        };
        self.fail(state, held.ticket, failed);
        false
    }

    fn fail(&self, state: &mut State, ticket: u64, failure: Failure) {
        if failure.closes()
            && let Some(outstanding) = state.outstanding.get(&ticket)
        {
            let topic = Arc::clone(&outstanding.topic);
            state.closed.insert(topic);
        }
        self.decide(state, ticket, |topic| Report::Failed {
            ticket: Ticket(ticket),
            topic,
            failure,
        });
    }

    /// Makes a report ready; none for a ticket whose generation has ended.
    fn decide(&self, state: &mut State, ticket: u64, report: impl FnOnce(Arc<str>) -> Report) {
        let Some(outstanding) = state.outstanding.remove(&ticket) else { return };
        state.freed_messages += 1;
        state.freed_kilobytes += outstanding.kilobytes;
        state.ready.push(report(outstanding.topic));
        self.news.notify_one();
        if state.outstanding.is_empty() {
            self.idle.notify_waiters();
        }
    }

    pub fn reopen(&self, topic: &str) {
        self.locked().closed.remove(topic);
    }

    pub fn generation(&self) -> Generation {
        Generation(self.locked().generation)
    }

    pub fn outstanding(&self) -> usize {
        self.locked().outstanding.len()
    }

    /// Lets callers send by this client.
    pub fn begin(&self, native: Arc<Native>) {
        self.locked().native = Some(native);
    }

    /// Lets nobody send by the client any more, and gives it back.
    pub fn close(&self) -> Option<Arc<Native>> {
        let mut state = self.locked();
        state.generation += 1;
        state.native.take()
    }

    /// Begins with a new client: what is outstanding becomes undecided.
    pub fn restart(&self, native: Arc<Native>, reason: String) {
        let mut state = self.locked();
        let outstanding = std::mem::take(&mut state.outstanding);
        // No partition knows the new client, and what waited is undecided too.
        state.first = First::default();
        state.freed_messages += outstanding.len();
        state.freed_kilobytes += outstanding.values().map(|it| it.kilobytes).sum::<usize>();
        let undecided = outstanding.into_keys().map(Ticket).collect();
        let generation = Generation(state.generation);
        state.ready.push(Report::Restarted { generation, undecided, reason });
        state.native = Some(native);
        self.news.notify_one();
        self.idle.notify_waiters();
    }

    /// Nothing comes any more.
    pub fn end(&self) {
        self.locked().ended = true;
        self.news.notify_one();
    }

    pub async fn take(&self) -> Option<Vec<Report>> {
        loop {
            {
                let mut state = self.locked();
                if !state.ready.is_empty() {
                    let messages = std::mem::take(&mut state.freed_messages);
                    self.messages.add_permits(messages);
                    self.kilobytes.add_permits(std::mem::take(&mut state.freed_kilobytes));
                    return Some(std::mem::take(&mut state.ready));
                }
                if state.ended {
                    return None;
                }
            }
            // One waits, and a notification without a waiter is kept for it.
            self.news.notified().await;
        }
    }

    pub async fn idle(&self) {
        loop {
            // Order: listening begins before the look, so that nothing is missed between.
            let idle = self.idle.notified();
            if self.outstanding() == 0 {
                return;
            }
            idle.await;
        }
    }

    fn locked(&self) -> MutexGuard<'_, State> {
        // Every change is complete before anything that may panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn hand_over(native: &Native, message: &Message<'_>, ticket: u64) -> Result<(), Code> {
    native.send(record(message, ticket)).map_err(|(error, _)| {
        // What has no code is a name with a zero byte.
        error.rdkafka_error_code().unwrap_or(Code::InvalidTopic)
    })
}

fn record<'a>(message: &Message<'a>, ticket: u64) -> BaseRecord<'a, [u8], [u8], usize> {
    // The library carries a pointer's bits, which have room for all tickets of a process.
    let opaque = usize::try_from(ticket).unwrap_or(usize::MAX);
    let mut record = BaseRecord::with_opaque_to(message.topic, opaque);
    record.key = message.key;
    record.payload = message.value;
    if !message.headers.is_empty() {
        let mut headers = OwnedHeaders::new_with_capacity(message.headers.len());
        for (key, value) in message.headers {
            headers = headers.insert(rdkafka::message::Header { key, value: *value });
        }
        record.headers = Some(headers);
    }
    record
}

fn failure(code: Code) -> Failure {
    use crate::error::{Kind, kind};
    match code {
        Code::MessageSizeTooLarge => return Failure::TooLarge,
        Code::InvalidRecord | Code::InvalidMessage | Code::InvalidTimestamp => {
            return Failure::Rejected(code.to_string());
        }
        _ => {}
    }
    match kind(code) {
        Kind::Unauthorised => Failure::Unauthorised(code.to_string()),
        Kind::UnknownTopic => Failure::UnknownTopic,
        Kind::Rejected => Failure::Rejected(code.to_string()),
        _ => Failure::Retry(code.to_string()),
    }
}
