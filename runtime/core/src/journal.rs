//! What is written to the journal: records of runs and of the shard, and their bytes.
//!
//! A record says what happened, for people, and which parts of the state it leaves, for recovery.
//! The bytes are a codec tag, a checksum and JSON, so that a row is readable in the store's shell. A
//! record that does not decode is an error for its run alone.

mod happened;

pub use happened::Happened;

use crate::codegen::{Json, Values};
use crate::id::RunId;
use crate::port::EventRow;
use crate::rate::Bucket;
use crate::run::{Claim, ClaimClass};
use crate::shard::BreakerAct;
use crate::time::Time;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;

/// The format of records that this program writes.
///
/// In format 1 a fork is written with each of its branches; in format 2 the record of a branch says whose
/// it is. A program that reads only the older one must not fold the newer one: it would begin branches
/// that have begun.
pub const FORMAT: u32 = 2;
/// The oldest format that this program reads.
pub const OLDEST: u32 = 1;

/// First bytes of every body: the codec, and the format.
const TAG: &[u8] = b"J2";
/// Those of format 1.
const OLDER: &[u8] = b"J1";
/// Hex digits of the checksum that follows.
const SUM: usize = 16;

/// A part as it is written.
pub type Body = Box<RawValue>;

/// Why a body was not written or read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Another codec, or a later version of this one.
    #[error("the record is written in a form this program does not know")]
    Tag,
    /// The checksum does not fit.
    #[error("the record is damaged: its checksum does not fit")]
    Sum,
    /// It is JSON, but not what it should be.
    #[error("the record is damaged: {0}")]
    Damaged(String),
}

/// Name of a part of a run's state.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// What never changes.
    Origin,
    /// Mode, flags, cause, result.
    Head,
    /// One fiber.
    Fiber(u64),
    /// One node of the undo tree.
    Node(u64),
    /// Next generation of one path.
    Generation(String),
    /// What became of one effect.
    Effect(u64),
    /// The last event one place has taken.
    Taken(String),
}

impl std::fmt::Display for Part {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Origin => f.write_str("origin"),
            Self::Head => f.write_str("head"),
            Self::Fiber(id) => write!(f, "f{id}"),
            Self::Node(id) => write!(f, "u{id}"),
            Self::Generation(path) => write!(f, "g:{path}"),
            Self::Effect(id) => write!(f, "e{id}"),
            Self::Taken(place) => write!(f, "t:{place}"),
        }
    }
}

impl std::str::FromStr for Part {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let unknown = || format!("`{text}` names no part");
        if let Some(path) = text.strip_prefix("g:") {
            return Ok(Self::Generation(path.to_owned()));
        }
        if let Some(place) = text.strip_prefix("t:") {
            return Ok(Self::Taken(place.to_owned()));
        }
        match text {
            "origin" => return Ok(Self::Origin),
            "head" => return Ok(Self::Head),
            _ => {}
        }
        let number = |digits: &str| digits.parse().map_err(|_| unknown());
        if let Some(digits) = text.strip_prefix('f') {
            return number(digits).map(Self::Fiber);
        }
        if let Some(digits) = text.strip_prefix('e') {
            return number(digits).map(Self::Effect);
        }
        text.strip_prefix('u').ok_or_else(unknown).and_then(number).map(Self::Node)
    }
}

impl Serialize for Part {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Part {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Parts a record leaves.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Parts {
    /// New or changed.
    pub set: BTreeMap<Part, Body>,
    /// Gone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub removed: Vec<Part>,
}

/// One transition of one run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Record {
    /// Its number within the run, from 1.
    pub number: u64,
    /// When.
    pub at: Time,
    /// What happened, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub happened: Vec<Happened>,
    /// Events that went out with it, and that triggers have still to be asked about.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub emitted: Vec<EventBody>,
    /// What it changed.
    pub parts: Parts,
}

/// A run's state as its row keeps it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Snapshot {
    /// Number of the last record in it.
    pub number: u64,
    /// Its last change.
    pub at: Time,
    /// All parts.
    pub parts: Parts,
}

