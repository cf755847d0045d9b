//! Operators: arithmetic of exact values, comparison, choice.
//!
//! Every operation is checked: what does not fit is a fault. Results that must be rounded (money,
//! durations) are rounded half to even.

use super::decimal::{self, of_i64};
use super::{Env, Eval, collection};
use crate::codec::fault;
use crate::value::Value;
use rust_decimal::{Decimal, RoundingStrategy};
use sagaflow_core::codegen::Fault;
use sagaflow_core::codegen::rt::size;
use sagaflow_core::value::{Currency, Money};
use sagaflow_fir::{BinaryOp, Expr, ExprKind, Ty};
use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::sync::Arc;

const DAY_MS: i64 = 86_400_000;

impl Eval<'_> {
    pub(super) fn binary(
        &mut self,
        env: &mut Env,
        op: BinaryOp,
        left: &Expr,
        right: &Expr,
        ty: &Ty,
    ) -> Result<Value, Fault> {
        match op {
            BinaryOp::And | BinaryOp::Or => self.logic(env, (op, right), left),
            BinaryOp::Coalesce => match self.expr(env, left)? {
                Value::None => self.expr(env, right),
                value => Ok(value),
            },
            // A key is looked up in a map; all else is gone through.
            BinaryOp::In if matches!(super::plain(self.fir, &right.ty), Ty::Map(..)) => {
                let key = self.expr(env, left)?;
                contained(&key, &self.base(env, right)?).map(Value::Bool)
            }
            _ if is_arithmetic(op) && continues(left) => self.chain(env, (op, right, ty), left),
            _ => {
                let left = self.expr(env, left)?;
                let right = self.expr(env, right)?;
                operate(op, left, right, super::plain(self.fir, ty))
            }
        }
    }

    /// Arithmetic from left to right: `a + b + c` is one level, however long.
    fn chain<'e>(
        &mut self,
        env: &mut Env,
        last: (BinaryOp, &'e Expr, &'e Ty),
        left: &'e Expr,
    ) -> Result<Value, Fault> {
        let (mut first, mut rest) = (left, vec![last]);
        while let ExprKind::Binary(op, left, right) = &first.kind
            && is_arithmetic(*op)
        {
            rest.push((*op, right, &first.ty));
            first = left;
        }
        let mut value = self.expr(env, first)?;
        while let Some((op, right, ty)) = rest.pop() {
            let right = self.expr(env, right)?;
            value = operate(op, value, right, super::plain(self.fir, ty))?;
            if !rest.is_empty() {
                // The last is counted by who asks for it.
                self.spend(size(&value))?;
            }
        }
        Ok(value)
    }

    /// `and` and `or` from left to right: `a and b and c` is one level, however long.
    fn logic<'e>(
        &mut self,
        env: &mut Env,
        last: (BinaryOp, &'e Expr),
        left: &'e Expr,
    ) -> Result<Value, Fault> {
        let (mut first, mut rest) = (left, vec![last]);
        while let ExprKind::Binary(op @ (BinaryOp::And | BinaryOp::Or), left, right) = &first.kind {
            rest.push((*op, right));
            first = left;
        }
        let mut value = self.expr(env, first)?;
        while let Some((op, right)) = rest.pop() {
            value = self.both(env, value, right, op == BinaryOp::And)?;
        }
        Ok(value)
    }

    /// `and` where `go_on` is true, `or` where it is false; roles are joined by `or`.
    fn both(
        &mut self,
        env: &mut Env,
        left: Value,
        right: &Expr,
        go_on: bool,
    ) -> Result<Value, Fault> {
        match left {
            Value::Bool(truth) if truth != go_on => Ok(Value::Bool(truth)),
            Value::Bool(_) => self.truth(env, right).map(Value::Bool),
            Value::Role(mut roles) if !go_on => {
                let Value::Role(more) = self.expr(env, right)? else {
                    return Err(fault("only roles join with roles"));
                };
                Arc::make_mut(&mut roles).extend(more.iter().cloned());
                Ok(Value::Role(roles))
            }
            _ => Err(fault("a condition is neither true nor false")),
        }
    }
}

fn continues(left: &Expr) -> bool {
    matches!(&left.kind, ExprKind::Binary(op, ..) if is_arithmetic(*op))
}

