//! Errors as problem+json (RFC 9457), each with its stable code.

use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use sagaflow_engine::Error;
use sagaflow_engine::code::{self, Code};
use serde_json::{Map, Value, json};

/// An error on its way to a client.
#[derive(Debug)]
pub struct Problem {
    code: Code,
    detail: String,
    retry_after_ms: Option<i64>,
    more: Map<String, Value>,
    elsewhere: Option<Box<Elsewhere>>,
}

/// On an answer of a node that could not decide: the address of the one that can, where it is known.
/// Nothing was done.
#[derive(Clone, Debug)]
pub struct Elsewhere(pub Option<String>);

/// Answer of a handler.
pub type Result<T> = std::result::Result<T, Problem>;

impl Problem {
    /// A problem of this kind, in words.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self {
            code,
            detail: detail.into(),
            retry_after_ms: None,
            more: Map::new(),
            elsewhere: None,
        }
    }

    /// With the time after which it may be asked again.
    pub fn after(self, ms: i64) -> Self {
        Self { retry_after_ms: Some(ms), ..self }
    }

    /// With one more field.
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.more.insert(name.to_owned(), value.into());
        self
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let mut problem = Self::new(code::of(&error), error.to_string());
        match error {
            Error::Input(found) | Error::Value(found) => {
                return problem.with("path", found.path).with("expected", found.expected);
            }
            Error::OtherInput { run } | Error::InFlight { run } => {
                return problem.with("run", run.to_string());
            }
            Error::Stays(why) => return problem.with("because", why.word()),
            Error::Busy { retry_after_ms } | Error::Away { retry_after_ms } => {
                problem.retry_after_ms = Some(retry_after_ms);
            }
            Error::Elsewhere { owner, retry_after_ms } => {
                problem.retry_after_ms = Some(retry_after_ms);
                problem.elsewhere = Some(Box::new(Elsewhere(owner)));
            }
            Error::Stopping | Error::Store(_) => problem.retry_after_ms = Some(1_000),
            _ => {}
        }
        problem
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status =
            StatusCode::from_u16(self.code.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut body = self.more;
        body.insert("type".to_owned(), format!("/docs/errors/{}", self.code.name).into());
        body.insert("code".to_owned(), self.code.name.into());
        body.insert("title".to_owned(), self.code.title.into());
        body.insert("status".to_owned(), self.code.status.into());
        body.insert("detail".to_owned(), self.detail.into());
        let mut response = (status, json!(body).to_string()).into_response();
        if let Some(elsewhere) = self.elsewhere {
            response.extensions_mut().insert(*elsewhere);
        }
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        let waits = matches!(status.as_u16(), 429 | 503 | 504);
        if let Some(ms) = self.retry_after_ms.filter(|_| waits) {
            let seconds = ms.max(1).unsigned_abs().div_ceil(1_000);
            if let Ok(value) = HeaderValue::from_str(&seconds.to_string()) {
                headers.insert(RETRY_AFTER, value);
            }
        }
        response
    }
}
