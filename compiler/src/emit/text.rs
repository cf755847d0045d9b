//! Built-in methods of texts.

use super::expr::{Code, Exprs};
use super::names::rt;
use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use sagaflow_fir::{Expr, Ty};

impl Exprs<'_, '_> {
    pub(super) fn text_method(&self, base: TokenStream, name: &str, args: &[Expr]) -> Code {
        let (rt, work) = (rt(), &self.work);
        let base = quote!(#rt::through::<str>(#work, #base)?);
        let function = format_ident!("{name}");
        let text = |index: usize| self.argument(args.get(index), &Ty::Text);
        match name {
            "len" => Code::owned(quote!(#rt::text::len(#base)), Ty::Int),
            "is_empty" => Code::owned(quote!(#rt::text::is_empty(#base)), Ty::Bool),
            "is_blank" => Code::owned(quote!(#rt::text::is_blank(#base)), Ty::Bool),
            "lines" | "words" => Code::owned(
                quote!(#rt::text::#function(#work, #base)?),
                Ty::List(Box::new(Ty::Text)),
            ),
            "to_int" | "to_decimal" | "to_date" | "to_time" | "to_uuid" => read(&base, name),
            "index_of" => {
                let (part, ty) = (text(0), Ty::Optional(Box::new(Ty::Int)));
                Code::owned(quote!(#rt::text::index_of(#base, &#part)), ty)
            }
            "before" | "after" | "remove_prefix" | "remove_suffix" => {
                let part = text(0);
                Code::owned(quote!(#rt::text::#function(#base, &#part)), Ty::Text)
            }
            "repeat" => {
                let times = self.argument(args.first(), &Ty::Int);
                Code::owned(quote!(#rt::text::repeat(#base, #times)?), Ty::Text)
            }
            "pad_start" | "pad_end" => self.padded(&base, name, args),
            "trim" | "trim_start" | "trim_end" | "lower" | "upper" => {
                Code::owned(quote!(#rt::text::#function(#base)), Ty::Text)
            }
            "contains" | "starts_with" | "ends_with" => {
                let part = text(0);
                Code::owned(quote!(#rt::text::#function(#base, &#part)), Ty::Bool)
            }
            "split" => {
                let by = text(0);
                let ty = Ty::List(Box::new(Ty::Text));
                Code::owned(quote!(#rt::text::split(#work, #base, &#by)?), ty)
            }
            "join" => {
                let items = args.first().map(|items| self.plain(items));
                let items = items.map_or(quote!((&[])), |items| match items.ty {
                    Ty::Batch(_) => {
                        let items = items.borrowed();
                        quote!((&#items.items))
                    }
                    _ => items.borrowed(),
                });
                Code::owned(quote!(#rt::list::join(#work, #items, #base)?), Ty::Text)
            }
            "replace" => {
                let (from, to) = (text(0), text(1));
                Code::owned(quote!(#rt::text::replace(#base, &#from, &#to)?), Ty::Text)
            }
            "slice" => {
                let from = self.argument(args.first(), &Ty::Int);
                let to = match args.get(1) {
                    Some(to) => self.value_as(to, &Ty::Int),
                    None => quote!(i64::MAX),
                };
                Code::owned(quote!(#rt::text::slice(#base, #from, #to)), Ty::Text)
            }
            _ => self.fault("there is no such method of a text", Ty::Text),
        }
    }

    fn padded(&self, base: &TokenStream, name: &str, args: &[Expr]) -> Code {
        let (rt, function) = (rt(), format_ident!("{name}"));
        let length = self.argument(args.first(), &Ty::Int);
        let with = match args.get(1) {
            Some(with) => {
                let with = self.value_as(with, &Ty::Text);
                quote!(&#with)
            }
            None => quote!(" "),
        };
        Code::owned(quote!(#rt::text::#function(#base, #length, #with)?), Ty::Text)
    }
}

/// What a text says, if it says that.
fn read(base: &TokenStream, name: &str) -> Code {
    let (rt, function) = (rt(), format_ident!("{name}"));
    let ty = match name {
        "to_int" => Ty::Int,
        "to_decimal" => Ty::Decimal,
        "to_date" => Ty::Date,
        "to_time" => Ty::Time,
        _ => Ty::Uuid,
    };
    Code::owned(quote!(#rt::text::#function(#base)), Ty::Optional(Box::new(ty)))
}
