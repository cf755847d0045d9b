//! Other values that a result or answer could have: the boundary values of the guards that could
//! mention it, and every case of a closed type.

use crate::eval::plain;
use crate::simulate::BEGIN;
use rust_decimal::Decimal;
use sagaflow_core::codegen::{Json, SampleSeed, Schema};
use sagaflow_core::value as form;
use sagaflow_core::value::Money;
use sagaflow_fir::{Field, Fir, Ty, TypeDecl, Workflow};
use std::collections::{BTreeMap, BTreeSet};

/// Bound: other values of one result. A record of many enums would otherwise take over the test.
const VALUES_MAX: usize = 64;

/// Bound: types inside types.
const DEPTH_MAX: u32 = 4;

/// The literals a program compares with, by kind of type.
pub(super) struct Literals(BTreeMap<&'static str, BTreeSet<String>>);

impl Literals {
    /// Those of a workflow and all functions, and the scalars of its input.
    pub(super) fn of(fir: &Fir, workflow: &Workflow, input: &Json) -> Self {
        let mut literals = Self(BTreeMap::new());
        let parts = [serde_json::to_value(workflow), serde_json::to_value(&fir.functions)];
        for part in parts.into_iter().flatten() {
            literals.collect(&part);
        }
        literals.scalars(input);
        literals
    }

    fn collect(&mut self, json: &Json) {
        match json {
            Json::Array(items) => items.iter().for_each(|item| self.collect(item)),
            Json::Object(fields) => {
                let literal = fields.get("kind").and_then(|kind| kind.get("literal"));
                if let (Some(ty), Some(literal)) = (fields.get("ty"), literal)
                    && let Ok(ty) = serde_json::from_value::<Ty>(ty.clone())
                {
                    self.add(kind(&ty), literal);
                }
                fields.values().for_each(|field| self.collect(field));
            }
            _ => {}
        }
    }

    fn scalars(&mut self, json: &Json) {
        match json {
            Json::Array(items) => items.iter().for_each(|item| self.scalars(item)),
            Json::Object(fields) => fields.values().for_each(|field| self.scalars(field)),
            Json::Number(_) => self.add("int", json),
            Json::String(text) if form::parse_money(text).is_some() => self.add("money", json),
            _ => {}
        }
    }

    fn add(&mut self, kind: &'static str, literal: &Json) {
        if !literal.is_null() {
            self.0.entry(kind).or_default().insert(literal.to_string());
        }
    }

    fn get(&self, kind: &str) -> impl Iterator<Item = Json> {
        let texts = self.0.get(kind).into_iter().flatten();
        texts.filter_map(|text| serde_json::from_str(text).ok())
    }
}

fn kind(ty: &Ty) -> &'static str {
    match ty {
        Ty::Optional(of) | Ty::Pii(of) | Ty::Secret(of) => kind(of),
        Ty::Int => "int",
        Ty::Decimal => "decimal",
        Ty::Percent => "percent",
        Ty::Money(_) => "money",
        Ty::Duration => "duration",
        Ty::Text => "text",
        _ => "other",
    }
}

/// Values beside `usual` that a value of this type could have.
pub(super) fn of(
    fir: &Fir,
    schema: &Schema,
    literals: &Literals,
    ty: &Ty,
    usual: &Json,
) -> Vec<Json> {
    let context = Context { fir, schema, literals };
    let mut values = context.values(ty, usual, 0);
    values.retain(|value| value != usual);
    let mut seen = BTreeSet::new();
    values.retain(|value| seen.insert(value.to_string()));
    values.truncate(VALUES_MAX);
    values
}

struct Context<'a> {
    fir: &'a Fir,
    schema: &'a Schema,
    literals: &'a Literals,
}

