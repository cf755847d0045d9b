//! What answers for the services, and what protects them.

use super::{Engine, operate};
use crate::problem::{Problem, Result};
use crate::request::{self, Path};
use axum::Json;
use axum::body::Bytes;
use axum::http::HeaderMap;
use axum::response::Response;
use sagaflow_core::breaker::State;
use sagaflow_core::shard::{BreakerAct, ServiceState};
use sagaflow_core::value::print_time;
use sagaflow_engine::code;
use serde_json::{Map, Value, json};

/// `GET /api/services`
pub async fn list(Engine(handle): Engine) -> Result<Json<Value>> {
    let states = handle.protections().await?;
    let items: Vec<Value> = handle
        .services()
        .iter()
        .map(|(name, bound)| {
            let mut shown = json!({ "name": name, "bound": bound.kind() });
            if let Some(state) = states.iter().find(|state| state.service == *name) {
                shown["breaker"] = breaker(state);
                if let Some(limit) = &state.limit {
                    shown["limit"] = json!({
                        "calls": limit.calls, "window_ms": limit.window_ms,
                        "available": state.available,
                    });
                }
            }
            shown
        })
        .collect();
    Ok(Json(json!({ "items": items, "next": null })))
}

/// What stands between a call and its service; a service without a breaker of its own can be held
/// open too, and refused credentials hold every service off.
fn breaker(state: &ServiceState) -> Value {
    let mut shown = Map::new();
    let mut put = |name: &str, value: Value| drop(shown.insert(name.to_owned(), value));
    if let Some(held) = &state.held {
        put("state", "open".into());
        put("since", print_time(held.at).into());
        put("held_by", held.actor.clone().into());
        put("reason", held.reason.clone().into());
        return shown.into();
    }
    let (word, probe_at) = match (state.locked_out, state.breaker) {
        (Some(until), _) | (None, Some(State::Open { until })) => ("open", Some(until)),
        (None, Some(State::HalfOpen { next })) => ("half_open", Some(next)),
        (None, Some(State::Closed) | None) => ("closed", None),
    };
    put("state", word.into());
    if let Some(since) = state.since {
        put("since", print_time(since).into());
    }
    if let Some(at) = probe_at {
        put("probe_at", print_time(at).into());
    }
    shown.into()
}

/// `POST /api/services/{name}/breaker`
pub async fn operate_breaker(
    Engine(handle): Engine,
    Path(name): Path<String>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response> {
    let body = request::object(&bytes, &["state", "reason"])?;
    let reason = request::text(&body, "reason")?;
    let act = match request::text(&body, "state")?.as_str() {
        "open" => BreakerAct::Open,
        "closed" => BreakerAct::Close,
        _ => {
            let words = "`state` must be `open` or `closed`";
            return Err(Problem::new(code::VALUE, words).with("path", "state"));
        }
    };
    let decided = handle.breaker(&name, act, request::actor(&headers), reason).await?;
    Ok(operate::answer(decided, ""))
}
