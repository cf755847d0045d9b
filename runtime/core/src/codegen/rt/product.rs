//! Products, quotients and remainders.
//!
//! Money and durations are rounded half to even; `of` says what a plain factor becomes.

use super::ops::{
    Div, Factor, Mul, Of, Rem, checked, no_zero, one_currency, overflow, product, quotient, whole,
};
use super::{Decimal, DurationMs, Fault, Money, Percent};
use rust_decimal::{Decimal as Number, RoundingStrategy};

impl Mul<i64, i64> for i64 {
    fn mul(self, right: i64) -> Result<i64, Fault> {
        checked(self.checked_mul(right))
    }
}

impl Div<i64, i64> for i64 {
    fn div(self, right: i64) -> Result<i64, Fault> {
        if right == 0 { Err(no_zero()) } else { checked(self.checked_div(right)) }
    }
}

impl Rem<i64, i64> for i64 {
    fn rem(self, right: i64) -> Result<i64, Fault> {
        if right == 0 { Err(no_zero()) } else { checked(self.checked_rem(right)) }
    }
}

/// The amount in major units before it is rounded: `(money * factor).round(mode)` rounds it once.
pub(super) fn scaled<F: Factor>(money: Money, by: F) -> Result<Number, Fault> {
    product(money.amount(), by.factor()?)
}

/// The same of a quotient.
pub(super) fn shared<F: Factor>(money: Money, by: F) -> Result<Number, Fault> {
    quotient(money.amount(), by.factor()?)
}

fn rounded(amount: Number, money: Money) -> Result<Money, Fault> {
    checked(Money::rounded(amount, money.currency, RoundingStrategy::MidpointNearestEven))
}

macro_rules! factors {
    ($($by:ty),*) => {$(
        impl Mul<$by, Money> for Money {
            fn mul(self, right: $by) -> Result<Money, Fault> {
                rounded(scaled(self, right)?, self)
            }
        }

        impl Mul<Money, Money> for $by {
            fn mul(self, right: Money) -> Result<Money, Fault> {
                rounded(scaled(right, self)?, right)
            }
        }

        impl Div<$by, Money> for Money {
            fn div(self, right: $by) -> Result<Money, Fault> {
                rounded(shared(self, right)?, self)
            }
        }

        impl Mul<$by, DurationMs> for DurationMs {
            fn mul(self, right: $by) -> Result<DurationMs, Fault> {
                whole(product(Number::from(self.0), right.factor()?)?).map(DurationMs)
            }
        }

        impl Mul<DurationMs, DurationMs> for $by {
            fn mul(self, right: DurationMs) -> Result<DurationMs, Fault> {
                right.mul(self)
            }
        }

        impl Div<$by, DurationMs> for DurationMs {
            fn div(self, right: $by) -> Result<DurationMs, Fault> {
                whole(quotient(Number::from(self.0), right.factor()?)?).map(DurationMs)
            }
        }
    )*};
}

factors!(i64, Decimal, Percent);

macro_rules! numbers {
    ($($left:ty, $right:ty => $($out:ty)*;)*) => {$(
        $(
            impl Mul<$right, $out> for $left {
                fn mul(self, right: $right) -> Result<$out, Fault> {
                    <$out>::of(product(self.factor()?, right.factor()?)?)
                }
            }

            impl Div<$right, $out> for $left {
                fn div(self, right: $right) -> Result<$out, Fault> {
                    <$out>::of(quotient(self.factor()?, right.factor()?)?)
                }
            }
        )*

        impl Rem<$right, Decimal> for $left {
            fn rem(self, right: $right) -> Result<Decimal, Fault> {
                let remainder = self.factor()?.checked_rem(right.factor()?);
                remainder.map(Decimal).ok_or_else(no_zero)
            }
        }
    )*};
}

numbers! {
    Decimal, Decimal => Decimal Percent;
    Decimal, i64 => Decimal Percent;
    Decimal, Percent => Decimal Percent;
    i64, Decimal => Decimal Percent;
    i64, Percent => Decimal Percent;
    Percent, Percent => Decimal Percent;
    Percent, Decimal => Decimal Percent;
    Percent, i64 => Decimal Percent;
}

impl Div<i64, Decimal> for i64 {
    fn div(self, right: i64) -> Result<Decimal, Fault> {
        quotient(Number::from(self), Number::from(right)).map(Decimal)
    }
}

impl Div<Money, Decimal> for Money {
    fn div(self, right: Money) -> Result<Decimal, Fault> {
        one_currency(self, right)?;
        quotient(self.amount(), right.amount()).map(Decimal)
    }
}

macro_rules! ratios {
    ($($ty:ty, |$a:ident| $number:expr;)*) => {$(
        impl<O: Of> Div<$ty, O> for $ty
        where
            $ty: Ratio,
        {
            fn div(self, right: $ty) -> Result<O, Fault> {
                let number = |$a: $ty| $number;
                O::of(quotient(number(self), number(right))?)
            }
        }
    )*};
}

/// Measures of which one by another is a number.
pub trait Ratio {}

impl Ratio for DurationMs {}
impl Ratio for u64 {}

ratios! {
    DurationMs, |a| Number::from(a.0);
    u64, |a| Number::from(a);
}

impl Mul<i64, u64> for u64 {
    fn mul(self, right: i64) -> Result<u64, Fault> {
        let right = u64::try_from(right).map_err(|_| overflow())?;
        checked(self.checked_mul(right))
    }
}

impl Mul<u64, u64> for i64 {
    fn mul(self, right: u64) -> Result<u64, Fault> {
        right.mul(self)
    }
}

impl Div<i64, u64> for u64 {
    fn div(self, right: i64) -> Result<u64, Fault> {
        if right == 0 {
            return Err(no_zero());
        }
        let right = u64::try_from(right).map_err(|_| overflow())?;
        self.checked_div(right).ok_or_else(no_zero)
    }
}

impl Rem<u64, u64> for u64 {
    fn rem(self, right: u64) -> Result<u64, Fault> {
        self.checked_rem(right).ok_or_else(no_zero)
    }
}

impl Rem<DurationMs, DurationMs> for DurationMs {
    fn rem(self, right: DurationMs) -> Result<DurationMs, Fault> {
        if right.0 == 0 {
            return Err(no_zero());
        }
        checked(self.0.checked_rem(right.0)).map(DurationMs)
    }
}
