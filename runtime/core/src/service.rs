//! What a service is to the engine, and what a Rust service's methods return.
//!
//! An attempt ends in one of four ways, and the difference between them is the product: *ok*,
//! *failed* (a declared error: the effect did not happen), *refused* (never sent) and *unknown*.

use crate::codegen::Json;
use crate::id::RunId;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

/// Why a call is made.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// The step itself.
    Do,
    /// Its undo.
    Undo,
    /// Asking whether it happened.
    Probe,
}

impl Purpose {
    /// The word on the wire and in keys.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Do => "do",
            Self::Undo => "undo",
            Self::Probe => "probe",
        }
    }
}

/// One attempt, as the service sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// Namespace of the run.
    pub namespace: String,
    /// Qualified service, `shop.orders.Payments`.
    pub service: String,
    /// Action.
    pub action: String,
    /// Stable over attempts, restarts and takeovers; 32 hex digits.
    pub key: String,
    /// On undo and probe: the key of the forward call.
    pub undoes: Option<String>,
    /// The run.
    pub run: RunId,
    /// Path of the step, with its indexes.
    pub path: String,
    /// From 1.
    pub attempt: u32,
    /// Why.
    pub purpose: Purpose,
    /// Fencing token, inside a lock.
    pub fence: Option<i64>,
    /// How long the caller waits.
    pub within: Duration,
    /// Where a 202 is to be completed, relative to the node: names run and call.
    pub callback: String,
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Attempt {
    /// The effect happened; its result, `null` where the action has none.
    Ok(Json),
    /// A declared error: the effect did not happen.
    Failed {
        /// Name of the error.
        name: String,
        /// Payload by field; `null` if it has none.
        #[serde(default)]
        payload: Json,
    },
    /// Never sent, or known not to have been applied.
    Refused {
        /// In words.
        reason: String,
        /// Not before this many ms, where the service said so.
        #[serde(default)]
        retry_after_ms: Option<i64>,
        /// Who refused it, and what follows from that.
        #[serde(default)]
        cause: Refusal,
    },
    /// May or may not have happened.
    Unknown {
        /// In words.
        cause: String,
        /// The attempt ran out of time.
        #[serde(default)]
        timeout: bool,
    },
    /// The contract is broken (a result that does not decode, 404): parks the run.
    Fault {
        /// In words.
        message: String,
    },
}

/// What kind of refusal it was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// Not reached, overloaded, or asked to come back later.
    #[default]
    Away,
    /// The undo of this key came first: the key is spent.
    Undone,
    /// Credentials: ours to repair; opens the breaker at once and uses no attempt.
    Credentials,
    /// The key was good no longer when the call was about to leave: it did not.
    Expired,
}

/// A future of an attempt.
pub type Attempting<'a> = Pin<Box<dyn Future<Output = Attempt> + Send + 'a>>;

/// Something that can be called: Rust code, an HTTP binding, a simulation.
pub trait Service: Send + Sync {
    /// Makes one attempt. Arguments by parameter name, in boundary JSON.
    ///
    /// The result need not be checked: the engine decodes it by the action's declared type.
    fn call<'a>(&'a self, call: &'a Call, args: Json) -> Attempting<'a>;
}

/// How a typed service method fails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure<E> {
    /// A declared error: a promise that the effect did not happen.
    Failed(E),
    /// Certainly not sent or not applied.
    Refused(String),
    /// May have happened.
    Unknown(String),
}

/// What a typed service method returns.
pub type Outcome<T, E> = Result<T, Failure<E>>;

/// Errors of an action without declared errors: there are none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoError {}

/// `?` on any other error means that the request may have left: unknown, unless its chain says that
/// the connection was refused. Declared errors do not implement `std::error::Error`, so they can
/// never be made by `?`.
impl<E, X: std::error::Error + 'static> From<X> for Failure<E> {
    fn from(error: X) -> Self {
        let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(&error);
        while let Some(this) = cause {
            let refused = this
                .downcast_ref::<std::io::Error>()
                .is_some_and(|io| io.kind() == std::io::ErrorKind::ConnectionRefused);
            if refused {
                return Self::Refused(error.to_string());
            }
            cause = this.source();
        }
        Self::Unknown(error.to_string())
    }
}
