//! Events over HTTP.

use super::Engine;
use crate::problem::Result;
use crate::request::{self, Path};
use axum::Json;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use sagaflow_engine::Delivered;
use serde_json::json;

/// `POST /api/events/{Event}`: the body is the payload, `Idempotency-Key` the sender's id.
pub async fn deliver(
    Engine(handle): Engine,
    Path(name): Path<String>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response> {
    let payload = request::body(&bytes)?;
    let Delivered { id, later } = handle.event(&name, request::key(&headers)?, &payload).await?;
    Ok(match later {
        None => Json(json!({ "id": id })).into_response(),
        Some(input) => {
            let body = json!({ "id": id, "status": "pending", "input": input });
            (StatusCode::ACCEPTED, Json(body)).into_response()
        }
    })
}
