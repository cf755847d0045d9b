//! Values from outside, checked against their types before they go anywhere.

use crate::error::{Error, Result};
use sagaflow_core::codegen::{
    EventSpec, Json, Machine, Mismatch, Schema, Ty, Values, WorkflowSpec,
};
use sagaflow_core::key;

/// A workflow's input: the value of its single parameter, or an object by name for several.
///
/// # Errors
/// The first place that does not fit.
pub fn decode(spec: &WorkflowSpec, input: &Json) -> std::result::Result<Values, Mismatch> {
    match spec.params.as_slice() {
        [] if input.is_null() || input.as_object().is_some_and(serde_json::Map::is_empty) => {
            Ok(Values::new())
        }
        [] => Err(mismatch("input", "left out: the workflow takes none")),
        [(name, ty)] => Ok(Values::from([(name.clone(), spec.schema.decode(ty, input)?)])),
        several => fields("input", several, &spec.schema, input),
    }
}

/// The key that the workflow declares, of an input that fits; none where it declares none.
///
/// # Errors
/// [`Error::Fault`]: the expression has a bug that shows for this input.
pub fn key(machine: &dyn Machine, input: &Values) -> Result<Option<Json>> {
    machine.key(input).map_err(|fault| {
        Error::Fault(format!("the workflow's key cannot be computed: {}", fault.message))
    })
}

/// An event's payload by field name.
///
/// # Errors
/// The first place that does not fit.
pub fn event(
    spec: &EventSpec,
    schema: &Schema,
    payload: &Json,
) -> std::result::Result<Json, Mismatch> {
    let values = fields("payload", &spec.fields, schema, payload)?;
    Ok(values.into_iter().collect::<serde_json::Map<_, _>>().into())
}

/// An event's key as text: the value at its path, unquoted.
#[must_use]
pub fn event_key(spec: &EventSpec, payload: &Json) -> Option<String> {
    let value = spec.key.split('.').try_fold(payload, |value, field| value.get(field))?;
    Some(match value {
        Json::String(text) => text.clone(),
        other => key::canonical(other),
    })
}

fn fields(
    what: &str,
    declared: &[(String, Ty)],
    schema: &Schema,
    value: &Json,
) -> std::result::Result<Values, Mismatch> {
    let names =
        || declared.iter().map(|(name, _)| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let object = value.as_object();
    let object = object.ok_or_else(|| mismatch(what, &format!("an object with {}", names())))?;
    if let Some(stranger) = object.keys().find(|key| !declared.iter().any(|(name, _)| name == *key))
    {
        return Err(mismatch(stranger, &format!("one of {}", names())));
    }
    let mut values = Values::new();
    for (name, ty) in declared {
        let given = object.get(name).unwrap_or(&Json::Null);
        let decoded = schema.decode(ty, given).map_err(|found| within(name, &found))?;
        values.insert(name.clone(), decoded);
    }
    Ok(values)
}

fn mismatch(path: &str, expected: &str) -> Mismatch {
    Mismatch { path: path.to_owned(), expected: expected.to_owned() }
}

/// A mismatch inside one named value: its path begins with the name.
fn within(name: &str, found: &Mismatch) -> Mismatch {
    let path = match found.path.strip_prefix("input") {
        Some(rest) if rest.is_empty() || rest.starts_with('[') => format!("{name}{rest}"),
        _ => format!("{name}.{}", found.path),
    };
    Mismatch { path, expected: found.expected.clone() }
}
