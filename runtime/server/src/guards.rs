//! What every request passes before it reaches a handler.

use crate::problem::Problem;
use axum::extract::Request;
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_TYPE, HOST, ORIGIN};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use sagaflow_engine::code;

/// Refuses requests that a web page of somewhere else may have caused: a name that was rebound to
/// loopback is in `Host`, another page's address in `Origin`.
pub async fn same_site(request: Request, next: Next) -> Response {
    match stranger(request.headers(), request.uri().host()) {
        Some(problem) => problem.into_response(),
        None => next.run(request).await,
    }
}

fn stranger(headers: &HeaderMap, authority: Option<&str>) -> Option<Problem> {
    let host = headers.get(HOST).map(|value| value.to_str().unwrap_or(""));
    let refused = |what: &str| Some(Problem::new(code::HOST, format!("{what} is not this node")));
    if !host.or(authority).is_some_and(local) {
        return refused("`Host`");
    }
    let origin = headers.get(ORIGIN).map(|value| value.to_str().unwrap_or(""));
    let same = |origin: &str| {
        let bare = origin.strip_prefix("http://").or(origin.strip_prefix("https://"));
        bare.is_some_and(|bare| host.is_some_and(|host| host.eq_ignore_ascii_case(bare)))
    };
    if origin.is_some_and(|origin| !same(origin)) {
        return refused("`Origin`");
    }
    // A form of another page can be sent as text without being asked; JSON cannot.
    let kind = headers.get(CONTENT_TYPE).map(|value| value.to_str().unwrap_or(""));
    let simple = |kind: &str| {
        let kind = kind.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
        matches!(kind.as_str(), "text/plain" | "multipart/form-data")
    };
    match kind {
        Some(kind) if simple(kind) => {
            Some(Problem::new(code::NOT_JSON, "the body must be `application/json`"))
        }
        _ => None,
    }
}

/// Whether a `Host` names loopback.
fn local(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or(""),
        None => host.split(':').next().unwrap_or(""),
    };
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::{local, stranger};
    use axum::http::HeaderMap;

    #[test]
    fn only_loopback_is_this_node() {
        for host in ["localhost", "LOCALHOST:7070", "127.0.0.1:7070", "[::1]:7070", "127.1.2.3"] {
            assert!(local(host), "{host}");
        }
        for host in ["", "evil.example", "127.0.0.1.evil.example", "localhost.evil", "192.168.0.1"]
        {
            assert!(!local(host), "{host}");
        }
    }

    #[test]
    fn another_origin_is_refused() {
        let headers = |origin: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("host", "127.0.0.1:7070".parse().unwrap());
            headers.insert("origin", origin.parse().unwrap());
            headers
        };
        assert!(stranger(&headers("http://127.0.0.1:7070"), None).is_none());
        for origin in ["http://evil.example", "null", "http://127.0.0.1:7071"] {
            assert!(stranger(&headers(origin), None).is_some(), "{origin}");
        }
    }
}
