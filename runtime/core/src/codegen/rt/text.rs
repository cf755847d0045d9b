//! Methods of text. Positions count characters, not bytes.
//!
//! What a text says is read as it stands at the boundary; what cannot be read is absent.

use super::list::{clamp, count};
use super::work::amount;
use super::{Date, Decimal, Fault, Time, Uuid, Work, fault, scalar};

/// Bound: the bytes of a text that a method makes longer.
const BYTES_MAX: usize = 1_000_000;

/// A fault where a text would grow beyond its bound.
fn bounded(bytes: Option<usize>) -> Result<(), Fault> {
    match bytes {
        Some(bytes) if bytes <= BYTES_MAX => Ok(()),
        _ => Err(fault("a text would have more than a million bytes")),
    }
}

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

/// Counts the parts that a text falls into before they are made: each is more than its bytes.
///
/// # Errors
/// A fault beyond the budget.
pub fn parts(work: &Work, parts: impl Iterator) -> Result<(), Fault> {
    work.spend(amount(parts.count()))
}

/// `split`; by nothing: between every two characters.
///
/// # Errors
/// A fault beyond the budget of work.
pub fn split(work: &Work, text: &str, by: &str) -> Result<Vec<String>, Fault> {
    if by.is_empty() {
        parts(work, text.chars())?;
        return Ok(text.chars().map(String::from).collect());
    }
    parts(work, text.split(by))?;
    Ok(text.split(by).map(str::to_owned).collect())
}

/// `replace`; replacing nothing changes nothing.
///
/// # Errors
/// A fault where it grows beyond its bound.
pub fn replace(text: &str, from: &str, to: &str) -> Result<String, Fault> {
    if from.is_empty() {
        return Ok(text.to_owned());
    }
    if to.len() > from.len() {
        let more = text.matches(from).count().checked_mul(to.len() - from.len());
        // A text that was long before may stay so: only what is added counts.
        bounded(more)?;
    }
    Ok(text.replace(from, to))
}

/// `slice`
#[must_use]
pub fn slice(text: &str, from: i64, to: i64) -> String {
    let (from, to) = (clamp(from), clamp(to));
    text.chars().skip(from).take(to.saturating_sub(from)).collect()
}

/// `is_blank`: nothing but white space.
#[must_use]
pub fn is_blank(text: &str) -> bool {
    text.trim().is_empty()
}

/// `trim_start`
#[must_use]
pub fn trim_start(text: &str) -> String {
    text.trim_start().to_owned()
}

/// `trim_end`
#[must_use]
pub fn trim_end(text: &str) -> String {
    text.trim_end().to_owned()
}

/// `lines`, without their ends.
///
/// # Errors
/// A fault beyond the budget of work.
pub fn lines(work: &Work, text: &str) -> Result<Vec<String>, Fault> {
    parts(work, text.lines())?;
    Ok(text.lines().map(str::to_owned).collect())
}

/// `words`: what stands between white space.
///
/// # Errors
/// A fault beyond the budget of work.
pub fn words(work: &Work, text: &str) -> Result<Vec<String>, Fault> {
    parts(work, text.split_whitespace())?;
    Ok(text.split_whitespace().map(str::to_owned).collect())
}

/// `index_of`
#[must_use]
pub fn index_of(text: &str, part: &str) -> Option<i64> {
    let at = text.find(part)?;
    text.get(..at).map(len)
}

/// `before`: what stands before the first such part; all of it where there is none.
#[must_use]
pub fn before(text: &str, part: &str) -> String {
    text.split_once(part).map_or(text, |(before, _)| before).to_owned()
}

/// `after`: what stands behind the first such part; nothing where there is none.
#[must_use]
pub fn after(text: &str, part: &str) -> String {
    text.split_once(part).map_or("", |(_, after)| after).to_owned()
}

/// `remove_prefix`
#[must_use]
pub fn remove_prefix(text: &str, part: &str) -> String {
    text.strip_prefix(part).unwrap_or(text).to_owned()
}

/// `remove_suffix`
#[must_use]
pub fn remove_suffix(text: &str, part: &str) -> String {
    text.strip_suffix(part).unwrap_or(text).to_owned()
}

/// `repeat`
///
/// # Errors
/// A fault where it grows beyond its bound.
pub fn repeat(text: &str, times: i64) -> Result<String, Fault> {
    let times = clamp(times);
    bounded(text.len().checked_mul(times))?;
    Ok(text.repeat(times))
}

/// What a text lacks of a length, made of another.
fn padding(text: &str, length: i64, with: &str) -> Result<String, Fault> {
    let lacks = clamp(length.saturating_sub(len(text)));
    if lacks > 0 && with.is_empty() {
        return Err(fault("a text cannot be padded with nothing"));
    }
    let chars = with.chars().count().max(1);
    let rest: usize = with.chars().take(lacks % chars).map(char::len_utf8).sum();
    bounded((lacks / chars).checked_mul(with.len()).and_then(|bytes| bytes.checked_add(rest)))?;
    Ok(with.chars().cycle().take(lacks).collect())
}

/// `pad_start`
///
/// # Errors
/// A fault where it is padded with nothing, or grows beyond its bound.
pub fn pad_start(text: &str, length: i64, with: &str) -> Result<String, Fault> {
    Ok(padding(text, length, with)? + text)
}

/// `pad_end`
///
/// # Errors
/// A fault where it is padded with nothing, or grows beyond its bound.
pub fn pad_end(text: &str, length: i64, with: &str) -> Result<String, Fault> {
    Ok(text.to_owned() + &padding(text, length, with)?)
}

/// `to_int`
#[must_use]
pub fn to_int(text: &str) -> Option<i64> {
    text.parse().ok()
}

/// `to_decimal`
#[must_use]
pub fn to_decimal(text: &str) -> Option<Decimal> {
    scalar(text).ok()
}

/// `to_date`
#[must_use]
pub fn to_date(text: &str) -> Option<Date> {
    scalar(text).ok()
}

/// `to_time`
#[must_use]
pub fn to_time(text: &str) -> Option<Time> {
    scalar(text).ok()
}

/// `to_uuid`
#[must_use]
pub fn to_uuid(text: &str) -> Option<Uuid> {
    scalar(text).ok()
}
