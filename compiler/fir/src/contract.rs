//! What a service promises, as the JSON that `sagaflow_conform::Contract` reads.
//!
//! The runtime defines the shape; this writes it without depending on the runtime. It is about
//! services alone: how a workflow calls them is in the tables of the workflow.

use crate::decl::{Fir, Ty, TypeDecl};
use crate::spec::{errors, fields, ty, type_decl};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// What the contract of an action says beside its types.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Promise {
    /// `idempotent … for`, in ms.
    pub key_for_ms: Option<i64>,
    /// `compensate other(…)`.
    pub undo: Option<Ask>,
    /// It has an undo, and that is no single call whose arguments come from this one as they are.
    pub undo_beyond: bool,
    /// `probe other(…)`.
    pub probe: Option<Ask>,
}

/// A call that follows from another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ask {
    /// Qualified service.
    pub service: String,
    /// Action.
    pub action: String,
    /// Arguments by parameter.
    pub args: Vec<(String, Source)>,
}

/// Where an argument comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// An argument of the first call, and fields in it.
    Argument(String, Vec<String>),
    /// The result of the first call, and fields in it.
    Result(Vec<String>),
    /// This value.
    Value(Value),
}

/// The contract of `service`; `null` if the program has none of that name.
#[must_use]
pub fn contract(fir: &Fir, service: &str) -> Value {
    let Some(found) = fir.services.get(service) else { return Value::Null };
    let none = BTreeMap::new();
    let promises = fir.promises.get(service).unwrap_or(&none);
    let mut named = BTreeSet::new();
    let mut actions = Map::new();
    for (name, action) in &found.actions {
        let promise = promises.get(name).cloned().unwrap_or_default();
        let payloads = action.errors.iter().flat_map(|error| &error.fields);
        for field in action.params.iter().chain(payloads) {
            mentions(fir, &field.ty, &mut named);
        }
        action.result.iter().for_each(|result| mentions(fir, result, &mut named));
        let spec = json!({
            "class": action.class, "idempotent": action.idempotent, "within_ms": action.within_ms,
            "params": fields(&action.params), "result": action.result.as_ref().map(ty),
            "errors": errors(&action.errors),
            "key_for_ms": promise.key_for_ms, "undo": promise.undo,
            "undo_beyond": promise.undo_beyond, "probe": promise.probe,
        });
        actions.insert(name.clone(), spec);
    }
    let types = named.iter().filter_map(|name| Some((name, fir.types.get(name)?)));
    let schema: Map<_, _> =
        types.map(|(name, named)| (name.clone(), type_decl(&named.decl))).collect();
    json!({ "service": service, "actions": actions, "schema": schema })
}

/// The declared types that a type mentions, and those that these mention.
fn mentions(fir: &Fir, of: &Ty, found: &mut BTreeSet<String>) {
    match of {
        Ty::Named(name) => {
            let Some(named) = fir.types.get(name).filter(|_| found.insert(name.clone())) else {
                return;
            };
            match &named.decl {
                TypeDecl::Alias { of, .. } => mentions(fir, of, found),
                TypeDecl::Record(fields) => {
                    fields.iter().for_each(|field| mentions(fir, &field.ty, found));
                }
                TypeDecl::Enum(variants) => {
                    let fields = variants.iter().flat_map(|variant| &variant.fields);
                    fields.for_each(|field| mentions(fir, &field.ty, found));
                }
            }
        }
        Ty::Map(key, value) | Ty::Entry(key, value) => {
            mentions(fir, key, found);
            mentions(fir, value, found);
        }
        Ty::List(of)
        | Ty::Optional(of)
        | Ty::Outcome(of)
        | Ty::Batch(of)
        | Ty::Pii(of)
        | Ty::Secret(of) => mentions(fir, of, found),
        _ => {}
    }
}