fn is_arithmetic(op: BinaryOp) -> bool {
    use BinaryOp as B;
    matches!(op, B::Add | B::Sub | B::Mul | B::Div | B::Rem)
}

fn operate(op: BinaryOp, left: Value, right: Value, ty: &Ty) -> Result<Value, Fault> {
    match op {
        BinaryOp::Eq => Ok(Value::Bool(equal(&left, &right))),
        BinaryOp::Ne => Ok(Value::Bool(!equal(&left, &right))),
        BinaryOp::Lt => Ok(Value::Bool(compare(&left, &right)? == Ordering::Less)),
        BinaryOp::Le => Ok(Value::Bool(compare(&left, &right)? != Ordering::Greater)),
        BinaryOp::Gt => Ok(Value::Bool(compare(&left, &right)? == Ordering::Greater)),
        BinaryOp::Ge => Ok(Value::Bool(compare(&left, &right)? != Ordering::Less)),
        BinaryOp::In => contained(&left, &right).map(Value::Bool),
        BinaryOp::Add => add(left, right),
        BinaryOp::Sub => subtract(left, right),
        BinaryOp::Mul => multiply(left, right, ty),
        BinaryOp::Div => divide(left, right, ty),
        BinaryOp::Rem => remainder(&left, &right),
        BinaryOp::And | BinaryOp::Or | BinaryOp::Coalesce => Err(fault("a lazy operator")),
    }
}

fn overflow() -> Fault {
    fault("arithmetic overflow")
}

fn no_zero() -> Fault {
    fault("division by zero")
}

fn mismatch() -> Fault {
    fault("these values do not go together")
}

/// Equality; whole numbers equal decimals of the same size.
pub(crate) fn equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Int(a), Value::Decimal(b)) | (Value::Decimal(b), Value::Int(a)) => of_i64(*a) == *b,
        _ => left == right,
    }
}

/// Order of two values of one type.
pub(crate) fn compare(left: &Value, right: &Value) -> Result<Ordering, Fault> {
    match (left, right) {
        (Value::Int(a), Value::Decimal(b)) => Ok(of_i64(*a).cmp(b)),
        (Value::Decimal(a), Value::Int(b)) => Ok(a.cmp(&of_i64(*b))),
        (Value::Money(a), Value::Money(b)) if a.currency != b.currency => {
            Err(fault("two currencies cannot be compared"))
        }
        _ if std::mem::discriminant(left) == std::mem::discriminant(right) => Ok(left.cmp(right)),
        _ => Err(mismatch()),
    }
}

fn contained(item: &Value, of: &Value) -> Result<bool, Fault> {
    match (item, of) {
        (key, Value::Map(entries)) => Ok(entries.contains_key(key)),
        (Value::Text(part), Value::Text(text)) => Ok(text.contains(&**part)),
        _ => Ok(collection::items(of)?.iter().any(|each| equal(each, item))),
    }
}

pub(crate) fn add(left: Value, right: Value) -> Result<Value, Fault> {
    use Value as V;
    let value = match (left, right) {
        (V::Int(a), V::Int(b)) => V::Int(a.checked_add(b).ok_or_else(overflow)?),
        (V::Decimal(a), V::Decimal(b)) => V::Decimal(decimal::add(a, b)?),
        (V::Int(a), V::Decimal(b)) | (V::Decimal(b), V::Int(a)) => {
            V::Decimal(decimal::add(of_i64(a), b)?)
        }
        (V::Percent(a), V::Percent(b)) => V::Percent(decimal::add(a, b)?),
        (V::Money(a), V::Money(b)) => {
            let minor = a.minor.checked_add(b.minor).ok_or_else(overflow)?;
            V::Money(Money { minor, currency: one_currency(a, b)? })
        }
        (V::Duration(a), V::Duration(b)) => V::Duration(a.checked_add(b).ok_or_else(overflow)?),
        (V::Time(a), V::Duration(b)) | (V::Duration(b), V::Time(a)) => {
            V::Time(a.checked_add(b).ok_or_else(overflow)?)
        }
        (V::Date(a), V::Duration(b)) => V::Date(move_date(a, b)?),
        (V::Size(a), V::Size(b)) => V::Size(a.checked_add(b).ok_or_else(overflow)?),
        (V::Text(a), V::Text(b)) => V::text(format!("{a}{b}")),
        (V::List(mut a), V::List(b)) => {
            Arc::make_mut(&mut a).extend(b.iter().cloned());
            V::List(a)
        }
        _ => return Err(mismatch()),
    };
    Ok(value)
}

