//! An operator acts on a run: cancel, terminate, pause, resume, retry, upgrade, resolve.

use super::Engine;
use crate::problem::{Problem, Result};
use crate::request::{self, Path};
use axum::Json;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use sagaflow_core::shard::{Act, Resolution};
use sagaflow_engine::{Decided, Handle, code};
use serde_json::{Map, Value, json};

/// `POST /api/runs/{id}/cancel`
pub async fn cancel(
    engine: Engine,
    id: Path<String>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response> {
    act(engine.0, &id.0, &headers, &bytes, Act::Cancel).await
}

/// `POST /api/runs/{id}/terminate`
pub async fn terminate(
    engine: Engine,
    id: Path<String>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response> {
    act(engine.0, &id.0, &headers, &bytes, Act::Terminate).await
}

/// `POST /api/runs/{id}/pause`
pub async fn pause(
    engine: Engine,
    id: Path<String>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response> {
    act(engine.0, &id.0, &headers, &bytes, Act::Pause).await
}

/// `POST /api/runs/{id}/resume`
pub async fn resume(
    engine: Engine,
    id: Path<String>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response> {
    act(engine.0, &id.0, &headers, &bytes, Act::Resume).await
}

/// `POST /api/runs/{id}/retry`
pub async fn retry(
    engine: Engine,
    id: Path<String>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response> {
    act(engine.0, &id.0, &headers, &bytes, Act::Retry(None)).await
}

/// `POST /api/runs/{id}/upgrade`
pub async fn upgrade(
    Engine(handle): Engine,
    id: Path<String>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response> {
    let run = request::run_id(&id.0)?;
    let body = request::object(&bytes, &["reason", "dry_run"])?;
    let (reason, dry_run) = (request::text(&body, "reason")?, dry_run(&body)?);
    let act = Act::Upgrade { dry_run };
    let decided = handle.operate(run, act, request::actor(&headers), reason).await?;
    if dry_run && decided == Decided::Done {
        return Ok(Json(json!({ "status": "possible" })).into_response());
    }
    Ok(answer(decided, &format!("{run}.cancel")))
}

/// Whether nothing is to be done but to say what would be.
pub fn dry_run(body: &Map<String, Value>) -> Result<bool> {
    match body.get("dry_run") {
        None => Ok(false),
        Some(Value::Bool(dry)) => Ok(*dry),
        Some(_) => {
            let words = "`dry_run` must be true or false";
            Err(Problem::new(code::VALUE, words).with("path", "dry_run"))
        }
    }
}

async fn act(
    handle: Handle,
    id: &str,
    headers: &HeaderMap,
    bytes: &Bytes,
    act: Act,
) -> Result<Response> {
    let run = request::run_id(id)?;
    let body = request::object(bytes, &["reason"])?;
    let (actor, reason) = (request::actor(headers), request::text(&body, "reason")?);
    let decided = handle.operate(run, act, actor, reason).await?;
    Ok(answer(decided, &format!("{run}.cancel")))
}

/// `POST /api/runs/{id}/steps/{path}/resolve`
pub async fn resolve(
    Engine(handle): Engine,
    Path((id, path)): Path<(String, String)>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response> {
    let run = request::run_id(&id)?;
    let body = request::object(&bytes, &["outcome", "reason"])?;
    let reason = request::text(&body, "reason")?;
    let outcome = resolution(body.get("outcome"))?;
    let act = Act::Resolve { path, outcome };
    let decided = handle.operate(run, act, request::actor(&headers), reason).await?;
    Ok(answer(decided, &format!("{run}.cancel")))
}

/// `{"ok": …}`, `{"failed": {"name": …, "payload": …}}`, `"again"` or `"give_up"`.
pub fn resolution(outcome: Option<&Value>) -> Result<Resolution> {
    let words = "`outcome` must be `{\"ok\": …}`, `{\"failed\": {\"name\": …}}`, `\"again\"` or `\"give_up\"`";
    let bad = || Problem::new(code::VALUE, words).with("path", "outcome");
    serde_json::from_value(outcome.cloned().ok_or_else(bad)?).map_err(|_| bad())
}

/// 200 for a decision that took effect, 202 for one that waits for an unresolved step, or that takes
/// longer than a request waits.
pub fn answer(decided: Decided, input: &str) -> Response {
    let input = match decided {
        Decided::Done => {
            return (StatusCode::OK, Json(json!({ "status": "applied" }))).into_response();
        }
        Decided::Pending => input.to_owned(),
        Decided::Later(input) => input,
    };
    (StatusCode::ACCEPTED, Json(json!({ "status": "pending", "input": input }))).into_response()
}
