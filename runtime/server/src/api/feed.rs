//! What happens to a run as Server-Sent Events, resumable by `Last-Event-ID`.
//!
//! ```text
//! id: 3                     number of the record
//! event: record             then the record; at last `event: end` with the run
//! ```

use super::{Engine, shape};
use crate::problem::Result;
use crate::request::{self, Path, bad};
use axum::http::{HeaderMap, StatusCode};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use sagaflow_core::id::RunId;
use sagaflow_engine::{Handle, Told};
use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;
use tokio::sync::broadcast;

/// Bound: what a lost wake-up costs.
const LOOK: Duration = Duration::from_secs(5);

struct Feed {
    handle: Handle,
    run: RunId,
    told: u64,
    ready: VecDeque<Event>,
    /// Wakes the feed; what it says is read from the store, so nothing is told twice or left out.
    wake: broadcast::Receiver<Told>,
    over: bool,
}

/// `GET /api/runs/{id}/events`
pub async fn events(
    Engine(handle): Engine,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response> {
    let run = request::run_id(&id)?;
    let last = headers.get("last-event-id").map(|value| value.to_str().unwrap_or(""));
    let told = last.map(|text| text.parse::<u64>().map_err(|_| bad("Last-Event-ID", "a number")));
    let told = told.transpose()?.unwrap_or(0);
    // Order: watching begins before the look, so that nothing happens in between unseen.
    let wake = handle.watch(run)?;
    let view = handle.view(run).await?;
    let nothing_more =
        view.row.ended_at.is_some() && handle.history(run, told, 1).await?.is_empty();
    if told > 0 && nothing_more {
        // A browser connects again until it is told not to.
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let feed = Feed { handle, run, told, ready: VecDeque::new(), wake, over: false };
    let stream = stream::unfold(feed, |mut feed| async move {
        let event = feed.next().await?;
        Some((Ok::<_, Infallible>(event), feed))
    });
    Ok(Sse::new(stream).keep_alive(KeepAlive::default()).into_response())
}

impl Feed {
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some(event);
            }
            if self.over || self.read().await.is_none() {
                return None;
            }
            if !self.ready.is_empty() || self.over {
                continue;
            }
            tokio::select! {
                told = self.wake.recv() => {
                    if matches!(told, Err(broadcast::error::RecvError::Closed)) {
                        return None;
                    }
                }
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }

    /// Reads what is recorded beyond what was told; nothing where the store cannot be read: the
    /// client connects again with its last id.
    async fn read(&mut self) -> Option<()> {
        // Order: whether it ended is asked before the records, so that the end comes after them.
        let view = self.handle.view(self.run).await.ok()?;
        let page = self.handle.history(self.run, self.told, u32::MAX).await.ok()?;
        for entry in &page {
            self.told = entry.number;
            let data = shape::entry(entry).to_string();
            let event = Event::default().id(entry.number.to_string()).event("record").data(data);
            self.ready.push_back(event);
        }
        if page.is_empty() && view.row.ended_at.is_some() {
            self.over = true;
            let history = shape::whole_history(&self.handle, self.run).await.ok()?;
            let run = shape::short(&self.handle, &view, &history);
            let data = serde_json::Value::Object(run).to_string();
            self.ready
                .push_back(Event::default().id(self.told.to_string()).event("end").data(data));
        }
        Some(())
    }
}
