//! The parts and methods of plain values, as tables: what each takes and answers.

use crate::hir::TyKind;

/// What a method takes.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Takes {
    /// Nothing.
    Nothing,
    /// A text.
    Text,
    /// Two texts.
    Texts,
    /// A list of anything.
    List,
    /// A whole number.
    Int,
    /// One or two whole numbers.
    Range,
    /// Perhaps a way of rounding.
    Mode,
    /// Perhaps digits, perhaps a way of rounding.
    Digits,
    /// A length, perhaps a text to fill with.
    Padding,
    /// Another of its kind.
    Same,
    /// The least and the greatest of its kind.
    Bounds,
    /// Another of its kind, perhaps a way of rounding.
    Step,
    /// A list of whole numbers.
    Weights,
    /// A duration.
    Duration,
    /// The name of a time zone.
    Zone,
    /// A clock time and the name of a time zone.
    Clock,
    /// A number, the days of a weekend, holidays.
    Working,
}

impl Takes {
    /// The least and the greatest number of arguments.
    pub(super) fn count(self) -> (usize, usize) {
        match self {
            Self::Nothing => (0, 0),
            Self::Text | Self::List | Self::Int | Self::Same | Self::Weights => (1, 1),
            Self::Duration | Self::Zone => (1, 1),
            Self::Texts | Self::Bounds | Self::Clock => (2, 2),
            Self::Working => (3, 3),
            Self::Range | Self::Padding | Self::Step => (1, 2),
            Self::Mode => (0, 1),
            Self::Digits => (0, 2),
        }
    }

    /// How a method of this name that takes it is called.
    pub(super) fn signature(self, name: &str) -> String {
        let ways: &[&str] = match (name, self) {
            (_, Self::Nothing) => return format!("`{name}`"),
            ("replace", _) => &["from, to"],
            ("split", Self::Int) => &["parts"],
            ("split", _) => &["by"],
            ("repeat", _) => &["times"],
            ("next_weekday", _) => &["weekday"],
            ("add_days" | "add_months" | "add_years", _) => &["n"],
            ("days_until" | "months_until", _) => &["date"],
            (_, Self::Text | Self::Texts) => &["part"],
            (_, Self::List) => &["list"],
            (_, Self::Int) => &["n"],
            (_, Self::Range) => &["from", "from, to"],
            (_, Self::Mode) => &["", "mode"],
            (_, Self::Digits) => &["", "digits", "digits, mode"],
            (_, Self::Padding) => &["length", "length, with"],
            (_, Self::Same) => &["other"],
            (_, Self::Bounds) => &["least, greatest"],
            (_, Self::Step) => &["step", "step, mode"],
            (_, Self::Weights) => &["weights"],
            (_, Self::Duration) => &["duration"],
            (_, Self::Zone) => &["zone"],
            (_, Self::Clock) => &["clock, zone"],
            (_, Self::Working) => &["n, weekend, holidays"],
        };
        let ways: Vec<String> = ways.iter().map(|way| format!("`{name}({way})`")).collect();
        ways.join(" or ")
    }
}

