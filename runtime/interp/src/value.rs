//! Values while a program is evaluated: exact, typed, ordered.
//!
//! An optional holds either `None` or the plain value: the boundary cannot tell more apart. Nominal
//! types and the labels `pii` and `secret` are the type's business and leave no trace here.

use jiff::civil::Date;
use rust_decimal::Decimal;
use sagaflow_core::codegen::Failure;
use sagaflow_core::codegen::rt::Weight;
use sagaflow_core::codegen::rt::work::{items_weight, text_units};
use sagaflow_core::value::Money;
use serde_json::Value as Json;
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;
use uuid::Uuid;

/// Fields of a record, or payload of a variant, by name.
pub type Fields = BTreeMap<String, Value>;

/// A value.
#[derive(Clone, Debug)]
pub enum Value {
    /// No value: the result of what has none.
    Unit,
    /// An absent optional.
    None,
    /// True or false.
    Bool(bool),
    /// 64-bit signed.
    Int(i64),
    /// Exact decimal.
    Decimal(Decimal),
    /// Exact percentage, 80 for `80%`.
    Percent(Decimal),
    /// Whole minor units of one currency.
    Money(Money),
    /// Milliseconds.
    Duration(i64),
    /// Milliseconds since the epoch.
    Time(i64),
    /// Civil date.
    Date(Date),
    /// UUID.
    Uuid(Uuid),
    /// Bytes.
    Size(u64),
    /// UTF-8 text.
    Text(Arc<str>),
    /// Reference to a large payload, as it stands at the boundary.
    Blob(Arc<Json>),
    /// List.
    List(Arc<Vec<Value>>),
    /// Map, in key order.
    Map(Arc<BTreeMap<Value, Value>>),
    /// Record.
    Record(Arc<Fields>),
    /// Variant of an enum with its payload.
    Variant(Arc<str>, Arc<Fields>),
    /// A settled iteration that ended well.
    Ok(Arc<Value>),
    /// A settled iteration that failed.
    Failed(Arc<Failure>),
    /// How something failed: what `Failed(e)` binds.
    Failure(Arc<Failure>),
    /// A settled iteration of which nobody knows.
    Unknown,
    /// Who may answer, `role:NAME` or `user:NAME` each.
    Role(Arc<Vec<String>>),
}

impl Value {
    /// Text.
    #[must_use]
    pub fn text(text: impl Into<Arc<str>>) -> Self {
        Self::Text(text.into())
    }

    /// A list.
    #[must_use]
    pub fn list(items: Vec<Self>) -> Self {
        Self::List(Arc::new(items))
    }

    /// The value, or `None`.
    #[must_use]
    pub fn optional(value: Option<Self>) -> Self {
        value.unwrap_or(Self::None)
    }

    /// Whether it is the absent optional.
    #[must_use]
    pub fn is_none(&self) -> bool {
        matches!(self, Self::None)
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Unit => 0,
            Self::None => 1,
            Self::Bool(_) => 2,
            Self::Int(_) => 3,
            Self::Decimal(_) => 4,
            Self::Percent(_) => 5,
            Self::Money(_) => 6,
            Self::Duration(_) => 7,
            Self::Time(_) => 8,
            Self::Date(_) => 9,
            Self::Uuid(_) => 10,
            Self::Size(_) => 11,
            Self::Text(_) => 12,
            Self::Blob(_) => 13,
            Self::List(_) => 14,
            Self::Map(_) => 15,
            Self::Record(_) => 16,
            Self::Variant(..) => 17,
            Self::Ok(_) => 18,
            Self::Failed(_) => 19,
            Self::Unknown => 20,
            Self::Role(_) => 21,
            Self::Failure(_) => 22,
        }
    }
}

/// The weight of the value that generated code has in the same place.
impl Weight for Value {
    fn weight(&self) -> u64 {
        let fields =
            |fields: &Fields| fields.values().map(Weight::weight).fold(1, u64::saturating_add);
        match self {
            Self::None => 0,
            Self::Text(text) => text_units(text.len()).saturating_add(1),
            Self::List(items) => items_weight(items.iter().map(Weight::weight)),
            Self::Map(map) => {
                items_weight(map.iter().flat_map(|(key, value)| [key.weight(), value.weight()]))
            }
            Self::Record(of) | Self::Variant(_, of) => fields(of),
            Self::Ok(value) => value.weight().saturating_add(1),
            Self::Role(who) => items_weight(who.iter().map(Weight::weight)),
            _ => 1,
        }
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Value {}

impl PartialOrd for Value {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Value {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Bool(a), Self::Bool(b)) => a.cmp(b),
            (Self::Int(a), Self::Int(b)) => a.cmp(b),
            (Self::Decimal(a), Self::Decimal(b)) | (Self::Percent(a), Self::Percent(b)) => a.cmp(b),
            (Self::Money(a), Self::Money(b)) => (a.currency, a.minor).cmp(&(b.currency, b.minor)),
            (Self::Duration(a), Self::Duration(b)) | (Self::Time(a), Self::Time(b)) => a.cmp(b),
            (Self::Date(a), Self::Date(b)) => a.cmp(b),
            (Self::Uuid(a), Self::Uuid(b)) => a.cmp(b),
            (Self::Size(a), Self::Size(b)) => a.cmp(b),
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            (Self::Blob(a), Self::Blob(b)) => a.to_string().cmp(&b.to_string()),
            (Self::List(a), Self::List(b)) => a.cmp(b),
            (Self::Map(a), Self::Map(b)) => a.cmp(b),
            (Self::Record(a), Self::Record(b)) => a.cmp(b),
            (Self::Variant(a, x), Self::Variant(b, y)) => a.cmp(b).then_with(|| x.cmp(y)),
            (Self::Ok(a), Self::Ok(b)) => a.cmp(b),
            (Self::Failed(a), Self::Failed(b)) | (Self::Failure(a), Self::Failure(b)) => {
                (&a.name, &a.step)
                    .cmp(&(&b.name, &b.step))
                    .then_with(|| a.payload.to_string().cmp(&b.payload.to_string()))
            }
            (Self::Role(a), Self::Role(b)) => a.cmp(b),
            _ => self.rank().cmp(&other.rank()),
        }
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}
