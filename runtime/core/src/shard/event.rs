//! Events at their home: stored, numbered, correlated with waits and interrupts, and offered to
//! triggers (C6, verdicts 69 and 74).
//!
//! The number of the last event a place has taken is in its run; the home keeps no notion of taken.
//! An event is kept as long as an unfinished run could still want it, its id longer.

use super::Shard;
use super::input::{Answer, Token};
use super::output::{Effect, Output};
use super::remote::Remote;
use crate::codegen::Json;
use crate::id::{Place, RunId, ShardId};
use crate::journal::{self, EventBody, Mail, ShardRecord};
use crate::limits::{DELIVERIES, EVENT_DEDUPE_MS};
use crate::port::{EventName, EventRow, JournalRow};
use crate::time::Time;
use std::collections::{BTreeMap, VecDeque};

/// A stored event.
pub(super) type Stored = EventBody;

/// Behind what an event has to come.
#[derive(Clone, Copy)]
pub(super) struct After {
    /// Its number, where its home is here.
    pub(super) number: u64,
    /// When it came, where its home is another shard: numbers of two homes say nothing about each
    /// other.
    pub(super) at: Time,
}

/// The home objects of this shard.
#[derive(Default)]
pub(super) struct Events {
    place: Place,
    last: u64,
    homes: BTreeMap<EventName, Vec<Stored>>,
    seen: BTreeMap<(String, String), Time>,
    /// In the order of their ids; mostly one. Those that an event wakes leave from the front, one after
    /// the other.
    subscribers: BTreeMap<EventName, VecDeque<RunId>>,
    /// Taken in, and still to be offered to waits and triggers, with the position of its record.
    backlog: VecDeque<(u64, Stored)>,
    /// What has still to be done for an event, by namespace and id: how much, and the position of its
    /// record.
    pending: BTreeMap<(String, String), (usize, u64)>,
    /// Events for the waits of other shards.
    abroad: BTreeMap<EventName, Abroad>,
    /// Events of other homes.
    remote: Remote,
}

/// Events of one name on their way to other shards.
///
/// Order: one question at a time, so that they leave in the order of their numbers.
#[derive(Default)]
struct Abroad {
    queue: VecDeque<Stored>,
    /// How many of them the store was asked about.
    asked: usize,
}

/// What names an event's kind and key.
pub(super) fn name_of(event: &Stored) -> EventName {
    EventName {
        namespace: event.namespace.clone(),
        event: event.event.clone(),
        key: event.key.clone(),
    }
}

/// An event as it comes from outside.
pub(super) fn incoming(
    id: String,
    namespace: String,
    event: String,
    key: String,
    payload: Json,
    at: Time,
) -> EventBody {
    EventBody { id, namespace, event, key, number: 0, at, payload, topic: None, offered: false }
}

impl Events {
    /// Number of the last event.
    pub(super) fn last(&self) -> u64 {
        self.last
    }

    /// At least this many events have been numbered.
    pub(super) fn at_least(&mut self, number: u64) {
        self.last = self.last.max(number);
    }

