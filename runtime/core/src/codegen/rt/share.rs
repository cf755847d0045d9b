//! Amounts in parts: none of their sums loses or gains a minor unit.

use super::list::clamp;
use super::ops::overflow;
use super::part::strategy;
use super::{Fault, Money, fault};
use rust_decimal::Decimal as Number;
use std::cmp::{Ordering, Reverse};

/// Bound: the parts of one amount.
const PARTS_MAX: i64 = 10_000;

fn no_parts() -> Fault {
    fault("an amount splits into 1 to 10000 parts")
}

fn one_currency(a: Money, b: Money) -> Result<(), Fault> {
    match a.currency == b.currency {
        true => Ok(()),
        false => Err(fault("amounts of different currencies are mixed")),
    }
}

/// `money.split`: equal parts whose sum is the whole; the first ones take what is left over. A debt is
/// split as the amount is.
///
/// # Errors
/// A fault where there are none or too many parts.
pub fn split(money: Money, parts: i64) -> Result<Vec<Money>, Fault> {
    if !(1..=PARTS_MAX).contains(&parts) {
        return Err(no_parts());
    }
    let (each, rest) = (money.minor / parts, money.minor % parts);
    let (extra, unit) = (clamp(rest.abs()), rest.signum());
    let part = |index: usize| Money { minor: each + unit * i64::from(index < extra), ..money };
    Ok((0..clamp(parts)).map(part).collect())
}

/// `money.allocate`: parts in the proportion of whole weights. What rounding leaves over goes, one
/// minor unit each, to the parts that lost most by it, the earlier first.
///
/// # Errors
/// A fault where there are none or too many parts, a weight is negative, or all are nought.
pub fn allocate(money: Money, weights: &[i64]) -> Result<Vec<Money>, Fault> {
    let parts = i64::try_from(weights.len()).unwrap_or(i64::MAX);
    if !(1..=PARTS_MAX).contains(&parts) {
        return Err(no_parts());
    }
    if weights.iter().any(|weight| *weight < 0) {
        return Err(fault("a weight is negative"));
    }
    let all: i128 = weights.iter().map(|weight| i128::from(*weight)).sum();
    if all == 0 {
        return Err(fault("all weights are nought"));
    }
    // A debt is shared as the amount is: the sign comes back at the end.
    let (whole, sign) = (i128::from(money.minor).abs(), i128::from(money.minor.signum()));
    let share = |weight: &i64| {
        // Bound: both are below 2^63 in size, so the product fits.
        let exact = whole.saturating_mul(i128::from(*weight));
        (exact.div_euclid(all), exact.rem_euclid(all))
    };
    let shares: Vec<(i128, i128)> = weights.iter().map(share).collect();
    let mut minors: Vec<i128> = shares.iter().map(|(minor, _)| *minor).collect();
    let left = whole.saturating_sub(minors.iter().sum());
    let mut order: Vec<usize> = (0..shares.len()).collect();
    order.sort_by_key(|index| Reverse(shares.get(*index).map_or(0, |(_, lost)| *lost)));
    for index in order.into_iter().take(usize::try_from(left).unwrap_or_default()) {
        if let Some(minor) = minors.get_mut(index) {
            *minor = minor.saturating_add(1);
        }
    }
    let part = |minor: i128| {
        let minor = i64::try_from(minor.saturating_mul(sign)).map_err(|_| overflow())?;
        Ok(Money { minor, ..money })
    };
    minors.into_iter().map(part).collect()
}

/// `money.round_to`: the nearest multiple of a step, halves to even where no mode is said.
///
/// # Errors
/// A fault where the step is nought, negative, or of another currency; on overflow; where there is
/// no such mode.
pub fn round_to(money: Money, step: Money, mode: Option<&str>) -> Result<Money, Fault> {
    one_currency(money, step)?;
    if step.minor <= 0 {
        return Err(fault("an amount is rounded to a step above nought"));
    }
    let steps = Number::from(money.minor).checked_div(Number::from(step.minor));
    let steps = steps.ok_or_else(overflow)?.round_dp_with_strategy(0, strategy(mode)?);
    let minor = steps.checked_mul(Number::from(step.minor)).ok_or_else(overflow)?;
    let minor = i64::try_from(minor).map_err(|_| overflow())?;
    Ok(Money { minor, ..money })
}

/// `money.min` and `money.max`.
///
/// # Errors
/// A fault where the currencies differ.
pub fn extreme(money: Money, other: Money, wanted: Ordering) -> Result<Money, Fault> {
    one_currency(money, other)?;
    Ok(if other.minor.cmp(&money.minor) == wanted { other } else { money })
}

/// `money.clamp`
///
/// # Errors
/// A fault where the currencies differ, or the least is greater than the greatest.
pub fn clamp_money(money: Money, least: Money, greatest: Money) -> Result<Money, Fault> {
    one_currency(money, least)?;
    one_currency(money, greatest)?;
    super::part::clamp_to(money, least, greatest)
}
