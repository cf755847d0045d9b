//! A service completes, fails or heartbeats a call that it accepted with 202.
//!
//! The address was given to the service with the call. What it says is judged exactly as a direct
//! answer would have been.

use super::{Engine, operate};
use crate::problem::Result;
use crate::request::{self, Path};
use axum::body::Bytes;
use axum::response::Response;
use sagaflow_core::codegen::{CallSpec, PointKind};
use sagaflow_core::service::Purpose;
use sagaflow_core::shard::Ticket;
use sagaflow_engine::contract::Action;
use sagaflow_engine::http::{Completion, completed};
use sagaflow_engine::{Error, Handle};
use std::sync::Arc;

type Place = Path<(String, u64, u32, String)>;

/// `POST {Flow-Callback}/complete`
pub async fn complete(Engine(handle): Engine, place: Place, bytes: Bytes) -> Result<Response> {
    end(&handle, &place, Completion::Complete(bytes.to_vec())).await
}

/// `POST {Flow-Callback}/fail`
pub async fn fail(Engine(handle): Engine, place: Place, bytes: Bytes) -> Result<Response> {
    end(&handle, &place, Completion::Fail(bytes.to_vec())).await
}

/// `POST {Flow-Callback}/heartbeat`
pub async fn heartbeat(Engine(handle): Engine, place: Place) -> Result<Response> {
    let ticket = ticket(&place)?;
    let decided = handle.heartbeat(ticket).await?;
    Ok(operate::answer(decided, ""))
}

async fn end(handle: &Handle, place: &Place, completion: Completion) -> Result<Response> {
    let ticket = ticket(place)?;
    // The address that the service was given names the run alone.
    let handle = &handle.of_run(ticket.run).await?;
    let action = action(handle, ticket).await?;
    let decided = handle.complete(ticket, completed(&action, &completion)).await?;
    Ok(operate::answer(decided, ""))
}

fn ticket(Path((run, call, attempt, purpose)): &Place) -> Result<Ticket> {
    let purpose = match purpose.as_str() {
        "do" => Purpose::Do,
        "undo" => Purpose::Undo,
        "probe" => Purpose::Probe,
        _ => return Err(Error::NotFound("call").into()),
    };
    Ok(Ticket { run: request::run_id(run)?, call: *call, attempt: *attempt, purpose })
}

/// The action that the call is of, as its run's own version declares it.
async fn action(handle: &Handle, ticket: Ticket) -> Result<Action> {
    let view = handle.view(ticket.run).await?;
    if view.row.ended_at.is_some() {
        return Err(Error::TooLate.into());
    }
    let machine = handle.machine_of(&view.row).ok_or(Error::NotFound("version"))?;
    let state = view.state.as_ref().ok_or(Error::NotFound("call"))?;
    let mut calls = state.fibers().values().filter_map(|fiber| fiber.call());
    let call = calls.find(|call| call.id == ticket.call).ok_or(Error::TooLate)?;
    let spec = machine.spec();
    let point = spec.points.get(&call.at).ok_or(Error::NotFound("call"))?;
    let PointKind::Call(found) = &point.kind else { return Err(Error::NotFound("call").into()) };
    let found: &CallSpec = found;
    Ok(Action::of(found, &Arc::new(spec.schema.clone())))
}
