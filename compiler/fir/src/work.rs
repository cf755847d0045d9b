//! What an expression costs: the part of the rule that a look at the tree decides.
//!
//! Both machines count the work of an evaluation alike, so that a program that does too much of it
//! gets the same fault in either. The rule is this: the value of an expression costs its size where
//! it is made, copied or compared; a name that is only looked into costs nothing; a method of a
//! collection or text costs what it goes through. Sizes are the machines' own business.

use crate::decl::{Fir, Ty, TypeDecl};
use crate::expr::{BinaryOp, Expr, ExprKind};

/// Bound: expressions inside expressions, functions included. Deeper, the stack of a thread is at
/// risk; the compiler lets nothing deeper through, whichever machine runs it.
pub const DEPTH_MAX: u32 = 192;

/// Whether a receiver is only a place to look into: a name, or a field of one. A nominal type is
/// taken off a copy, so its values are none.
#[must_use]
pub fn in_place(fir: &Fir, expr: &Expr) -> bool {
    if nominal(fir, &expr.ty) {
        return false;
    }
    match &expr.kind {
        ExprKind::Local(_) => true,
        ExprKind::Field(of, _) => in_place(fir, of),
        _ => false,
    }
}

/// Whether the value of an expression is counted where it stands. What only hands on the value of
/// another expression is not: that one has counted it.
#[must_use]
pub fn counted(expr: &Expr) -> bool {
    use BinaryOp::{And, Coalesce, Or};
    match &expr.kind {
        ExprKind::None
        | ExprKind::Some(_)
        | ExprKind::Named(_)
        | ExprKind::Plain(_)
        | ExprKind::If(..)
        | ExprKind::Match(..)
        | ExprKind::Lambda(..) => false,
        ExprKind::Binary(op, ..) => !matches!(op, And | Or | Coalesce),
        ExprKind::Builtin(name, _) => name != "reveal",
        _ => true,
    }
}

/// Whether a method goes through the items of a list.
#[must_use]
pub fn goes_through_list(method: &str, args: usize) -> bool {
    match method {
        "len" | "is_empty" | "first" | "last" | "at" => false,
        "count" => args > 0,
        _ => true,
    }
}

/// Whether a method of a list compares whole items, which costs what they are: a lambda's keys are
/// counted where they are made.
#[must_use]
pub fn compares_items(method: &str, args: usize) -> bool {
    match method {
        "contains" | "index_of" | "unique" => true,
        "min" | "max" | "sort" => args == 0,
        _ => false,
    }
}

/// Whether a method goes through the entries of a map.
#[must_use]
pub fn goes_through_map(method: &str) -> bool {
    !matches!(method, "len" | "count" | "is_empty" | "get" | "contains")
}

fn nominal(fir: &Fir, ty: &Ty) -> bool {
    match ty {
        Ty::Pii(of) | Ty::Secret(of) => nominal(fir, of),
        Ty::Named(name) => {
            let decl = fir.types.get(name).map(|named| &named.decl);
            matches!(decl, Some(TypeDecl::Alias { .. }))
        }
        _ => false,
    }
}
