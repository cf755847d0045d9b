//! Exact decimals and percents as text.
//!
//! Promises: no exponent, no trailing noughts, no minus nought; a JSON float is taken only where
//! its digits can be trusted.

use rust_decimal::Decimal;

/// Bound: 15 significant digits survive a 64-bit float unchanged; beyond them what was sent and
/// what was parsed may differ, so such a number must come as text.
const FLOAT_DIGITS_MAX: usize = 15;

/// Reads `-12.50`: digits with at most one point between them.
#[must_use]
pub fn parse_decimal(text: &str) -> Option<Decimal> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let plain = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let shaped = match digits.split_once('.') {
        Some((whole, fraction)) => plain(whole) && plain(fraction),
        None => plain(digits),
    };
    if shaped { Decimal::from_str_exact(text).ok() } else { None }
}

/// Writes it without exponent and without trailing noughts.
#[must_use]
pub fn print_decimal(value: Decimal) -> String {
    value.normalize().to_string()
}

/// Reads `80%` as 80.
#[must_use]
pub fn parse_percent(text: &str) -> Option<Decimal> {
    parse_decimal(text.strip_suffix('%')?)
}

/// Writes 80 as `80%`.
#[must_use]
pub fn print_percent(value: Decimal) -> String {
    format!("{}%", print_decimal(value))
}

/// The exact decimal of a JSON number; nothing where a float has more digits than it can hold.
#[must_use]
pub fn decimal_of_number(number: &serde_json::Number) -> Option<Decimal> {
    if let Some(whole) = number.as_i64() {
        return Some(Decimal::from(whole));
    }
    if let Some(whole) = number.as_u64() {
        return Some(Decimal::from(whole));
    }
    let text = number.to_string();
    let value = match text.contains(['e', 'E']) {
        true => Decimal::from_scientific(&text).ok()?,
        false => Decimal::from_str_exact(&text).ok()?,
    };
    let digits = value.normalize().mantissa().unsigned_abs().to_string().len();
    (digits <= FLOAT_DIGITS_MAX).then_some(value)
}
