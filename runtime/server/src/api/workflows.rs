//! Definitions, and their graphs.

use super::Engine;
use crate::problem::Result;
use crate::request::Path;
use axum::Json;
use sagaflow_core::codegen::PointKind;
use serde_json::{Value, json};

/// `GET /api/workflows`
pub async fn list(Engine(handle): Engine) -> Json<Value> {
    let items: Vec<Value> = handle
        .machines()
        .map(|machine| {
            let spec = machine.spec();
            let params: Vec<_> = spec
                .params
                .iter()
                .map(|(name, ty)| json!({ "name": name, "type": spec.schema.describe(ty) }))
                .collect();
            json!({
                "name": spec.name, "version": spec.version, "hash": spec.hash, "params": params,
                "result": spec.result.as_ref().map(|ty| spec.schema.describe(ty)),
                "fails": spec.fails.iter().map(|error| error.name.clone()).collect::<Vec<_>>(),
                "keyed": spec.keyed,
                "versions": handle.versions(&spec.name).map(|machine| {
                    json!({ "version": machine.spec().version, "hash": machine.spec().hash })
                }).collect::<Vec<_>>(),
            })
        })
        .collect();
    Json(json!({ "items": items, "next": null }))
}

/// `GET /api/workflows/{name}/graph`: the durable points, in the order of the source.
pub async fn graph(Engine(handle): Engine, Path(name): Path<String>) -> Result<Json<Value>> {
    let spec = handle.machine(&name)?.spec();
    let mut points: Vec<_> = spec.points.values().collect();
    points.sort_by(|a, b| (a.line, &a.at).cmp(&(b.line, &b.at)));
    let points: Vec<Value> = points
        .into_iter()
        .map(|point| {
            let mut shown = json!({ "at": point.at, "path": point.path, "line": point.line });
            shown["kind"] = match &point.kind {
                PointKind::Begin => "begin",
                PointKind::Call(call) => {
                    shown["action"] = format!("{}.{}", call.service, call.action).into();
                    shown["class"] = json!(call.class);
                    shown["commits"] = call.commits.into();
                    "call"
                }
                PointKind::Wait => "wait",
                PointKind::Fork(_) => "fork",
                PointKind::Unit(_) => "unit",
                PointKind::Manual => "manual",
                #[expect(
                    unreachable_patterns,
                    reason = "kinds are added; an unknown one is still shown"
                )]
                _ => "other",
            }
            .into();
            shown
        })
        .collect();
    Ok(Json(json!({ "workflow": spec.name, "version": spec.version, "points": points })))
}
