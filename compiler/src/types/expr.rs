//! Expressions: from the inside out, with what the context asks for on the way down.

use super::cx::{Cx, Want, article};
use super::literal::literal_ty;
use super::table::Operator;
use crate::diagnostic::Diagnostic;
use crate::hir::{
    ExprArm, ExprId, ExprKind, Label, Literal, LocalId, TextPart, Ty, TyKind, UnaryOp,
};

impl Cx<'_> {
    /// The type of an expression that must fit what is wanted; says so where it does not.
    pub fn check(&mut self, id: ExprId, want: &Want) -> Ty {
        let program = self.program;
        match &program.exprs[id].kind {
            ExprKind::If(condition, then, otherwise) => {
                self.condition(*condition);
                let facts = self.facts.clone();
                self.assume(*condition, true);
                let a = self.check(*then, want);
                self.facts = facts.clone();
                self.assume(*condition, false);
                let b = self.check(*otherwise, want);
                self.facts = facts;
                let ty =
                    [a, b].iter().fold(want.ty.clone(), |ty, arm| program.labelled_as(ty, arm));
                self.set(id, ty);
            }
            ExprKind::Match(subject, arms) => {
                self.match_arms(id, *subject, arms);
                let ty = arms.iter().fold(want.ty.clone(), |ty, arm| {
                    program.labelled_as(ty, &self.check(arm.value, want))
                });
                self.set(id, ty);
            }
            ExprKind::List(items) => {
                let inner = want.ty.present();
                let TyKind::List(item) = &inner.kind else {
                    self.infer(id, Some(&want.ty));
                    return self.coerce(id, want);
                };
                let item = want.with((**item).clone());
                let of = items.iter().fold(item.ty.clone(), |ty, value| {
                    program.labelled_as(ty, &self.check(*value, &item))
                });
                self.set(id, Ty::new(TyKind::List(Box::new(of))));
                return self.coerce(id, want);
            }
            ExprKind::Unary(UnaryOp::Neg, inner)
                if self.is_literal(*inner) && want.ty.present().kind == TyKind::Decimal =>
            {
                let ty = self.check(*inner, &want.with(want.ty.present()));
                self.set(id, ty);
                return self.coerce(id, want);
            }
            _ => {
                self.infer(id, Some(&want.ty));
                return self.coerce(id, want);
            }
        }
        self.table.ty(id)
    }

    /// The type of an expression by itself; `hint` is what would suit.
    pub fn infer(&mut self, id: ExprId, hint: Option<&Ty>) -> Ty {
        let ty = self.kind(id, hint);
        self.set(id, ty.clone());
        ty
    }

    /// The type of an expression that must have a value of its own accord.
    pub fn value(&mut self, id: ExprId, hint: Option<&Ty>) -> Ty {
        let ty = self.infer(id, hint);
        let (what, help) = match &ty.kind {
            TyKind::None => (
                "`none` of what type is not said here",
                "say which: `x ?? none`, or a \
                parameter or field of a type `T?`",
            ),
            TyKind::List(item) if item.kind == TyKind::Never => {
                ("a list of what is not said here", "pass it where a `list<T>` is declared")
            }
            TyKind::Unit => ("there is no value here", "the action has no result; do not use it"),
            _ => return ty,
        };
        let span = self.span(id);
        self.report(Diagnostic::error("F0102", span, what).label(span, "here").help(help));
        self.set(id, Ty::error());
        Ty::error()
    }

    /// A condition.
    pub fn condition(&mut self, id: ExprId) {
        self.check(id, &Want::plain(Ty::new(TyKind::Bool)));
    }

    fn kind(&mut self, id: ExprId, hint: Option<&Ty>) -> Ty {
        let program = self.program;
        match &program.exprs[id].kind {
            ExprKind::Error(inner) => {
                for inner in inner {
                    self.infer(*inner, None);
                }
                Ty::error()
            }
            ExprKind::Literal(literal) => {
                self.check_amount(literal, self.span(id));
                literal_ty(literal)
            }
            ExprKind::Text(parts) => self.text(parts),
            ExprKind::Local(local) => self.read(id, *local),
            ExprKind::Record(like, args) => self.record(*like, args),
            ExprKind::Nominal(alias, inner) => self.nominal(*alias, *inner),
            ExprKind::Variant(of, index, args) => self.variant(*of, *index, args),
            ExprKind::Call(function, args) => self.call(*function, args),
            ExprKind::Builtin(builtin, args) => self.builtin(id, *builtin, args, hint),
            ExprKind::Field { base, optional, name } => self.field(id, *base, *optional, name),
            ExprKind::Method { base, optional, name, args, args_span } => {
                self.method(id, *base, *optional, name, args, *args_span)
            }
            ExprKind::Index(base, index) => self.index(*base, *index),
            ExprKind::With(base, fields) => self.with(id, *base, fields),
            ExprKind::Unary(op, inner) => self.unary(id, *op, *inner, hint),
            ExprKind::Binary(op, left, right) => self.binary(id, op, *left, *right, hint),
            ExprKind::List(items) => self.list(id, items, hint),
            ExprKind::If(condition, then, otherwise) => {
                self.condition(*condition);
                let facts = self.facts.clone();
                self.assume(*condition, true);
                self.infer(*then, hint);
                self.facts = facts.clone();
                self.assume(*condition, false);
                self.infer(*otherwise, hint);
                self.facts = facts;
                self.alternatives(id, &[*then, *otherwise])
            }
            ExprKind::Match(subject, arms) => {
                self.match_arms(id, *subject, arms);
                for arm in arms {
                    self.infer(arm.value, hint);
                }
                let values: Vec<ExprId> = arms.iter().map(|arm| arm.value).collect();
                self.alternatives(id, &values)
            }
            ExprKind::Lambda(_, body) => {
                // A lambda is typed by the method it is an argument of; alone it means nothing.
                self.infer(*body, None);
                let span = self.span(id);
                self.report(
                    Diagnostic::error(
                        "F0102",
                        span,
                        "a lambda stands only as an argument of a method",
                    )
                    .label(span, "no method takes this"),
                );
                Ty::error()
            }
        }
    }

    /// The common type of the arms of an expression.
    fn alternatives(&mut self, id: ExprId, values: &[ExprId]) -> Ty {
        if let Some(ty) = self.meet(values) {
            return ty;
        }
        let span = self.span(id);
        let mut finding =
            Diagnostic::error("F0102", span, "the arms have values of different types");
        for value in values {
            let shown = self.show(&self.table.own_ty(*value));
            finding = finding.label(self.span(*value), format!("this is {}", article(&shown)));
        }
        self.report(finding);
        Ty::error()
    }

    fn match_arms(&mut self, id: ExprId, subject: ExprId, arms: &[ExprArm]) {
        let ty = self.value(subject, None);
        let patterns: Vec<_> = arms.iter().map(|arm| arm.pattern).collect();
        if self.patterns(&ty, &patterns) {
            self.exhaustive(self.span(id), subject, &ty, &patterns);
        }
    }

    fn text(&mut self, parts: &[TextPart]) -> Ty {
        let mut label = Label::Open;
        for part in parts {
            let TextPart::Interp(inner) = part else { continue };
            let ty = self.value(*inner, None);
            // A record is written out with everything in it.
            label = label.max(self.program.deep_label(&ty));
            if matches!(ty.kind, TyKind::Role) {
                let span = self.span(*inner);
                self.report(
                    Diagnostic::error("F0102", span, "a role has no text")
                        .label(span, "this is a `role`"),
                );
            }
        }
        Ty { label, kind: TyKind::Text }
    }

    /// The value of a name.
    fn read(&mut self, id: ExprId, local: LocalId) -> Ty {
        let ty = self.table.local(local);
        if let Some(conflict) = self.conflicts.get(&local).cloned() {
            let (span, name) = (self.span(id), &self.program.locals[local].name);
            let mut finding = Diagnostic::error(
                "F0102",
                span,
                format!("`{name}` has one type in one arm and another in the other"),
            );
            for (at, ty) in &conflict.both {
                let shown = self.show(ty);
                finding = finding.label(*at, format!("here it is {}", article(&shown)));
            }
            self.report(finding.label(span, "used here"));
            // One finding for all uses.
            self.conflicts.remove(&local);
            return Ty::error();
        }
        if ty.kind == TyKind::Unit {
            let (span, local) = (self.span(id), &self.program.locals[local]);
            self.report(
                Diagnostic::error("F0102", span, format!("`{}` has no value", local.name))
                    .label(local.span, "what it names gives nothing")
                    .label(span, "used here"),
            );
            return Ty::error();
        }
        self.refined(id, ty)
    }

    fn list(&mut self, id: ExprId, items: &[ExprId], hint: Option<&Ty>) -> Ty {
        let hint = hint.map(Ty::present).and_then(|ty| match ty.kind {
            TyKind::List(item) => Some(*item),
            _ => None,
        });
        for item in items {
            self.infer(*item, hint.as_ref());
        }
        if items.is_empty() {
            return Ty::new(TyKind::List(Box::new(Ty::new(TyKind::Never))));
        }
        let item = self.alternatives(id, items);
        if item.kind == TyKind::Error {
            return Ty::error();
        }
        Ty::new(TyKind::List(Box::new(item)))
    }

    fn unary(&mut self, id: ExprId, op: UnaryOp, inner: ExprId, hint: Option<&Ty>) -> Ty {
        match op {
            UnaryOp::Not => self.check(inner, &Want::plain(Ty::new(TyKind::Bool))),
            UnaryOp::Neg => {
                let ty = self.value(inner, hint);
                let ty = self.plain_operand(inner, &ty, "negated");
                match ty.kind {
                    TyKind::Int
                    | TyKind::Decimal
                    | TyKind::Percent
                    | TyKind::Money(_)
                    | TyKind::Duration
                    | TyKind::Error => ty,
                    _ => {
                        let (span, shown) = (self.span(id), self.show(&ty));
                        self.report(
                            Diagnostic::error(
                                "F0102",
                                span,
                                format!("{} cannot be negated", article(&shown)),
                            )
                            .label(self.span(inner), format!("this is {}", article(&shown))),
                        );
                        Ty::error()
                    }
                }
            }
        }
    }

    /// Records what an operator works on.
    pub fn operator(&mut self, id: ExprId, operator: Operator) {
        self.table.operators.insert(id, operator);
    }

    /// Whether an expression is a bare `none`.
    pub fn is_none(&self, id: ExprId) -> bool {
        matches!(self.program.exprs[id].kind, ExprKind::Literal(Literal::None))
    }
}
