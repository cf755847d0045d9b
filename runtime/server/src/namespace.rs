//! Namespaces in the path: `/api/ns/{namespace}/…` is `/api/…`, seen from that namespace.

use axum::extract::Request;
use axum::http::Uri;
use axum::http::uri::PathAndQuery;
use sagaflow_engine::Handle;

/// Bound: longest name; it is part of every key of a store.
const NAME_MAX: usize = 64;

/// The namespace that a path names.
#[derive(Clone)]
pub(crate) struct Namespace(pub(crate) String);

/// Takes the namespace out of the path, before anything is routed by it. A name that none may have
/// stays where it is: there is nothing at that address.
pub(crate) async fn split(mut request: Request) -> Request {
    if let Some((name, uri)) = parted(request.uri()) {
        *request.uri_mut() = uri;
        request.extensions_mut().insert(Namespace(name));
    }
    request
}

pub(crate) fn parted(uri: &Uri) -> Option<(String, Uri)> {
    let (name, rest) = uri.path().strip_prefix("/api/ns/")?.split_once('/')?;
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if !(1..=NAME_MAX).contains(&name.len()) || !name.chars().all(plain) {
        return None;
    }
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(format!("/api/{rest}{query}").parse::<PathAndQuery>().ok()?);
    Some((name.to_owned(), Uri::from_parts(parts).ok()?))
}

/// Base of a namespace's addresses: `/api` for the node's own.
pub(crate) fn base(handle: &Handle) -> String {
    match handle.at_home() {
        true => "/api".to_owned(),
        false => format!("/api/ns/{}", handle.namespace()),
    }
}

#[cfg(test)]
mod tests {
    use super::parted;

    #[test]
    fn a_name_is_taken_out_of_the_path_and_nothing_else_is_changed() {
        let (name, uri) = parted(&"/api/ns/team-a/runs/x%2Fy?key=a%20b".parse().unwrap()).unwrap();
        assert_eq!(
            (name.as_str(), uri.to_string().as_str()),
            ("team-a", "/api/runs/x%2Fy?key=a%20b")
        );
        let long = format!("/api/ns/{}/runs", "x".repeat(65));
        for other in ["/api/runs", "/api/ns/team-a", "/api/ns//runs", "/api/ns/a%2Fb/runs", &long] {
            assert!(parted(&other.parse().unwrap()).is_none(), "{other}");
        }
    }
}
