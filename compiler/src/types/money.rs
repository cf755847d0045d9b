//! Currencies: which amounts are known to be of one, and what a condition says about it.
//!
//! An amount of plain `money` has the currency of where it comes from: a name with its fields. Two
//! such names mix only where they are one, or where `same_currency` holds.

use super::cx::{Cx, Want, article};
use crate::diagnostic::Diagnostic;
use crate::hir::{BinaryOp, Builtin, ExprId, ExprKind, Idx as _, Ty, TyKind, UnaryOp};
use smol_str::SmolStr;
use std::fmt::Write as _;

/// Where the currency of an amount is known from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Currency {
    /// It is this one.
    Known(SmolStr),
    /// It is that of this name with its fields.
    Of(String),
}

/// Which currencies are known to be the same.
#[derive(Clone, Debug, Default)]
pub(super) struct Facts {
    pairs: Vec<(Currency, Currency)>,
}

impl Facts {
    /// All that are the same as `one`, itself first.
    fn class(&self, one: &Currency) -> Vec<Currency> {
        let mut class = vec![one.clone()];
        let mut next = 0;
        // Bound: every round takes one member, and members come from the pairs.
        while let Some(member) = class.get(next).cloned() {
            for (a, b) in &self.pairs {
                let other = if *a == member { b } else { a };
                if (*a == member || *b == member) && !class.contains(other) {
                    class.push(other.clone());
                }
            }
            next += 1;
        }
        class
    }

    fn same(&self, a: &Currency, b: &Currency) -> bool {
        self.class(a).contains(b)
    }
}

impl Cx<'_> {
    /// What a condition says about currencies where it holds, or where it does not.
    pub fn assume(&mut self, condition: ExprId, holds: bool) {
        let program = self.program;
        match &program.exprs[condition].kind {
            ExprKind::Builtin(Builtin::SameCurrency, args) if holds => {
                if let [a, b] = args.as_slice()
                    && let (Some(a), Some(b)) = (self.currency(*a), self.currency(*b))
                {
                    self.facts.pairs.push((a, b));
                }
            }
            ExprKind::Unary(UnaryOp::Not, inner) => self.assume(*inner, !holds),
            ExprKind::Binary(op, left, right)
                if op.node == (if holds { BinaryOp::And } else { BinaryOp::Or }) =>
            {
                self.assume(*left, holds);
                self.assume(*right, holds);
            }
            _ => {}
        }
    }

    /// Plain `money` whose currency a condition has told.
    pub fn refined(&self, id: ExprId, ty: Ty) -> Ty {
        if ty.kind != TyKind::Money(None) {
            return ty;
        }
        let Some(path) = self.path(id) else { return ty };
        let known = self.facts.class(&Currency::Of(path)).into_iter().find_map(|one| match one {
            Currency::Known(currency) => Some(currency),
            Currency::Of(_) => None,
        });
        match known {
            Some(currency) => Ty { label: ty.label, kind: TyKind::Money(Some(currency)) },
            None => ty,
        }
    }

    /// A name with its fields, as one text; none for anything else.
    pub fn path(&self, id: ExprId) -> Option<String> {
        match &self.program.exprs[id].kind {
            ExprKind::Local(local) => Some(format!("#{}", local.index())),
            ExprKind::Field { base, name, .. } => {
                let mut path = self.path(*base)?;
                write!(path, ".{}", name.node).ok()?;
                Some(path)
            }
            _ => None,
        }
    }

    /// Where the currency of an amount is known from.
    fn currency(&self, id: ExprId) -> Option<Currency> {
        if let TyKind::Money(Some(currency)) = self.base(&self.table.own_ty(id)).kind {
            return Some(Currency::Known(currency));
        }
        match &self.program.exprs[id].kind {
            ExprKind::Unary(_, inner) => self.currency(*inner),
            ExprKind::Binary(op, left, right) => match op.node {
                BinaryOp::Mul if self.is_money(*right) => self.currency(*right),
                _ => self.currency(*left),
            },
            // A part or method of an amount answers in its currency.
            ExprKind::Method { base, .. } | ExprKind::Field { base, .. }
                if self.is_money(*base) =>
            {
                self.currency(*base)
            }
            _ => self.path(id).map(Currency::Of),
        }
    }

    fn is_money(&self, id: ExprId) -> bool {
        matches!(self.base(&self.table.own_ty(id)).kind, TyKind::Money(_))
    }

    /// The type of two amounts that meet in an operator; reports where their currencies may differ.
    pub fn mix(&mut self, op: BinaryOp, left: ExprId, right: ExprId, a: &Ty, b: &Ty) -> Ty {
        let (TyKind::Money(x), TyKind::Money(y)) = (&a.kind, &b.kind) else { return Ty::error() };
        let both = match (x, y) {
            (Some(x), Some(y)) => x == y,
            _ => match (self.currency(left), self.currency(right)) {
                (Some(x), Some(y)) => self.facts.same(&x, &y),
                _ => false,
            },
        };
        if both {
            let kind = if x.is_some() { a.kind.clone() } else { b.kind.clone() };
            return Ty { label: a.label.max(b.label), kind };
        }
        let verb = match op {
            BinaryOp::Add | BinaryOp::Sub | BinaryOp::Div | BinaryOp::Rem => "mixed",
            _ => "compared",
        };
        let headline = match (x, y) {
            (Some(x), Some(y)) => format!("{x} and {y} are {verb}"),
            _ => format!("amounts of possibly different currencies are {verb}"),
        };
        let (a, b) = (self.show(a), self.show(b));
        let whole = self.span(left).to(self.span(right));
        let mut finding = Diagnostic::error("F0112", self.place.call.unwrap_or(whole), headline)
            .label(self.span(left), format!("this is {}", article(&a)))
            .label(self.span(right), format!("this is {}", article(&b)));
        finding = match x.is_some() && y.is_some() {
            true => finding.help("convert one of them with a rate first"),
            false => finding
                .help("ask first: `same_currency(a, b) and …`, or declare the currency of both"),
        };
        self.report(finding);
        Ty::error()
    }

    /// Both sides of `same_currency`.
    pub fn amount(&mut self, id: ExprId) {
        let ty = self.value(id, None);
        let ty = self.plain_operand(id, &ty, "asked for its currency");
        if !matches!(ty.kind, TyKind::Money(_) | TyKind::Error) {
            self.mismatch(id, &ty, &Want::plain(Ty::new(TyKind::Money(None))));
        }
    }
}
