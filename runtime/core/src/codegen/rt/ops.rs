//! Operators: exact, checked arithmetic, and order.
//!
//! The type parameter of a product or quotient is what the program wants it to be: percent times
//! percent is a percent or a decimal. Money and durations are rounded half to even.

use super::{Date, Decimal, Draw, DurationMs, Fault, Money, Percent, Role, Time, Uuid, fault};
use crate::value::Currency;
use rust_decimal::prelude::ToPrimitive as _;
use rust_decimal::{Decimal as Number, RoundingStrategy};
use std::cmp::Ordering;

const DAY_MS: i64 = 86_400_000;

pub(super) fn overflow() -> Fault {
    fault("arithmetic overflow")
}

pub(super) fn no_zero() -> Fault {
    fault("division by zero")
}

pub(super) fn checked<T>(value: Option<T>) -> Result<T, Fault> {
    value.ok_or_else(overflow)
}

/// The whole number nearest to it, halves to even.
pub(super) fn whole(value: Number) -> Result<i64, Fault> {
    checked(value.round_dp_with_strategy(0, RoundingStrategy::MidpointNearestEven).to_i64())
}

pub(super) fn product(a: Number, b: Number) -> Result<Number, Fault> {
    checked(a.checked_mul(b))
}

pub(super) fn quotient(a: Number, b: Number) -> Result<Number, Fault> {
    if b.is_zero() {
        return Err(no_zero());
    }
    checked(a.checked_div(b))
}

/// A number or percentage as the plain factor it is.
pub trait Factor: Copy {
    /// The factor.
    ///
    /// # Errors
    /// A fault where it has too many digits.
    fn factor(self) -> Result<Number, Fault>;
}

impl Factor for i64 {
    fn factor(self) -> Result<Number, Fault> {
        Ok(Number::from(self))
    }
}

impl Factor for Decimal {
    fn factor(self) -> Result<Number, Fault> {
        Ok(self.0)
    }
}

impl Factor for Percent {
    fn factor(self) -> Result<Number, Fault> {
        quotient(self.0, Number::ONE_HUNDRED)
    }
}

/// A plain factor in the type that the program wants.
pub trait Of: Sized {
    /// The value.
    ///
    /// # Errors
    /// A fault where it does not fit.
    fn of(plain: Number) -> Result<Self, Fault>;
}

impl Of for Decimal {
    fn of(plain: Number) -> Result<Self, Fault> {
        Ok(Self(plain))
    }
}

impl Of for Percent {
    fn of(plain: Number) -> Result<Self, Fault> {
        product(plain, Number::ONE_HUNDRED).map(Self)
    }
}

impl Of for i64 {
    fn of(plain: Number) -> Result<Self, Fault> {
        whole(plain.trunc())
    }
}

/// A whole number as a decimal.
#[must_use]
pub fn decimal(value: i64) -> Decimal {
    Decimal(Number::from(value))
}

