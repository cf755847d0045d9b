//! Built-in methods of maps.

use super::expr::{Code, Exprs};
use super::names::rt;
use proc_macro2::TokenStream;
use quote::quote;
use sagaflow_fir::work::goes_through_map;
use sagaflow_fir::{Expr, Ty};

impl Exprs<'_, '_> {
    pub(super) fn map_method(
        &self,
        base: TokenStream,
        key: &Ty,
        value: &Ty,
        name: &str,
        args: &[Expr],
        ty: &Ty,
    ) -> Code {
        let (rt, work) = (rt(), &self.work);
        let base = match goes_through_map(name) {
            true => quote!(#rt::through(#work, #base)?),
            false => base,
        };
        match name {
            "len" | "count" => Code::owned(quote!(#rt::map::len(#base)), Ty::Int),
            "is_empty" => Code::owned(quote!(#rt::map::is_empty(#base)), Ty::Bool),
            "keys" => Code::owned(quote!(#rt::map::keys(#base)), Ty::List(Box::new(key.clone()))),
            "values" => {
                Code::owned(quote!(#rt::map::values(#base)), Ty::List(Box::new(value.clone())))
            }
            "entries" => {
                let entry = Ty::Entry(Box::new(key.clone()), Box::new(value.clone()));
                Code::owned(quote!(#rt::map::entries(#base)), Ty::List(Box::new(entry)))
            }
            "get" => {
                let key = self.argument(args.first(), key);
                let ty = Ty::Optional(Box::new(value.clone()));
                Code::owned(quote!(#rt::map::get(#base, &#key)), ty)
            }
            "contains" => {
                let key = self.argument(args.first(), key);
                Code::owned(quote!(#rt::map::contains(#base, &#key)), Ty::Bool)
            }
            _ => self.map_of_map(base, key, value, name, args, ty),
        }
    }

    /// Methods of maps that answer a map.
    fn map_of_map(
        &self,
        base: TokenStream,
        key: &Ty,
        value: &Ty,
        name: &str,
        args: &[Expr],
        ty: &Ty,
    ) -> Code {
        let rt = rt();
        let first = args.first();
        let same = Ty::Map(Box::new(key.clone()), Box::new(value.clone()));
        match name {
            "put" => {
                let (key, value) = (self.argument(first, key), self.argument(args.get(1), value));
                Code::owned(quote!(#rt::map::put(#base, #key, #value)), same)
            }
            "remove" => {
                let key = self.argument(first, key);
                Code::owned(quote!(#rt::map::remove(#base, &#key)), same)
            }
            "merge" => {
                let other = self.argument(first, &same);
                Code::owned(quote!(#rt::map::merge(#base, &#other)), same)
            }
            "where" => {
                let lambda = self.lambda(first, &[key, value], Some(&Ty::Bool)).0;
                Code::owned(quote!(#rt::map::filter(#base, #lambda)?), same)
            }
            "map_values" => {
                let (lambda, to) = self.lambda(first, &[value], None);
                let ty = Ty::Map(Box::new(key.clone()), Box::new(to));
                Code::owned(quote!(#rt::map::map_values(#base, #lambda)?), ty)
            }
            _ => self.fault("there is no such method of a map", ty.clone()),
        }
    }
}
