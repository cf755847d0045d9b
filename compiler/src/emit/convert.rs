//! Conversions between Rust types that FIR leaves to the types: a `T` where a `T?` stands, a
//! nominal type and what it wraps, labels at the edge of what users see.

use super::names::{Depth, Names, rt, unlabelled};
use proc_macro2::TokenStream;
use quote::quote;
use sagaflow_fir::Ty;

impl Names<'_> {
    /// An owned value of type `from` as one of type `to`, both inside.
    pub(super) fn coerce(
        &self,
        value: TokenStream,
        from: &Ty,
        to: &Ty,
        depth: Depth,
    ) -> TokenStream {
        let (from, to) = (unlabelled(from), unlabelled(to));
        let rt = rt();
        if from == to {
            return value;
        }
        match (&from, &to) {
            (Ty::Never, _) | (_, Ty::Never) => value,
            // What may be absent in a list of what may be absent is absent once.
            (Ty::Optional(a), Ty::Optional(b))
                if matches!(**a, Ty::Optional(_)) && !matches!(**b, Ty::Optional(_)) =>
            {
                self.coerce(quote!((#value).flatten()), a, &to, depth)
            }
            (Ty::Optional(a), Ty::Optional(b)) => {
                let inner = self.coerce(quote!(some), a, b, depth);
                match **a {
                    Ty::Never => value,
                    _ => quote!(match #value {
                        ::core::option::Option::Some(some) => ::core::option::Option::Some(#inner),
                        ::core::option::Option::None => ::core::option::Option::None,
                    }),
                }
            }
            (from, Ty::Optional(b)) => {
                let inner = self.coerce(value, from, b, depth);
                quote!(::core::option::Option::Some(#inner))
            }
            (Ty::List(a), Ty::List(b)) => match **a {
                Ty::Never => value,
                _ => {
                    let item = self.coerce(quote!(item), a, b, depth);
                    quote!({
                        let mut items = ::std::vec::Vec::new();
                        for item in #value { items.push(#item); }
                        items
                    })
                }
            },
            (Ty::Batch(_), Ty::List(_)) => {
                let from = match &from {
                    Ty::Batch(of) => Ty::List(of.clone()),
                    other => other.clone(),
                };
                self.coerce(quote!((#value).items), &from, &to, depth)
            }
            (Ty::Entry(key, of), Ty::Entry(to_key, to_of)) => {
                let key = self.coerce(quote!(entry.key), key, to_key, depth);
                let of = self.coerce(quote!(entry.value), of, to_of, depth);
                quote!({
                    let entry = #value;
                    #rt::map::Entry { key: #key, value: #of }
                })
            }
            (Ty::Int, Ty::Decimal) => quote!(#rt::decimal(#value)),
            (Ty::Named(_), _) if self.alias(&from).is_some() => {
                let of = self.alias(&from).cloned().unwrap_or(Ty::Unit);
                self.coerce(quote!(#rt::Nominal::plain(#value)), &of, &to, depth)
            }
            (_, Ty::Named(_)) if self.alias(&to).is_some() => {
                let of = self.alias(&to).cloned().unwrap_or(Ty::Unit);
                let plain = self.coerce(value, &from, &of, depth);
                let to = self.inner(&to, depth);
                quote!(#rt::nominal::<#to>(#plain)?)
            }
            _ => value,
        }
    }

    /// A type without labels and nominal names around it.
    pub(super) fn plain(&self, ty: &Ty) -> Ty {
        let ty = unlabelled(ty);
        match self.alias(&ty) {
            Some(of) => self.plain(of),
            None => ty,
        }
    }

    /// A place of a public type, read inside: the tokens, and whether they still are a place.
    pub(super) fn read(&self, place: TokenStream, ty: &Ty) -> (TokenStream, bool) {
        match ty {
            Ty::Pii(of) | Ty::Secret(of) => self.read(quote!(#place.0), of),
            _ if unlabelled(ty) == unmoneyed(ty) => (place, true),
            _ => (self.unlabel(quote!(#place.clone()), ty), false),
        }
    }

    /// An owned public value as the inside has it.
    pub(super) fn unlabel(&self, value: TokenStream, ty: &Ty) -> TokenStream {
        relabel(value, ty, false)
    }

    /// An owned value of the inside as the public type has it.
    pub(super) fn label(&self, value: TokenStream, ty: &Ty) -> TokenStream {
        relabel(value, ty, true)
    }
}

/// Puts labels on, or takes them off, anywhere in a value.
fn relabel(value: TokenStream, ty: &Ty, put: bool) -> TokenStream {
    if unlabelled(ty) == unmoneyed(ty) {
        return value;
    }
    let rt = rt();
    match ty {
        Ty::Pii(of) | Ty::Secret(of) if !put => relabel(quote!((#value).0), of, put),
        Ty::Pii(of) => {
            let value = relabel(value, of, put);
            quote!(#rt::Pii(#value))
        }
        Ty::Secret(of) => {
            let value = relabel(value, of, put);
            quote!(#rt::Secret(#value))
        }
        Ty::Optional(of) => {
            let some = relabel(quote!(some), of, put);
            quote!((#value).map(|some| #some))
        }
        Ty::List(of) => {
            let item = relabel(quote!(item), of, put);
            quote!((#value).into_iter().map(|item| #item).collect::<::std::vec::Vec<_>>())
        }
        Ty::Map(key, of) => {
            let (key, of) = (relabel(quote!(key), key, put), relabel(quote!(value), of, put));
            quote!((#value)
                .into_iter()
                .map(|(key, value)| (#key, #of))
                .collect::<::std::collections::BTreeMap<_, _>>())
        }
        // An entry is nothing that users can name.
        _ => value,
    }
}

/// The type with fixed currencies forgotten, as Rust does.
fn unmoneyed(ty: &Ty) -> Ty {
    let boxed = |of: &Ty| Box::new(unmoneyed(of));
    match ty {
        Ty::Pii(of) => Ty::Pii(boxed(of)),
        Ty::Secret(of) => Ty::Secret(boxed(of)),
        Ty::List(of) => Ty::List(boxed(of)),
        Ty::Map(key, value) => Ty::Map(boxed(key), boxed(value)),
        Ty::Entry(key, value) => Ty::Entry(boxed(key), boxed(value)),
        Ty::Optional(of) => Ty::Optional(boxed(of)),
        Ty::Outcome(of) => Ty::Outcome(boxed(of)),
        Ty::Batch(of) => Ty::Batch(boxed(of)),
        Ty::Money(_) => Ty::Money(None),
        plain => plain.clone(),
    }
}
