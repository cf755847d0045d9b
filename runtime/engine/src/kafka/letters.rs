//! Dead letters of topics, retried or let go by a person.
//!
//! Promises: a letter is closed by the batch that holds what came of it, and once, however many people
//! retry it. Must not: decide which letters there are.

use super::decode::{From, Reader, record_of};
use super::port::{Partition, Sent, Start};
use super::{Bus, outlet};
use crate::error::{Error, Result};
use crate::handle::{Decided, Handle};
use crate::limits;
use sagaflow_core::id::{RunId, ShardId, shard_of, slot_of};
use sagaflow_core::journal::Position;
use sagaflow_core::key::{fingerprint, hex};
use sagaflow_core::port::{EventRow, ItemRow};
use sagaflow_core::shard::{Actor, Arrived, BatchItem, Gathering, Input, LetterAct, Outgoing};
use sagaflow_core::time::Time;
use serde_json::Value;
use std::sync::Arc;

/// Which letters are about topics.
const RECORD: &str = "record";
const EVENT_OUT: &str = "event_out";
const TOPIC: &str = "topic";

/// What a person wants of a letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Try again what it is about.
    Retry,
    /// Let it go.
    LetGo,
}

/// Whether a dead letter is about a topic, and so no run remembers it.
#[must_use]
pub fn is_of_topic(letter: &ItemRow) -> bool {
    [RECORD, EVENT_OUT, TOPIC].contains(&text(letter, "kind"))
}

impl Handle {
    /// A person retries a dead letter of a topic, or lets it go. A record is read again and taken in, or
    /// starts a batch of its own, an event is sent again, a partition is read on: from where it stands, or where that is not there any
    /// more from the nearest place that is.
    ///
    /// # Errors
    /// [`Error::Refused`] where it is no better now, [`Error::TooLate`] where somebody was faster.
    pub async fn topic_letter(
        &self,
        letter: &ItemRow,
        wanted: Wanted,
        (actor, reason): (Actor, String),
    ) -> Result<Decided> {
        if !letter.open {
            return Err(Error::TooLate);
        }
        let act = match wanted {
            Wanted::LetGo => LetterAct::LetGo,
            Wanted::Retry => {
                let bus = self.shared.bus.as_ref();
                let bus = bus.ok_or_else(|| refused("this node has no brokers"))?;
                match text(letter, "kind") {
                    RECORD => read_again(bus, letter)?,
                    EVENT_OUT => send_again(bus, letter).await?,
                    _ => read_on(bus, letter).await?,
                }
            }
        };
        let (item, shard) = (letter.id.clone(), self.home_of_letter(letter));
        let act = Box::new(act);
        let input = move |token| Input::Letter { item, act, actor, reason, token: Some(token) };
        let decided = self.decide(shard, input, "dead letter").await?;
        if let Some(bus) = &self.shared.bus {
            bus.again.notify_waiters();
        }
        Ok(decided)
    }

    /// The shard that decides about it: the partition's, or the run's.
    fn home_of_letter(&self, letter: &ItemRow) -> ShardId {
        let run = text(letter, "run").parse::<RunId>();
        match (text(letter, "kind"), run) {
            (EVENT_OUT, _) => self.shard_for(letter),
            // A run that rejects lives where its batch was read, where it was.
            (_, Ok(run)) => self.shard_of(run),
            _ => {
                let partition = number(letter, "partition").to_string();
                let slot = slot_of("", text(letter, "topic"), &partition);
                shard_of(slot, self.shared.cluster.shards())
            }
        }
    }
}

/// The record of a letter, taken in by whoever read it: as its event, or as a batch of it alone.
fn read_again(bus: &Arc<Bus>, letter: &ItemRow) -> Result<LetterAct> {
    let decoder = &bus.decoder;
    let topic = text(letter, "topic");
    let workflow = Some(text(letter, "workflow")).filter(|workflow| !workflow.is_empty());
    let reader = match workflow {
        None => Reader { topic: topic.to_owned(), batches: None },
        Some(workflow) => decoder
            .batches(workflow)
            .cloned()
            .ok_or_else(|| refused(&format!("no workflow `{workflow}` takes batches here")))?,
    };
    if topic.is_empty() {
        return Err(refused("it was not read from a topic; start the workflow with it instead"));
    }
    let place = From {
        topic,
        topic_id: text(letter, "topic_id"),
        partition: u32::try_from(number(letter, "partition")).unwrap_or(u32::MAX),
    };
    let gather = |item| LetterAct::Gather(alone(&reader, letter, place, item));
    // A letter of an earlier version, or of a record of which only that was kept.
    if let Some(payload) = letter.body.get("payload").filter(|_| !letter.body["value"].is_string())
    {
        let payload = decoder.fit(&reader, payload);
        let payload = payload.map_err(|why| refused(&format!("it cannot be read: {why}")))?;
        let offset = number(letter, "offset");
        return Ok(gather(BatchItem { offset, payload, ..BatchItem::default() }));
    }
    let record = record_of(&letter.body).ok_or_else(|| refused("it does not hold a record"))?;
    match decoder.decode(&reader, place, &record) {
        Some(event @ Arrived::Event { .. }) => Ok(LetterAct::TakeIn(event)),
        Some(Arrived::Item(mut item)) => {
            // One that was rejected was counted before, and comes again because a person says so.
            if letter.body.get("payload").is_some() {
                item.own = None;
            }
            Ok(gather(*item))
        }
        Some(Arrived::Poison { body, .. }) => {
            let why = body.get("message").and_then(Value::as_str).unwrap_or_default();
            Err(refused(&format!("it still cannot be read: {why}")))
        }
        None => Err(refused("it is an event that nobody here takes from this topic; let it go")),
    }
}

