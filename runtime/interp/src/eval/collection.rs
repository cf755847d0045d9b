//! Methods of lists and batches.

use super::{Env, Eval, compare, ops, zero};
use crate::codec::{fault, print};
use crate::value::Value;
use sagaflow_core::codegen::rt::work::{amount, text_units};
use sagaflow_core::codegen::{Fault, rt};
use sagaflow_fir::work::{compares_items, goes_through_list};
use sagaflow_fir::{Expr, Method, Ty};
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The items of a list or batch.
pub(super) fn items(value: &Value) -> Result<&[Value], Fault> {
    match value {
        Value::List(items) => Ok(items),
        Value::Record(fields) => match fields.get("items") {
            Some(Value::List(items)) => Ok(items),
            _ => Err(fault("a value is no list")),
        },
        _ => Err(fault("a value is no list")),
    }
}

impl Eval<'_> {
    /// A method of a list, in its lambda's environment.
    pub(super) fn list_method(
        &mut self,
        env: &mut Env,
        list: &Value,
        name: &str,
        args: &[Expr],
        ty: &Ty,
    ) -> Result<Value, Fault> {
        let items = items(list)?;
        if compares_items(name, args.len()) {
            rt::work::compared(&self.work, items)?;
        } else if goes_through_list(name, args.len()) {
            self.spend(amount(items.len()))?;
        }
        let first = args.first();
        match name {
            "len" => Ok(count(items.len())),
            "is_empty" => Ok(Value::Bool(items.is_empty())),
            "first" => Ok(Value::optional(items.first().cloned())),
            "last" => Ok(Value::optional(items.last().cloned())),
            "unique" => Ok(Value::list(ops::unique(items))),
            "reverse" => Ok(Value::list(items.iter().rev().cloned().collect())),
            "map" | "where" | "any" | "all" | "count" => self.each_of(env, items, name, first),
            "find" => self.find(env, items, first),
            "flat_map" => flat(self::items(&self.each_of(env, items, "map", first)?)?),
            "flat" => flat(items),
            "unique_by" => self.unique_by(env, items, first),
            "index_by" | "to_map" => self.keyed(env, items, args),
            "sum" => self.sum(env, items, first, ty),
            "min" => self.extreme(env, items, first, Ordering::Less),
            "max" => self.extreme(env, items, first, Ordering::Greater),
            "sort_by" | "sort" => self.sort(env, items, first),
            "count_by" | "group_by" => self.group(env, items, name, first),
            "fold" => self.fold(env, items, args),
            "zip" => self.zip(env, items, args),
            "contains" | "take" | "drop" | "join" | "at" | "index_of" | "chunks" => {
                let argument = self.expr(env, first.ok_or_else(|| missing(name))?)?;
                if let ("join", Value::Text(between)) = (name, &argument) {
                    rt::work::betweens(&self.work, items.len(), between)?;
                }
                cut(items, name, &argument)
            }
            _ => Err(missing(name)),
        }
    }

    fn each_of(
        &mut self,
        env: &mut Env,
        items: &[Value],
        name: &str,
        lambda: Option<&Expr>,
    ) -> Result<Value, Fault> {
        let Some(lambda) = lambda else {
            return if name == "count" { Ok(count(items.len())) } else { Err(missing(name)) };
        };
        let mut out = Vec::new();
        for item in items {
            let value = self.apply(env, lambda, std::slice::from_ref(item))?;
            match (name, value) {
                ("map", value) => out.push(value),
                ("any", Value::Bool(true)) => return Ok(Value::Bool(true)),
                ("all", Value::Bool(false)) => return Ok(Value::Bool(false)),
                ("where" | "count", Value::Bool(true)) => out.push(item.clone()),
                (_, Value::Bool(_)) => {}
                _ => return Err(fault("a condition is neither true nor false")),
            }
        }
        Ok(match name {
            "any" => Value::Bool(false),
            "all" => Value::Bool(true),
            "count" => count(out.len()),
            _ => Value::list(out),
        })
    }

    fn find(
        &mut self,
        env: &mut Env,
        items: &[Value],
        lambda: Option<&Expr>,
    ) -> Result<Value, Fault> {
        for item in items {
            match self.project(env, item, lambda)? {
                Value::Bool(true) => return Ok(item.clone()),
                Value::Bool(false) => {}
                _ => return Err(fault("a condition is neither true nor false")),
            }
        }
        Ok(Value::None)
    }

    fn unique_by(
        &mut self,
        env: &mut Env,
        items: &[Value],
        lambda: Option<&Expr>,
    ) -> Result<Value, Fault> {
        let (mut seen, mut out) = (BTreeSet::new(), Vec::new());
        for item in items {
            if seen.insert(self.project(env, item, lambda)?) {
                out.push(item.clone());
            }
        }
        Ok(Value::list(out))
    }

    /// Of two values with one key the later stays.
    fn keyed(&mut self, env: &mut Env, items: &[Value], args: &[Expr]) -> Result<Value, Fault> {
        let mut map = BTreeMap::new();
        for item in items {
            let key = self.project(env, item, args.first())?;
            map.insert(key, self.project(env, item, args.get(1))?);
        }
        Ok(Value::Map(Arc::new(map)))
    }

    fn project(
        &mut self,
        env: &mut Env,
        item: &Value,
        lambda: Option<&Expr>,
    ) -> Result<Value, Fault> {
        match lambda {
            Some(lambda) => self.apply(env, lambda, std::slice::from_ref(item)),
            None => Ok(item.clone()),
        }
    }

    fn sum(
        &mut self,
        env: &mut Env,
        items: &[Value],
        lambda: Option<&Expr>,
        ty: &Ty,
    ) -> Result<Value, Fault> {
        let Some((first, rest)) = items.split_first() else {
            return zero(super::plain(self.fir, ty));
        };
        let mut total = self.project(env, first, lambda)?;
        for item in rest {
            total = ops::add(total, self.project(env, item, lambda)?)?;
        }
        Ok(total)
    }

    /// The first item whose value is least or greatest.
    fn extreme(
        &mut self,
        env: &mut Env,
        items: &[Value],
        lambda: Option<&Expr>,
        wanted: Ordering,
    ) -> Result<Value, Fault> {
        let mut best: Option<(Value, &Value)> = None;
        for item in items {
            let value = self.project(env, item, lambda)?;
            let better = match &best {
                Some((so_far, _)) => compare(&value, so_far)? == wanted,
                None => true,
            };
            if better {
                best = Some((value, item));
            }
        }
        let value = best.map(|(_, item)| item.clone());
        Ok(Value::optional(value))
    }

    fn sort(
        &mut self,
        env: &mut Env,
        items: &[Value],
        lambda: Option<&Expr>,
    ) -> Result<Value, Fault> {
        let keyed = items.iter().map(|item| Ok((self.project(env, item, lambda)?, item.clone())));
        let mut keyed = keyed.collect::<Result<Vec<_>, Fault>>()?;
        // Comparing first finds what has no order, because a sort cannot fail half way.
        for pair in keyed.windows(2) {
            if let [(a, _), (b, _)] = pair {
                compare(a, b)?;
            }
        }
        keyed.sort_by(|(a, _), (b, _)| compare(a, b).unwrap_or(Ordering::Equal));
        Ok(Value::list(keyed.into_iter().map(|(_, item)| item).collect()))
    }

    fn group(
        &mut self,
        env: &mut Env,
        items: &[Value],
        name: &str,
        lambda: Option<&Expr>,
    ) -> Result<Value, Fault> {
        let mut groups: BTreeMap<Value, Vec<Value>> = BTreeMap::new();
        for item in items {
            let key = self.project(env, item, lambda)?;
            groups.entry(key).or_default().push(item.clone());
        }
        let value = |group: Vec<Value>| match name {
            "count_by" => count(group.len()),
            _ => Value::list(group),
        };
        let groups = groups.into_iter().map(|(key, group)| (key, value(group))).collect();
        Ok(Value::Map(Arc::new(groups)))
    }

    fn fold(&mut self, env: &mut Env, items: &[Value], args: &[Expr]) -> Result<Value, Fault> {
        let [init, lambda] = args else { return Err(missing("fold")) };
        let mut acc = self.expr(env, init)?;
        for item in items {
            acc = self.apply_beside(env, lambda, &[acc, item.clone()], 1)?;
        }
        Ok(acc)
    }

    /// Pairs of two lists, as long as the shorter; or what a lambda makes of each pair.
    fn zip(&mut self, env: &mut Env, items: &[Value], args: &[Expr]) -> Result<Value, Fault> {
        let (other, lambda) = match args {
            [other] => (other, None),
            [other, lambda] => (other, Some(lambda)),
            _ => return Err(missing("zip")),
        };
        let other = self.expr(env, other)?;
        let mut out = Vec::new();
        for (left, right) in items.iter().zip(self::items(&other)?) {
            let pair = [left.clone(), right.clone()];
            out.push(match lambda {
                Some(lambda) => self.apply(env, lambda, &pair)?,
                None => Value::list(pair.to_vec()),
            });
        }
        Ok(Value::list(out))
    }
}

