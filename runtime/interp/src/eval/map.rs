//! Methods of maps, in key order.

use super::collection::{count, missing};
use super::{Env, Eval};
use crate::codec::fault;
use crate::value::{Fields, Value};
use sagaflow_core::codegen::rt::work::amount;
use sagaflow_core::codegen::{Fault, rt};
use sagaflow_fir::Expr;
use sagaflow_fir::work::goes_through_map;
use std::collections::BTreeMap;
use std::sync::Arc;

impl Eval<'_> {
    /// A method of a map.
    pub(super) fn map_method(
        &mut self,
        env: &mut Env,
        map: &BTreeMap<Value, Value>,
        name: &str,
        args: &[Expr],
    ) -> Result<Value, Fault> {
        if goes_through_map(name) {
            self.spend(amount(map.len()))?;
        }
        let entry = |(key, value): (&Value, &Value)| {
            let fields = [("key".to_owned(), key.clone()), ("value".to_owned(), value.clone())];
            Value::Record(Arc::new(Fields::from(fields)))
        };
        match name {
            "len" | "count" => Ok(count(map.len())),
            "is_empty" => Ok(Value::Bool(map.is_empty())),
            "keys" => Ok(Value::list(map.keys().cloned().collect())),
            "values" => Ok(Value::list(map.values().cloned().collect())),
            "entries" => Ok(Value::list(map.iter().map(entry).collect())),
            "put" => {
                let [key, value] = args else { return Err(missing(name)) };
                let (key, value) = (self.expr(env, key)?, self.expr(env, value)?);
                Ok(Value::Map(Arc::new(rt::map::put(map, key, value))))
            }
            "merge" => match self.expr(env, args.first().ok_or_else(|| missing(name))?)? {
                Value::Map(other) => Ok(Value::Map(Arc::new(rt::map::merge(map, &other)))),
                _ => Err(missing(name)),
            },
            "where" | "map_values" => {
                self.each_entry(env, map, name, args.first().ok_or_else(|| missing(name))?)
            }
            "get" | "contains" | "remove" => {
                let key = self.expr(env, args.first().ok_or_else(|| missing(name))?)?;
                let found = map.get(&key);
                Ok(match name {
                    "get" => Value::optional(found.cloned()),
                    "remove" => Value::Map(Arc::new(rt::map::remove(map, &key))),
                    _ => Value::Bool(found.is_some()),
                })
            }
            _ => Err(missing(name)),
        }
    }

    fn each_entry(
        &mut self,
        env: &mut Env,
        map: &BTreeMap<Value, Value>,
        name: &str,
        lambda: &Expr,
    ) -> Result<Value, Fault> {
        let mut out = BTreeMap::new();
        for (key, value) in map {
            let kept = match name {
                "where" => match self.apply(env, lambda, &[key.clone(), value.clone()])? {
                    Value::Bool(true) => value.clone(),
                    Value::Bool(false) => continue,
                    _ => return Err(fault("a condition is neither true nor false")),
                },
                _ => self.apply(env, lambda, std::slice::from_ref(value))?,
            };
            out.insert(key.clone(), kept);
        }
        Ok(Value::Map(Arc::new(out)))
    }
}
