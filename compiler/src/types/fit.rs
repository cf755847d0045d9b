//! Which values fit where: conversions that the source leaves out, and the common type of several.
//!
//! Labels never decide whether a value fits; they travel along, and `check` judges where they end.

use super::cx::{Cx, Want};
use super::table::{Adjust, Adjustment};
use crate::hir::{ExprId, ExprKind, Literal, Ty, TyKind, UnaryOp};
use std::collections::BTreeSet;

impl Cx<'_> {
    /// What turns a value of type `got` into one of type `want`; none where nothing does. Knowing
    /// the expression allows for what only literals may do.
    pub fn convert(&self, id: Option<ExprId>, got: &Ty, want: &Ty) -> Option<Vec<Adjustment>> {
        use TyKind as K;
        let to = |how, kind: &TyKind| Adjustment {
            how,
            to: self.program.labelled_as(Ty::new(kind.clone()), got),
        };
        match (&got.kind, &want.kind) {
            (K::List(a), K::List(b)) if a.kind == K::Never && b.kind != K::Never => {
                Some(vec![to(Adjust::Typed, &want.kind)])
            }
            _ if same(got, want) => Some(Vec::new()),
            (K::None, K::Optional(_)) => Some(vec![to(Adjust::Typed, &want.kind)]),
            (K::Optional(a), K::Optional(b)) if same(a, b) => Some(Vec::new()),
            (K::Optional(_), _) => None,
            (_, K::Optional(inner)) => {
                let mut steps = self.convert(id, got, inner)?;
                steps.push(to(Adjust::Some, &want.kind));
                Some(steps)
            }
            (_, K::Alias(alias)) => {
                let id = id.filter(|id| self.is_literal(*id))?;
                let inner = self.program.aliases[*alias].of.node.clone();
                let mut steps = self.convert(Some(id), got, &inner)?;
                steps.push(to(Adjust::Nominal, &want.kind));
                Some(steps)
            }
            (K::Alias(_), _) => {
                let plain = self.base(got);
                let mut steps = vec![to(Adjust::Plain, &plain.kind)];
                steps.extend(self.convert(None, &plain, want)?);
                Some(steps)
            }
            (K::Int, K::Decimal) if id.is_some_and(|id| self.is_literal(id)) => {
                Some(vec![to(Adjust::Decimal, &K::Decimal)])
            }
            (K::Text, K::Uuid | K::Date | K::Time) => {
                let text = id.and_then(|id| self.literal_text(id))?;
                super::literal::reads_as(&text, &want.kind)
                    .then(|| vec![to(Adjust::Parsed, &want.kind)])
            }
            _ => None,
        }
    }

    /// Whether an expression is a value written out.
    pub fn is_literal(&self, id: ExprId) -> bool {
        match &self.program.exprs[id].kind {
            ExprKind::Literal(literal) => *literal != Literal::None,
            ExprKind::Text(_) => self.literal_text(id).is_some(),
            ExprKind::Unary(UnaryOp::Neg, inner) => {
                matches!(self.program.exprs[*inner].kind, ExprKind::Literal(_))
            }
            _ => false,
        }
    }

    /// Makes a value fit, or says why it does not. Answers the type as the context sees it.
    pub fn coerce(&mut self, id: ExprId, want: &Want) -> Ty {
        let got = self.table.own_ty(id);
        match self.convert(Some(id), &got, &want.ty) {
            Some(steps) => {
                self.check_nominal(id, &steps);
                if steps.is_empty() {
                    self.table.adjustments.remove(&id);
                } else {
                    self.table.adjustments.insert(id, steps);
                }
            }
            None => self.mismatch(id, &got, want),
        }
        self.table.ty(id)
    }

    /// The type of several values that meet, and makes each of them have it; none where they have
    /// none in common.
    pub fn meet(&mut self, ids: &[ExprId]) -> Option<Ty> {
        let ty = self.common(ids)?;
        if !ty.has_error() {
            for id in ids {
                self.coerce(*id, &Want::plain(ty.clone()));
            }
        }
        Some(ty)
    }

    /// The type that all of several values fit.
    pub fn common(&self, ids: &[ExprId]) -> Option<Ty> {
        let own: Vec<(ExprId, Ty)> = ids.iter().map(|id| (*id, self.table.own_ty(*id))).collect();
        if own.iter().any(|(_, ty)| ty.kind == TyKind::Error) {
            return Some(Ty::error());
        }
        // Bound: lists are long, but the types in them are few.
        let kinds: BTreeSet<&Ty> = own.iter().map(|(_, ty)| ty).collect();
        // Order: a nominal type before its plain one, so that a literal beside it is checked.
        let (named, others): (Vec<&Ty>, Vec<&Ty>) =
            kinds.into_iter().partition(|ty| matches!(ty.present().kind, TyKind::Alias(_)));
        let kinds: Vec<&Ty> = named.into_iter().chain(others).collect();
        let mut candidates: Vec<Ty> = Vec::new();
        if let Some(joined) = kinds.iter().try_fold(Ty::new(TyKind::Never), |a, b| join(&a, b)) {
            candidates.push(joined);
        }
        candidates.extend(kinds.iter().map(|ty| (*ty).clone()));
        candidates.extend(kinds.iter().map(|ty| (*ty).clone().optional()));
        candidates.extend(kinds.iter().map(|ty| self.base(ty)));
        let fits =
            |want: &Ty| own.iter().all(|(id, ty)| self.convert(Some(*id), ty, want).is_some());
        let ty = candidates.into_iter().find(fits)?;
        Some(own.iter().fold(ty, |ty, (_, own)| self.program.labelled_as(ty, own)))
    }

    /// The smallest type that both fit without knowing the expressions, as confidential in each place
    /// as either.
    pub(super) fn join(&self, a: &Ty, b: &Ty) -> Option<Ty> {
        let ty = join(a, b)?;
        Some([a, b].into_iter().fold(ty, |ty, from| self.program.labelled_as(ty, from)))
    }
}

