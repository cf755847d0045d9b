//! Expressions, with every conversion written out.

use super::decl::{self, FAILURE};
use super::names::Names;
use crate::hir::{
    Args, BinaryOp, ExprId, ExprKind, Literal, PatternId, PatternKind, RecordLike, TextPart,
    UnaryOp,
};
use crate::types::{Adjust, Member, OutcomeCase, PatternFit};
use sagaflow_fir as fir;
use serde_json::Value;

impl Names<'_> {
    /// An expression as its context sees it.
    pub fn expr(&mut self, id: ExprId) -> fir::Expr {
        let program = self.cx.program;
        if let ExprKind::Local(local) = &program.exprs[id].kind
            && let Some(stands) = self.stands.get(local)
        {
            let stands = stands.clone();
            return self.adjusted(id, stands);
        }
        let ty = decl::ty(program, &self.cx.table.own_ty(id));
        let kind = self.kind(id, &ty);
        self.adjusted(id, fir::Expr { ty, kind })
    }

    fn adjusted(&self, id: ExprId, mut expr: fir::Expr) -> fir::Expr {
        let Some(adjustments) = self.cx.table.adjustments.get(&id) else { return expr };
        for adjustment in adjustments {
            let ty = decl::ty(self.cx.program, &adjustment.to);
            expr = match adjustment.how {
                Adjust::Some => fir::Expr { ty, kind: fir::ExprKind::Some(Box::new(expr)) },
                Adjust::Nominal => fir::Expr { ty, kind: fir::ExprKind::Named(Box::new(expr)) },
                Adjust::Plain => fir::Expr { ty, kind: fir::ExprKind::Plain(Box::new(expr)) },
                Adjust::Typed => fir::Expr { ty, kind: expr.kind },
                Adjust::Parsed => fir::Expr { ty, kind: as_literal(expr.kind) },
                Adjust::Decimal => fir::Expr { ty, kind: as_decimal(expr.kind) },
            };
        }
        expr
    }

    fn kind(&mut self, id: ExprId, ty: &fir::Ty) -> fir::ExprKind {
        use fir::ExprKind as K;
        let program = self.cx.program;
        match &program.exprs[id].kind {
            ExprKind::Error(_) => K::None,
            ExprKind::Literal(Literal::None) => K::None,
            ExprKind::Literal(literal) => K::Literal(literal_json(literal)),
            ExprKind::Text(parts) => K::Text(self.text(parts)),
            ExprKind::Local(local) => K::Local(self.local(*local)),
            ExprKind::Record(of, args) => {
                let (name, fields) = match of {
                    RecordLike::Record(id) => {
                        (program.records[*id].name.to_string(), &program.records[*id].fields)
                    }
                    RecordLike::Event(id) => {
                        (program.events[*id].name.to_string(), &program.events[*id].fields)
                    }
                };
                K::Record(name, self.fields(fields, args))
            }
            ExprKind::Nominal(_, inner) => K::Named(Box::new(self.expr(*inner))),
            ExprKind::Variant(of, index, args) => {
                let found = &program.enums[*of];
                let Some(variant) = found.variants.get(*index as usize) else { return K::None };
                let fields = self.fields(&variant.fields, args);
                K::Variant(found.name.to_string(), variant.name.node.to_string(), fields)
            }
            ExprKind::Call(function, args) => {
                let name = program.functions[*function].name.to_string();
                K::Call(name, args.values.iter().flatten().map(|a| self.expr(*a)).collect())
            }
            ExprKind::Builtin(builtin, args) => {
                K::Builtin(builtin.name().to_owned(), args.iter().map(|a| self.expr(*a)).collect())
            }
            ExprKind::Field { base, optional, .. } => self.member(id, *base, *optional, Vec::new()),
            ExprKind::Method { base, optional, args, .. } => {
                let args = args.iter().map(|arg| self.expr(arg.value)).collect();
                self.member(id, *base, *optional, args)
            }
            ExprKind::Index(a, b) => K::Index(Box::new(self.expr(*a)), Box::new(self.expr(*b))),
            ExprKind::With(base, fields) => K::With(
                Box::new(self.expr(*base)),
                fields.iter().map(|(n, v)| (n.node.to_string(), self.expr(*v))).collect(),
            ),
            ExprKind::Unary(op, inner) => K::Unary(unary(*op), Box::new(self.expr(*inner))),
            ExprKind::Binary(op, a, b) => {
                let a = Box::new(self.expr(*a));
                K::Binary(binary(op.node), a, Box::new(self.expr(*b)))
            }
            ExprKind::List(items) => K::List(items.iter().map(|i| self.expr(*i)).collect()),
            ExprKind::If(c, a, b) => {
                K::If(Box::new(self.expr(*c)), Box::new(self.expr(*a)), Box::new(self.expr(*b)))
            }
            ExprKind::Match(subject, arms) => {
                let subject = Box::new(self.expr(*subject));
                let arms = arms
                    .iter()
                    .map(|arm| (self.inner_pattern(arm.pattern), self.expr(arm.value)))
                    .collect();
                K::Match(subject, arms)
            }
            ExprKind::Lambda(params, body) => {
                let _ = ty;
                let params = params.iter().map(|p| self.inside(*p)).collect();
                K::Lambda(params, Box::new(self.expr(*body)))
            }
        }
    }

    fn text(&mut self, parts: &[TextPart]) -> Vec<fir::TextPart> {
        parts
            .iter()
            .map(|part| match part {
                TextPart::Chars(chars) => fir::TextPart::Text(chars.clone()),
                TextPart::Interp(expr) => fir::TextPart::Value(self.expr(*expr)),
            })
            .map(name_of_failure)
            .collect()
    }

    /// Fields in declared order; what is left out is its default, or none.
    pub fn fields(
        &mut self,
        fields: &[crate::hir::Field],
        args: &Args,
    ) -> Vec<(String, fir::Expr)> {
        fields
            .iter()
            .zip(&args.values)
            .filter_map(|(field, value)| {
                let ty = decl::ty(self.cx.program, &field.ty.node);
                let expr = match (value, &field.default) {
                    (Some(value), _) => self.expr(*value),
                    (None, Some(default)) => fir::Expr {
                        ty,
                        kind: match &default.node {
                            Literal::None => fir::ExprKind::None,
                            literal => fir::ExprKind::Literal(literal_json(literal)),
                        },
                    },
                    (None, None) if field.ty.node.is_optional() => {
                        fir::Expr { ty, kind: fir::ExprKind::None }
                    }
                    // Filled in by the runtime (`fence`).
                    (None, None) => return None,
                };
                Some((field.name.node.to_string(), expr))
            })
            .collect()
    }

    fn member(
        &mut self,
        id: ExprId,
        base: ExprId,
        optional: bool,
        args: Vec<fir::Expr>,
    ) -> fir::ExprKind {
        use fir::ExprKind as K;
        let base = Box::new(self.expr(base));
        match self.cx.table.members.get(&id) {
            Some(Member::Method { of, name }) if *of == FAILURE => {
                K::Field(base, (*name).to_owned())
            }
            Some(Member::Method { of, name }) => {
                let method = fir::Method { of: (*of).to_owned(), name: (*name).to_owned() };
                match optional {
                    true => K::OptionalMethod(base, method, args),
                    false => K::Method(base, method, args),
                }
            }
            Some(Member::Field(name)) if optional => K::OptionalField(base, name.to_string()),
            Some(Member::Field(name)) => K::Field(base, name.to_string()),
            // What could not be told never reaches lowering.
            None => K::None,
        }
    }

    /// A pattern within an expression.
    fn inner_pattern(&mut self, id: PatternId) -> fir::PatternKind {
        match &self.cx.program.patterns[id].kind {
            PatternKind::Bind(local) => {
                self.inside(*local);
            }
            PatternKind::Variant { binders, .. } => {
                binders.iter().filter_map(|(local, _)| *local).for_each(|local| {
                    self.inside(local);
                });
            }
            _ => {}
        }
        self.pattern(id)
    }

    /// A pattern.
    pub fn pattern(&mut self, id: PatternId) -> fir::PatternKind {
        use fir::PatternKind as P;
        let program = self.cx.program;
        let pattern = &program.patterns[id];
        let binders: Vec<Option<fir::LocalId>> = match &pattern.kind {
            PatternKind::Variant { binders, .. } => {
                binders.iter().map(|(local, _)| local.map(|l| self.local(l))).collect()
            }
            _ => Vec::new(),
        };
        match self.cx.table.patterns.get(&id) {
            Some(PatternFit::Literal(value)) => P::Literal(value.clone()),
            Some(PatternFit::None) => P::None,
            Some(PatternFit::Bind { .. }) => match &pattern.kind {
                PatternKind::Bind(local) => P::Bind(self.local(*local)),
                _ => P::Any,
            },
            Some(PatternFit::Variant(of, index) | PatternFit::PresentVariant(of, index)) => {
                let variant = program.enums[*of].variants.get(*index as usize);
                let Some(variant) = variant else { return P::Any };
                let mut binders = binders;
                binders.resize(variant.fields.len(), None);
                P::Variant(variant.name.node.to_string(), binders)
            }
            Some(PatternFit::Outcome(case)) => {
                let name = match case {
                    OutcomeCase::Ok => "Ok",
                    OutcomeCase::Failed => "Failed",
                    OutcomeCase::Unknown => "Unknown",
                };
                P::Variant(name.to_owned(), binders)
            }
            Some(PatternFit::Any) | None => P::Any,
        }
    }
}

