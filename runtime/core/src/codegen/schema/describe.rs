//! Types in words, for messages: "a list of money in EUR, such as `\"12.00 EUR\"`".

use super::{Schema, Ty, TypeDecl};
use crate::value;

/// Bound: types named inside a type, so that a type that contains itself has a description.
const DEPTH_MAX: u32 = 4;

/// Bound: variants of an enum that a message lists.
const VARIANTS_MAX: usize = 12;

impl Schema {
    /// The type in words, with an example where its form is not obvious.
    #[must_use]
    pub fn describe(&self, ty: &Ty) -> String {
        self.describe_at(ty, 0)
    }

    fn describe_at(&self, ty: &Ty, depth: u32) -> String {
        let inner = |of: &Ty| self.describe_at(of, depth + 1);
        match ty {
            Ty::Text => "text".to_owned(),
            Ty::Bool => "`true` or `false`".to_owned(),
            Ty::Int => "a whole number".to_owned(),
            Ty::Decimal => "a decimal such as `\"12.5\"`".to_owned(),
            Ty::Percent => "a percentage such as `\"80%\"`".to_owned(),
            Ty::Money(None) => "money such as `\"12.00 EUR\"`".to_owned(),
            Ty::Money(Some(code)) => format!("money in {code} such as `\"{}\"`", example(code)),
            Ty::Duration => "a duration such as `\"1m30s\"`".to_owned(),
            Ty::Time => "a time such as `\"2026-01-31T12:00:00Z\"`".to_owned(),
            Ty::Date => "a date such as `\"2026-01-31\"`".to_owned(),
            Ty::Uuid => "a UUID".to_owned(),
            Ty::Size => "a size in whole bytes".to_owned(),
            Ty::Blob => "a blob such as `{\"blob\": sha256, \"size\": 12}`".to_owned(),
            Ty::Unit => "nothing".to_owned(),
            Ty::Named(name) if depth >= DEPTH_MAX => format!("`{}`", short(name)),
            _ if depth >= DEPTH_MAX => "a value".to_owned(),
            Ty::List(of) => format!("a list of {}", inner(of)),
            Ty::Map(key, of) => format!("an object from {} to {}", inner(key), inner(of)),
            Ty::Optional(of) => format!("{}, or nothing", inner(of)),
            Ty::Outcome(of) => {
                format!("`{{\"Ok\": …}}` with {}, `{{\"Failed\": …}}` or `\"Unknown\"`", inner(of))
            }
            Ty::Pii(of) | Ty::Secret(of) => inner(of),
            Ty::Named(name) => self.describe_named(name, depth),
        }
    }

    fn describe_named(&self, name: &str, depth: u32) -> String {
        let short = short(name);
        match self.types.get(name) {
            Some(TypeDecl::Alias { of, pattern: Some(pattern) }) => {
                format!("`{short}`: {} matching `{pattern}`", self.describe_at(of, depth + 1))
            }
            Some(TypeDecl::Alias { of, pattern: None }) => {
                format!("`{short}`: {}", self.describe_at(of, depth + 1))
            }
            Some(TypeDecl::Record { .. }) => format!("an object of type `{short}`"),
            Some(TypeDecl::Enum { variants }) => {
                let mut names: Vec<String> = variants
                    .iter()
                    .take(VARIANTS_MAX)
                    .map(|variant| match variant.fields.is_empty() {
                        true => format!("`\"{}\"`", variant.name),
                        false => format!("`{{\"{}\": {{…}}}}`", variant.name),
                    })
                    .collect();
                if variants.len() > VARIANTS_MAX {
                    names.push("…".to_owned());
                }
                match names.as_slice() {
                    [only] => only.clone(),
                    _ => format!("one of {}", names.join(", ")),
                }
            }
            None => format!("a `{short}`, a type that this version does not declare"),
        }
    }
}

fn short(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}

fn example(code: &str) -> String {
    let currency = value::Currency::new(code);
    let money = currency.and_then(|currency| value::Money::exact(12.into(), currency));
    money.map_or_else(|| format!("12.00 {code}"), value::print_money)
}
