//! Methods and parts of money, numbers, durations, times and dates.

use super::collection::missing;
use super::{Env, Eval, calendar, decimal, ops};
use crate::codec::fault;
use crate::value::Value;
use jiff::civil::Date;
use jiff::tz::{Offset, TimeZone};
use jiff::{Timestamp, Zoned};
use rust_decimal::Decimal;
use sagaflow_core::codegen::{Fault, rt};
use sagaflow_core::value::Money;
use sagaflow_fir::{BinaryOp, Expr, ExprKind, Ty};
use std::cmp::Ordering;

impl Eval<'_> {
    /// `(money * factor).round(mode)` and the quotient: rounded once, the way the program chose.
    pub(super) fn round_money(
        &mut self,
        env: &mut Env,
        of: &Expr,
        args: &[Expr],
    ) -> Result<Option<Value>, Fault> {
        let ExprKind::Binary(op @ (BinaryOp::Mul | BinaryOp::Div), left, right) = &of.kind else {
            return Ok(None);
        };
        if !matches!(super::plain(self.fir, &of.ty), Ty::Money(_)) {
            return Ok(None);
        }
        let (left, right) = (self.expr(env, left)?, self.expr(env, right)?);
        let exact = match op {
            BinaryOp::Mul => ops::product_of_money(&left, &right),
            _ => ops::quotient_of_money(&left, &right),
        };
        let (amount, currency) = exact.ok_or_else(|| fault("an amount cannot be computed"))?;
        let mode = match args.first() {
            Some(mode) => decimal::strategy(&self.string(env, mode)?)?,
            None => decimal::strategy("half_even")?,
        };
        let money = Money::rounded(amount, currency, mode).map(Value::Money);
        money.ok_or_else(|| fault("arithmetic overflow")).map(Some)
    }
}

/// Calls a method, or takes a part, of a value that is neither text nor collection.
pub(super) fn method(
    work: &rt::Work,
    value: &Value,
    name: &str,
    args: &[Value],
    ty: &Ty,
) -> Result<Value, Fault> {
    match value {
        Value::Money(money) => self::money(*money, name, args),
        Value::Int(_)
        | Value::Decimal(_)
        | Value::Percent(_)
        | Value::Duration(_)
        | Value::Time(_)
        | Value::Date(_)
            if matches!(name, "min" | "max" | "clamp") =>
        {
            ordered(value, name, args)
        }
        Value::Decimal(value) if name == "percent" => {
            decimal::mul(*value, Decimal::ONE_HUNDRED).map(Value::Percent)
        }
        Value::Int(value) => int(*value, name, args),
        Value::Decimal(value) => number(*value, name, args).map(|value| in_type(value, ty))?,
        Value::Percent(value) => percent(*value, name, args),
        Value::Duration(ms) => duration(*ms, name),
        Value::Time(ms) => match args {
            [] => time(*ms, name, ty),
            args => calendar::time(rt::Time(*ms), name, args),
        },
        Value::Date(value) => match (name, args) {
            ("year" | "month" | "day" | "weekday" | "day_of_year" | "time" | "start", []) => {
                date(*value, name)
            }
            _ => calendar::date(work, rt::Date(*value), name, args),
        },
        Value::Size(bytes) => match name {
            "bytes" => i64::try_from(*bytes).map(Value::Int).map_err(|_| missing(name)),
            _ => Err(missing(name)),
        },
        _ => Err(missing(name)),
    }
}

fn money(money: Money, name: &str, args: &[Value]) -> Result<Value, Fault> {
    let with = |minor: Option<i64>| {
        let minor = minor.ok_or_else(|| fault("arithmetic overflow"))?;
        Ok(Value::Money(Money { minor, ..money }))
    };
    match (name, args) {
        ("amount", []) => Ok(Value::Decimal(money.amount())),
        ("currency", []) => Ok(Value::text(money.currency.code())),
        ("minor", []) => Ok(Value::Int(money.minor)),
        ("abs", []) => with(money.minor.checked_abs()),
        ("is_zero", []) => Ok(Value::Bool(money.minor == 0)),
        ("is_negative", []) => Ok(Value::Bool(money.minor < 0)),
        ("round", _) => Ok(Value::Money(money)),
        ("is_positive", []) => Ok(Value::Bool(money.minor > 0)),
        ("split", [Value::Int(parts)]) => rt::share::split(money, *parts).map(amounts),
        ("allocate", [Value::List(weights)]) => {
            let weights: Option<Vec<i64>> = weights.iter().map(whole).collect();
            let weights = weights.ok_or_else(|| missing(name))?;
            rt::share::allocate(money, &weights).map(amounts)
        }
        ("round_to", [Value::Money(step)]) => {
            rt::share::round_to(money, *step, None).map(Value::Money)
        }
        ("round_to", [Value::Money(step), Value::Text(mode)]) => {
            rt::share::round_to(money, *step, Some(mode)).map(Value::Money)
        }
        ("min", [Value::Money(other)]) => {
            rt::share::extreme(money, *other, Ordering::Less).map(Value::Money)
        }
        ("max", [Value::Money(other)]) => {
            rt::share::extreme(money, *other, Ordering::Greater).map(Value::Money)
        }
        ("clamp", [Value::Money(least), Value::Money(greatest)]) => {
            rt::share::clamp_money(money, *least, *greatest).map(Value::Money)
        }
        _ => Err(missing(name)),
    }
}

