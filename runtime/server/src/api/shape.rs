//! What a run looks like from outside: steps, undo, waits, frames, all masked.

use crate::problem::Result;
use sagaflow_core::codegen::{Arm, Frame, Machine, Schema};
use sagaflow_core::id::RunId;
use sagaflow_core::journal::Happened;
use sagaflow_core::port::RunRow;
use sagaflow_core::run::{Fiber, State, What};
use sagaflow_core::service::Purpose;
use sagaflow_core::value::print_time;
use sagaflow_engine::Handle;
use sagaflow_engine::view::{self, Entry, GivenUp, View};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Bound: records whose steps are listed with a run; the history has them all, page by page.
const RECORDS_MAX: usize = 5_000;

/// One record of the history.
pub fn entry(entry: &Entry) -> Value {
    json!({ "number": entry.number, "at": print_time(entry.at), "happened": entry.happened })
}

/// The history of a run, up to a bound.
pub async fn whole_history(handle: &Handle, run: RunId) -> Result<Vec<Entry>> {
    let mut all: Vec<Entry> = Vec::new();
    loop {
        let after = all.last().map_or(0, |entry| entry.number);
        let page = handle.history(run, after, u32::MAX).await?;
        if page.is_empty() || all.len() >= RECORDS_MAX {
            return Ok(all);
        }
        all.extend(page);
    }
}

/// One run as a list has it.
pub fn row(handle: &Handle, row: &RunRow) -> Value {
    Value::Object(served(handle, row, view::row_json(row)))
}

/// One run in short: how it stands, its result or error, and what was given up of its undo.
pub fn short(handle: &Handle, view: &View, history: &[Entry]) -> Map<String, Value> {
    let run = match view.json() {
        Value::Object(run) => run,
        _ => Map::new(),
    };
    let mut run = served(handle, &view.row, run);
    let lines = history.iter().flat_map(|entry| &entry.happened);
    let given_up: Vec<Value> = lines.filter_map(GivenUp::of).map(|one| json!(one)).collect();
    if !given_up.is_empty() {
        run.insert("given_up".to_owned(), given_up.into());
    }
    run
}

/// Says of a run that nobody here can carry on that it is so: its status tells where it stopped.
fn served(handle: &Handle, row: &RunRow, mut run: Map<String, Value>) -> Map<String, Value> {
    if handle.unserved(row) {
        run.insert("served".to_owned(), false.into());
    }
    run
}

/// One run in full.
pub fn run(handle: &Handle, view: &View, history: &[Entry]) -> Value {
    let machine = handle.machine_of(&view.row).map(AsRef::as_ref);
    let mut run = short(handle, view, history);
    run.insert("steps".to_owned(), steps(history).into());
    let Some(state) = &view.state else { return Value::Object(run) };
    if let Some(machine) = machine {
        run.insert("input".to_owned(), view::masked(machine, &state.origin().input.values()));
    }
    let by = state.origin().indexed.iter().map(|(name, value)| (name.clone(), key(value)));
    let by: Map<String, Value> = by.collect();
    if !by.is_empty() {
        run.insert("index".to_owned(), by.into());
    }
    let fibers = state.fibers().values();
    let positions: Vec<Value> = fibers.clone().map(|fiber| position(fiber, machine)).collect();
    run.insert("position".to_owned(), positions.into());
    let turn = state.head().claims.iter().find(|claim| !claim.granted).map(|claim| {
        // What is personal is no key.
        let mut turn = json!({ "at": "start", "limit": claim.limit, "key": key(&claim.class.key) });
        if let Some(window_ms) = claim.window_ms {
            turn["window_ms"] = window_ms.into();
        }
        turn
    });
    let waits: Vec<Value> = turn.into_iter().chain(fibers.filter_map(waits)).collect();
    run.insert("waits".to_owned(), waits.into());
    let undo = state.nodes().values().filter_map(|node| match &node.what {
        What::Step(entry) => Some(json!({
            "path": entry.path,
            "asks_first": entry.ask.is_some(),
            "running": entry.undoing.is_some(),
        })),
        What::Par { .. } => None,
    });
    run.insert("undo".to_owned(), undo.collect::<Vec<Value>>().into());
    Value::Object(run)
}

