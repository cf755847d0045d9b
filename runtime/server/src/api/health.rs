//! Is it alive, can it be used, what has it done. No tenant data.

use super::Engine;
use axum::Json;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde_json::json;
use std::fmt::Write as _;

/// `GET /health/live`
pub async fn live() -> Response {
    Json(json!({ "status": "live" })).into_response()
}

/// `GET /health/ready`
pub async fn ready(Engine(handle): Engine) -> Response {
    let (status, word) = match handle.ready() {
        true => (StatusCode::OK, "ready"),
        false => (StatusCode::SERVICE_UNAVAILABLE, "not_ready"),
    };
    (status, Json(json!({ "status": word }))).into_response()
}

/// `GET /health`, `GET /api/health`
pub async fn health(Engine(handle): Engine) -> Response {
    let counters = handle.counters().all();
    let counters: serde_json::Map<_, _> =
        counters.into_iter().map(|(name, _, value)| (name.to_owned(), value.into())).collect();
    let status = if handle.ready() { "ready" } else { "not_ready" };
    Json(json!({ "status": status, "paused": handle.paused(), "counters": counters }))
        .into_response()
}

/// `GET /metrics`, in the text format of Prometheus.
pub async fn metrics(Engine(handle): Engine) -> Response {
    let mut text = String::new();
    for (name, help, value) in handle.counters().all() {
        let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} counter\n{name} {value}\n");
    }
    ([(CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response()
}
