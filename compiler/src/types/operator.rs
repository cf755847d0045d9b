//! Infix operators: what goes with what, and what comes out.

use super::cx::{Cx, Want, article};
use super::fit::same;
use super::table::{Adjust, Adjustment, Operator};
use crate::diagnostic::Diagnostic;
use crate::hir::{BinaryOp, ExprId, Label, Ty, TyKind};
use crate::span::Spanned;

/// As written.
pub(super) fn symbol(op: BinaryOp) -> &'static str {
    match op {
        BinaryOp::Or => "or",
        BinaryOp::And => "and",
        BinaryOp::Coalesce => "??",
        BinaryOp::Eq => "==",
        BinaryOp::Ne => "!=",
        BinaryOp::Lt => "<",
        BinaryOp::Le => "<=",
        BinaryOp::Gt => ">",
        BinaryOp::Ge => ">=",
        BinaryOp::In => "in",
        BinaryOp::Add => "+",
        BinaryOp::Sub => "-",
        BinaryOp::Mul => "*",
        BinaryOp::Div => "/",
        BinaryOp::Rem => "%",
    }
}

impl Cx<'_> {
    pub(super) fn binary(
        &mut self,
        id: ExprId,
        op: &Spanned<BinaryOp>,
        left: ExprId,
        right: ExprId,
        hint: Option<&Ty>,
    ) -> Ty {
        match op.node {
            BinaryOp::And | BinaryOp::Or => self.logic(id, op.node, left, right),
            BinaryOp::Coalesce => self.coalesce(id, left, right, hint),
            BinaryOp::Eq | BinaryOp::Ne => self.equality(id, op.node, left, right),
            BinaryOp::Lt | BinaryOp::Le | BinaryOp::Gt | BinaryOp::Ge => {
                self.order(id, op, left, right)
            }
            BinaryOp::In => self.membership(id, left, right),
            _ => self.arithmetic(id, op, left, right, hint),
        }
    }

    /// `and`, `or`; roles join by `or`.
    fn logic(&mut self, id: ExprId, op: BinaryOp, left: ExprId, right: ExprId) -> Ty {
        let first = self.infer(left, None);
        let ty = match (op, &first.kind) {
            (BinaryOp::Or, TyKind::Role) => Ty::new(TyKind::Role),
            _ => Ty::new(TyKind::Bool),
        };
        let a = self.coerce(left, &Want::plain(ty.clone())).label;
        let facts = self.facts.clone();
        self.assume(left, op == BinaryOp::And);
        let b = self.check(right, &Want::plain(ty.clone())).label;
        self.facts = facts;
        self.operator(id, Operator { op, operands: Some(ty.clone()) });
        ty.labelled(a.max(b))
    }

    /// `a ?? b`
    fn coalesce(&mut self, id: ExprId, left: ExprId, right: ExprId, hint: Option<&Ty>) -> Ty {
        let wanted = hint.map(|ty| ty.clone().optional());
        let a = self.infer(left, wanted.as_ref());
        if a.kind == TyKind::Error {
            self.infer(right, hint);
            return Ty::error();
        }
        if !a.is_optional() {
            self.infer(right, Some(&a));
            let (span, shown) = (self.span(left), self.show(&a));
            self.report(
                Diagnostic::error("F0102", self.span(id), "this value is never absent")
                    .label(span, format!("{}, not an optional", article(&shown)))
                    .help("leave `??` and what follows it out"),
            );
            return a;
        }
        let present = a.present();
        let b = self.infer(right, Some(&present));
        let ty = match self.convert(Some(right), &b, &present) {
            Some(_) => Some(present),
            None if b.is_optional() => self.join(&a, &b),
            None => None,
        };
        let from = (self.span(left), "in the place of this".to_owned());
        let fits = ty.is_some();
        let want = Want { ty: ty.unwrap_or_else(|| a.present()), from: Some(from) };
        self.coerce(right, &want);
        if !fits {
            // The two sides do not fit each other: which of them is wrong is said once.
            return Ty::error();
        }
        self.operator(id, Operator { op: BinaryOp::Coalesce, operands: Some(want.ty.clone()) });
        [a, b].iter().fold(want.ty, |ty, value| self.program.labelled_as(ty, value))
    }

    fn equality(&mut self, id: ExprId, op: BinaryOp, left: ExprId, right: ExprId) -> Ty {
        let mut a = self.infer(left, None);
        let b = self.infer(right, Some(&a));
        if self.is_none(left) || matches!(&a.kind, TyKind::List(t) if t.kind == TyKind::Never) {
            a = self.infer(left, Some(&b));
        }
        // The form of a value tells nothing of what is in it.
        let form = [left, right].into_iter().any(|id| self.program.asks_for_form(id));
        let label = match (self.is_none(left) || self.is_none(right), form) {
            (true, _) => Label::Open,
            (_, true) => self.base(&a).label.max(self.base(&b).label),
            _ => self.program.deep_label(&a).max(self.program.deep_label(&b)),
        };
        let answer = Ty::new(TyKind::Bool).labelled(label);
        if a.has_error() || b.has_error() {
            return answer;
        }
        let (x, y) = (self.base(&a.present()), self.base(&b.present()));
        if let (TyKind::Money(m), TyKind::Money(n)) = (&x.kind, &y.kind)
            && !(self.place.test && (m.is_none() || n.is_none()))
            && self.mix(op, left, right, &x, &y).kind == TyKind::Error
        {
            return answer;
        }
        let numbers = matches!(
            (&x.kind, &y.kind),
            (TyKind::Int, TyKind::Decimal) | (TyKind::Decimal, TyKind::Int)
        );
        let operands = self.common(&[left, right]).filter(|_| !launders(&a, &b));
        match operands {
            Some(ty) => {
                self.meet(&[left, right]);
                self.operator(id, Operator { op, operands: Some(ty) });
            }
            None if numbers && !a.is_optional() && !b.is_optional() => {
                self.plain_operand(left, &a, "compared");
                self.plain_operand(right, &b, "compared");
                self.operator(id, Operator { op, operands: None });
            }
            None => {
                let from = (self.span(left), "compared with this".to_owned());
                self.mismatch(right, &b, &Want { ty: a, from: Some(from) });
            }
        }
        answer
    }

    fn order(&mut self, id: ExprId, op: &Spanned<BinaryOp>, left: ExprId, right: ExprId) -> Ty {
        let a = self.value(left, None);
        let b = self.value(right, Some(&a));
        let label = self.base(&a).label.max(self.base(&b).label);
        let answer = Ty::new(TyKind::Bool).labelled(label);
        if self.two_kinds_of_id(left, right, &a, &b) {
            return answer;
        }
        let x = self.plain_operand(left, &a, "compared");
        let y = self.plain_operand(right, &b, "compared");
        use TyKind as K;
        let operands = match (&x.kind, &y.kind) {
            (K::Error, _) | (_, K::Error) => return answer,
            (K::Money(_), K::Money(_)) => {
                self.mix(op.node, left, right, &x, &y);
                Some(x)
            }
            (K::Int, K::Decimal) | (K::Decimal, K::Int) => None,
            (k, l) if k == l && has_order(k) => Some(x),
            _ => {
                self.no_operator(id, op, (left, &x), (right, &y));
                return answer;
            }
        };
        self.operator(id, Operator { op: op.node, operands });
        answer
    }

    /// `x in xs`: an item of a list, a key of a map, a part of a text.
    fn membership(&mut self, id: ExprId, left: ExprId, right: ExprId) -> Ty {
        let of = self.value(right, None);
        let plain = self.plain_operand(right, &of, "searched");
        let item = match &plain.kind {
            TyKind::List(item) | TyKind::Batch(item) => (**item).clone(),
            TyKind::Map(key, _) => (**key).clone(),
            TyKind::Text => Ty::new(TyKind::Text),
            TyKind::Error => {
                self.infer(left, None);
                return Ty::new(TyKind::Bool);
            }
            _ => {
                self.infer(left, None);
                let (span, shown) = (self.span(right), self.show(&plain));
                self.report(
                    Diagnostic::error(
                        "F0102",
                        self.span(id),
                        format!("nothing is in {}", article(&shown)),
                    )
                    .label(span, format!("this is {}", article(&shown)))
                    .help("on the right of `in` stands a list, a map or a text"),
                );
                return Ty::new(TyKind::Bool);
            }
        };
        let from = (self.span(right), "looked for in this".to_owned());
        let got = self.check(left, &Want { ty: item.clone(), from: Some(from) });
        let searched = item.clone();
        self.operator(id, Operator { op: BinaryOp::In, operands: Some(item) });
        let label = match plain.kind {
            TyKind::Text => got.label,
            _ => self.program.deep_label(&got).max(self.program.deep_label(&searched)),
        };
        Ty::new(TyKind::Bool).labelled(label.max(plain.label))
    }

    fn arithmetic(
        &mut self,
        id: ExprId,
        op: &Spanned<BinaryOp>,
        left: ExprId,
        right: ExprId,
        hint: Option<&Ty>,
    ) -> Ty {
        let a = self.value(left, None);
        let b = self.value(right, None);
        let additive = matches!(op.node, BinaryOp::Add | BinaryOp::Sub);
        if additive && self.two_kinds_of_id(left, right, &a, &b) {
            return Ty::error();
        }
        let x = self.plain_operand(left, &a, "computed with");
        let y = self.plain_operand(right, &b, "computed with");
        if x.kind == TyKind::Error || y.kind == TyKind::Error {
            return Ty::error();
        }
        let moneys = matches!((&x.kind, &y.kind), (TyKind::Money(_), TyKind::Money(_)));
        let ty = if moneys && op.node != BinaryOp::Mul && op.node != BinaryOp::Rem {
            let mixed = self.mix(op.node, left, right, &x, &y);
            match op.node {
                BinaryOp::Div if mixed.kind != TyKind::Error => Some(TyKind::Decimal),
                _ => Some(mixed.kind),
            }
        } else {
            self.list_of_both(op.node, &x, &y).or_else(|| compute(op.node, &x, &y, hint))
        };
        let Some(kind) = ty else {
            self.no_operator(id, op, (left, &x), (right, &y));
            return Ty::error();
        };
        let operands = (x.kind == y.kind).then(|| x.clone());
        self.operator(id, Operator { op: op.node, operands });
        Ty { label: x.label.max(y.label), kind }
    }

    /// Two lists in one.
    fn list_of_both(&self, op: BinaryOp, a: &Ty, b: &Ty) -> Option<TyKind> {
        let lists =
            matches!((op, &a.kind, &b.kind), (BinaryOp::Add, TyKind::List(_), TyKind::List(_)));
        let both = if lists && (same(a, b) || same(b, a)) { self.join(a, b) } else { None };
        both.map(|ty| ty.kind)
    }

    /// Reports where ids of two kinds meet.
    fn two_kinds_of_id(&mut self, left: ExprId, right: ExprId, a: &Ty, b: &Ty) -> bool {
        let two = launders(a, b) && !a.is_optional() && !b.is_optional();
        if two {
            let from = (self.span(left), "together with this".to_owned());
            self.mismatch(right, b, &Want { ty: a.clone(), from: Some(from) });
        }
        two
    }

    /// The plain type of an operand, which must be there.
    pub(super) fn plain_operand(&mut self, id: ExprId, ty: &Ty, verb: &str) -> Ty {
        if ty.is_optional() {
            let (span, shown) = (self.span(id), self.show(ty));
            let mut finding =
                Diagnostic::error("F0114", span, format!("this may be absent, and is {verb}"))
                    .label(span, format!("this is {}", article(&shown)));
            if let Some((at, words)) = self.origin(id) {
                finding = finding.label(at, words);
            }
            self.report(finding.help(
                "take the value out with `match` (`none => …  x => …`), or give a default with `??`",
            ));
            return Ty::error();
        }
        let plain = self.base(ty);
        if matches!(ty.kind, TyKind::Alias(_)) {
            self.adjust(id, Adjustment { how: Adjust::Plain, to: plain.clone() });
        }
        plain
    }

    fn no_operator(
        &mut self,
        id: ExprId,
        op: &Spanned<BinaryOp>,
        (left, a): (ExprId, &Ty),
        (right, b): (ExprId, &Ty),
    ) {
        let (a, b) = (self.show(a), self.show(b));
        self.report(
            Diagnostic::error(
                "F0102",
                self.span(id),
                format!(
                    "`{}` does not go with {} and {}",
                    symbol(op.node),
                    article(&a),
                    article(&b)
                ),
            )
            .label(self.span(left), format!("this is {}", article(&a)))
            .label(self.span(right), format!("this is {}", article(&b))),
        );
    }
}

