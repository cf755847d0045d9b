//! Hides what is personal or secret.
//!
//! Promises: nothing labelled `pii` or `secret` is in a masked value, nor anything that does not
//! fit its type (what is not known to be harmless is hidden). Numbers of items, names of fields and
//! whether an optional is there remain.

use super::{Schema, Ty, TypeDecl};
use crate::codegen::Json;
use serde_json::Map;

/// What stands in the place of a hidden value.
const HIDDEN: &str = "…";

/// Bound: the nesting that `decode` lets in, and room for the names around it.
const DEPTH_MAX: u32 = 80;

impl Schema {
    /// The value with every labelled part replaced by `"…"`.
    #[must_use]
    pub fn mask(&self, ty: &Ty, value: &Json) -> Json {
        self.mask_at(ty, value, 0)
    }

    fn mask_at(&self, ty: &Ty, value: &Json, depth: u32) -> Json {
        let Some(depth) = depth.checked_add(1).filter(|depth| *depth <= DEPTH_MAX) else {
            return HIDDEN.into();
        };
        match (ty, value) {
            (_, Json::Null) => Json::Null,
            (Ty::Pii(_) | Ty::Secret(_), _) => HIDDEN.into(),
            (Ty::Optional(of), _) => self.mask_at(of, value, depth),
            (Ty::List(of), Json::Array(items)) => {
                items.iter().map(|item| self.mask_at(of, item, depth)).collect()
            }
            (Ty::Map(key, of), Json::Object(entries)) => {
                let hide_keys = self.labelled(key, depth);
                let entry = |(index, (name, entry)): (usize, (&String, &Json))| {
                    let name = if hide_keys { format!("{HIDDEN}{index}") } else { name.clone() };
                    (name, self.mask_at(of, entry, depth))
                };
                Json::Object(entries.iter().enumerate().map(entry).collect())
            }
            (Ty::Named(name), _) => self.mask_named(name, value, depth),
            (Ty::Outcome(of), Json::Object(fields)) if fields.len() == 1 => {
                let masked = fields.iter().map(|(tag, given)| match tag.as_str() {
                    "Ok" => (tag.clone(), self.mask_at(of, given, depth)),
                    // What failed carries payloads of many errors, whose types are not known here.
                    _ => (tag.clone(), failed(given)),
                });
                Json::Object(masked.collect())
            }
            (scalar, _) if plain(scalar, value) => value.clone(),
            _ => HIDDEN.into(),
        }
    }

    fn mask_named(&self, name: &str, value: &Json, depth: u32) -> Json {
        match (self.types.get(name), value) {
            (Some(TypeDecl::Alias { of, .. }), _) => self.mask_at(of, value, depth),
            (Some(TypeDecl::Record { fields }), Json::Object(object)) => {
                let types = fields.iter().map(|(name, ty, _)| (name, ty));
                self.mask_fields(types, object, depth)
            }
            (Some(TypeDecl::Enum { variants }), Json::String(tag))
                if variants.iter().any(|variant| variant.name == *tag) =>
            {
                value.clone()
            }
            (Some(TypeDecl::Enum { variants }), Json::Object(object)) => {
                let declared = |tag: &String| variants.iter().find(|variant| variant.name == *tag);
                let masked = object.iter().map(|(tag, payload)| {
                    let types = declared(tag)?.fields.iter().map(|(name, ty)| (name, ty));
                    let fields = self.mask_fields(types, payload.as_object()?, depth);
                    Some((tag.clone(), fields))
                });
                masked.collect::<Option<Map<_, _>>>().map_or_else(|| HIDDEN.into(), Json::Object)
            }
            _ => HIDDEN.into(),
        }
    }

    fn mask_fields<'a>(
        &self,
        types: impl Iterator<Item = (&'a String, &'a Ty)>,
        object: &Map<String, Json>,
        depth: u32,
    ) -> Json {
        let types: std::collections::BTreeMap<_, _> = types.collect();
        let field = |(name, value): (&String, &Json)| {
            let masked =
                types.get(name).map_or_else(|| HIDDEN.into(), |ty| self.mask_at(ty, value, depth));
            (name.clone(), masked)
        };
        Json::Object(object.iter().map(field).collect())
    }

    /// Whether a scalar type carries a label.
    fn labelled(&self, ty: &Ty, depth: u32) -> bool {
        match ty {
            Ty::Pii(_) | Ty::Secret(_) => true,
            Ty::Optional(of) => self.labelled(of, depth),
            Ty::Named(name) if depth < DEPTH_MAX => match self.types.get(name) {
                Some(TypeDecl::Alias { of, .. }) => self.labelled(of, depth + 1),
                _ => false,
            },
            _ => false,
        }
    }
}

/// Whether a scalar without a label has the shape of its type.
fn plain(ty: &Ty, value: &Json) -> bool {
    match ty {
        Ty::Bool => value.is_boolean(),
        Ty::Int | Ty::Size => value.is_number(),
        Ty::Decimal => value.is_number() || value.is_string(),
        Ty::Text | Ty::Percent | Ty::Money(_) | Ty::Duration | Ty::Time | Ty::Date | Ty::Uuid => {
            value.is_string()
        }
        Ty::Blob => value.is_object(),
        Ty::Outcome(_) => value == "Unknown",
        _ => false,
    }
}

/// A failure keeps its name and kind, never its payload.
fn failed(value: &Json) -> Json {
    match value {
        Json::Object(fields) => {
            let keep = |(name, field): (&String, &Json)| {
                let plain = matches!(name.as_str(), "kind" | "name" | "step") && field.is_string();
                (name.clone(), if plain { field.clone() } else { HIDDEN.into() })
            };
            Json::Object(fields.iter().map(keep).collect())
        }
        _ => HIDDEN.into(),
    }
}
