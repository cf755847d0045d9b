//! Methods of lists, batches and maps, most of which take a lambda.

use super::cx::{Cx, Want, article};
use super::operator::has_order;
use super::table::Member;
use crate::diagnostic::Diagnostic;
use crate::hir::{ExprId, ExprKind, MethodArg, Name, Ty, TyKind};
use crate::span::Span;

/// A method with what it takes; `?` behind what may be left out.
struct Shape {
    name: &'static str,
    signature: &'static str,
    least: usize,
    most: usize,
}

const fn shape(name: &'static str, signature: &'static str, least: usize, most: usize) -> Shape {
    Shape { name, signature, least, most }
}

const LIST: [Shape; 24] = [
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
    shape("fold", "fold(init, (acc, x) => next)", 2, 2),
    shape("zip", "zip(other), zip(other, (a, b) => value)", 1, 2),
    shape("first", "first()", 0, 0),
    shape("last", "last()", 0, 0),
    shape("take", "take(n)", 1, 1),
    shape("drop", "drop(n)", 1, 1),
    shape("unique", "unique()", 0, 0),
    shape("reverse", "reverse()", 0, 0),
    shape("contains", "contains(item)", 1, 1),
    shape("is_empty", "is_empty", 0, 0),
    shape("len", "len", 0, 0),
    shape("join", "join(between)", 1, 1),
];

const MAP: [Shape; 8] = [
    shape("get", "get(key)", 1, 1),
    shape("contains", "contains(key)", 1, 1),
    shape("keys", "keys", 0, 0),
    shape("values", "values", 0, 0),
    shape("entries", "entries", 0, 0),
    shape("len", "len", 0, 0),
    shape("count", "count()", 0, 0),
    shape("is_empty", "is_empty", 0, 0),
];

/// The methods of a collection.
pub(super) fn names(kind: &TyKind) -> Vec<&'static str> {
    let shapes: &[Shape] = match kind {
        TyKind::List(_) | TyKind::Batch(_) => &LIST,
        TyKind::Map(..) => &MAP,
        _ => &[],
    };
    shapes.iter().map(|shape| shape.name).collect()
}

type Given<'g> = Option<(&'g [MethodArg], Span)>;

