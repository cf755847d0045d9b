//! What a simulated service answers where nothing is given.
//!
//! Promises: a sample fits its type; the same key gets the same answer. It is recognisable (a text
//! names its action) and plain (ones, the first variant, optional things present).

use super::{Schema, Ty, TypeDecl, pattern};
use crate::codegen::Json;
use crate::key::hex;
use crate::time::Time;
use crate::value;
use rust_decimal::Decimal;
use serde_json::Map;
use sha2::Digest as _;

/// Bound: tries for a second element that differs from the first; types with one value have none.
const TRIES_MAX: u32 = 16;

/// What a sample is drawn from.
#[derive(Clone, Copy, Debug)]
pub struct SampleSeed<'a> {
    /// Key of the call: the same key, the same answer.
    pub key: &'a str,
    /// Name of the action, which texts begin with.
    pub name: &'a str,
    /// Recorded time of the call.
    pub now: Time,
    /// The call's first argument that is money.
    pub money: Option<&'a Json>,
}

/// One walk over a type: the seed, which element of a list this is, and the types being walked.
struct Walk<'a> {
    schema: &'a Schema,
    seed: &'a SampleSeed<'a>,
    turn: u32,
    open: Vec<&'a str>,
}

impl Schema {
    /// A value of the type, drawn from the seed. Where a pattern is beyond what can be drawn, the
    /// text says so, and does not match: the boundary refuses it by the pattern's own name.
    #[must_use]
    pub fn sample(&self, ty: &Ty, seed: &SampleSeed<'_>) -> Json {
        let mut walk = Walk { schema: self, seed, turn: 0, open: Vec::new() };
        walk.value(ty).unwrap_or(Json::Null)
    }
}

impl<'a> Walk<'a> {
    /// Nothing where the type contains itself without an end.
    fn value(&mut self, ty: &'a Ty) -> Option<Json> {
        let turn = i64::from(self.turn);
        Some(match ty {
            Ty::Text => {
                let hash = hex(&self.hash());
                format!("{}-{}", self.seed.name, hash.get(..8).unwrap_or(&hash)).into()
            }
            Ty::Bool => (turn % 2 == 0).into(),
            Ty::Int | Ty::Size => (1 + turn).into(),
            Ty::Decimal => value::print_decimal(Decimal::from(1 + turn)).into(),
            Ty::Percent => value::print_percent(Decimal::from(turn)).into(),
            Ty::Money(currency) => self.money(currency.as_deref())?.into(),
            Ty::Duration => value::print_duration(1_000 * (1 + turn)).into(),
            Ty::Time => value::print_time(self.seed.now.plus(turn)).into(),
            Ty::Date => {
                let day = value::print_time(self.seed.now.plus(86_400_000 * turn));
                day.get(..10).unwrap_or(&day).into()
            }
            Ty::Uuid => value::print_uuid(self.uuid()).into(),
            Ty::Blob => {
                let nothing = hex(&sha2::Sha256::digest([]));
                serde_json::json!({ "blob": nothing, "size": 0 })
            }
            Ty::List(of) => self.list(of).into(),
            Ty::Map(key, of) => match (self.value(key).and_then(key_text), self.value(of)) {
                (Some(key), Some(entry)) => Json::Object(Map::from_iter([(key, entry)])),
                _ => Json::Object(Map::new()),
            },
            Ty::Optional(of) => self.value(of).unwrap_or(Json::Null),
            Ty::Named(name) => return self.named(name),
            Ty::Outcome(of) => serde_json::json!({ "Ok": self.value(of)? }),
            Ty::Pii(of) | Ty::Secret(of) => return self.value(of),
            Ty::Unit => Json::Null,
        })
    }

    /// Two elements that differ, if the type has two values; none where it contains itself.
    fn list(&mut self, of: &'a Ty) -> Vec<Json> {
        let turn = self.turn;
        let mut elements = Vec::new();
        for step in 0..TRIES_MAX {
            self.turn = turn.saturating_add(step);
            let Some(element) = self.value(of) else { break };
            if !elements.contains(&element) {
                elements.push(element);
            }
            if elements.len() == 2 {
                break;
            }
        }
        self.turn = turn;
        elements
    }

    fn named(&mut self, name: &'a str) -> Option<Json> {
        if self.open.contains(&name) {
            return None;
        }
        let declared = self.schema.types.get(name)?;
        self.open.push(name);
        let sample = self.declared(declared);
        self.open.pop();
        sample
    }

    fn declared(&mut self, declared: &'a TypeDecl) -> Option<Json> {
        match declared {
            TypeDecl::Alias { pattern: Some(pattern), .. } => {
                let drawn = pattern::draw(pattern, self.hash());
                let beyond = || format!("no text can be drawn for `{pattern}`: give one");
                Some(drawn.unwrap_or_else(beyond).into())
            }
            TypeDecl::Alias { of, pattern: None } => self.value(of),
            TypeDecl::Record { fields } => {
                self.fields(fields.iter().map(|(name, ty, _)| (name, ty)))
            }
            TypeDecl::Enum { variants } => {
                // Never more than the number of variants, which a list of two can tell apart.
                let index = self.turn as usize % variants.len().max(1);
                let variant = variants.get(index)?;
                if variant.fields.is_empty() {
                    return Some(variant.name.as_str().into());
                }
                let payload = self.fields(variant.fields.iter().map(|(name, ty)| (name, ty)))?;
                Some(Json::Object(Map::from_iter([(variant.name.clone(), payload)])))
            }
        }
    }

    fn fields(&mut self, fields: impl Iterator<Item = (&'a String, &'a Ty)>) -> Option<Json> {
        let mut object = Map::new();
        for (name, ty) in fields {
            let value = self.value(ty)?;
            if !value.is_null() {
                object.insert(name.clone(), value);
            }
        }
        Some(Json::Object(object))
    }

    /// The first money argument where its currency fits, else 1.00; one minor unit more per turn.
    fn money(&self, currency: Option<&str>) -> Option<String> {
        let given = self.seed.money.and_then(Json::as_str).and_then(value::parse_money);
        let given = given.filter(|money| currency.is_none_or(|code| code == money.currency.code()));
        let one = || {
            let currency = value::Currency::new(currency.unwrap_or("EUR"))?;
            value::Money::exact(Decimal::ONE, currency)
        };
        let mut money = given.or_else(one)?;
        money.minor = money.minor.saturating_add(i64::from(self.turn));
        Some(value::print_money(money))
    }

    fn uuid(&self) -> uuid::Uuid {
        let hash = self.hash();
        let mut bytes = [0; 16];
        bytes.copy_from_slice(hash.get(..16).expect("a hash has 32 bytes"));
        uuid::Builder::from_random_bytes(bytes).into_uuid()
    }

    /// A hash of the key; for a later element of a list, of the key and its turn.
    fn hash(&self) -> [u8; 32] {
        let mut hash = sha2::Sha256::new();
        hash.update(self.seed.key);
        if self.turn > 0 {
            hash.update([0]);
            hash.update(self.turn.to_be_bytes());
        }
        hash.finalize().into()
    }
}

/// A scalar as the key of an object.
fn key_text(value: Json) -> Option<String> {
    match value {
        Json::String(text) => Some(text),
        Json::Bool(_) | Json::Number(_) => Some(value.to_string()),
        _ => None,
    }
}
