//! Functions and decisions: pure Rust functions that may fault.

use super::expr::{Exprs, variable};
use super::names::{Names, ident, rt, split};
use proc_macro2::TokenStream;
use quote::quote;
use sagaflow_fir::{Function, FunctionBody};

impl Names<'_> {
    /// The functions of a module, at depth 2.
    pub(super) fn functions(&self, module: &str) -> TokenStream {
        let own = self.fir.functions.iter().filter(|(name, _)| split(name).0 == module);
        let functions = own.map(|(name, function)| self.function(name, function));
        quote!(pub mod __functions { #(#functions)* })
    }

    fn function(&self, name: &str, function: &Function) -> TokenStream {
        let rt = rt();
        let (module, short) = split(name);
        let work = quote!(work);
        let locals = &function.locals;
        let exprs = Exprs { names: self, locals, depth: 2, draw: None, module, work };
        let params =
            (0_u32..).zip(function.locals.iter().take(function.params)).map(|(id, local)| {
                let variable = variable(sagaflow_fir::LocalId(id), &function.locals);
                let ty = self.inner(&local.ty, 2);
                quote!(#variable: #ty)
            });
        let result = self.inner(&function.result, 2);
        let body = match &function.body {
            FunctionBody::Fn { lets, value } => {
                let lets = lets.iter().map(|(id, value)| {
                    let (variable, ty) = (exprs.variable(*id), exprs.local_ty(*id));
                    let (value, ty) = (exprs.value_as(value, &ty), self.inner(&ty, 2));
                    quote!(let #variable: #ty = #value;)
                });
                let value = exprs.value_as(value, &function.result);
                quote!(#(#lets)* ::core::result::Result::Ok(#value))
            }
            FunctionBody::Decide { rules, otherwise } => {
                let rules = rules.iter().map(|rule| {
                    let when = exprs.value_as(&rule.when, &sagaflow_fir::Ty::Bool);
                    let then = exprs.value_as(&rule.then, &function.result);
                    quote!(work.spend(1)?; if #when { return ::core::result::Result::Ok(#then); })
                });
                let otherwise = match otherwise {
                    Some(value) => {
                        let value = exprs.value_as(value, &function.result);
                        quote!(::core::result::Result::Ok(#value))
                    }
                    None => {
                        let fault = quote!(#rt::fault("no row of a decision holds"));
                        quote!(::core::result::Result::Err(#fault))
                    }
                };
                quote!(#(#rules)* #otherwise)
            }
        };
        let short = ident(short);
        quote! {
            pub fn #short(
                work: &#rt::Work,
                #(#params),*
            ) -> ::core::result::Result<#result, #rt::Fault> {
                work.spend(1)?;
                #body
            }
        }
    }
}