/// Whether two different nominal types meet.
fn launders(a: &Ty, b: &Ty) -> bool {
    matches!((&a.present().kind, &b.present().kind),
        (TyKind::Alias(a), TyKind::Alias(b)) if a != b)
}

/// Whether values of a plain type have an order.
pub(super) fn has_order(kind: &TyKind) -> bool {
    matches!(
        kind,
        TyKind::Text
            | TyKind::Int
            | TyKind::Decimal
            | TyKind::Percent
            | TyKind::Money(_)
            | TyKind::Duration
            | TyKind::Time
            | TyKind::Date
            | TyKind::Size
    )
}

/// What comes out of two plain operands; none where they do not go together.
fn compute(op: BinaryOp, a: &Ty, b: &Ty, hint: Option<&Ty>) -> Option<TyKind> {
    use BinaryOp as O;
    use TyKind as K;
    let wanted = hint.map(|ty| ty.present().kind);
    let number = |kind: &K| matches!(kind, K::Int | K::Decimal);
    let factor = |kind: &K| matches!(kind, K::Int | K::Decimal | K::Percent);
    let kind = match (op, &a.kind, &b.kind) {
        (O::Add | O::Sub | O::Mul | O::Rem, K::Int, K::Int) => K::Int,
        (O::Div, K::Int, K::Int) if wanted == Some(K::Decimal) => K::Decimal,
        (O::Div, K::Int, K::Int) => K::Int,
        (O::Add | O::Sub | O::Mul | O::Div | O::Rem, x, y) if number(x) && number(y) => K::Decimal,
        (O::Add | O::Sub | O::Mul, K::Percent, K::Percent) => K::Percent,
        (O::Div, K::Percent, K::Percent) => K::Decimal,
        // The left side says what is scaled: `risk * 2` is a percentage, `2 * risk` a number.
        (O::Mul | O::Div, K::Percent, x) if number(x) => K::Percent,
        (O::Mul | O::Div, x, K::Percent) if number(x) => K::Decimal,
        (O::Mul | O::Div, K::Money(_), x) if factor(x) => a.kind.clone(),
        (O::Mul, x, K::Money(_)) if factor(x) => b.kind.clone(),
        (O::Add | O::Sub | O::Rem, K::Duration, K::Duration) => K::Duration,
        (O::Mul | O::Div, K::Duration, x) if factor(x) => K::Duration,
        (O::Mul, x, K::Duration) if factor(x) => K::Duration,
        (O::Div, K::Duration, K::Duration) | (O::Div, K::Size, K::Size) => match wanted {
            Some(K::Int) => K::Int,
            _ => K::Decimal,
        },
        (O::Add | O::Sub, K::Time, K::Duration) | (O::Add, K::Duration, K::Time) => K::Time,
        (O::Sub, K::Time, K::Time) | (O::Sub, K::Date, K::Date) => K::Duration,
        (O::Add | O::Sub, K::Date, K::Duration) => K::Date,
        (O::Add | O::Sub | O::Rem, K::Size, K::Size) => K::Size,
        (O::Mul | O::Div, K::Size, K::Int) | (O::Mul, K::Int, K::Size) => K::Size,
        (O::Add, K::Text, K::Text) => K::Text,
        _ => return None,
    };
    Some(kind)
}

/// The label of several values together.
pub(super) fn joined(labels: impl IntoIterator<Item = Label>) -> Label {
    labels.into_iter().max().unwrap_or_default()
}
