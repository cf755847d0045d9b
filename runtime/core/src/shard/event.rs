//! Events at their home: stored, numbered, correlated with waits and interrupts, and offered to
//! triggers (C6, verdicts 69 and 74).
//!
//! The number of the last event a place has taken is in its run; the home keeps no notion of taken.
//! An event is kept as long as an unfinished run could still want it, its id longer.

use super::Shard;
use super::input::{Answer, Token};
use super::output::Output;
use super::start::Waiting;
use crate::codegen::{Json, Machine, Values};
use crate::id::RunId;
use crate::journal::{self, EventBody, ShardRecord};
use crate::key::canonical;
use crate::limits::{DELIVERIES, EVENT_DEDUPE_MS};
use crate::port::JournalRow;
use crate::time::Time;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

/// A stored event.
pub(super) type Stored = EventBody;

/// Namespace, event, key.
type Home = (String, String, String);

/// The home objects of this shard.
#[derive(Default)]
pub(super) struct Events {
    last: u64,
    homes: BTreeMap<Home, Vec<Stored>>,
    seen: BTreeMap<(String, String), Time>,
    subscribers: BTreeMap<Home, BTreeSet<RunId>>,
    /// Taken in, and still to be offered to waits and triggers, with the position of its record.
    backlog: VecDeque<(u64, Stored)>,
    /// Triggers still at work, by event: how many, and the position of the event's record.
    pending: BTreeMap<(String, String), (usize, u64)>,
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
    EventBody { id, namespace, event, key, number: 0, at, payload }
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

    /// Events of one name and key with a greater number, in order.
    pub(super) fn after<'a>(
        &'a self,
        namespace: &str,
        (event, key): (&str, &str),
        number: u64,
    ) -> impl Iterator<Item = &'a Stored> {
        let home = (namespace.to_owned(), event.to_owned(), key.to_owned());
        let stored = self.homes.get(&home).map(Vec::as_slice).unwrap_or_default();
        stored.iter().filter(move |event| event.number > number)
    }

    pub(super) fn subscribe(&mut self, namespace: &str, to: &[(String, String)], run: RunId) {
        for (event, key) in to {
            let home = (namespace.to_owned(), event.clone(), key.clone());
            self.subscribers.entry(home).or_default().insert(run);
        }
    }

    pub(super) fn unsubscribe(&mut self, namespace: &str, from: &[(String, String)], run: RunId) {
        for (event, key) in from {
            let home = (namespace.to_owned(), event.clone(), key.clone());
            if let Some(runs) = self.subscribers.get_mut(&home) {
                runs.remove(&run);
                if runs.is_empty() {
                    self.subscribers.remove(&home);
                }
            }
        }
    }

    /// Keeps an event, as it was recorded.
    pub(super) fn keep(&mut self, event: Stored) {
        self.at_least(event.number);
        self.seen.insert((event.namespace.clone(), event.id.clone()), event.at);
        let home = (event.namespace.clone(), event.event.clone(), event.key.clone());
        let stored = self.homes.entry(home).or_default();
        if !stored.iter().any(|kept| kept.number == event.number) {
            stored.push(event);
            stored.sort_by_key(|event| event.number);
        }
    }

    pub(super) fn knows(&self, namespace: &str, id: &str) -> bool {
        self.seen.contains_key(&(namespace.to_owned(), id.to_owned()))
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
    pub(super) fn prune(&mut self, now: Time, oldest: &BTreeMap<String, u64>) {
        for ((namespace, ..), stored) in &mut self.homes {
            let oldest = oldest.get(namespace).copied().unwrap_or(u64::MAX);
            stored.retain(|event| event.number > oldest);
        }
        self.homes.retain(|_, stored| !stored.is_empty());
        self.seen.retain(|_, at| now.since(*at) < EVENT_DEDUPE_MS);
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
        if self.events.knows(&event.namespace, &event.id) {
            return out.reply(token, Answer::Duplicate);
        }
        event.number = self.events.last + 1;
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
            let home = (event.namespace.clone(), event.event.clone(), event.key.clone());
            let runs = self.events.subscribers.get(&home).cloned().unwrap_or_default();
            for run in runs {
                self.turn(now, run, None, out, |turn| {
                    turn.look_for_events();
                    Answer::Done
                });
            }
            self.offer(now, (position, event), out);
        }
    }

    /// Starts what an event triggers.
    fn offer(&mut self, now: Time, (position, event): (u64, EventBody), out: &mut Output) {
        let mut starts = Vec::new();
        for machine in self.machines.newest() {
            for trigger in &machine.spec().triggers {
                if trigger.event != event.event {
                    continue;
                }
                let value = match &trigger.field {
                    Some(field) => event.payload.get(field).cloned().unwrap_or(Json::Null),
                    None => event.payload.clone(),
                };
                starts.push((machine.clone(), trigger.param.clone(), value));
            }
        }
        if starts.is_empty() {
            return;
        }
        let id = (event.namespace.clone(), event.id.clone());
        self.events.pending.insert(id, (starts.len(), position));
        for (machine, param, value) in starts {
            self.trigger(now, &event, machine, (param, value), out);
        }
    }

    fn trigger(
        &mut self,
        now: Time,
        event: &EventBody,
        machine: Arc<dyn Machine>,
        (param, value): (String, Json),
        out: &mut Output,
    ) {
        let spec = machine.spec();
        let ty = spec.params.iter().find(|(name, _)| *name == param).map(|(_, ty)| ty);
        let value = match ty {
            Some(ty) => spec.schema.decode(ty, &value).map_err(|mismatch| mismatch.to_string()),
            None => Err(format!("the workflow has no parameter `{param}`")),
        };
        let key = value.and_then(|value| {
            let input: Values = [(param, value)].into();
            let key = machine.key(&input).map_err(|fault| fault.message)?;
            Ok((input, key.map(|key| canonical(&key))))
        });
        let (namespace, id) = (event.namespace.clone(), event.id.clone());
        match key {
            Ok((input, key)) => {
                // Without a declared key the event's id is the key, so that it starts one run.
                let key = key.or_else(|| Some(canonical(&Json::from(id.clone()))));
                let waiting = Waiting::triggered(machine, input, namespace.clone(), id);
                self.start_with(now, namespace, key, waiting, out);
            }
            Err(message) => {
                self.undeliverable(now, event, &spec.name, &message, out);
                self.triggered(now, namespace, id, out);
            }
        }
    }

    fn undeliverable(
        &mut self,
        now: Time,
        event: &EventBody,
        workflow: &str,
        message: &str,
        out: &mut Output,
    ) {
        out.put_item(crate::port::ItemRow {
            id: format!("event.{}.{workflow}", event.id),
            kind: "dead_letter".to_owned(),
            namespace: event.namespace.clone(),
            run: None,
            open: true,
            at: now,
            body: serde_json::json!({
                "kind": "event", "event": event.event, "key": event.key, "id": event.id,
                "workflow": workflow, "message": message,
            }),
        });
    }

    /// One trigger of an event is done; the last one is recorded.
    pub(super) fn triggered(&mut self, now: Time, namespace: String, id: String, out: &mut Output) {
        let Some((left, _)) = self.events.pending.get_mut(&(namespace.clone(), id.clone())) else {
            return;
        };
        *left -= 1;
        if *left == 0 {
            self.events.pending.remove(&(namespace.clone(), id.clone()));
            // Crash: without this record the event is offered again, and its keys answer.
            self.shard_record(now, &ShardRecord::Triggered { namespace, id }, out);
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
