//! Events over HTTP.

use super::Engine;
use crate::problem::Result;
use crate::request::{self, Path};
use axum::Json;
use axum::body::Bytes;
use axum::http::HeaderMap;
use serde_json::{Value, json};

/// `POST /api/events/{Event}`: the body is the payload, `Idempotency-Key` the sender's id.
pub async fn deliver(
    Engine(handle): Engine,
    Path(name): Path<String>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Json<Value>> {
    let payload = request::body(&bytes)?;
    let id = handle.event(&name, request::key(&headers)?, &payload).await?;
    Ok(Json(json!({ "id": id })))
}