fn subtract(left: Value, right: Value) -> Result<Value, Fault> {
    use Value as V;
    let value = match (left, right) {
        (V::Time(a), V::Time(b)) => V::Duration(a.checked_sub(b).ok_or_else(overflow)?),
        (V::Date(a), V::Date(b)) => {
            let days = a.since(b).map_err(|_| overflow())?.get_days();
            V::Duration(i64::from(days) * DAY_MS)
        }
        (V::Size(a), V::Size(b)) => V::Size(a.checked_sub(b).ok_or_else(overflow)?),
        (left, right) => return add(left, negate(right)?),
    };
    Ok(value)
}

pub(super) fn negate(value: Value) -> Result<Value, Fault> {
    use Value as V;
    Ok(match value {
        V::Int(a) => V::Int(a.checked_neg().ok_or_else(overflow)?),
        V::Decimal(a) => V::Decimal(-a),
        V::Percent(a) => V::Percent(-a),
        V::Money(a) => V::Money(Money { minor: a.minor.checked_neg().ok_or_else(overflow)?, ..a }),
        V::Duration(a) => V::Duration(a.checked_neg().ok_or_else(overflow)?),
        _ => return Err(mismatch()),
    })
}

fn one_currency(a: Money, b: Money) -> Result<Currency, Fault> {
    match a.currency == b.currency {
        true => Ok(a.currency),
        false => Err(fault("two currencies do not mix")),
    }
}

/// A date some whole days later.
fn move_date(date: jiff::civil::Date, by_ms: i64) -> Result<jiff::civil::Date, Fault> {
    if by_ms % DAY_MS != 0 {
        return Err(fault("a date moves by whole days"));
    }
    let span = jiff::Span::new().try_days(by_ms / DAY_MS).map_err(|_| overflow())?;
    date.checked_add(span).map_err(|_| overflow())
}

/// The plain factor that a number or percentage is.
fn factor(value: &Value) -> Option<Decimal> {
    match value {
        Value::Int(a) => Some(of_i64(*a)),
        Value::Decimal(a) => Some(*a),
        Value::Percent(a) => decimal::div(*a, Decimal::ONE_HUNDRED).ok(),
        _ => None,
    }
}

/// The amount of `left * right` in major units before it is rounded, where it is money.
pub(super) fn product_of_money(left: &Value, right: &Value) -> Option<(Decimal, Currency)> {
    let (money, other) = match (left, right) {
        (Value::Money(money), other) | (other, Value::Money(money)) => (money, other),
        _ => return None,
    };
    let amount = decimal::mul(money.amount(), factor(other)?).ok()?;
    Some((amount, money.currency))
}

/// The same of `left / right`.
pub(super) fn quotient_of_money(left: &Value, right: &Value) -> Option<(Decimal, Currency)> {
    let Value::Money(money) = left else { return None };
    let amount = decimal::div(money.amount(), factor(right)?).ok()?;
    Some((amount, money.currency))
}

pub(super) fn money(amount: Decimal, currency: Currency) -> Result<Value, Fault> {
    let money = Money::rounded(amount, currency, RoundingStrategy::MidpointNearestEven);
    money.map(Value::Money).ok_or_else(overflow)
}

fn multiply(left: Value, right: Value, ty: &Ty) -> Result<Value, Fault> {
    use Value as V;
    if let (V::Int(a), V::Int(b)) = (&left, &right) {
        return Ok(V::Int(a.checked_mul(*b).ok_or_else(overflow)?));
    }
    if let Some((amount, currency)) = product_of_money(&left, &right) {
        return money(amount, currency);
    }
    match (&left, &right) {
        (V::Duration(a), other) | (other, V::Duration(a)) => {
            let by = factor(other).ok_or_else(mismatch)?;
            Ok(V::Duration(decimal::to_i64(decimal::mul(of_i64(*a), by)?)?))
        }
        (V::Size(a), V::Int(b)) | (V::Int(b), V::Size(a)) => {
            let by = u64::try_from(*b).map_err(|_| overflow())?;
            Ok(V::Size(a.checked_mul(by).ok_or_else(overflow)?))
        }
        _ => {
            let a = factor(&left).ok_or_else(mismatch)?;
            let product = decimal::mul(a, factor(&right).ok_or_else(mismatch)?)?;
            number(product, ty)
        }
    }
}

