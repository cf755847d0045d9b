//! Topics: up to where this shard has taken in the partitions that it consumes.
//!
//! Promises: a position is moved by the batch that holds what was read before it, so every record of a
//! partition is taken in once, whatever is read twice. It only moves forward, and never in another
//! topic of the same name.
//!
//! Must not: know what a broker is.

use super::Shard;
use super::event::incoming;
use super::input::{Answer, Arrived, Consumed, Gathering, LetterAct};
use super::output::{Outgoing, Output};
use crate::journal::{Position, ShardRecord};
use crate::port::ItemRow;
#[cfg(feature = "sabotage")]
use crate::sabotage::{self, Sabotage};
use crate::time::Time;
use serde_json::json;
use std::collections::BTreeMap;

/// By topic, partition, and the workflow for whose batches it is read.
pub(super) type Positions = BTreeMap<(String, u32, Option<String>), Position>;

/// A partition that is read no further.
pub(super) struct Halted {
    pub(super) topic: String,
    pub(super) topic_id: String,
    pub(super) partition: u32,
    pub(super) workflow: Option<String>,
}

/// What was read of a partition.
pub(super) struct Polled {
    namespace: String,
    /// The position behind it.
    position: Position,
    records: Vec<Arrived>,
}

impl Shard {
    /// Up to where a partition was taken in; none where nobody has said from where to begin.
    /// `workflow` is whose batches it is read for, where it is.
    #[must_use]
    pub fn consumed(
        &self,
        topic: &str,
        partition: u32,
        workflow: Option<&str>,
    ) -> Option<&Position> {
        self.positions.get(&(topic.to_owned(), partition, workflow.map(str::to_owned)))
    }

    /// Takes in what was read.
    pub(super) fn consume(&mut self, now: Time, read: Consumed, out: &mut Output) {
        let token = read.token;
        let known = self.consumed(&read.topic, read.partition, read.workflow.as_deref()).cloned();
        if let Some(known) = &known
            && known.topic_id != read.topic_id
        {
            let words = format!("topic `{}` was made anew since it was read last", read.topic);
            let Consumed { namespace, topic, topic_id, partition, workflow, .. } = read;
            let place = Halted { topic, topic_id, partition, workflow };
            self.halted(now, namespace, &place, &words, out);
            return out.reply(token, Answer::Refused(words));
        }
        // Order: a batch is taken in only where it begins at the position. One that was asked for
        // before the shard was recovered, or twice, changes nothing.
        let moved = known.as_ref().map_or(0, |known| known.moved);
        if read.from != known.as_ref().map(|known| known.next)
            || known.is_some_and(|known| read.next < known.next)
        {
            return out.reply(token, Answer::TooLate);
        }
        let Consumed { namespace, topic, topic_id, partition, workflow, next, records, .. } = read;
        let position = Position { topic, partition, topic_id, next, workflow, moved };
        // Crash: without this record nothing of the batch was taken in, and it is read again.
        self.shard_record(now, &ShardRecord::Consumed(vec![position.clone()]), out);
        let polled = Polled { namespace, position: position.clone(), records };
        #[cfg(feature = "sabotage")]
        let Some(polled) = self.poll_only(polled) else {
            self.keep_position(position);
            return out.reply(token, Answer::Done);
        };
        self.take_in(now, polled, out);
        self.keep_position(position);
        out.reply(token, Answer::Done);
    }

    /// Takes in what stands before a position, in the batch that moves it.
    fn take_in(&mut self, now: Time, polled: Polled, out: &mut Output) {
        let Polled { namespace, position, records } = polled;
        let mut items = Vec::new();
        for record in records {
            match record {
                Arrived::Event { id, namespace, event, key, payload, placed } => {
                    let body = incoming(id, namespace, event, key, payload, now);
                    match placed {
                        Some(offset) => self.accept_placed(now, body, offset, out),
                        None => self.accept_event(now, body, None, out),
                    }
                }
                Arrived::Item(item) => {
                    if self.is_first(now, position.workflow.as_deref(), &item, out) {
                        items.push(*item);
                    }
                }
                Arrived::Poison { offset, body } => {
                    let id = record_letter(&position, offset);
                    out.put_item(letter(id, (namespace.clone(), now), body));
                }
            }
        }
        if let Some(workflow) = position.workflow {
            let Position { topic, topic_id, partition, moved, .. } = position;
            // Order: behind a position that was moved back, offsets come again that ids were made of.
            let again = (moved > 0).then(|| moved.to_string());
            let batch = Gathering { namespace, workflow, topic, topic_id, partition, items, again };
            self.start_batch(now, batch, out);
        }
    }

    /// Keeps what was polled in memory alone, where that is what is wrong.
    #[cfg(feature = "sabotage")]
    fn poll_only(&mut self, polled: Polled) -> Option<Polled> {
        if !sabotage::is(Sabotage::OffsetAtPoll) {
            return Some(polled);
        }
        self.polled.push(polled);
        None
    }