fn cut(items: &[Value], name: &str, argument: &Value) -> Result<Value, Fault> {
    match (name, argument) {
        ("contains", item) => Ok(Value::Bool(items.iter().any(|each| ops::equal(each, item)))),
        ("join", Value::Text(between)) => {
            Ok(Value::text(items.iter().map(print).collect::<Vec<_>>().join(between)))
        }
        ("take", Value::Int(n)) => Ok(Value::list(items.iter().take(clamp(*n)).cloned().collect())),
        ("drop", Value::Int(n)) => Ok(Value::list(items.iter().skip(clamp(*n)).cloned().collect())),
        ("at", Value::Int(index)) => Ok(Value::optional(rt::list::at(items, *index))),
        ("index_of", item) => {
            let found = items.iter().position(|each| ops::equal(each, item));
            Ok(Value::optional(found.map(count)))
        }
        ("chunks", Value::Int(size)) => {
            let chunks = rt::list::chunks(items, *size)?;
            Ok(Value::list(chunks.into_iter().map(Value::list).collect()))
        }
        _ => Err(missing(name)),
    }
}

/// The items of lists, in one.
fn flat(lists: &[Value]) -> Result<Value, Fault> {
    let mut out = Vec::new();
    for list in lists {
        out.extend_from_slice(items(list)?);
    }
    Ok(Value::list(out))
}

