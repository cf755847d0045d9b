//! What became of an input that was answered 202.

use super::Engine;
use crate::problem::{Problem, Result};
use crate::request::{self, Path};
use axum::Json;
use sagaflow_core::status::Cause;
use sagaflow_engine::code;
use sagaflow_engine::inputs::Became;
use serde_json::{Value, json};

/// `GET /api/inputs/{id}`: `pending`, `applied` or `too_late`; one that was refused is answered as the
/// request itself would have been.
pub async fn get(Engine(handle): Engine, Path(id): Path<String>) -> Result<Json<Value>> {
    let unknown = || Problem::new(code::NOT_FOUND, "there is no such input");
    if let Some(became) = handle.input(&id)? {
        let status = match became {
            Became::Pending => "pending",
            Became::Applied => "applied",
            Became::TooLate => "too_late",
            Became::Refused(error) => return Err(error.into()),
        };
        return Ok(Json(json!({ "id": id, "status": status })));
    }
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
