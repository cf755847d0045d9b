//! Parts and methods of plain values: text, money, numbers, durations, times, dates, sizes.

use super::cx::{Cx, Want, article};
use super::parts::{Gives, Takes, parts};
use super::table::Member;
use crate::diagnostic::Diagnostic;
use crate::hir::{BinaryOp, ExprId, ExprKind, MethodArg, Name, Ty, TyKind, UnaryOp};
use crate::name::any_of;
use crate::span::Span;
use jiff::civil::Time;

/// Ways of rounding.
const MODES: [&str; 7] = ["half_even", "half_up", "half_down", "up", "down", "ceiling", "floor"];

impl Cx<'_> {
    pub(super) fn scalar_method(
        &mut self,
        id: ExprId,
        base: ExprId,
        ty: &Ty,
        name: &Name,
        given: Option<(&[MethodArg], Span)>,
    ) -> Option<Ty> {
        let (of, parts) = parts(&ty.kind)?;
        let &(part, takes, gives) = parts.iter().find(|part| part.0 == name.node)?;
        self.table.members.insert(id, Member::Method { of, name: part });
        let (args, span) = given.unwrap_or((&[], name.span));
        let of = Ty::new(ty.kind.clone());
        if !self.takes((base, &of), name, takes, args, span) {
            return Some(Ty::error());
        }
        Some(match gives {
            Gives::Same => of,
            Gives::Many => Ty::new(TyKind::List(Box::new(of))),
            Gives::Text => Ty::new(TyKind::Text),
            Gives::Bool => Ty::new(TyKind::Bool),
            Gives::Int => Ty::new(TyKind::Int),
            Gives::Decimal => Ty::new(TyKind::Decimal),
            Gives::Percent => Ty::new(TyKind::Percent),
            Gives::Perhaps(kind) => Ty::new(kind.clone()).optional(),
            Gives::Time => Ty::new(TyKind::Time),
            Gives::Date => Ty::new(TyKind::Date),
        })
    }

    /// Checks arguments against what a method takes.
    fn takes(
        &mut self,
        of: (ExprId, &Ty),
        name: &Name,
        takes: Takes,
        args: &[MethodArg],
        span: Span,
    ) -> bool {
        let (least, most) = takes.count();
        let named = args.iter().find_map(|arg| arg.name.as_ref());
        let problem = match (named, args.len()) {
            (Some(_), _) => "its arguments have no names",
            (_, n) if n < least => "too few arguments",
            (_, n) if n > most => "too many arguments",
            _ => {
                for (index, arg) in args.iter().enumerate() {
                    self.takes_one(of, takes, index, arg.value);
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
                .label(at, problem)
                .help(format!("it is called as {}", takes.signature(&name.node))),
        );
        false
    }

    fn takes_one(&mut self, of: (ExprId, &Ty), takes: Takes, index: usize, value: ExprId) {
        let kind = match takes {
            Takes::Text | Takes::Texts => TyKind::Text,
            Takes::Int | Takes::Range => TyKind::Int,
            Takes::Padding if index == 0 => TyKind::Int,
            Takes::Padding => TyKind::Text,
            Takes::Working if index == 0 => TyKind::Int,
            Takes::Working if index == 2 => TyKind::List(Box::new(Ty::new(TyKind::Date))),
            Takes::Weights | Takes::Working => TyKind::List(Box::new(Ty::new(TyKind::Int))),
            Takes::Duration => TyKind::Duration,
            Takes::Zone => return self.zone(value),
            Takes::Clock if index == 0 => return self.clock(value),
            Takes::Clock => return self.zone(value),
            Takes::Step if index > 0 => return self.mode(value),
            Takes::Same | Takes::Bounds | Takes::Step => return self.alike(of, value),
            Takes::Nothing | Takes::Mode => return self.mode(value),
            Takes::Digits if index == 0 && self.literal_text(value).is_none() => {
                self.check(value, &Want::plain(Ty::new(TyKind::Int)));
                return self.digits(value);
            }
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

    /// How many digits stay: never fewer than none.
    fn digits(&mut self, value: ExprId) {
        if matches!(self.program.exprs[value].kind, ExprKind::Unary(UnaryOp::Neg, of) if self.is_literal(of))
        {
            let span = self.span(value);
            self.report(
                Diagnostic::error("F0102", span, "a number is rounded to 0 digits or more")
                    .label(span, "fewer than none")
                    .help("for tens and hundreds divide first: `(x / 100).round() * 100`"),
            );
        }
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

    /// Another value of what the method is of; amounts have to be of one currency.
    fn alike(&mut self, (base, of): (ExprId, &Ty), value: ExprId) {
        if !matches!(of.kind, TyKind::Money(_)) {
            self.check(value, &Want::plain(of.clone()));
            return;
        }
        let given = self.value(value, None);
        let plain = self.plain_operand(value, &given, "compared");
        match plain.kind {
            TyKind::Money(_) => {
                self.mix(BinaryOp::Lt, base, value, of, &plain);
            }
            TyKind::Error => {}
            _ => self.mismatch(value, &plain, &Want::plain(of.clone())),
        }
    }

    /// The name of a time zone.
    fn zone(&mut self, value: ExprId) {
        self.check(value, &Want::plain(Ty::new(TyKind::Text)));
        let Some(name) = self.literal_text(value) else { return };
        let span = self.span(value);
        self.known_zone(&name, span);
    }

    /// What a clock says: `"09:30"`.
    fn clock(&mut self, value: ExprId) {
        self.check(value, &Want::plain(Ty::new(TyKind::Text)));
        let Some(text) = self.literal_text(value) else { return };
        // Digits alone: `strptime` takes white space for a digit, and no run does.
        let plain = text.chars().enumerate().all(|(at, char)| at == 2 || char.is_ascii_digit());
        let fits = plain && text.len() == 5 && Time::strptime("%H:%M", &text).is_ok();
        if !fits {
            let span = self.span(value);
            self.report(
                Diagnostic::error("F0102", span, format!("no clock says `{text}`"))
                    .label(span, "not a clock time")
                    .help("write hours and minutes with two digits each: `\"09:30\"`"),
            );
        }
    }
}
