//! The fold of what is written, made record by record as batches land, and never from a snapshot.

use super::Wrong;
use crate::history::Called;
use sagaflow_core::id::RunId;
use sagaflow_core::journal::{self, Record, Snapshot};
use sagaflow_core::port::{Batch, JournalRow, RunRow};
use sagaflow_core::run::{Fiber, Origin, RunState};
use sagaflow_core::service::Purpose;
use std::collections::{BTreeMap, BTreeSet};

/// A state in memory right behind one of its records.
#[derive(Clone)]
pub struct Print {
    /// The run.
    pub run: RunId,
    number: u64,
    parts: String,
}

impl Print {
    /// Of a state.
    #[must_use]
    pub fn of(run: RunId, state: &RunState) -> Self {
        let parts = state.parts().map(|parts| serde_json::to_string(&parts));
        let parts = parts.map(Result::unwrap_or_default).unwrap_or_default();
        Self { run, number: state.number(), parts }
    }
}

/// States by run, folded from records alone.
#[derive(Default)]
pub(super) struct Fold {
    runs: BTreeMap<RunId, RunState>,
    inputs: BTreeMap<RunId, i64>,
    /// Keys and attempts that some record has announced.
    intents: BTreeSet<(String, u32)>,
}

impl Fold {
    /// Folds the records of a batch, and says which runs begin with it.
    pub(super) fn absorb(&mut self, batch: &Batch) -> Result<Vec<(RunId, Origin)>, String> {
        let mut begun = Vec::new();
        for row in &batch.rows {
            let Some(run) = row.run else { continue };
            let folded = self.record(run, row);
            begun.extend(folded.map_err(|why| format!("record {} of {run}: {why}", row.number))?);
            // Order: a later record of the same batch may leave what this one has announced.
            let state = self.runs.get(&run).into_iter();
            let calls = state.flat_map(|state| state.fibers().values()).filter_map(Fiber::call);
            self.intents.extend(calls.map(|call| (call.key.clone(), call.attempt)));
        }
        Ok(begun)
    }

    fn record(&mut self, run: RunId, row: &JournalRow) -> Result<Option<(RunId, Origin)>, String> {
        let record: Record = journal::decode(&row.body).map_err(|error| error.to_string())?;
        if let Some(state) = self.runs.get_mut(&run) {
            if record.number != state.number() + 1 {
                return Err(format!("it follows record {}", state.number()));
            }
            state.absorb(record.number, &record.parts).map_err(|error| error.to_string())?;
            return Ok(None);
        }
        if record.number != 1 {
            return Err("it has ended, or never began".to_owned());
        }
        let state = RunState::from_parts(1, &record.parts).map_err(|error| error.to_string())?;
        let origin = state.origin().clone();
        let k = origin.input.get("input").and_then(|input| input.get("k")?.as_i64());
        self.inputs.insert(run, k.unwrap_or_default());
        self.runs.insert(run, state);
        Ok(Some((run, origin)))
    }

    /// I42: byte by byte, what is in memory is what is written.
    pub(super) fn compare(&self, print: &Print) -> Wrong {
        let Some(state) = self.runs.get(&print.run) else {
            return Err(format!("run {} is in memory, and is not written", print.run));
        };
        if print.number > state.number() {
            let (memory, written) = (print.number, state.number());
            return Err(format!("record {memory} is in memory, {written} is written"));
        }
        let written = Print::of(print.run, state);
        if print.number == state.number() && written.parts != print.parts {
            return Err(format!(
                "behind record {} memory holds\n{}\nand the fold is\n{}",
                print.number, print.parts, written.parts
            ));
        }
        Ok(())
    }

    /// A snapshot is the fold of the records up to its own; later ones may stand in the same batch.
    pub(super) fn snapshot(&self, row: &RunRow) -> Wrong {
        let (Some(bytes), true) = (&row.snapshot, self.runs.contains_key(&row.run)) else {
            return Ok(());
        };
        let snapshot: Snapshot = journal::decode(bytes).map_err(|error| error.to_string())?;
        let parts = serde_json::to_string(&snapshot.parts).unwrap_or_default();
        self.compare(&Print { run: row.run, number: snapshot.number, parts })
    }

    /// A run has ended.
    pub(super) fn forget(&mut self, run: RunId) {
        self.runs.remove(&run);
    }

    /// `input.k` of a run.
    pub(super) fn input(&self, run: RunId) -> Option<i64> {
        self.inputs.get(&run).copied()
    }

    /// Commit, then speak: what leaves is in a record that is written.
    pub(super) fn intends(&self, called: &Called) -> Wrong {
        if called.read || called.purpose == Purpose::Probe {
            return Ok(());
        }
        match self.intents.contains(&(called.key.clone(), called.attempt)) {
            true => Ok(()),
            false => Err(format!("{} leaves, and no record says that it would", called.id)),
        }
    }
}
