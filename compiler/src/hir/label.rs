//! Labels in types: what a type holds, what it takes over from another, and what it would lose.
//!
//! A record travels as a whole, so only collections, optionals and named types are looked into where
//! labels meet; [`Program::deep_label`] alone looks into records.

use super::*;
use std::collections::BTreeSet;

impl Program {
    /// A type without the names in front of it, with the labels that they stand for.
    #[must_use]
    pub fn plain(&self, ty: &Ty) -> Ty {
        let mut ty = ty.clone();
        // Bound: an alias never leads to itself, so the chain ends; a broken one stops too.
        for _ in 0..64 {
            let TyKind::Alias(id) = ty.kind else { break };
            ty = self.aliases[id].of.node.clone().labelled(ty.label);
        }
        ty
    }

    /// The same type, in each of its places at least as confidential as another is there. What the
    /// other has where this has no such place goes onto the outside.
    #[must_use]
    pub fn labelled_as(&self, ty: Ty, other: &Ty) -> Ty {
        use TyKind as K;
        let Ty { mut label, kind } = ty;
        let both = |a: Box<Ty>, b: &Ty| Box::new(self.labelled_as(*a, b));
        let kind = match (kind, &other.kind) {
            (K::Alias(a), K::Alias(b)) if a == *b => K::Alias(a),
            (kind, K::Alias(_)) => return self.labelled_as(Ty { label, kind }, &self.plain(other)),
            (K::Optional(a), _) => {
                let mut inner = self.labelled_as(*a, &other.present());
                label = label.max(std::mem::take(&mut inner.label));
                K::Optional(Box::new(inner))
            }
            (kind, K::Optional(_)) => {
                return self.labelled_as(Ty { label, kind }, &other.present());
            }
            (K::List(a), K::List(b) | K::Batch(b)) => K::List(both(a, b)),
            (K::Batch(a), K::List(b) | K::Batch(b)) => K::Batch(both(a, b)),
            (K::Outcome(a), K::Outcome(b)) => K::Outcome(both(a, b)),
            (K::Map(k, v), K::Map(x, y)) => K::Map(both(k, x), both(v, y)),
            (K::Entry(k, v), K::Entry(x, y)) => K::Entry(both(k, x), both(v, y)),
            (kind, _) => {
                let ty = Ty { label, kind };
                let carried = self.carried_label(other);
                return if carried > self.carried_label(&ty) { ty.labelled(carried) } else { ty };
            }
        };
        Ty { label: label.max(other.label), kind }
    }

    /// The highest label that a value has in a place where the type that takes it has less.
    #[must_use]
    pub fn lost(&self, got: &Ty, wanted: &Ty) -> Label {
        self.lost_within(got, wanted, Label::Open)
    }

    /// `around` is what the wanted type is within: it covers what is in it.
    fn lost_within(&self, got: &Ty, wanted: &Ty, around: Label) -> Label {
        use TyKind as K;
        if matches!(got.kind, K::Alias(_)) && got.kind == wanted.kind {
            // Bound: what one name stands for is not held against itself.
            let covered = around.max(wanted.label);
            return if got.label > covered { got.label } else { Label::Open };
        }
        let (got, wanted) = (self.plain(got), self.plain(wanted));
        let covered = around.max(wanted.label);
        let own = if got.label > covered { got.label } else { Label::Open };
        let inner = match (&got.kind, &wanted.kind) {
            (_, K::Error) => return Label::Open,
            (K::Optional(_), _) | (_, K::Optional(_)) => {
                self.lost_within(bare(&got), bare(&wanted), covered)
            }
            (K::List(a) | K::Batch(a), K::List(b) | K::Batch(b))
            | (K::Outcome(a), K::Outcome(b)) => self.lost_within(a, b, covered),
            (K::Map(k, v), K::Map(x, y)) | (K::Entry(k, v), K::Entry(x, y)) => {
                self.lost_within(k, x, covered).max(self.lost_within(v, y, covered))
            }
            _ => Some(self.carried_label(&got)).filter(|l| *l > covered).unwrap_or_default(),
        };
        own.max(inner)
    }

