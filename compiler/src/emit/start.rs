//! What users start and host: the input of each workflow with its typed errors, and the builder
//! that wants every service a module calls.

use super::graph::calls;
use super::names::{Names, free, ident, rt, snake, split};
use super::types::doc;
use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};
use sagaflow_fir::{Frozen, Workflow};
use std::collections::BTreeSet;

/// A service in a builder.
struct Slot<'n> {
    /// Qualified name.
    name: &'n str,
    /// Called by the module's workflows.
    called: bool,
    /// Type parameter.
    param: Ident,
    /// Marker of its absence.
    missing: Ident,
    /// Trait that only its presence fulfils.
    provided: Ident,
    /// Method that sets it.
    setter: Ident,
}

impl<'f> Names<'f> {
    /// The input of a workflow at depth 1, and its errors.
    pub(super) fn start(&self, name: &str, workflow: &Workflow) -> TokenStream {
        let rt = rt();
        let short = split(name).1;
        let (input, module) = (ident(short), ident(&snake(short)));
        let types: Vec<TokenStream> =
            workflow.params.iter().map(|param| self.public(&param.ty, 1)).collect();
        let puts = workflow.params.iter().enumerate().map(|(index, param)| {
            let (index, key) = (syn::Index::from(index), &param.name);
            quote!(#rt::put(&mut values, #key, &self.#index)?;)
        });
        let output = workflow.result.as_ref().map_or(quote!(()), |ty| self.public(ty, 1));
        let errors = self.run_errors(workflow);
        let about = match workflow.doc.is_empty() {
            true => doc(&format!("Starts `{name}`: its parameters in order.")),
            false => doc(&workflow.doc),
        };
        let module_doc = doc(&format!("How `{name}` can fail."));
        quote! {
            #about
            #[derive(::core::clone::Clone, ::core::fmt::Debug, ::core::cmp::PartialEq)]
            pub struct #input(#(pub #types),*);
            impl #rt::Start for #input {
                const WORKFLOW: &'static str = #name;
                type Output = #output;
                type Error = #module::Error;
                fn input(&self) -> ::core::result::Result<#rt::Values, #rt::Fault> {
                    let mut values = #rt::Values::new();
                    #(#puts)*
                    ::core::result::Result::Ok(values)
                }
                fn error(failure: #rt::Failure) -> #module::Error {
                    #module::Error::__of(failure)
                }
            }
            #module_doc
            pub mod #module { #errors }
        }
    }

    fn run_errors(&self, workflow: &Workflow) -> TokenStream {
        let rt = rt();
        let taken: BTreeSet<String> =
            workflow.fails.iter().map(|error| error.name.clone()).collect();
        let other = ident(&free("Cause", &taken));
        let variants = workflow.fails.iter().map(|error| {
            let (variant, fields) = (ident(&error.name), self.error_fields(error, 2));
            quote!(#variant #fields)
        });
        let reads = workflow.fails.iter().map(|error| {
            let (variant, name) = (ident(&error.name), &error.name);
            let members = error.fields.iter().map(|field| {
                let (member, key) = (ident(&field.name), &field.name);
                quote!(#member: #rt::field(&failure.payload, #key)?)
            });
            quote!(#name => Self::#variant { #(#members),* })
        });
        quote! {
            /// A declared error of the workflow, or another cause.
            #[derive(::core::clone::Clone, ::core::fmt::Debug, ::core::cmp::PartialEq)]
            pub enum Error {
                #(#variants,)*
                /// Not declared: timed out, refused, unknown, cancelled, or past its deadline.
                #other(#rt::Failure),
            }
            impl Error {
                fn __declared(
                    failure: &#rt::Failure,
                ) -> ::core::result::Result<Self, #rt::Fault> {
                    ::core::result::Result::Ok(match failure.name.as_str() {
                        #(#reads,)*
                        _ => Self::#other(failure.clone()),
                    })
                }
                #[doc(hidden)]
                pub fn __of(failure: #rt::Failure) -> Self {
                    match failure.kind {
                        #rt::FailureKind::Declared => {
                            Self::__declared(&failure).unwrap_or(Self::#other(failure))
                        }
                        _ => Self::#other(failure),
                    }
                }
            }
        }
    }

    /// The services a module's builder takes: those it declares and those its workflows call.
    fn slots(&self, module: &str, bodies: bool) -> Vec<Slot<'f>> {
        let fir = self.fir;
        let own = fir.workflows.iter().filter(|(name, _)| split(name).0 == module);
        let mut called: BTreeSet<&str> = own.flat_map(|(_, workflow)| calls(workflow)).collect();
        called.extend(self.released_of(module).flat_map(released_calls));
        let listed = fir.services.keys().filter(|name| {
            // Without bodies nobody knows what is called; a setter too many harms nobody.
            !bodies || split(name).0 == module || called.contains(name.as_str())
        });
        let mut taken = BTreeSet::from(["into_flows".to_owned()]);
        listed
            .enumerate()
            .map(|(index, name)| {
                let short = split(name).1;
                let mut setter = snake(short);
                if taken.contains(&setter) {
                    setter = free(&name.replace('.', "_").to_lowercase(), &taken);
                }
                taken.insert(setter.clone());
                Slot {
                    name,
                    called: called.contains(name.as_str()),
                    param: format_ident!("P{index}"),
                    missing: format_ident!("Missing{index}{short}"),
                    provided: format_ident!("Provided{index}{short}"),
                    setter: ident(&setter),
                }
            })
            .collect()
    }

    /// The released versions of a module's workflows.
    fn released_of(&self, module: &str) -> impl Iterator<Item = &'f Frozen> {
        self.older.iter().filter(move |frozen| split(&frozen.workflow).0 == module)
    }

    /// `flows()` at depth 1 with its builder at depth 2.
    pub(super) fn flows(&self, module: &str, machines: &[Ident], bodies: bool) -> TokenStream {
        let slots = self.slots(module, bodies);
        let (params, missing): (Vec<_>, Vec<_>) =
            slots.iter().map(|slot| (&slot.param, &slot.missing)).unzip();
        let unset = missing.iter().map(|missing| quote!(__flows::#missing));
        let unset_values = unset.clone();
        let markers = slots.iter().map(marker);
        let setters = (0..slots.len()).map(|index| self.setter(&slots, index));
        let released: Vec<&Frozen> = self.released_of(module).collect();
        // Order: released versions first; what is said of services by several, the last one says.
        let older = released.iter().map(|frozen| {
            let machine = super::names::released_machine(frozen);
            quote!(super::super::#machine)
        });
        let machines = older.chain(machines.iter().map(|machine| quote!(super::#machine)));
        let machines: Vec<TokenStream> = machines.collect();
        // Services that only old runs call, of modules that are not among these files.
        let services = released.iter().copied().flat_map(released_calls);
        let elsewhere = services.filter(|name| !self.fir.services.contains_key(*name));
        let elsewhere: BTreeSet<&str> = elsewhere.collect();
        let conversion = conversion(&slots, &machines, &elsewhere);
        let about = doc(&format!("The workflows of `{module}`; set each service they call."));
        quote! {
            #about
            pub fn flows() -> __flows::Builder<#(#unset),*> {
                __flows::Builder(#(#unset_values),*)
            }
            #[doc(hidden)]
            pub mod __flows {
                /// A service that was given.
                pub struct Set(
                    pub(super) ::std::sync::Arc<dyn ::sagaflow::codegen::rt::Service>,
                );
                #(#markers)*
                /// What was given so far.
                #[must_use]
                pub struct Builder<#(#params),*>(#(pub(super) #params),*);
                #(#setters)*
                #conversion
            }
        }
    }

    fn setter(&self, slots: &[Slot<'_>], index: usize) -> TokenStream {
        let Some(slot) = slots.get(index) else { return TokenStream::new() };
        let params: Vec<&Ident> = slots.iter().map(|slot| &slot.param).collect();
        let after = slots.iter().enumerate().map(|(at, slot)| {
            let param = &slot.param;
            if at == index { quote!(Set) } else { quote!(#param) }
        });
        let values = (0..slots.len()).map(|at| {
            let at_index = syn::Index::from(at);
            match at == index {
                true => quote!(Set(::std::sync::Arc::new(adapter))),
                false => quote!(self.#at_index),
            }
        });
        let (module, short) = (self.module(slot.name, 2), ident(split(slot.name).1));
        let (setter, about) = (&slot.setter, doc(&format!("Gives the service `{}`.", slot.name)));
        quote! {
            impl<#(#params),*> Builder<#(#params),*> {
                #about
                pub fn #setter<S: #module::#short>(self, service: S) -> Builder<#(#after),*> {
                    let adapter = #module::__services::#short(service);
                    Builder(#(#values),*)
                }
            }
        }
    }
}

fn marker(slot: &Slot<'_>) -> TokenStream {
    let (missing, provided) = (&slot.missing, &slot.provided);
    let rt = rt();
    let given = quote!(::core::option::Option<::std::sync::Arc<dyn #rt::Service>>);
    let service = slot.name;
    let message = format!("service `{service}` is missing");
    let label = format!("`{service}` was not given");
    let note = format!("call `.{}(…)` with an implementation before this", slot.setter);
    let optional = (!slot.called).then(|| {
        quote! {
            impl #provided for #missing {
                fn take(self) -> #given {
                    ::core::option::Option::None
                }
            }
        }
    });
    quote! {
        pub struct #missing;
        #[diagnostic::on_unimplemented(message = #message, label = #label, note = #note)]
        pub trait #provided {
            fn take(self) -> #given;
        }
        impl #provided for Set {
            fn take(self) -> #given {
                ::core::option::Option::Some(self.0)
            }
        }
        #optional
    }
}

/// The services that a released version calls.
fn released_calls(frozen: &Frozen) -> impl Iterator<Item = &str> {
    frozen.fir.workflows.values().flat_map(calls)
}

fn conversion(
    slots: &[Slot<'_>],
    machines: &[TokenStream],
    elsewhere: &BTreeSet<&str>,
) -> TokenStream {
    let rt = rt();
    let params: Vec<&Ident> = slots.iter().map(|slot| &slot.param).collect();
    let bounds = slots.iter().map(|slot| {
        let (param, provided) = (&slot.param, &slot.provided);
        quote!(#param: #provided)
    });
    let bounds: Vec<TokenStream> = bounds.collect();
    let inserted = slots.iter().enumerate().map(|(index, slot)| {
        let (index, name) = (syn::Index::from(index), slot.name);
        quote! {
            if let ::core::option::Option::Some(service) = builder.#index.take() {
                flows.services.insert(::std::string::String::from(#name), service);
            }
        }
    });
    let declared = slots.iter().filter(|slot| slot.called).map(|slot| slot.name);
    let declared = declared.chain(elsewhere.iter().copied());
    quote! {
        impl<#(#params),*> ::core::convert::From<Builder<#(#params),*>> for #rt::Flows
        where
            #(#bounds),*
        {
            fn from(builder: Builder<#(#params),*>) -> Self {
                let mut flows = Self::default();
                #(#inserted)*
                #(flows.declared.push(::std::string::String::from(#declared));)*
                #(flows.machines.push(::std::sync::Arc::new(#machines::machine()));)*
                flows
            }
        }
        impl<#(#params),*> Builder<#(#params),*>
        where
            #(#bounds),*
        {
            /// The workflows with their services.
            pub fn into_flows(self) -> #rt::Flows {
                ::core::convert::From::from(self)
            }
        }
    }
}
