//! Messages on their way to their topics, until the brokers have them or never will.
//!
//! ```text
//!  send ──► asked (bounded) ──► lane of the topic ──► producer ──► brokers
//!                                 ▲ what was not taken   │ reports
//!                                 └──────────────────────┘
//! ```
//!
//! Promises: messages of one topic are handed over in the order in which they were asked for, and what
//! the brokers did not take, or may not have, is handed over again before anything behind it. A topic
//! that takes nothing keeps no other waiting. Must not: give one up because a broker is away.

use super::fault;
use sagaflow_engine::kafka::{Fault, Message, Sent};
use sagaflow_kafka::{Failure, Generation, Producer, Report, Reports, Settings, Ticket};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot};

/// Bound: messages that were asked for and have no lane yet; whoever sends more waits.
const ASKED: usize = 256;

/// Bound: messages without an end, all topics together: more than all shards of a node have on their way
/// at once, so that a topic that takes nothing does not keep others waiting.
const HELD: usize = 64 * 1_024;

/// Bound: kilobytes of these: what an outage takes of the memory.
const HELD_KB: usize = 64 * 1_024;

/// Bound: how soon a topic that refused a message is tried again, doubling up to [`AGAIN_MAX`].
const AGAIN: Duration = Duration::from_millis(100);
const AGAIN_MAX: Duration = Duration::from_secs(5);

type Ask = (Message, oneshot::Sender<Sent>);

/// Takes messages. Everything that has no end is given up with it.
pub(super) struct Outbox {
    asked: mpsc::Sender<Ask>,
    known: Arc<Mutex<Known>>,
    producer: Producer,
}

/// What is under way, for whoever looks at it.
#[derive(Default)]
struct Known {
    held: usize,
    oldest: Option<Instant>,
    /// Topics that refused a message and have not taken one since, with the reason.
    refusing: BTreeMap<String, String>,
}

impl Outbox {
    /// Starts a producer; the future drives it until it is dropped.
    pub(super) fn start(
        settings: &Settings,
    ) -> Result<(Self, impl Future<Output = ()> + use<>), Fault> {
        let (producer, reports) = Producer::start(settings).map_err(fault)?;
        let (asked, asks) = mpsc::channel(ASKED);
        let known = Arc::new(Mutex::new(Known::default()));
        let post = Post {
            generation: producer.generation(),
            producer: producer.clone(),
            stale: false,
            lanes: BTreeMap::new(),
            flying: HashMap::new(),
            next: 0,
            kilobytes: 0,
            known: Arc::clone(&known),
        };
        Ok((Self { asked, known, producer }, post.run(asks, reports)))
    }

    pub(super) async fn send(&self, message: Message) -> oneshot::Receiver<Sent> {
        let (reply, answer) = oneshot::channel();
        // Where nobody takes it the answer never comes: the process stops.
        let _ = self.asked.send((message, reply)).await;
        answer
    }

    /// How many messages have no end, since when the first, and topics that refuse.
    pub(super) fn known(&self) -> (u64, Option<Duration>, BTreeMap<String, String>) {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let oldest = known.oldest.map(|at| at.elapsed());
        (known.held as u64, oldest, known.refusing.clone())
    }

    /// What the producer said last that was wrong.
    pub(super) fn trouble(&self) -> Option<String> {
        self.producer.health().last
    }
}

/// A message without an end.
struct Held {
    message: Message,
    reply: oneshot::Sender<Sent>,
    since: Instant,
}

impl Held {
    fn kilobytes(&self) -> usize {
        let headers: usize = self.message.headers.iter().map(|(_, text)| text.len()).sum();
        (self.message.value.len() + self.message.key.len() + headers) / 1_024 + 1
    }
}

/// Messages of one topic by their number, which grows in the order of asking.
#[derive(Default)]
struct Lane {
    waiting: BTreeMap<u64, Held>,
    flying: BTreeMap<u64, Held>,
    /// It refused a message: when it is tried again, and how often it was.
    refused: Option<(Instant, u32)>,
}

impl Lane {
    /// Whether its first waiting message may go: what was refused goes again only once everything has
    /// come back that was under way, so that nothing overtakes it.
    fn ready(&self, now: Instant) -> bool {
        !self.waiting.is_empty()
            && self.refused.is_none_or(|(at, _)| self.flying.is_empty() && at <= now)
    }
}

/// The task behind an [`Outbox`].
struct Post {
    producer: Producer,
    generation: Generation,
    /// The generation has ended, and what is left of it has not been reported yet.
    stale: bool,
    lanes: BTreeMap<String, Lane>,
    flying: HashMap<Ticket, (String, u64)>,
    next: u64,
    kilobytes: usize,
    known: Arc<Mutex<Known>>,
}

enum Step {
    Asked(Option<Ask>),
    Reports(Option<Vec<Report>>),
    Handed(Result<Ticket, sagaflow_kafka::Stale>),
    Waited,
}

impl Post {
    async fn run(mut self, mut asked: mpsc::Receiver<Ask>, mut reports: Reports) {
        loop {
            let first = if self.stale { None } else { self.first() };
            let room = self.held() < HELD && self.kilobytes < HELD_KB;
            let step = match &first {
                Some((topic, number)) => {
                    let Some(held) = self.lanes.get(topic).and_then(|it| it.waiting.get(number))
                    else {
                        return;
                    };
                    tokio::select! {
                        biased;
                        // Order: taking reports makes room, so it must go on while one waits for room.
                        some = reports.next() => Step::Reports(some),
                        handed = hand_over(&self.producer, self.generation, &held.message) => {
                            Step::Handed(handed)
                        }
                    }
                }
                None => {
                    let again = self.again();
                    tokio::select! {
                        biased;
                        some = reports.next() => Step::Reports(some),
                        one = asked.recv(), if room => Step::Asked(one),
                        () = until(again) => Step::Waited,
                    }
                }
            };
            match step {
                Step::Asked(Some((message, reply))) => self.ask(message, reply),
                Step::Reports(Some(some)) => some.into_iter().for_each(|it| self.reported(it)),
                Step::Asked(None) | Step::Reports(None) => return,
                Step::Handed(handed) => self.handed(first, handed),
                Step::Waited => {}
            }
            self.tell();
        }
    }

