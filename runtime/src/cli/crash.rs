//! `--crash-after N`: the process dies right after one record of one run has committed.

use sagaflow_core::id::RunId;
use sagaflow_core::port::Batch;
use sagaflow_engine::OnCommit;
use std::sync::{Arc, OnceLock};

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
        let started = batch.rows.iter().filter(|row| row.number == 1).filter_map(|row| row.run);
        for id in started {
            let ours =
                |row: &&sagaflow_core::port::RunRow| row.run == id && row.workflow == workflow;
            if batch.runs.iter().find(ours).is_some() {
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
