//! Every address of the API; one file per resource.

mod calls;
mod events;
mod feed;
mod health;
mod inputs;
mod items;
mod operate;
mod runs;
mod services;
mod shape;
mod upgrade;
mod workflows;

use crate::forward::{self, Forward};
use crate::guards;
use crate::listen::{About, Current};
use crate::namespace::{self, Namespace};
use crate::problem::Problem;
use crate::request::BODY_MAX;
use axum::extract::{DefaultBodyLimit, FromRef, FromRequestParts};
use axum::http::Method;
use axum::http::request::Parts;
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Router};
use sagaflow_engine::{Handle, code};
use std::any::Any;
use std::convert::Infallible;
use std::sync::{Arc, PoisonError};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::limit::RequestBodyLimitLayer;

/// The engine that answers this request.
pub(crate) struct Engine(pub(crate) Handle);

impl<S> FromRequestParts<S> for Engine
where
    Current: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let current = Current::from_ref(state);
        let handle = current.read().unwrap_or_else(PoisonError::into_inner).clone();
        Ok(Self(match parts.extensions.get::<Namespace>() {
            Some(Namespace(name)) => handle.in_namespace(name),
            None => handle,
        }))
    }
}

/// The whole API.
pub(crate) fn router(current: Current, about: About) -> Router {
    let about = Arc::new(about);
    let to_owner = Arc::new(Forward::new(Arc::clone(&current)));
    let api = Router::new()
        .route("/workflows", get(workflows::list))
        .route("/workflows/{name}/graph", get(workflows::graph))
        .route("/workflows/{name}/runs", post(runs::start))
        .route("/workflows/{name}/upgrade", post(upgrade::all))
        .route("/runs", get(runs::list))
        .route("/runs/{id}", get(runs::get))
        .route("/runs/{id}/history", get(runs::history))
        .route("/runs/{id}/events", get(feed::events))
        .route("/runs/{id}/cancel", post(operate::cancel))
        .route("/runs/{id}/terminate", post(operate::terminate))
        .route("/runs/{id}/pause", post(operate::pause))
        .route("/runs/{id}/resume", post(operate::resume))
        .route("/runs/{id}/retry", post(operate::retry))
        .route("/runs/{id}/upgrade", post(operate::upgrade))
        .route("/runs/{id}/steps/{path}/resolve", post(operate::resolve))
        .route("/runs/{id}/calls/{call}/{attempt}/{purpose}/complete", post(calls::complete))
        .route("/runs/{id}/calls/{call}/{attempt}/{purpose}/fail", post(calls::fail))
        .route("/runs/{id}/calls/{call}/{attempt}/{purpose}/heartbeat", post(calls::heartbeat))
        .route("/inputs/{id}", get(inputs::get))
        .route("/tasks", get(items::tasks))
        .route("/tasks/{id}", get(items::task))
        .route("/tasks/{id}/claim", post(items::claim))
        .route("/tasks/{id}/release", post(items::release))
        .route("/tasks/{id}/answer", post(items::answer))
        .route("/tasks/{id}/comment", post(items::comment))
        .route("/reviews", get(items::reviews))
        .route("/reviews/{id}/resolve", post(items::resolve_review))
        .route("/dead-letters", get(items::dead_letters))
        .route("/dead-letters/replay", post(items::replay))
        .route("/dead-letters/{id}/retry", post(items::retry))
        .route("/dead-letters/{id}/resolve", post(items::resolve))
        .route("/events/{name}", post(events::deliver))
        .route("/services", get(services::list))
        .route("/services/{name}/breaker", post(services::operate_breaker))
        .route("/health", get(health::health))
        .method_not_allowed_fallback(no_method)
        .with_state(current.clone());
    let all = Router::new()
        .nest("/api", api)
        .route("/health", get(health::health))
        .route("/health/live", get(health::live))
        .route("/health/ready", get(health::ready))
        .route("/metrics", get(health::metrics))
        .with_state(current)
        .method_not_allowed_fallback(no_method)
        .fallback(no_route);
    // Order: the namespace is taken out of the path before the routes are looked at.
    Router::new()
        .fallback_service(all)
        .layer(middleware::map_request(namespace::split))
        // Order: what is sent on keeps its namespace, and was bounded and judged here before.
        .layer(middleware::from_fn_with_state(to_owner, forward::forward))
        .layer(Extension(Arc::clone(&about)))
        .layer(DefaultBodyLimit::disable())
        .layer(RequestBodyLimitLayer::new(BODY_MAX))
        .layer(middleware::map_response(too_large))
        .layer(middleware::from_fn_with_state(about, guards::same_site))
        .layer(CatchPanicLayer::custom(panicked))
}

async fn no_route() -> Problem {
    Problem::new(code::NO_ROUTE, "there is nothing at this address")
}

async fn no_method(method: Method) -> Problem {
    Problem::new(code::METHOD, format!("this address does not take {method}"))
}

/// The limit answers in plain text by itself.
async fn too_large(response: Response) -> Response {
    if response.status() != axum::http::StatusCode::PAYLOAD_TOO_LARGE {
        return response;
    }
    let detail = format!("a body may have {BODY_MAX} bytes");
    Problem::new(code::TOO_LARGE, detail).into_response()
}

fn panicked(_: Box<dyn Any + Send>) -> Response {
    Problem::new(code::PANIC, "the request ended in a panic; the log has more").into_response()
}
