//! Rows to write, each different from every other, and short words for what the cases do.

use sagaflow_core::id::{RunId, ShardId};
use sagaflow_core::port::{
    Batch, Error, EventName, EventRow, IndexedRow, ItemRow, JournalRow, KeyRow, Lease, MessageRow,
    Result, RunRow, Source, Store, WaitRow,
};
use sagaflow_core::time::Time;

/// The shard that most cases write.
pub(super) const SHARD: ShardId = ShardId(1);

/// The `index`-th run: later ones are newer.
pub(super) fn run(index: u32) -> RunId {
    RunId::new(1_000_000 + i64::from(index), 1, u64::from(index).to_be_bytes())
}

/// A record of run `index` at `seq`, with number `number`.
pub(super) fn record(seq: u64, index: u32, number: u64) -> JournalRow {
    let body = format!("record {number} of run {index} at {seq}").into_bytes();
    JournalRow { seq, bucket: 7, class: 3, run: Some(run(index)), number, body }
}

/// A record of the shard itself.
pub(super) fn own(seq: u64) -> JournalRow {
    JournalRow { seq, bucket: 7, class: 3, run: None, number: 0, body: vec![0, 255, 10] }
}

pub(super) fn key(index: u32) -> KeyRow {
    KeyRow {
        namespace: "default".to_owned(),
        workflow: "shop.Order".to_owned(),
        key: format!("\"A-{index}\""),
        run: run(index),
        fingerprint: [u8::try_from(index % 251).unwrap_or(0); 32],
    }
}

/// A run that has not ended.
pub(super) fn row(index: u32) -> RunRow {
    RunRow {
        run: run(index),
        namespace: "default".to_owned(),
        workflow: "shop.Order".to_owned(),
        version: 2,
        hash: "ab".repeat(32),
        key: Some(format!("\"A-{index}\"")),
        status: "running".to_owned(),
        flags: Vec::new(),
        started_at: Time(1_000_000 + i64::from(index)),
        ended_at: None,
        expires_at: None,
        due_at: Some(Time(-5)),
        upto: 0,
        snapshot: Some(vec![0, 1, 254, 255]),
    }
}

/// By which the `index`-th run is found.
pub(super) fn indexed(index: u32, name: &str, value: &str) -> IndexedRow {
    IndexedRow {
        namespace: "default".to_owned(),
        name: name.to_owned(),
        value: format!("\"{value}\""),
        run: run(index),
    }
}

/// A run that has ended and may go after `expires_at`.
pub(super) fn ended(index: u32, expires_at: i64) -> RunRow {
    let (ended_at, expires_at) = (Some(Time(2_000_000)), Some(Time(expires_at)));
    let status = "completed".to_owned();
    RunRow { ended_at, expires_at, status, due_at: None, snapshot: None, ..row(index) }
}

pub(super) fn item(id: &str, kind: &str, at: i64) -> ItemRow {
    ItemRow {
        id: id.to_owned(),
        kind: kind.to_owned(),
        namespace: "default".to_owned(),
        run: Some(run(0)),
        open: true,
        at: Time(at),
        body: serde_json::json!({ "title": format!("look at {id}"), "n": [1, null] }),
    }
}

pub(super) fn event(id: &str, number: u64, at: i64) -> EventRow {
    EventRow {
        id: id.to_owned(),
        namespace: "default".to_owned(),
        event: "shop.Paid".to_owned(),
        key: "\"A-1\"".to_owned(),
        number,
        at: Time(at),
        payload: serde_json::json!({ "number": number }),
    }
}

/// The events of one key.
pub(super) fn name(key: &str) -> EventName {
    EventName {
        namespace: "default".to_owned(),
        event: "shop.Paid".to_owned(),
        key: key.to_owned(),
    }
}

pub(super) fn wait(key: &str, wanted: bool) -> WaitRow {
    WaitRow { name: name(key), wanted }
}

/// The `index`-th message that `shard` decided at position `seq`, in its first epoch.
pub(super) fn source(shard: u32, seq: u64, index: u32) -> Source {
    Source { shard: ShardId(shard), epoch: 1, seq, index }
}

pub(super) fn message(to: ShardId, from: Source) -> MessageRow {
    MessageRow { to, from, body: format!("to {to:?} from {from:?}").into_bytes() }
}

/// A batch of records alone.
pub(super) fn batch(prev: u64, rows: Vec<JournalRow>) -> Batch {
    Batch { prev, rows, ..Batch::default() }
}

pub(super) async fn acquire(store: &impl Store, shard: ShardId) -> Lease {
    store.acquire(shard).await.expect("a free shard can be acquired")
}

pub(super) async fn commit(store: &impl Store, lease: Lease, batch: Batch) {
    store.commit(lease, batch).await.expect("a sound batch under its lease commits");
}

/// Asserts that the store said: drop this shard's memory.
pub(super) fn assert_fenced<T: std::fmt::Debug>(answer: &Result<T>, why: &str) {
    assert!(matches!(answer, Err(Error::Fenced { .. })), "{why}: {answer:?}");
}
