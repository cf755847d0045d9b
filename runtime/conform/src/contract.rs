//! What a service promises: its actions, and which call undoes or asks about which.
//!
//! Read from the JSON that the compiler writes (`sagaflow_fir::contract`), by `flowc` and by
//! generated code alike.

use sagaflow_core::codegen::{Class, ErrorSpec, Json, Schema, Ty};
use sagaflow_engine::contract as engine;
use std::collections::BTreeMap;
use std::sync::Arc;

/// One service.
#[derive(Clone, Debug, serde::Deserialize)]
pub struct Contract {
    /// Qualified name.
    pub service: String,
    /// By name.
    pub actions: BTreeMap<String, Action>,
    /// The declared types that the actions mention.
    pub schema: Schema,
}

/// One action.
#[derive(Clone, Debug, serde::Deserialize)]
pub struct Action {
    /// Reads, writes or commits.
    pub class: Class,
    /// Safe to repeat under one key.
    pub idempotent: bool,
    /// Bound of an attempt.
    pub within_ms: Option<i64>,
    /// In order.
    pub params: Vec<(String, Ty)>,
    /// Result type; none where it has no result.
    pub result: Option<Ty>,
    /// Declared errors.
    pub errors: Vec<ErrorSpec>,
    /// How long its key is remembered at least; none: for ever.
    pub key_for_ms: Option<i64>,
    /// The call that undoes it.
    pub undo: Option<Ask>,
    /// It has an undo that is no single call, or computes its arguments.
    pub undo_beyond: bool,
    /// The call that says whether it happened.
    pub probe: Option<Ask>,
}

/// A call that follows from another.
#[derive(Clone, Debug, serde::Deserialize)]
pub struct Ask {
    /// Qualified service.
    pub service: String,
    /// Action.
    pub action: String,
    /// Arguments by parameter.
    pub args: Vec<(String, Source)>,
}

/// Where an argument comes from.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// An argument of the first call, and fields in it.
    Argument(String, Vec<String>),
    /// The result of the first call, and fields in it.
    Result(Vec<String>),
    /// This value.
    Value(Json),
}

impl Ask {
    /// Whether it can be made only when the first call has answered.
    #[must_use]
    pub fn needs_result(&self) -> bool {
        self.args.iter().any(|(_, source)| matches!(source, Source::Result(_)))
    }

    /// Its arguments; nothing where a part is not there.
    #[must_use]
    pub fn args(&self, args: &Json, result: Option<&Json>) -> Option<Json> {
        let mut all = serde_json::Map::new();
        for (name, source) in &self.args {
            let value = match source {
                Source::Argument(of, fields) => {
                    at(args.get(of).unwrap_or(&Json::Null), fields).cloned()?
                }
                Source::Result(fields) => at(result?, fields).cloned()?,
                Source::Value(value) => value.clone(),
            };
            all.insert(name.clone(), value);
        }
        Some(Json::Object(all))
    }
}

/// The part of a value that is reached through these fields.
pub(crate) fn at<'v>(value: &'v Json, fields: &[String]) -> Option<&'v Json> {
    fields.iter().try_fold(value, |value, field| value.get(field))
}

impl Contract {
    /// The contract in the engine's terms, which its calls over HTTP are judged by.
    #[must_use]
    pub fn of_engine(&self) -> engine::Contract {
        let schema = Arc::new(self.schema.clone());
        let action = |(name, action): (&String, &Action)| {
            let known = engine::Action {
                class: action.class,
                idempotent: action.idempotent,
                undoable: action.undo.is_some(),
                errors: action.errors.clone(),
                result: action.result.clone(),
                params: action.params.iter().cloned().collect(),
                schema: Arc::clone(&schema),
            };
            (name.clone(), known)
        };
        self.actions.iter().map(action).collect()
    }

    /// The name without its module.
    #[must_use]
    pub fn short(&self) -> &str {
        self.service.rsplit('.').next().unwrap_or(&self.service)
    }

    /// Arguments of an action with everything hidden that its types say is personal or secret.
    pub(crate) fn masked_args(&self, action: &Action, args: &Json) -> Json {
        let field =
            |(name, ty): &(String, Ty)| Some((name.clone(), self.schema.mask(ty, args.get(name)?)));
        action.params.iter().filter_map(field).collect()
    }

    /// An answer likewise.
    pub(crate) fn masked_answer(&self, action: &Action, answer: &Json) -> Json {
        action.result.as_ref().map_or(Json::Null, |ty| self.schema.mask(ty, answer))
    }

    /// The payload of a declared error likewise.
    pub(crate) fn masked_payload(&self, error: &ErrorSpec, payload: &Json) -> Json {
        let field = |(name, ty): &(String, Ty)| {
            Some((name.clone(), self.schema.mask(ty, payload.get(name)?)))
        };
        error.fields.iter().filter_map(field).collect()
    }
}
