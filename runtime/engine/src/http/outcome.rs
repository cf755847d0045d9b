//! What an HTTP answer means: the outcome table, line by line, first fit wins.
//!
//! Pure. Promises: nothing but a declared error, a refusal or a broken contract is ever taken for
//! "it did not happen"; whatever is not on the list is unknown. No part of a body gets into a
//! message, because bodies hold what people sent.

use super::{Answered, retry_after};
use crate::contract::Action;
use sagaflow_core::codegen::{ErrorSpec, Json, Ty};
use sagaflow_core::service::{Attempt, Refusal};
use sagaflow_core::time::Time;
use std::collections::BTreeMap;

/// An answer that was read whole.
pub struct Answer {
    /// Status code.
    pub status: u16,
    /// `Retry-After`, as it came.
    pub retry_after: Option<String>,
    /// The body; none where it was longer than a body may be.
    pub body: Option<Vec<u8>>,
}

/// Judges an answer to a call of `action`.
///
/// Order: the lines of the table in `docs/reference/http-services.md`; the first that fits counts.
pub fn judge(
    action: &Action,
    mapped: &BTreeMap<u16, String>,
    answer: &Answer,
    now: Time,
) -> Answered {
    let status = answer.status;
    let json = || answer.body.as_deref().and_then(|body| serde_json::from_slice::<Json>(body).ok());
    if let Some(error) = mapped.get(&status).and_then(|name| action.error(name)) {
        return Answered::Ended(mapped_error(action, error, status, json()));
    }
    if status == 202 {
        return Answered::Accepted;
    }
    if (200..300).contains(&status) {
        return Answered::Ended(success(action, answer.body.as_deref()));
    }
    if (400..500).contains(&status)
        && let Some(attempt) = json().and_then(|body| declared(action, &body))
    {
        return Answered::Ended(attempt);
    }
    let retry_after =
        || answer.retry_after.as_deref().and_then(|text| retry_after::parse(text, now));
    Answered::Ended(match status {
        429 => refused(format!("the service answered {status}"), retry_after(), Refusal::Away),
        503 if answer.retry_after.is_some() => {
            refused(format!("the service answered {status}"), retry_after(), Refusal::Away)
        }
        409 if json().is_some_and(|body| body.get("error") == Some(&Json::from("undone"))) => {
            refused("the key's undo came first".to_owned(), None, Refusal::Undone)
        }
        401 | 403 => {
            let reason = format!("the service answered {status}: check its credentials");
            refused(reason, None, Refusal::Credentials)
        }
        300..=399 => Attempt::Fault {
            message: format!("the service answered {status}: redirects are not followed"),
        },
        400 | 404 | 405 | 413 | 415 => Attempt::Fault {
            message: format!("the service answered {status}: the contract is broken"),
        },
        _ => Attempt::Unknown { cause: format!("the service answered {status}"), timeout: false },
    })
}

fn refused(reason: String, retry_after_ms: Option<i64>, cause: Refusal) -> Attempt {
    Attempt::Refused { reason, retry_after_ms, cause }
}

/// The body of a 2xx, or of a completion, as the action's result.
pub fn success(action: &Action, body: Option<&[u8]>) -> Attempt {
    let Some(body) = body else {
        return Attempt::Fault { message: "the answer is larger than 10 MB".to_owned() };
    };
    let empty = body.iter().all(u8::is_ascii_whitespace);
    let parsed = if empty { Some(Json::Null) } else { serde_json::from_slice(body).ok() };
    let Some(parsed) = parsed else {
        return Attempt::Fault { message: "the answer is not JSON".to_owned() };
    };
    let Some(result) = &action.result else {
        // Nothing is declared, so there is nothing to decode: `{}` is as good as an empty body.
        return Attempt::Ok(Json::Null);
    };
    if empty && !matches!(result, Ty::Optional(_) | Ty::Unit) {
        return Attempt::Fault { message: "the answer is empty".to_owned() };
    }
    match action.schema.decode(result, &parsed) {
        Ok(value) => Attempt::Ok(value),
        Err(mismatch) => Attempt::Fault { message: format!("the answer does not fit: {mismatch}") },
    }
}

/// `{"error": "Declined", …}` naming a declared error of the action; nothing where it names none.
pub fn declared(action: &Action, body: &Json) -> Option<Attempt> {
    let error = action.error(body.get("error")?.as_str()?)?;
    Some(match payload(action, error, body, None) {
        Ok(payload) => Attempt::Failed { name: error.name.clone(), payload },
        Err(fault) => fault,
    })
}

/// A status that the binding maps needs no body: text fields that are missing tell the status.
fn mapped_error(action: &Action, error: &ErrorSpec, status: u16, body: Option<Json>) -> Attempt {
    let body = body.unwrap_or_default();
    // The body may name another declared error of the action more exactly than the status does.
    let error = body
        .get("error")
        .and_then(Json::as_str)
        .and_then(|name| action.error(name))
        .unwrap_or(error);
    match payload(action, error, &body, Some(status)) {
        Ok(payload) => Attempt::Failed { name: error.name.clone(), payload },
        Err(fault) => fault,
    }
}

/// The error's payload from the fields of `body`, `null` where it has none.
fn payload(
    action: &Action,
    error: &ErrorSpec,
    body: &Json,
    status: Option<u16>,
) -> Result<Json, Attempt> {
    if error.fields.is_empty() {
        return Ok(Json::Null);
    }
    let mut fields = serde_json::Map::new();
    for (name, ty) in &error.fields {
        let told = body.get(name).cloned().unwrap_or_default();
        let told = match (told, status, ty) {
            (Json::Null, Some(status), Ty::Text) => Json::from(format!("status {status}")),
            (told, ..) => told,
        };
        let checked = action.schema.decode(ty, &told).map_err(|mismatch| Attempt::Fault {
            message: format!("`{name}` of the error {} does not fit: {mismatch}", error.name),
        })?;
        fields.insert(name.clone(), checked);
    }
    Ok(Json::Object(fields))
}
