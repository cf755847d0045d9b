//! `--fail Service.action=Error`: an action that fails in every attempt.

use crate::contract::Action;
use sagaflow_core::codegen::{ErrorSpec, Json, SampleSeed};
use sagaflow_core::service::{Attempt, Refusal};

/// How an action fails.
#[derive(Clone, Debug, PartialEq)]
pub enum Failing {
    /// With a declared error, its payload given in field order where it is given at all.
    Declared {
        /// Name of the error.
        name: String,
        /// Values of its first fields; the others are sampled.
        values: Vec<Json>,
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
    #[error("`{0}` is not `Error`, `Error(\"…\")`, `refused` or `unknown`")]
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
    /// Reads `Declined`, `Declined("no funds", 3)`, `refused` or `unknown`.
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
        let (name, values) = match text.split_once('(') {
            None => (text, Vec::new()),
            Some((name, rest)) => {
                let inner = rest.strip_suffix(')').ok_or_else(form)?;
                (name, serde_json::from_str(&format!("[{inner}]")).map_err(|_| form())?)
            }
        };
        let error = action.error(name).ok_or_else(|| Unreadable::Name {
            action: name_of_action.to_owned(),
            name: name.to_owned(),
            known: known(action),
        })?;
        check(action, error, &values)?;
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
        for (index, (field, ty)) in error.fields.iter().enumerate() {
            let value =
                values.get(index).cloned().unwrap_or_else(|| action.schema.sample(ty, seed));
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

fn check(action: &Action, error: &ErrorSpec, values: &[Json]) -> Result<(), Unreadable> {
    let unfit = |cause: String| Unreadable::Payload { name: error.name.clone(), cause };
    if values.len() > error.fields.len() {
        return Err(unfit(format!("it has {} fields", error.fields.len())));
    }
    for (value, (field, ty)) in values.iter().zip(&error.fields) {
        action.schema.decode(ty, value).map_err(|found| unfit(format!("{field}: {found}")))?;
    }
    Ok(())
}
