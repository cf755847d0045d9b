//! Runs: start, look, list, history.

use super::{Engine, shape};
use crate::namespace;
use crate::problem::{Problem, Result};
use crate::request::{self, Path, Query, bad};
use axum::Json;
use axum::body::Bytes;
use axum::http::header::LOCATION;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use sagaflow_core::limits::INDEXED;
use sagaflow_core::port::{RunFilter, RunRow};
use sagaflow_core::time::Time;
use sagaflow_core::value::parse_time;
use sagaflow_engine::{Handle, Request, Started, Until, code};
use serde_json::{Value, json};

/// How parameters begin that name a value of `index by`.
const INDEX: &str = "index.";

/// `POST /api/workflows/{name}/runs`
pub async fn start(
    Engine(handle): Engine,
    Path(name): Path<String>,
    uri: Uri,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response> {
    let query = Query::of(&uri, &["wait", "until", "on_conflict", "version"])?;
    let (wait, version) = (query.wait()?, version(&query)?);
    let until = match query.get("until") {
        None | Some("reply") => Until::Reply,
        Some("end") => Until::End,
        Some(_) => return Err(bad("until", "`reply` or `end`")),
    };
    let fail_on_conflict = match query.get("on_conflict") {
        None | Some("join") => false,
        Some("fail") => true,
        Some(_) => return Err(bad("on_conflict", "`join` or `fail`")),
    };
    let mut body = request::object(&bytes, &["input"])?;
    let input = body.remove("input").unwrap_or_default();
    let request = Request { workflow: name, version, key: request::key(&headers)?, input };
    let started = handle.start(request).await?;
    if fail_on_conflict && !started.new {
        let detail = "the key has started a run before";
        return Err(Problem::new(code::CONFLICT, detail).with("run", started.run.to_string()));
    }
    answer(&handle, started, wait, until).await
}

async fn answer(
    handle: &Handle,
    started: Started,
    wait: Option<std::time::Duration>,
    until: Until,
) -> Result<Response> {
    let patience = wait.unwrap_or_default();
    let view = handle.wait(started.run, until, patience).await?;
    let reached = wait.is_none() || sagaflow_engine::wait::reached(&view, until);
    let status = match (reached, started.new) {
        (false, _) => StatusCode::ACCEPTED,
        (true, true) => StatusCode::CREATED,
        (true, false) => StatusCode::OK,
    };
    let location = [(LOCATION, format!("{}/runs/{}", namespace::base(handle), started.run))];
    // A run that completed tells what it gave up at its own address: its caller does not wait for it.
    let history = match view.row.ended_at.is_some() && view.row.status != "completed" {
        true => shape::whole_history(handle, started.run).await?,
        false => Vec::new(),
    };
    let run = shape::short(handle, &view, &history);
    Ok((status, location, Json(Value::Object(run))).into_response())
}

fn version(query: &Query) -> Result<Option<u32>> {
    let parse =
        |text: &str| text.trim_start_matches('v').parse().map_err(|_| bad("version", "a number"));
    query.get("version").map(parse).transpose()
}

/// `GET /api/runs/{id}`
pub async fn get(Engine(handle): Engine, Path(id): Path<String>) -> Result<Json<Value>> {
    let run = request::run_id(&id)?;
    let view = handle.view(run).await?;
    let history = shape::whole_history(&handle, run).await?;
    Ok(Json(shape::run(&handle, &view, &history)))
}

/// `GET /api/runs`
pub async fn list(Engine(handle): Engine, uri: Uri) -> Result<Json<Value>> {
    let known = ["workflow", "status", "key", "since", "after", "limit"];
    let query = Query::with(&uri, &known, Some(INDEX))?;
    let since = |text: &str| {
        let time = parse_time(text).or_else(|| text.parse().ok().map(Time));
        time.ok_or_else(|| bad("since", "a time such as `2026-01-31T12:00:00Z`"))
    };
    let limit = query.limit()?;
    let filter = RunFilter {
        namespace: String::new(),
        workflow: query.get("workflow").map(str::to_owned),
        status: query.get("status").map(status).transpose()?,
        key: query.get("key").map(str::to_owned),
        indexed: Vec::new(),
        since: query.get("since").map(since).transpose()?,
        after: query.run("after")?,
        limit: limit + 1,
    };
    let mut rows = found(&handle, filter, indexed(&handle, &query)?).await?;
    let more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    let next = rows.last().filter(|_| more).map(|row| row.run.to_string());
    let items: Vec<Value> = rows.iter().map(|row| shape::row(&handle, row)).collect();
    Ok(Json(json!({ "items": items, "next": next })))
}

/// Bound: the choices of what values may mean for which one request looks.
const CHOICES: usize = 8;

/// Newest first: the runs that have all the values of one of several choices.
async fn found(
    handle: &Handle,
    filter: RunFilter,
    choices: Vec<Vec<(String, String)>>,
) -> Result<Vec<RunRow>> {
    let mut rows = Vec::new();
    for indexed in choices {
        rows.extend(handle.runs(RunFilter { indexed, ..filter.clone() }).await?);
    }
    rows.sort_by_key(|row| std::cmp::Reverse(row.run));
    rows.dedup_by_key(|row| row.run);
    rows.truncate(filter.limit as usize);
    Ok(rows)
}

/// The values by which runs are looked for: one choice of them, or several where what was written may
/// mean values of several types.
fn indexed(handle: &Handle, query: &Query) -> Result<Vec<Vec<(String, String)>>> {
    let workflow = query.get("workflow");
    let all: Vec<_> = query.under(INDEX).collect();
    if all.len() > INDEXED {
        let detail = format!("runs are looked for by {INDEXED} values at most");
        return Err(Problem::new(code::PARAMETER, detail));
    }
    let mut choices = vec![Vec::new()];
    for (name, written) in all {
        let refused = |detail: String| {
            Problem::new(code::PARAMETER, detail).with("path", format!("{INDEX}{name}"))
        };
        let values = handle.indexed(workflow, name, written);
        let values = values.map_err(|why| refused(why.to_string()))?;
        if choices.len() * values.len() > CHOICES {
            let detail = "values of these names have too many types: name the `workflow`";
            return Err(refused(detail.to_owned()));
        }
        let with = |value: &String| {
            let value = value.clone();
            choices.iter().map(move |choice| {
                let one = std::iter::once((name.to_owned(), value.clone()));
                choice.iter().cloned().chain(one).collect()
            })
        };
        choices = values.iter().flat_map(with).collect();
    }
    Ok(choices)
}

fn status(text: &str) -> Result<String> {
    const WORDS: [&str; 9] = [
        "running",
        "waiting",
        "parked",
        "undoing",
        "closing",
        "held",
        "completed",
        "failed",
        "cancelled",
    ];
    match WORDS.contains(&text) {
        true => Ok(text.to_owned()),
        false => Err(bad("status", &format!("one of {}", WORDS.join(", ")))),
    }
}

/// `GET /api/runs/{id}/history`
pub async fn history(
    Engine(handle): Engine,
    Path(id): Path<String>,
    uri: Uri,
) -> Result<Json<Value>> {
    let query = Query::of(&uri, &["after", "limit"])?;
    let run = request::run_id(&id)?;
    handle.view(run).await?;
    let after = query.get("after").map(|text| text.parse().map_err(|_| bad("after", "a number")));
    let limit = query.limit()?;
    let entries = handle.history(run, after.transpose()?.unwrap_or(0), limit).await?;
    let next = entries.last().filter(|_| entries.len() == limit as usize).map(|e| e.number);
    let items: Vec<Value> = entries.iter().map(shape::entry).collect();
    Ok(Json(json!({ "items": items, "next": next })))
}
