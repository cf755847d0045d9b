//! Instants, civil dates and UUIDs as text.

use crate::time::Time;
use jiff::Timestamp;
use jiff::civil::Date;
use uuid::Uuid;

/// Bound: from the first instant that RFC 3339 can write to the last one that has a date in every
/// time zone (`9999-12-30T22:00:00Z`), in ms.
const FIRST_MS: i64 = -62_167_219_200_000;
const LAST_MS: i64 = 253_402_207_200_000;

/// Reads an RFC 3339 instant with any offset. Digits below a millisecond are cut off towards the
/// past.
#[must_use]
pub fn parse_time(text: &str) -> Option<Time> {
    // The library also reads looser forms (week dates, bracketed zones, no seconds); a boundary
    // that accepted them would promise them.
    let bytes = text.as_bytes();
    let shaped = bytes.get(4) == Some(&b'-')
        && matches!(bytes.get(10), Some(b'T' | b't'))
        && bytes.get(13) == Some(&b':')
        && bytes.get(16) == Some(&b':')
        && !text.contains(['[', ',']);
    if !shaped {
        return None;
    }
    let instant: Timestamp = text.parse().ok()?;
    let ms = i64::try_from(instant.as_nanosecond().div_euclid(1_000_000)).ok()?;
    (FIRST_MS..=LAST_MS).contains(&ms).then_some(Time(ms))
}

/// Writes RFC 3339 with `Z`, with milliseconds only where there are some. Instants that RFC 3339
/// cannot write are written as the nearest one it can.
#[must_use]
pub fn print_time(time: Time) -> String {
    let ms = time.0.clamp(FIRST_MS, LAST_MS);
    let instant = Timestamp::from_millisecond(ms).expect("the clamped range is the library's own");
    if ms.rem_euclid(1_000) == 0 { format!("{instant:.0}") } else { format!("{instant:.3}") }
}

/// Reads `2026-01-31`.
#[must_use]
pub fn parse_date(text: &str) -> Option<Date> {
    let bytes = text.as_bytes();
    let shaped = bytes.len() == 10 && bytes.get(4) == Some(&b'-') && bytes.get(7) == Some(&b'-');
    if shaped { text.parse().ok() } else { None }
}

/// Writes `2026-01-31`.
#[must_use]
pub fn print_date(date: Date) -> String {
    date.to_string()
}

/// Reads a hyphenated UUID in either case.
#[must_use]
pub fn parse_uuid(text: &str) -> Option<Uuid> {
    if text.len() == 36 { Uuid::try_parse(text).ok() } else { None }
}

/// Writes it hyphenated, in lower case.
#[must_use]
pub fn print_uuid(uuid: Uuid) -> String {
    uuid.hyphenated().to_string()
}
