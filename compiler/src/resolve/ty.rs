//! Written types.

use super::{Def, Resolver, module};
use crate::diagnostic::Diagnostic;
use crate::hir::{Label, Ty, TyKind, TyRef};
use crate::name::suggest;
use crate::span::Spanned;
use crate::syntax::ast;

/// The types that need no declaration, by the word for them.
const PLAIN: [(&str, TyKind); 12] = [
    ("text", TyKind::Text),
    ("bool", TyKind::Bool),
    ("int", TyKind::Int),
    ("decimal", TyKind::Decimal),
    ("percent", TyKind::Percent),
    ("money", TyKind::Money(None)),
    ("duration", TyKind::Duration),
    ("time", TyKind::Time),
    ("date", TyKind::Date),
    ("uuid", TyKind::Uuid),
    ("size", TyKind::Size),
    ("blob", TyKind::Blob),
];

impl Resolver<'_> {
    /// A written type; what is unknown in it is reported and becomes an error type.
    pub(super) fn ty(&mut self, module: usize, written: &ast::Ty) -> TyRef {
        let kind = match &written.base {
            ast::TyBase::Name { module: None, name } => self.named_ty(module, name),
            ast::TyBase::Name { module: Some(prefix), name } => self.ty_of(module, prefix, name),
            ast::TyBase::Generic { head, args } => self.generic(module, head, args),
        };
        let mut ty = Ty::new(kind);
        if written.optional {
            ty = ty.optional();
        }
        let label = written.label.as_ref().map_or(Label::Open, |label| match label.node {
            ast::TyLabel::Pii => Label::Pii,
            ast::TyLabel::Secret => Label::Secret,
        });
        Spanned { node: ty.labelled(label), span: written.span }
    }

    fn named_ty(&mut self, module: usize, name: &ast::Name) -> TyKind {
        let plain = PLAIN.iter().find(|(word, _)| *word == name.text);
        if let Some((_, kind)) = plain {
            return kind.clone();
        }
        match self.look_up(module, &name.text).map(declared) {
            Some(Some(kind)) => kind,
            Some(None) => {
                self.unknown(module, name, "a type", &module::is_type);
                TyKind::Error
            }
            None => {
                self.unknown_type(module, name);
                TyKind::Error
            }
        }
    }

    fn unknown_type(&mut self, module: usize, name: &ast::Name) {
        let message = match name.text.as_str() {
            "float" | "double" | "number" => Some("`decimal` is exact; there is no float"),
            "string" | "str" | "String" => Some("texts are of type `text`"),
            "boolean" => Some("truth values are of type `bool`"),
            "integer" | "long" | "i64" => Some("whole numbers are of type `int`"),
            "datetime" | "timestamp" | "instant" => Some("instants are of type `time`"),
            "bytes" | "binary" => Some("large payloads are of type `blob`"),
            _ => None,
        };
        if let Some(help) = message {
            let text = format!("there is no type called `{}`", name.text);
            let found =
                Diagnostic::error("F0101", name.span, text).label(name.span, "not known here");
            self.report(found.help(help));
            return;
        }
        let near = suggest(&name.text, PLAIN.iter().map(|(word, _)| *word));
        match near.first() {
            Some(word) if name.text.starts_with(char::is_lowercase) => {
                let text = format!("there is no type called `{}`", name.text);
                self.report(super::unknown_name(text, name.span, &[(*word).to_owned()], None));
            }
            _ => self.unknown(module, name, "a type", &module::is_type),
        }
    }

    /// `types.Order`: of a module this one may use.
    fn ty_of(&mut self, module: usize, prefix: &ast::Name, name: &ast::Name) -> TyKind {
        let Some(found) = module::by_prefix(self, &prefix.text) else {
            let known: Vec<String> = self
                .modules
                .iter()
                .filter_map(|m| m.name.rsplit('.').next().map(str::to_owned))
                .collect();
            let near = suggest(&prefix.text, known.iter().map(String::as_str));
            let near: Vec<String> = near.into_iter().map(str::to_owned).collect();
            if !self.modules[module].opaque {
                let text = format!("there is no module called `{}`", prefix.text);
                self.report(super::unknown_name(text, prefix.span, &near, None));
            }
            return TyKind::Error;
        };
        if let Some(kind) = found.own.get(&name.text).and_then(|entry| declared(entry.def)) {
            return kind;
        }
        let near = suggest(&name.text, found.own.keys().map(smol_str::SmolStr::as_str));
        let near: Vec<String> = near.into_iter().map(str::to_owned).collect();
        let text = format!("`{}` declares no type `{}`", found.name, name.text);
        if !found.opaque {
            self.report(super::unknown_name(text, name.span, &near, None));
        }
        TyKind::Error
    }

    fn generic(&mut self, module: usize, head: &ast::Name, args: &[ast::Ty]) -> TyKind {
        if head.text == "money" {
            return self.money(args);
        }
        let of: Vec<TyRef> = args.iter().map(|arg| self.ty(module, arg)).collect();
        if let ("map", [key, _]) = (head.text.as_str(), of.as_slice()) {
            self.program.map_keys.push(key.clone());
        }
        let mut of: Vec<Ty> = of.into_iter().map(|ty| ty.node).collect();
        let wanted = if head.text == "map" { 2 } else { 1 };
        if of.len() != wanted {
            let noun = if wanted == 1 { "one type" } else { "two types" };
            let text = format!("`{}` takes {noun}, and here are {}", head.text, of.len());
            let example = match head.text.as_str() {
                "map" => "map<text, int>".to_owned(),
                other => format!("{other}<text>"),
            };
            let found = Diagnostic::error("F0120", head.span, text)
                .label(head.span, format!("for example `{example}`"));
            self.report(found);
            return TyKind::Error;
        }
        let last = of.pop().unwrap_or_else(Ty::error);
        match (head.text.as_str(), of.pop()) {
            ("list", None) => TyKind::List(Box::new(last)),
            ("outcome", None) => TyKind::Outcome(Box::new(last)),
            ("batch", None) => TyKind::Batch(Box::new(last)),
            ("map", Some(key)) => TyKind::Map(Box::new(key), Box::new(last)),
            _ => TyKind::Error,
        }
    }

    /// `money<EUR>`: the argument is a currency, not a type.
    fn money(&mut self, args: &[ast::Ty]) -> TyKind {
        let currency = match args {
            [ast::Ty { base: ast::TyBase::Name { module: None, name }, .. }] => Some(name),
            _ => None,
        };
        let capitals = |s: &str| s.len() == 3 && s.bytes().all(|b| b.is_ascii_uppercase());
        match currency {
            Some(name) if capitals(&name.text) => TyKind::Money(Some(name.text.clone())),
            _ => {
                if let Some(span) = args.first().map(|arg| arg.span) {
                    let text = "a currency is three capital letters, as in `money<EUR>`";
                    let found =
                        Diagnostic::error("F0101", span, text).label(span, "not a currency");
                    self.report(found);
                }
                TyKind::Error
            }
        }
    }
}

fn declared(def: Def) -> Option<TyKind> {
    match def {
        Def::Alias(id) => Some(TyKind::Alias(id)),
        Def::Record(id) => Some(TyKind::Record(id)),
        Def::Enum(id) => Some(TyKind::Enum(id)),
        Def::Event(id) => Some(TyKind::Event(id)),
        Def::Broken => Some(TyKind::Error),
        _ => None,
    }
}
