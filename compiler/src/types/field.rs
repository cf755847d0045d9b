//! What is written beside a field, a type or an event: defaults, patterns, keys.

use super::cx::{Cx, article};
use super::literal::{literal_ty, matches, reads_as};
use crate::diagnostic::Diagnostic;
use crate::hir::{Field, Literal, TyKind};
use crate::name::{any_of, suggest};
use crate::span::Spanned;

impl Cx<'_> {
    pub(super) fn pattern_of(&mut self, alias: &crate::hir::Alias) {
        let Some(pattern) = &alias.matching else { return };
        let name = &alias.name.name;
        if self.base(&alias.of.node).kind != TyKind::Text && !alias.of.node.has_error() {
            let shown = self.show(&alias.of.node);
            self.report(
                Diagnostic::error("F0102", pattern.span, "only a text matches a pattern")
                    .label(alias.of.span, format!("`{name}` is {}", article(&shown))),
            );
        } else if regex_lite::Regex::new(&pattern.node).is_err() {
            self.report(
                Diagnostic::error("F0102", pattern.span, "this pattern cannot be read")
                    .label(pattern.span, "no regular expression")
                    .help("write literals, classes, groups, alternatives and counts"),
            );
        }
    }

    /// Literals as defaults of fields.
    pub(super) fn defaults(&mut self, fields: &[Field]) {
        for field in fields {
            if let Some(default) = &field.default {
                self.default(field, default);
            }
        }
    }

    fn default(&mut self, field: &Field, default: &Spanned<Literal>) {
        let want = &field.ty.node;
        let got = literal_ty(&default.node);
        let plain = self.base(&want.present());
        let fits = match (&got.kind, &plain.kind, &default.node) {
            (TyKind::None, _, _) => want.is_optional(),
            (TyKind::Int, TyKind::Decimal, _) => true,
            (TyKind::Money(_), TyKind::Money(None), _) => true,
            (TyKind::Text, kind, Literal::Text(text)) if *kind != TyKind::Text => {
                reads_as(text, kind)
            }
            (a, b, _) => a == b,
        };
        if want.has_error() {
            return;
        }
        self.check_amount(&default.node, default.span);
        if !fits {
            let (got, want) = (self.show(&got), self.show(want));
            self.report(
                Diagnostic::error(
                    "F0102",
                    default.span,
                    format!("the default is {}, but {} is wanted", article(&got), article(&want)),
                )
                .label(field.ty.span, format!("`{}` is declared here", field.name.node))
                .label(default.span, format!("this is {}", article(&got))),
            );
            return;
        }
        if let (TyKind::Alias(alias), Literal::Text(text)) = (&want.present().kind, &default.node)
            && !matches(&self.program.aliases[*alias], text)
        {
            self.check_pattern(*alias, text, default.span);
        }
    }

    /// F0708: the key of an event is part of its payload.
    pub(super) fn event_key_path(&mut self, event: &crate::hir::Event) {
        let program = self.program;
        let (mut fields, mut open) = (Some(event.fields.as_slice()), event.incomplete);
        let mut holder = event.name.name.clone();
        for part in &event.key {
            let found = fields.and_then(|all| all.iter().find(|f| f.name.node == part.node));
            let Some(field) = found else {
                if !open {
                    self.no_such_key(part, &holder, fields.unwrap_or_default());
                }
                return;
            };
            holder = part.node.clone();
            (fields, open) = match field.ty.node.kind {
                TyKind::Record(id) => {
                    (Some(program.records[id].fields.as_slice()), program.records[id].incomplete)
                }
                TyKind::Error => (None, true),
                _ => (None, false),
            };
        }
    }

    fn no_such_key(&mut self, part: &crate::hir::Name, holder: &str, fields: &[Field]) {
        let known: Vec<&str> = fields.iter().map(|field| field.name.node.as_str()).collect();
        let near = suggest(&part.node, known.iter().copied());
        let help = match (near.is_empty(), known.is_empty()) {
            (false, _) => format!("did you mean {}?", any_of(&near)),
            (true, false) => format!("its fields are {}", any_of(&known).replace(" or ", " and ")),
            (true, true) => format!("`{holder}` has no fields"),
        };
        self.report(
            Diagnostic::error(
                "F0708",
                part.span,
                format!("the key `{}` is not part of `{holder}`", part.node),
            )
            .label(part.span, "not in the payload")
            .help(help),
        );
    }
}
