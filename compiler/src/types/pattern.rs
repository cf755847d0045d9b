//! Patterns: what each means for its subject, and the types of the names in it.

use super::cx::{Cx, article};
use super::literal::{literal_json, literal_ty, matches, reads_as};
use super::table::{OutcomeCase, PatternFit};
use crate::diagnostic::Diagnostic;
use crate::hir::{EnumId, Field, Literal, LocalId, Name, PatternId, PatternKind, Ty, TyKind};
use crate::name::{any_of, suggest};
use crate::span::Span;

type Binders = [(Option<LocalId>, Span)];

impl Cx<'_> {
    /// Reads the patterns of one match against the type of its subject; whether all of them mean
    /// something for it.
    pub fn patterns(&mut self, subject: &Ty, patterns: &[PatternId]) -> bool {
        let before = self.findings.len();
        let program = self.program;
        let says_none = patterns
            .iter()
            .any(|id| matches!(program.patterns[*id].kind, PatternKind::Literal(Literal::None)));
        for id in patterns {
            let pattern = &program.patterns[*id];
            let fit = match &pattern.kind {
                PatternKind::Error | PatternKind::Any => PatternFit::Any,
                PatternKind::Literal(literal) => {
                    self.literal_pattern(subject, literal, pattern.span)
                }
                PatternKind::Bind(local) => {
                    let unwraps = says_none && subject.is_optional();
                    let ty = if unwraps { subject.present() } else { subject.clone() };
                    self.bind(*local, ty);
                    PatternFit::Bind { unwraps }
                }
                PatternKind::Variant { of, name, binders } => {
                    self.variant_pattern(subject, *of, name, binders)
                }
            };
            self.table.patterns.insert(*id, fit);
        }
        let known = |id: &PatternId| program.patterns[*id].kind != PatternKind::Error;
        self.findings.len() == before && patterns.iter().all(known)
    }

    fn literal_pattern(&mut self, subject: &Ty, literal: &Literal, span: Span) -> PatternFit {
        if subject.has_error() {
            return PatternFit::Any;
        }
        if *literal == Literal::None {
            if !subject.is_optional() {
                let shown = self.show(subject);
                self.report(
                    Diagnostic::error(
                        "F0102",
                        span,
                        format!("{} is never absent", article(&shown)),
                    )
                    .label(span, "can never fit"),
                );
                return PatternFit::Any;
            }
            return PatternFit::None;
        }
        let ty = literal_ty(literal);
        let present = subject.present();
        let plain = self.base(&present);
        let fits = match (&ty.kind, &plain.kind, literal) {
            (TyKind::Int, TyKind::Decimal, _) => true,
            (TyKind::Money(_), TyKind::Money(None), _) => true,
            (TyKind::Text, kind, Literal::Text(text)) if *kind != TyKind::Text => {
                reads_as(text, kind)
            }
            (a, b, _) => a == b,
        };
        if !fits {
            let (got, want) = (self.show(&ty), self.show(&present));
            let money = matches!((&ty.kind, &plain.kind), (TyKind::Money(_), TyKind::Money(_)));
            let code = if money { "F0112" } else { "F0102" };
            let headline = format!("{} never fits {}", article(&got), article(&want));
            self.report(
                Diagnostic::error(code, span, headline)
                    .label(span, format!("this is {}", article(&got))),
            );
            return PatternFit::Any;
        }
        if let (TyKind::Alias(id), Literal::Text(text)) = (&present.kind, literal)
            && !matches(&self.program.aliases[*id], text)
        {
            self.check_pattern(*id, text, span);
        }
        PatternFit::Literal(literal_json(literal))
    }

    fn variant_pattern(
        &mut self,
        subject: &Ty,
        of: Option<EnumId>,
        name: &Name,
        binders: &Binders,
    ) -> PatternFit {
        let program = self.program;
        let present = subject.present();
        match &present.kind {
            TyKind::Enum(id) if of.is_none_or(|of| of == *id) => {
                let decl = &program.enums[*id];
                let found = decl.variants.iter().position(|v| v.name.node == name.node);
                let Some(index) = found else {
                    self.bind_errors(binders);
                    if !decl.incomplete {
                        self.unknown_variant(
                            name,
                            &decl.name.name,
                            decl.variants.iter().map(|v| v.name.node.as_str()).collect(),
                        );
                    }
                    return PatternFit::Any;
                };
                let fields = &decl.variants[index].fields;
                self.bind_fields(name, fields, binders, present.label);
                match subject.is_optional() {
                    true => PatternFit::PresentVariant(*id, index as u32),
                    false => PatternFit::Variant(*id, index as u32),
                }
            }
            TyKind::Outcome(inner) if of.is_none() => {
                self.outcome_pattern(inner, name, binders, present.label)
            }
            _ => {
                self.bind_errors(binders);
                if !present.has_error() {
                    let shown = self.show(&present);
                    self.report(
                        Diagnostic::error(
                            "F0102",
                            name.span,
                            format!("`{}` is no case of {}", name.node, article(&shown)),
                        )
                        .label(name.span, "can never fit"),
                    );
                }
                PatternFit::Any
            }
        }
    }

    fn outcome_pattern(
        &mut self,
        inner: &Ty,
        name: &Name,
        binders: &Binders,
        label: crate::hir::Label,
    ) -> PatternFit {
        let (case, payload) = match name.node.as_str() {
            "Ok" => (OutcomeCase::Ok, vec![inner.clone().labelled(label)]),
            "Failed" => (OutcomeCase::Failed, vec![Ty::new(TyKind::Failure)]),
            "Unknown" => (OutcomeCase::Unknown, Vec::new()),
            _ => {
                self.bind_errors(binders);
                self.unknown_variant(name, "outcome", vec!["Ok", "Failed", "Unknown"]);
                return PatternFit::Any;
            }
        };
        self.bind_all(name, &payload, binders);
        PatternFit::Outcome(case)
    }

    /// Binds the payload of a variant, an error or an event.
    fn bind_fields(
        &mut self,
        name: &Name,
        fields: &[Field],
        binders: &Binders,
        label: crate::hir::Label,
    ) {
        let payload: Vec<Ty> =
            fields.iter().map(|field| field.ty.node.clone().labelled(label)).collect();
        self.bind_all(name, &payload, binders);
    }

    fn bind_all(&mut self, name: &Name, payload: &[Ty], binders: &Binders) {
        for (index, (local, _)) in binders.iter().enumerate() {
            if let Some(local) = local {
                self.bind(*local, payload.get(index).cloned().unwrap_or_else(Ty::error));
            }
        }
        if binders.len() <= payload.len() {
            return;
        }
        let span = binders.iter().fold(name.span, |span, (_, at)| span.to(*at));
        let count = |n: usize| if n == 1 { "one value".to_owned() } else { format!("{n} values") };
        self.report(
            Diagnostic::error(
                "F0120",
                span,
                format!(
                    "`{}` carries {}, and {} are named",
                    name.node,
                    count(payload.len()),
                    binders.len()
                ),
            )
            .label(span, format!("carries {}", count(payload.len())))
            .help("name at most those, with `_` for what is not needed"),
        );
    }

    fn bind_errors(&mut self, binders: &Binders) {
        for (local, _) in binders {
            if let Some(local) = local {
                self.bind(*local, Ty::error());
            }
        }
    }

    fn unknown_variant(&mut self, name: &Name, of: &str, known: Vec<&str>) {
        let near = suggest(&name.node, known.iter().copied());
        let mut finding =
            Diagnostic::error("F0101", name.span, format!("`{of}` has no `{}`", name.node))
                .label(name.span, "not known");
        if let [only] = near.as_slice() {
            finding = finding.fix(format!("write `{only}`"), name.span, (*only).to_owned());
        }
        let help = match near.is_empty() {
            true => format!("its cases are {}", any_of(&known)),
            false => format!("did you mean {}?", any_of(&near)),
        };
        self.report(finding.help(help));
    }
}
