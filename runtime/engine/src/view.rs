//! A run as it may be seen from outside: folded from what has committed, masked by its types.
//!
//! Promises: nothing that is not recorded; nothing labelled `pii` or `secret`.

use crate::limits;
use crate::reader::{self, Reader};
use sagaflow_core::codegen::{Json, Machine, Schema, Ty, Values};
use sagaflow_core::id::RunId;
use sagaflow_core::journal::{self, Happened, Record, Snapshot};
use sagaflow_core::port::{self, RunRow};
use sagaflow_core::run::{Fiber, Hold, Phase, RunState, State};
use sagaflow_core::shard::unlisted;
use sagaflow_core::status::Cause;
use sagaflow_core::time::Time;
use sagaflow_core::value::print_time;
use serde_json::Map;
use std::sync::Arc;

/// One record of a run's history.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Entry {
    /// Number of the record within the run, from 1.
    pub number: u64,
    /// When, in ms since the epoch.
    pub at: Time,
    /// What happened, in order.
    pub happened: Vec<Happened>,
}

/// An undo that a person gave up: what it would have undone still stands.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct GivenUp {
    /// Path of the step that is not undone.
    pub path: String,
    /// Who gave it up.
    pub actor: String,
    /// Why.
    pub reason: String,
}

impl GivenUp {
    /// What a line of history says was given up.
    #[must_use]
    pub fn of(happened: &Happened) -> Option<Self> {
        let Happened::GaveUp { path, actor, reason } = happened else { return None };
        Some(Self { path: path.clone(), actor: actor.clone(), reason: reason.clone() })
    }
}

/// A run.
#[derive(Clone, Debug)]
pub struct View {
    /// Its row.
    pub row: RunRow,
    /// Its state after its last committed record; none where a record cannot be read.
    pub state: Option<RunState>,
}

impl View {
    /// Why it failed or is failing: name of the error, payload, step.
    #[must_use]
    pub fn error(&self) -> Option<(String, Json, String)> {
        let cause = self.state.as_ref()?.head().cause.as_ref()?;
        Some(cause_parts(cause))
    }

    /// Its result, or what it replied before its end.
    #[must_use]
    pub fn result(&self) -> Option<&Json> {
        let head = self.state.as_ref()?.head();
        head.result.as_ref().or(head.reply.as_ref())
    }
}

impl View {
    /// Whether it cannot go on without a person: something is parked, stuck or set aside, and
    /// nothing else is under way.
    #[must_use]
    pub fn needs_a_person(&self) -> bool {
        let Some(state) = &self.state else { return self.row.ended_at.is_none() };
        if state.head().poisoned.is_some() {
            return true;
        }
        let stopped =
            |fiber: &Fiber| fiber.fault().is_some() || matches!(fiber.state, State::Manual(_));
        let moving = |fiber: &Fiber| match &fiber.state {
            State::Call(call) => !matches!(call.phase, Phase::Fault(_)),
            State::Ready(ready) => matches!(ready.held, Hold::Now),
            State::Again { .. } => true,
            _ => false,
        };
        state.fibers().values().any(stopped) && !state.fibers().values().any(moving)
    }

    /// The run as the API shows it; fields without a value are left out.
    #[must_use]
    pub fn json(&self) -> Json {
        let mut run = row_json(&self.row);
        if let Some(result) = self.result() {
            run.insert("result".to_owned(), result.clone());
        }
        if let Some((name, payload, step)) = self.error() {
            let mut error = Map::new();
            error.insert("name".to_owned(), name.into());
            if !payload.is_null() {
                error.insert("payload".to_owned(), payload);
            }
            if !step.is_empty() {
                error.insert("step".to_owned(), step.into());
            }
            run.insert("error".to_owned(), error.into());
        }
        Json::Object(run)
    }
}

/// A key as people write it: a declared key that is one text stands without its quotes.
#[must_use]
pub fn plain_key(key: &str) -> String {
    match serde_json::from_str(key) {
        Ok(Json::String(text)) => text,
        _ => key.to_owned(),
    }
}

