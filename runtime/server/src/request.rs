//! What a request brings along: its body, its parameters, who acts. All of it bounded.

use crate::problem::{Problem, Result};
use axum::body::Bytes;
use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::request::Parts;
use sagaflow_core::id::RunId;
use sagaflow_core::shard::Actor;
use sagaflow_engine::code;
use sagaflow_engine::error::suggestion;
use serde_json::{Map, Value};
use std::time::Duration;

/// Bound: longest body; inputs are frames, and larger things belong into blobs of a service.
pub const BODY_MAX: usize = 1024 * 1024;
/// Bound: nesting of a body, before it is parsed: parsing is recursive.
const DEPTH_MAX: u32 = 64;
/// Bound: one page of a list.
const PAGE_MAX: u32 = 500;
const PAGE: u32 = 50;
/// Bound: longest key a caller may send.
const KEY_MAX: usize = 255;
/// Bound: longest a request is kept waiting.
pub const WAIT_MAX: Duration = Duration::from_secs(60);

/// The body as JSON; null where there is none.
pub fn body(bytes: &Bytes) -> Result<Value> {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Ok(Value::Null);
    }
    if depth(bytes) > DEPTH_MAX {
        let detail = format!("the body may be nested {DEPTH_MAX} deep");
        return Err(Problem::new(code::TOO_DEEP, detail));
    }
    // The words name line and column, never the text itself.
    serde_json::from_slice(bytes).map_err(|cause| Problem::new(code::NOT_JSON, cause.to_string()))
}

/// The body as an object that has only these fields.
pub fn object(bytes: &Bytes, known: &[&str]) -> Result<Map<String, Value>> {
    let object = match body(bytes)? {
        Value::Null => Map::new(),
        Value::Object(object) => object,
        _ => {
            return Err(
                Problem::new(code::VALUE, "the body must be an object").with("path", "body")
            );
        }
    };
    match object.keys().find(|key| !known.contains(&key.as_str())) {
        None => Ok(object),
        Some(key) => {
            let hint = near(key, known);
            Err(Problem::new(code::VALUE, format!("the body has no field `{key}`{hint}"))
                .with("path", key.clone()))
        }
    }
}

/// A text field; empty where it is left out.
pub fn text(object: &Map<String, Value>, name: &str) -> Result<String> {
    match object.get(name) {
        None | Some(Value::Null) => Ok(String::new()),
        Some(Value::String(text)) => Ok(text.clone()),
        Some(_) => {
            Err(Problem::new(code::VALUE, format!("`{name}` must be text")).with("path", name))
        }
    }
}

/// Nesting of brackets outside strings.
fn depth(bytes: &[u8]) -> u32 {
    let (mut now, mut deepest, mut quoted, mut escaped) = (0_u32, 0, false, false);
    for byte in bytes {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'{' | b'[' if !quoted => {
                now += 1;
                deepest = deepest.max(now);
            }
            b'}' | b']' if !quoted => now = now.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// The parameters of a query, each once, and only these.
pub struct Query(Vec<(String, String)>);

impl Query {
    /// Reads them.
    pub fn of(uri: &axum::http::Uri, known: &[&str]) -> Result<Self> {
        Self::with(uri, known, None)
    }

    /// Reads them, and any that begin with `prefix`.
    pub fn with(uri: &axum::http::Uri, known: &[&str], prefix: Option<&str>) -> Result<Self> {
        let mut all: Vec<(String, String)> = Vec::new();
        for part in uri.query().unwrap_or("").split('&').filter(|part| !part.is_empty()) {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            let (name, value) = (decoded(name)?, decoded(value)?);
            let under = prefix.is_some_and(|prefix| name.starts_with(prefix));
            if !(under || known.contains(&name.as_str())) {
                return Err(unknown(&name, known));
            }
            if all.iter().any(|(other, _)| *other == name) {
                return Err(Problem::new(code::PARAMETER, format!("`{name}` is given twice")));
            }
            all.push((name, value));
        }
        Ok(Self(all))
    }

    /// One of them.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    /// Those that begin with `prefix`, without it, in their order.
    pub fn under<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        let all = self.0.iter();
        all.filter_map(move |(name, value)| Some((name.strip_prefix(prefix)?, value.as_str())))
    }

    /// How many of a list.
    pub fn limit(&self) -> Result<u32> {
        let Some(text) = self.get("limit") else { return Ok(PAGE) };
        let limit = text.parse::<u32>().ok().filter(|limit| (1..=PAGE_MAX).contains(limit));
        limit.ok_or_else(|| bad("limit", &format!("a number from 1 to {PAGE_MAX}")))
    }

    /// A run id.
    pub fn run(&self, name: &str) -> Result<Option<RunId>> {
        self.get(name)
            .map(|text| text.parse().map_err(|_| bad(name, "the id of a run")))
            .transpose()
    }

    /// A stretch of time such as `5s`.
    pub fn wait(&self) -> Result<Option<Duration>> {
        let Some(text) = self.get("wait") else { return Ok(None) };
        let ms = sagaflow_core::value::parse_duration(text).and_then(|ms| u64::try_from(ms).ok());
        let wait = ms.map(Duration::from_millis).filter(|wait| *wait <= WAIT_MAX);
        wait.map(Some).ok_or_else(|| bad("wait", "a time such as `5s`, at most `1m`"))
    }

    /// `true` or `false`.
    pub fn flag(&self, name: &str) -> Result<bool> {
        match self.get(name) {
            None | Some("false") => Ok(false),
            Some("" | "true") => Ok(true),
            Some(_) => Err(bad(name, "`true` or `false`")),
        }
    }
}

fn unknown(name: &str, known: &[&str]) -> Problem {
    let hint = near(name, known);
    Problem::new(code::PARAMETER, format!("there is no parameter `{name}`{hint}"))
}

fn near(name: &str, known: &[&str]) -> String {
    let hint = suggestion(name, known.iter().copied());
    match (hint.is_empty(), known.is_empty()) {
        (false, _) => hint,
        (true, true) => String::new(),
        (true, false) => format!("; known are {}", known.join(", ")),
    }
}

/// A parameter that is not understood.
pub fn bad(name: &str, expected: &str) -> Problem {
    Problem::new(code::PARAMETER, format!("`{name}` must be {expected}"))
}

/// Percent-decoding, `+` as a blank.
fn decoded(text: &str) -> Result<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || rest.next().and_then(|b| char::from(b).to_digit(16));
                let pair = digit().zip(digit());
                let pair = pair.and_then(|(high, low)| u8::try_from(high * 16 + low).ok());
                pair.ok_or_else(|| {
                    Problem::new(code::PARAMETER, "the query is not percent-encoded")
                })?
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).map_err(|_| Problem::new(code::PARAMETER, "the query is not UTF-8"))
}

