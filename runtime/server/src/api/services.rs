//! What answers for the services.

use super::Engine;
use axum::Json;
use serde_json::{Value, json};

/// `GET /api/services`
pub async fn list(Engine(handle): Engine) -> Json<Value> {
    let items: Vec<Value> = handle
        .services()
        .iter()
        .map(|(name, bound)| json!({ "name": name, "bound": bound.kind() }))
        .collect();
    Json(json!({ "items": items, "next": null }))
}
