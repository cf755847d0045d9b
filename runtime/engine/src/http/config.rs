//! How a service is bound to a URL: what the configuration says, checked and made ready.
//!
//! Promises: secrets (`env:NAME` and every header value) never appear in `Debug` or in an error;
//! headers that the engine sets itself cannot be overridden.

use reqwest::Url;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use std::collections::BTreeMap;

/// One `[services."…"]` table.
#[derive(Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Binding {
    /// Base URL: an action is posted to `{url}/{action}`.
    pub url: String,
    /// Extra headers; a value `env:NAME` is read from the environment.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Statuses that stand for a declared error, `402 = "Declined"`.
    #[serde(default)]
    pub errors: BTreeMap<String, String>,
}

impl Binding {
    /// A binding to a URL with nothing else said, as `--bind` makes it.
    #[must_use]
    pub fn to(url: &str) -> Self {
        Self { url: url.to_owned(), headers: BTreeMap::new(), errors: BTreeMap::new() }
    }
}

impl std::fmt::Debug for Binding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let headers: Vec<_> = self.headers.keys().map(|name| format!("{name}: …")).collect();
        f.debug_struct("Binding")
            .field("url", &redacted(&self.url))
            .field("headers", &headers)
            .field("errors", &self.errors)
            .finish()
    }
}

/// The URL without user, password and query, for people to read.
#[must_use]
pub fn redacted(url: &str) -> String {
    let Ok(mut parsed) = Url::parse(url) else { return "…".to_owned() };
    let bare = parsed.set_username("").and_then(|()| parsed.set_password(None));
    parsed.set_query(None);
    if bare.is_ok() { parsed.to_string() } else { "…".to_owned() }
}

/// Whether the URL names this machine by an address that leads nowhere else.
#[must_use]
pub fn is_loopback(url: &str) -> bool {
    let Ok(parsed) = Url::parse(url) else { return false };
    let Some(host) = parsed.host_str() else { return false };
    // An address of IPv6 stands in brackets.
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || bare.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Why a binding cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// The URL is none we can post to.
    #[error("the URL of `{service}` must be `http://…` or `https://…` without a query")]
    Url {
        /// Qualified service.
        service: String,
    },
    /// A header that HTTP does not know how to write.
    #[error("`{header}` of `{service}` is not a header that can be sent")]
    Header {
        /// Qualified service.
        service: String,
        /// Name as configured.
        header: String,
    },
    /// A header that belongs to the engine.
    #[error("the header `{header}` of `{service}` is set by the engine")]
    Reserved {
        /// Qualified service.
        service: String,
        /// Name as configured.
        header: String,
    },
    /// A variable that is not set.
    #[error("`{service}` needs the environment variable `{variable}` for its header `{header}`")]
    Variable {
        /// Qualified service.
        service: String,
        /// Name as configured.
        header: String,
        /// The variable.
        variable: String,
    },
    /// A status that is none, or that must not be mapped.
    #[error("`{status}` of `{service}` is not a status from 400 to 599")]
    Status {
        /// Qualified service.
        service: String,
        /// As configured.
        status: String,
    },
    /// An error that no action of the service declares.
    #[error("no action of `{service}` declares an error `{error}`")]
    Error {
        /// Qualified service.
        service: String,
        /// As configured.
        error: String,
    },
    /// The HTTP client could not be made.
    #[error("the HTTP client could not be made: {0}")]
    Client(String),
}

/// Headers that say what a call is; nobody else may say it.
const RESERVED: &[&str] = &[
    "host",
    "content-length",
    "content-type",
    "transfer-encoding",
    "connection",
    "idempotency-key",
    "traceparent",
];

/// Headers of a binding with their variables resolved by `env`.
pub fn headers(
    service: &str,
    binding: &Binding,
    env: impl Fn(&str) -> Option<String>,
) -> Result<HeaderMap, Unusable> {
    let mut headers = HeaderMap::new();
    for (name, value) in &binding.headers {
        let header = name.to_ascii_lowercase();
        let service = service.to_owned();
        if RESERVED.contains(&header.as_str()) || header.starts_with("flow-") {
            return Err(Unusable::Reserved { service, header });
        }
        let value = match value.strip_prefix("env:") {
            None => value.clone(),
            Some(variable) => env(variable).ok_or_else(|| Unusable::Variable {
                service: service.clone(),
                header: header.clone(),
                variable: variable.to_owned(),
            })?,
        };
        let parsed = HeaderName::try_from(&header).ok().zip(HeaderValue::try_from(value).ok());
        let Some((key, mut value)) = parsed else {
            return Err(Unusable::Header { service, header });
        };
        value.set_sensitive(true);
        headers.insert(key, value);
    }
    Ok(headers)
}

/// The base URL, ending in a slash so that an action can be joined to it.
pub fn base(service: &str, url: &str) -> Result<Url, Unusable> {
    let unusable = || Unusable::Url { service: service.to_owned() };
    let mut parsed = Url::parse(url).map_err(|_| unusable())?;
    let fits = matches!(parsed.scheme(), "http" | "https")
        && parsed.has_host()
        && parsed.query().is_none()
        && parsed.fragment().is_none();
    if !fits {
        return Err(unusable());
    }
    if !parsed.path().ends_with('/') {
        let path = format!("{}/", parsed.path());
        parsed.set_path(&path);
    }
    Ok(parsed)
}

/// Mapped statuses, each naming an error that `known` accepts.
pub fn statuses(
    service: &str,
    binding: &Binding,
    known: impl Fn(&str) -> bool,
) -> Result<BTreeMap<u16, String>, Unusable> {
    let mut map = BTreeMap::new();
    for (status, error) in &binding.errors {
        let number = status.parse::<u16>().ok().filter(|number| (400..600).contains(number));
        let Some(number) = number else {
            return Err(Unusable::Status { service: service.to_owned(), status: status.clone() });
        };
        if !known(error) {
            return Err(Unusable::Error { service: service.to_owned(), error: error.clone() });
        }
        map.insert(number, error.clone());
    }
    Ok(map)
}
