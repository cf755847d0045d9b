//! A service over HTTP: one call, one `POST {base}/{action}`, and what its answer means.
//!
//! Promises: an attempt is never sent twice, redirects are never followed, nothing is sent after
//! `within`; "refused" is said only where the request certainly did not leave. Must not retry: the
//! policy belongs to the shard.

mod config;
mod outcome;
mod retry_after;
#[cfg(test)]
mod tests;

pub use config::{Binding, Unusable, is_loopback, redacted};

use crate::clock;
use crate::contract::{Action, Contract};
use outcome::Answer;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Client, Url};
use sagaflow_core::codegen::Json;
use sagaflow_core::service::{Attempt, Call, Refusal};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Bound: longest body of an answer; a larger result belongs into a blob of the service's own.
pub const BODY_MAX: usize = 10 * 1024 * 1024;

/// Why nobody knows what came of a 202 in a process without a node.
pub const UNCOMPLETED: &str =
    "the service accepted the call, and this process takes no completions";

/// A bound service.
pub struct Http {
    base: Url,
    headers: HeaderMap,
    mapped: BTreeMap<u16, String>,
    contract: Contract,
    /// One client per `within`, rounded, because the time to connect is a client's property.
    clients: Mutex<BTreeMap<u64, Client>>,
    /// Base URL of this node's API as services reach it; none where nobody listens.
    node: Option<Url>,
}

impl std::fmt::Debug for Http {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Http").field("base", &redacted(self.base.as_str())).finish_non_exhaustive()
    }
}

/// What one exchange came to.
#[derive(Clone, Debug, PartialEq)]
pub enum Answered {
    /// The attempt ended.
    Ended(Attempt),
    /// 202: the service completes, fails or heartbeats it later, by its callback.
    Accepted,
}

/// What somebody posted to `{Flow-Callback}/…`.
#[derive(Clone, Debug)]
pub enum Completion {
    /// `/complete` with this body.
    Complete(Vec<u8>),
    /// `/fail` with this body.
    Fail(Vec<u8>),
}

impl Http {
    /// Binds `service` as configured.
    ///
    /// # Errors
    /// [`Unusable`] says which part of the binding cannot be used; secrets are not in it.
    pub fn new(
        service: &str,
        binding: &Binding,
        contract: Contract,
        node: Option<Url>,
    ) -> Result<Self, Unusable> {
        let declared = |name: &str| contract.values().any(|action| action.error(name).is_some());
        let mapped = config::statuses(service, binding, declared)?;
        let headers = config::headers(service, binding, |name| std::env::var(name).ok())?;
        let base = config::base(service, &binding.url)?;
        Ok(Self { base, headers, mapped, contract, clients: Mutex::default(), node })
    }

    /// A client whose connections give up before the attempt does, so that an address that does not
    /// answer is *refused* and not *unknown*.
    fn client(&self, within: Duration) -> Result<Client, reqwest::Error> {
        let rounded = rounded(within);
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(&rounded) {
            return Ok(client.clone());
        }
        let client = Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .referer(false)
            .connect_timeout(Duration::from_millis(rounded) * 3 / 4)
            .build()?;
        clients.insert(rounded, client.clone());
        Ok(client)
    }