/// Steps in the order they were first sent, with attempts and what became of them.
fn steps(history: &[Entry]) -> Vec<Value> {
    let mut order: Vec<String> = Vec::new();
    let mut steps: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
    for happened in history.iter().flat_map(|entry| &entry.happened) {
        let (path, action, purpose, attempt, outcome) = match happened {
            Happened::Sent { path, action, purpose, attempt, .. } => {
                (path, action, purpose, attempt, "sent")
            }
            Happened::Done { path, action, purpose, attempt, .. } => {
                (path, action, purpose, attempt, "ok")
            }
            Happened::Failed { path, action, purpose, attempt, error, .. } => {
                (path, action, purpose, attempt, error.as_str())
            }
            _ => continue,
        };
        if *purpose == Purpose::Probe {
            continue;
        }
        let step = steps.entry(path.clone()).or_insert_with(|| {
            order.push(path.clone());
            Map::new()
        });
        step.insert("path".to_owned(), path.clone().into());
        step.insert("action".to_owned(), action.clone().into());
        step.insert("purpose".to_owned(), purpose.word().into());
        step.insert("attempts".to_owned(), (*attempt).into());
        step.insert("outcome".to_owned(), outcome.into());
    }
    order.iter().filter_map(|path| steps.remove(path)).map(Value::Object).collect()
}

fn position(fiber: &Fiber, machine: Option<&dyn Machine>) -> Value {
    let at = &fiber.frame.at;
    let state = if fiber.queued() { "queued" } else { word(&fiber.state) };
    let mut position = json!({ "at": at, "state": state });
    if let Some(machine) = machine {
        position["frame"] = frame(machine, &fiber.frame);
        if let Some(point) = machine.spec().points.get(at) {
            position["line"] = point.line.into();
        }
    }
    if let Some(fault) = fiber.fault() {
        position["fault"] = json!({ "message": fault.message, "item": fault.item });
    }
    if let Some(call) = fiber.call() {
        position["call"] = json!({ "path": call.path, "key": call.key, "attempt": call.attempt,
            "unresolved": call.unresolved });
    }
    position
}

/// A frame's values, masked by the types of its point.
fn frame(machine: &dyn Machine, frame: &Frame) -> Value {
    let spec = machine.spec();
    let live = spec.points.get(&frame.at).map(|point| &point.live);
    let schema: &Schema = &spec.schema;
    // Bookkeeping of loops holds what the loop runs over, whose type is not in the tables.
    let shown = frame.values.iter().filter(|(name, _)| !name.starts_with('#'));
    let masked = shown.map(|(name, value)| {
        let parameter = spec.params.iter().find(|(param, _)| param == name).map(|(_, ty)| ty);
        let ty = live.and_then(|live| live.get(name)).or(parameter);
        (name.clone(), view::mask(schema, ty, value))
    });
    Value::Object(masked.collect())
}

/// A key as the program's value.
fn key(canonical: &str) -> Value {
    serde_json::from_str(canonical).unwrap_or_default()
}

fn word(state: &State) -> &'static str {
    match state {
        State::Ready(_) => "ready",
        State::Call(_) => "call",
        State::Wait(_) => "wait",
        State::Join(_) => "join",
        State::Manual(_) => "question",
        State::Unwind(_) => "unwind",
        State::Again { .. } => "again",
        State::Still => "still",
        State::Ended(_) => "ended",
        #[expect(unreachable_patterns, reason = "states are added; an unknown one is still shown")]
        _ => "other",
    }
}

fn waits(fiber: &Fiber) -> Option<Value> {
    match &fiber.state {
        State::Wait(wait) => {
            let arms: Vec<Value> = wait
                .arms
                .iter()
                .enumerate()
                .map(|(index, arm)| match arm {
                    Arm::Task { task, .. } => {
                        json!({ "task": task, "item": wait.tasks.get(index).cloned().flatten() })
                    }
                    Arm::Event(event) => json!({ "event": event.event, "key": event.key }),
                    Arm::Sleep { until } => json!({ "sleep": print_time(*until) }),
                })
                .collect();
            Some(json!({ "at": fiber.frame.at, "arms": arms, "until": wait.until.map(print_time) }))
        }
        State::Manual(manual) => {
            Some(json!({ "at": fiber.frame.at, "question": manual.question, "item": manual.item }))
        }
        _ => None,
    }
}
