//! `index by`: the values by which a run is found, beside its row.
//!
//! Promises: what a run is found by is in its first record, so that nobody computes it twice, and is
//! written with the first row of the run that an owner writes. Who takes the shard over writes it
//! again with its own first row of the run: the store keeps what is there.

use super::Run;
use super::output::Output;
use super::turn::run_row;
use crate::codegen::{Json, Machine, Values};
use crate::id::RunId;
use crate::key::canonical;
use crate::limits::{INDEXED, INDEXED_BYTES};
use crate::port::IndexedRow;
use crate::run::Origin;
use std::collections::BTreeMap;

/// What a run is found by that is admitted now, by name. A value that is none, is too long or cannot
/// be computed finds nothing.
pub(super) fn indexed(machine: &dyn Machine, input: &Values) -> BTreeMap<String, String> {
    let names = machine.spec().indexed.iter().map(|(name, _)| name);
    if names.len() == 0 {
        return BTreeMap::new();
    }
    let values = machine.indexed(input).unwrap_or_default();
    let kept = |(name, value): (&String, Json)| {
        let text = indexed_text(&value)?;
        Some((name.clone(), text))
    };
    names.zip(values).take(INDEXED).filter_map(kept).collect()
}

/// A value as it is kept and looked for: canonical JSON. None where there is none, or it is too long.
#[must_use]
pub fn indexed_text(value: &Json) -> Option<String> {
    let text = (!value.is_null()).then(|| canonical(value));
    text.filter(|text| text.len() <= INDEXED_BYTES)
}

/// Writes a run's row, with its whole state where `whole` says so, and beside the first one the values
/// by which it is found.
///
/// Crash: both are in one batch. A run that has no row yet is found by its first record, and is
/// written with all of this by the next owner.
pub(super) fn put_row(id: RunId, run: &mut Run, whole: bool, out: &mut Output) {
    if !std::mem::replace(&mut run.indexed, true) {
        out.batch.indexed.extend(rows(id, run.state.origin()));
    }
    let row = run_row(id, run, whole);
    out.put_run(row);
}

fn rows(run: RunId, origin: &Origin) -> impl Iterator<Item = IndexedRow> {
    origin.indexed.iter().map(move |(name, value)| IndexedRow {
        namespace: origin.namespace.clone(),
        name: name.clone(),
        value: value.clone(),
        run,
    })
}
