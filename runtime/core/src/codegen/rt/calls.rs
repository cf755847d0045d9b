//! Between the engine's attempts and a typed service.

use super::Json;
use crate::service::{Attempt, Failure, Outcome, Refusal};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// An argument by name.
///
/// # Errors
/// A fault of the contract where it does not fit.
pub fn argument<T: DeserializeOwned>(args: &Json, name: &str) -> Result<T, Attempt> {
    T::deserialize(args.get(name).unwrap_or(&Json::Null)).map_err(|_| Attempt::Fault {
        message: format!("argument `{name}` does not fit its declared type"),
    })
}

/// What a typed answer means to the engine; `error` names a declared error and writes its payload.
pub fn answer<T: Serialize, E>(
    outcome: Outcome<T, E>,
    error: impl FnOnce(E) -> (&'static str, Json),
) -> Attempt {
    match outcome {
        Ok(value) => match serde_json::to_value(value) {
            Ok(json) => Attempt::Ok(json),
            Err(_) => Attempt::Fault { message: "the result has no boundary form".to_owned() },
        },
        Err(Failure::Failed(failed)) => {
            let (name, payload) = error(failed);
            Attempt::Failed { name: name.to_owned(), payload }
        }
        Err(Failure::Refused(reason)) => {
            Attempt::Refused { reason, retry_after_ms: None, cause: Refusal::Away }
        }
        Err(Failure::Unknown(cause)) => Attempt::Unknown { cause, timeout: false },
    }
}