    /// Takes in what was polled only, which is too late.
    #[cfg(feature = "sabotage")]
    pub(super) fn take_in_late(&mut self, now: Time, out: &mut Output) {
        for polled in std::mem::take(&mut self.polled) {
            self.take_in(now, polled, out);
        }
    }

    /// What a person decided about a dead letter of a topic.
    pub(super) fn act_on_letter(&mut self, now: Time, act: LetterAct, out: &mut Output) {
        match act {
            LetterAct::TakeIn(Arrived::Event { id, namespace, event, key, payload, .. }) => {
                let body = incoming(id, namespace, event, key, payload, now);
                self.accept_event(now, body, None, out);
            }
            LetterAct::ReadOn(mut position) => {
                let Position { topic, partition, workflow, .. } = &position;
                let known = self.consumed(topic, *partition, workflow.as_deref());
                position.moved = known.map_or(0, |known| known.moved.saturating_add(1));
                // Invariant: nobody but a person moves a position back, or into another topic.
                self.shard_record(now, &ShardRecord::Consumed(vec![position.clone()]), out);
                self.keep_position(position);
            }
            LetterAct::Gather(mut batch) => {
                let workflow = batch.workflow.clone();
                // One of ours may have come a second time, and been read, meanwhile.
                batch.items.retain(|item| self.is_first(now, Some(&workflow), item, out));
                self.start_batch(now, batch, out);
            }
            LetterAct::TakeIn(Arrived::Poison { .. } | Arrived::Item(_))
            | LetterAct::Sent
            | LetterAct::LetGo => {}
        }
    }

    /// What was recorded of a position.
    pub(super) fn keep_position(&mut self, position: Position) {
        let Position { topic, partition, workflow, .. } = &position;
        self.positions.insert((topic.clone(), *partition, workflow.clone()), position);
    }

    /// Writes all positions again, for the next recovery reads nothing before the checkpoint; returns
    /// the last position that the checkpoint may have.
    pub(super) fn keep_positions(&mut self, now: Time, out: &mut Output) -> u64 {
        if self.positions.is_empty() {
            return u64::MAX;
        }
        let before = self.seq;
        let all = self.positions.values().cloned().collect();
        self.shard_record(now, &ShardRecord::Consumed(all), out);
        before
    }

    /// A partition is read no further until a person has decided.
    pub(super) fn halted(
        &self,
        now: Time,
        namespace: String,
        place: &Halted,
        why: &str,
        out: &mut Output,
    ) {
        let Halted { topic, topic_id, partition, workflow } = place;
        let known = self.consumed(topic, *partition, workflow.as_deref());
        let id = format!("topic.{topic}.{partition}.{topic_id}");
        out.put_item(letter(
            for_batches(id, workflow.as_deref()),
            (namespace, now),
            json!({
                "kind": "topic", "topic": topic, "partition": partition, "message": why,
                "topic_id": topic_id, "known_id": known.map(|known| &known.topic_id),
                "next": known.map(|known| known.next), "workflow": workflow,
            }),
        ));
    }

    /// The brokers will never take an event: a person is told, and what comes behind it goes on.
    pub(super) fn unsent(&mut self, now: Time, outgoing: &Outgoing, why: &str, out: &mut Output) {
        let Outgoing { position, run, topic, event } = outgoing;
        // Crash: the mark that passes the event is told after this, so whoever reads the event again
        // comes to the same item.
        out.put_item(ItemRow {
            run: Some(*run).filter(|_| !outgoing.is_mirrored()),
            ..letter(
                format!("publish.{}", event.id),
                (event.namespace.clone(), now),
                json!({
                    "kind": "event_out", "event": event.event, "key": event.key, "id": event.id,
                    "payload": event.payload,
                    "topic": topic, "position": position, "message": why,
                }),
            )
        });
    }
}

impl LetterAct {
    /// For the letter, which stays as a record of what came of it.
    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::TakeIn(_) | Self::Gather(_) | Self::Sent | Self::ReadOn(_) => "retried",
            Self::LetGo => "given up",
        }
    }
}

/// The letter of a record that cannot be read. Whoever reads it for batches has one of its own, for
/// what becomes of it is decided for each reader.
fn record_letter(position: &Position, offset: u64) -> String {
    let Position { topic, partition, topic_id, workflow, .. } = position;
    let id = format!("record.{topic}.{partition}.{topic_id}.{offset}");
    for_batches(id, workflow.as_deref())
}

fn for_batches(id: String, workflow: Option<&str>) -> String {
    match workflow {
        Some(workflow) => format!("{id}.{workflow}"),
        None => id,
    }
}

pub(super) fn letter(
    id: String,
    (namespace, at): (String, Time),
    body: serde_json::Value,
) -> ItemRow {
    let kind = super::letter::KIND.to_owned();
    ItemRow { id, kind, namespace, run: None, open: true, at, body }
}
