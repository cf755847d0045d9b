//! Between typed values and boundary JSON.

use super::work::text_units;
use super::{Failure, FailureKind, Fault, Json, Values, Work, fault};
use crate::key::canonical;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Reads a value; the cause of a mismatch is not told, because it could quote the value.
///
/// # Errors
/// A fault where it does not fit.
pub fn decode<T: DeserializeOwned>(json: &Json, what: &str) -> Result<T, Fault> {
    T::deserialize(json).map_err(|_| fault(&format!("`{what}` does not fit its type")))
}

/// Writes a value.
///
/// # Errors
/// A fault where a value has no boundary form; generated types all have one.
pub fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Json, Fault> {
    serde_json::to_value(value).map_err(|_| fault("a value has no boundary form"))
}

/// A literal of any type, as the compiler wrote it.
///
/// # Errors
/// A fault where it does not fit.
pub fn literal<T: DeserializeOwned>(text: &str) -> Result<T, Fault> {
    serde_json::from_str(text).map_err(|_| fault("a literal does not fit its type"))
}

/// The default of a field, as the compiler wrote it.
#[must_use]
pub fn default_of<T: DeserializeOwned>(text: &str) -> T {
    serde_json::from_str(text).expect("the compiler has checked the default against its type")
}

/// A value that always has a boundary form: what a declared error carries.
#[must_use]
pub fn json<T: Serialize + ?Sized>(value: &T) -> Json {
    serde_json::to_value(value).unwrap_or_default()
}

/// Puts a live value into a frame.
///
/// # Errors
/// As [`encode`].
pub fn put<T: Serialize>(values: &mut Values, name: &str, value: &T) -> Result<(), Fault> {
    values.insert(name.to_owned(), encode(value)?);
    Ok(())
}

/// Takes a live value from a frame; an absent one reads as none.
///
/// # Errors
/// A fault where it is missing or does not fit.
pub fn get<T: DeserializeOwned>(values: &Values, name: &str) -> Result<T, Fault> {
    match values.get(name) {
        Some(json) => decode(json, name),
        None => T::deserialize(&Json::Null)
            .map_err(|_| fault(&format!("`{name}` is missing in the frame"))),
    }
}

/// As [`get`], of a list; one item alone for a branch of this number that begins.
///
/// # Errors
/// A fault where it is missing or does not fit.
pub fn get_items<T: DeserializeOwned>(
    values: &Values,
    name: &str,
    branch: Option<u32>,
) -> Result<Vec<T>, Fault> {
    match (values.get(name).and_then(Json::as_array), branch) {
        (Some(items), Some(index)) => {
            items.get(index as usize).into_iter().map(|item| decode(item, name)).collect()
        }
        _ => get(values, name),
    }
}

/// The number of the branch that begins with this event.
#[must_use]
pub fn branch(event: &super::Event) -> Option<u32> {
    match event {
        super::Event::Branch(index) => Some(*index),
        _ => None,
    }
}

/// As [`get`]; an absent one takes its default.
///
/// # Errors
/// A fault where it does not fit.
pub fn get_or<T: DeserializeOwned>(values: &Values, name: &str, default: &str) -> Result<T, Fault> {
    match values.get(name) {
        Some(json) => decode(json, name),
        None => literal(default),
    }
}

/// A field of a payload; an absent one reads as none.
///
/// # Errors
/// A fault where it is missing or does not fit.
pub fn field<T: DeserializeOwned>(payload: &Json, name: &str) -> Result<T, Fault> {
    decode(payload.get(name).unwrap_or(&Json::Null), name)
}

/// Builds an object; an absent optional is left out.
#[must_use]
pub fn payload<const N: usize>(fields: [(&str, Json); N]) -> Json {
    let present = fields.into_iter().filter(|(_, value)| !value.is_null());
    Json::Object(present.map(|(name, value)| (name.to_owned(), value)).collect())
}

/// Builds an object with every field.
#[must_use]
pub fn object<const N: usize>(fields: [(&str, Json); N]) -> Json {
    Json::Object(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

/// The failure of a wait that ran out of time.
#[must_use]
pub fn timed_out() -> Failure {
    Failure {
        kind: FailureKind::Timeout,
        name: String::new(),
        payload: Json::Null,
        step: String::new(),
    }
}

/// The failure that `fail NAME(…)` raises.
#[must_use]
pub fn failure(name: &str, payload: Json) -> Failure {
    Failure { kind: FailureKind::Declared, name: name.to_owned(), payload, step: String::new() }
}

/// The value of what gave nothing.
///
/// # Errors
/// A fault where the type has no such value.
pub fn none_of<T: DeserializeOwned>() -> Result<T, Fault> {
    decode(&Json::Null, "nothing")
}

/// A value as it stands in interpolated text and keys: its JSON form, unquoted.
///
/// # Errors
/// As [`encode`].
pub fn print<T: Serialize + ?Sized>(value: &T) -> Result<String, Fault> {
    Ok(print_json(encode(value)?))
}

fn print_json(json: Json) -> String {
    match json {
        Json::String(text) => text,
        other => canonical(&other),
    }
}

/// Appends [`print()`] to a text.
///
/// # Errors
/// As [`encode`], and beyond the budget of work.
pub fn show<T: Serialize + ?Sized>(work: &Work, text: &mut String, value: &T) -> Result<(), Fault> {
    let shown = print(value)?;
    work.spend(text_units(shown.len()))?;
    text.push_str(&shown);
    Ok(())
}

/// The key of an event: what its payload has at a path.
///
/// # Errors
/// A fault where there is nothing.
pub fn event_key(payload: &Json, path: &str) -> Result<String, Fault> {
    let found = path.split('.').try_fold(payload, |json, name| json.get(name));
    let found = found.ok_or_else(|| fault("an event has nothing at its key"))?;
    Ok(print_json(found.clone()))
}

/// A hash that may stand for a value where the value itself may not.
///
/// # Errors
/// As [`encode`].
pub fn fingerprint<T: Serialize + ?Sized>(value: &T) -> Result<String, Fault> {
    Ok(crate::key::hex(&crate::key::fingerprint(&encode(value)?)))
}

/// What a person is shown, with what is personal masked; `ty` is the type as the compiler wrote it.
///
/// # Errors
/// A fault where a value has no boundary form, or a type that is none there.
pub fn masked<T: Serialize + ?Sized>(
    spec: &super::WorkflowSpec,
    ty: &str,
    value: &T,
) -> Result<Json, Fault> {
    let ty = serde_json::from_str(ty).map_err(|_| fault("a shown value has no boundary type"))?;
    Ok(spec.schema.mask(&ty, &encode(value)?))
}
