//! Is it alive, can it be used, what has it done. No tenant data.

use super::Engine;
use crate::listen::About;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use sagaflow_engine::{Handle, Role};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::sync::Arc;

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
pub async fn health(Engine(handle): Engine, Extension(about): Extension<Arc<About>>) -> Response {
    let counters = handle.counters().all();
    let counters: serde_json::Map<_, _> =
        counters.into_iter().map(|(name, _, value)| (name.to_owned(), value.into())).collect();
    let status = if handle.ready() { "ready" } else { "not_ready" };
    let (role, owner) = role(&handle, &about);
    let (owned, shards) = handle.shards();
    let nodes: Vec<Value> = handle
        .nodes()
        .iter()
        .map(|node| {
            let id = node.node.to_string();
            json!({ "id": id, "address": node.address, "draining": node.draining })
        })
        .collect();
    Json(json!({
        "status": status, "paused": handle.paused(), "store": about.store,
        "role": role, "owner": owner, "shards": { "owned": owned, "of": shards }, "nodes": nodes,
        "counters": counters,
    }))
    .into_response()
}

/// What this node does for the runs, and where their owner is, if somebody knows.
fn role(handle: &Handle, about: &About) -> (&'static str, Option<String>) {
    match handle.role() {
        Role::Owner => ("owner", Some(about.address.clone())),
        Role::Standby { owner } => ("standby", owner),
    }
}

/// `GET /metrics`, in the text format of Prometheus.
pub async fn metrics(Engine(handle): Engine) -> Response {
    let mut text = String::new();
    for (name, help, value) in handle.counters().all() {
        let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} counter\n{name} {value}\n");
    }
    let (owned, _) = handle.shards();
    let owns = u8::from(owned > 0);
    let _ = write!(
        text,
        "# HELP flow_node_owner Whether this node owns shards of its store\n\
         # TYPE flow_node_owner gauge\nflow_node_owner {owns}\n\
         # HELP flow_node_shards Shards that this node owns\n\
         # TYPE flow_node_shards gauge\nflow_node_shards {owned}\n"
    );
    ([(CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response()
}