/// A record of the shard itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ShardRecord {
    /// A new owner began.
    Fence {
        /// Its epoch.
        epoch: u64,
        /// When.
        at: Time,
    },
    /// Its owner stopped in good order: whatever is open was left, not torn off.
    HandedOver {
        /// When.
        at: Time,
    },
    /// An event came in from outside.
    Event(EventBody),
    /// An operator opened or closed the breaker of a service. Those that are held open are written
    /// again with every checkpoint.
    Breaker {
        /// Qualified service.
        service: String,
        /// What.
        act: BreakerAct,
        /// Who.
        actor: String,
        /// Why.
        reason: String,
        /// When.
        at: Time,
    },
    /// A breaker has opened, here or in another process.
    BreakerOpened {
        /// Qualified service.
        service: String,
        /// Until when nothing is sent, not even a probe.
        until: Time,
    },
    /// A person has looked at the review of a run that is no longer with the shard.
    Reviewed {
        /// Id of the item.
        item: String,
        /// Who.
        actor: String,
        /// What came of it.
        reason: String,
        /// When.
        at: Time,
    },
    /// Up to where partitions of topics have been taken in. All of them are written again with every
    /// checkpoint.
    Consumed(Vec<Position>),
    /// How much of their `limit` classes of this home have left, behind the starts that they let in.
    /// Those that have not all of it are written again with every checkpoint.
    LetIn(Vec<(ClaimClass, Bucket)>),
    /// What others are told of runs and dead letters, on its way to the topics that were named for it.
    Mirrored(Vec<EventBody>),
    /// All triggers of an event have started what they start.
    Triggered {
        /// Namespace.
        namespace: String,
        /// Id of the event.
        id: String,
    },
}

/// Up to where a partition of a topic has been taken in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// The topic's name.
    pub topic: String,
    /// The partition's number.
    pub partition: u32,
    /// What tells the topic from another one of its name.
    pub topic_id: String,
    /// The first offset that has not been taken in.
    pub next: u64,
    /// For whose batches it is read; none where its events are taken in one by one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workflow: Option<String>,
    /// How often a person has moved it: other records may stand at the same offsets since.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub moved: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde calls")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// A message from one shard to another.
///
/// Invariant: whoever gets one twice does nothing the second time: an event is known by its id or its
/// number at its home, a start by its key, an operator's act by its time, a breaker that has opened is
/// open, a run is in flight in its class or not, one that is granted its turn and has ended says that it
/// has left, who was let in by a `limit` waits there no more,
/// and a place that is kept for a run that is not there is given back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mail {
    /// An event for its home.
    Event(EventBody),
    /// An event from its home, for runs that wait for it.
    Delivered(EventBody),
    /// A trigger starts a workflow whose key has its home here.
    Start {
        /// Namespace.
        namespace: String,
        /// Qualified workflow.
        workflow: String,
        /// Key.
        key: String,
        /// Input by parameter name.
        input: Values,
        /// Id of the event.
        event: String,
        /// When the event came to its home, and its number there.
        #[serde(default)]
        came: (Time, u64),
    },
    /// An operator's act on a service, or that its breaker has opened, as it was recorded.
    Breaker(ShardRecord),
    /// A run claims to start or to be in flight, of the home of its class.
    Ask {
        /// The run.
        run: RunId,
        /// What it claims.
        claim: Claim,
    },
    /// The home of a class lets a run start or be in flight.
    Granted {
        /// The run.
        run: RunId,
        /// The class.
        class: ClaimClass,
    },
    /// A run is in flight no more, does not wait any longer, or was let in and knows it.
    Left {
        /// The run.
        run: RunId,
        /// The class.
        class: ClaimClass,
    },
    /// A run has ended of which nobody can read what it claimed.
    Gone {
        /// The run.
        run: RunId,
    },
    /// A run that is not admitted yet asks for a place in a class.
    Reserve {
        /// The run it will be.
        run: RunId,
        /// What it claims.
        claim: Claim,
    },
    /// A place is kept for it.
    Reserved {
        /// The run it will be.
        run: RunId,
        /// The class.
        class: ClaimClass,
    },
    /// There is no place for it.
    Full {
        /// The run it would have been.
        run: RunId,
        /// The class.
        class: ClaimClass,
        /// One that is in flight.
        by: RunId,
    },
    /// A home begins anew, and asks which runs have claims there; whom it was about to admit itself, as
    /// the shard of a start, it has forgotten.
    Census,
    /// Those of one shard.
    Present {
        /// The epoch of the home that asked.
        epoch: u64,
        /// Runs with what they claim.
        claims: Vec<(RunId, Claim)>,
        /// There are no more.
        last: bool,
    },
}

/// An event, inside a record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EventBody {
    /// Stable id.
    pub id: String,
    /// Namespace.
    pub namespace: String,
    /// Qualified name.
    pub event: String,
    /// Key.
    pub key: String,
    /// Number at its home, from 1; 0 while it is on its way there.
    pub number: u64,
    /// When it came.
    pub at: Time,
    /// Payload.
    pub payload: Json,
    /// The topic that it goes out to, where a run emitted it and its declaration names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
    /// What it triggers was started by the shard that took it in; its home has it for waits alone.
    #[serde(default, skip_serializing_if = "is_false")]
    pub offered: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde calls")]
