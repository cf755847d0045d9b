//! Is it alive, can it be used, what has it done. No tenant data.

use super::Engine;
use crate::listen::About;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use sagaflow_engine::{Handle, Role, kafka};
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
    let mut shown = json!({
        "status": status, "paused": handle.paused(), "store": about.store,
        "role": role, "owner": owner, "shards": { "owned": owned, "of": shards }, "nodes": nodes,
        "counters": counters,
    });
    if let Some(brokers) = handle.brokers() {
        shown["kafka"] = kafka(&brokers);
    }
    Json(shown).into_response()
}

/// The brokers that are away make events late, and this node no less ready.
fn kafka(brokers: &kafka::Health) -> Value {
    let status = match (&brokers.away, brokers.unusable.is_empty()) {
        (Some(_), _) => "away",
        (None, false) => "topics_unusable",
        (None, true) => "ready",
    };
    let lag: Vec<Value> = brokers
        .lag
        .iter()
        .map(|(at, lag)| json!({ "topic": &*at.topic, "partition": at.number, "records": lag }))
        .collect();
    json!({
        "status": status, "away_ms": brokers.away.map(|it| it.as_millis() as u64),
        "trouble": brokers.trouble, "unusable": brokers.unusable, "lag": lag,
        "unacknowledged": brokers.unacknowledged,
        "waiting_ms": brokers.waiting.map(|it| it.as_millis() as u64),
    })
}

/// The gauges of topics.
fn topics(brokers: &kafka::Health, text: &mut String) {
    let ms = |it: Option<std::time::Duration>| it.map_or(0, |it| it.as_millis() as u64);
    let gauges = [
        ("flow_brokers_away_ms", "For how long brokers have not answered", ms(brokers.away)),
        ("flow_topics_unusable", "Topics that cannot be used", brokers.unusable.len() as u64),
        ("flow_events_unacknowledged", "Events that wait for brokers", brokers.unacknowledged),
        ("flow_events_waiting_ms", "How long the first of them has waited", ms(brokers.waiting)),
    ];
    // Writing to a string does not fail.
    for (name, help, value) in gauges {
        let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} gauge\n{name} {value}\n");
    }
    let name = "flow_partition_lag_records";
    let _ = write!(text, "# HELP {name} Records that were not read yet\n# TYPE {name} gauge\n");
    for (at, lag) in &brokers.lag {
        let (topic, partition) = (&at.topic, at.number);
        let _ = writeln!(text, "{name}{{topic=\"{topic}\",partition=\"{partition}\"}} {lag}");
    }
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
    if let Some(brokers) = handle.brokers() {
        topics(&brokers, &mut text);
    }
    ([(CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response()
}