    /// Events of one name behind that, and above the number of the last one taken, in order, for a run
    /// that was admitted then.
    pub(super) fn after<'a>(
        &'a self,
        name: &EventName,
        (admitted, after): (Time, After),
        taken: u64,
    ) -> impl Iterator<Item = &'a Stored> {
        let number = after.number.max(taken);
        let here = self.homes.get(name).map(Vec::as_slice).unwrap_or_default();
        let here = here.iter().filter(move |event| event.number > number);
        // Order: clocks of two shards differ; an event too many is what a run can be written for, one
        // that never comes is not.
        let skew = -self.place.skew_ms;
        let since = (admitted.plus(skew), after.at.plus(skew));
        here.chain(self.remote.after(name, since, taken).into_iter().flatten())
    }

    /// Whether the events of one name that a run may want are still being read at their home.
    pub(super) fn loading(&self, name: &EventName, admitted: Time) -> bool {
        self.remote.loading(name, admitted.plus(-self.place.skew_ms))
    }

    /// A run waits for these from now on: those of other homes are asked for.
    pub(super) fn subscribe(
        &mut self,
        to: Vec<EventName>,
        (run, since): (RunId, Time),
        out: &mut Output,
    ) {
        for name in to {
            let home = self.place.elsewhere(&name.namespace, &name.event, &name.key);
            if let Some(home) = home {
                self.remote.want(home, name.clone(), since.plus(-self.place.skew_ms), out);
            }
            let runs = self.subscribers.entry(name).or_insert_with(|| VecDeque::with_capacity(1));
            if let Err(at) = runs.binary_search(&run) {
                runs.insert(at, run);
            }
        }
    }

    pub(super) fn unsubscribe(&mut self, from: Vec<EventName>, run: RunId) {
        for name in from {
            if let Some(runs) = self.subscribers.get_mut(&name) {
                if let Ok(at) = runs.binary_search(&run) {
                    runs.remove(at);
                }
                if runs.is_empty() {
                    self.subscribers.remove(&name);
                }
            }
        }
    }

    /// Where it stands, and what the store says that it is told of.
    pub(super) fn place(&mut self, place: Place, told: Vec<EventName>) {
        self.place = place;
        told.into_iter().for_each(|name| self.remote.told(name));
    }

    /// Has the homes tell no more of what nobody here waits for.
    pub(super) fn tidy(&mut self, out: &mut Output) {
        let wanted = self.subscribers.keys().cloned().collect();
        self.remote.tidy(&wanted, out);
    }

    /// What the store still has of an event.
    ///
    /// Order: one without a number was counted in a batch; nobody waits for it, and it is known as long
    /// as it may be sent again.
    pub(super) fn recall(&mut self, now: Time, event: Stored) {
        if event.number > 0 {
            self.keep(event);
        } else if now.since(event.at) < EVENT_DEDUPE_MS {
            self.remember(event.namespace, event.id, event.at);
        }
    }

    /// Keeps an event, as it was recorded.
    pub(super) fn keep(&mut self, event: Stored) {
        self.at_least(event.number);
        self.seen.insert((event.namespace.clone(), event.id.clone()), event.at);
        let stored = self.homes.entry(name_of(&event)).or_default();
        if !stored.iter().any(|kept| kept.number == event.number) {
            stored.push(event);
            stored.sort_by_key(|event| event.number);
        }
    }

    pub(super) fn knows(&self, namespace: &str, id: &str) -> bool {
        self.seen.contains_key(&(namespace.to_owned(), id.to_owned()))
    }

    /// An event that is not kept here was taken in.
    pub(super) fn remember(&mut self, namespace: String, id: String, at: Time) {
        self.seen.insert((namespace, id), at);
    }

    /// When deliveries that were put off go on.
    pub(super) fn backlog_due(&self) -> Option<Time> {
        self.backlog.front().map(|(_, event)| event.at)
    }

    /// The last position a checkpoint may have: records of events whose triggers are not all done
    /// must still be read by recovery.
    pub(super) fn checkpoint_max(&self, position: u64) -> u64 {
        let pending = self.pending.values().map(|(_, at)| *at);
        let backlog = self.backlog.iter().map(|(at, _)| *at);
        pending.chain(backlog).map(|at| at.saturating_sub(1)).fold(position, u64::min)
    }

    /// Forgets what nobody can want any more.
    pub(super) fn prune(&mut self, now: Time, oldest: &BTreeMap<String, (u64, Time)>) {
        for (name, stored) in &mut self.homes {
            let oldest = oldest.get(&name.namespace).map_or(u64::MAX, |(number, _)| *number);
            stored.retain(|event| event.number > oldest);
        }
        self.remote.prune(oldest, self.place.skew_ms);
        self.homes.retain(|_, stored| !stored.is_empty());
        self.seen.retain(|_, at| now.since(*at) < EVENT_DEDUPE_MS);
    }

    /// So much more has to be done for an event before it is behind the shard.
    pub(super) fn pend(&mut self, event: &Stored, more: usize, position: u64) {
        let id = (event.namespace.clone(), event.id.clone());
        self.pending.entry(id).or_insert((0, position)).0 += more;
    }

    /// One thing that had to be done for an event is done; true for the last one.
    pub(super) fn done(&mut self, namespace: &str, id: &str) -> bool {
        let id = (namespace.to_owned(), id.to_owned());
        let Some((left, _)) = self.pending.get_mut(&id) else { return false };
        *left -= 1;
        let last = *left == 0;
        if last {
            self.pending.remove(&id);
        }
        last
    }

    /// Offers an event to triggers again after a recovery.
    pub(super) fn offer_again(&mut self, position: u64, event: Stored) {
        self.backlog.push_back((position, event));
    }
}

