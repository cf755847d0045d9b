//! Methods of lists and batches, most of which take a lambda.

use super::cx::{Cx, Want, article};
use super::methods::{Given, Shape, shape};
use super::operator::has_order;
use super::table::Member;
use crate::diagnostic::Diagnostic;
use crate::hir::{ExprId, ExprKind, Label, Name, Ty, TyKind};
use crate::span::Span;

/// The methods of lists and batches.
pub(super) const METHODS: &[Shape] = &[
    shape("map", "map(x => value)", 1, 1),
    shape("where", "where(x => condition)", 1, 1),
    shape("any", "any(x => condition)", 1, 1),
    shape("all", "all(x => condition)", 1, 1),
    shape("sum", "sum(), sum(x => amount)", 0, 1),
    shape("count", "count(), count(x => condition)", 0, 1),
    shape("count_by", "count_by(x => key)", 1, 1),
    shape("group_by", "group_by(x => key)", 1, 1),
    shape("min", "min(), min(x => key)", 0, 1),
    shape("max", "max(), max(x => key)", 0, 1),
    shape("sort_by", "sort_by(x => key)", 1, 1),
    shape("sort", "sort()", 0, 0),
    shape("find", "find(x => condition)", 1, 1),
    shape("flat_map", "flat_map(x => list)", 1, 1),
    shape("flat", "flat()", 0, 0),
    shape("unique_by", "unique_by(x => key)", 1, 1),
    shape("index_by", "index_by(x => key)", 1, 1),
    shape("to_map", "to_map(x => key, x => value)", 2, 2),
    shape("fold", "fold(init, (acc, x) => next)", 2, 2),
    shape("zip", "zip(other), zip(other, (a, b) => value)", 1, 2),
    shape("first", "first()", 0, 0),
    shape("last", "last()", 0, 0),
    shape("take", "take(n)", 1, 1),
    shape("drop", "drop(n)", 1, 1),
    shape("at", "at(index)", 1, 1),
    shape("index_of", "index_of(item)", 1, 1),
    shape("chunks", "chunks(size)", 1, 1),
    shape("unique", "unique()", 0, 0),
    shape("reverse", "reverse()", 0, 0),
    shape("contains", "contains(item)", 1, 1),
    shape("is_empty", "is_empty", 0, 0),
    shape("len", "len", 0, 0),
    shape("join", "join(between)", 1, 1),
];

