//! Checked arithmetic of decimals.

use crate::codec::fault;
use rust_decimal::prelude::ToPrimitive as _;
use rust_decimal::{Decimal, RoundingStrategy};
use sagaflow_core::codegen::Fault;

/// A whole number.
pub(super) fn of_i64(value: i64) -> Decimal {
    Decimal::from(value)
}

pub(super) fn add(a: Decimal, b: Decimal) -> Result<Decimal, Fault> {
    a.checked_add(b).ok_or_else(overflow)
}

pub(super) fn mul(a: Decimal, b: Decimal) -> Result<Decimal, Fault> {
    a.checked_mul(b).ok_or_else(overflow)
}

pub(super) fn div(a: Decimal, b: Decimal) -> Result<Decimal, Fault> {
    if b.is_zero() {
        return Err(fault("division by zero"));
    }
    a.checked_div(b).ok_or_else(overflow)
}

/// The whole number nearest to it, halves to even.
pub(super) fn to_i64(value: Decimal) -> Result<i64, Fault> {
    let whole = value.round_dp_with_strategy(0, RoundingStrategy::MidpointNearestEven);
    whole.to_i64().ok_or_else(overflow)
}

/// The rounding that a mode of this name means.
pub(super) fn strategy(mode: &str) -> Result<RoundingStrategy, Fault> {
    Ok(match mode {
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

fn overflow() -> Fault {
    fault("arithmetic overflow")
}
