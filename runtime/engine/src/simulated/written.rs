//! Values as a `.flow` file writes them, read by the type that is wanted.
//!
//! Promises: what is read has the shape of the type's JSON; whether it fits the type is for the
//! schema to say. The compiler is not here, so this knows literals, lists, records and variants, and
//! no expressions.

use sagaflow_core::codegen::{Json, Schema, Ty, TypeDecl};

/// Bound: values inside values.
const DEPTH_MAX: u32 = 32;

/// Bytes of a unit of size.
const UNITS: [(&str, u64); 3] = [("KB", 1_000), ("MB", 1_000_000), ("GB", 1_000_000_000)];

/// Reads the arguments `"no funds", code: 3` for these fields: positional ones first, then named.
/// A field without an argument is not among them.
///
/// # Errors
/// In words, what is not understood.
pub(super) fn arguments(
    schema: &Schema,
    fields: &[(String, Ty)],
    text: &str,
) -> Result<Vec<(String, Json)>, String> {
    let mut reader = Reader { schema, rest: text, depth: 0 };
    let values = reader.arguments(fields)?;
    match reader.rest {
        "" => Ok(values),
        rest => Err(format!("`{rest}` is too much")),
    }
}

struct Reader<'a> {
    schema: &'a Schema,
    rest: &'a str,
    depth: u32,
}

impl<'a> Reader<'a> {
    fn skip(&mut self) {
        self.rest = self.rest.trim_start();
    }

