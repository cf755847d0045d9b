//! What a batch weighs, what it names, and how its lists are kept: what both stores ask of one.

use sagaflow_core::port::{Batch, RunRow, Source};
use std::borrow::Cow;

/// Rows and bytes of what a batch writes.
pub(crate) fn size(batch: &Batch) -> (usize, usize) {
    let Batch { rows, runs, indexed, sent, taken, .. } = batch;
    let bodies: usize = rows.iter().map(|row| row.body.len()).sum();
    let snapshot = |row: &RunRow| row.snapshot.as_ref().map_or(0, Vec::len);
    let snapshots: usize = runs.iter().map(snapshot).sum();
    let messages: usize = sent.iter().map(|row| row.body.len()).sum();
    let count = rows.len() + runs.len() + indexed.len() + sent.len() + taken.len();
    (count, bodies + snapshots + messages)
}

/// The names of the messages that a batch sends or takes.
pub(crate) fn sources(batch: &Batch) -> impl Iterator<Item = Source> {
    batch.sent.iter().map(|row| row.from).chain(batch.taken.iter().copied())
}

/// Flags as a list in JSON.
pub(crate) fn flags(flags: &[String]) -> Cow<'static, str> {
    match flags {
        [] => Cow::Borrowed("[]"),
        some => Cow::Owned(serde_json::Value::from(some).to_string()),
    }
}
