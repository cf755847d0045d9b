//! Values from boundary JSON and back.
//!
//! What comes in here was checked where it entered the system, or was written by a machine, so a
//! value that does not fit its type is a fault. Promises: `decode(ty, encode(v))` is `v`; none is
//! dropped from records and written as `null` elsewhere; no message holds a value.

use crate::value::{Fields, Value};
use sagaflow_core::codegen::{Failure, FailureKind, Fault};
use sagaflow_core::key::canonical;
use sagaflow_core::time::Time;
use sagaflow_core::value as form;
use sagaflow_fir::{Field, Fir, Ty, TypeDecl, Variant};
use serde_json::{Map, Value as Json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A fault with this message.
pub(crate) fn fault(message: impl Into<String>) -> Fault {
    Fault { message: message.into() }
}

/// Reads boundary JSON as a value of type `ty`.
///
/// # Errors
/// A fault that names the type, never the value.
pub fn decode(fir: &Fir, ty: &Ty, json: &Json) -> Result<Value, Fault> {
    match ty {
        Ty::Optional(_) if json.is_null() => Ok(Value::None),
        Ty::Optional(of) | Ty::Pii(of) | Ty::Secret(of) => decode(fir, of, json),
        Ty::Unit | Ty::Never => Ok(Value::Unit),
        Ty::Named(name) => named(fir, name, json),
        Ty::List(of) => list(fir, of, json),
        Ty::Map(key, of) => map(fir, key, of, json),
        Ty::Entry(key, of) => entry(fir, key, of, json),
        Ty::Outcome(of) => outcome(fir, of, json),
        Ty::Batch(of) => batch(fir, of, json),
        Ty::Blob => Ok(Value::Blob(Arc::new(json.clone()))),
        _ => scalar(ty, json).ok_or_else(|| fault(format!("a value is no {}", word(ty)))),
    }
}

/// The name of a type in a message.
pub(crate) fn word(ty: &Ty) -> String {
    match ty {
        Ty::Optional(of) => format!("{}?", word(of)),
        Ty::Pii(of) | Ty::Secret(of) => word(of),
        Ty::List(of) => format!("list<{}>", word(of)),
        Ty::Map(key, of) => format!("map<{}, {}>", word(key), word(of)),
        Ty::Entry(key, of) => format!("entry<{}, {}>", word(key), word(of)),
        Ty::Outcome(of) => format!("outcome<{}>", word(of)),
        Ty::Batch(of) => format!("batch<{}>", word(of)),
        Ty::Money(Some(currency)) => format!("money<{currency}>"),
        Ty::Named(name) => name.clone(),
        plain => format!("{plain:?}").split('(').next().unwrap_or_default().to_lowercase(),
    }
}

fn scalar(ty: &Ty, json: &Json) -> Option<Value> {
    let text = json.as_str();
    Some(match ty {
        Ty::Text => Value::text(text?),
        Ty::Bool => Value::Bool(json.as_bool()?),
        Ty::Int => Value::Int(json.as_i64()?),
        Ty::Size => Value::Size(json.as_u64()?),
        Ty::Decimal => Value::Decimal(match json {
            Json::Number(number) => form::decimal_of_number(number)?,
            _ => form::parse_decimal(text?)?,
        }),
        Ty::Percent => Value::Percent(form::parse_percent(text?)?),
        Ty::Money(currency) => {
            let money = form::parse_money(text?)?;
            let fits = currency.as_deref().is_none_or(|code| code == money.currency.code());
            fits.then_some(Value::Money(money))?
        }
        Ty::Duration => Value::Duration(form::parse_duration(text?)?),
        Ty::Time => Value::Time(form::parse_time(text?)?.0),
        Ty::Date => Value::Date(form::parse_date(text?)?),
        Ty::Uuid => Value::Uuid(form::parse_uuid(text?)?),
        Ty::Role => Value::Role(Arc::new(vec![text?.to_owned()])),
        _ => return None,
    })
}

/// The type of what `Failed(e)` binds. Programs read two of its fields; frames keep all of it.
const FAILURE: &str = "failure";

fn named(fir: &Fir, name: &str, json: &Json) -> Result<Value, Fault> {
    if name == FAILURE {
        return Ok(Value::Failure(Arc::new(failure(json)?)));
    }
    match fir.types.get(name).map(|named| &named.decl) {
        Some(TypeDecl::Alias { of, .. }) => decode(fir, of, json),
        Some(TypeDecl::Record(fields)) => record(fir, name, fields, json),
        Some(TypeDecl::Enum(variants)) => variant(fir, name, variants, json),
        None => match fir.events.get(name) {
            Some(event) => record(fir, name, &event.fields, json),
            None => Err(fault(format!("type `{name}` is not declared"))),
        },
    }
}

fn record(fir: &Fir, name: &str, fields: &[Field], json: &Json) -> Result<Value, Fault> {
    let object = json.as_object().ok_or_else(|| fault(format!("a value is no {name}")))?;
    Ok(Value::Record(Arc::new(payload(fir, fields, object)?)))
}

/// Reads the fields of a record or payload; absent ones take their default, or none.
pub(crate) fn payload(
    fir: &Fir,
    fields: &[Field],
    object: &Map<String, Json>,
) -> Result<Fields, Fault> {
    let read = |field: &Field| {
        let json = object.get(&field.name).or(field.default.as_ref()).unwrap_or(&Json::Null);
        let value = decode(fir, &field.ty, json)
            .map_err(|cause| fault(format!("field `{}`: {}", field.name, cause.message)))?;
        Ok((field.name.clone(), value))
    };
    fields.iter().map(read).collect()
}

fn variant(fir: &Fir, name: &str, variants: &[Variant], json: &Json) -> Result<Value, Fault> {
    let empty = Map::new();
    let (tag, fields) = match json {
        Json::String(tag) => (tag.as_str(), &empty),
        Json::Object(object) if object.len() == 1 => match object.iter().next() {
            Some((tag, Json::Object(fields))) => (tag.as_str(), fields),
            _ => ("", &empty),
        },
        _ => ("", &empty),
    };
    let decl = variants.iter().find(|variant| variant.name == tag);
    let decl = decl.ok_or_else(|| fault(format!("a value is no {name}")))?;
    Ok(Value::Variant(tag.into(), Arc::new(payload(fir, &decl.fields, fields)?)))
}

fn list(fir: &Fir, of: &Ty, json: &Json) -> Result<Value, Fault> {
    let items = json.as_array().ok_or_else(|| fault("a value is no list"))?;
    Ok(Value::list(items.iter().map(|item| decode(fir, of, item)).collect::<Result<_, _>>()?))
}

fn map(fir: &Fir, key: &Ty, of: &Ty, json: &Json) -> Result<Value, Fault> {
    let object = json.as_object().ok_or_else(|| fault("a value is no map"))?;
    let entry =
        |(name, value): (&String, &Json)| Ok((map_key(fir, key, name)?, decode(fir, of, value)?));
    Ok(Value::Map(Arc::new(object.iter().map(entry).collect::<Result<_, Fault>>()?)))
}

/// An entry of a map is a record of its key and its value.
fn entry(fir: &Fir, key: &Ty, of: &Ty, json: &Json) -> Result<Value, Fault> {
    let field = |name: &str, ty: &Ty| Field { name: name.into(), ty: ty.clone(), default: None };
    record(fir, "entry", &[field("key", key), field("value", of)], json)
}

/// Keys are texts at the boundary: those of numbers and truths are read back.
fn map_key(fir: &Fir, ty: &Ty, name: &str) -> Result<Value, Fault> {
    let as_text = decode(fir, ty, &Json::from(name));
    as_text.or_else(|cause| match serde_json::from_str(name) {
        Ok(json) => decode(fir, ty, &json),
        Err(_) => Err(cause),
    })
}

fn outcome(fir: &Fir, of: &Ty, json: &Json) -> Result<Value, Fault> {
    if json == "Unknown" {
        return Ok(Value::Unknown);
    }
    let bad = || fault("a value is no outcome");
    let (tag, inner) = json.as_object().and_then(|object| object.iter().next()).ok_or_else(bad)?;
    match tag.as_str() {
        "Ok" => Ok(Value::Ok(Arc::new(decode(fir, of, inner)?))),
        "Failed" => Ok(Value::Failed(Arc::new(failure(inner)?))),
        _ => Err(bad()),
    }
}

fn failure(json: &Json) -> Result<Failure, Fault> {
    serde::Deserialize::deserialize(json).map_err(|_| fault("a value is no failure"))
}

/// The outcome that a failed iteration gives.
pub(crate) fn settled(failure: Failure) -> Value {
    match failure.kind {
        FailureKind::Unknown => Value::Unknown,
        _ => Value::Failed(Arc::new(failure)),
    }
}

fn batch(fir: &Fir, of: &Ty, json: &Json) -> Result<Value, Fault> {
    let field = |name: &str, ty: Ty| Field { name: name.to_owned(), ty, default: None };
    let fields = [
        field("items", Ty::List(Box::new(of.clone()))),
        field("id", Ty::Text),
        field("partition", Ty::Int),
        field("first_offset", Ty::Int),
        field("last_offset", Ty::Int),
        field("started", Ty::Time),
        field("hour", Ty::Time),
    ];
    record(fir, "batch", &fields, json)
}

/// Writes a value as boundary JSON.
#[must_use]
pub fn encode(value: &Value) -> Json {
    match value {
        Value::Unit | Value::None => Json::Null,
        Value::Bool(value) => Json::from(*value),
        Value::Int(value) => Json::from(*value),
        Value::Size(value) => Json::from(*value),
        Value::Blob(value) => (**value).clone(),
        Value::List(items) => items.iter().map(encode).collect(),
        Value::Map(entries) => {
            entries.iter().map(|(key, value)| (print(key), encode(value))).collect()
        }
        Value::Record(fields) => object(fields),
        Value::Variant(tag, fields) if fields.is_empty() => Json::from(&**tag),
        Value::Variant(tag, fields) => single(tag, object(fields)),
        Value::Ok(value) => single("Ok", encode(value)),
        Value::Failed(failure) => single("Failed", failed(failure)),
        Value::Failure(failure) => failed(failure),
        Value::Unknown => Json::from("Unknown"),
        Value::Role(roles) => roles.iter().map(|role| Json::from(role.as_str())).collect(),
        _ => Json::from(scalar_text(value)),
    }
}

fn scalar_text(value: &Value) -> String {
    match value {
        Value::Decimal(value) => form::print_decimal(*value),
        Value::Percent(value) => form::print_percent(*value),
        Value::Money(value) => form::print_money(*value),
        Value::Duration(value) => form::print_duration(*value),
        Value::Time(value) => form::print_time(Time(*value)),
        Value::Date(value) => form::print_date(*value),
        Value::Uuid(value) => form::print_uuid(*value),
        Value::Text(value) => value.to_string(),
        _ => String::new(),
    }
}

fn object(fields: &BTreeMap<String, Value>) -> Json {
    let present = fields.iter().filter(|(_, value)| !value.is_none());
    present.map(|(name, value)| (name.clone(), encode(value))).collect()
}

fn failed(failure: &Failure) -> Json {
    serde_json::to_value(failure).expect("a failure has only text as map keys")
}

fn single(tag: &str, content: Json) -> Json {
    let mut object = Map::new();
    object.insert(tag.to_owned(), content);
    Json::Object(object)
}

/// The JSON form without quotes: how a value stands in interpolated text, keys and map keys.
#[must_use]
pub fn print(value: &Value) -> String {
    match value {
        Value::Text(text) => text.to_string(),
        other => print_json(&encode(other)),
    }
}

/// The same of JSON.
#[must_use]
pub fn print_json(json: &Json) -> String {
    match json {
        Json::String(text) => text.clone(),
        other => canonical(other),
    }
}
