//! Rust from FIR.
//!
//! [`modules`] writes one Rust module per `.flow` module: types, service traits, workflow inputs, a
//! builder, and a machine per workflow. Promises: generated code names nothing but
//! `::sagaflow::codegen` and the standard library; it holds no FIR and interprets nothing; it
//! cannot panic; its frames are those of the interpreter. [`stub`] writes the same face without
//! machines, for programs that were refused.

mod block;
mod builtin;
mod calendar;
mod convert;
mod count;
mod expr;
mod function;
mod graph;
mod machine;
mod map;
mod method;
mod names;
mod operator;
mod part;
mod pattern;
mod service;
mod start;
mod term;
mod text;
mod types;

use names::{Names, ident, split};
use proc_macro2::{Ident, TokenStream};
use quote::quote;
use sagaflow_fir::{Fir, Frozen, Ty, TypeDecl};
use std::collections::BTreeSet;

/// The modules of a program.
#[must_use]
pub fn modules(fir: &Fir) -> TokenStream {
    with_released(fir, &[])
}

/// The modules of a program, whose builders give the machines of these released versions too.
#[must_use]
pub fn with_released(fir: &Fir, older: &[Frozen]) -> TokenStream {
    let emit = Emit { names: Names::new(fir, older), whole: true, bodies: true };
    let modules = emit.modules();
    let released = older.iter().map(released);
    quote!(#modules #(#released)*)
}

/// A released version: its machine with the types it had, in a module of their own. Who serves its
/// calls and how it is started is said by today's program.
fn released(frozen: &Frozen) -> TokenStream {
    let emit = Emit { names: Names::new(&frozen.fir, &[]), whole: false, bodies: true };
    let (module, modules) = (names::released(frozen), emit.modules());
    quote! {
        #[doc(hidden)]
        pub mod #module { #modules }
    }
}

/// The same names and types without any behaviour: so that the rest of a crate still type-checks
/// while its program is refused, and only the real message shows.
#[must_use]
pub fn stub(fir: &Fir) -> TokenStream {
    Emit { names: Names::new(fir, &[]), whole: true, bodies: false }.modules()
}

/// Tokens as formatted text, for people.
#[must_use]
pub fn pretty(tokens: &TokenStream) -> String {
    match syn::parse2(tokens.clone()) {
        Ok(file) => prettyplease::unparse(&file),
        Err(_) => tokens.to_string(),
    }
}

struct Emit<'f> {
    names: Names<'f>,
    /// With what users see: services, starts, builders.
    whole: bool,
    bodies: bool,
}

