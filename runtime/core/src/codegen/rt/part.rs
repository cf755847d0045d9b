//! Methods and parts of money, numbers, durations, times and dates.

use super::ops::{Factor, overflow, product, quotient, whole};
use super::product::{scaled, shared};
use super::{Date, Decimal, DurationMs, Fault, Money, Percent, Time, fault};
use jiff::tz::{Offset, TimeZone};
use jiff::{Timestamp, Zoned};
use rust_decimal::{Decimal as Number, RoundingStrategy};

/// The rounding that a mode of this name means; half to even where none is said.
pub(super) fn strategy(mode: Option<&str>) -> Result<RoundingStrategy, Fault> {
    Ok(match mode.unwrap_or("half_even") {
        "half_even" | "even" => RoundingStrategy::MidpointNearestEven,
        "half_up" => RoundingStrategy::MidpointAwayFromZero,
        "half_down" => RoundingStrategy::MidpointTowardZero,
        "up" => RoundingStrategy::AwayFromZero,
        "down" => RoundingStrategy::ToZero,
        "ceiling" => RoundingStrategy::ToPositiveInfinity,
        "floor" => RoundingStrategy::ToNegativeInfinity,
        _ => return Err(fault("no such way of rounding")),
    })
}

/// `money.amount`
#[must_use]
pub fn amount(money: Money) -> Decimal {
    Decimal(money.amount())
}

/// `money.currency`
#[must_use]
pub fn currency(money: Money) -> String {
    money.currency.code().to_owned()
}

/// `money.minor`
#[must_use]
pub fn minor(money: Money) -> i64 {
    money.minor
}

/// `money.is_zero`
#[must_use]
pub fn is_zero(money: Money) -> bool {
    money.minor == 0
}

/// `money.is_negative`
#[must_use]
pub fn is_negative(money: Money) -> bool {
    money.minor < 0
}

/// `money.is_positive`
#[must_use]
pub fn is_positive(money: Money) -> bool {
    money.minor > 0
}

/// `(money * factor).round(mode)`: rounded once.
///
/// # Errors
/// A fault on overflow, or where there is no such mode.
pub fn round_product<F: Factor>(money: Money, by: F, mode: Option<&str>) -> Result<Money, Fault> {
    rounded(scaled(money, by)?, money, mode)
}

/// `(money / factor).round(mode)`: rounded once.
///
/// # Errors
/// A fault on overflow, division by zero, or where there is no such mode.
pub fn round_quotient<F: Factor>(money: Money, by: F, mode: Option<&str>) -> Result<Money, Fault> {
    rounded(shared(money, by)?, money, mode)
}

fn rounded(amount: Number, money: Money, mode: Option<&str>) -> Result<Money, Fault> {
    Money::rounded(amount, money.currency, strategy(mode)?).ok_or_else(overflow)
}

/// What has an absolute value.
pub trait Abs: Sized {
    /// `abs`
    ///
    /// # Errors
    /// A fault on overflow.
    fn abs(self) -> Result<Self, Fault>;
}

impl Abs for i64 {
    fn abs(self) -> Result<Self, Fault> {
        self.checked_abs().ok_or_else(overflow)
    }
}

impl Abs for Money {
    fn abs(self) -> Result<Self, Fault> {
        Ok(Self { minor: Abs::abs(self.minor)?, ..self })
    }
}

impl Abs for DurationMs {
    fn abs(self) -> Result<Self, Fault> {
        Abs::abs(self.0).map(Self)
    }
}

impl Abs for Decimal {
    fn abs(self) -> Result<Self, Fault> {
        Ok(Self(self.0.abs()))
    }
}

impl Abs for Percent {
    fn abs(self) -> Result<Self, Fault> {
        Ok(Self(self.0.abs()))
    }
}

/// Decimals and percents, which are rounded alike.
pub trait Rounding: Sized {
    /// The same kind, of another number.
    #[must_use]
    fn rounding(self, f: impl FnOnce(Number) -> Number) -> Self;
}

impl Rounding for Decimal {
    fn rounding(self, f: impl FnOnce(Number) -> Number) -> Self {
        Self(f(self.0))
    }
}

impl Rounding for Percent {
    fn rounding(self, f: impl FnOnce(Number) -> Number) -> Self {
        Self(f(self.0))
    }
}

/// `floor`
#[must_use]
pub fn floor<T: Rounding>(value: T) -> T {
    value.rounding(|number| number.floor())
}

/// `ceil`
#[must_use]
pub fn ceil<T: Rounding>(value: T) -> T {
    value.rounding(|number| number.ceil())
}

/// `trunc`
#[must_use]
pub fn trunc<T: Rounding>(value: T) -> T {
    value.rounding(|number| number.trunc())
}

