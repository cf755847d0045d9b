//! Built-in functions: recorded clock and entropy, ranges, roles, fingerprints, samples.

use super::{Env, Eval};
use crate::codec::{decode, encode, fault};
use crate::value::Value;
use rust_decimal::Decimal;
use sagaflow_core::codegen::{Draw, Fault, Json, rt};
use sagaflow_core::key;
use sagaflow_core::time::Time;
use sagaflow_core::value::print_time;
use sagaflow_fir::{Expr, Ty};
use serde_json::json;
use std::sync::Arc;
use uuid::Builder;

/// Bound: the items of a range.
const RANGE_MAX: i64 = 1_000_000;

const HOUR_MS: i64 = 3_600_000;

impl Eval<'_> {
    pub(super) fn builtin(
        &mut self,
        env: &mut Env,
        name: &str,
        args: &[Expr],
        ty: &Ty,
    ) -> Result<Value, Fault> {
        match name {
            "now" => Ok(Value::Time(self.draw()?.now.0)),
            "random" => Ok(random(self.draw()?)),
            "new_uuid" => {
                let bytes = self.draw()?.bytes();
                Ok(Value::Uuid(Builder::from_random_bytes(bytes).into_uuid()))
            }
            // What is revealed is the same value; why stands there for readers.
            "reveal" => match args.first() {
                Some(value) => self.expr(env, value),
                None => Err(fault("there is nothing to reveal")),
            },
            "sample" => match args.first().map(|name| self.expr(env, name)).transpose()? {
                Some(Value::Text(name)) => self.sample(&name, ty),
                _ => Err(fault("a sample has no name")),
            },
            _ => {
                let args = self.all(env, args)?;
                self.known(name, &args)
            }
        }
    }

    fn draw(&mut self) -> Result<&mut Draw, Fault> {
        self.draw.as_deref_mut().ok_or_else(|| fault("nothing can be drawn here"))
    }

    fn known(&mut self, name: &str, args: &[Value]) -> Result<Value, Fault> {
        match (name, args) {
            ("same_currency", [Value::Money(a), Value::Money(b)]) => {
                Ok(Value::Bool(a.currency == b.currency))
            }
            ("role" | "user", [Value::Text(who)]) => {
                Ok(Value::Role(Arc::new(vec![format!("{name}:{who}")])))
            }
            ("range", [Value::Int(to)]) => range(0, *to),
            ("range", [Value::Int(from), Value::Int(to)]) => range(*from, *to),
            ("dates", [Value::Date(from), Value::Date(to)]) => {
                let dates = rt::list::dates(rt::Date(*from), rt::Date(*to))?;
                Ok(Value::list(dates.into_iter().map(|date| Value::Date(date.0)).collect()))
            }
            ("fingerprint", [value]) => {
                Ok(Value::text(key::hex(&key::fingerprint(&encode(value)))))
            }
            _ => Err(fault(format!("`{name}` cannot be evaluated here"))),
        }
    }

    fn sample(&mut self, name: &str, ty: &Ty) -> Result<Value, Fault> {
        let qualified = format!("{}.{name}", self.module);
        let samples = &self.fir.samples;
        let json = samples.get(&qualified).or_else(|| samples.get(name));
        let json = json.ok_or_else(|| fault(format!("there is no sample `{name}`")))?;
        if let (Ty::Batch(_), Some(items)) = (ty, json.as_array()) {
            return decode(self.fir, ty, &batch(name, items, self.draw()?.now));
        }
        decode(self.fir, ty, json)
    }
}

/// The whole numbers from `from` up to but not `to`.
fn range(from: i64, to: i64) -> Result<Value, Fault> {
    if to.saturating_sub(from) > RANGE_MAX {
        return Err(fault("a range has more than a million items"));
    }
    Ok(Value::list((from..to).map(Value::Int).collect()))
}

/// A sample of records as one batch: from the beginning of the first partition.
fn batch(name: &str, items: &[Json], now: Time) -> Json {
    let hour = Time(now.0 - now.0.rem_euclid(HOUR_MS));
    json!({
        "items": items, "id": format!("sample {name}"), "partition": 0, "first_offset": 0,
        "last_offset": items.len().saturating_sub(1), "started": print_time(now),
        "hour": print_time(hour),
    })
}

/// An exact decimal from nought up to but not one, with nine digits.
fn random(draw: &mut Draw) -> Value {
    let [a, b, c, d, e, f, g, h, ..] = draw.bytes();
    let number = u64::from_be_bytes([a, b, c, d, e, f, g, h]) % 1_000_000_000;
    let number = i64::try_from(number).unwrap_or_default();
    Value::Decimal(Decimal::new(number, 9))
}
