//! Declared types: records, enums, nominal types, events.
//!
//! Order is that of the interpreter: records by field name, variants by name, so that maps keyed by
//! them iterate alike in either machine.

use super::names::{Names, ident, rt};
use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};
use sagaflow_fir::{Field, NamedType, Ty, TypeDecl, Variant};

impl Names<'_> {
    /// A declared type at depth 1.
    pub(super) fn type_decl(&self, name: &str, named: &NamedType) -> TokenStream {
        let doc = doc(&named.doc);
        let short = ident(super::names::split(name).1);
        let ordered = self.ordered(&Ty::Named(name.to_owned()), &mut Vec::new());
        match &named.decl {
            TypeDecl::Alias { of, pattern } => self.alias_decl(&doc, &short, of, pattern, ordered),
            TypeDecl::Record(fields) => self.record_decl(&doc, &short, fields, ordered),
            TypeDecl::Enum(variants) => self.enum_decl(&doc, &short, variants, ordered),
        }
    }

    /// A record, or an event's payload.
    pub(super) fn record_decl(
        &self,
        doc: &TokenStream,
        name: &Ident,
        fields: &[Field],
        ordered: bool,
    ) -> TokenStream {
        let derives = derives(ordered);
        let members = fields.iter().map(|field| self.field(Some(name), field, &quote!(pub)));
        let defaults = fields.iter().filter_map(|field| {
            let (ty, default) = (self.public(&field.ty, 1), field.default.as_ref()?.to_string());
            let (function, rt) = (default_of(field), rt());
            Some(quote! {
                #[doc(hidden)]
                pub fn #function() -> #ty { #rt::default_of(#default) }
            })
        });
        let order = ordered.then(|| {
            let mut sorted: Vec<&Field> = fields.iter().collect();
            sorted.sort_by(|a, b| a.name.cmp(&b.name));
            let compared = sorted.iter().map(|field| {
                let field = ident(&field.name);
                quote!((&self.#field, &other.#field))
            });
            order(name, &chain(compared.collect()))
        });
        let weighed = fields.iter().map(|field| {
            let field = ident(&field.name);
            quote!(&self.#field)
        });
        let weight = weight(name, &parts(weighed));
        quote! {
            #doc
            #derives
            pub struct #name { #(#members),* }
            impl #name { #(#defaults)* }
            #order
            #weight
        }
    }

    /// A field with what serde must know; its default is a function of `owner`.
    pub(super) fn field(
        &self,
        owner: Option<&Ident>,
        field: &Field,
        vis: &TokenStream,
    ) -> TokenStream {
        let (name, ty) = (&field.name, self.public(&field.ty, 1));
        let member = ident(name);
        let default = match (owner, &field.default) {
            (Some(owner), Some(_)) => {
                let path = format!("{owner}::{}", default_of(field));
                quote!(, default = #path)
            }
            _ if optional(&field.ty) => quote!(, default),
            _ => quote!(),
        };
        let skip = optional(&field.ty).then(|| {
            let path = match &field.ty {
                Ty::Optional(_) => "::core::option::Option::is_none".to_owned(),
                Ty::Pii(_) => "::sagaflow::codegen::rt::Pii::is_none".to_owned(),
                _ => "::sagaflow::codegen::rt::Secret::is_none".to_owned(),
            };
            quote!(, skip_serializing_if = #path)
        });
        quote! {
            #[serde(rename = #name #default #skip)]
            #vis #member: #ty
        }
    }

    fn enum_decl(
        &self,
        doc: &TokenStream,
        name: &Ident,
        variants: &[Variant],
        ordered: bool,
    ) -> TokenStream {
        let derives = derives(ordered);
        let members = variants.iter().map(|variant| {
            let (short, text) = (ident(&variant.name), &variant.name);
            let fields: Vec<TokenStream> =
                variant.fields.iter().map(|field| self.field(None, field, &quote!())).collect();
            let payload = (!fields.is_empty()).then(|| quote!({ #(#fields),* }));
            quote!(#[serde(rename = #text)] #short #payload)
        });
        let names = variants.iter().map(|variant| {
            let (short, text) = (ident(&variant.name), &variant.name);
            quote!(Self::#short { .. } => #text)
        });
        let order = ordered.then(|| {
            let payloads = variants.iter().filter(|it| !it.fields.is_empty()).map(payload_order);
            order(
                name,
                &quote! {
                    ::core::cmp::Ord::cmp(self.__name(), other.__name()).then_with(|| {
                        match (self, other) {
                            #(#payloads,)*
                            _ => ::core::cmp::Ordering::Equal,
                        }
                    })
                },
            )
        });
        let weighed = variants.iter().map(|variant| {
            let short = ident(&variant.name);
            let fields: Vec<Ident> =
                variant.fields.iter().map(|field| ident(&field.name)).collect();
            let payload: Vec<Ident> =
                (0..fields.len()).map(|index| format_ident!("p{index}")).collect();
            let parts = parts(payload.iter().map(|payload| quote!(#payload)));
            quote!(Self::#short { #(#fields: #payload),* } => #parts)
        });
        let weight = weight(name, &quote!(match self { #(#weighed),* }));
        quote! {
            #doc
            #derives
            pub enum #name { #(#members),* }
            impl #name {
                #[doc(hidden)]
                pub fn __name(&self) -> &'static str { match self { #(#names),* } }
            }
            #order
            #weight
        }
    }

    fn alias_decl(
        &self,
        doc: &TokenStream,
        name: &Ident,
        of: &Ty,
        pattern: &Option<String>,
        ordered: bool,
    ) -> TokenStream {
        let rt = rt();
        let (public, inner) = (self.public(of, 1), self.inner(of, 1));
        let derives = derives(ordered);
        let (unlabel, label) = (self.unlabel(quote!(self.0), of), self.label(quote!(plain), of));
        let (serde, checked) = match pattern {
            None => (quote!(#[serde(transparent)]), self.unchecked(name, &public)),
            Some(pattern) => {
                let text = public.to_string();
                let fits = self.read(quote!(value), of).0;
                (
                    quote!(#[serde(try_from = #text, into = #text)]),
                    checked(name, &public, pattern, &fits),
                )
            }
        };
        let made = match pattern {
            None => quote!(::core::result::Result::Ok(Self(#label))),
            Some(_) => quote!(
                <Self as ::core::convert::TryFrom<#public>>::try_from(#label)
                    .map_err(#rt::Malformed::fault)
            ),
        };
        let order = ordered.then(|| order(name, &quote!(::core::cmp::Ord::cmp(&self.0, &other.0))));
        let weight = weight(name, &quote!(#rt::Weight::weight(&self.0)));
        quote! {
            #doc
            #derives
            #serde
            pub struct #name(#public);
            #checked
            #order
            #weight
            impl #name {
                /// The value without its name.
                pub fn get(&self) -> &#public { &self.0 }
                /// The value without its name, owned.
                pub fn into_inner(self) -> #public { self.0 }
            }
            impl ::core::convert::From<#name> for #public {
                fn from(named: #name) -> Self { named.0 }
            }
            impl #rt::Nominal for #name {
                type Plain = #inner;
                fn named(plain: #inner) -> ::core::result::Result<Self, #rt::Fault> { #made }
                fn plain(self) -> #inner { #unlabel }
            }
        }
    }

    fn unchecked(&self, name: &Ident, public: &TokenStream) -> TokenStream {
        quote! {
            impl ::core::convert::From<#public> for #name {
                fn from(value: #public) -> Self { Self(value) }
            }
        }
    }

    /// Whether values of a type have an order that the interpreter shares.
    pub(super) fn ordered(&self, ty: &Ty, seen: &mut Vec<String>) -> bool {
        match ty {
            Ty::Outcome(_) | Ty::Batch(_) => false,
            Ty::List(of) | Ty::Optional(of) | Ty::Pii(of) | Ty::Secret(of) => {
                self.ordered(of, seen)
            }
            Ty::Map(key, of) | Ty::Entry(key, of) => {
                self.ordered(key, seen) && self.ordered(of, seen)
            }
            Ty::Named(name) if seen.contains(name) => true,
            Ty::Named(name) => {
                seen.push(name.clone());
                match self.fir.types.get(name).map(|named| &named.decl) {
                    Some(TypeDecl::Alias { of, .. }) => self.ordered(of, seen),
                    Some(TypeDecl::Enum(variants)) => variants
                        .iter()
                        .flat_map(|variant| &variant.fields)
                        .all(|field| self.ordered(&field.ty, seen)),
                    _ => self.fields(name).is_some_and(|fields| {
                        fields.iter().all(|field| self.ordered(&field.ty, seen))
                    }),
                }
            }
            _ => true,
        }
    }
}

/// Documentation as attributes.
pub(super) fn doc(text: &str) -> TokenStream {
    let lines = text.lines().map(|line| format!(" {line}"));
    quote!(#(#[doc = #lines])*)
}

/// What every generated type derives; `Ord` is written by hand.
pub(super) fn derives(ordered: bool) -> TokenStream {
    let rt = rt();
    let eq = ordered.then(|| quote!(::core::cmp::Eq, ::core::hash::Hash,));
    quote! {
        #[derive(
            ::core::clone::Clone, ::core::fmt::Debug, ::core::cmp::PartialEq, #eq
            #rt::serde::Serialize, #rt::serde::Deserialize,
        )]
        #[serde(crate = "::sagaflow::codegen::rt::serde")]
    }
}

/// Whether a field of this type may be absent.
fn optional(ty: &Ty) -> bool {
    match ty {
        Ty::Optional(_) => true,
        Ty::Pii(of) | Ty::Secret(of) => matches!(**of, Ty::Optional(_)),
        _ => false,
    }
}

fn default_of(field: &Field) -> Ident {
    format_ident!("__default_{}", field.name)
}

/// The checked constructor of a type with a pattern.
fn checked(name: &Ident, public: &TokenStream, pattern: &str, fits: &TokenStream) -> TokenStream {
    let rt = rt();
    let word = name.to_string();
    quote! {
        impl ::core::convert::TryFrom<#public> for #name {
            type Error = #rt::Malformed;
            fn try_from(value: #public) -> ::core::result::Result<Self, #rt::Malformed> {
                static PATTERN: #rt::Pattern = #rt::Pattern::new(#pattern);
                if PATTERN.fits(&#fits) {
                    ::core::result::Result::Ok(Self(value))
                } else {
                    ::core::result::Result::Err(#rt::Malformed(#word))
                }
            }
        }
    }
}

/// Compares pairs one after the other.
fn chain(pairs: Vec<TokenStream>) -> TokenStream {
    let compared = pairs.iter().map(|pair| {
        quote!(.then_with(|| { let (left, right) = #pair; ::core::cmp::Ord::cmp(left, right) }))
    });
    quote!(::core::cmp::Ordering::Equal #(#compared)*)
}

fn payload_order(variant: &Variant) -> TokenStream {
    let short = ident(&variant.name);
    let mut sorted: Vec<&Field> = variant.fields.iter().collect();
    sorted.sort_by(|a, b| a.name.cmp(&b.name));
    let members: Vec<Ident> = sorted.iter().map(|field| ident(&field.name)).collect();
    let left: Vec<Ident> = (0..members.len()).map(|index| format_ident!("l{index}")).collect();
    let right: Vec<Ident> = (0..members.len()).map(|index| format_ident!("r{index}")).collect();
    let chained = chain(left.iter().zip(&right).map(|(l, r)| quote!((#l, #r))).collect());
    quote! {
        (Self::#short { #(#members: #left),* }, Self::#short { #(#members: #right),* }) => #chained
    }
}

/// What parts weigh together, with what holds them.
fn parts(parts: impl Iterator<Item = TokenStream>) -> TokenStream {
    let rt = rt();
    let parts = parts.map(|part| quote!(.saturating_add(#rt::Weight::weight(#part))));
    quote!(1_u64 #(#parts)*)
}

fn weight(name: &Ident, weighed: &TokenStream) -> TokenStream {
    let rt = rt();
    quote! {
        impl #rt::Weight for #name {
            fn weight(&self) -> u64 { #weighed }
        }
    }
}

fn order(name: &Ident, compared: &TokenStream) -> TokenStream {
    quote! {
        impl ::core::cmp::Ord for #name {
            fn cmp(&self, other: &Self) -> ::core::cmp::Ordering { #compared }
        }
        impl ::core::cmp::PartialOrd for #name {
            fn partial_cmp(&self, other: &Self) -> ::core::option::Option<::core::cmp::Ordering> {
                ::core::option::Option::Some(::core::cmp::Ord::cmp(self, other))
            }
        }
    }
}
