//! Scalars in their boundary forms.
//!
//! Each parses and prints by [`crate::value`], so that there is one form of each in the system.

use super::{Fault, fault};
use crate::value as form;
use serde::de::{Deserialize, Deserializer, Error as _, Visitor};
use serde::ser::{Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

pub use crate::value::Money;

/// A text that is not of the form it should be. Holds nothing of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a value is no {0}")]
pub struct Malformed(pub &'static str);

impl Malformed {
    /// The same as a fault of the program.
    #[must_use]
    pub fn fault(self) -> Fault {
        fault(&self.to_string())
    }
}

/// Reads a text that the compiler wrote, or a person.
///
/// # Errors
/// A fault where the text has another form.
pub fn scalar<T: FromStr<Err = Malformed>>(text: &str) -> Result<T, Fault> {
    text.parse().map_err(Malformed::fault)
}

/// Visits a text, or the number that a decimal may be.
struct Form<T>(&'static str, fn(&str) -> Option<T>, fn(serde_json::Number) -> Option<T>);

impl<T> Form<T> {
    fn number<E: serde::de::Error>(&self, number: serde_json::Number) -> Result<T, E> {
        (self.2)(number).ok_or_else(|| E::custom(Malformed(self.0)))
    }
}

impl<T> Visitor<'_> for Form<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<T, E> {
        (self.1)(text).ok_or_else(|| E::custom(Malformed(self.0)))
    }

    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<T, E> {
        self.number(number.into())
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<T, E> {
        self.number(number.into())
    }

    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<T, E> {
        let number = serde_json::Number::from_f64(number);
        self.number(number.ok_or_else(|| E::custom(Malformed(self.0)))?)
    }
}

macro_rules! forms {
    ($name:ident, $word:literal, $parse:expr, $print:expr, $number:expr) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&($print)(*self))
            }
        }

        impl FromStr for $name {
            type Err = Malformed;

            fn from_str(text: &str) -> Result<Self, Malformed> {
                ($parse)(text).ok_or(Malformed($word))
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&($print)(*self))
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let form = Form($word, $parse, $number);
                deserializer.deserialize_any(form).map_err(|_| D::Error::custom(Malformed($word)))
            }
        }
    };
}

macro_rules! scalar {
    (
        $(#[$doc:meta])*
        $name:ident($inner:ty), $word:literal, $parse:path, $print:path $(, $number:expr)?
    ) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub $inner);

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl From<$inner> for $name {
            fn from(value: $inner) -> Self {
                Self(value)
            }
        }

        forms!(
            $name,
            $word,
            |text: &str| $parse(text).map(Self),
            |value: Self| $print(value.0),
            scalar!(@number $($number)?)
        );
    };
    (@number) => { |_| None };
    (@number $number:expr) => { $number };
}

scalar!(
    /// An exact decimal, `"12.5"`.
    Decimal(rust_decimal::Decimal), "decimal", form::parse_decimal, form::print_decimal,
    |number| form::decimal_of_number(&number).map(Self)
);
scalar!(
    /// An exact percentage: 80 for `"80%"`.
    Percent(rust_decimal::Decimal), "percent", form::parse_percent, form::print_percent
);
scalar!(
    /// A duration in whole milliseconds, `"1m30s"`.
    DurationMs(i64), "duration", form::parse_duration, form::print_duration
);
scalar!(
    /// A civil date, `"2026-01-31"`.
    Date(jiff::civil::Date), "date", form::parse_date, form::print_date
);
scalar!(
    /// A UUID.
    Uuid(uuid::Uuid), "uuid", form::parse_uuid, form::print_uuid
);

fn parse_time(text: &str) -> Option<i64> {
    form::parse_time(text).map(|time| time.0)
}

fn print_time(ms: i64) -> String {
    form::print_time(crate::time::Time(ms))
}

scalar!(
    /// A UTC instant in milliseconds since 1970, `"2026-01-31T12:00:00Z"`.
    Time(i64), "time", parse_time, print_time
);

forms!(Money, "money", form::parse_money, form::print_money, |_| None);

/// By currency, then by amount: an order for the keys of maps. A program's comparisons refuse two
/// currencies instead.
impl Ord for Money {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.currency, self.minor).cmp(&(other.currency, other.minor))
    }
}

impl PartialOrd for Money {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
