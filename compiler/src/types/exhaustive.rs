//! Whether the arms of a match cover everything (F0105), and which of them nothing reaches (F0106).
//!
//! Patterns do not nest, so a subject is a set of cases and a pattern a part of it.

use super::cx::Cx;
use super::table::{OutcomeCase, PatternFit};
use crate::diagnostic::Diagnostic;
use crate::hir::{EnumId, ExprId, PatternId, Ty, TyKind};
use crate::span::Span;
use std::collections::BTreeSet;

/// One way a value can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Case {
    None,
    Variant(EnumId, u32),
    Bool(bool),
    Ok,
    Failed,
    Unknown,
    /// Any of too many to list.
    Rest,
}

impl Cx<'_> {
    /// Checks the arms of one match, after its patterns were read and all fit.
    pub fn exhaustive(&mut self, span: Span, subject: ExprId, ty: &Ty, patterns: &[PatternId]) {
        if ty.has_error() {
            return;
        }
        let all = self.cases(ty);
        let mut left: BTreeSet<Case> = all.iter().copied().collect();
        let mut literals: Vec<serde_json::Value> = Vec::new();
        let says_none =
            patterns.iter().any(|id| self.table.patterns.get(id) == Some(&PatternFit::None));
        for id in patterns {
            let pattern = &self.program.patterns[*id];
            let Some(fit) = self.table.patterns.get(id).cloned() else { continue };
            let (covers, reached) = match &fit {
                PatternFit::Literal(value) if all.contains(&Case::Rest) => {
                    let fresh = left.contains(&Case::Rest) && !literals.contains(value);
                    literals.push(value.clone());
                    (Vec::new(), fresh)
                }
                fit => {
                    let covers = covered(fit, &all, says_none);
                    let reached = covers.iter().any(|case| left.contains(case));
                    (covers, reached)
                }
            };
            if !reached {
                self.report(
                    Diagnostic::warning("F0106", pattern.span, "nothing reaches this arm")
                        .label(pattern.span, "every value it fits was taken above")
                        .help("remove it, or put it before the arm that takes its values"),
                );
            }
            for case in covers {
                left.remove(&case);
            }
        }
        if !left.is_empty() && !self.is_open(ty) {
            self.missing(span, subject, &left);
        }
    }

    fn cases(&self, ty: &Ty) -> Vec<Case> {
        match &ty.kind {
            TyKind::Optional(inner) => {
                let mut cases = vec![Case::None];
                cases.extend(self.cases(inner));
                cases
            }
            TyKind::None => vec![Case::None],
            TyKind::Enum(id) => {
                let count = self.program.enums[*id].variants.len();
                (0..count).map(|index| Case::Variant(*id, index as u32)).collect()
            }
            TyKind::Bool => vec![Case::Bool(true), Case::Bool(false)],
            TyKind::Outcome(_) => vec![Case::Ok, Case::Failed, Case::Unknown],
            _ => vec![Case::Rest],
        }
    }

    /// Part of the enum's text was skipped, so that what seems to be missing cannot be told.
    fn is_open(&self, ty: &Ty) -> bool {
        matches!(ty.present().kind, TyKind::Enum(id) if self.program.enums[id].incomplete)
    }

    fn missing(&mut self, span: Span, subject: ExprId, left: &BTreeSet<Case>) {
        let names: Vec<String> = left.iter().map(|case| self.case_name(*case)).collect();
        let rest = left.contains(&Case::Rest);
        let shown: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
        let headline = match rest && names.len() == 1 {
            true => "the arms do not cover every value".to_owned(),
            false => format!("the arms do not cover {}", shown.join(", ")),
        };
        let help = match names.first() {
            Some(first) if !rest => {
                format!("add an arm, for example `{first} => …`, or `_ => …` for the rest")
            }
            _ => "add `_ => …` for the rest".to_owned(),
        };
        let at = self.span(subject);
        let ty = self.show(&self.table.ty(subject));
        self.report(
            Diagnostic::error("F0105", span, headline)
                .label(at, format!("this is `{ty}`, and {} is not covered", shown.join(", ")))
                .help(help),
        );
    }

    fn case_name(&self, case: Case) -> String {
        match case {
            Case::None => "none".to_owned(),
            Case::Variant(of, index) => {
                let variant = self.program.enums[of].variants.get(index as usize);
                let Some(variant) = variant else { return "_".to_owned() };
                let binders: Vec<&str> =
                    variant.fields.iter().map(|field| field.name.node.as_str()).collect();
                match binders.is_empty() {
                    true => variant.name.node.to_string(),
                    false => format!("{}({})", variant.name.node, binders.join(", ")),
                }
            }
            Case::Bool(value) => value.to_string(),
            Case::Ok => "Ok(value)".to_owned(),
            Case::Failed => "Failed(failure)".to_owned(),
            Case::Unknown => "Unknown".to_owned(),
            Case::Rest => "_".to_owned(),
        }
    }
}

fn covered(fit: &PatternFit, all: &[Case], says_none: bool) -> Vec<Case> {
    match fit {
        PatternFit::Any => all.to_vec(),
        PatternFit::Bind { .. } => {
            // `none` is left to the arm that says so, wherever that stands.
            all.iter().copied().filter(|case| !(says_none && *case == Case::None)).collect()
        }
        PatternFit::None => vec![Case::None],
        PatternFit::Variant(of, index) | PatternFit::PresentVariant(of, index) => {
            vec![Case::Variant(*of, *index)]
        }
        PatternFit::Outcome(OutcomeCase::Ok) => vec![Case::Ok],
        PatternFit::Outcome(OutcomeCase::Failed) => vec![Case::Failed],
        PatternFit::Outcome(OutcomeCase::Unknown) => vec![Case::Unknown],
        PatternFit::Literal(value) => value.as_bool().map(Case::Bool).into_iter().collect(),
    }
}
