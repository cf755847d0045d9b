//! Checks a value that comes from outside and brings it into its canonical form.
//!
//! Promises: a decoded value fits its type; decoding it again changes nothing; equal values have
//! equal forms. Unknown fields of a record are dropped (open at the boundary). Nothing of the value
//! itself is in a [`Mismatch`], because it may be personal.

use super::{Mismatch, Schema, Ty, TypeDecl, VariantDecl, pattern};
use crate::codegen::Json;
use crate::value;
use serde_json::Map;

/// Bound: nesting of a value. A frame is read and written by recursion, so its depth is its stack.
const DEPTH_MAX: u32 = 64;

/// Where in the value, as a list on the stack: text is made of it only when something is wrong.
#[derive(Clone, Copy)]
enum Path<'a> {
    Root,
    Field(&'a Path<'a>, &'a str),
    Index(&'a Path<'a>, usize),
}

impl Path<'_> {
    fn render(&self) -> String {
        match self {
            Self::Root => "input".to_owned(),
            Self::Field(Path::Root, name) => (*name).to_owned(),
            Self::Field(outer, name) => format!("{}.{name}", outer.render()),
            Self::Index(Path::Root, index) => format!("input[{index}]"),
            Self::Index(outer, index) => format!("{}[{index}]", outer.render()),
        }
    }
}

type Decoded = Result<Json, Mismatch>;

impl Schema {
    /// The canonical form of `value` as a `ty`.
    ///
    /// # Errors
    /// The first place, in the order of the type, where the value does not fit.
    pub fn decode(&self, ty: &Ty, value: &Json) -> Result<Json, Mismatch> {
        self.decode_at(ty, value, Path::Root, 0)
    }

    fn decode_at(&self, ty: &Ty, value: &Json, at: Path<'_>, depth: u32) -> Decoded {
        if depth > DEPTH_MAX {
            let expected = format!("nested at most {DEPTH_MAX} deep");
            return Err(Mismatch { path: at.render(), expected });
        }
        let fits = match ty {
            Ty::List(of) => return self.decode_list(ty, of, value, at, depth),
            Ty::Map(key, of) => return self.decode_map(ty, (key, of), value, at, depth),
            Ty::Named(name) => return self.decode_named(name, value, at, depth),
            Ty::Outcome(of) => return self.decode_outcome(ty, of, value, at, depth),
            Ty::Pii(of) | Ty::Secret(of) => return self.decode_at(of, value, at, depth + 1),
            Ty::Optional(_) if value.is_null() => Some(Json::Null),
            Ty::Optional(of) => return self.decode_at(of, value, at, depth + 1),
            Ty::Unit => Some(Json::Null),
            scalar => decode_scalar(scalar, value),
        };
        fits.ok_or_else(|| self.mismatch(ty, at))
    }

    fn decode_list(&self, ty: &Ty, of: &Ty, value: &Json, at: Path<'_>, depth: u32) -> Decoded {
        let items = value.as_array().ok_or_else(|| self.mismatch(ty, at))?;
        let decoded = items
            .iter()
            .enumerate()
            .map(|(index, item)| self.decode_at(of, item, Path::Index(&at, index), depth + 1));
        decoded.collect::<Result<Vec<_>, _>>().map(Json::Array)
    }

    fn decode_map(
        &self,
        ty: &Ty,
        kv: (&Ty, &Ty),
        value: &Json,
        at: Path<'_>,
        depth: u32,
    ) -> Decoded {
        let entries = value.as_object().ok_or_else(|| self.mismatch(ty, at))?;
        let mut decoded = Map::new();
        for (name, entry) in entries {
            let here = Path::Field(&at, name);
            let key = self.decode_key(kv.0, name, here, depth + 1)?;
            let entry = self.decode_at(kv.1, entry, here, depth + 1)?;
            if decoded.insert(key, entry).is_some() {
                let expected = "a key of its own: another key means the same".to_owned();
                return Err(Mismatch { path: here.render(), expected });
            }
        }
        Ok(Json::Object(decoded))
    }