impl Context<'_> {
    fn values(&self, ty: &Ty, usual: &Json, depth: u32) -> Vec<Json> {
        if depth >= DEPTH_MAX {
            return Vec::new();
        }
        if let Ty::Pii(of) | Ty::Secret(of) = ty {
            return self.values(of, usual, depth);
        }
        if let Ty::Optional(of) = ty {
            let mut values = vec![Json::Null];
            values.extend(self.values(of, usual, depth));
            return values;
        }
        match plain(self.fir, ty) {
            Ty::Bool => vec![Json::Bool(true), Json::Bool(false)],
            Ty::Named(name) => match self.fir.types.get(name).map(|named| &named.decl) {
                Some(TypeDecl::Record(fields)) => self.record(fields, usual, depth),
                Some(TypeDecl::Enum(variants)) => variants
                    .iter()
                    .flat_map(|variant| self.variant(&variant.name, &variant.fields))
                    .collect(),
                _ => Vec::new(),
            },
            Ty::List(of) => {
                let mut values = vec![Json::Array(Vec::new())];
                let first = usual.get(0).cloned().unwrap_or(Json::Null);
                let one = |value| Json::Array(vec![value]);
                values.extend(self.values(of, &first, depth + 1).into_iter().map(one));
                values
            }
            Ty::Map(..) => vec![Json::Object(serde_json::Map::new())],
            Ty::Text if *ty != Ty::Text => Vec::new(),
            scalar => self.scalars(scalar),
        }
    }

    fn record(&self, fields: &[Field], usual: &Json, depth: u32) -> Vec<Json> {
        let mut all = Vec::new();
        for field in fields {
            let now = usual.get(&field.name).unwrap_or(&Json::Null);
            for value in self.values(&field.ty, now, depth + 1) {
                let mut copy = usual.clone();
                if let Some(object) = copy.as_object_mut() {
                    object.insert(field.name.clone(), value);
                }
                all.push(copy);
            }
        }
        all
    }

    fn variant(&self, name: &str, fields: &[Field]) -> Option<Json> {
        if fields.is_empty() {
            return Some(Json::from(name));
        }
        let mut object = serde_json::Map::new();
        object.insert(name.to_owned(), payload(self.schema, fields)?);
        Some(Json::Object(object))
    }

    /// A literal, and its neighbours on both sides.
    fn scalars(&self, ty: &Ty) -> Vec<Json> {
        let literals = self.literals.get(kind(ty));
        literals.flat_map(|literal| neighbours(ty, &literal)).collect()
    }
}

fn neighbours(ty: &Ty, literal: &Json) -> Vec<Json> {
    let text = literal.as_str().unwrap_or_default();
    let around = |value: Decimal, step: Decimal| [value - step, value, value + step];
    match ty {
        Ty::Int => literal.as_i64().map_or_else(Vec::new, |value| {
            [value.checked_sub(1), Some(value), value.checked_add(1)]
                .into_iter()
                .flatten()
                .map(Json::from)
                .collect()
        }),
        Ty::Percent => form::parse_percent(text).map_or_else(Vec::new, |value| {
            around(value, Decimal::ONE).map(|value| form::print_percent(value).into()).to_vec()
        }),
        Ty::Decimal => form::parse_decimal(text).map_or_else(Vec::new, |value| {
            around(value, Decimal::new(1, 2)).map(|v| form::print_decimal(v).into()).to_vec()
        }),
        Ty::Duration => form::parse_duration(text).map_or_else(Vec::new, |ms| {
            [ms.saturating_sub(1), ms, ms.saturating_add(1)]
                .map(|ms| form::print_duration(ms).into())
                .to_vec()
        }),
        Ty::Money(currency) => form::parse_money(text)
            .filter(|money| currency.as_deref().is_none_or(|code| code == money.currency.code()))
            .map_or_else(Vec::new, |money| {
                let minor = money.minor;
                [minor.saturating_sub(1), minor, minor.saturating_add(1)]
                    .map(|minor| form::print_money(Money { minor, ..money }).into())
                    .to_vec()
            }),
        Ty::Text => vec![literal.clone()],
        _ => Vec::new(),
    }
}

/// A sample of a payload, as the simulation would give it.
pub(super) fn payload(schema: &Schema, fields: &[Field]) -> Option<Json> {
    let mut object = serde_json::Map::new();
    for field in fields {
        let ty = crate::simulate::boundary(&field.ty)?;
        let seed = SampleSeed { key: "payload", name: &field.name, now: BEGIN, money: None };
        let value = schema.sample(&ty, &seed);
        if !value.is_null() {
            object.insert(field.name.clone(), value);
        }
    }
    Some(Json::Object(object))
}
