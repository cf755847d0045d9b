//! What a shard decided: what is to be committed, and what may leave, and when.

use super::input::{Answer, Ticket, Token};
use super::mirror::MIRRORED;
use crate::codegen::Json;
use crate::id::{RunId, ShardId};
use crate::journal::{self, EventBody, Happened, Record, ShardRecord};
use crate::port::{Batch, EventName, EventRow, ItemRow, JournalRow, KeyRow, RunRow, WaitRow};
use crate::service;
use crate::status::{Cause, Status};
use crate::time::Time;
use std::collections::BTreeMap;
use uuid::Uuid;

/// One call to be made.
#[derive(Clone, Debug, PartialEq)]
pub struct Send {
    /// Comes back with the outcome.
    pub ticket: Ticket,
    /// What the service sees.
    pub call: service::Call,
    /// Arguments by parameter name.
    pub args: Json,
    /// It must not leave later: its key is good until then (A4).
    pub expires: Option<Time>,
}

/// Something that leaves the shard after its commit.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Call a service.
    Call(Box<Send>),
    /// Look a start key up in the store, and come back with [`Input::Found`](super::Input::Found).
    ///
    /// Order: like every effect it leaves after all earlier outputs have committed, so that the
    /// store's answer includes the keys they wrote.
    Find {
        /// Namespace.
        namespace: String,
        /// Qualified workflow.
        workflow: String,
        /// Key.
        key: String,
    },
    /// Look an item up in the store, and come back with
    /// [`Input::FoundItem`](super::Input::FoundItem).
    ///
    /// Order: as with [`Effect::Find`].
    FindItem {
        /// Its id.
        item: String,
    },
    /// Ask the store which shards want to be told of an event, and come back with
    /// [`Input::FoundWaits`](super::Input::FoundWaits).
    ///
    /// Order: it leaves after the event has committed ([`Store::waits`](crate::port::Store::waits)).
    FindWaits(EventName),
    /// Read the events that their home keeps, and come back with
    /// [`Input::FoundEvents`](super::Input::FoundEvents).
    ///
    /// Order: it leaves after the batch by which this shard wants to be told of the next ones.
    FindEvents {
        /// Their home.
        home: ShardId,
        /// Which.
        name: EventName,
        /// Those that came then or later.
        since: Time,
    },
    /// Answer a request.
    Reply {
        /// Whose.
        token: Token,
        /// What.
        answer: Answer,
    },
    /// Something callers of a run may wait for.
    Notice {
        /// The run.
        run: RunId,
        /// What.
        notice: Notice,
    },
    /// A record was written: for feeds.
    History {
        /// The run.
        run: RunId,
        /// Number of the record.
        number: u64,
        /// What happened.
        happened: Vec<Happened>,
    },
    /// An event went out with a record, and is for a topic.
    Publish(Box<Outgoing>),
}

/// An event on its way to its topic.
#[derive(Clone, Debug, PartialEq)]
pub struct Outgoing {
    /// Position of the record that it went out with.
    pub position: u64,
    /// The run that emitted it; the nil id where it tells of runs or dead letters.
    pub run: RunId,
    /// Its topic.
    pub topic: String,
    /// It; its id is the same however often it is sent.
    pub event: EventRow,
}

impl Outgoing {
    /// An event of a record at a position; none where it is for no topic.
    pub(super) fn of(position: u64, run: RunId, event: &EventBody) -> Option<Self> {
        let topic = event.topic.clone()?;
        Some(Self { position, run, topic, event: event.clone().into() })
    }

    /// All events for topics that a row of the journal holds, in order; of one that cannot be read
    /// nothing is known, and its run has a dead letter.
    #[must_use]
    pub fn read(row: &JournalRow) -> Vec<Self> {
        let emitted = match row.run {
            Some(_) => journal::decode::<Record>(&row.body).map(|record| record.emitted),
            None => journal::decode::<ShardRecord>(&row.body).map(|record| match record {
                ShardRecord::Mirrored(events) => events,
                _ => Vec::new(),
            }),
        };
        let run = row.run.unwrap_or(RunId(Uuid::nil()));
        let emitted = emitted.unwrap_or_default();
        emitted.iter().filter_map(|event| Self::of(row.seq, run, event)).collect()
    }

    /// Whether it is no event of the program, but tells of a run or a dead letter.
    #[must_use]
    pub fn is_mirrored(&self) -> bool {
        self.event.event.starts_with(MIRRORED)
    }
}

