//! Parameters: each is bound as text, and the server reads it as what its type says.
//!
//! | type | SQL |
//! |---|---|
//! | `text`, enums without payload, `money` (`12.00 EUR`), `blob` | `text` |
//! | `bool`, `int`, `size` | `bool`, `int8` |
//! | `decimal`, `percent` (80 for `80%`) | `numeric` |
//! | `time`, `date`, `duration`, `uuid` | `timestamptz`, `date`, `interval`, `uuid` |
//! | lists of those | an array |
//! | records, maps, other lists, enums with payload | `jsonb` |

use sagaflow_core::codegen::{Json, Schema, Ty, TypeDecl};
use sagaflow_core::value;

/// A parameter as it is bound.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Param {
    One(Option<String>),
    Many(Option<Vec<Option<String>>>),
}

/// The plain type behind names, labels and optionals.
pub(crate) fn plain<'t>(schema: &'t Schema, ty: &'t Ty) -> &'t Ty {
    match ty {
        Ty::Optional(of) | Ty::Pii(of) | Ty::Secret(of) => plain(schema, of),
        Ty::Named(name) => match schema.types.get(name) {
            Some(TypeDecl::Alias { of, .. }) => plain(schema, of),
            _ => ty,
        },
        plain => plain,
    }
}

/// How the server reads a parameter of this type, after `$n`.
pub(crate) fn cast(schema: &Schema, ty: &Ty) -> String {
    match plain(schema, ty) {
        Ty::List(of) => match scalar(schema, of) {
            Some(name) => format!("::text[]::{name}[]"),
            None => "::text::jsonb".to_owned(),
        },
        one => format!("::text::{}", scalar(schema, one).unwrap_or("jsonb")),
    }
}

fn scalar(schema: &Schema, ty: &Ty) -> Option<&'static str> {
    Some(match plain(schema, ty) {
        Ty::Text | Ty::Money(_) | Ty::Blob => "text",
        Ty::Bool => "bool",
        Ty::Int | Ty::Size => "int8",
        Ty::Decimal | Ty::Percent => "numeric",
        Ty::Duration => "interval",
        Ty::Time => "timestamptz",
        Ty::Date => "date",
        Ty::Uuid => "uuid",
        Ty::Named(name) => match schema.types.get(name) {
            Some(TypeDecl::Enum { variants })
                if variants.iter().all(|variant| variant.fields.is_empty()) =>
            {
                "text"
            }
            _ => return None,
        },
        _ => return None,
    })
}

/// The value of a parameter.
pub(crate) fn param(schema: &Schema, ty: &Ty, json: &Json) -> Param {
    match plain(schema, ty) {
        Ty::List(of) if scalar(schema, of).is_some() => {
            let items =
                json.as_array().map(|items| items.iter().map(|item| text(schema, of, item)));
            Param::Many(items.map(Iterator::collect))
        }
        one if scalar(schema, one).is_some() => Param::One(text(schema, one, json)),
        _ if json.is_null() => Param::One(None),
        _ => Param::One(Some(json.to_string())),
    }
}

/// A scalar in the words that the server reads.
fn text(schema: &Schema, ty: &Ty, json: &Json) -> Option<String> {
    let text = match json {
        Json::Null => return None,
        Json::String(text) => text.clone(),
        other => other.to_string(),
    };
    Some(match plain(schema, ty) {
        Ty::Percent => text.trim_end_matches('%').to_owned(),
        Ty::Duration => match value::parse_duration(&text) {
            Some(ms) => format!("{ms} milliseconds"),
            None => text,
        },
        _ => text,
    })
}
