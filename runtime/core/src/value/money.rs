//! Money: whole minor units of one currency, written `12.00 EUR`.
//!
//! Promises: exact. Digits beyond the currency's minor unit are refused, never rounded away;
//! rounding is a decision of the program ([`Money::rounded`]).

use rust_decimal::{Decimal, RoundingStrategy};

/// An ISO 4217 code: three capital letters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency([u8; 3]);

impl Currency {
    /// The currency of this code; nothing where it is not three capital ASCII letters.
    #[must_use]
    pub fn new(code: &str) -> Option<Self> {
        let bytes: [u8; 3] = code.as_bytes().try_into().ok()?;
        bytes.iter().all(u8::is_ascii_uppercase).then_some(Self(bytes))
    }

    /// Its code.
    #[must_use]
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.0).expect("three ASCII letters are UTF-8")
    }

    /// Digits of its minor unit.
    #[must_use]
    pub fn minor_digits(self) -> u32 {
        minor_digits(self.code())
    }
}

impl std::fmt::Debug for Currency {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.code())
    }
}

impl std::fmt::Display for Currency {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.code())
    }
}

/// Digits of a currency's minor unit: two, but for the exceptions.
///
/// Source: ISO 4217, list one, minor units other than 2. Codes without a minor unit (metals, test
/// codes) count as two.
#[must_use]
pub fn minor_digits(code: &str) -> u32 {
    match code {
        "BIF" | "CLP" | "DJF" | "GNF" | "ISK" | "JPY" | "KMF" | "KRW" | "PYG" | "RWF" | "UGX"
        | "UYI" | "VND" | "VUV" | "XAF" | "XOF" | "XPF" => 0,
        "BHD" | "IQD" | "JOD" | "KWD" | "LYD" | "OMR" | "TND" => 3,
        "CLF" | "UYW" => 4,
        _ => 2,
    }
}

/// An amount in whole minor units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Money {
    /// Minor units, `1200` for `12.00 EUR`.
    pub minor: i64,
    /// Its currency.
    pub currency: Currency,
}

impl Money {
    /// The amount in major units, `12.00`.
    #[must_use]
    pub fn amount(self) -> Decimal {
        Decimal::new(self.minor, self.currency.minor_digits())
    }

    /// Money of exactly this amount; nothing where it has digits beyond the minor unit, or is too
    /// big.
    #[must_use]
    pub fn exact(amount: Decimal, currency: Currency) -> Option<Self> {
        let amount = amount.normalize();
        (amount.scale() <= currency.minor_digits()).then_some(())?;
        Self::rounded(amount, currency, RoundingStrategy::MidpointNearestEven)
    }

    /// Money of this amount rounded to minor units; nothing where it is too big.
    #[must_use]
    pub fn rounded(amount: Decimal, currency: Currency, mode: RoundingStrategy) -> Option<Self> {
        let digits = currency.minor_digits();
        let mut rounded = amount.round_dp_with_strategy(digits, mode);
        rounded.rescale(digits);
        // A mantissa that has no room for the digits keeps a smaller scale: too big for an i64
        // then.
        (rounded.scale() == digits).then_some(())?;
        let minor = i64::try_from(rounded.mantissa()).ok()?;
        Some(Self { minor, currency })
    }
}

/// Reads `12.00 EUR`: an optional minus, digits, at most the currency's minor digits, one blank,
/// code.
#[must_use]
pub fn parse_money(text: &str) -> Option<Money> {
    let (number, code) = text.split_once(' ')?;
    let currency = Currency::new(code)?;
    let (negative, digits) = match number.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, number),
    };
    let (whole, fraction) = match digits.split_once('.') {
        Some((_, "")) => return None,
        Some(parts) => parts,
        None => (digits, ""),
    };
    let places = currency.minor_digits() as usize;
    if whole.is_empty() || fraction.len() > places {
        return None;
    }
    let padding = std::iter::repeat_n(b'0', places - fraction.len());
    let mut minor = 0_i64;
    for digit in whole.bytes().chain(fraction.bytes()).chain(padding) {
        let value = i64::from(digit.is_ascii_digit().then(|| digit - b'0')?);
        // Counted downwards, because the most negative amount has no positive twin.
        minor = minor.checked_mul(10)?.checked_sub(value)?;
    }
    let minor = if negative { minor } else { minor.checked_neg()? };
    Some(Money { minor, currency })
}

/// Writes `12.00 EUR`, always with the currency's minor digits.
#[must_use]
pub fn print_money(money: Money) -> String {
    let digits = money.currency.minor_digits() as usize;
    let sign = if money.minor < 0 { "-" } else { "" };
    let padded = format!("{:0>width$}", money.minor.unsigned_abs(), width = digits + 1);
    let (whole, fraction) = padded.split_at(padded.len() - digits);
    let point = if digits == 0 { "" } else { "." };
    format!("{sign}{whole}{point}{fraction} {}", money.currency)
}
