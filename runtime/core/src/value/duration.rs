//! Durations in whole milliseconds, written `1m30s`.

/// Units from the widest to the narrowest, as they are printed.
const UNITS: [(&str, u64); 5] =
    [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// Reads `1m30s`, `90s`, `1d`, `-5s`: numbers with units, in any order, in ms.
#[must_use]
pub fn parse_duration(text: &str) -> Option<i64> {
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    if rest.is_empty() {
        return None;
    }
    let mut total = 0_u64;
    while !rest.is_empty() {
        let (count, after) = split_where(rest, |c| !c.is_ascii_digit());
        let (unit, after) = split_where(after, |c| c.is_ascii_digit());
        let (_, ms) = UNITS.iter().find(|(name, _)| *name == unit)?;
        total = total.checked_add(count.parse::<u64>().ok()?.checked_mul(*ms)?)?;
        rest = after;
    }
    if negative { 0_i64.checked_sub_unsigned(total) } else { i64::try_from(total).ok() }
}

/// Writes the widest units first and leaves out those that are nought; `0s` for none.
#[must_use]
pub fn print_duration(ms: i64) -> String {
    let mut rest = ms.unsigned_abs();
    let mut text = String::from(if ms < 0 { "-" } else { "" });
    for (name, unit) in UNITS {
        let count = rest / unit;
        rest %= unit;
        if count > 0 {
            text.push_str(&count.to_string());
            text.push_str(name);
        }
    }
    if ms == 0 { "0s".to_owned() } else { text }
}

fn split_where(text: &str, ends: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(ends).unwrap_or(text.len()))
}