    fn held(&self) -> usize {
        self.lanes.values().map(|lane| lane.waiting.len() + lane.flying.len()).sum()
    }

    fn ask(&mut self, message: Message, reply: oneshot::Sender<Sent>) {
        let held = Held { message, reply, since: Instant::now() };
        self.kilobytes += held.kilobytes();
        let lane = self.lanes.entry(held.message.topic.clone()).or_default();
        lane.waiting.insert(self.next, held);
        self.next += 1;
    }

    /// What is to be handed over next.
    fn first(&mut self) -> Option<(String, u64)> {
        let now = Instant::now();
        let ready = self.lanes.iter_mut().filter(|(_, lane)| lane.ready(now));
        // Order: the one that was asked for first, so that no topic has more than its turn.
        let (topic, lane) = ready.min_by_key(|(_, lane)| lane.waiting.keys().next().copied())?;
        if lane.refused.is_some() {
            self.producer.reopen(topic);
        }
        Some((topic.clone(), *lane.waiting.keys().next()?))
    }

    /// When a topic is tried again.
    fn again(&self) -> Option<Instant> {
        let waiting = self.lanes.values().filter(|lane| !lane.waiting.is_empty());
        waiting.filter(|it| it.flying.is_empty()).filter_map(|it| Some(it.refused?.0)).min()
    }

    /// Crash: what was handed over and not reported is read from the journal again by the next owner.
    fn handed(
        &mut self,
        first: Option<(String, u64)>,
        handed: Result<Ticket, sagaflow_kafka::Stale>,
    ) {
        let Some((topic, number)) = first else { return };
        let Ok(ticket) = handed else {
            self.stale = true;
            return;
        };
        let Some(lane) = self.lanes.get_mut(&topic) else { return };
        if let Some(held) = lane.waiting.remove(&number) {
            lane.flying.insert(number, held);
            self.flying.insert(ticket, (topic, number));
        }
    }

    fn reported(&mut self, report: Report) {
        match report {
            Report::Delivered { ticket, .. } => self.end(ticket, Sent::Done),
            Report::Failed { ticket, failure, .. } => match failure {
                Failure::TooLarge | Failure::Rejected(_) => {
                    self.end(ticket, Sent::Never(failure.to_string()));
                }
                _ => self.back(ticket, Some(&failure)),
            },
            Report::Restarted { generation, undecided, reason } => {
                tracing::warn!(undecided = undecided.len(), reason, "messages are sent again");
                undecided.into_iter().for_each(|ticket| self.back(ticket, None));
                self.generation = generation;
                self.stale = false;
            }
        }
    }

    fn end(&mut self, ticket: Ticket, sent: Sent) {
        let Some((topic, number)) = self.flying.remove(&ticket) else { return };
        let Some(lane) = self.lanes.get_mut(&topic) else { return };
        if sent == Sent::Done {
            // A message that was under way before it refused does not make it take others.
            let before = |(first, _): (&u64, _)| *first < number;
            if !lane.waiting.first_key_value().is_some_and(before) {
                lane.refused = None;
            }
        }
        if let Some(held) = lane.flying.remove(&number) {
            self.kilobytes = self.kilobytes.saturating_sub(held.kilobytes());
            // The shard may have gone.
            let _ = held.reply.send(sent);
        }
    }

    /// Hands a message over again when its turn comes.
    fn back(&mut self, ticket: Ticket, failure: Option<&Failure>) {
        let Some((topic, number)) = self.flying.remove(&ticket) else { return };
        let Some(lane) = self.lanes.get_mut(&topic) else { return };
        if let Some(held) = lane.flying.remove(&number) {
            lane.waiting.insert(number, held);
        }
        let Some(failure) = failure else { return };
        let tries = lane.refused.map_or(0, |(_, tries)| tries);
        if *failure == Failure::Closed {
            // What closed it was reported before.
            lane.refused.get_or_insert((Instant::now() + AGAIN, 1));
            return;
        }
        let wait = AGAIN.saturating_mul(1 << tries.min(10)).min(AGAIN_MAX);
        lane.refused = Some((Instant::now() + wait, tries + 1));
        tracing::warn!(topic, tries, reason = %failure, "a topic takes no event");
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.refusing.insert(topic, failure.to_string());
    }

    /// For whoever looks.
    fn tell(&self) {
        let first = |lane: &Lane| {
            let held = lane.flying.values().next().into_iter().chain(lane.waiting.values().next());
            held.map(|held| held.since).min()
        };
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.held = self.held();
        known.oldest = self.lanes.values().filter_map(first).min();
        known
            .refusing
            .retain(|topic, _| self.lanes.get(topic).is_some_and(|lane| lane.refused.is_some()));
    }
}

async fn hand_over(
    producer: &Producer,
    generation: Generation,
    message: &Message,
) -> Result<Ticket, sagaflow_kafka::Stale> {
    let headers: Vec<(&str, Option<&[u8]>)> =
        message.headers.iter().map(|(name, text)| (*name, Some(text.as_bytes()))).collect();
    let message = sagaflow_kafka::Message {
        topic: &message.topic,
        key: Some(message.key.as_bytes()),
        value: Some(&message.value),
        headers: &headers,
    };
    producer.send(generation, message).await
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}
