//! Types as they look at the boundary: enough to check a JSON value, to say what is wrong with it in
//! words, to bring it into canonical form, and to mask what is personal.
//!
//! The forms are those of `docs/reference`: money `"12.00 EUR"`, decimals and percents as text,
//! durations `"1m30s"`, times RFC 3339 UTC, enums `"Name"` or `{"Name": {…}}`, optional absent or
//! `null`. Canonical means: object fields in declared order are irrelevant, absent optionals are
//! dropped, defaults are filled in, times are written with `Z`.

mod decode;
mod describe;
mod mask;
mod pattern;
mod sample;

pub use sample::SampleSeed;

use super::machine::Json;
use std::collections::BTreeMap;

/// A type.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ty {
    /// UTF-8 text.
    Text,
    /// True or false.
    Bool,
    /// 64-bit signed.
    Int,
    /// Exact decimal.
    Decimal,
    /// Exact percentage, `"80%"`.
    Percent,
    /// Money, of this currency where it is fixed.
    Money(Option<String>),
    /// Milliseconds, `"1m30s"`.
    Duration,
    /// UTC instant.
    Time,
    /// Civil date.
    Date,
    /// UUID.
    Uuid,
    /// Bytes.
    Size,
    /// Reference to a large payload.
    Blob,
    /// List.
    List(Box<Ty>),
    /// Map with scalar keys.
    Map(Box<Ty>, Box<Ty>),
    /// May be absent.
    Optional(Box<Ty>),
    /// A declared record, enum or named type, by qualified name.
    Named(String),
    /// `ok` or the failure of an isolated iteration.
    Outcome(Box<Ty>),
    /// Personal data.
    Pii(Box<Ty>),
    /// A secret.
    Secret(Box<Ty>),
    /// No value.
    Unit,
}

/// A declared type.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TypeDecl {
    /// `type Sku = text matching "…"`.
    Alias {
        /// What it wraps.
        of: Ty,
        /// Whole-text pattern.
        pattern: Option<String>,
    },
    /// `record`.
    Record {
        /// Name, type, default.
        fields: Vec<(String, Ty, Option<Json>)>,
    },
    /// `enum`.
    Enum {
        /// In order.
        variants: Vec<VariantDecl>,
    },
}

/// One variant.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct VariantDecl {
    /// Name.
    pub name: String,
    /// Payload fields.
    pub fields: Vec<(String, Ty)>,
}

/// Declared types by qualified name.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Schema {
    /// By qualified name.
    pub types: BTreeMap<String, TypeDecl>,
}

/// A value that does not fit its type.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{path}` must be {expected}")]
pub struct Mismatch {
    /// Where in the value, `items[2].price`; the value itself is `input`.
    pub path: String,
    /// What was expected, in words.
    pub expected: String,
}

#[cfg(test)]
mod tests;