/// A row as lists show it.
#[must_use]
pub fn row_json(row: &RunRow) -> Map<String, Json> {
    let mut run = Map::new();
    let mut put = |name: &str, value: Option<Json>| {
        value.into_iter().for_each(|value| drop(run.insert(name.to_owned(), value)));
    };
    let time = |time: Time| Json::from(print_time(time));
    put("id", Some(row.run.to_string().into()));
    put("workflow", Some(row.workflow.clone().into()));
    put("version", Some(row.version.into()));
    put("hash", Some(row.hash.clone().into()));
    put("key", row.key.as_deref().map(|key| plain_key(key).into()));
    put("status", Some(row.status.clone().into()));
    put("committed", Some(row.flags.iter().any(|flag| flag == "committed").into()));
    put("flags", (!row.flags.is_empty()).then(|| row.flags.clone().into()));
    put("started_at", Some(time(row.started_at)));
    put("ended_at", row.ended_at.map(time));
    run
}

/// Name, payload and step of a cause.
#[must_use]
pub fn cause_parts(cause: &Cause) -> (String, Json, String) {
    let payload = match cause {
        Cause::Failed(failure) => failure.payload.clone(),
        Cause::Cancelled { .. } | Cause::Deadline => Json::Null,
    };
    (cause.error(), payload, cause.step().to_owned())
}

/// The run with its state; none where there is no such run.
///
/// # Errors
/// What the store says.
pub async fn view(reader: &dyn Reader, run: RunId) -> port::Result<Option<View>> {
    let row = reader.run(run).await?;
    let mut state = row.as_ref().and_then(state_in);
    // The row of a run that has ended holds its last record.
    if let Some(row) = row.clone().filter(|row| row.ended_at.is_some() && state.is_some()) {
        return Ok(Some(View { row, state }));
    }
    // One that has just begun has no row yet.
    let seen = |state: Option<RunState>| {
        let row = row.clone().or_else(|| Some(unlisted(run, state.as_ref()?)));
        row.map(|row| View { row, state })
    };
    loop {
        let after = state.as_ref().map_or(0, RunState::number);
        let rows = reader.history(run, after, limits::HISTORY_PAGE).await?;
        let more = rows.len() == limits::HISTORY_PAGE as usize;
        for journal in rows {
            let Ok(record) = journal::decode::<Record>(&journal.body) else {
                return Ok(row.map(|row| View { row, state: None }));
            };
            let folded = match &mut state {
                Some(state) => state.absorb(record.number, &record.parts),
                None => RunState::from_parts(record.number, &record.parts).map(|s| state = Some(s)),
            };
            if folded.is_err() {
                return Ok(row.map(|row| View { row, state: None }));
            }
        }
        if !more {
            return Ok(seen(state));
        }
    }
}

/// A run that has ended, by its last row.
pub(crate) fn ended(row: &RunRow) -> View {
    View { row: row.clone(), state: state_in(row) }
}

/// The state that a row holds.
fn state_in(row: &RunRow) -> Option<RunState> {
    let snapshot = journal::decode::<Snapshot>(row.snapshot.as_ref()?).ok()?;
    RunState::from_parts(snapshot.number, &snapshot.parts).ok()
}

/// The same, straight from a store.
///
/// # Errors
/// What the store says.
pub async fn of<S: port::Store>(store: &Arc<S>, run: RunId) -> port::Result<Option<View>> {
    view(&reader::Of::new(Arc::clone(store)), run).await
}

/// A page of history after record `after`; records that do not decode say so.
///
/// # Errors
/// What the store says.
pub async fn history(
    reader: &dyn Reader,
    run: RunId,
    after: u64,
    limit: u32,
) -> port::Result<Vec<Entry>> {
    let rows = reader.history(run, after, limit.min(limits::HISTORY_PAGE)).await?;
    let entry = |row: port::JournalRow| match journal::decode::<Record>(&row.body) {
        Ok(Record { number, at, happened, .. }) => Entry { number, at, happened },
        Err(error) => {
            let message = error.to_string();
            let happened = vec![Happened::Faulted { path: String::new(), message }];
            Entry { number: row.number, at: Time(0), happened }
        }
    };
    Ok(rows.into_iter().map(entry).collect())
}

/// Named values without what is personal or secret.
#[must_use]
pub fn masked(machine: &dyn Machine, values: &Values) -> Json {
    let spec = machine.spec();
    let one = |(name, value): (&String, &Json)| {
        let ty = spec.params.iter().find(|(param, _)| param == name).map(|(_, ty)| ty);
        (name.clone(), mask(&spec.schema, ty, value))
    };
    Json::Object(values.iter().map(one).collect())
}

/// One value without what is personal or secret; of a value without a type nothing is shown.
#[must_use]
pub fn mask(schema: &Schema, ty: Option<&Ty>, value: &Json) -> Json {
    ty.map_or_else(|| Json::from("…"), |ty| schema.mask(ty, value))
}
