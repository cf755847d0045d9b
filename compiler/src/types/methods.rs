//! What the methods of lists, batches and maps have in common: their signatures and their lambdas.

use super::cx::{Cx, Want, article};
use super::{list, map};
use crate::diagnostic::Diagnostic;
use crate::hir::{ExprId, ExprKind, MethodArg, Name, Ty, TyKind};
use crate::span::Span;

/// A method with what it takes; `?` behind what may be left out.
pub(super) struct Shape {
    pub name: &'static str,
    signature: &'static str,
    least: usize,
    most: usize,
}

pub(super) const fn shape(
    name: &'static str,
    signature: &'static str,
    least: usize,
    most: usize,
) -> Shape {
    Shape { name, signature, least, most }
}

/// The methods of a collection.
pub(super) fn names(kind: &TyKind) -> Vec<&'static str> {
    let shapes: &[Shape] = match kind {
        TyKind::List(_) | TyKind::Batch(_) => list::METHODS,
        TyKind::Map(..) => map::METHODS,
        _ => &[],
    };
    shapes.iter().map(|shape| shape.name).collect()
}

/// The arguments as written, with where they stand; none without parentheses.
pub(super) type Given<'g> = Option<(&'g [MethodArg], Span)>;

impl Cx<'_> {
    /// The shape of a method by name, after its number of arguments was checked; the arguments.
    pub(super) fn shape(
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
        if let ("sort", [arg]) = (shape.name, args)
            && matches!(self.program.exprs[arg.value].kind, ExprKind::Lambda(..))
        {
            self.report(
                Diagnostic::error("F0120", span, "`sort` takes nothing")
                    .label(name.span, "sorts by the items themselves")
                    .fix("write `sort_by`", name.span, "sort_by".to_owned())
                    .help("`sort_by(x => key)` sorts by what the lambda makes of each item"),
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
    pub(super) fn lambda(&mut self, arg: ExprId, params: &[Ty], want: Option<&Want>) -> Ty {
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
}

fn names_of(count: usize) -> String {
    if count == 1 { "one name".to_owned() } else { format!("{count} names") }
}
