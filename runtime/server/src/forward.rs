//! Sending on to the owner of a shard what this node cannot decide.
//!
//! ```text
//!  client ──► node ───── Flow-Forwarded: 1 ──► owner
//!         ◄── as it comes ◄────────────────────┘
//! ```
//!
//! Promises: a request is sent on once at most, and never by two nodes in a row; whether it was sent
//! is told truly: 503 where it was not, 504 where nobody knows what became of it. Reads are answered
//! from the store by whichever node is asked. Must not decide anything about a run.

use crate::listen::Current;
use crate::namespace;
use crate::problem::{Elsewhere, Problem, Result};
use crate::request::{BODY_MAX, WAIT_MAX};
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::header::{CONNECTION, CONTENT_LENGTH, EXPECT, HOST, ORIGIN, TRANSFER_ENCODING};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, Stream};
use sagaflow_engine::{Handle, code};
use std::io;
use std::pin::Pin;
use std::sync::{OnceLock, PoisonError};
use std::time::Duration;

/// On a request that another node has sent on.
const FORWARDED: HeaderName = HeaderName::from_static("flow-forwarded");

/// Bound: how long a connection to the owner may take; nothing was sent until then.
const CONNECT: Duration = Duration::from_secs(2);

/// Bound: how long the owner may take to begin its answer: the longest wait, a decision after it, and
/// a little more.
const ANSWER: Duration = WAIT_MAX.saturating_add(Duration::from_secs(15));

/// Bound: how long an owner that was replaced is waited for; it may be stopped in the middle.
const LOOK: Duration = Duration::from_millis(250);

/// How long a connection to the owner is kept for the next request.
const IDLE: Duration = Duration::from_secs(10);

/// When to come back, where there is no owner.
const RETRY_MS: i64 = 1_000;

/// Headers that are about one connection, and those that were judged or are made anew here.
const OWN: [HeaderName; 11] = [
    CONNECTION,
    TRANSFER_ENCODING,
    CONTENT_LENGTH,
    EXPECT,
    HOST,
    // Order: compared with this node's own address before; the owner has another one.
    ORIGIN,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    HeaderName::from_static("te"),
    HeaderName::from_static("trailer"),
    HeaderName::from_static("upgrade"),
];

/// The way from this node to the owner.
pub(crate) struct Forward {
    current: Current,
    /// Made by the first request that needs it.
    client: OnceLock<reqwest::Client>,
}

/// A request, to be sent on.
struct Sent {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
}

/// What the owner says, as it comes.
type Chunks = Pin<Box<dyn Stream<Item = reqwest::Result<Bytes>> + Send>>;

impl Forward {
    pub(crate) fn new(current: Current) -> Self {
        Self { current, client: OnceLock::new() }
    }

    /// Sends a request on.
    ///
    /// Crash: of either node, after it was sent: the owner's record decides whether it was done, and
    /// the caller, who has no answer, asks again with the same key.
    async fn send(&self, handle: Handle, owner: Option<String>, request: Sent) -> Result<Response> {
        let nobody = || elsewhere("another node owns the run, and which one is not known");
        let Sent { method, uri, headers, body } = request;
        if headers.contains_key(&FORWARDED) {
            return Err(elsewhere(
                "this node does not own the run, and the request was sent on to it",
            ));
        }
        let owner = owner.ok_or_else(nobody)?;
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let mut headers = passed_on(&headers);
        headers.insert(FORWARDED, HeaderValue::from_static("1"));
        let call = self.client()?.request(method.clone(), format!("{owner}{path}"));
        let call = call.headers(headers).body(body).send();
        let answer = tokio::select! {
            biased;
            answer = tokio::time::timeout(ANSWER, call) => answer.ok(),
            () = replaced(&handle, &owner) => None,
        };
        match answer {
            Some(Ok(answer)) => Ok(streamed(answer, handle, owner)),
            Some(Err(error)) if error.is_connect() || error.is_builder() => {
                Err(elsewhere("another node owns the run, and it cannot be reached"))
            }
            Some(Err(_)) | None if is_safe(&method) => {
                Err(elsewhere("another node owns the run, and it did not answer"))
            }
            Some(Err(_)) | None => Err(unknown()),
        }
    }

    fn client(&self) -> Result<&reqwest::Client> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let built = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .connect_timeout(CONNECT)
            .pool_idle_timeout(IDLE)
            .build();
        let built = built.map_err(|error| {
            tracing::error!(%error, "no client for the owner can be made");
            elsewhere("another node owns the run, and it cannot be reached")
        })?;
        Ok(self.client.get_or_init(|| built))
    }
}

