//! Methods of text. Positions count characters, not bytes.

use super::collection::{clamp, count, missing};
use crate::value::Value;
use sagaflow_core::codegen::Fault;

/// Calls a method of a text.
pub(super) fn method(text: &str, name: &str, args: &[Value]) -> Result<Value, Fault> {
    match (name, args) {
        ("len", []) => Ok(count(text.chars().count())),
        ("is_empty", []) => Ok(Value::Bool(text.is_empty())),
        ("trim", []) => Ok(Value::text(text.trim())),
        ("lower", []) => Ok(Value::text(text.to_lowercase())),
        ("upper", []) => Ok(Value::text(text.to_uppercase())),
        ("contains", [Value::Text(part)]) => Ok(Value::Bool(text.contains(&**part))),
        ("starts_with", [Value::Text(part)]) => Ok(Value::Bool(text.starts_with(&**part))),
        ("ends_with", [Value::Text(part)]) => Ok(Value::Bool(text.ends_with(&**part))),
        ("split", [Value::Text(by)]) => Ok(split(text, by)),
        ("join", [Value::List(items)]) => {
            let items: Vec<String> = items.iter().map(crate::codec::print).collect();
            Ok(Value::text(items.join(text)))
        }
        ("replace", [Value::Text(from), Value::Text(to)]) => Ok(replace(text, from, to)),
        ("slice", [Value::Int(from)]) => Ok(slice(text, *from, i64::MAX)),
        ("slice", [Value::Int(from), Value::Int(to)]) => Ok(slice(text, *from, *to)),
        _ => Err(missing(name)),
    }
}

fn split(text: &str, by: &str) -> Value {
    let parts = match by.is_empty() {
        // Between every two characters, and not before the first and after the last.
        true => text.chars().map(|each| Value::text(each.to_string())).collect(),
        false => text.split(by).map(Value::text).collect(),
    };
    Value::list(parts)
}

fn replace(text: &str, from: &str, to: &str) -> Value {
    // Replacing nothing by something has no sensible place, so it changes nothing.
    if from.is_empty() { Value::text(text) } else { Value::text(text.replace(from, to)) }
}

fn slice(text: &str, from: i64, to: i64) -> Value {
    let (from, to) = (clamp(from), clamp(to));
    let taken: String = text.chars().skip(from).take(to.saturating_sub(from)).collect();
    Value::text(taken)
}
