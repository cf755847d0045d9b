//! What has been committed, and nothing else: a batch is here whole or not at all.

use sagaflow_core::codegen::Json;
use sagaflow_core::id::RunId;
use sagaflow_core::journal::{self, Snapshot};
use sagaflow_core::port::{Batch, EventRow, ItemRow, JournalRow, KeyRow, RunRow, Tail};
use sagaflow_core::run::RunState;
use std::collections::BTreeMap;

/// Namespace, workflow, key.
pub(super) type KeyId = (String, String, String);

/// What has been committed.
#[derive(Default)]
pub(super) struct Store {
    rows: Vec<JournalRow>,
    runs: BTreeMap<RunId, RunRow>,
    keys: BTreeMap<KeyId, KeyRow>,
    items: BTreeMap<String, ItemRow>,
    events: Vec<EventRow>,
    /// Commits that held records of a run.
    pub(super) commits: u64,
}

impl Store {
    pub(super) fn commit(&mut self, batch: &Batch) {
        self.commits += u64::from(batch.rows.iter().any(|row| row.run.is_some()));
        self.rows.extend(batch.rows.iter().cloned());
        for key in &batch.keys {
            let id = (key.namespace.clone(), key.workflow.clone(), key.key.clone());
            self.keys.insert(id, key.clone());
        }
        for run in &batch.runs {
            let mut row = run.clone();
            if row.snapshot.is_none()
                && let Some(before) = self.runs.get(&row.run)
            {
                row.snapshot.clone_from(&before.snapshot);
                row.upto = before.upto;
            }
            self.runs.insert(row.run, row);
        }
        for item in &batch.items {
            self.items.insert(item.id.clone(), item.clone());
        }
        self.events.extend(batch.events.iter().cloned());
    }

    pub(super) fn tail(&self) -> Tail {
        Tail {
            checkpoint: 0,
            last: self.rows.last().map_or(0, |row| row.seq),
            bucket: self.rows.last().map_or(0, |row| row.bucket),
            emitted: 0,
            rows: self.rows.clone(),
            runs: self.runs.values().filter(|row| row.ended_at.is_none()).cloned().collect(),
            events: self.events.clone(),
            waits: Vec::new(),
        }
    }

    pub(super) fn key(&self, id: &KeyId) -> Option<KeyRow> {
        self.keys.get(id).cloned()
    }

    pub(super) fn open_items(&self) -> Vec<ItemRow> {
        self.items.values().filter(|item| item.open).cloned().collect()
    }

    /// `failure.error` of the run, as the API tells it; empty where it has none.
    pub(super) fn error(&self) -> String {
        self.run().and_then(|run| Some(run.head().cause.as_ref()?.error())).unwrap_or_default()
    }

    /// The run's answer, as the API tells it.
    pub(super) fn answer(&self) -> Option<Json> {
        let run = self.run()?;
        let head = run.head();
        head.reply.clone().or_else(|| head.result.clone())
    }

    fn run(&self) -> Option<RunState> {
        self.runs.values().find_map(|row| {
            let snapshot: Snapshot = journal::decode(row.snapshot.as_ref()?).ok()?;
            RunState::from_parts(snapshot.number, &snapshot.parts).ok()
        })
    }

    /// What people are told is wrong.
    pub(super) fn faults(&self) -> Vec<String> {
        let dead = self.items.values().filter(|item| item.kind == "dead_letter" && item.open);
        dead.map(|item| item.body.to_string()).collect()
    }

    /// Status words of all runs: what a client would read.
    pub(super) fn statuses(&self) -> Vec<String> {
        self.runs.values().map(|row| row.status.clone()).collect()
    }
}
