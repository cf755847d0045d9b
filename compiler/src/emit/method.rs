//! Built-in methods of lists; and which kind of value a method belongs to.
//!
//! A receiver is evaluated before the arguments; a lambda becomes a closure that may fault.

use super::expr::{Code, Exprs};
use super::names::{rt, unlabelled};
use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use sagaflow_fir::work::{compares_items, goes_through_list};
use sagaflow_fir::{Expr, ExprKind, Method, Ty};

/// A type without the labels around it.
fn bare(ty: &Ty) -> &Ty {
    match ty {
        Ty::Pii(of) | Ty::Secret(of) | Ty::Optional(of) => bare(of),
        other => other,
    }
}

impl Exprs<'_, '_> {
    pub(super) fn method(&self, of: &Expr, method: &Method, args: &[Expr], ty: &Ty) -> Code {
        if method.name == "round"
            && let Some(code) = self.round_money(of, args)
        {
            return code;
        }
        let base = self.base(of);
        self.method_of(base, method, args, ty)
    }

    /// `ty` is the type as it is declared: it alone knows the currency of an empty sum.
    pub(super) fn method_of(&self, base: Code, method: &Method, args: &[Expr], ty: &Ty) -> Code {
        let base = self.stripped(base);
        let name = method.name.as_str();
        match base.ty.clone() {
            Ty::List(item) => self.list_method(base.borrowed(), &item, name, args, ty),
            Ty::Batch(item) => {
                let base = base.borrowed();
                self.list_method(quote!((&#base.items)), &item, name, args, ty)
            }
            Ty::Map(key, value) => self.map_method(base.borrowed(), &key, &value, name, args, ty),
            Ty::Text => self.text_method(base.borrowed(), name, args),
            _ => self.part(base, name, args, ty),
        }
    }

    /// A lambda over parameters of these types, with a result of type `to`.
    pub(super) fn lambda(
        &self,
        lambda: Option<&Expr>,
        params: &[&Ty],
        to: Option<&Ty>,
    ) -> (TokenStream, Ty) {
        self.lambda_beside(lambda, params, to, 0)
    }

    /// The same; the first so many parameters are moved and not copied, which costs nothing.
    fn lambda_beside(
        &self,
        lambda: Option<&Expr>,
        params: &[&Ty],
        to: Option<&Ty>,
        moved: usize,
    ) -> (TokenStream, Ty) {
        let (rt, work) = (rt(), &self.work);
        let Some(ExprKind::Lambda(locals, body)) = lambda.map(|lambda| &lambda.kind) else {
            let own = params.first().map_or(Ty::Never, |ty| unlabelled(ty));
            let to = to.cloned().unwrap_or_else(|| self.names.plain(&own));
            let item = self.names.coerce(quote!(item), &own, &to, self.depth);
            let ty = self.names.inner(&to, self.depth);
            let closure = quote!(|item| -> ::core::result::Result<#ty, #rt::Fault> {
                ::core::result::Result::Ok(#item)
            });
            return (closure, to);
        };
        let to = to.cloned().unwrap_or_else(|| unlabelled(&body.ty));
        let names: Vec<TokenStream> = locals
            .iter()
            .zip(params)
            .map(|(id, param)| {
                let (variable, local) = (self.variable(*id), self.local_ty(*id));
                let value = self.names.coerce(quote!(#variable), param, &local, self.depth);
                quote!(let #variable = #value;)
            })
            .collect();
        let arguments = locals.iter().map(|id| self.variable(*id));
        let copied = locals.iter().zip(params).skip(moved).filter(|(_, ty)| !self.is_scalar(ty));
        let copied = copied.map(|(id, _)| {
            let variable = self.variable(*id);
            quote!(+ #rt::handed(#rt::size(&#variable)))
        });
        let cost = quote!(1 #(#copied)*);
        let (value, ty) = (self.value_as(body, &to), self.names.inner(&to, self.depth));
        let closure = quote!(|#(#arguments),*| -> ::core::result::Result<#ty, #rt::Fault> {
            #work.spend(#cost)?;
            #(#names)*
            ::core::result::Result::Ok(#value)
        });
        (closure, to)
    }

    fn list_method(
        &self,
        base: TokenStream,
        item: &Ty,
        name: &str,
        args: &[Expr],
        ty: &Ty,
    ) -> Code {
        let (rt, work) = (rt(), &self.work);
        let base = match goes_through_list(name, args.len()) {
            true if compares_items(name, args.len()) => quote!(#rt::compared(#work, #base)?),
            true => quote!(#rt::through::<[_]>(#work, #base)?),
            false => base,
        };
        let first = args.first();
        let int = |tokens| Code::owned(tokens, Ty::Int);
        let bool_ = |tokens| Code::owned(tokens, Ty::Bool);
        let same = |tokens| Code::owned(tokens, Ty::List(Box::new(item.clone())));
        match name {
            "len" => int(quote!(#rt::list::len(#base))),
            "count" if first.is_none() => int(quote!(#rt::list::len(#base))),
            "is_empty" => bool_(quote!(#rt::list::is_empty(#base))),
            "first" | "last" => {
                let function = format_ident!("{name}");
                let ty = Ty::Optional(Box::new(item.clone()));
                Code::owned(quote!(#rt::list::#function(#base)), ty)
            }
            "unique" | "reverse" => {
                let function = format_ident!("{name}");
                same(quote!(#rt::list::#function(#base)))
            }
            "at" => {
                let index = self.argument(first, &Ty::Int);
                let ty = Ty::Optional(Box::new(item.clone()));
                Code::owned(quote!(#rt::list::at(#base, #index)), ty)
            }
            "chunks" => {
                let size = self.argument(first, &Ty::Int);
                let ty = Ty::List(Box::new(Ty::List(Box::new(item.clone()))));
                Code::owned(quote!(#rt::list::chunks(#base, #size)?), ty)
            }
            "index_of" => {
                let value = self.argument(first, item);
                let ty = Ty::Optional(Box::new(Ty::Int));
                Code::owned(quote!(#rt::list::index_of(#base, &#value)), ty)
            }
            "take" | "drop" => {
                let (function, n) = (format_ident!("{name}"), self.argument(first, &Ty::Int));
                same(quote!(#rt::list::#function(#base, #n)))
            }
            "contains" => {
                let value = self.argument(first, item);
                bool_(quote!(#rt::list::contains(#base, &#value)))
            }
            "join" => {
                let between = self.argument(first, &Ty::Text);
                Code::owned(quote!(#rt::list::join(#work, #base, &#between)?), Ty::Text)
            }
            "where" | "any" | "all" | "count" | "find" => {
                let lambda = self.lambda(first, &[item], Some(&Ty::Bool)).0;
                match name {
                    "where" => same(quote!(#rt::list::filter(#base, #lambda)?)),
                    "find" => {
                        let ty = Ty::Optional(Box::new(item.clone()));
                        Code::owned(quote!(#rt::list::find(#base, #lambda)?), ty)
                    }
                    "count" => int(quote!(#rt::list::count_where(#base, #lambda)?)),
                    _ => {
                        let function = format_ident!("{name}");
                        bool_(quote!(#rt::list::#function(#base, #lambda)?))
                    }
                }
            }
            _ => self.list_fold(base, item, name, args, ty),
        }
    }

    /// Methods of lists whose result's type comes from a lambda.
    fn list_fold(&self, base: TokenStream, item: &Ty, name: &str, args: &[Expr], ty: &Ty) -> Code {
        let rt = rt();
        let first = args.first();
        match name {
            "map" => {
                let (lambda, to) = self.lambda(first, &[item], None);
                let ty = Ty::List(Box::new(to));
                Code::owned(quote!(#rt::list::map(#base, #lambda)?), ty)
            }
            "flat" | "flat_map" => self.flat(base, item, first, ty),
            "unique_by" | "index_by" | "to_map" | "count_by" | "group_by" => {
                self.keyed(base, item, name, args)
            }
            "sum" => self.sum(base, item, first, ty),
            "min" | "max" => {
                let (lambda, key) = self.plain_key(first, item);
                let compare = self.comparison(&key);
                let wanted = if name == "min" { quote!(Less) } else { quote!(Greater) };
                let tokens = quote!(
                    #rt::list::extreme(#base, #lambda, #compare, ::core::cmp::Ordering::#wanted)?
                        .map(|(_, item)| item)
                );
                Code::owned(tokens, Ty::Optional(Box::new(item.clone())))
            }
            "sort" | "sort_by" => {
                let (lambda, key) = self.plain_key(first, item);
                let compare = self.comparison(&key);
                let ty = Ty::List(Box::new(item.clone()));
                Code::owned(quote!(#rt::list::sort(#base, #lambda, #compare)?), ty)
            }
            "fold" => {
                let acc = first.map_or(Ty::Never, |init| unlabelled(&init.ty));
                let init = self.argument(first, &acc);
                let lambda = self.lambda_beside(args.get(1), &[&acc, item], Some(&acc), 1).0;
                Code::owned(quote!(#rt::list::fold(#base, #init, #lambda)?), acc)
            }
            "zip" => self.zip(base, item, args, ty),
            _ => self.fault("there is no such method of a list", ty.clone()),
        }
    }

    /// Methods whose lambda makes a key.
    fn keyed(&self, base: TokenStream, item: &Ty, name: &str, args: &[Expr]) -> Code {
        let rt = rt();
        let first = args.first();
        match name {
            "unique_by" => {
                let lambda = self.lambda(first, &[item], None).0;
                let ty = Ty::List(Box::new(item.clone()));
                Code::owned(quote!(#rt::list::unique_by(#base, #lambda)?), ty)
            }
            "index_by" | "to_map" => {
                let (key, key_ty) = self.lambda(first, &[item], None);
                let (value, value_ty) = match args.get(1) {
                    Some(value) => self.lambda(Some(value), &[item], None),
                    None => self.lambda(None, &[item], Some(item)),
                };
                let ty = Ty::Map(Box::new(key_ty), Box::new(value_ty));
                Code::owned(quote!(#rt::list::to_map(#base, #key, #value)?), ty)
            }
            _ => {
                let (lambda, key) = self.lambda(first, &[item], None);
                let value = match name {
                    "count_by" => Ty::Int,
                    _ => Ty::List(Box::new(item.clone())),
                };
                let function = format_ident!("{name}");
                let ty = Ty::Map(Box::new(key), Box::new(value));
                Code::owned(quote!(#rt::list::#function(#base, #lambda)?), ty)
            }
        }
    }

    /// Lists in one: of what a lambda makes, or the items themselves.
    fn flat(&self, base: TokenStream, item: &Ty, lambda: Option<&Expr>, ty: &Ty) -> Code {
        let rt = rt();
        let own = match lambda {
            Some(_) => self.lambda(lambda, &[item], None).1,
            None => unlabelled(item),
        };
        let plain = self.names.plain(&own);
        let lists = self.lambda(lambda, &[item], Some(&plain)).0;
        let lists = quote!(#rt::list::map(#base, #lists)?);
        match plain {
            Ty::List(_) => Code::owned(quote!(#rt::list::flat(&#lists)), plain),
            Ty::Batch(of) => {
                let items = quote!(|each| ::core::result::Result::Ok(each.items));
                let lists = quote!(#rt::list::map(&#lists, #items)?);
                Code::owned(quote!(#rt::list::flat(&#lists)), Ty::List(of))
            }
            _ => self.fault("these are no lists", ty.clone()),
        }
    }

    /// The lambda of a comparison, whose keys are compared without their nominal names.
    fn plain_key(&self, lambda: Option<&Expr>, item: &Ty) -> (TokenStream, Ty) {
        let own = match lambda.map(|lambda| &lambda.kind) {
            Some(ExprKind::Lambda(_, body)) => unlabelled(&body.ty),
            _ => item.clone(),
        };
        self.lambda(lambda, &[item], Some(&self.names.plain(&own)))
    }

    fn sum(&self, base: TokenStream, item: &Ty, lambda: Option<&Expr>, ty: &Ty) -> Code {
        let rt = rt();
        let out = self.names.plain(ty);
        let lambda = self.lambda(lambda, &[item], Some(&out)).0;
        let empty = match bare(ty) {
            Ty::Money(None) => quote!(#rt::list::no_sum),
            Ty::Money(Some(code)) => {
                let nothing = format!("0 {code}");
                quote!(|| #rt::scalar::<#rt::Money>(#nothing))
            }
            _ => quote!(|| ::core::result::Result::Ok(#rt::Zero::zero())),
        };
        Code::owned(quote!(#rt::list::sum(#base, #lambda, #empty)?), out)
    }

    fn zip(&self, base: TokenStream, item: &Ty, args: &[Expr], ty: &Ty) -> Code {
        let rt = rt();
        let Some(other) = args.first() else {
            return self.fault("`zip` lacks a list", ty.clone());
        };
        let other = self.plain(other);
        let (second, other) = match other.ty.clone() {
            Ty::List(of) => (*of, other.borrowed()),
            Ty::Batch(of) => {
                let other = other.borrowed();
                (*of, quote!((&#other.items)))
            }
            _ => return self.fault("`zip` lacks a list", ty.clone()),
        };
        if args.len() < 2 {
            let pair = Ty::List(Box::new(Ty::List(Box::new(item.clone()))));
            let lambda = quote!(|a, b| ::core::result::Result::Ok(::std::vec![a, b]));
            return Code::owned(quote!(#rt::list::zip_with(#base, #other, #lambda)?), pair);
        }
        let (lambda, to) = self.lambda(args.get(1), &[item, &second], None);
        let ty = Ty::List(Box::new(to));
        Code::owned(quote!(#rt::list::zip_with(#base, #other, #lambda)?), ty)
    }

    /// An owned argument of this type.
    pub(super) fn argument(&self, arg: Option<&Expr>, ty: &Ty) -> TokenStream {
        match arg {
            Some(arg) => self.value_as(arg, ty),
            None => self.fault("an argument is missing", ty.clone()).value(),
        }
    }
}