/// The parts of a path; one that does not decode is no address of ours.
pub struct Path<T>(pub T);

impl<T, S> FromRequestParts<S> for Path<T>
where
    T: serde::de::DeserializeOwned + Send,
    S: Send + Sync,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        let path = axum::extract::Path::<T>::from_request_parts(parts, state).await;
        path.map(|axum::extract::Path(parts)| Self(parts))
            .map_err(|_| Problem::new(code::NO_ROUTE, "there is nothing at this address"))
    }
}

/// The id of a run in a path.
pub fn run_id(text: &str) -> Result<RunId> {
    text.parse().map_err(|_| Problem::new(code::NO_RUN, "there is no such run"))
}

/// The caller's key.
pub fn key(headers: &HeaderMap) -> Result<Option<String>> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    let text = value.to_str().ok().filter(|text| !text.is_empty() && text.len() <= KEY_MAX);
    let text = text.ok_or_else(|| {
        bad("Idempotency-Key", &format!("1 to {KEY_MAX} visible ASCII characters"))
    })?;
    Ok(Some(text.to_owned()))
}

/// Who acts: on loopback without authentication every caller holds every role and names itself.
pub fn actor(headers: &HeaderMap) -> Actor {
    let name = headers.get("flow-actor").and_then(|value| value.to_str().ok()).unwrap_or("");
    let name: String = name.chars().filter(|c| !c.is_control()).take(KEY_MAX).collect();
    Actor { name, roles: Vec::new(), everything: true }
}

#[cfg(test)]
mod tests {
    use super::{Query, body, depth};
    use axum::body::Bytes;

    #[test]
    fn nesting_is_counted_outside_strings() {
        assert_eq!(depth(br#"{"a":[1,{"b":"[[[[\"[["}]}"#), 3);
        let deep = Bytes::from("[".repeat(100_000));
        assert!(body(&deep).is_err());
    }

    #[test]
    fn a_query_is_decoded_and_strangers_are_refused() {
        let uri = "/x?limit=5&key=a%20b%2Bc+d".parse().unwrap();
        let query = Query::of(&uri, &["limit", "key"]).unwrap();
        assert_eq!(query.get("key"), Some("a b+c d"));
        assert_eq!(query.limit().unwrap(), 5);
        for bad in ["/x?nope=1", "/x?key=a&key=b", "/x?key=%zz", "/x?key=%ff", "/x?key=%4"] {
            assert!(Query::of(&bad.parse().unwrap(), &["limit", "key"]).is_err(), "{bad}");
        }
        for bad in ["/x?limit=0", "/x?limit=501", "/x?limit=x"] {
            let query = Query::of(&bad.parse().unwrap(), &["limit"]).unwrap();
            assert!(query.limit().is_err(), "{bad}");
        }
    }
}
