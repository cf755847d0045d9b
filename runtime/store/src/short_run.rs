//! What a short run writes, for the tests that count what that costs.

use sagaflow_core::id::RunId;
use sagaflow_core::port::{Batch, JournalRow, KeyRow, RunRow};
use sagaflow_core::time::Time;

/// Bytes of a record's body.
pub(crate) const BODY: usize = 200;

/// A run of two steps: a start, a result in the middle, an end; as a short run writes them.
pub(crate) fn short_run(index: u64, prev: u64) -> [Batch; 3] {
    let run =
        RunId::new(1_700_000_000_000 + i64::try_from(index).unwrap_or(0), 7, index.to_be_bytes());
    let record = |offset: u64| JournalRow {
        seq: prev + offset,
        bucket: 1,
        class: 2,
        run: Some(run),
        number: offset,
        body: vec![7; BODY],
    };
    let row = RunRow {
        run,
        namespace: "default".to_owned(),
        workflow: "shop.Order".to_owned(),
        version: 1,
        hash: "ab".repeat(32),
        key: Some(format!("\"A-{index}\"")),
        status: "running".to_owned(),
        flags: Vec::new(),
        started_at: Time(1),
        ended_at: None,
        expires_at: None,
        due_at: None,
        upto: 0,
        snapshot: None,
    };
    let key = KeyRow {
        namespace: "default".to_owned(),
        workflow: "shop.Order".to_owned(),
        key: format!("\"A-{index}\""),
        run,
        fingerprint: [1; 32],
    };
    let ended = RunRow {
        status: "completed".to_owned(),
        ended_at: Some(Time(2)),
        expires_at: Some(Time(3)),
        ..row.clone()
    };
    let one = |offset, runs| Batch {
        prev: prev + offset - 1,
        rows: vec![record(offset)],
        runs,
        ..Batch::default()
    };
    let start = Batch { keys: vec![key], ..one(1, vec![row]) };
    [start, one(2, vec![]), one(3, vec![ended])]
}