/// Whether two types are the same but for labels; what is unknown is the same as anything, and an
/// amount of a known currency is also an amount of any.
pub(super) fn same(got: &Ty, want: &Ty) -> bool {
    use TyKind as K;
    match (&got.kind, &want.kind) {
        (K::Error | K::Never, _) | (_, K::Error | K::Never) => true,
        (K::Money(Some(_)), K::Money(None)) => true,
        (K::List(a), K::List(b))
        | (K::Optional(a), K::Optional(b))
        | (K::Outcome(a), K::Outcome(b))
        | (K::Batch(a), K::Batch(b)) => same(a, b),
        (K::Map(a, x), K::Map(b, y)) => same(a, b) && same(x, y),
        (a, b) => a == b,
    }
}

/// The form of the smallest type that both fit; its labels are some of theirs.
fn join(a: &Ty, b: &Ty) -> Option<Ty> {
    use TyKind as K;
    Some(match (&a.kind, &b.kind) {
        (K::Error, _) | (_, K::Error) => Ty::error(),
        (K::Never, _) => b.clone(),
        (_, K::Never) => a.clone(),
        (K::None, _) => b.clone().optional(),
        (_, K::None) => a.clone().optional(),
        (K::Optional(x), K::Optional(y)) => join(x, y)?.optional(),
        (K::Optional(x), _) => join(x, b)?.optional(),
        (_, K::Optional(y)) => join(a, y)?.optional(),
        (K::Money(x), K::Money(y)) if x != y && (x.is_none() || y.is_none()) => {
            Ty::new(K::Money(None))
        }
        (K::List(x), K::List(y)) => {
            Ty::new(K::List(Box::new(join(x, y).filter(|_| same(x, y) || same(y, x))?)))
        }
        (x, y) if x == y || same(a, b) => a.clone(),
        _ => return None,
    })
}
