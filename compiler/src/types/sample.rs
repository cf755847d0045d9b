//! Sample data: whether a file is there, and fits the type the context asks for.

use super::cx::{Cx, article};
use super::literal::{matches, reads_as};
use crate::diagnostic::Diagnostic;
use crate::hir::{Field, Ty, TyKind};
use crate::name::{any_of, suggest};
use crate::span::Span;
use serde_json::Value;
use smol_str::SmolStr;

impl Cx<'_> {
    /// Checks a sample against one type.
    pub(super) fn check_sample(&mut self, span: Span, name: &str, ty: &Ty) {
        let Some((path, json)) = self.sample_json(span, name) else { return };
        if let Err(misfit) = self.fits_json(&json, ty, "") {
            self.misfit(span, &path, &misfit);
        }
    }

    /// Checks a sample that stands for all of several parameters.
    pub(super) fn check_spread(&mut self, span: Span, name: &str, params: &[Field]) {
        let Some((path, json)) = self.sample_json(span, name) else { return };
        if let Err(misfit) = self.fits_fields(&json, params, "") {
            self.misfit(span, &path, &misfit);
        }
    }

    fn misfit(&mut self, span: Span, path: &str, misfit: &str) {
        self.report(
            Diagnostic::error("F0102", span, format!("`{path}` does not fit: {misfit}"))
                .label(span, "read from there"),
        );
    }

    /// The text of a sample, read; reported where there is none.
    fn sample_json(&mut self, span: Span, name: &str) -> Option<(String, Value)> {
        let program = self.program;
        let module = self.place.module.clone();
        let Some(sample) = program.samples.get(&(module.clone(), SmolStr::new(name))) else {
            let known = program.samples.keys().filter(|(of, _)| *of == module);
            let known: Vec<&str> = known.map(|(_, name)| name.as_str()).collect();
            if known.is_empty() {
                // No sample data came along at all, as in an editor: nobody knows whether it exists.
                return None;
            }
            let near = suggest(name, known.iter().copied());
            let help = match near.is_empty() {
                true => format!("it is read from `samples/{name}.json` beside the module"),
                false => format!("did you mean {}?", any_of(&near)),
            };
            self.report(
                Diagnostic::error("F0101", span, format!("there is no sample `{name}`"))
                    .label(span, "no such file")
                    .help(help),
            );
            return None;
        };
        match serde_json::from_str(&sample.text) {
            Ok(json) => Some((sample.path.clone(), json)),
            Err(error) => {
                self.report(
                    Diagnostic::error("F0102", span, format!("`{}` is no JSON", sample.path))
                        .label(span, format!("line {}, column {}", error.line(), error.column())),
                );
                None
            }
        }
    }

    /// Whether boundary JSON has a type; else where and why not.
    fn fits_json(&self, json: &Value, ty: &Ty, at: &str) -> Result<(), String> {
        let wanted = || {
            let shown = article(&self.show(ty));
            match at.is_empty() {
                true => format!("{shown} is wanted"),
                false => format!("at `{at}` {shown} is wanted"),
            }
        };
        let when = |fits: bool| if fits { Ok(()) } else { Err(wanted()) };
        match &ty.kind {
            TyKind::Optional(inner) => match json.is_null() {
                true => Ok(()),
                false => self.fits_json(json, inner, at),
            },
            TyKind::List(item) | TyKind::Batch(item) => {
                let items = json.as_array().ok_or_else(wanted)?;
                items.iter().enumerate().try_for_each(|(index, value)| {
                    self.fits_json(value, item, &format!("{at}[{index}]"))
                })
            }
            TyKind::Map(_, value) => {
                let entries = json.as_object().ok_or_else(wanted)?;
                entries
                    .iter()
                    .try_for_each(|(key, json)| self.fits_json(json, value, &join(at, key)))
            }
            TyKind::Record(id) => self.fits_fields(json, &self.program.records[*id].fields, at),
            TyKind::Event(id) => self.fits_fields(json, &self.program.events[*id].fields, at),
            TyKind::Enum(id) => self.fits_enum(json, *id, at).ok_or_else(wanted)?,
            TyKind::Alias(id) => {
                let alias = &self.program.aliases[*id];
                self.fits_json(json, &alias.of.node, at)?;
                when(json.as_str().is_none_or(|text| matches(alias, text)))
            }
            kind => when(plain_fits(json, kind)),
        }
    }

    fn fits_fields(&self, json: &Value, fields: &[Field], at: &str) -> Result<(), String> {
        let object = json.as_object().ok_or_else(|| match at.is_empty() {
            true => "an object is wanted".to_owned(),
            false => format!("at `{at}` an object is wanted"),
        })?;
        fields.iter().try_for_each(|field| {
            let name = &field.name.node;
            match object.get(name.as_str()) {
                Some(value) => self.fits_json(value, &field.ty.node, &join(at, name)),
                None if field.default.is_some() || field.ty.node.is_optional() => Ok(()),
                None => Err(format!("`{}` is missing", join(at, name))),
            }
        })
    }

    fn fits_enum(
        &self,
        json: &Value,
        id: crate::hir::EnumId,
        at: &str,
    ) -> Option<Result<(), String>> {
        let variants = &self.program.enums[id].variants;
        let find = |tag: &str| variants.iter().find(|variant| variant.name.node == tag);
        match json {
            Value::String(tag) => find(tag)?.fields.is_empty().then_some(Ok(())),
            Value::Object(object) => {
                let (tag, payload) = object.iter().next().filter(|_| object.len() == 1)?;
                Some(self.fits_fields(payload, &find(tag)?.fields, &join(at, tag)))
            }
            _ => None,
        }
    }
}

fn join(at: &str, name: &str) -> String {
    if at.is_empty() { name.to_owned() } else { format!("{at}.{name}") }
}

fn plain_fits(json: &Value, kind: &TyKind) -> bool {
    let text = json.as_str();
    let number = |text: &str| text.parse::<rust_decimal::Decimal>().is_ok();
    match kind {
        TyKind::Text => text.is_some(),
        TyKind::Bool => json.is_boolean(),
        TyKind::Int => json.is_i64(),
        TyKind::Size => json.is_u64(),
        TyKind::Decimal => json.is_number() || text.is_some_and(number),
        TyKind::Percent => text.and_then(|t| t.strip_suffix('%')).is_some_and(number),
        TyKind::Money(currency) => {
            text.and_then(|text| text.split_once(' ')).is_some_and(|(amount, code)| {
                number(amount) && currency.as_deref().is_none_or(|known| known == code)
            })
        }
        TyKind::Duration => text.is_some(),
        TyKind::Time | TyKind::Date | TyKind::Uuid => text.is_some_and(|text| reads_as(text, kind)),
        _ => true,
    }
}