impl Cx<'_> {
    /// The shape of a method by name, after its number of arguments was checked; the arguments.
    fn shape(
        &mut self,
        shapes: &'static [Shape],
        name: &Name,
        given: Given<'_>,
    ) -> Option<Option<(&'static str, Vec<ExprId>)>> {
        let shape = shapes.iter().find(|shape| shape.name == name.node)?;
        let (args, span) = given.unwrap_or((&[], name.span));
        if !self.shape_fits(shape, name, args, span) {
            for arg in args {
                self.loose(arg.value);
            }
            return Some(None);
        }
        Some(Some((shape.name, args.iter().map(|arg| arg.value).collect())))
    }

    fn shape_fits(&mut self, shape: &Shape, name: &Name, args: &[MethodArg], span: Span) -> bool {
        let signature = format!("it is called as `{}`", shape.signature);
        if let Some(named) = args.iter().find_map(|arg| arg.name.as_ref()) {
            self.report(
                Diagnostic::error(
                    "F0120",
                    named.span,
                    format!("arguments of `{}` have no names", name.node),
                )
                .label(named.span, "leave the name out")
                .help(signature),
            );
            return false;
        }
        let problem = match args.len() {
            n if n < shape.least => "too few arguments",
            n if n > shape.most => "too many arguments",
            _ => return true,
        };
        self.report(
            Diagnostic::error("F0120", span, format!("{problem} for `{}`", name.node))
                .label(span, problem)
                .help(signature),
        );
        false
    }

    /// A lambda over values of these types; answers the type of its body.
    fn lambda(&mut self, arg: ExprId, params: &[Ty], want: Option<&Want>) -> Ty {
        let program = self.program;
        let ExprKind::Lambda(locals, body) = &program.exprs[arg].kind else {
            let ty = self.infer(arg, None);
            if ty.kind != TyKind::Error {
                let span = self.span(arg);
                self.report(
                    Diagnostic::error("F0102", span, "a lambda is wanted here")
                        .label(span, format!("this is {}", article(&self.show(&ty))))
                        .help("write `x => …`"),
                );
            }
            return Ty::error();
        };
        if locals.len() != params.len() {
            let span = self.span(arg);
            let (want, got) = (names_of(params.len()), names_of(locals.len()));
            self.report(
                Diagnostic::error(
                    "F0120",
                    span,
                    format!("this lambda has {got}, and {want} is needed"),
                )
                .label(span, format!("has {got}")),
            );
        }
        for (index, local) in locals.iter().enumerate() {
            self.bind(*local, params.get(index).cloned().unwrap_or_else(Ty::error));
        }
        let ty = match want {
            Some(want) => self.check(*body, want),
            None => self.value(*body, None),
        };
        self.set(arg, ty.clone());
        ty
    }

    pub(super) fn list_method(
        &mut self,
        id: ExprId,
        of: &'static str,
        item: &Ty,
        name: &Name,
        given: Given<'_>,
    ) -> Option<Ty> {
        let Some((method, args)) = self.shape(&LIST, name, given)? else {
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
            ("any" | "all", &[lambda]) => {
                self.lambda(lambda, one, Some(&bool_));
                bool_.ty
            }
            ("count", args) => {
                for lambda in args {
                    self.lambda(*lambda, one, Some(&bool_));
                }
                int
            }
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
            ("count_by" | "group_by", &[lambda]) => {
                let key = self.lambda(lambda, one, None);
                let key = self.key(lambda, key);
                let value = if method == "count_by" { int } else { list(item.clone()) };
                Ty::new(TyKind::Map(Box::new(key), Box::new(value)))
            }
            ("fold", &[init, lambda]) => self.fold(init, lambda, item),
            ("zip", args) => self.zip(args, item),
            ("first" | "last", _) => item.clone().optional(),
            ("take" | "drop", &[n]) => {
                self.check(n, &Want::plain(int));
                list(item.clone())
            }
            ("contains", &[value]) => {
                self.check(value, &Want::plain(item.clone()));
                bool_.ty
            }
            ("join", &[between]) => {
                self.check(between, &Want::plain(Ty::new(TyKind::Text)));
                Ty::new(TyKind::Text).labelled(item.label)
            }
            ("is_empty", _) => bool_.ty,
            ("len", _) => int,
            // `unique`, `reverse`
            _ => list(item.clone()),
        })
    }

    pub(super) fn map_method(
        &mut self,
        id: ExprId,
        key: &Ty,
        value: &Ty,
        name: &Name,
        given: Given<'_>,
    ) -> Option<Ty> {
        let Some((method, args)) = self.shape(&MAP, name, given)? else {
            return Some(Ty::error());
        };
        self.table.members.insert(id, Member::Method { of: "map", name: method });
        let list = |item: Ty| Ty::new(TyKind::List(Box::new(item)));
        for arg in &args {
            self.check(*arg, &Want::plain(key.clone()));
        }
        Some(match method {
            "get" => value.clone().optional(),
            "contains" | "is_empty" => Ty::new(TyKind::Bool),
            "keys" => list(key.clone()),
            "values" => list(value.clone()),
            "entries" => {
                let entry = TyKind::Entry(Box::new(key.clone()), Box::new(value.clone()));
                list(Ty::new(entry))
            }
            _ => Ty::new(TyKind::Int),
        })
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
        let plain = self.base(&ty);
        let fits = match &plain.kind {
            TyKind::Enum(id) => {
                self.program.enums[*id].variants.iter().all(|variant| variant.fields.is_empty())
            }
            TyKind::Bool | TyKind::Uuid | TyKind::Error => true,
            kind => has_order(kind),
        };
        if fits {
            return ty;
        }
        self.unfit(self.span(lambda), &plain, "the key of a map");
        Ty::error()
    }

    fn unfit(&mut self, at: Span, ty: &Ty, verb: &str) {
        let shown = self.show(ty);
        let code = if ty.is_optional() { "F0114" } else { "F0102" };
        self.report(
            Diagnostic::error(code, at, format!("{} cannot be {verb}", article(&shown)))
                .label(at, format!("this is {}", article(&shown))),
        );
    }

    fn fold(&mut self, init: ExprId, lambda: ExprId, item: &Ty) -> Ty {
        let acc = self.value(init, None);
        if acc.kind == TyKind::Error {
            self.loose(lambda);
            return acc;
        }
        let words = "the fold begins with this".to_owned();
        let want = Want { ty: acc.clone(), from: Some((self.span(init), words)) };
        let body = self.lambda(lambda, &[acc.clone(), item.clone()], Some(&want));
        acc.labelled(body.label)
    }

    fn zip(&mut self, args: &[ExprId], item: &Ty) -> Ty {
        let Some(&other) = args.first() else { return Ty::error() };
        let ty = self.value(other, None);
        let plain = self.plain_operand(other, &ty, "put beside a list");
        let second = match &plain.kind {
            TyKind::List(second) | TyKind::Batch(second) => (**second).clone(),
            TyKind::Error => Ty::error(),
            _ => {
                self.unfit(self.span(other), &plain, "put beside a list");
                Ty::error()
            }
        };
        let pair = match args.get(1) {
            Some(lambda) => self.lambda(*lambda, &[item.clone(), second], None),
            None if super::fit::same(item, &second) => {
                Ty::new(TyKind::List(Box::new(item.clone().labelled(second.label))))
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

fn names_of(count: usize) -> String {
    if count == 1 { "one name".to_owned() } else { format!("{count} names") }
}
