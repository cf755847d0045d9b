//! What an attempt means to a check, and how it is shown: without anything personal or secret.

use crate::contract::{Action, Contract};
use crate::world::{Bound, Place};
use sagaflow_core::codegen::Json;
use sagaflow_core::service::{Attempt, Refusal};
use sagaflow_engine::http::UNCOMPLETED;

/// Bound: characters of arguments and outcomes that are shown.
const SHOWN_MAX: usize = 160;

/// What a call came to.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Told {
    /// A result of the declared type.
    Ok(Json),
    /// A declared error.
    Failed(String, Json),
    /// Known not applied because its undo, or a probe, came first.
    Undone,
    /// Not reached, or not let in.
    Away(String),
    /// Accepted, to be completed later.
    Later,
    /// Neither: nobody knows, or the contract is broken.
    Odd(String),
}

impl Told {
    /// In words for a sentence, "answered …".
    pub fn words(&self) -> String {
        match self {
            Self::Ok(_) => "ok".to_owned(),
            Self::Failed(name, _) => format!("the declared error `{name}`"),
            Self::Undone => "refused: its key is undone".to_owned(),
            Self::Away(reason) => format!("refused: {reason}"),
            Self::Later => "202, to complete it later".to_owned(),
            Self::Odd(cause) => cause.clone(),
        }
    }
}

/// What an attempt means here, with its result held against the declared type.
pub(crate) fn told(bound: &Bound, action: &Action, attempt: Attempt) -> Told {
    let schema = &bound.contract.schema;
    match attempt {
        Attempt::Ok(value) => match &action.result {
            None => Told::Ok(Json::Null),
            Some(ty) => match schema.decode(ty, &value) {
                Ok(value) => Told::Ok(value),
                Err(mismatch) => Told::Odd(fault(&format!("the answer does not fit: {mismatch}"))),
            },
        },
        Attempt::Failed { name, payload } => {
            match action.errors.iter().any(|error| error.name == name) {
                true => Told::Failed(name, payload),
                false => Told::Odd(fault(&format!("the error `{name}` is not declared"))),
            }
        }
        Attempt::Refused { cause: Refusal::Undone, .. } => Told::Undone,
        // Rust code has one way to refuse, and says why in words alone.
        Attempt::Refused { .. } if matches!(bound.place, Place::Code) => Told::Undone,
        Attempt::Refused { reason, .. } => Told::Away(reason),
        Attempt::Unknown { cause, .. } if cause == UNCOMPLETED => Told::Later,
        Attempt::Unknown { cause, .. } => Told::Odd(format!("an unknown outcome: {cause}")),
        Attempt::Fault { message } => Told::Odd(fault(&message)),
    }
}

fn fault(message: &str) -> String {
    format!("what breaks the contract: {message}")
}

pub(crate) fn method(bound: &Bound, action: &str) -> String {
    match &bound.place {
        Place::Url(url) => {
            let path = url.split_once("://").and_then(|(_, rest)| rest.split_once('/'));
            let path = path.map_or("", |(_, path)| path.trim_end_matches('/'));
            let slash = if path.is_empty() { "" } else { "/" };
            format!("POST {slash}{path}/{action}")
        }
        Place::Code => format!("{}::{action}", bound.contract.short()),
    }
}

pub(crate) fn shown(contract: &Contract, action: &Action, told: &Told) -> String {
    match told {
        Told::Ok(Json::Null) => "ok".to_owned(),
        Told::Ok(answer) => format!("ok {}", shortened(&contract.masked_answer(action, answer))),
        Told::Failed(name, payload) => {
            let error = action.errors.iter().find(|error| error.name == *name);
            let payload = error.map(|error| contract.masked_payload(error, payload));
            match payload {
                Some(Json::Object(fields)) if !fields.is_empty() => {
                    format!("failed {name} {}", shortened(&Json::Object(fields)))
                }
                _ => format!("failed {name}"),
            }
        }
        other => other.words(),
    }
}

pub(crate) fn shortened(value: &Json) -> String {
    let text = value.to_string();
    match text.char_indices().nth(SHOWN_MAX) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}