/// A failure prints as its name.
fn name_of_failure(part: fir::TextPart) -> fir::TextPart {
    match part {
        fir::TextPart::Value(value) if value.ty == fir::Ty::Named(FAILURE.to_owned()) => {
            fir::TextPart::Value(fir::Expr {
                ty: fir::Ty::Text,
                kind: fir::ExprKind::Field(Box::new(value), "name".to_owned()),
            })
        }
        other => other,
    }
}

fn as_decimal(kind: fir::ExprKind) -> fir::ExprKind {
    match kind {
        fir::ExprKind::Literal(Value::Number(n)) => {
            fir::ExprKind::Literal(Value::String(n.to_string()))
        }
        fir::ExprKind::Unary(op, inner) => {
            let inner = fir::Expr { ty: fir::Ty::Decimal, kind: as_decimal(inner.kind) };
            fir::ExprKind::Unary(op, Box::new(inner))
        }
        other => other,
    }
}

/// A text without anything to fill in, as the literal of another type that it was read as.
fn as_literal(kind: fir::ExprKind) -> fir::ExprKind {
    let fir::ExprKind::Text(parts) = &kind else { return kind };
    let chars = parts.iter().map(|part| match part {
        fir::TextPart::Text(chars) => Some(chars.as_str()),
        fir::TextPart::Value(_) => None,
    });
    match chars.collect::<Option<String>>() {
        Some(text) => fir::ExprKind::Literal(Value::String(text)),
        None => kind,
    }
}

