//! `--crash-after N`: the process dies right after one record of one run has committed.

use sagaflow_core::id::RunId;
use sagaflow_core::journal::{self, Part, Record};
use sagaflow_core::port::Batch;
use sagaflow_core::run::Origin;
use sagaflow_engine::OnCommit;
use std::sync::{Arc, OnceLock};

/// Whether a first record is of a run of this workflow.
fn starts(body: &[u8], workflow: &str) -> bool {
    let record = journal::decode::<Record>(body).ok();
    let origin = record
        .and_then(|record| journal::value::<Origin>(record.parts.set.get(&Part::Origin)?).ok());
    origin.is_some_and(|origin| origin.workflow == workflow)
}

/// Aborts right after the batch with record `number` of the run has committed. The run is the one
/// given, or else the first that `workflow` starts.
///
/// Crash: this is one: nothing that the batch held back has left, nothing is flushed or closed.
pub fn after(number: u64, workflow: String, known: Option<RunId>) -> OnCommit {
    let run = OnceLock::new();
    if let Some(known) = known {
        let _ = run.set(known);
    }
    Arc::new(move |batch: &Batch| {
        for row in batch.rows.iter().filter(|row| row.number == 1) {
            if let Some(id) = row.run.filter(|_| starts(&row.body, &workflow)) {
                let _ = run.set(id);
            }
        }
        let Some(run) = run.get() else { return };
        if batch.rows.iter().any(|row| row.run == Some(*run) && row.number == number) {
            eprintln!("aborted after record {number}; repeat the command to go on");
            std::process::abort();
        }
    })
}