impl Emit<'_> {
    fn modules(&self) -> TokenStream {
        let modules = self.names.modules().map(|(path, name)| self.module(path, name));
        quote!(#(#modules)*)
    }

    fn module(&self, path: &str, name: &Ident) -> TokenStream {
        let fir = self.names.fir;
        let types = own(&fir.types, path)
            .filter(|(name, _)| self.names.declares(name))
            .map(|(name, decl)| self.names.type_decl(name, decl));
        // A payload that is passed on as a whole is among the types already.
        let events = own(&fir.events, path).filter(|(name, _)| !fir.types.contains_key(*name));
        let events = events.map(|(name, event)| {
            let short = ident(split(name).1);
            let about = types::doc(&format!("The payload of the event `{name}`."));
            let ordered = self.names.ordered(&Ty::Named(name.clone()), &mut Vec::new());
            self.names.record_decl(&about, &short, &event.fields, ordered)
        });
        let functions = self.bodies.then(|| self.names.functions(path));
        let (machines, names) = self.machines(path);
        let (imports, face) = match self.whole {
            true => (self.imports(path), self.face(path, &names)),
            false => Default::default(),
        };
        let about = types::doc(&format!("The module `{path}`."));
        quote! {
            #about
            #[allow(
                clippy::all, clippy::pedantic, clippy::unwrap_used, dead_code, missing_docs,
                non_camel_case_types, non_snake_case, unreachable_code, unused, unused_labels,
            )]
            pub mod #name {
                #imports
                #(#types)*
                #(#events)*
                #functions
                #machines
                #face
            }
        }
    }

    /// What the users of a module implement, start and host.
    fn face(&self, path: &str, machines: &[Ident]) -> TokenStream {
        let fir = self.names.fir;
        let services = own(&fir.services, path).map(|(name, it)| self.names.service(name, it));
        let starts = own(&fir.workflows, path).map(|(name, it)| self.names.start(name, it));
        let adapters = self.names.adapters(path);
        let flows = self.names.flows(path, machines, self.bodies);
        quote!(#(#services)* #(#starts)* #adapters #flows)
    }

    /// The machines of a module with the names of their modules.
    fn machines(&self, path: &str) -> (TokenStream, Vec<Ident>) {
        let mut tokens = TokenStream::new();
        let mut names = Vec::new();
        if !self.bodies {
            return (tokens, names);
        }
        for (index, (name, workflow)) in own(&self.names.fir.workflows, path).enumerate() {
            if let Some((what, line)) = workflow.unsupported.first() {
                let message = format!(
                    "F0005: `{name}` uses {what} (line {line}), which cannot be executed yet"
                );
                tokens.extend(quote!(::core::compile_error!(#message);));
                continue;
            }
            let module = names::machine(index, name);
            match machine::machine(&self.names, name, workflow, &module) {
                Ok(machine) => {
                    tokens.extend(machine);
                    names.push(module);
                }
                Err(cause) => {
                    let message = format!("the intermediate form of `{name}` is damaged: {cause}");
                    tokens.extend(quote!(::core::compile_error!(#message);));
                }
            }
        }
        (tokens, names)
    }

    /// Re-exports of the types of other modules that this one's declarations mention.
    fn imports(&self, path: &str) -> TokenStream {
        let fir = self.names.fir;
        let mut found = BTreeSet::new();
        own(&fir.types, path).for_each(|(_, named)| match &named.decl {
            TypeDecl::Alias { of, .. } => named_in(of, &mut found),
            TypeDecl::Record(fields) => in_fields(fields, &mut found),
            TypeDecl::Enum(variants) => {
                variants.iter().for_each(|variant| in_fields(&variant.fields, &mut found));
            }
        });
        own(&fir.events, path).for_each(|(_, event)| in_fields(&event.fields, &mut found));
        own(&fir.services, path).flat_map(|(_, service)| service.actions.values()).for_each(
            |action| {
                in_fields(&action.params, &mut found);
                action.result.iter().for_each(|ty| named_in(ty, &mut found));
                action.errors.iter().for_each(|error| in_fields(&error.fields, &mut found));
            },
        );
        own(&fir.workflows, path).for_each(|(_, workflow)| {
            in_fields(&workflow.params, &mut found);
            workflow.result.iter().for_each(|ty| named_in(ty, &mut found));
            workflow.fails.iter().for_each(|error| in_fields(&error.fields, &mut found));
        });
        let taken = self.declared(path);
        let foreign = found.iter().filter(|name| {
            split(name).0 != path && self.names.declares(name) && !taken.contains(split(name).1)
        });
        let mut seen = BTreeSet::new();
        let uses = foreign.filter(|name| seen.insert(split(name).1)).map(|name| {
            let item = self.names.item(name, 1);
            quote!(pub use #item;)
        });
        quote!(#(#uses)*)
    }

    /// Short names that a module declares itself.
    fn declared<'a>(&'a self, path: &'a str) -> BTreeSet<&'a str> {
        let fir = self.names.fir;
        let types = own(&fir.types, path).map(|(name, _)| name);
        let events = own(&fir.events, path).map(|(name, _)| name);
        let services = own(&fir.services, path).map(|(name, _)| name);
        let workflows = own(&fir.workflows, path).map(|(name, _)| name);
        types.chain(events).chain(services).chain(workflows).map(|name| split(name).1).collect()
    }
}

/// The entries of one module.
fn own<'a, T>(
    all: &'a std::collections::BTreeMap<String, T>,
    module: &'a str,
) -> impl Iterator<Item = (&'a String, &'a T)> {
    all.iter().filter(move |(name, _)| split(name).0 == module)
}

fn in_fields(fields: &[sagaflow_fir::Field], found: &mut BTreeSet<String>) {
    fields.iter().for_each(|field| named_in(&field.ty, found));
}

fn named_in(ty: &Ty, found: &mut BTreeSet<String>) {
    match ty {
        Ty::Named(name) => {
            found.insert(name.clone());
        }
        Ty::List(of) | Ty::Optional(of) | Ty::Outcome(of) | Ty::Batch(of) => named_in(of, found),
        Ty::Pii(of) | Ty::Secret(of) => named_in(of, found),
        Ty::Map(key, of) | Ty::Entry(key, of) => {
            named_in(key, found);
            named_in(of, found);
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests;