impl Cx<'_> {
    pub(super) fn list_method(
        &mut self,
        id: ExprId,
        of: &'static str,
        item: &Ty,
        name: &Name,
        given: Given<'_>,
    ) -> Option<Ty> {
        let Some((method, args)) = self.shape(METHODS, name, given)? else {
            return Some(Ty::error());
        };
        self.table.members.insert(id, Member::Method { of, name: method });
        let list = |item: Ty| Ty::new(TyKind::List(Box::new(item)));
        let one = std::slice::from_ref(item);
        let bool_ = Want::plain(Ty::new(TyKind::Bool));
        let int = Ty::new(TyKind::Int);
        Some(match (method, args.as_slice()) {
            ("map", &[lambda]) => list(self.lambda(lambda, one, None)),
            ("where", &[lambda]) => {
                self.lambda(lambda, one, Some(&bool_));
                list(item.clone())
            }
            ("find", &[lambda]) => {
                self.lambda(lambda, one, Some(&bool_));
                item.clone().optional()
            }
            ("flat_map", &[lambda]) => {
                let lists = self.lambda(lambda, one, None);
                self.flat(lambda, &lists)
            }
            ("any" | "all", &[lambda]) => {
                // What an answer is computed from is in it; what is only chosen by it is not.
                let answer = self.lambda(lambda, one, Some(&bool_));
                bool_.ty.labelled(answer.label)
            }
            ("count", args) => args.iter().fold(int, |int, lambda| {
                let answer = self.lambda(*lambda, one, Some(&bool_));
                int.labelled(answer.label)
            }),
            ("sum", args) => {
                let ty = self.projected(args, item);
                self.summed(id, args.first().copied(), &ty)
            }
            ("min" | "max" | "sort_by" | "sort", args) => {
                let key = self.projected(args, item);
                self.ordered(id, args.first().copied(), &key, method);
                match method {
                    "min" | "max" => item.clone().optional(),
                    _ => list(item.clone()),
                }
            }
            ("fold", &[init, lambda]) => self.fold(init, lambda, item),
            ("zip", args) => self.zip(args, item),
            ("unique_by" | "index_by" | "to_map" | "count_by" | "group_by", &[key, ..]) => {
                self.keyed(method, key, args.get(1).copied(), item)
            }
            _ => self.unprojected(id, method, &args, item),
        })
    }

    /// Methods whose lambda makes a key.
    fn keyed(&mut self, method: &str, lambda: ExprId, value: Option<ExprId>, item: &Ty) -> Ty {
        let one = std::slice::from_ref(item);
        let key = self.lambda(lambda, one, None);
        let key = self.key(lambda, key);
        let list = Ty::new(TyKind::List(Box::new(item.clone())));
        let value = match (method, value) {
            ("unique_by", _) => return list,
            ("to_map", Some(value)) => self.lambda(value, one, None),
            ("index_by", _) => item.clone(),
            ("count_by", _) => Ty::new(TyKind::Int),
            _ => list,
        };
        Ty::new(TyKind::Map(Box::new(key), Box::new(value)))
    }

    /// Methods without a lambda.
    fn unprojected(&mut self, id: ExprId, method: &str, args: &[ExprId], item: &Ty) -> Ty {
        let list = |item: Ty| Ty::new(TyKind::List(Box::new(item)));
        let (bool_, int) = (Ty::new(TyKind::Bool), Ty::new(TyKind::Int));
        match (method, args) {
            ("flat", _) => self.flat(id, item),
            ("first" | "last", _) => item.clone().optional(),
            ("take" | "drop" | "at" | "chunks", &[n]) => {
                self.check(n, &Want::plain(int));
                match method {
                    "at" => item.clone().optional(),
                    "chunks" => list(list(item.clone())),
                    _ => list(item.clone()),
                }
            }
            ("index_of", &[value]) => {
                self.check(value, &Want::plain(item.clone()));
                int.optional().labelled(self.compared(item, value))
            }
            ("contains", &[value]) => {
                self.check(value, &Want::plain(item.clone()));
                bool_.labelled(self.compared(item, value))
            }
            ("join", &[between]) => {
                self.check(between, &Want::plain(Ty::new(TyKind::Text)));
                Ty::new(TyKind::Text).labelled(item.label)
            }
            ("is_empty", _) => bool_,
            ("len", _) => int,
            // `unique`, `reverse`
            _ => list(item.clone()),
        }
    }

    /// The label of what items and a value are compared by: everything in them.
    pub(super) fn compared(&self, item: &Ty, value: ExprId) -> Label {
        let value = self.program.deep_label(&self.table.own_ty(value));
        self.program.deep_label(item).max(value)
    }

    /// What a lambda makes of an item, or the item itself.
    fn projected(&mut self, args: &[ExprId], item: &Ty) -> Ty {
        match args.first() {
            Some(lambda) => self.lambda(*lambda, std::slice::from_ref(item), None),
            None => item.clone(),
        }
    }

    fn summed(&mut self, id: ExprId, lambda: Option<ExprId>, ty: &Ty) -> Ty {
        let at = lambda.map_or_else(|| self.span(id), |lambda| self.span(lambda));
        let plain = self.base(ty);
        match &plain.kind {
            TyKind::Int
            | TyKind::Decimal
            | TyKind::Percent
            | TyKind::Duration
            | TyKind::Size
            | TyKind::Money(Some(_))
            | TyKind::Error => plain,
            TyKind::Money(None) => {
                self.report(
                    Diagnostic::error(
                        "F0112",
                        at,
                        "a sum of amounts whose currency is not known here",
                    )
                    .label(at, "this is plain `money`")
                    .help("declare the currency: `money<EUR>`; an empty sum has one too"),
                );
                Ty::error()
            }
            _ => {
                self.unfit(at, &plain, "summed");
                Ty::error()
            }
        }
    }

    fn ordered(&mut self, id: ExprId, lambda: Option<ExprId>, ty: &Ty, method: &str) {
        let at = lambda.map_or_else(|| self.span(id), |lambda| self.span(lambda));
        let plain = self.base(ty);
        match &plain.kind {
            TyKind::Error => {}
            TyKind::Money(None) => {
                self.report(
                    Diagnostic::error(
                        "F0112",
                        at,
                        "amounts of possibly different currencies are compared",
                    )
                    .label(at, "this is plain `money`")
                    .help("declare the currency: `money<EUR>`"),
                );
            }
            kind if has_order(kind) || matches!(kind, TyKind::Bool | TyKind::Uuid) => {}
            _ => {
                let verb = if method.starts_with("sort") { "sorted by" } else { "compared" };
                self.unfit(at, &plain, verb);
            }
        }
    }

    /// A key of a map: what has a text at the boundary.
    fn key(&mut self, lambda: ExprId, ty: Ty) -> Ty {
        if self.program.is_key(&ty) {
            return ty;
        }
        self.unfit(self.span(lambda), &self.base(&ty), "the key of a map");
        Ty::error()
    }

    /// The same of the maps that are declared.
    pub(super) fn keys_of_maps(&mut self) {
        for key in &self.program.map_keys {
            if !self.program.is_key(&key.node) {
                self.unfit(key.span, &self.base(&key.node), "the key of a map");
            }
        }
    }

    fn unfit(&mut self, at: Span, ty: &Ty, verb: &str) {
        let shown = self.show(ty);
        let code = if ty.is_optional() { "F0114" } else { "F0102" };
        self.report(
            Diagnostic::error(code, at, format!("{} cannot be {verb}", article(&shown)))
                .label(at, format!("this is {}", article(&shown))),
        );
    }

    /// The type of several lists in one.
    fn flat(&mut self, of: ExprId, lists: &Ty) -> Ty {
        let plain = self.base(lists);
        match plain.kind {
            TyKind::List(item) | TyKind::Batch(item) => {
                Ty::new(TyKind::List(item)).labelled(lists.label)
            }
            TyKind::Error => Ty::error(),
            _ => {
                self.unfit(self.span(of), &plain, "put together as lists");
                Ty::error()
            }
        }
    }

    fn fold(&mut self, init: ExprId, lambda: ExprId, item: &Ty) -> Ty {
        let acc = self.value(init, None);
        if acc.kind == TyKind::Error {
            self.loose(lambda);
            return acc;
        }
        let words = "the fold begins with this".to_owned();
        let mut want = Want { ty: acc, from: Some((self.span(init), words)) };
        let so_far = match &self.program.exprs[lambda].kind {
            ExprKind::Lambda(locals, _) => locals.first().copied(),
            _ => None,
        };
        if let Some(raised) = so_far.and_then(|local| self.raised.get(&local)) {
            want.ty = self.program.labelled_as(want.ty, raised);
        }
        loop {
            let found = self.findings.len();
            let body = self.lambda(lambda, &[want.ty.clone(), item.clone()], Some(&want));
            let raised = so_far.is_some_and(|local| self.raise(local, &body));
            // Bound: each further look has more labels, of which a type has few, and they are kept.
            if !raised {
                return self.program.labelled_as(want.ty, &body);
            }
            self.findings.truncate(found);
            want.ty = self.program.labelled_as(want.ty, &body);
        }
    }

    fn zip(&mut self, args: &[ExprId], item: &Ty) -> Ty {
        let Some(&other) = args.first() else { return Ty::error() };
        let ty = self.value(other, None);
        let plain = self.plain_operand(other, &ty, "put beside a list");
        let second = match &plain.kind {
            TyKind::List(second) | TyKind::Batch(second) => {
                (**second).clone().labelled(plain.label)
            }
            TyKind::Error => Ty::error(),
            _ => {
                self.unfit(self.span(other), &plain, "put beside a list");
                Ty::error()
            }
        };
        let pair = match args.get(1) {
            Some(lambda) => self.lambda(*lambda, &[item.clone(), second], None),
            None if super::fit::same(item, &second) => {
                Ty::new(TyKind::List(Box::new(self.program.labelled_as(item.clone(), &second))))
            }
            None => {
                let (at, a, b) = (self.span(other), self.show(item), self.show(&second));
                self.report(
                    Diagnostic::error("F0102", at, "pairs of two types need a lambda")
                        .label(at, format!("{} beside {}", article(&b), article(&a)))
                        .help("say what becomes of a pair: `zip(other, (a, b) => …)`"),
                );
                Ty::error()
            }
        };
        if pair.kind == TyKind::Error {
            return Ty::error();
        }
        Ty::new(TyKind::List(Box::new(pair)))
    }
}
