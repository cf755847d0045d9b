//! Methods of text. Positions count characters, not bytes.

use super::list::{clamp, count};

/// `len`
#[must_use]
pub fn len(text: &str) -> i64 {
    count(text.chars().count())
}

/// `is_empty`
#[must_use]
pub fn is_empty(text: &str) -> bool {
    text.is_empty()
}

/// `trim`
#[must_use]
pub fn trim(text: &str) -> String {
    text.trim().to_owned()
}

/// `lower`
#[must_use]
pub fn lower(text: &str) -> String {
    text.to_lowercase()
}

/// `upper`
#[must_use]
pub fn upper(text: &str) -> String {
    text.to_uppercase()
}

/// `contains`, and `in`
#[must_use]
pub fn contains(text: &str, part: &str) -> bool {
    text.contains(part)
}

/// `starts_with`
#[must_use]
pub fn starts_with(text: &str, part: &str) -> bool {
    text.starts_with(part)
}

/// `ends_with`
#[must_use]
pub fn ends_with(text: &str, part: &str) -> bool {
    text.ends_with(part)
}

/// `split`; by nothing: between every two characters.
#[must_use]
pub fn split(text: &str, by: &str) -> Vec<String> {
    match by.is_empty() {
        true => text.chars().map(String::from).collect(),
        false => text.split(by).map(str::to_owned).collect(),
    }
}

/// `replace`; replacing nothing changes nothing.
#[must_use]
pub fn replace(text: &str, from: &str, to: &str) -> String {
    if from.is_empty() { text.to_owned() } else { text.replace(from, to) }
}

/// `slice`
#[must_use]
pub fn slice(text: &str, from: i64, to: i64) -> String {
    let (from, to) = (clamp(from), clamp(to));
    text.chars().skip(from).take(to.saturating_sub(from)).collect()
}
