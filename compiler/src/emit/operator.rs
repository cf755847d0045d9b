//! Operators: lazy ones as Rust's own, all others as checked functions.

use super::expr::{Code, Exprs};
use super::names::rt;
use proc_macro2::TokenStream;
use quote::quote;
use sagaflow_fir::{BinaryOp, Expr, Ty, UnaryOp};

impl Exprs<'_, '_> {
    pub(super) fn unary(&self, op: UnaryOp, of: &Expr) -> Code {
        let rt = rt();
        let code = self.plain(of);
        let ty = code.ty.clone();
        let value = code.value();
        match op {
            UnaryOp::Not => Code::owned(quote!((!#value)), Ty::Bool),
            UnaryOp::Neg => Code::owned(quote!(#rt::Neg::neg(#value)?), ty),
        }
    }

    pub(super) fn binary(&self, op: BinaryOp, left: &Expr, right: &Expr, ty: &Ty) -> Code {
        match op {
            BinaryOp::And | BinaryOp::Or => self.logic(op, left, right),
            BinaryOp::Coalesce => self.coalesce(left, right, ty),
            BinaryOp::Eq | BinaryOp::Ne => self.equality(op, left, right),
            BinaryOp::Lt | BinaryOp::Le | BinaryOp::Gt | BinaryOp::Ge => {
                self.order(op, left, right)
            }
            BinaryOp::In => self.membership(left, right),
            _ => self.arithmetic(op, left, right, ty),
        }
    }

    fn logic(&self, op: BinaryOp, left: &Expr, right: &Expr) -> Code {
        let rt = rt();
        let (a, b) = (self.plain(left), self.plain(right));
        if a.ty == Ty::Role {
            let (a, b) = (a.value(), b.value());
            return Code::owned(quote!(#rt::either(#a, #b)), Ty::Role);
        }
        let (a, b) = (a.value(), b.value());
        let tokens = match op {
            BinaryOp::And => quote!((#a && #b)),
            _ => quote!((#a || #b)),
        };
        Code::owned(tokens, Ty::Bool)
    }

    fn coalesce(&self, left: &Expr, right: &Expr, ty: &Ty) -> Code {
        let code = self.code(left);
        let from = code.ty.clone();
        let value = code.value();
        let Ty::Optional(of) = &from else {
            return Code::owned(self.names.coerce(value, &from, ty, self.depth), ty.clone());
        };
        let some = self.names.coerce(quote!(some), of, ty, self.depth);
        let none = self.value_as(right, ty);
        let tokens = quote!(match #value {
            ::core::option::Option::Some(some) => #some,
            ::core::option::Option::None => #none,
        });
        Code::owned(tokens, ty.clone())
    }

    /// Both operands, plain, in the type that fits both.
    fn operands(&self, left: &Expr, right: &Expr) -> (TokenStream, TokenStream, Ty) {
        let (a, b) = (self.plain(left), self.plain(right));
        let common = match (&a.ty, &b.ty) {
            (Ty::Optional(x), Ty::Optional(_)) if **x == Ty::Never => b.ty.clone(),
            (Ty::Optional(_), _) | (Ty::Decimal, Ty::Int) => a.ty.clone(),
            (_, Ty::Optional(_)) | (Ty::Int, Ty::Decimal) => b.ty.clone(),
            (Ty::List(x), Ty::List(_)) if **x == Ty::Never => b.ty.clone(),
            _ => a.ty.clone(),
        };
        let borrowed = |code: Code| {
            if code.ty == common {
                return code.borrowed();
            }
            let from = code.ty.clone();
            let value = self.names.coerce(code.value(), &from, &common, self.depth);
            quote!((&#value))
        };
        let (a, b) = (borrowed(a), borrowed(b));
        (a, b, common)
    }

    fn equality(&self, op: BinaryOp, left: &Expr, right: &Expr) -> Code {
        let (a, b, _) = self.operands(left, right);
        let tokens = match op {
            BinaryOp::Ne => quote!((#a != #b)),
            _ => quote!((#a == #b)),
        };
        Code::owned(tokens, Ty::Bool)
    }

    fn order(&self, op: BinaryOp, left: &Expr, right: &Expr) -> Code {
        let (a, b, ty) = self.operands(left, right);
        let compare = self.comparison(&ty);
        let is = match op {
            BinaryOp::Lt => quote!(is_lt),
            BinaryOp::Le => quote!(is_le),
            BinaryOp::Gt => quote!(is_gt),
            _ => quote!(is_ge),
        };
        Code::owned(quote!(#compare(#a, #b)?.#is()), Ty::Bool)
    }

    /// The function that orders two values of a plain type.
    pub(super) fn comparison(&self, ty: &Ty) -> TokenStream {
        let rt = rt();
        match self.names.plain(ty) {
            Ty::Money(_) => quote!(#rt::compare_money),
            _ => quote!(#rt::compare),
        }
    }

    fn membership(&self, left: &Expr, right: &Expr) -> Code {
        let rt = rt();
        let item = self.code(left);
        // A key is looked up in a map; all else is gone through.
        let of = match self.names.plain(&right.ty) {
            Ty::Map(..) => self.stripped(self.base(right)),
            _ => self.plain(right),
        };
        let wanted = match &of.ty {
            Ty::List(item) | Ty::Batch(item) => (**item).clone(),
            Ty::Map(key, _) => (**key).clone(),
            _ => Ty::Text,
        };
        let from = item.ty.clone();
        let item = self.names.coerce(item.value(), &from, &wanted, self.depth);
        let (ty, of) = (of.ty.clone(), of.borrowed());
        let tokens = match ty {
            Ty::Map(..) => quote!({ let item = #item; #rt::map::contains(#of, &item) }),
            Ty::Batch(_) => quote!({ let item = #item; #rt::list::contains(&#of.items, &item) }),
            Ty::List(_) => quote!({ let item = #item; #rt::list::contains(#of, &item) }),
            _ => quote!({ let item = #item; #rt::text::contains(#of, &item) }),
        };
        Code::owned(tokens, Ty::Bool)
    }

    fn arithmetic(&self, op: BinaryOp, left: &Expr, right: &Expr, ty: &Ty) -> Code {
        let rt = rt();
        let (a, b) = (self.plain(left), self.plain(right));
        let out = self.names.plain(ty);
        let (x, y) = (a.ty.clone(), b.ty.clone());
        // Two whole numbers stay whole, whatever decimal the context makes of them afterwards.
        let natural = match (op, &x, &y) {
            (BinaryOp::Add | BinaryOp::Sub | BinaryOp::Mul, Ty::Int, Ty::Int) => Ty::Int,
            (BinaryOp::Add, Ty::List(_), Ty::List(_)) => x.clone(),
            (BinaryOp::Rem, ..) if x != y => Ty::Decimal,
            (BinaryOp::Rem, ..) => match x {
                Ty::Percent => Ty::Decimal,
                _ => x.clone(),
            },
            _ => out,
        };
        let (a, b) = (a.value(), b.value());
        let to = self.inner(&natural);
        let tokens = match op {
            BinaryOp::Add => quote!(#rt::Plus::plus(#a, #b)?),
            BinaryOp::Sub => quote!(#rt::Minus::minus(#a, #b)?),
            BinaryOp::Mul => quote!(#rt::Mul::<_, #to>::mul(#a, #b)?),
            BinaryOp::Div => quote!(#rt::Div::<_, #to>::div(#a, #b)?),
            _ => quote!(#rt::Rem::<_, #to>::rem(#a, #b)?),
        };
        Code::owned(tokens, natural)
    }
}