impl Shard {
    /// Takes in an event from outside: at most once per id.
    pub(super) fn accept_event(
        &mut self,
        now: Time,
        mut event: EventBody,
        token: Option<Token>,
        out: &mut Output,
    ) {
        let home = self.place.elsewhere(&event.namespace, &event.event, &event.key);
        if let Some(home) = home {
            // Crash: the message is in this batch, before whoever sent the event is answered.
            self.post(home, &Mail::Event(event), out);
            return out.reply(token, Answer::Done);
        }
        if self.events.knows(&event.namespace, &event.id) {
            return out.reply(token, Answer::Duplicate);
        }
        event.number = self.events.last + 1;
        event.at = now;
        // Crash: the event is in this record; recovery offers it to waits and triggers again.
        self.shard_record(now, &ShardRecord::Event(event.clone()), out);
        out.batch.events.push(event.clone().into());
        self.enlist(event);
        out.reply(token, Answer::Done);
    }

    /// Takes in an event that a run's record has emitted and numbered.
    pub(super) fn enlist(&mut self, event: EventBody) {
        self.events.keep(event.clone());
        self.events.backlog.push_back((self.seq, event));
    }

    /// Offers what has come in to waits, interrupts and triggers, in order.
    pub(super) fn deliver(&mut self, now: Time, out: &mut Output) {
        for _ in 0..DELIVERIES {
            let Some((position, event)) = self.events.backlog.pop_front() else { return };
            let name = name_of(&event);
            self.wake_for(now, &name, out);
            if self.place.of > 1 {
                self.events.pend(&event, 1, position);
                let abroad = self.events.abroad.entry(name.clone()).or_default();
                abroad.queue.push_back(event.clone());
                self.ask_abroad(&name, out);
            }
            if !event.offered {
                self.offer(now, (position, event), out);
            }
        }
    }

    /// Lets runs look that wait here for events of this name.
    pub(super) fn wake_for(&mut self, now: Time, name: &EventName, out: &mut Output) {
        let runs = self.events.subscribers.get(name).cloned().unwrap_or_default();
        for run in runs {
            self.turn(now, run, None, out, |turn| {
                turn.look_for_events();
                Answer::Done
            });
        }
    }

    /// Asks which other shards want what is on its way to them.
    fn ask_abroad(&mut self, name: &EventName, out: &mut Output) {
        let Some(abroad) = self.events.abroad.get_mut(name) else { return };
        if abroad.queue.is_empty() {
            self.events.abroad.remove(name);
        } else if abroad.asked == 0 {
            abroad.asked = abroad.queue.len();
            // Crash: recovery offers the events again.
            out.effects.push(Effect::FindWaits(name.clone()));
        }
    }

    /// The store has said who wants them.
    pub(super) fn found_waits(
        &mut self,
        now: Time,
        name: &EventName,
        shards: &[ShardId],
        out: &mut Output,
    ) {
        let Some(abroad) = self.events.abroad.get_mut(name) else { return };
        let asked = std::mem::take(&mut abroad.asked);
        for event in abroad.queue.drain(..asked).collect::<Vec<_>>() {
            let own = self.place.shard;
            for shard in shards.iter().filter(|shard| **shard != own) {
                self.post(*shard, &Mail::Delivered(event.clone()), out);
            }
            self.triggered(now, event.namespace, event.id, out);
        }
        self.ask_abroad(name, out);
    }

    /// What the home of events keeps of them.
    pub(super) fn found_events(
        &mut self,
        now: Time,
        name: &EventName,
        since: Time,
        rows: Vec<EventRow>,
        out: &mut Output,
    ) {
        let events = rows.into_iter().map(EventBody::from).collect();
        if self.events.remote.found(name, since, events) {
            self.wake_for(now, name, out);
        }
    }

    /// The home of an event tells of it.
    pub(super) fn delivered(&mut self, now: Time, event: EventBody, out: &mut Output) {
        let name = name_of(&event);
        if self.events.remote.deliver(&name, event) {
            self.wake_for(now, &name, out);
        }
    }

    /// Writes a record of the shard itself.
    pub(super) fn shard_record(&mut self, now: Time, record: &ShardRecord, out: &mut Output) {
        self.seq += 1;
        self.bucket = super::start::bucket(now, self.bucket);
        out.put_row(JournalRow {
            seq: self.seq,
            bucket: self.bucket,
            class: 0,
            run: None,
            number: 0,
            body: journal::encode(record).expect("our own values are JSON"),
        });
    }
}