    /// A key is the text of its scalar's JSON form: `"1"` for the whole number, `"true"` for the
    /// bool.
    fn decode_key(
        &self,
        ty: &Ty,
        name: &str,
        at: Path<'_>,
        depth: u32,
    ) -> Result<String, Mismatch> {
        let bare = name.parse::<Json>().ok().filter(|value| value.is_boolean() || value.is_i64());
        let first = self.decode_at(ty, &Json::from(name), at, depth);
        let decoded = match (first, bare) {
            (Err(_), Some(bare)) => self.decode_at(ty, &bare, at, depth)?,
            (first, _) => first?,
        };
        match decoded {
            Json::String(text) => Ok(text),
            Json::Bool(_) | Json::Number(_) => Ok(decoded.to_string()),
            _ => Err(self.mismatch(ty, at)),
        }
    }

    fn decode_named(&self, name: &str, value: &Json, at: Path<'_>, depth: u32) -> Decoded {
        let wrong = || self.mismatch(&Ty::Named(name.to_owned()), at);
        match self.types.get(name) {
            Some(TypeDecl::Alias { of, pattern }) => {
                let decoded = self.decode_at(of, value, at, depth + 1)?;
                match (pattern, decoded.as_str()) {
                    (Some(pattern), Some(text)) if !pattern::matches(pattern, text) => Err(wrong()),
                    _ => Ok(decoded),
                }
            }
            Some(TypeDecl::Record { fields }) => {
                let object = value.as_object().ok_or_else(wrong)?;
                let fields = fields.iter().map(|(name, ty, default)| (name, ty, default.as_ref()));
                self.decode_fields(fields, object, at, depth)
            }
            Some(TypeDecl::Enum { variants }) => {
                self.decode_enum(variants, value, at, depth, &wrong)
            }
            None => Err(wrong()),
        }
    }

    fn decode_fields<'a>(
        &self,
        fields: impl Iterator<Item = (&'a String, &'a Ty, Option<&'a Json>)>,
        object: &Map<String, Json>,
        at: Path<'_>,
        depth: u32,
    ) -> Decoded {
        let mut decoded = Map::new();
        for (name, ty, default) in fields {
            let here = Path::Field(&at, name);
            // Absent and null are one thing, so that canonical forms have one way to say "nothing".
            let given = object.get(name).filter(|value| !value.is_null()).or(default);
            let value = self.decode_at(ty, given.unwrap_or(&Json::Null), here, depth + 1);
            match value {
                Ok(Json::Null) => {}
                Ok(value) => _ = decoded.insert(name.clone(), value),
                Err(mismatch) if given.is_none() => {
                    let expected = format!("{}, and it is missing", mismatch.expected);
                    return Err(Mismatch { expected, ..mismatch });
                }
                Err(mismatch) => return Err(mismatch),
            }
        }
        Ok(Json::Object(decoded))
    }

    fn decode_enum(
        &self,
        variants: &[VariantDecl],
        value: &Json,
        at: Path<'_>,
        depth: u32,
        wrong: &dyn Fn() -> Mismatch,
    ) -> Decoded {
        let (name, payload) = tagged(value).ok_or_else(wrong)?;
        let variant = variants.iter().find(|variant| variant.name == name).ok_or_else(wrong)?;
        let empty = Map::new();
        let payload = match payload {
            None | Some(Json::Null) => &empty,
            Some(Json::Object(fields)) => fields,
            Some(_) => return Err(wrong()),
        };
        let fields = variant.fields.iter().map(|(name, ty)| (name, ty, None));
        let decoded = self.decode_fields(fields, payload, Path::Field(&at, name), depth + 1)?;
        if variant.fields.is_empty() {
            return Ok(Json::from(name));
        }
        Ok(Json::Object(Map::from_iter([(name.to_owned(), decoded)])))
    }

    /// An outcome has the form of an enum: `{"Ok": v}`, `{"Failed": …}`, `"Unknown"`.
    fn decode_outcome(&self, ty: &Ty, of: &Ty, value: &Json, at: Path<'_>, depth: u32) -> Decoded {
        let decoded = match tagged(value) {
            Some(("Ok", given)) => {
                let given = given.unwrap_or(&Json::Null);
                self.decode_at(of, given, Path::Field(&at, "Ok"), depth + 1)?
            }
            Some(("Failed", given)) => bounded(given, at, depth)?,
            Some(("Unknown", None)) => return Ok(Json::from("Unknown")),
            _ => return Err(self.mismatch(ty, at)),
        };
        let name = tagged(value).map_or("", |(name, _)| name);
        Ok(Json::Object(Map::from_iter([(name.to_owned(), decoded)])))
    }

