//! Services: a trait with native async methods, one error enum per action, and the adapter that the
//! engine calls.

use super::names::{Names, free, ident, rt, snake, split};
use super::types::doc;
use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};
use sagaflow_fir::{Action, ErrorDecl, Service};
use std::collections::BTreeSet;

/// The error enum of an action, as its module's users call it.
fn error_name(action: &str) -> Ident {
    let words = action.split('_').map(|word| {
        let mut chars = word.chars();
        chars.next().map_or_else(String::new, |first| {
            first.to_ascii_uppercase().to_string() + chars.as_str()
        })
    });
    format_ident!("{}Error", words.collect::<String>())
}

impl Names<'_> {
    /// The trait and the errors of a service at depth 1.
    pub(super) fn service(&self, name: &str, service: &Service) -> TokenStream {
        let short = split(name).1;
        let (trait_name, errors) = (ident(short), ident(&snake(short)));
        let methods =
            service.actions.iter().map(|(action, decl)| self.method_decl(name, action, decl));
        let enums = service.actions.iter().map(|(action, decl)| {
            (!decl.errors.is_empty()).then(|| self.error_enum(&error_name(action), &decl.errors, 2))
        });
        let about = doc(&format!("The service `{name}`: one method per action."));
        let module = doc(&format!("The declared errors of `{name}`, by action."));
        let unprovided = format!("`{{Self}}` does not provide the service `{name}`");
        quote! {
            #about
            #[diagnostic::on_unimplemented(message = #unprovided)]
            pub trait #trait_name: ::core::marker::Send + ::core::marker::Sync + 'static {
                #(#methods)*
            }
            #module
            pub mod #errors { #(#enums)* }
        }
    }

    fn method_decl(&self, service: &str, action: &str, decl: &Action) -> TokenStream {
        let (name, error) = (ident(action), self.error_path(service, action, decl, 1));
        let mut taken = BTreeSet::from(["call".to_owned()]);
        let params = decl.params.iter().map(|param| {
            let free = free(&param.name, &taken);
            taken.insert(free.clone());
            let (param_name, ty) = (ident(&free), self.public(&param.ty, 1));
            quote!(#param_name: #ty)
        });
        let params: Vec<TokenStream> = params.collect();
        let result = decl.result.as_ref().map_or(quote!(()), |ty| self.public(ty, 1));
        let about = doc(&format!("The action `{action}`."));
        quote! {
            #about
            fn #name(
                &self,
                call: &::sagaflow::codegen::rt::Call,
                #(#params),*
            ) -> impl ::core::future::Future<
                Output = ::sagaflow::codegen::rt::Answer<#result, #error>,
            > + ::core::marker::Send;
        }
    }

    fn error_path(&self, service: &str, action: &str, decl: &Action, depth: usize) -> TokenStream {
        if decl.errors.is_empty() {
            return quote!(::sagaflow::codegen::rt::NoError);
        }
        let (module, errors) = (self.module(service, depth), ident(&snake(split(service).1)));
        let name = error_name(action);
        quote!(#module::#errors::#name)
    }

    /// An enum of declared errors.
    fn error_enum(&self, name: &Ident, errors: &[ErrorDecl], depth: usize) -> TokenStream {
        let variants = errors.iter().map(|error| {
            let (variant, fields) = (ident(&error.name), self.error_fields(error, depth));
            quote!(#variant #fields)
        });
        let payloads = errors.iter().map(|error| {
            let (rt, variant, text) = (rt(), ident(&error.name), &error.name);
            let members: Vec<Ident> = error.fields.iter().map(|field| ident(&field.name)).collect();
            let names = error.fields.iter().map(|field| &field.name);
            let values = (0..members.len()).map(|index| format_ident!("f{index}"));
            let bound: Vec<Ident> = values.collect();
            let payload = match members.is_empty() {
                true => quote!(#rt::Json::Null),
                false => quote!(#rt::payload([#((#names, #rt::json(&#bound))),*])),
            };
            quote!(Self::#variant { #(#members: #bound),* } => (#text, #payload))
        });
        let rt = rt();
        let about = doc("Declared errors: promises that the effect did not happen.");
        quote! {
            #about
            #[derive(::core::clone::Clone, ::core::fmt::Debug, ::core::cmp::PartialEq)]
            pub enum #name { #(#variants),* }
            impl #name {
                #[doc(hidden)]
                pub fn __payload(self) -> (&'static str, #rt::Json) {
                    match self { #(#payloads),* }
                }
            }
        }
    }

    /// The fields of an error's variant; nothing where it has none.
    pub(super) fn error_fields(&self, error: &ErrorDecl, depth: usize) -> Option<TokenStream> {
        let fields = error.fields.iter().map(|field| {
            let (member, ty) = (ident(&field.name), self.public(&field.ty, depth));
            quote!(#member: #ty)
        });
        (!error.fields.is_empty()).then(|| quote!({ #(#fields),* }))
    }

    /// The adapters of a module's services, at depth 2.
    pub(super) fn adapters(&self, module: &str) -> TokenStream {
        let own = self.fir.services.iter().filter(|(name, _)| split(name).0 == module);
        let adapters = own.map(|(name, service)| self.adapter(name, service));
        quote! {
            #[doc(hidden)]
            pub mod __services { #(#adapters)* }
        }
    }

    fn adapter(&self, name: &str, service: &Service) -> TokenStream {
        let rt = rt();
        let (short, path) = (ident(split(name).1), self.item(name, 2));
        let arms = service.actions.iter().map(|(action, decl)| self.dispatch(&path, action, decl));
        let unknown = format!("`{name}` has no such action");
        let contract = sagaflow_fir::contract(self.fir, name).to_string();
        quote! {
            pub struct #short<T>(pub T);
            impl<T> #short<T> {
                pub fn contract(&self) -> &'static str {
                    #contract
                }
            }
            impl<T: #path> ::sagaflow::codegen::rt::Service for #short<T> {
                fn call<'a>(
                    &'a self,
                    call: &'a ::sagaflow::codegen::rt::Call,
                    args: #rt::Json,
                ) -> ::sagaflow::codegen::rt::Attempting<'a> {
                    ::std::boxed::Box::pin(async move {
                        match call.action.as_str() {
                            #(#arms)*
                            _ => ::sagaflow::codegen::rt::Attempt::Fault {
                                message: ::std::string::String::from(#unknown),
                            },
                        }
                    })
                }
            }
        }
    }

    fn dispatch(&self, path: &TokenStream, action: &str, decl: &Action) -> TokenStream {
        let rt = rt();
        let values: Vec<Ident> =
            (0..decl.params.len()).map(|index| format_ident!("a{index}")).collect();
        let read = decl.params.iter().zip(&values).map(|(param, value)| {
            let (ty, name) = (self.public(&param.ty, 2), &param.name);
            quote! {
                let #value: #ty = match #rt::argument(&args, #name) {
                    ::core::result::Result::Ok(value) => value,
                    ::core::result::Result::Err(fault) => return fault,
                };
            }
        });
        let error = match decl.errors.is_empty() {
            true => quote!(|never| match never {}),
            false => quote!(|error| error.__payload()),
        };
        let method = ident(action);
        quote! {
            #action => {
                #(#read)*
                let outcome = <T as #path>::#method(&self.0, call, #(#values),*).await;
                #rt::answer(outcome, #error)
            }
        }
    }
}
