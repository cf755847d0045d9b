//! What is inside an expression: its operands, and the names it reads.

use crate::hir::{ExprId, ExprKind, LocalId, Program, TextPart};

/// The expressions right inside one, in the order they are evaluated.
#[must_use]
pub fn operands(program: &Program, id: ExprId) -> Vec<ExprId> {
    match &program.exprs[id].kind {
        ExprKind::Literal(_) | ExprKind::Local(_) => Vec::new(),
        ExprKind::Error(inner) | ExprKind::List(inner) | ExprKind::Builtin(_, inner) => {
            inner.clone()
        }
        ExprKind::Text(parts) => parts
            .iter()
            .filter_map(|part| match part {
                TextPart::Interp(inner) => Some(*inner),
                TextPart::Chars(_) => None,
            })
            .collect(),
        ExprKind::Record(_, given) | ExprKind::Variant(_, _, given) | ExprKind::Call(_, given) => {
            given.each().collect()
        }
        ExprKind::Nominal(_, inner) | ExprKind::Unary(_, inner) | ExprKind::Lambda(_, inner) => {
            vec![*inner]
        }
        ExprKind::Field { base, .. } => vec![*base],
        ExprKind::Method { base, args, .. } => {
            std::iter::once(*base).chain(args.iter().map(|arg| arg.value)).collect()
        }
        ExprKind::Index(a, b) | ExprKind::Binary(_, a, b) => vec![*a, *b],
        ExprKind::With(base, fields) => {
            std::iter::once(*base).chain(fields.iter().map(|(_, value)| *value)).collect()
        }
        ExprKind::If(a, b, c) => vec![*a, *b, *c],
        ExprKind::Match(subject, arms) => {
            std::iter::once(*subject).chain(arms.iter().map(|arm| arm.value)).collect()
        }
    }
}

/// Every read of a local in an expression, with its place. Names bound inside (of lambdas and
/// patterns) are among them.
#[must_use]
pub fn reads(program: &Program, id: ExprId) -> Vec<(LocalId, ExprId)> {
    let mut found = Vec::new();
    program.each_inner(id, &mut |inner| {
        if let ExprKind::Local(local) = program.exprs[inner].kind {
            found.push((local, inner));
        }
    });
    found
}