/// A count or position from a program: negative ones are nought.
pub(super) fn clamp(n: i64) -> usize {
    usize::try_from(n.max(0)).unwrap_or(usize::MAX)
}

/// A length as a value.
pub(super) fn count(n: usize) -> Value {
    Value::Int(i64::try_from(n).unwrap_or(i64::MAX))
}

/// The fault of a method that does not exist, or lacks an argument.
pub(super) fn missing(name: &str) -> Fault {
    fault(format!("`{name}` cannot be done with this value"))
}

/// Dispatches a method by what it belongs to.
impl Eval<'_> {
    pub(super) fn method(
        &mut self,
        env: &mut Env,
        of: &Expr,
        method: &Method,
        args: &[Expr],
        ty: &Ty,
    ) -> Result<Value, Fault> {
        if method.name == "round"
            && let Some(value) = self.round_money(env, of, args)?
        {
            return Ok(value);
        }
        let value = self.base(env, of)?;
        self.method_of(env, value, method, args, ty)
    }

    pub(super) fn method_of(
        &mut self,
        env: &mut Env,
        value: Value,
        method: &Method,
        args: &[Expr],
        ty: &Ty,
    ) -> Result<Value, Fault> {
        let name = method.name.as_str();
        match &value {
            Value::List(_) => self.list_method(env, &value, name, args, ty),
            Value::Map(map) => self.map_method(env, map, name, args),
            Value::Record(fields) if method.of == "batch" => match fields.get(name) {
                Some(field) if args.is_empty() => Ok(field.clone()),
                _ => self.list_method(env, &value, name, args, ty),
            },
            Value::Text(text) => {
                self.spend(text_units(text.len()))?;
                let args = self.all(env, args)?;
                super::text::method(&self.work, text, name, &args)
            }
            _ => {
                let args = self.all(env, args)?;
                let ty = super::plain(self.fir, ty);
                super::part::method(&self.work, &value, name, &args, ty)
            }
        }
    }
}
