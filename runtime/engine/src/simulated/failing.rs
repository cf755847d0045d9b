//! `--fail Service.action=Error`: an action that fails in every attempt.

use super::written;
use crate::contract::Action;
use sagaflow_core::codegen::{ErrorSpec, Json, SampleSeed, Ty};
use sagaflow_core::service::{Attempt, Refusal};
use std::collections::BTreeMap;

/// How an action fails.
#[derive(Clone, Debug, PartialEq)]
pub enum Failing {
    /// With a declared error.
    Declared {
        /// Name of the error.
        name: String,
        /// Values of its fields, as far as they are given; the others are sampled.
        values: BTreeMap<String, Json>,
    },
    /// It is never reached.
    Refused,
    /// It happens, and its answer is lost.
    Unknown,
}

/// Why a `--fail` was not understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// Not of the form.
    #[error("`{0}` is not `Error`, `Error(value, …)`, `refused` or `unknown`")]
    Form(String),
    /// The action declares no such error.
    #[error("`{action}` declares no error `{name}`{known}")]
    Name {
        /// Qualified action.
        action: String,
        /// What was asked for.
        name: String,
        /// The errors it declares, in words.
        known: String,
    },
    /// A value that the error has no field for, or that does not fit it.
    #[error("the payload of `{name}` does not fit: {cause}")]
    Payload {
        /// Name of the error.
        name: String,
        /// What is wrong.
        cause: String,
    },
}

impl Failing {
    /// Reads `Declined`, `Declined("no funds", limit: 1_200.00 EUR)`, `refused` or `unknown`. Values
    /// are written as in a `.flow` file, or as JSON.
    ///
    /// # Errors
    /// [`Unreadable`] where it is neither, or does not fit the action's contract.
    pub fn parse(text: &str, name_of_action: &str, action: &Action) -> Result<Self, Unreadable> {
        let form = || Unreadable::Form(text.to_owned());
        match text {
            "refused" => return Ok(Self::Refused),
            "unknown" => return Ok(Self::Unknown),
            _ => {}
        }
        let (name, written) = match text.split_once('(') {
            None => (text, None),
            Some((name, rest)) => (name, Some(rest.strip_suffix(')').ok_or_else(form)?)),
        };
        let error = action.error(name).ok_or_else(|| Unreadable::Name {
            action: name_of_action.to_owned(),
            name: name.to_owned(),
            known: known(action),
        })?;
        let values = match written {
            Some(written) => payload(action, error, written)
                .map_err(|cause| Unreadable::Payload { name: name.to_owned(), cause })?,
            None => BTreeMap::new(),
        };
        Ok(Self::Declared { name: name.to_owned(), values })
    }

    /// What happens before anything else: a service that is not reached does nothing.
    pub(super) fn before(&self) -> Option<Attempt> {
        matches!(self, Self::Refused).then(|| Attempt::Refused {
            reason: "told to refuse".to_owned(),
            retry_after_ms: None,
            cause: Refusal::Away,
        })
    }

    /// What becomes of the answer.
    pub(super) fn after(&self, attempt: Attempt) -> Attempt {
        match self {
            Self::Unknown => {
                Attempt::Unknown { cause: "told to lose its answer".to_owned(), timeout: false }
            }
            Self::Declared { .. } | Self::Refused => attempt,
        }
    }

    /// The declared error instead of an effect.
    pub(super) fn declared(&self, action: &Action, seed: &SampleSeed<'_>) -> Option<Attempt> {
        let Self::Declared { name, values } = self else { return None };
        let error = action.error(name)?;
        let mut payload = serde_json::Map::new();
        for (field, ty) in &error.fields {
            let value = values.get(field).cloned();
            let value = value.unwrap_or_else(|| action.schema.sample(ty, seed));
            payload.insert(field.clone(), value);
        }
        let payload = if payload.is_empty() { Json::Null } else { Json::Object(payload) };
        Some(Attempt::Failed { name: name.clone(), payload })
    }
}

fn known(action: &Action) -> String {
    let names: Vec<_> = action.errors.iter().map(|error| format!("`{}`", error.name)).collect();
    if names.is_empty() { String::new() } else { format!("; it declares {}", names.join(", ")) }
}

/// The fields of an error that are given, in canonical form.
fn payload(
    action: &Action,
    error: &ErrorSpec,
    text: &str,
) -> Result<BTreeMap<String, Json>, String> {
    let values = match serde_json::from_str::<Vec<Json>>(&format!("[{text}]")) {
        Ok(values) if values.len() <= error.fields.len() => {
            error.fields.iter().map(|(field, _)| field.clone()).zip(values).collect()
        }
        _ => written::arguments(&action.schema, &error.fields, text)?,
    };
    let canonical = values.into_iter().map(|(field, value)| {
        let ty = error.fields.iter().find(|(name, _)| *name == field).map(|(_, ty)| ty);
        let ty = ty.unwrap_or(&Ty::Unit);
        match action.schema.decode(ty, &value) {
            Ok(value) => Ok((field, value)),
            // At the root of the value the field is its name.
            Err(found) if found.path == "input" => {
                Err(format!("`{field}` must be {}", found.expected))
            }
            Err(found) => Err(format!("`{field}`: {found}")),
        }
    });
    canonical.collect()
}
