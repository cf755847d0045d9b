//! Methods of maps.

use super::cx::{Cx, Want};
use super::methods::{Given, Shape, shape};
use super::table::Member;
use crate::hir::{ExprId, Name, Ty, TyKind};

/// The methods of maps.
pub(super) const METHODS: &[Shape] = &[
    shape("get", "get(key)", 1, 1),
    shape("contains", "contains(key)", 1, 1),
    shape("keys", "keys", 0, 0),
    shape("values", "values", 0, 0),
    shape("entries", "entries", 0, 0),
    shape("len", "len", 0, 0),
    shape("count", "count()", 0, 0),
    shape("put", "put(key, value)", 2, 2),
    shape("remove", "remove(key)", 1, 1),
    shape("merge", "merge(other)", 1, 1),
    shape("where", "where((key, value) => condition)", 1, 1),
    shape("map_values", "map_values(value => value)", 1, 1),
    shape("is_empty", "is_empty", 0, 0),
];

impl Cx<'_> {
    pub(super) fn map_method(
        &mut self,
        id: ExprId,
        key: &Ty,
        value: &Ty,
        name: &Name,
        given: Given<'_>,
    ) -> Option<Ty> {
        let Some((method, args)) = self.shape(METHODS, name, given)? else {
            return Some(Ty::error());
        };
        self.table.members.insert(id, Member::Method { of: "map", name: method });
        let list = |item: Ty| Ty::new(TyKind::List(Box::new(item)));
        let same = Ty::new(TyKind::Map(Box::new(key.clone()), Box::new(value.clone())));
        if let ("get" | "contains" | "remove" | "put", Some(arg)) = (method, args.first()) {
            self.check(*arg, &Want::plain(key.clone()));
        }
        Some(match (method, args.as_slice()) {
            ("put", &[at, given]) => {
                self.check(given, &Want::plain(value.clone()));
                let (at, given) = (self.table.own_ty(at), self.table.own_ty(given));
                let put = Ty::new(TyKind::Map(Box::new(at), Box::new(given)));
                self.program.labelled_as(same, &put)
            }
            ("merge", &[other]) => {
                self.check(other, &Want::plain(same.clone()));
                self.program.labelled_as(same, &self.table.own_ty(other))
            }
            ("where", &[lambda]) => {
                let condition = Want::plain(Ty::new(TyKind::Bool));
                self.lambda(lambda, &[key.clone(), value.clone()], Some(&condition));
                same
            }
            ("map_values", &[lambda]) => {
                let to = self.lambda(lambda, std::slice::from_ref(value), None);
                Ty::new(TyKind::Map(Box::new(key.clone()), Box::new(to)))
            }
            ("remove", _) => same,
            ("get", _) => value.clone().optional(),
            ("contains", &[given]) => Ty::new(TyKind::Bool).labelled(self.compared(key, given)),
            ("is_empty", _) => Ty::new(TyKind::Bool),
            ("keys", _) => list(key.clone()),
            ("values", _) => list(value.clone()),
            ("entries", _) => {
                let entry = TyKind::Entry(Box::new(key.clone()), Box::new(value.clone()));
                list(Ty::new(entry))
            }
            _ => Ty::new(TyKind::Int),
        })
    }
}
