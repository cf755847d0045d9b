//! What expressions cost: where generated code counts the work that the interpreter counts.

use super::expr::{Code, Exprs};
use super::names::rt;
use proc_macro2::TokenStream;
use quote::quote;
use sagaflow_fir::work::{counted, in_place};
use sagaflow_fir::{Expr, ExprKind, Ty};

/// Bound: bytes of a literal text that cost nothing; a longer one is measured when it is made.
const SHORT: usize = 16;

fn short(expr: &Expr) -> bool {
    matches!(&expr.kind, ExprKind::Literal(serde_json::Value::String(text)) if text.len() < SHORT)
}

impl Exprs<'_, '_> {
    /// The value of an expression, counted: where it is made, copied or compared.
    pub(super) fn code(&self, expr: &Expr) -> Code {
        let (rt, work, code) = (rt(), &self.work, self.uncounted(expr));
        if !counted(expr) || short(expr) || self.is_scalar(&code.ty) {
            return code;
        }
        let tokens = code.tokens;
        let tokens = match code.place {
            true => quote!((*#rt::read(#work, &#tokens)?)),
            false => quote!(#rt::made(#work, #tokens)?),
        };
        Code { tokens, ..code }
    }

    /// The value of a receiver: a name that is only looked into is not counted.
    pub(super) fn base(&self, expr: &Expr) -> Code {
        match in_place(self.names.fir, expr) {
            true => self.uncounted(expr),
            false => self.code(expr),
        }
    }

    /// An owned value for a parameter: what is handed over is copied, and kept by nobody.
    pub(super) fn handed(&self, expr: &Expr, ty: &Ty) -> TokenStream {
        let (rt, work, code) = (rt(), &self.work, self.base(expr));
        let from = code.ty.clone();
        let tokens = match in_place(self.names.fir, expr) && !self.is_scalar(&from) {
            true => {
                let place = code.borrowed();
                quote!(#rt::hand(#work, #place)?.clone())
            }
            false => code.value(),
        };
        self.names.coerce(tokens, &from, ty, self.depth)
    }

    /// Whether every value of a type costs nothing.
    pub(super) fn is_scalar(&self, ty: &Ty) -> bool {
        match self.names.plain(ty) {
            Ty::Optional(of) => self.is_scalar(&of),
            Ty::List(of) => *of == Ty::Never,
            Ty::Text
            | Ty::Map(..)
            | Ty::Entry(..)
            | Ty::Outcome(_)
            | Ty::Batch(_)
            | Ty::Role
            | Ty::Named(_) => false,
            _ => true,
        }
    }
}