/// A batch of one record. Its id is the letter's as much as the record's, so that a letter starts one
/// run, and the record of another letter another one.
fn alone(
    reader: &Reader,
    letter: &ItemRow,
    From { topic, topic_id, partition }: From<'_>,
    item: BatchItem,
) -> Gathering {
    // Another record may once stand at the same place, with a letter of the same id.
    let opened = fingerprint(&serde_json::json!([letter.id, letter.at.0]));
    let again = hex(opened.get(..8).unwrap_or_default());
    Gathering {
        namespace: letter.namespace.clone(),
        workflow: reader.workflow().unwrap_or_default().to_owned(),
        topic: topic.to_owned(),
        topic_id: topic_id.to_owned(),
        partition,
        items: vec![item],
        again: Some(again),
    }
}

/// Crash: it may be in its topic while the letter is open; retried again it has the same id.
async fn send_again(bus: &Arc<Bus>, letter: &ItemRow) -> Result<LetterAct> {
    let payload = letter.body.get("payload").cloned();
    let payload = payload.ok_or_else(|| refused("it does not hold the event"))?;
    let owned = |key: &str| text(letter, key).to_owned();
    let event = EventRow {
        id: owned("id"),
        namespace: letter.namespace.clone(),
        event: owned("event"),
        key: owned("key"),
        number: 0,
        payload,
        at: Time(0),
    };
    let run = letter.run.unwrap_or(RunId(uuid::Uuid::nil()));
    let outgoing = Outgoing { position: 0, run, topic: owned("topic"), event };
    let answer = bus.broker.send(outlet::message(&outgoing)).await;
    match tokio::time::timeout(limits::SENT_AGAIN, answer).await {
        Ok(Ok(Sent::Done)) => Ok(LetterAct::Sent),
        Ok(Ok(Sent::Never(why))) => Err(refused(&format!("the brokers still refuse it: {why}"))),
        Ok(Err(_)) => Err(Error::Stopping),
        Err(_) => Err(refused("the brokers have not taken it yet; retry it when they answer")),
    }
}

/// From where a partition is read on.
async fn read_on(bus: &Arc<Bus>, letter: &ItemRow) -> Result<LetterAct> {
    let number = u32::try_from(number(letter, "partition")).unwrap_or(u32::MAX);
    let partition = Partition { topic: text(letter, "topic").into(), number };
    let away = |fault: super::Fault| refused(&format!("the brokers do not say: {fault}"));
    let topic = bus.broker.topic(&partition.topic).await.map_err(away)?;
    let known = text(letter, "known_id");
    let next = letter.body.get("next").and_then(Value::as_u64);
    let at = |start| bus.broker.first(&partition, start);
    let next = match next.filter(|_| known == topic.id) {
        // Another topic of this name, or one that was never read, begins as any other.
        None => at(bus.start).await.map_err(away)?,
        Some(next) => {
            let first = at(Start::Earliest).await.map_err(away)?;
            let end = at(Start::Latest).await.map_err(away)?;
            next.clamp(first, end.max(first))
        }
    };
    let Partition { topic: name, number } = &partition;
    let workflow = Some(text(letter, "workflow")).filter(|workflow| !workflow.is_empty());
    let position = Position {
        topic: name.to_string(),
        partition: *number,
        topic_id: topic.id,
        next,
        workflow: workflow.map(str::to_owned),
        // The shard counts.
        moved: 0,
    };
    Ok(LetterAct::ReadOn(position))
}

fn refused(why: &str) -> Error {
    Error::Refused(why.to_owned())
}

fn text<'a>(letter: &'a ItemRow, key: &str) -> &'a str {
    letter.body.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn number(letter: &ItemRow, key: &str) -> u64 {
    letter.body.get(key).and_then(Value::as_u64).unwrap_or(u64::MAX)
}