/// What callers of a run may wait for.
#[derive(Clone, Debug, PartialEq)]
pub enum Notice {
    /// `reply`, or the result when the run returned without one.
    Reply(Json),
    /// Unwinding has started: the failure is decided.
    Undoing(Cause),
    /// It is over.
    Ended {
        /// Completed, failed or cancelled.
        status: Status,
        /// The result.
        result: Option<Json>,
        /// Why not.
        cause: Option<Cause>,
    },
}

/// What one or several applications of [`Shard::apply`](super::Shard::apply) decided.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Output {
    /// The batch to commit. Nothing of `effects` may leave before it has.
    pub batch: Batch,
    /// Reads that need no commit: they leave at once.
    pub reads: Vec<Send>,
    /// What leaves after the commit, in this order.
    pub effects: Vec<Effect>,
    /// Whether `batch.prev` was set.
    started: bool,
    /// Where a run stands in `batch.runs`.
    places: BTreeMap<RunId, usize>,
    /// Where an item stands in `batch.items`.
    items: BTreeMap<String, usize>,
    /// Where a name stands in `batch.waits`.
    waits: BTreeMap<EventName, usize>,
}

impl Output {
    /// An output that follows position `prev`.
    #[must_use]
    pub fn after(prev: u64) -> Self {
        Self { batch: Batch { prev, ..Batch::default() }, started: true, ..Self::default() }
    }

    /// Whether there is nothing to commit.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        let Batch { prev: _, rows, keys, runs, items, events, waits, sent, .. } = &self.batch;
        let Batch { taken, checkpoint, emitted, indexed, .. } = &self.batch;
        rows.is_empty()
            && keys.is_empty()
            && runs.is_empty()
            && indexed.is_empty()
            && items.is_empty()
            && events.is_empty()
            && waits.is_empty()
            && sent.is_empty()
            && taken.is_empty()
            && checkpoint.is_none()
            && emitted.is_none()
    }

    /// Appends a later output of the same shard.
    pub fn merge(&mut self, later: Self) {
        if !self.started {
            *self = later;
            return;
        }
        let Batch { prev: _, rows, keys, runs, items, events, waits, sent, .. } = later.batch;
        let Batch { taken, checkpoint, emitted, indexed, .. } = later.batch;
        self.batch.rows.extend(rows);
        self.batch.keys.extend(keys);
        for run in runs {
            self.put_run(run);
        }
        self.batch.indexed.extend(indexed);
        for item in items {
            self.put_item(item);
        }
        self.batch.events.extend(events);
        for wait in waits {
            self.put_wait(wait);
        }
        self.batch.sent.extend(sent);
        self.batch.taken.extend(taken);
        self.batch.checkpoint = checkpoint.or(self.batch.checkpoint);
        self.batch.emitted = emitted.max(self.batch.emitted);
        self.reads.extend(later.reads);
        self.effects.extend(later.effects);
    }

    /// Adds a journal row.
    pub fn put_row(&mut self, row: JournalRow) {
        self.batch.rows.push(row);
    }

    /// Adds a start key.
    pub fn put_key(&mut self, key: KeyRow) {
        self.batch.keys.push(key);
    }

    /// Adds or replaces a run's row: a batch names each run once.
    pub fn put_run(&mut self, run: RunRow) {
        let place = *self.places.entry(run.run).or_insert(self.batch.runs.len());
        match self.batch.runs.get_mut(place) {
            Some(row) => *row = run,
            None => self.batch.runs.push(run),
        }
    }

    /// Adds or replaces an item: a batch names each id once.
    pub fn put_item(&mut self, item: ItemRow) {
        let place = self.items.get(&item.id).copied();
        match place.and_then(|place| self.batch.items.get_mut(place)) {
            Some(row) => *row = item,
            None => {
                self.items.insert(item.id.clone(), self.batch.items.len());
                self.batch.items.push(item);
            }
        }
    }

    /// Adds or replaces what the shard wants to be told of: a batch says it once for each name.
    pub fn put_wait(&mut self, wait: WaitRow) {
        let place = self.waits.get(&wait.name).copied();
        match place.and_then(|place| self.batch.waits.get_mut(place)) {
            Some(row) => *row = wait,
            None => {
                self.waits.insert(wait.name.clone(), self.batch.waits.len());
                self.batch.waits.push(wait);
            }
        }
    }

    /// Sabotage: calls leave at once.
    #[cfg(feature = "sabotage")]
    pub(super) fn speak_first(&mut self) {
        for effect in std::mem::take(&mut self.effects) {
            match effect {
                Effect::Call(send) => self.reads.push(*send),
                effect => self.effects.push(effect),
            }
        }
    }

    /// Answers a request after the commit.
    pub fn reply(&mut self, token: Option<Token>, answer: Answer) {
        if let Some(token) = token {
            self.effects.push(Effect::Reply { token, answer });
        }
    }
}