/// The fault of rounding to fewer than no digits.
#[must_use]
pub fn negative_digits() -> Fault {
    fault("a number is rounded to 0 digits or more")
}

/// `round`
///
/// # Errors
/// A fault where there is no such mode, or the digits are negative.
pub fn round<T: Rounding>(value: T, digits: i64, mode: Option<&str>) -> Result<T, Fault> {
    let digits = u32::try_from(digits).map_err(|_| negative_digits())?;
    let strategy = strategy(mode)?;
    Ok(value.rounding(|number| number.round_dp_with_strategy(digits, strategy)))
}

/// A rounded decimal as a whole number.
///
/// # Errors
/// A fault on overflow.
pub fn int(value: Decimal) -> Result<i64, Fault> {
    whole(value.0)
}

/// `percent.decimal`
///
/// # Errors
/// A fault where it has too many digits.
pub fn fraction(value: Percent) -> Result<Decimal, Fault> {
    quotient(value.0, Number::ONE_HUNDRED).map(Decimal)
}

/// A decimal as a percentage.
///
/// # Errors
/// A fault on overflow.
pub fn percent(value: Decimal) -> Result<Percent, Fault> {
    product(value.0, Number::ONE_HUNDRED).map(Percent)
}

/// `clamp`: the nearest value from the least to the greatest.
///
/// # Errors
/// A fault where the least is greater than the greatest.
pub fn clamp_to<T: Ord>(value: T, least: T, greatest: T) -> Result<T, Fault> {
    match least <= greatest {
        true => Ok(value.clamp(least, greatest)),
        false => Err(fault("the least is greater than the greatest")),
    }
}

/// Whole units of so many milliseconds.
#[must_use]
pub fn units(duration: DurationMs, ms: i64) -> i64 {
    duration.0.checked_div(ms).unwrap_or_default()
}

/// An instant cut down to a unit.
#[must_use]
pub fn cut(time: Time, ms: i64) -> Time {
    Time(time.0 - time.0.checked_rem_euclid(ms).unwrap_or_default())
}

/// `time.floor`: cut down to whole multiples of a duration since 1970.
///
/// # Errors
/// A fault where the duration is nought or negative.
pub fn floor_time(time: Time, step: DurationMs) -> Result<Time, Fault> {
    match step.0 > 0 {
        true => time.0.checked_sub(time.0.rem_euclid(step.0)).map(Time).ok_or_else(overflow),
        false => Err(fault("a time is cut down to a duration above nought")),
    }
}

fn zoned(time: Time) -> Result<Zoned, Fault> {
    let at = Timestamp::from_millisecond(time.0).map_err(|_| fault("a time is out of range"))?;
    Ok(at.to_zoned(TimeZone::fixed(Offset::UTC)))
}

macro_rules! time_parts {
    ($($name:ident, $word:literal;)*) => {$(
        #[doc = $word]
        ///
        /// # Errors
        /// A fault where the calendar does not reach so far.
        pub fn $name(time: Time) -> Result<i64, Fault> {
            zoned(time).map(|at| at.$name().into())
        }
    )*};
}

time_parts! {
    hour, "`time.hour`";
    minute, "`time.minute`";
    second, "`time.second`";
    millisecond, "`time.ms`";
}

/// `time.date`
///
/// # Errors
/// A fault where the calendar does not reach so far.
pub fn date(time: Time) -> Result<Date, Fault> {
    zoned(time).map(|at| Date(at.date()))
}

/// `date.year`
#[must_use]
pub fn year(date: Date) -> i64 {
    date.0.year().into()
}

/// `date.month`
#[must_use]
pub fn month(date: Date) -> i64 {
    date.0.month().into()
}

/// `date.day`
#[must_use]
pub fn day(date: Date) -> i64 {
    date.0.day().into()
}

/// `date.weekday`, from Monday as 1.
#[must_use]
pub fn weekday(date: Date) -> i64 {
    date.0.weekday().to_monday_one_offset().into()
}

/// `date.day_of_year`
#[must_use]
pub fn day_of_year(date: Date) -> i64 {
    date.0.day_of_year().into()
}

/// The fault of an instant that no date has any more.
#[must_use]
pub fn beyond() -> Fault {
    fault("a time lies from the year -9999 to the 30th of December 9999")
}

/// `date.time`: its first instant.
///
/// # Errors
/// A fault where instants do not reach so far.
pub fn start(date: Date) -> Result<Time, Fault> {
    let at = date.0.to_zoned(TimeZone::UTC).map_err(|_| beyond())?;
    Ok(Time(at.timestamp().as_millisecond()))
}