fn divide(left: Value, right: Value, ty: &Ty) -> Result<Value, Fault> {
    use Value as V;
    match (&left, &right) {
        (_, right) if factor(right) == Some(Decimal::ZERO) => Err(no_zero()),
        (V::Int(a), V::Int(b)) if *ty != Ty::Decimal => {
            Ok(V::Int(a.checked_div(*b).ok_or_else(overflow)?))
        }
        (V::Money(a), V::Money(b)) => {
            one_currency(*a, *b)?;
            let quotient = decimal::div(a.amount(), b.amount())?;
            Ok(V::Decimal(quotient))
        }
        (V::Money(_), _) => {
            let (amount, currency) = quotient_of_money(&left, &right).ok_or_else(mismatch)?;
            money(amount, currency)
        }
        (V::Duration(a), V::Duration(b)) => ratio(of_i64(*a), of_i64(*b), ty),
        (V::Duration(a), by) => {
            let by = factor(by).ok_or_else(mismatch)?;
            Ok(V::Duration(decimal::to_i64(decimal::div(of_i64(*a), by)?)?))
        }
        (V::Size(a), V::Size(b)) => ratio(Decimal::from(*a), Decimal::from(*b), ty),
        (V::Size(a), V::Int(b)) => {
            let by = u64::try_from(*b).map_err(|_| overflow())?;
            Ok(V::Size(a.checked_div(by).ok_or_else(no_zero)?))
        }
        _ => {
            let a = factor(&left).ok_or_else(mismatch)?;
            let quotient = decimal::div(a, factor(&right).ok_or_else(mismatch)?)?;
            number(quotient, ty)
        }
    }
}

fn ratio(a: Decimal, b: Decimal, ty: &Ty) -> Result<Value, Fault> {
    let quotient = decimal::div(a, b)?;
    match ty {
        Ty::Int => decimal::to_i64(quotient.trunc()).map(Value::Int),
        _ => Ok(Value::Decimal(quotient)),
    }
}

/// A plain factor in the form that the expression's type asks for.
fn number(plain: Decimal, ty: &Ty) -> Result<Value, Fault> {
    match ty {
        Ty::Percent => decimal::mul(plain, Decimal::ONE_HUNDRED).map(Value::Percent),
        _ => Ok(Value::Decimal(plain)),
    }
}

fn remainder(left: &Value, right: &Value) -> Result<Value, Fault> {
    use Value as V;
    match (left, right) {
        (_, V::Int(0) | V::Duration(0) | V::Size(0)) => Err(no_zero()),
        (V::Int(a), V::Int(b)) => a.checked_rem(*b).map(V::Int).ok_or_else(overflow),
        (V::Duration(a), V::Duration(b)) => a.checked_rem(*b).map(V::Duration).ok_or_else(overflow),
        (V::Size(a), V::Size(b)) => Ok(V::Size(a % b)),
        _ => match (factor(left), factor(right)) {
            (Some(a), Some(b)) => a.checked_rem(b).map(V::Decimal).ok_or_else(no_zero),
            _ => Err(mismatch()),
        },
    }
}

/// The value of an empty sum.
pub(super) fn zero(ty: &Ty) -> Result<Value, Fault> {
    Ok(match ty {
        Ty::Int => Value::Int(0),
        Ty::Decimal => Value::Decimal(Decimal::ZERO),
        Ty::Percent => Value::Percent(Decimal::ZERO),
        Ty::Duration => Value::Duration(0),
        Ty::Size => Value::Size(0),
        Ty::Text => Value::text(""),
        Ty::Money(Some(code)) => {
            let currency = Currency::new(code).ok_or_else(|| fault("no such currency"))?;
            Value::Money(Money { minor: 0, currency })
        }
        _ => return Err(fault("an empty sum of this type has no value")),
    })
}

/// The distinct items, in the order they first come.
pub(super) fn unique(items: &[Value]) -> Vec<Value> {
    let mut seen = BTreeSet::new();
    items.iter().filter(|item| seen.insert((*item).clone())).cloned().collect()
}
