//! Parts and methods of plain values: text, money, numbers, durations, times, dates, sizes.

use super::cx::{Cx, Want, article};
use super::table::Member;
use crate::diagnostic::Diagnostic;
use crate::hir::{ExprId, MethodArg, Name, Ty, TyKind};
use crate::name::any_of;
use crate::span::Span;

/// What a method takes.
#[derive(Clone, Copy, PartialEq)]
enum Takes {
    /// Nothing.
    Nothing,
    /// A text.
    Text,
    /// Two texts.
    Texts,
    /// A list of anything.
    List,
    /// A whole number.
    Int,
    /// One or two whole numbers.
    Range,
    /// A decimal.
    Decimal,
    /// Perhaps a way of rounding.
    Mode,
    /// Perhaps digits, perhaps a way of rounding.
    Digits,
}

/// What it answers.
#[derive(Clone, Copy)]
enum Gives {
    /// What it is of.
    Same,
    /// A list of what it is of.
    Many,
    Text,
    Bool,
    Int,
    Decimal,
    Time,
    Date,
}

type Part = (&'static str, Takes, Gives);

const TEXT: [Part; 12] = [
    ("len", Takes::Nothing, Gives::Int),
    ("is_empty", Takes::Nothing, Gives::Bool),
    ("trim", Takes::Nothing, Gives::Same),
    ("lower", Takes::Nothing, Gives::Same),
    ("upper", Takes::Nothing, Gives::Same),
    ("contains", Takes::Text, Gives::Bool),
    ("starts_with", Takes::Text, Gives::Bool),
    ("ends_with", Takes::Text, Gives::Bool),
    ("split", Takes::Text, Gives::Many),
    ("join", Takes::List, Gives::Same),
    ("replace", Takes::Texts, Gives::Same),
    ("slice", Takes::Range, Gives::Same),
];

const MONEY: [Part; 8] = [
    ("amount", Takes::Nothing, Gives::Decimal),
    ("currency", Takes::Nothing, Gives::Text),
    ("minor", Takes::Nothing, Gives::Int),
    ("abs", Takes::Nothing, Gives::Same),
    ("is_zero", Takes::Nothing, Gives::Bool),
    ("is_negative", Takes::Nothing, Gives::Bool),
    ("round", Takes::Mode, Gives::Same),
    ("split", Takes::Int, Gives::Many),
];

const INT: [Part; 4] = [
    ("abs", Takes::Nothing, Gives::Same),
    ("decimal", Takes::Nothing, Gives::Decimal),
    ("min", Takes::Int, Gives::Same),
    ("max", Takes::Int, Gives::Same),
];

const DECIMAL: [Part; 8] = [
    ("abs", Takes::Nothing, Gives::Same),
    ("floor", Takes::Nothing, Gives::Same),
    ("ceil", Takes::Nothing, Gives::Same),
    ("trunc", Takes::Nothing, Gives::Same),
    ("int", Takes::Nothing, Gives::Int),
    ("round", Takes::Digits, Gives::Same),
    ("min", Takes::Decimal, Gives::Same),
    ("max", Takes::Decimal, Gives::Same),
];

const PERCENT: [Part; 5] = [
    ("abs", Takes::Nothing, Gives::Same),
    ("floor", Takes::Nothing, Gives::Same),
    ("ceil", Takes::Nothing, Gives::Same),
    ("decimal", Takes::Nothing, Gives::Decimal),
    ("round", Takes::Digits, Gives::Same),
];

const DURATION: [Part; 6] = [
    ("ms", Takes::Nothing, Gives::Int),
    ("seconds", Takes::Nothing, Gives::Int),
    ("minutes", Takes::Nothing, Gives::Int),
    ("hours", Takes::Nothing, Gives::Int),
    ("days", Takes::Nothing, Gives::Int),
    ("abs", Takes::Nothing, Gives::Same),
];

const TIME: [Part; 10] = [
    ("year", Takes::Nothing, Gives::Int),
    ("month", Takes::Nothing, Gives::Int),
    ("day", Takes::Nothing, Gives::Int),
    ("weekday", Takes::Nothing, Gives::Int),
    ("day_of_year", Takes::Nothing, Gives::Int),
    ("hour", Takes::Nothing, Gives::Int),
    ("minute", Takes::Nothing, Gives::Int),
    ("second", Takes::Nothing, Gives::Int),
    ("ms", Takes::Nothing, Gives::Int),
    ("date", Takes::Nothing, Gives::Date),
];

const DATE: [Part; 6] = [
    ("year", Takes::Nothing, Gives::Int),
    ("month", Takes::Nothing, Gives::Int),
    ("day", Takes::Nothing, Gives::Int),
    ("weekday", Takes::Nothing, Gives::Int),
    ("day_of_year", Takes::Nothing, Gives::Int),
    ("time", Takes::Nothing, Gives::Time),
];

const SIZE: [Part; 1] = [("bytes", Takes::Nothing, Gives::Int)];

/// Ways of rounding.
const MODES: [&str; 7] = ["half_even", "half_up", "half_down", "up", "down", "ceiling", "floor"];

fn parts(kind: &TyKind) -> Option<(&'static str, &'static [Part])> {
    Some(match kind {
        TyKind::Text => ("text", &TEXT),
        TyKind::Money(_) => ("money", &MONEY),
        TyKind::Int => ("int", &INT),
        TyKind::Decimal => ("decimal", &DECIMAL),
        TyKind::Percent => ("percent", &PERCENT),
        TyKind::Duration => ("duration", &DURATION),
        TyKind::Time => ("time", &TIME),
        TyKind::Date => ("date", &DATE),
        TyKind::Size => ("size", &SIZE),
        _ => return None,
    })
}

/// The parts and methods of a plain type.
pub(super) fn names(kind: &TyKind) -> Vec<&'static str> {
    parts(kind).map(|(_, parts)| parts.iter().map(|part| part.0).collect()).unwrap_or_default()
}