fn amounts(parts: Vec<Money>) -> Value {
    Value::list(parts.into_iter().map(Value::Money).collect())
}

fn whole(value: &Value) -> Option<i64> {
    match value {
        Value::Int(value) => Some(*value),
        _ => None,
    }
}

/// `min`, `max` and `clamp` of what has one order.
fn ordered(value: &Value, name: &str, args: &[Value]) -> Result<Value, Fault> {
    match (name, args) {
        ("min", [other]) => Ok(if other < value { other } else { value }.clone()),
        ("max", [other]) => Ok(if other > value { other } else { value }.clone()),
        ("clamp", [least, greatest]) => {
            rt::part::clamp_to(value.clone(), least.clone(), greatest.clone())
        }
        _ => Err(missing(name)),
    }
}

fn int(value: i64, name: &str, args: &[Value]) -> Result<Value, Fault> {
    let overflow = || fault("arithmetic overflow");
    match (name, args) {
        ("abs", []) => value.checked_abs().map(Value::Int).ok_or_else(overflow),
        ("decimal" | "to_decimal", []) => Ok(Value::Decimal(Decimal::from(value))),
        _ => Err(missing(name)),
    }
}

fn number(value: Decimal, name: &str, args: &[Value]) -> Result<Decimal, Fault> {
    match (name, args) {
        ("abs", []) => Ok(value.abs()),
        ("floor", []) => Ok(value.floor()),
        ("ceil" | "ceiling", []) => Ok(value.ceil()),
        ("trunc" | "int" | "to_int", []) => Ok(value.trunc()),
        ("round", args) => round(value, args),
        _ => Err(missing(name)),
    }
}

/// `round()`, `round(digits)`, `round(mode)`, `round(digits, mode)`.
fn round(value: Decimal, args: &[Value]) -> Result<Decimal, Fault> {
    let digits = args.iter().find_map(|arg| match arg {
        Value::Int(digits) => Some(*digits),
        _ => None,
    });
    let mode = args.iter().find_map(|arg| match arg {
        Value::Text(mode) => Some(mode.clone()),
        _ => None,
    });
    let digits = u32::try_from(digits.unwrap_or(0)).map_err(|_| rt::part::negative_digits())?;
    let strategy = decimal::strategy(mode.as_deref().unwrap_or("half_even"))?;
    Ok(value.round_dp_with_strategy(digits, strategy))
}

/// A rounded number in the type the expression has.
fn in_type(value: Decimal, ty: &Ty) -> Result<Value, Fault> {
    match ty {
        Ty::Int => decimal::to_i64(value).map(Value::Int),
        _ => Ok(Value::Decimal(value)),
    }
}

fn percent(value: Decimal, name: &str, args: &[Value]) -> Result<Value, Fault> {
    match name {
        "decimal" | "to_decimal" => decimal::div(value, Decimal::ONE_HUNDRED).map(Value::Decimal),
        _ => number(value, name, args).map(Value::Percent),
    }
}

fn duration(ms: i64, name: &str) -> Result<Value, Fault> {
    let unit = match name {
        "ms" | "milliseconds" => 1,
        "seconds" => 1_000,
        "minutes" => 60_000,
        "hours" => 3_600_000,
        "days" => 86_400_000,
        "abs" => {
            let ms = ms.checked_abs().ok_or_else(|| fault("arithmetic overflow"))?;
            return Ok(Value::Duration(ms));
        }
        _ => return Err(missing(name)),
    };
    Ok(Value::Int(ms / unit))
}

/// Parts of an instant, in UTC. A part of type `time` is the instant cut down to it.
fn time(ms: i64, name: &str, ty: &Ty) -> Result<Value, Fault> {
    if *ty == Ty::Time {
        let unit = match name {
            "second" => 1_000,
            "minute" => 60_000,
            "hour" => 3_600_000,
            "day" => 86_400_000,
            _ => return Err(missing(name)),
        };
        return Ok(Value::Time(ms - ms.rem_euclid(unit)));
    }
    let at = Timestamp::from_millisecond(ms).map_err(|_| fault("a time is out of range"))?;
    let at: Zoned = at.to_zoned(TimeZone::fixed(Offset::UTC));
    match name {
        "hour" => Ok(Value::Int(at.hour().into())),
        "minute" => Ok(Value::Int(at.minute().into())),
        "second" => Ok(Value::Int(at.second().into())),
        "ms" | "millisecond" => Ok(Value::Int(at.millisecond().into())),
        "date" => Ok(Value::Date(at.date())),
        _ => date(at.date(), name),
    }
}

fn date(value: Date, name: &str) -> Result<Value, Fault> {
    match name {
        "year" => Ok(Value::Int(value.year().into())),
        "month" => Ok(Value::Int(value.month().into())),
        "day" => Ok(Value::Int(value.day().into())),
        "weekday" => Ok(Value::Int(value.weekday().to_monday_one_offset().into())),
        "day_of_year" => Ok(Value::Int(value.day_of_year().into())),
        "time" | "start" => {
            let at = value.to_zoned(TimeZone::UTC).map_err(|_| rt::part::beyond())?;
            Ok(Value::Time(at.timestamp().as_millisecond()))
        }
        _ => Err(missing(name)),
    }
}
