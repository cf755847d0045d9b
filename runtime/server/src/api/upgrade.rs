//! Moving the open runs of an older version to the newest one, many at a time.
//!
//! Promises: each run is moved by a decision of its own, as if it had been asked about alone; a request
//! that is cut off has moved some and left the others, and is asked again.

use super::{Engine, operate};
use crate::problem::{Problem, Result};
use crate::request::{self, Path, Query};
use axum::Json;
use axum::body::Bytes;
use axum::http::{HeaderMap, Uri};
use sagaflow_core::id::RunId;
use sagaflow_core::port::{RunFilter, RunRow};
use sagaflow_core::shard::{Act, Actor};
use sagaflow_engine::{Decided, Error, Handle, code};
use serde_json::{Map, Value, json};
use std::time::{Duration, Instant};

/// Bound: runs that one request moves.
const RUNS: usize = 1_000;
/// Bound: rows that one request reads, of runs that have ended or are of other versions too.
const PAGES: usize = 20;
const PAGE: u32 = 500;

/// Bound: how long one request takes, about: less than what stands between is patient for.
const TIME: Duration = Duration::from_secs(20);

/// What is wanted.
struct Wanted {
    workflow: String,
    from: u32,
    dry_run: bool,
    actor: Actor,
    reason: String,
}

/// What became of it.
#[derive(Default)]
struct Became {
    moved: u64,
    pending: Vec<Value>,
    refused: Vec<Value>,
}

impl Became {
    fn tried(&self) -> usize {
        usize::try_from(self.moved).unwrap_or(usize::MAX) + self.pending.len() + self.refused.len()
    }
}

/// `POST /api/workflows/{name}/upgrade`: at most 1,000 runs, newest first; `next` where there may be
/// more.
pub async fn all(
    Engine(handle): Engine,
    Path(name): Path<String>,
    uri: Uri,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Json<Value>> {
    let query = Query::of(&uri, &["after"])?;
    let body = request::object(&bytes, &["from", "reason", "dry_run"])?;
    let wanted = Wanted {
        workflow: handle.machine(&name)?.spec().name.clone(),
        from: version(&body)?,
        dry_run: operate::dry_run(&body)?,
        actor: request::actor(&headers),
        reason: request::text(&body, "reason")?,
    };
    let (mut became, mut after) = (Became::default(), query.run("after")?);
    let begun = Instant::now();
    for _ in 0..PAGES {
        let rows = page(&handle, &wanted, after).await?;
        let last = rows.len() < PAGE as usize;
        for row in rows {
            if became.tried() == RUNS || begun.elapsed() > TIME {
                return Ok(shown(became, after));
            }
            if row.ended_at.is_none()
                && row.version == wanted.from
                && let Err(problem) = one(&handle, &wanted, row.run, &mut became).await
            {
                // What was done so far is said, where there is any, and this one is asked for again.
                return if became.tried() == 0 { Err(problem) } else { Ok(shown(became, after)) };
            }
            after = Some(row.run);
        }
        if last {
            return Ok(shown(became, None));
        }
    }
    Ok(shown(became, after))
}

async fn page(handle: &Handle, wanted: &Wanted, after: Option<RunId>) -> Result<Vec<RunRow>> {
    let filter = RunFilter {
        namespace: String::new(),
        workflow: Some(wanted.workflow.clone()),
        status: None,
        key: None,
        indexed: Vec::new(),
        since: None,
        after,
        limit: PAGE,
    };
    Ok(handle.runs(filter).await?)
}

async fn one(handle: &Handle, wanted: &Wanted, run: RunId, became: &mut Became) -> Result<()> {
    let act = Act::Upgrade { dry_run: wanted.dry_run };
    let by = (wanted.actor.clone(), wanted.reason.clone());
    // Crash: each move is a record of its run; what was not reached is as it was.
    match handle.operate(run, act, by.0, by.1).await {
        Ok(Decided::Done | Decided::Pending) => became.moved += 1,
        Ok(Decided::Later(input)) => {
            became.pending.push(json!({ "run": run.to_string(), "input": input }));
        }
        // It may have moved, and nobody heard of it.
        Err(error @ Error::Away { .. }) => {
            became.pending.push(json!({ "run": run.to_string(), "detail": error.to_string() }));
        }
        // Its end came first.
        Err(Error::TooLate) => {}
        // The node itself cannot go on: nothing is said of the others.
        Err(error @ (Error::Stopping | Error::Store(_))) => return Err(error.into()),
        Err(error) => became.refused.push(refused(run, &error)),
    }
    Ok(())
}

fn refused(run: RunId, error: &Error) -> Value {
    let because = match error {
        Error::Stays(why) => Some(why.word()),
        _ => None,
    };
    let code = code::of(error).name;
    let mut shown = json!({ "run": run.to_string(), "code": code, "detail": error.to_string() });
    if let Some(because) = because {
        shown["because"] = because.into();
    }
    shown
}

fn version(body: &Map<String, Value>) -> Result<u32> {
    let from = body.get("from").and_then(Value::as_u64).and_then(|from| u32::try_from(from).ok());
    from.filter(|from| *from > 0).ok_or_else(|| {
        Problem::new(code::VALUE, "`from` must be the number of a version").with("path", "from")
    })
}

fn shown(became: Became, next: Option<RunId>) -> Json<Value> {
    let Became { moved, pending, refused } = became;
    let next = next.map(|run| run.to_string());
    Json(json!({ "moved": moved, "pending": pending, "refused": refused, "next": next }))
}