impl Cx<'_> {
    pub(super) fn scalar_method(
        &mut self,
        id: ExprId,
        ty: &Ty,
        name: &Name,
        given: Option<(&[MethodArg], Span)>,
    ) -> Option<Ty> {
        let (of, parts) = parts(&ty.kind)?;
        let &(part, takes, gives) = parts.iter().find(|part| part.0 == name.node)?;
        self.table.members.insert(id, Member::Method { of, name: part });
        let (args, span) = given.unwrap_or((&[], name.span));
        if !self.takes(name, takes, args, span) {
            return Some(Ty::error());
        }
        let of = Ty::new(ty.kind.clone());
        Some(match gives {
            Gives::Same => of,
            Gives::Many => Ty::new(TyKind::List(Box::new(of))),
            Gives::Text => Ty::new(TyKind::Text),
            Gives::Bool => Ty::new(TyKind::Bool),
            Gives::Int => Ty::new(TyKind::Int),
            Gives::Decimal => Ty::new(TyKind::Decimal),
            Gives::Time => Ty::new(TyKind::Time),
            Gives::Date => Ty::new(TyKind::Date),
        })
    }

    /// Checks arguments against what a method takes.
    fn takes(&mut self, name: &Name, takes: Takes, args: &[MethodArg], span: Span) -> bool {
        let (least, most) = match takes {
            Takes::Nothing => (0, 0),
            Takes::Text | Takes::List | Takes::Int | Takes::Decimal => (1, 1),
            Takes::Texts => (2, 2),
            Takes::Range => (1, 2),
            Takes::Mode => (0, 1),
            Takes::Digits => (0, 2),
        };
        let named = args.iter().find_map(|arg| arg.name.as_ref());
        let problem = match (named, args.len()) {
            (Some(_), _) => "its arguments have no names",
            (_, n) if n < least => "too few arguments",
            (_, n) if n > most => "too many arguments",
            _ => {
                for (index, arg) in args.iter().enumerate() {
                    self.takes_one(takes, index, arg.value);
                }
                return true;
            }
        };
        for arg in args {
            self.loose(arg.value);
        }
        let at = named.map_or(span, |name| name.span);
        self.report(
            Diagnostic::error("F0120", at, format!("`{}` is called wrongly: {problem}", name.node))
                .label(at, problem),
        );
        false
    }

    fn takes_one(&mut self, takes: Takes, index: usize, value: ExprId) {
        let kind = match takes {
            Takes::Text | Takes::Texts => TyKind::Text,
            Takes::Int | Takes::Range => TyKind::Int,
            Takes::Decimal => TyKind::Decimal,
            Takes::Nothing | Takes::Mode => return self.mode(value),
            Takes::Digits if index == 0 && self.literal_text(value).is_none() => TyKind::Int,
            Takes::Digits => return self.mode(value),
            Takes::List => {
                let ty = self.value(value, None);
                let plain = self.plain_operand(value, &ty, "joined");
                if !matches!(plain.kind, TyKind::List(_) | TyKind::Batch(_) | TyKind::Error) {
                    let (span, shown) = (self.span(value), self.show(&plain));
                    self.report(
                        Diagnostic::error("F0102", span, "a list of texts is wanted")
                            .label(span, format!("this is {}", article(&shown))),
                    );
                }
                return;
            }
        };
        self.check(value, &Want::plain(Ty::new(kind)));
    }

    /// A way of rounding, as a text written out.
    fn mode(&mut self, value: ExprId) {
        self.check(value, &Want::plain(Ty::new(TyKind::Text)));
        let Some(text) = self.literal_text(value) else { return };
        if !MODES.contains(&text.as_str()) {
            let span = self.span(value);
            self.report(
                Diagnostic::error("F0101", span, format!("`{text}` is no way of rounding"))
                    .label(span, "not known")
                    .help(format!("write {}", any_of(&MODES))),
            );
        }
    }
}