/// What it answers.
#[derive(Clone, Copy)]
pub(super) enum Gives {
    /// What it is of.
    Same,
    /// A list of what it is of.
    Many,
    Text,
    Bool,
    Int,
    Decimal,
    Percent,
    Time,
    Date,
    /// What a text says, if it says that.
    Perhaps(&'static TyKind),
}

/// A part or method: its name, what it takes and what it answers.
pub(super) type Part = (&'static str, Takes, Gives);

const TEXT: &[Part] = &[
    ("len", Takes::Nothing, Gives::Int),
    ("is_empty", Takes::Nothing, Gives::Bool),
    ("trim", Takes::Nothing, Gives::Same),
    ("lower", Takes::Nothing, Gives::Same),
    ("upper", Takes::Nothing, Gives::Same),
    ("contains", Takes::Text, Gives::Bool),
    ("starts_with", Takes::Text, Gives::Bool),
    ("ends_with", Takes::Text, Gives::Bool),
    ("split", Takes::Text, Gives::Many),
    ("join", Takes::List, Gives::Same),
    ("replace", Takes::Texts, Gives::Same),
    ("slice", Takes::Range, Gives::Same),
    ("is_blank", Takes::Nothing, Gives::Bool),
    ("trim_start", Takes::Nothing, Gives::Same),
    ("trim_end", Takes::Nothing, Gives::Same),
    ("lines", Takes::Nothing, Gives::Many),
    ("words", Takes::Nothing, Gives::Many),
    ("index_of", Takes::Text, Gives::Perhaps(&TyKind::Int)),
    ("before", Takes::Text, Gives::Same),
    ("after", Takes::Text, Gives::Same),
    ("remove_prefix", Takes::Text, Gives::Same),
    ("remove_suffix", Takes::Text, Gives::Same),
    ("repeat", Takes::Int, Gives::Same),
    ("pad_start", Takes::Padding, Gives::Same),
    ("pad_end", Takes::Padding, Gives::Same),
    ("to_int", Takes::Nothing, Gives::Perhaps(&TyKind::Int)),
    ("to_decimal", Takes::Nothing, Gives::Perhaps(&TyKind::Decimal)),
    ("to_date", Takes::Nothing, Gives::Perhaps(&TyKind::Date)),
    ("to_time", Takes::Nothing, Gives::Perhaps(&TyKind::Time)),
    ("to_uuid", Takes::Nothing, Gives::Perhaps(&TyKind::Uuid)),
];

const MONEY: &[Part] = &[
    ("amount", Takes::Nothing, Gives::Decimal),
    ("currency", Takes::Nothing, Gives::Text),
    ("minor", Takes::Nothing, Gives::Int),
    ("abs", Takes::Nothing, Gives::Same),
    ("is_zero", Takes::Nothing, Gives::Bool),
    ("is_negative", Takes::Nothing, Gives::Bool),
    ("round", Takes::Mode, Gives::Same),
    ("split", Takes::Int, Gives::Many),
    ("is_positive", Takes::Nothing, Gives::Bool),
    ("allocate", Takes::Weights, Gives::Many),
    ("round_to", Takes::Step, Gives::Same),
    ("min", Takes::Same, Gives::Same),
    ("max", Takes::Same, Gives::Same),
    ("clamp", Takes::Bounds, Gives::Same),
];

const INT: &[Part] = &[
    ("abs", Takes::Nothing, Gives::Same),
    ("decimal", Takes::Nothing, Gives::Decimal),
    ("min", Takes::Same, Gives::Same),
    ("max", Takes::Same, Gives::Same),
    ("clamp", Takes::Bounds, Gives::Same),
];

const DECIMAL: &[Part] = &[
    ("abs", Takes::Nothing, Gives::Same),
    ("floor", Takes::Nothing, Gives::Same),
    ("ceil", Takes::Nothing, Gives::Same),
    ("trunc", Takes::Nothing, Gives::Same),
    ("int", Takes::Nothing, Gives::Int),
    ("round", Takes::Digits, Gives::Same),
    ("min", Takes::Same, Gives::Same),
    ("max", Takes::Same, Gives::Same),
    ("clamp", Takes::Bounds, Gives::Same),
    ("percent", Takes::Nothing, Gives::Percent),
];

const PERCENT: &[Part] = &[
    ("abs", Takes::Nothing, Gives::Same),
    ("floor", Takes::Nothing, Gives::Same),
    ("ceil", Takes::Nothing, Gives::Same),
    ("decimal", Takes::Nothing, Gives::Decimal),
    ("round", Takes::Digits, Gives::Same),
    ("min", Takes::Same, Gives::Same),
    ("max", Takes::Same, Gives::Same),
    ("clamp", Takes::Bounds, Gives::Same),
];

const DURATION: &[Part] = &[
    ("ms", Takes::Nothing, Gives::Int),
    ("seconds", Takes::Nothing, Gives::Int),
    ("minutes", Takes::Nothing, Gives::Int),
    ("hours", Takes::Nothing, Gives::Int),
    ("days", Takes::Nothing, Gives::Int),
    ("abs", Takes::Nothing, Gives::Same),
    ("min", Takes::Same, Gives::Same),
    ("max", Takes::Same, Gives::Same),
    ("clamp", Takes::Bounds, Gives::Same),
];

const TIME: &[Part] = &[
    ("year", Takes::Nothing, Gives::Int),
    ("month", Takes::Nothing, Gives::Int),
    ("day", Takes::Nothing, Gives::Int),
    ("weekday", Takes::Nothing, Gives::Int),
    ("day_of_year", Takes::Nothing, Gives::Int),
    ("hour", Takes::Nothing, Gives::Int),
    ("minute", Takes::Nothing, Gives::Int),
    ("second", Takes::Nothing, Gives::Int),
    ("ms", Takes::Nothing, Gives::Int),
    ("date", Takes::Nothing, Gives::Date),
    ("floor", Takes::Duration, Gives::Same),
    ("min", Takes::Same, Gives::Same),
    ("max", Takes::Same, Gives::Same),
    ("clamp", Takes::Bounds, Gives::Same),
    ("date_in", Takes::Zone, Gives::Date),
    ("hour_in", Takes::Zone, Gives::Int),
    ("minute_in", Takes::Zone, Gives::Int),
];

const DATE: &[Part] = &[
    ("year", Takes::Nothing, Gives::Int),
    ("month", Takes::Nothing, Gives::Int),
    ("day", Takes::Nothing, Gives::Int),
    ("weekday", Takes::Nothing, Gives::Int),
    ("day_of_year", Takes::Nothing, Gives::Int),
    ("time", Takes::Nothing, Gives::Time),
    ("time_in", Takes::Zone, Gives::Time),
    ("at", Takes::Clock, Gives::Time),
    ("add_days", Takes::Int, Gives::Same),
    ("add_working_days", Takes::Working, Gives::Same),
    ("add_months", Takes::Int, Gives::Same),
    ("add_years", Takes::Int, Gives::Same),
    ("days_until", Takes::Same, Gives::Int),
    ("months_until", Takes::Same, Gives::Int),
    ("next_weekday", Takes::Int, Gives::Same),
    ("start_of_week", Takes::Nothing, Gives::Same),
    ("start_of_month", Takes::Nothing, Gives::Same),
    ("end_of_month", Takes::Nothing, Gives::Same),
    ("start_of_quarter", Takes::Nothing, Gives::Same),
    ("start_of_year", Takes::Nothing, Gives::Same),
    ("end_of_year", Takes::Nothing, Gives::Same),
    ("quarter", Takes::Nothing, Gives::Int),
    ("week", Takes::Nothing, Gives::Int),
    ("days_in_month", Takes::Nothing, Gives::Int),
    ("is_weekend", Takes::Nothing, Gives::Bool),
    ("is_leap_year", Takes::Nothing, Gives::Bool),
    ("min", Takes::Same, Gives::Same),
    ("max", Takes::Same, Gives::Same),
    ("clamp", Takes::Bounds, Gives::Same),
];

const SIZE: &[Part] = &[("bytes", Takes::Nothing, Gives::Int)];

/// The parts and methods of a plain type, with its word.
pub(super) fn parts(kind: &TyKind) -> Option<(&'static str, &'static [Part])> {
    Some(match kind {
        TyKind::Text => ("text", TEXT),
        TyKind::Money(_) => ("money", MONEY),
        TyKind::Int => ("int", INT),
        TyKind::Decimal => ("decimal", DECIMAL),
        TyKind::Percent => ("percent", PERCENT),
        TyKind::Duration => ("duration", DURATION),
        TyKind::Time => ("time", TIME),
        TyKind::Date => ("date", DATE),
        TyKind::Size => ("size", SIZE),
        _ => return None,
    })
}

/// The parts and methods of a plain type.
pub(super) fn names(kind: &TyKind) -> Vec<&'static str> {
    parts(kind).map(|(_, parts)| parts.iter().map(|part| part.0).collect()).unwrap_or_default()
}