/// Lets another node answer what only that one can decide.
///
/// Order: this node tries first; what it says is [`Elsewhere`] was not begun here.
pub(crate) async fn forward(
    State(forward): State<std::sync::Arc<Forward>>,
    request: Request,
    next: Next,
) -> Response {
    let handle = forward.current.read().unwrap_or_else(PoisonError::into_inner).clone();
    if !handle.is_member() || is_read(request.method(), request.uri()) {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    let body = match axum::body::to_bytes(body, BODY_MAX).await {
        Ok(body) => body,
        Err(_) => {
            let detail = format!("a body may have {BODY_MAX} bytes");
            return Problem::new(code::TOO_LARGE, detail).into_response();
        }
    };
    let sent = Sent {
        method: parts.method.clone(),
        uri: parts.uri.clone(),
        headers: parts.headers.clone(),
        body: body.clone(),
    };
    let response = next.run(Request::from_parts(parts, Body::from(body))).await;
    match response.extensions().get::<Elsewhere>().cloned() {
        Some(Elsewhere(owner)) => {
            let answer = forward.send(handle, owner, sent).await;
            answer.unwrap_or_else(IntoResponse::into_response)
        }
        None => response,
    }
}

/// Whether the store alone answers it. What is not known to be a read is the owner's.
fn is_read(method: &Method, uri: &Uri) -> bool {
    if !is_safe(method) {
        return false;
    }
    let bare = namespace::parted(uri).map(|(_, uri)| uri);
    let path = bare.as_ref().unwrap_or(uri).path();
    let parts: Vec<&str> = path.split('/').skip(1).collect();
    // These ask the owner's memory: what protects services, what waits for a decision, what happens.
    !matches!(
        parts.as_slice(),
        ["api", "services" | "inputs", ..] | ["api", "runs", _, "events", ..]
    )
}

/// Whether a method changes nothing, whatever becomes of the request.
fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// Headers that are meant for the other end.
fn passed_on(headers: &HeaderMap) -> HeaderMap {
    let named = headers.get_all(CONNECTION).iter().filter_map(|value| value.to_str().ok());
    let named: Vec<String> =
        named.flat_map(|all| all.split(',')).map(|name| name.trim().to_lowercase()).collect();
    let ours =
        |name: &HeaderName| OWN.contains(name) || named.iter().any(|other| other == name.as_str());
    headers
        .iter()
        .filter(|(name, _)| !ours(name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

/// The owner's answer, passed on as it comes.
fn streamed(answer: reqwest::Response, handle: Handle, owner: String) -> Response {
    let (status, headers) = (answer.status(), passed_on(answer.headers()));
    let chunks: Chunks = Box::pin(answer.bytes_stream());
    let body = stream::unfold((chunks, handle, owner), |(mut chunks, handle, owner)| async move {
        use futures_util::StreamExt as _;
        let chunk = tokio::select! {
            biased;
            chunk = chunks.next() => chunk?.map_err(io::Error::other),
            // What it would have said is not known: the answer is cut off, so that it is not taken
            // for whole. A watcher connects again and goes on after what it has.
            () = replaced(&handle, &owner) => Err(io::Error::other("the owner was replaced")),
        };
        Some((chunk, (chunks, handle, owner)))
    });
    (status, headers, Body::from_stream(body)).into_response()
}

/// Ends when this owner's leases have run out and others have theirs.
async fn replaced(handle: &Handle, owner: &str) {
    loop {
        tokio::time::sleep(LOOK).await;
        if handle.replaced(owner) {
            return;
        }
    }
}

/// Nothing was done.
fn elsewhere(detail: &str) -> Problem {
    Problem::new(code::ELSEWHERE, detail).after(RETRY_MS)
}

/// It may have been done.
fn unknown() -> Problem {
    let detail = "the owner was sent the request and did not answer: it may have been done; the same \
                  request with the same key does it once";
    Problem::new(code::OUTCOME, detail).after(RETRY_MS)
}

#[cfg(test)]
mod tests {
    use super::{is_read, passed_on};
    use axum::http::{HeaderMap, Method};

    #[test]
    fn only_what_the_store_alone_answers_is_a_read() {
        let read = |method: Method, path: &str| is_read(&method, &path.parse().unwrap());
        for path in [
            "/api/runs?status=parked",
            "/api/ns/team/runs/x",
            "/api/runs/x/history?after=1",
            "/api/tasks/x",
            "/api/workflows/W/graph",
            "/health/ready",
            "/metrics",
        ] {
            assert!(read(Method::GET, path), "{path}");
            assert!(!read(Method::POST, path), "{path}");
            assert!(!read(Method::DELETE, path), "{path}");
        }
        for path in [
            "/api/services",
            "/api/inputs/x.cancel",
            "/api/runs/x/events",
            "/api/ns/team/runs/x/events",
            "/api/ns/team/services",
        ] {
            assert!(!read(Method::GET, path), "{path}");
        }
    }

    #[test]
    fn headers_of_one_connection_stay_on_it() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("host", "127.0.0.1:1"),
            ("origin", "http://127.0.0.1:1"),
            ("connection", "close, X-Hop"),
            ("x-hop", "1"),
            ("transfer-encoding", "chunked"),
            ("content-length", "5"),
            ("idempotency-key", "k"),
            ("flow-actor", "anna"),
            ("last-event-id", "7"),
        ] {
            headers.insert(name, value.parse().unwrap());
        }
        let passed = passed_on(&headers);
        let mut names: Vec<_> = passed.keys().map(|name| name.as_str()).collect();
        names.sort_unstable();
        assert_eq!(names, ["flow-actor", "idempotency-key", "last-event-id"]);
    }
}