fn is_false(flag: &bool) -> bool {
    !flag
}

impl From<EventBody> for EventRow {
    fn from(body: EventBody) -> Self {
        let EventBody { id, namespace, event, key, number, at, payload, .. } = body;
        Self { id, namespace, event, key, number, at, payload }
    }
}

impl From<EventRow> for EventBody {
    fn from(row: EventRow) -> Self {
        let EventRow { id, namespace, event, key, number, at, payload } = row;
        Self { id, namespace, event, key, number, at, payload, topic: None, offered: false }
    }
}

/// Bytes of a record, snapshot or shard record.
///
/// # Errors
/// If a value cannot be written as JSON, which no value of ours is.
pub fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::with_capacity(512);
    bytes.extend_from_slice(TAG);
    bytes.extend_from_slice(&[0; SUM]);
    serde_json::to_writer(&mut bytes, value).map_err(damaged)?;
    let (head, json) = bytes.split_at_mut(TAG.len() + SUM);
    head[TAG.len()..].copy_from_slice(&sum(json));
    Ok(bytes)
}

/// Reads what [`encode`] wrote.
///
/// # Errors
/// If tag, checksum or content do not fit.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Error> {
    serde_json::from_slice(content(bytes)?).map_err(damaged)
}

/// Whether tag and checksum fit.
#[must_use]
pub fn is_sound(bytes: &[u8]) -> bool {
    content(bytes).is_ok()
}

fn content(bytes: &[u8]) -> Result<&[u8], Error> {
    let rest = bytes.strip_prefix(TAG).or_else(|| bytes.strip_prefix(OLDER)).ok_or(Error::Tag)?;
    let (expected, json) = rest.split_at_checked(SUM).ok_or(Error::Sum)?;
    if sum(json) != expected {
        return Err(Error::Sum);
    }
    Ok(json)
}

/// One part as it is written.
///
/// # Errors
/// If it cannot be written as JSON.
pub fn body<T: Serialize>(value: &T) -> Result<Body, Error> {
    serde_json::value::to_raw_value(value).map_err(damaged)
}

/// One part, read.
///
/// # Errors
/// If it is not what it should be.
pub fn value<T: DeserializeOwned>(body: &Body) -> Result<T, Error> {
    serde_json::from_str(body.get()).map_err(damaged)
}

/// Reads a JSON value that is there, `null` included: `Option` alone would take `null` for absent.
///
/// # Errors
/// If it is not JSON.
pub fn present<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Json>, D::Error> {
    Json::deserialize(deserializer).map(Some)
}

/// The id of a run's item or event: unique in the store.
#[must_use]
pub fn item_id(run: RunId, number: u64) -> String {
    format!("{run}.{number}")
}

fn sum(json: &[u8]) -> [u8; SUM] {
    let digest = Sha256::digest(json);
    let mut text = [0_u8; SUM];
    for (pair, byte) in text.chunks_exact_mut(2).zip(digest.iter()) {
        for (digit, nibble) in pair.iter_mut().zip([byte >> 4, byte & 15]) {
            *digit = if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 };
        }
    }
    text
}

#[expect(clippy::needless_pass_by_value, reason = "the shape `map_err` wants")]
fn damaged(error: serde_json::Error) -> Error {
    Error::Damaged(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::{Error, Part, ShardRecord, decode, encode};
    use crate::time::Time;

    #[test]
    fn a_record_reads_back_and_any_damage_is_noticed() {
        let record = ShardRecord::Fence { epoch: 7, at: Time(5) };
        let bytes = encode(&record).expect("json");
        assert_eq!(decode::<ShardRecord>(&bytes), Ok(record));
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1;
            let error = decode::<ShardRecord>(&damaged).expect_err("damaged");
            let expected = if at < 2 { Error::Tag } else { Error::Sum };
            assert_eq!(error, expected, "byte {at}");
        }
        assert_eq!(decode::<ShardRecord>(&bytes[..10]), Err(Error::Sum));
    }

    #[test]
    fn names_of_parts_read_back() {
        let path = Part::Generation("files[2]/upload".into());
        let place = Part::Taken("wait#0".into());
        for part in
            [Part::Origin, Part::Head, Part::Fiber(3), Part::Node(4), path, Part::Effect(5), place]
        {
            assert_eq!(part.to_string().parse(), Ok(part));
        }
        assert!("x9".parse::<Part>().is_err());
    }
}
