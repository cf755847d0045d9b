//! What every request passes before it reaches a handler.

use crate::listen::About;
use crate::problem::Problem;
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_TYPE, HOST, ORIGIN};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use sagaflow_engine::code;
use std::sync::Arc;

/// Refuses requests that a web page of somewhere else may have caused: a name that was rebound to
/// loopback is in `Host`, another page's address in `Origin`.
pub(crate) async fn same_site(
    State(about): State<Arc<About>>,
    request: Request,
    next: Next,
) -> Response {
    match stranger(request.headers(), request.uri().host(), &about.address) {
        Some(problem) => problem.into_response(),
        None => next.run(request).await,
    }
}

fn stranger(headers: &HeaderMap, authority: Option<&str>, address: &str) -> Option<Problem> {
    let host = headers.get(HOST).map(|value| value.to_str().unwrap_or(""));
    let refused = |what: &str| Some(Problem::new(code::HOST, format!("{what} is not this node")));
    // The address that other nodes know is this node's own, whatever leads from there to loopback.
    let known = bare(address);
    let ours = |host: &str| local(host) || known.is_some_and(|own| own.eq_ignore_ascii_case(host));
    if !host.or(authority).is_some_and(ours) {
        return refused("`Host`");
    }
    let origin = headers.get(ORIGIN).map(|value| value.to_str().unwrap_or(""));
    let same = |origin: &str| {
        bare(origin).is_some_and(|bare| host.is_some_and(|host| host.eq_ignore_ascii_case(bare)))
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

/// Host and port of an address.
fn bare(address: &str) -> Option<&str> {
    address.strip_prefix("http://").or(address.strip_prefix("https://"))
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
    use axum::http::header::HOST;

    const OWN: &str = "http://127.0.0.1:7070";

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
    fn the_address_that_other_nodes_know_is_this_node_too() {
        let refused = |host: &str| {
            let headers = HeaderMap::from_iter([(HOST, host.parse().unwrap())]);
            stranger(&headers, None, "http://10.0.0.5:7070").is_some()
        };
        assert!(!refused("10.0.0.5:7070") && !refused("127.0.0.1:7070"));
        assert!(refused("10.0.0.5:7071") && refused("10.0.0.6:7070") && refused(""));
    }

    #[test]
    fn another_origin_is_refused() {
        let headers = |origin: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("host", "127.0.0.1:7070".parse().unwrap());
            headers.insert("origin", origin.parse().unwrap());
            headers
        };
        assert!(stranger(&headers("http://127.0.0.1:7070"), None, OWN).is_none());
        for origin in ["http://evil.example", "null", "http://127.0.0.1:7071"] {
            assert!(stranger(&headers(origin), None, OWN).is_some(), "{origin}");
        }
    }
}