/// A literal in boundary JSON.
pub(super) fn literal_json(literal: &Literal) -> Value {
    match literal {
        Literal::Money { amount, currency } => Value::String(format!("{amount} {currency}")),
        Literal::Percent(percent) => Value::String(format!("{percent}%")),
        Literal::Duration(ms) => Value::String(duration(*ms)),
        Literal::Size(bytes) => Value::from(*bytes),
        Literal::Int(int) => Value::from(*int),
        Literal::Decimal(decimal) => Value::String(decimal.to_string()),
        Literal::Text(text) => Value::String(text.clone()),
        Literal::Bool(bool) => Value::Bool(*bool),
        Literal::None => Value::Null,
    }
}

/// A duration as `1m30s`.
fn duration(ms: i64) -> String {
    let mut rest = ms;
    let mut out = String::new();
    for (size, unit) in
        [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s"), (1, "ms")]
    {
        if rest >= size {
            out.push_str(&format!("{}{unit}", rest / size));
            rest %= size;
        }
    }
    if out.is_empty() { "0s".to_owned() } else { out }
}

fn unary(op: UnaryOp) -> fir::UnaryOp {
    match op {
        UnaryOp::Not => fir::UnaryOp::Not,
        UnaryOp::Neg => fir::UnaryOp::Neg,
    }
}

fn binary(op: BinaryOp) -> fir::BinaryOp {
    match op {
        BinaryOp::Or => fir::BinaryOp::Or,
        BinaryOp::And => fir::BinaryOp::And,
        BinaryOp::Coalesce => fir::BinaryOp::Coalesce,
        BinaryOp::Eq => fir::BinaryOp::Eq,
        BinaryOp::Ne => fir::BinaryOp::Ne,
        BinaryOp::Lt => fir::BinaryOp::Lt,
        BinaryOp::Le => fir::BinaryOp::Le,
        BinaryOp::Gt => fir::BinaryOp::Gt,
        BinaryOp::Ge => fir::BinaryOp::Ge,
        BinaryOp::In => fir::BinaryOp::In,
        BinaryOp::Add => fir::BinaryOp::Add,
        BinaryOp::Sub => fir::BinaryOp::Sub,
        BinaryOp::Mul => fir::BinaryOp::Mul,
        BinaryOp::Div => fir::BinaryOp::Div,
        BinaryOp::Rem => fir::BinaryOp::Rem,
    }
}