macro_rules! operator {
    ($(#[$doc:meta])* $name:ident $method:ident) => {
        $(#[$doc])*
        pub trait $name<R, O> {
            /// The result.
            ///
            /// # Errors
            /// A fault where there is none.
            fn $method(self, right: R) -> Result<O, Fault>;
        }
    };
}

operator!(
    /// `*`
    Mul mul
);
operator!(
    /// `/`
    Div div
);
operator!(
    /// `%`
    Rem rem
);

/// `+`
pub trait Plus<R = Self> {
    /// Its type.
    type Out;

    /// The sum.
    ///
    /// # Errors
    /// A fault where there is none.
    fn plus(self, right: R) -> Result<Self::Out, Fault>;
}

/// `-`
pub trait Minus<R = Self> {
    /// Its type.
    type Out;

    /// The difference.
    ///
    /// # Errors
    /// A fault where there is none.
    fn minus(self, right: R) -> Result<Self::Out, Fault>;
}

/// Prefix `-`
pub trait Neg: Sized {
    /// The negative.
    ///
    /// # Errors
    /// A fault where there is none.
    fn neg(self) -> Result<Self, Fault>;
}

/// The sum of nothing.
pub trait Zero: Sized {
    /// The sum.
    fn zero() -> Self;
}

macro_rules! plus {
    ($left:ty, $right:ty => $out:ty, |$a:ident, $b:ident| $sum:expr) => {
        impl Plus<$right> for $left {
            type Out = $out;

            fn plus(self, right: $right) -> Result<$out, Fault> {
                let ($a, $b) = (self, right);
                $sum
            }
        }
    };
}

fn later(time: Time, by: DurationMs) -> Result<Time, Fault> {
    checked(time.0.checked_add(by.0)).map(Time)
}

/// A date some whole days later.
fn move_date(date: Date, by: DurationMs) -> Result<Date, Fault> {
    if by.0 % DAY_MS != 0 {
        return Err(fault("a date moves by whole days"));
    }
    let span = jiff::Span::new().try_days(by.0 / DAY_MS).map_err(|_| overflow())?;
    date.0.checked_add(span).map(Date).map_err(|_| overflow())
}

pub(super) fn one_currency(a: Money, b: Money) -> Result<Currency, Fault> {
    match a.currency == b.currency {
        true => Ok(a.currency),
        false => Err(fault("two currencies do not mix")),
    }
}

plus!(i64, i64 => i64, |a, b| checked(a.checked_add(b)));
plus!(Decimal, Decimal => Decimal, |a, b| checked(a.0.checked_add(b.0)).map(Decimal));
plus!(i64, Decimal => Decimal, |a, b| decimal(a).plus(b));
plus!(Decimal, i64 => Decimal, |a, b| decimal(b).plus(a));
plus!(Percent, Percent => Percent, |a, b| checked(a.0.checked_add(b.0)).map(Percent));
plus!(DurationMs, DurationMs => DurationMs, |a, b| checked(a.0.checked_add(b.0)).map(DurationMs));
plus!(Time, DurationMs => Time, |a, b| later(a, b));
plus!(DurationMs, Time => Time, |a, b| later(b, a));
plus!(Date, DurationMs => Date, |a, b| move_date(a, b));
plus!(u64, u64 => u64, |a, b| checked(a.checked_add(b)));
plus!(String, String => String, |a, b| Ok(a + &b));
plus!(Money, Money => Money, |a, b| {
    let minor = checked(a.minor.checked_add(b.minor))?;
    Ok(Money { minor, currency: one_currency(a, b)? })
});

impl<T> Plus for Vec<T> {
    type Out = Self;

    fn plus(mut self, right: Self) -> Result<Self, Fault> {
        self.extend(right);
        Ok(self)
    }
}

macro_rules! neg {
    ($ty:ty, |$a:ident| $negative:expr) => {
        impl Neg for $ty {
            fn neg(self) -> Result<Self, Fault> {
                let $a = self;
                $negative
            }
        }
    };
}

neg!(i64, |a| checked(a.checked_neg()));
neg!(Decimal, |a| Ok(Self(-a.0)));
neg!(Percent, |a| Ok(Self(-a.0)));
neg!(DurationMs, |a| checked(a.0.checked_neg()).map(Self));
neg!(Money, |a| Ok(Self { minor: checked(a.minor.checked_neg())?, ..a }));

macro_rules! minus {
    ($($left:ty, $right:ty;)*) => {$(
        impl Minus<$right> for $left {
            type Out = <$left as Plus<$right>>::Out;

            fn minus(self, right: $right) -> Result<Self::Out, Fault> {
                self.plus(right.neg()?)
            }
        }
    )*};
}

minus! {
    i64, i64; Decimal, Decimal; i64, Decimal; Decimal, i64; Percent, Percent; Money, Money;
    DurationMs, DurationMs; Time, DurationMs; Date, DurationMs;
}

impl Minus for Time {
    type Out = DurationMs;

    fn minus(self, right: Self) -> Result<DurationMs, Fault> {
        checked(self.0.checked_sub(right.0)).map(DurationMs)
    }
}

impl Minus for Date {
    type Out = DurationMs;

    fn minus(self, right: Self) -> Result<DurationMs, Fault> {
        let days = self.0.since(right.0).map_err(|_| overflow())?.get_days();
        Ok(DurationMs(i64::from(days) * DAY_MS))
    }
}

impl Minus for u64 {
    type Out = Self;

    fn minus(self, right: Self) -> Result<Self, Fault> {
        checked(self.checked_sub(right))
    }
}

macro_rules! zero {
    ($($ty:ty => $zero:expr;)*) => {$(
        impl Zero for $ty {
            fn zero() -> Self {
                $zero
            }
        }
    )*};
}

zero! {
    i64 => 0;
    u64 => 0;
    Decimal => Self(Number::ZERO);
    Percent => Self(Number::ZERO);
    DurationMs => Self(0);
    String => Self::new();
}

/// Order of two values of one type.
///
/// # Errors
/// None; the twin of [`compare_money`].
pub fn compare<T: Ord>(left: &T, right: &T) -> Result<Ordering, Fault> {
    Ok(left.cmp(right))
}

/// Order of two amounts.
///
/// # Errors
/// A fault where they are of two currencies.
pub fn compare_money(left: &Money, right: &Money) -> Result<Ordering, Fault> {
    match left.currency == right.currency {
        true => Ok(left.minor.cmp(&right.minor)),
        false => Err(fault("two currencies cannot be compared")),
    }
}

/// Either of two roles may answer.
#[must_use]
pub fn either(mut left: Role, right: Role) -> Role {
    left.0.extend(right.0);
    left
}

/// An exact decimal from nought up to but not one, with nine digits.
pub fn random(draw: &mut Draw) -> Decimal {
    let [a, b, c, d, e, f, g, h, ..] = draw.bytes();
    let number = u64::from_be_bytes([a, b, c, d, e, f, g, h]) % 1_000_000_000;
    Decimal(Number::new(i64::try_from(number).unwrap_or_default(), 9))
}

/// A random UUID.
pub fn uuid(draw: &mut Draw) -> Uuid {
    Uuid(uuid::Builder::from_random_bytes(draw.bytes()).into_uuid())
}
