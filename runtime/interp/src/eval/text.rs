//! Methods of text. Positions count characters, not bytes.

use super::collection::{clamp, count, missing};
use crate::value::Value;
use sagaflow_core::codegen::{Fault, rt};

/// Calls a method of a text.
pub(super) fn method(
    work: &rt::Work,
    text: &str,
    name: &str,
    args: &[Value],
) -> Result<Value, Fault> {
    match (name, args) {
        ("len", []) => Ok(count(text.chars().count())),
        ("is_empty", []) => Ok(Value::Bool(text.is_empty())),
        ("trim", []) => Ok(Value::text(text.trim())),
        ("lower", []) => Ok(Value::text(text.to_lowercase())),
        ("upper", []) => Ok(Value::text(text.to_uppercase())),
        ("contains", [Value::Text(part)]) => Ok(Value::Bool(text.contains(&**part))),
        ("starts_with", [Value::Text(part)]) => Ok(Value::Bool(text.starts_with(&**part))),
        ("ends_with", [Value::Text(part)]) => Ok(Value::Bool(text.ends_with(&**part))),
        ("split", [Value::Text(by)]) => split(work, text, by),
        ("join", [Value::List(items)]) => {
            rt::work::betweens(work, items.len(), text)?;
            let items: Vec<String> = items.iter().map(crate::codec::print).collect();
            Ok(Value::text(items.join(text)))
        }
        ("replace", [Value::Text(from), Value::Text(to)]) => {
            rt::text::replace(text, from, to).map(Value::text)
        }
        ("slice", [Value::Int(from)]) => Ok(slice(text, *from, i64::MAX)),
        ("slice", [Value::Int(from), Value::Int(to)]) => Ok(slice(text, *from, *to)),
        (_, []) => alone(work, text, name),
        (_, [Value::Text(part)]) => with_text(text, name, part),
        ("repeat", [Value::Int(times)]) => rt::text::repeat(text, *times).map(Value::text),
        ("pad_start" | "pad_end", [Value::Int(length)]) => pad(text, name, *length, " "),
        ("pad_start" | "pad_end", [Value::Int(length), Value::Text(with)]) => {
            pad(text, name, *length, with)
        }
        _ => Err(missing(name)),
    }
}

/// Methods that take nothing.
fn alone(work: &rt::Work, text: &str, name: &str) -> Result<Value, Fault> {
    Ok(match name {
        "is_blank" => Value::Bool(text.trim().is_empty()),
        "trim_start" => Value::text(text.trim_start()),
        "trim_end" => Value::text(text.trim_end()),
        "lines" => {
            rt::text::parts(work, text.lines())?;
            Value::list(text.lines().map(Value::text).collect())
        }
        "words" => {
            rt::text::parts(work, text.split_whitespace())?;
            Value::list(text.split_whitespace().map(Value::text).collect())
        }
        "to_int" => Value::optional(text.parse().ok().map(Value::Int)),
        "to_decimal" => Value::optional(rt::text::to_decimal(text).map(|v| Value::Decimal(v.0))),
        "to_date" => Value::optional(rt::text::to_date(text).map(|v| Value::Date(v.0))),
        "to_time" => Value::optional(rt::text::to_time(text).map(|v| Value::Time(v.0))),
        "to_uuid" => Value::optional(rt::text::to_uuid(text).map(|v| Value::Uuid(v.0))),
        _ => return Err(missing(name)),
    })
}

/// Methods that look for a text.
fn with_text(text: &str, name: &str, part: &str) -> Result<Value, Fault> {
    let split = text.split_once(part);
    Ok(match name {
        "index_of" => {
            let before = split.map(|(before, _)| count(before.chars().count()));
            Value::optional(before)
        }
        "before" => Value::text(split.map_or(text, |(before, _)| before)),
        "after" => Value::text(split.map_or("", |(_, after)| after)),
        "remove_prefix" => Value::text(text.strip_prefix(part).unwrap_or(text)),
        "remove_suffix" => Value::text(text.strip_suffix(part).unwrap_or(text)),
        _ => return Err(missing(name)),
    })
}

fn pad(text: &str, name: &str, length: i64, with: &str) -> Result<Value, Fault> {
    let padded = match name {
        "pad_start" => rt::text::pad_start(text, length, with),
        _ => rt::text::pad_end(text, length, with),
    };
    padded.map(Value::text)
}

fn split(work: &rt::Work, text: &str, by: &str) -> Result<Value, Fault> {
    if by.is_empty() {
        // Between every two characters, and not before the first and after the last.
        rt::text::parts(work, text.chars())?;
        return Ok(Value::list(text.chars().map(|each| Value::text(each.to_string())).collect()));
    }
    rt::text::parts(work, text.split(by))?;
    Ok(Value::list(text.split(by).map(Value::text).collect()))
}

fn slice(text: &str, from: i64, to: i64) -> Value {
    let (from, to) = (clamp(from), clamp(to));
    let taken: String = text.chars().skip(from).take(to.saturating_sub(from)).collect();
    Value::text(taken)
}
