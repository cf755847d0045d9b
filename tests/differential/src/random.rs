//! Random choices and values, drawn from a seed.

use sagaflow::codegen::{Json, SampleSeed, Schema, Ty, TypeDecl};
use sagaflow::time::Time;

/// A small generator: the same seed, the same choices.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// From a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(1))
    }

    /// The next number.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`; 0 where that is 0.
    pub fn below(&mut self, bound: usize) -> usize {
        let bound = u64::try_from(bound).unwrap_or(u64::MAX).max(1);
        usize::try_from(self.next() % bound).unwrap_or_default()
    }

    /// True once in `n`.
    pub fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    /// One of these.
    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> Option<&'a T> {
        of.get(self.below(of.len()))
    }

    /// A value of a type in boundary JSON, small enough to make loops short and conditions close.
    pub fn value(&mut self, schema: &Schema, ty: &Ty) -> Json {
        self.value_at(schema, ty, 0)
    }

    fn value_at(&mut self, schema: &Schema, ty: &Ty, depth: u32) -> Json {
        match ty {
            Ty::Optional(of) if self.one_in(3) || depth > 6 => self.absent(of),
            Ty::Optional(of) | Ty::Pii(of) | Ty::Secret(of) => self.value_at(schema, of, depth),
            Ty::Bool => self.one_in(2).into(),
            Ty::Int => self.int(),
            Ty::Size => u64::try_from(self.below(5_000)).unwrap_or_default().into(),
            Ty::Text => {
                // The last is long enough to count as work.
                let texts = ["", "a", "Ab c", "ÄÖ", "a,b", "zz", "over a unit of text, ÄÖ over"];
                self.pick(&texts).copied().into()
            }
            Ty::Money(currency) => {
                let open = self.pick(&["EUR", "USD"]).copied().unwrap_or("EUR");
                let code = currency.as_deref().unwrap_or(open);
                format!("{}.{:02} {code}", self.below(40), self.below(100)).into()
            }
            Ty::Decimal => format!("{}.{}", self.below(9), self.below(99)).into(),
            Ty::Percent => format!("{}%", self.below(101)).into(),
            Ty::Duration => self.pick(&["0s", "1s", "1m30s", "1d", "250ms"]).copied().into(),
            Ty::List(of) => {
                let len = if depth > 4 { 0 } else { self.below(4) };
                (0..len).map(|_| self.value_at(schema, of, depth + 1)).collect()
            }
            Ty::Map(key, of) => self.map(schema, key, of, depth),
            Ty::Named(name) => self.named(schema, name, ty, depth),
            Ty::Unit => Json::Null,
            other => self.sample(schema, other),
        }
    }

    /// An absent optional of anything; the type says nothing of which.
    fn absent(&mut self, _of: &Ty) -> Json {
        Json::Null
    }

    fn int(&mut self) -> Json {
        match self.below(12) {
            // Large ones make arithmetic fault now and then, in both machines.
            0 => i64::MAX.into(),
            1 => i64::MIN.into(),
            _ => (i64::try_from(self.below(9)).unwrap_or_default() - 2).into(),
        }
    }

    fn map(&mut self, schema: &Schema, key: &Ty, of: &Ty, depth: u32) -> Json {
        let len = if depth > 4 { 0 } else { self.below(4) };
        let mut object = serde_json::Map::new();
        for _ in 0..len {
            let name = match self.value_at(schema, key, depth + 1) {
                Json::String(text) => text,
                other => other.to_string(),
            };
            object.insert(name, self.value_at(schema, of, depth + 1));
        }
        Json::Object(object)
    }

    fn named(&mut self, schema: &Schema, name: &str, ty: &Ty, depth: u32) -> Json {
        match schema.types.get(name) {
            Some(TypeDecl::Alias { of, pattern: None }) => self.value_at(schema, of, depth),
            Some(TypeDecl::Record { fields }) => {
                let field = |(name, ty, _): &(String, Ty, Option<Json>)| (name.clone(), ty.clone());
                let fields: Vec<_> = fields.iter().map(field).collect();
                self.object(schema, &fields, depth)
            }
            Some(TypeDecl::Enum { variants }) => match self.pick(variants) {
                Some(variant) if variant.fields.is_empty() => variant.name.clone().into(),
                Some(variant) => {
                    let payload = self.object(schema, &variant.fields, depth);
                    serde_json::json!({ &variant.name: payload })
                }
                None => Json::Null,
            },
            _ => self.sample(schema, ty),
        }
    }

    /// An object of these fields, absent optionals left out.
    pub fn object(&mut self, schema: &Schema, fields: &[(String, Ty)], depth: u32) -> Json {
        let mut object = serde_json::Map::new();
        for (name, ty) in fields {
            let value = self.value_at(schema, ty, depth + 1);
            if !value.is_null() {
                object.insert(name.clone(), value);
            }
        }
        Json::Object(object)
    }

    fn sample(&mut self, schema: &Schema, ty: &Ty) -> Json {
        let key = format!("{:032x}", self.next());
        let now = Time(i64::try_from(self.below(1_000_000_000)).unwrap_or_default());
        schema.sample(ty, &SampleSeed { key: &key, name: "sample", now, money: None })
    }
}