    /// Takes `token` if it is next.
    fn took(&mut self, token: char) -> bool {
        self.skip();
        match self.rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// Takes characters while they are of a kind.
    fn while_some(&mut self, kind: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(|char| !kind(char)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        taken
    }

    /// Up to the closing parenthesis or the end.
    fn arguments(&mut self, fields: &[(String, Ty)]) -> Result<Vec<(String, Json)>, String> {
        let mut values: Vec<(String, Json)> = Vec::new();
        self.skip();
        while !(self.rest.is_empty() || self.rest.starts_with(')')) {
            let field = match self.name_before_colon() {
                Some(name) => fields.iter().find(|(field, _)| field == name).ok_or_else(|| {
                    let known: Vec<_> =
                        fields.iter().map(|(field, _)| format!("`{field}`")).collect();
                    format!("there is no field `{name}`; it has {}", known.join(", "))
                })?,
                None => fields.get(values.len()).ok_or_else(|| match fields.len() {
                    0 => "it carries nothing".to_owned(),
                    1 => "it has one field".to_owned(),
                    n => format!("it has {n} fields"),
                })?,
            };
            if values.iter().any(|(name, _)| *name == field.0) {
                return Err(format!("`{}` is given twice", field.0));
            }
            let value = self.value(&field.1).map_err(|cause| format!("{}: {cause}", field.0))?;
            values.push((field.0.clone(), value));
            if !self.took(',') {
                break;
            }
            self.skip();
        }
        self.skip();
        Ok(values)
    }

    fn name_before_colon(&mut self) -> Option<&'a str> {
        let before = self.rest;
        let name = self.while_some(is_name);
        if !name.is_empty() && self.took(':') {
            return Some(name);
        }
        self.rest = before;
        None
    }

    fn value(&mut self, ty: &Ty) -> Result<Json, String> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(format!("it is nested more than {DEPTH_MAX} deep"));
        }
        self.skip();
        let ty = self.bare(ty);
        let value = match self.rest.chars().next() {
            Some('"') => self.text(),
            Some('[') => self.list(&ty),
            Some('-' | '0'..='9') => self.number(),
            Some(first) if is_name(first) => self.named(&ty),
            _ => Err(format!("a value is missing: {} is wanted", self.schema.describe(&ty))),
        };
        self.depth -= 1;
        value
    }

    /// The type without what a value of it does not show.
    fn bare(&self, ty: &Ty) -> Ty {
        match ty {
            Ty::Optional(of) | Ty::Pii(of) | Ty::Secret(of) => self.bare(of),
            Ty::Named(name) => match self.schema.types.get(name) {
                Some(TypeDecl::Alias { of, pattern: None }) => self.bare(of),
                _ => ty.clone(),
            },
            plain => plain.clone(),
        }
    }

    fn text(&mut self) -> Result<Json, String> {
        let mut text = String::new();
        let mut chars = self.rest.char_indices().skip(1);
        while let Some((at, char)) = chars.next() {
            match char {
                '"' => {
                    self.rest = &self.rest[at + 1..];
                    return Ok(text.into());
                }
                '{' => return Err("a text here holds no `{…}`; write `\\{`".to_owned()),
                '\\' => match chars.next() {
                    Some((_, 'n')) => text.push('\n'),
                    Some((_, 't')) => text.push('\t'),
                    Some((_, 'r')) => text.push('\r'),
                    Some((_, plain @ ('"' | '\\' | '{' | '}'))) => text.push(plain),
                    Some((_, other)) => return Err(format!("`\\{other}` is no escape in a text")),
                    None => break,
                },
                plain => text.push(plain),
            }
        }
        Err("a text does not end: `\"` is missing".to_owned())
    }

    fn list(&mut self, ty: &Ty) -> Result<Json, String> {
        let Ty::List(of) = ty else { return Err(self.wanted(ty)) };
        self.took('[');
        let mut items = Vec::new();
        while !self.took(']') {
            items.push(self.value(of)?);
            if !self.took(',') && !self.rest.starts_with(']') {
                return Err("a list does not end: `]` is missing".to_owned());
            }
        }
        Ok(items.into())
    }

    /// A number, with what makes it money, a percentage, a duration or a size.
    fn number(&mut self) -> Result<Json, String> {
        let sign = if self.took('-') { "-" } else { "" };
        let digits = self.while_some(|char| char.is_ascii_digit() || matches!(char, '_' | '.'));
        let digits = format!("{sign}{}", digits.replace('_', ""));
        let unit = self.while_some(|char| char.is_ascii_alphanumeric() || char == '%');
        if unit.is_empty() {
            let after = self.rest.strip_prefix(' ').unwrap_or_default();
            let code = after.get(..3).filter(|code| code.bytes().all(|b| b.is_ascii_uppercase()));
            if let Some(code) = code {
                self.rest = &after[3..];
                return Ok(format!("{digits} {code}").into());
            }
            // A decimal is a text at the boundary, so that no digit is lost.
            let whole = digits.parse::<i64>().ok();
            return Ok(whole.map_or_else(|| digits.into(), Json::from));
        }
        let bytes = UNITS.iter().find(|(name, _)| *name == unit).and_then(|(_, bytes)| {
            let count: u64 = digits.parse().ok()?;
            count.checked_mul(*bytes)
        });
        Ok(bytes.map_or_else(|| format!("{digits}{unit}").into(), Json::from))
    }

    /// `true`, `none`, `Level.High`, `Verdict.No(code: 1)`, `Address(name: "Ann")`.
    fn named(&mut self, ty: &Ty) -> Result<Json, String> {
        let name = self.while_some(|char| is_name(char) || char == '.');
        match name {
            "true" => return Ok(true.into()),
            "false" => return Ok(false.into()),
            "none" => return Ok(Json::Null),
            _ => {}
        }
        let declared = match ty {
            Ty::Named(named) => self.schema.types.get(named).map(|decl| (named, decl)),
            _ => None,
        };
        let last = |name: &'a str| name.rsplit_once('.').map_or(("", name), |parts| parts);
        match declared {
            Some((full, TypeDecl::Record { fields })) if is_of(full, name) => {
                let fields: Vec<_> =
                    fields.iter().map(|(name, ty, _)| (name.clone(), ty.clone())).collect();
                let values = self.parenthesis(&fields)?;
                Ok(values.into_iter().collect())
            }
            Some((full, TypeDecl::Enum { variants })) if is_of(full, last(name).0) => {
                let variant = variants.iter().find(|variant| variant.name == last(name).1);
                let Some(variant) = variant else { return Err(self.wanted(ty)) };
                if variant.fields.is_empty() {
                    return Ok(variant.name.clone().into());
                }
                let values: Json = self.parenthesis(&variant.fields)?.into_iter().collect();
                Ok(serde_json::json!({ &variant.name: values }))
            }
            _ => Err(format!("`{name}` is no value here: {} is wanted", self.schema.describe(ty))),
        }
    }

    fn parenthesis(&mut self, fields: &[(String, Ty)]) -> Result<Vec<(String, Json)>, String> {
        if !self.took('(') {
            return Ok(Vec::new());
        }
        let values = self.arguments(fields)?;
        if !self.took(')') {
            return Err("`)` is missing".to_owned());
        }
        Ok(values)
    }

    fn wanted(&self, ty: &Ty) -> String {
        format!("{} is wanted", self.schema.describe(ty))
    }
}

fn is_name(char: char) -> bool {
    char.is_ascii_alphanumeric() || char == '_'
}

/// Whether `written` is the qualified name or its last part; a variant may stand without its type.
fn is_of(full: &str, written: &str) -> bool {
    written.is_empty() || full == written || full.rsplit('.').next() == Some(written)
}