    fn mismatch(&self, ty: &Ty, at: Path<'_>) -> Mismatch {
        Mismatch { path: at.render(), expected: self.describe(ty) }
    }
}

/// `"Name"` or `{"Name": payload}`.
fn tagged(value: &Json) -> Option<(&str, Option<&Json>)> {
    match value {
        Json::String(name) => Some((name, None)),
        Json::Object(fields) if fields.len() == 1 => {
            fields.iter().next().map(|(name, payload)| (name.as_str(), Some(payload)))
        }
        _ => None,
    }
}

/// A value without a type of its own, as deep as it may be.
fn bounded(value: Option<&Json>, at: Path<'_>, depth: u32) -> Decoded {
    fn depth_of(value: &Json, left: u32) -> bool {
        let Some(left) = left.checked_sub(1) else { return false };
        match value {
            Json::Array(items) => items.iter().all(|item| depth_of(item, left)),
            Json::Object(fields) => fields.values().all(|field| depth_of(field, left)),
            _ => true,
        }
    }
    let value = value.unwrap_or(&Json::Null);
    if depth_of(value, DEPTH_MAX.saturating_sub(depth)) {
        return Ok(value.clone());
    }
    Err(Mismatch { path: at.render(), expected: format!("nested at most {DEPTH_MAX} deep") })
}

/// The canonical form of a scalar; nothing where the value is none of its type.
fn decode_scalar(ty: &Ty, value: &Json) -> Option<Json> {
    match (ty, value) {
        // No store takes this character in a key, and no database in a text.
        (Ty::Text, Json::String(text)) if text.contains('\0') => None,
        (Ty::Text, Json::String(_)) | (Ty::Bool, Json::Bool(_)) => Some(value.clone()),
        (Ty::Int, Json::Number(number)) => whole(number).map(Json::from),
        (Ty::Size, Json::Number(number)) => size(number).map(Json::from),
        (Ty::Decimal, Json::Number(number)) => {
            value::decimal_of_number(number).map(|decimal| value::print_decimal(decimal).into())
        }
        (Ty::Decimal, Json::String(text)) => {
            value::parse_decimal(text).map(|decimal| value::print_decimal(decimal).into())
        }
        (Ty::Percent, Json::String(text)) => {
            value::parse_percent(text).map(|percent| value::print_percent(percent).into())
        }
        (Ty::Money(currency), Json::String(text)) => {
            let money = value::parse_money(text)?;
            let fits = currency.as_ref().is_none_or(|code| code == money.currency.code());
            fits.then(|| value::print_money(money).into())
        }
        (Ty::Duration, Json::String(text)) => {
            value::parse_duration(text).map(|ms| value::print_duration(ms).into())
        }
        (Ty::Time, Json::String(text)) => {
            value::parse_time(text).map(|time| value::print_time(time).into())
        }
        (Ty::Date, Json::String(text)) => {
            value::parse_date(text).map(|date| value::print_date(date).into())
        }
        (Ty::Uuid, Json::String(text)) => {
            value::parse_uuid(text).map(|uuid| value::print_uuid(uuid).into())
        }
        (Ty::Blob, Json::Object(fields)) => blob(fields),
        _ => None,
    }
}

/// A whole number, also where it was written `1.0`: both mean one, so both are one key.
fn whole(number: &serde_json::Number) -> Option<i64> {
    use rust_decimal::prelude::ToPrimitive as _;
    number.as_i64().or_else(|| {
        let decimal = value::decimal_of_number(number)?;
        decimal.is_integer().then(|| decimal.to_i64()).flatten()
    })
}

fn size(number: &serde_json::Number) -> Option<u64> {
    number.as_u64().or_else(|| u64::try_from(whole(number)?).ok())
}

fn blob(fields: &Map<String, Json>) -> Option<Json> {
    let hash = fields.get("blob")?.as_str()?.to_ascii_lowercase();
    let hex = hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    let size = size(fields.get("size")?.as_number()?)?;
    hex.then(|| serde_json::json!({ "blob": hash, "size": size }))
}
