//! What stands right of a dot: fields of records, parts and methods of values.

use super::cx::{Cx, Want, article};
use super::table::{Adjust, Adjustment, Member};
use crate::diagnostic::Diagnostic;
use crate::hir::{ExprId, ExprKind, Label, MethodArg, Name, Ty, TyKind};
use crate::span::Span;

/// Fields of every batch.
const BATCH: [(&str, TyKind); 6] = [
    ("id", TyKind::Text),
    ("partition", TyKind::Int),
    ("first_offset", TyKind::Int),
    ("last_offset", TyKind::Int),
    ("started", TyKind::Time),
    ("hour", TyKind::Time),
];

/// What a dot is applied to.
pub(super) struct Subject {
    /// The type without its optional.
    pub ty: Ty,
    /// The dot was `?.`: what comes out is optional.
    pub wraps: bool,
}

impl Cx<'_> {
    pub(super) fn field(&mut self, id: ExprId, base: ExprId, optional: bool, name: &Name) -> Ty {
        let Some(subject) = self.subject(base, optional, name) else { return Ty::error() };
        let label = self.base(&subject.ty).label;
        let ty = match self.own_field(id, &subject.ty, name) {
            Some(ty) => ty.labelled(label),
            None => self.part(id, base, &subject.ty, name, None).labelled(label),
        };
        let ty = if subject.wraps { ty.optional() } else { ty };
        self.refined(id, ty)
    }

    pub(super) fn method(
        &mut self,
        id: ExprId,
        base: ExprId,
        optional: bool,
        name: &Name,
        args: &[MethodArg],
        args_span: Span,
    ) -> Ty {
        let Some(subject) = self.subject(base, optional, name) else {
            for arg in args {
                self.loose(arg.value);
            }
            return Ty::error();
        };
        let ty = self.part(id, base, &subject.ty, name, Some((args, args_span)));
        // What a method is given is in what it answers; what a lambda makes has its own label.
        let given = args.iter().map(|arg| arg.value).filter(|arg| !self.is_lambda(*arg));
        let own = self.base(&subject.ty).label;
        let label = match (&self.base(&subject.ty).kind, &*name.node) {
            // It is in the items, keys and values of the answer.
            (TyKind::List(_), "fold") | (TyKind::Map(..), "put") => own,
            (TyKind::List(_), "zip") | (TyKind::Map(..), "merge") => {
                given.map(|arg| self.table.label(arg)).fold(own, Label::max)
            }
            _ => given.map(|arg| self.carried(arg)).fold(own, Label::max),
        };
        let inside = self.put_together(&ty, &subject.ty, args);
        let ty = ty.labelled(label.max(inside));
        if subject.wraps { ty.optional() } else { ty }
    }

    /// The label of a value and of what it carries, records as a whole aside.
    pub(super) fn carried(&self, id: ExprId) -> Label {
        self.program.carried_label(&self.table.own_ty(id)).max(self.table.label(id))
    }

    /// The label of everything that a text is put together from; other answers have it in their types.
    fn put_together(&self, answer: &Ty, subject: &Ty, args: &[MethodArg]) -> Label {
        let (TyKind::Text, TyKind::Text | TyKind::List(_)) = (&answer.kind, &subject.kind) else {
            return Label::Open;
        };
        let given = args.iter().map(|arg| arg.value).filter(|arg| !self.is_lambda(*arg));
        let labels = given.map(|arg| self.program.deep_label(&self.table.own_ty(arg)));
        // `fold` and the like make a text of what their lambda says.
        let joined = if args.iter().any(|arg| self.is_lambda(arg.value)) {
            Label::Open
        } else {
            self.program.deep_label(subject)
        };
        labels.fold(joined, Label::max)
    }

    fn is_lambda(&self, id: ExprId) -> bool {
        matches!(self.program.exprs[id].kind, ExprKind::Lambda(..))
    }

    /// The value left of a dot; reports an optional without `?.`, and `?.` on what is always there.
    fn subject(&mut self, base: ExprId, optional: bool, name: &Name) -> Option<Subject> {
        let ty = self.value(base, None);
        if ty.kind == TyKind::Error {
            return None;
        }
        let span = self.span(base);
        let shown = self.show(&ty);
        match (ty.is_optional(), optional) {
            (true, false) => {
                let headline = format!("this may be absent, and `.{}` is read from it", name.node);
                let mut finding = Diagnostic::error("F0114", span, headline)
                    .label(span, format!("this is {}", article(&shown)));
                if let Some((at, words)) = self.origin(base) {
                    finding = finding.label(at, words);
                }
                self.report(finding.help(format!(
                    "write `?.{}` for an optional result, or take the value out with `match`",
                    name.node
                )));
                None
            }
            (false, true) => {
                self.report(
                    Diagnostic::error("F0102", span, "`?.` on a value that is never absent")
                        .label(span, format!("this is {}", article(&shown)))
                        .help(format!("write `.{}`", name.node)),
                );
                Some(Subject { ty, wraps: false })
            }
            (_, wraps) => Some(Subject { ty: ty.present(), wraps }),
        }
    }

    /// A declared field, or one that every batch, entry or failure has.
    fn own_field(&mut self, id: ExprId, ty: &Ty, name: &Name) -> Option<Ty> {
        let found = match &ty.kind {
            TyKind::Batch(_) => {
                let known = BATCH.iter().find(|(known, _)| *known == name.node);
                known.map(|(_, kind)| Ty::new(kind.clone()))
            }
            TyKind::Failure => match name.node.as_str() {
                "name" | "error" | "step" => Some(Ty::new(TyKind::Text)),
                _ => None,
            },
            TyKind::Entry(key, value) => match name.node.as_str() {
                "key" => Some((**key).clone()),
                "value" => Some((**value).clone()),
                _ => None,
            },
            _ => {
                let fields = self.fields_of(ty)?;
                fields.iter().find(|f| f.name.node == name.node).map(|f| f.ty.node.clone())
            }
        }?;
        self.table.members.insert(id, Member::Field(name.node.clone()));
        Some(found)
    }

    /// A part or method; `args` is none where no parentheses were written.
    fn part(
        &mut self,
        id: ExprId,
        base: ExprId,
        ty: &Ty,
        name: &Name,
        args: Option<(&[MethodArg], Span)>,
    ) -> Ty {
        let plain = self.base(ty);
        let given = args.map_or(&[][..], |(args, _)| args);
        // What is taken out of a collection is as confidential as the collection.
        let of = |inner: &Ty| inner.clone().labelled(plain.label);
        let answer = match &plain.kind {
            TyKind::List(item) => self.list_method(id, "list", &of(item), name, args),
            TyKind::Batch(item) => self.list_method(id, "batch", &of(item), name, args),
            TyKind::Map(key, value) => self.map_method(id, &of(key), &of(value), name, args),
            TyKind::Error | TyKind::Never => Some(Ty::error()),
            _ => self.scalar_method(id, base, &plain, name, args),
        };
        let Some(answer) = answer else {
            for arg in given {
                self.loose(arg.value);
            }
            self.unknown_part(ty, &plain, name);
            return Ty::error();
        };
        if matches!(ty.kind, TyKind::Alias(_)) && !self.table.own_ty(base).is_optional() {
            let to = plain;
            self.adjust(base, Adjustment { how: Adjust::Plain, to });
        }
        answer
    }

    fn unknown_part(&mut self, ty: &Ty, plain: &Ty, name: &Name) {
        let program = self.program;
        let incomplete = match ty.kind {
            TyKind::Record(id) => program.records[id].incomplete,
            TyKind::Event(id) => program.events[id].incomplete,
            _ => false,
        };
        if incomplete {
            return;
        }
        let mut known: Vec<&str> = super::methods::names(&plain.kind);
        known.extend(super::parts::names(&plain.kind));
        match &ty.kind {
            TyKind::Record(id) => {
                known.extend(program.records[*id].fields.iter().map(|f| f.name.node.as_str()));
            }
            TyKind::Event(id) => {
                known.extend(program.events[*id].fields.iter().map(|f| f.name.node.as_str()));
            }
            TyKind::Batch(_) => known.extend(BATCH.iter().map(|(name, _)| *name)),
            TyKind::Failure => known.extend(["name", "step"]),
            TyKind::Entry(..) => known.extend(["key", "value"]),
            _ => {}
        }
        self.unknown_member(name, ty, known);
    }

    /// Reads an argument of what is not known, so that what is in it has a type.
    pub(super) fn loose(&mut self, value: ExprId) {
        if let ExprKind::Lambda(_, body) = self.program.exprs[value].kind {
            self.infer(body, None);
        } else {
            self.infer(value, None);
        }
    }

    /// `xs[i]`, `m[k]`: a fault where there is nothing.
    pub(super) fn index(&mut self, base: ExprId, index: ExprId) -> Ty {
        let of = self.value(base, None);
        let plain = self.plain_operand(base, &of, "indexed");
        let (key, value) = match &plain.kind {
            TyKind::List(item) | TyKind::Batch(item) => (Ty::new(TyKind::Int), (**item).clone()),
            TyKind::Map(key, value) => ((**key).clone(), (**value).clone()),
            kind => {
                self.infer(index, None);
                if *kind != TyKind::Error {
                    let (span, shown) = (self.span(base), self.show(&plain));
                    self.report(
                        Diagnostic::error(
                            "F0102",
                            span,
                            format!("{} has no index", article(&shown)),
                        )
                        .label(span, "only lists and maps have one"),
                    );
                }
                return Ty::error();
            }
        };
        self.check(index, &Want::plain(key));
        value.labelled(plain.label.max(self.carried(index)))
    }
}
