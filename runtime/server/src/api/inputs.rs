//! What became of an input that was answered 202.

use super::Engine;
use crate::problem::{Problem, Result};
use crate::request::{self, Path};
use axum::Json;
use sagaflow_core::status::Cause;
use sagaflow_engine::code;
use serde_json::{Value, json};

/// `GET /api/inputs/{id}`: `pending`, `applied` or `too_late`.
pub async fn get(Engine(handle): Engine, Path(id): Path<String>) -> Result<Json<Value>> {
    let unknown = || Problem::new(code::NOT_FOUND, "there is no such input");
    let run = id.strip_suffix(".cancel").ok_or_else(unknown)?;
    let view = handle.view(request::run_id(run).map_err(|_| unknown())?).await?;
    let state = view.state.as_ref().ok_or_else(unknown)?;
    let head = state.head();
    let status = match (&head.cause, head.pending.is_some()) {
        (Some(Cause::Cancelled { .. }), _) => "applied",
        (None, true) => "pending",
        _ => "too_late",
    };
    Ok(Json(json!({ "id": id, "status": status })))
}
