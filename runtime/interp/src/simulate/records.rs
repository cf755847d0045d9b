//! The store of a simulation: what has been committed, and nothing else.
//!
//! Promises: a batch is here whole or not at all; what recovery reads is exactly what was committed.

use sagaflow_core::id::RunId;
use sagaflow_core::journal::{self, Snapshot};
use sagaflow_core::port::{Batch, EventRow, ItemRow, JournalRow, KeyRow, RunRow, Tail};
use sagaflow_core::run::RunState;
use std::cell::RefCell;
use std::collections::BTreeMap;

/// Namespace, workflow, key.
pub(super) type KeyId = (String, String, String);

/// What has been committed.
#[derive(Default)]
pub(super) struct Records {
    rows: Vec<JournalRow>,
    runs: BTreeMap<RunId, RunRow>,
    keys: BTreeMap<KeyId, KeyRow>,
    items: BTreeMap<String, ItemRow>,
    events: Vec<EventRow>,
    /// Dead letters as they were opened: what closes one says no more what it was.
    letters: Vec<ItemRow>,
    /// Runs that have ended, as they were read last: expectations ask for them again and again.
    ended: RefCell<BTreeMap<RunId, RunState>>,
}

impl Records {
    /// Commits a batch.
    pub(super) fn commit(&mut self, batch: &Batch) {
        self.rows.extend(batch.rows.iter().cloned());
        for key in &batch.keys {
            let id = (key.namespace.clone(), key.workflow.clone(), key.key.clone());
            self.keys.insert(id, key.clone());
        }
        for run in &batch.runs {
            // A row without a snapshot leaves the one it has.
            let mut row = run.clone();
            if row.snapshot.is_none()
                && let Some(before) = self.runs.get(&row.run)
            {
                row.snapshot.clone_from(&before.snapshot);
                row.upto = before.upto;
            }
            self.ended.borrow_mut().remove(&row.run);
            self.runs.insert(row.run, row);
        }
        for item in &batch.items {
            if item.kind == "dead_letter" && item.open {
                self.letters.push(item.clone());
            }
            self.items.insert(item.id.clone(), item.clone());
        }
        self.events.extend(batch.events.iter().cloned());
    }

    /// What recovery reads.
    pub(super) fn tail(&self) -> Tail {
        let ended = |row: &&RunRow| row.ended_at.is_none();
        Tail {
            checkpoint: 0,
            last: self.rows.last().map_or(0, |row| row.seq),
            bucket: self.rows.last().map_or(0, |row| row.bucket),
            emitted: 0,
            rows: self.rows.clone(),
            runs: self.runs.values().filter(ended).cloned().collect(),
            events: self.events.clone(),
            waits: Vec::new(),
        }
    }

    /// The run of a start key.
    pub(super) fn key(&self, id: &KeyId) -> Option<KeyRow> {
        self.keys.get(id).cloned()
    }

    /// Items that wait for a person.
    pub(super) fn open_items(&self) -> impl Iterator<Item = &ItemRow> {
        self.items.values().filter(|item| item.open)
    }

    /// Faults that a run has met, ever: path and message.
    pub(super) fn faults(&self, run: RunId) -> Vec<(String, String)> {
        let text = |item: &ItemRow, name: &str| {
            item.body.get(name).and_then(|value| value.as_str()).unwrap_or_default().to_owned()
        };
        self.letters
            .iter()
            .filter(|item| item.run == Some(run))
            .map(|item| (text(item, "path"), text(item, "message")))
            .collect()
    }

    /// Number of records of a run.
    pub(super) fn count(&self, run: RunId) -> u64 {
        self.rows.iter().filter(|row| row.run == Some(run)).count() as u64
    }

    /// Bytes of a run's records.
    pub(super) fn bytes(&self, run: RunId) -> u64 {
        let own = self.rows.iter().filter(|row| row.run == Some(run));
        own.map(|row| row.body.len() as u64).sum()
    }

    /// The state of a run that has ended.
    pub(super) fn ended(&self, run: RunId) -> Option<RunState> {
        let row = self.runs.get(&run).filter(|row| row.ended_at.is_some())?;
        if let Some(read) = self.ended.borrow().get(&run) {
            return Some(read.clone());
        }
        let snapshot: Snapshot = journal::decode(row.snapshot.as_ref()?).ok()?;
        let state = RunState::from_parts(snapshot.number, &snapshot.parts).ok()?;
        self.ended.borrow_mut().insert(run, state.clone());
        Some(state)
    }
}