    fn request_headers(&self, call: &Call) -> Option<HeaderMap> {
        let mut headers = self.headers.clone();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let mut set = |name: &'static str, value: &str| {
            let value = HeaderValue::from_str(value).ok()?;
            headers.insert(name, value);
            Some(())
        };
        set("idempotency-key", &call.key)?;
        if let Some(undoes) = &call.undoes {
            set("flow-undoes", undoes)?;
        }
        set("flow-run", &call.run.to_string())?;
        set("flow-step", &escaped(&call.path))?;
        set("flow-attempt", &call.attempt.to_string())?;
        set("flow-purpose", call.purpose.word())?;
        set("flow-namespace", &escaped(&call.namespace))?;
        if let Some(fence) = call.fence {
            set("flow-fence", &fence.to_string())?;
        }
        // One trace per run: its id is the run's, the span's comes from the key.
        let span = call.key.get(..16).unwrap_or("0000000000000001");
        set("traceparent", &format!("00-{}-{span}-01", call.run.0.simple()))?;
        if let Some(url) = &self.node {
            set("flow-callback", url.join(call.callback.trim_start_matches('/')).ok()?.as_str())?;
        }
        Some(headers)
    }

    /// Makes one attempt.
    pub async fn exchange(&self, call: &Call, args: &Json) -> Answered {
        let fault = |message: &str| Answered::Ended(Attempt::Fault { message: message.to_owned() });
        let Some(action) = self.contract.get(&call.action) else {
            return fault("no hosted workflow declares this action");
        };
        let (Ok(url), Some(headers)) = (self.base.join(&call.action), self.request_headers(call))
        else {
            return fault("the call cannot be written as a request");
        };
        let Ok(client) = self.client(call.within) else {
            return Answered::Ended(refused("the HTTP client could not be made".to_owned()));
        };
        let exchange = async {
            let sent = client.post(url).headers(headers).json(args).send().await;
            self.answered(action, sent).await
        };
        // Crash: the intent is recorded and its outcome is not, so recovery is in A4: it asks again
        // under the same key, or probes, or calls it unknown.
        let answered = tokio::time::timeout(call.within, exchange).await.unwrap_or_else(|_| {
            let cause = "no answer in time".to_owned();
            Answered::Ended(Attempt::Unknown { cause, timeout: true })
        });
        match answered {
            Answered::Accepted if self.node.is_none() => Answered::Ended(gone()),
            answered => answered,
        }
    }

    async fn answered(
        &self,
        action: &Action,
        sent: Result<reqwest::Response, reqwest::Error>,
    ) -> Answered {
        let response = match sent {
            Ok(response) => response,
            // Connecting covers the name, the connection and TLS: nothing of the request left.
            Err(error) if error.is_connect() => {
                return Answered::Ended(refused(format!("could not connect: {}", words(&error))));
            }
            Err(error) if error.is_builder() => {
                return Answered::Ended(Attempt::Fault { message: words(&error) });
            }
            Err(error) => {
                let cause = format!("the connection was lost after sending: {}", words(&error));
                return Answered::Ended(Attempt::Unknown { cause, timeout: error.is_timeout() });
            }
        };
        let status = response.status().as_u16();
        let retry_after =
            response.headers().get(RETRY_AFTER).map(|v| v.to_str().unwrap_or_default().to_owned());
        let body = match read(response).await {
            Ok(body) => body,
            Err(error) => {
                let cause = format!("the answer broke off: {}", words(&error));
                return Answered::Ended(Attempt::Unknown { cause, timeout: error.is_timeout() });
            }
        };
        let answer = Answer { status, retry_after, body };
        outcome::judge(action, &self.mapped, &answer, clock::now())
    }
}

/// The whole body; none where it is longer than [`BODY_MAX`], of which no more is read than that.
async fn read(mut response: reqwest::Response) -> Result<Option<Vec<u8>>, reqwest::Error> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > BODY_MAX {
            return Ok(None);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Some(body))
}

/// A completion judged as the direct answer would have been.
#[must_use]
pub fn completed(action: &Action, completion: &Completion) -> Attempt {
    match completion {
        Completion::Complete(body) => outcome::success(action, Some(body)),
        Completion::Fail(body) => serde_json::from_slice::<Json>(body)
            .ok()
            .and_then(|body| outcome::declared(action, &body))
            .unwrap_or_else(|| Attempt::Unknown {
                cause: "the service failed without a declared error".to_owned(),
                timeout: false,
            }),
    }
}

/// A `within` in ms, rounded down to its three leading binary digits.
///
/// Bound: what is left of a deadline may be any number of ms; these are at most four per power of two.
fn rounded(within: Duration) -> u64 {
    let ms = u64::try_from(within.as_millis()).unwrap_or(u64::MAX).clamp(4, 1 << 40);
    let low = ms.ilog2() - 2;
    (ms >> low) << low
}

fn refused(reason: String) -> Attempt {
    Attempt::Refused { reason, retry_after_ms: None, cause: Refusal::Away }
}

fn gone() -> Attempt {
    Attempt::Unknown { cause: UNCOMPLETED.to_owned(), timeout: false }
}

/// The innermost cause in words, without the URL, which may hold what nobody should read.
fn words(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    let text = cause.to_string();
    if text.contains("://") { "transport error".to_owned() } else { text }
}

/// Header values are visible ASCII: whatever else a path holds is percent-encoded.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'%' | 0..=0x20 | 0x7f.. => out.push_str(&format!("%{byte:02X}")),
            _ => out.push(char::from(byte)),
        }
    }
    out
}