    /// The same type without the labels of its collections; a named one keeps what its name says.
    #[must_use]
    pub fn opened(&self, ty: &Ty) -> Ty {
        use TyKind as K;
        let of = |ty: &Ty| Box::new(self.opened(ty));
        Ty::new(match &ty.kind {
            K::List(item) => K::List(of(item)),
            K::Batch(item) => K::Batch(of(item)),
            K::Outcome(inner) => K::Outcome(of(inner)),
            K::Optional(inner) => K::Optional(of(inner)),
            K::Map(key, value) => K::Map(of(key), of(value)),
            K::Entry(key, value) => K::Entry(of(key), of(value)),
            kind => kind.clone(),
        })
    }

    /// Whether an expression is a value without parts, by which only the form of another is asked:
    /// `none`, `[]`, a case that carries nothing.
    #[must_use]
    pub fn asks_for_form(&self, id: ExprId) -> bool {
        match &self.exprs[id].kind {
            ExprKind::Literal(Literal::None) => true,
            ExprKind::List(items) => items.is_empty(),
            ExprKind::Variant(of, index, _) => {
                let variant = self.enums[*of].variants.get(*index as usize);
                variant.is_some_and(|variant| variant.fields.is_empty())
            }
            _ => false,
        }
    }

    /// Whether a type, or something in it, has just this label.
    #[must_use]
    pub fn holds(&self, ty: &Ty, label: Label) -> bool {
        self.inside(ty, label, &mut BTreeSet::new())
    }

    /// The highest label of a type and of what is in it.
    #[must_use]
    pub fn deep_label(&self, ty: &Ty) -> Label {
        let all = [Label::Secret, Label::Pii];
        all.into_iter().find(|label| self.holds(ty, *label)).unwrap_or_default()
    }

    /// The highest label of a type and of what its collections hold. A record is not looked into: it
    /// travels as a whole, and its fields are marked.
    #[must_use]
    pub fn carried_label(&self, ty: &Ty) -> Label {
        self.carried_in(ty, &mut BTreeSet::new())
    }

    /// Bound: a name is looked behind once, however often it stands in others.
    fn carried_in(&self, ty: &Ty, seen: &mut BTreeSet<TyKind>) -> Label {
        let inner = match &ty.kind {
            TyKind::List(t) | TyKind::Optional(t) | TyKind::Outcome(t) | TyKind::Batch(t) => {
                self.carried_in(t, seen)
            }
            TyKind::Map(k, v) | TyKind::Entry(k, v) => {
                self.carried_in(k, seen).max(self.carried_in(v, seen))
            }
            TyKind::Alias(id) if seen.insert(ty.kind.clone()) => {
                self.carried_in(&self.aliases[*id].of.node, seen)
            }
            _ => Label::Open,
        };
        ty.label.max(inner)
    }

    fn inside(&self, ty: &Ty, label: Label, seen: &mut BTreeSet<TyKind>) -> bool {
        if ty.label == label {
            return true;
        }
        let fields: Vec<&Field> = match &ty.kind {
            TyKind::List(t) | TyKind::Optional(t) | TyKind::Outcome(t) | TyKind::Batch(t) => {
                return self.inside(t, label, seen);
            }
            TyKind::Map(k, v) | TyKind::Entry(k, v) => {
                return self.inside(k, label, seen) || self.inside(v, label, seen);
            }
            TyKind::Alias(id) => {
                return seen.insert(ty.kind.clone())
                    && self.inside(&self.aliases[*id].of.node, label, seen);
            }
            TyKind::Record(id) => self.records[*id].fields.iter().collect(),
            TyKind::Event(id) => self.events[*id].fields.iter().collect(),
            TyKind::Enum(id) => {
                self.enums[*id].variants.iter().flat_map(|variant| &variant.fields).collect()
            }
            _ => return false,
        };
        // Order: a record that holds itself is looked into once.
        seen.insert(ty.kind.clone())
            && fields.into_iter().any(|field| self.inside(&field.ty.node, label, seen))
    }
}

/// What an optional holds; anything else as it is.
fn bare(ty: &Ty) -> &Ty {
    match &ty.kind {
        TyKind::Optional(inner) => inner,
        _ => ty,
    }
}
