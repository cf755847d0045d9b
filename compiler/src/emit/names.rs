//! From FIR's names to Rust's: modules, paths, identifiers, types.
//!
//! Promises: every name a user can choose becomes a valid identifier; names of the generator's own
//! begin with `__` or a digit's letter and live in modules of their own, where no user name is.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote};
use sagaflow_fir::{Action, Fir, Frozen, Ty, TypeDecl};
use std::collections::{BTreeMap, BTreeSet};

/// How deep code lies below the place of the macro call: 1 in a module, 2 in its helpers.
pub(super) type Depth = usize;

/// The type of what `Failed(e)` binds, which no module declares.
pub(super) const FAILURE: &str = "failure";

/// The names of one program.
pub(super) struct Names<'f> {
    pub(super) fir: &'f Fir,
    /// Released versions whose machines stand beside those of the program, oldest first.
    pub(super) older: &'f [Frozen],
    /// Rust module by `.flow` module.
    modules: BTreeMap<&'f str, Ident>,
}

/// Splits `shop.orders.Order` into `shop.orders` and `Order`.
pub(super) fn split(qualified: &str) -> (&str, &str) {
    qualified.rsplit_once('.').unwrap_or(("", qualified))
}

/// The declared action of a service or database.
pub(super) fn action<'f>(fir: &'f Fir, service: &str, action: &str) -> Option<&'f Action> {
    let of_service = fir.services.get(service).and_then(|it| it.actions.get(action));
    of_service.or_else(|| fir.databases.get(service).and_then(|it| it.actions.get(action)))
}

/// A user's name as an identifier.
pub(super) fn ident(name: &str) -> Ident {
    match name {
        // No raw identifier can carry these; the checks refuse them where they would be seen.
        "self" | "super" | "crate" | "Self" | "_" | "" => format_ident!("{name}_"),
        _ if syn::parse_str::<Ident>(name).is_ok() => Ident::new(name, Span::call_site()),
        _ => Ident::new_raw(name, Span::call_site()),
    }
}

/// `FulfilOrder` as `fulfil_order`.
pub(super) fn snake(name: &str) -> String {
    let mut out = String::new();
    let chars: Vec<char> = name.chars().collect();
    for (index, char) in chars.iter().enumerate() {
        let before = index.checked_sub(1).and_then(|index| chars.get(index));
        let after = chars.get(index + 1);
        let begins = char.is_ascii_uppercase()
            && before.is_some_and(|before| {
                before.is_ascii_lowercase()
                    || before.is_ascii_digit()
                    || (before.is_ascii_uppercase() && after.is_some_and(char::is_ascii_lowercase))
            });
        if begins {
            out.push('_');
        }
        out.push(char.to_ascii_lowercase());
    }
    out
}

/// `files[]/Inventory.reserve` as `FilesInventoryReserve`.
pub(super) fn camel(text: &str) -> String {
    let words = text.split(|char: char| !char.is_ascii_alphanumeric());
    let capital = |word: &str| {
        let mut chars = word.chars();
        chars.next().map_or_else(String::new, |first| {
            first.to_ascii_uppercase().to_string() + chars.as_str()
        })
    };
    let camel: String = words.map(capital).collect();
    if camel.starts_with(|char: char| char.is_ascii_alphabetic()) {
        camel
    } else {
        format!("P{camel}")
    }
}

/// The first of `name`, `name_`, `name__` … that is not taken.
pub(super) fn free(name: &str, taken: &BTreeSet<String>) -> String {
    let mut free = name.to_owned();
    while taken.contains(&free) {
        free.push('_');
    }
    free
}

/// The module of a workflow's machine.
pub(super) fn machine(index: usize, workflow: &str) -> Ident {
    format_ident!("__w{index}_{}", snake(split(workflow).1))
}

/// The module of a released version, beside those of the program.
pub(super) fn released(frozen: &Frozen) -> Ident {
    let name = frozen.workflow.replace('.', "_");
    format_ident!("__{}_v{}", snake(&name), frozen.version)
}

/// The machine of a released version, seen from the place of the macro call.
pub(super) fn released_machine(frozen: &Frozen) -> TokenStream {
    let outer = released(frozen);
    let inner = Names::new(&frozen.fir, &[]).module(&frozen.workflow, 0);
    // It is the only workflow of its form.
    let machine = machine(0, &frozen.workflow);
    quote!(#outer::#inner::#machine)
}

/// What is called on generated types.
pub(super) fn rt() -> TokenStream {
    quote!(::sagaflow::codegen::rt)
}

impl<'f> Names<'f> {
    pub(super) fn new(fir: &'f Fir, older: &'f [Frozen]) -> Self {
        let declared = fir
            .types
            .keys()
            .chain(fir.events.keys())
            .chain(fir.services.keys())
            .chain(fir.databases.keys())
            .chain(fir.functions.keys())
            .chain(fir.workflows.keys());
        let declared = declared.filter(|name| *name != FAILURE);
        // A module that declares nothing any more still gives the machines that were released of it.
        let declared = declared.chain(older.iter().map(|frozen| &frozen.workflow));
        let paths: BTreeSet<&str> = declared.map(|name| split(name).0).collect();
        let last = |path: &str| ident(split(path).1);
        let modules = paths.iter().map(|path| {
            let alone = paths.iter().filter(|other| last(other) == last(path)).count() == 1;
            let name = match (*path, alone) {
                ("", _) => format_ident!("flow"),
                (_, true) => last(path),
                (_, false) => ident(&path.replace('.', "_")),
            };
            (*path, name)
        });
        Self { fir, older, modules: modules.collect() }
    }

    /// Every `.flow` module with its Rust module.
    pub(super) fn modules(&self) -> impl Iterator<Item = (&'f str, &Ident)> {
        self.modules.iter().map(|(path, name)| (*path, name))
    }

    /// The path from `depth` to the Rust module of a qualified name.
    pub(super) fn module(&self, qualified: &str, depth: Depth) -> TokenStream {
        let ups = std::iter::repeat_n(quote!(super::), depth);
        match self.modules.get(split(qualified).0) {
            Some(module) => quote!(#(#ups)* #module),
            None => quote!(#(#ups)* flow),
        }
    }

    /// The path from `depth` to a declared item.
    pub(super) fn item(&self, qualified: &str, depth: Depth) -> TokenStream {
        let module = self.module(qualified, depth);
        let name = ident(split(qualified).1);
        quote!(#module::#name)
    }

    /// The Rust type as users see it, labels kept.
    pub(super) fn public(&self, ty: &Ty, depth: Depth) -> TokenStream {
        let rt = rt();
        match ty {
            Ty::Pii(of) => {
                let of = self.public(of, depth);
                quote!(#rt::Pii<#of>)
            }
            Ty::Secret(of) => {
                let of = self.public(of, depth);
                quote!(#rt::Secret<#of>)
            }
            _ => self.shape(ty, depth, &|of| self.public(of, depth)),
        }
    }

    /// The Rust type inside machines and functions, without labels: frames carry the values anyway,
    /// and the static checks have followed the labels.
    pub(super) fn inner(&self, ty: &Ty, depth: Depth) -> TokenStream {
        match ty {
            Ty::Pii(of) | Ty::Secret(of) => self.inner(of, depth),
            _ => self.shape(ty, depth, &|of| self.inner(of, depth)),
        }
    }

    fn shape(&self, ty: &Ty, depth: Depth, of: &dyn Fn(&Ty) -> TokenStream) -> TokenStream {
        let rt = rt();
        match ty {
            Ty::Text => quote!(::std::string::String),
            Ty::Bool => quote!(bool),
            Ty::Int => quote!(i64),
            Ty::Size => quote!(u64),
            Ty::Decimal => quote!(#rt::Decimal),
            Ty::Percent => quote!(#rt::Percent),
            Ty::Money(_) => quote!(#rt::Money),
            Ty::Duration => quote!(#rt::DurationMs),
            Ty::Time => quote!(#rt::Time),
            Ty::Date => quote!(#rt::Date),
            Ty::Uuid => quote!(#rt::Uuid),
            Ty::Blob => quote!(#rt::Blob),
            Ty::Role => quote!(#rt::Role),
            Ty::Unit => quote!(()),
            // Only the context knows it, and Rust finds out.
            Ty::Never => quote!(_),
            Ty::List(item) => {
                let item = of(item);
                quote!(::std::vec::Vec<#item>)
            }
            Ty::Map(key, value) => {
                let (key, value) = (of(key), of(value));
                quote!(::std::collections::BTreeMap<#key, #value>)
            }
            Ty::Entry(key, value) => {
                let (key, value) = (of(key), of(value));
                quote!(#rt::map::Entry<#key, #value>)
            }
            Ty::Optional(some) => {
                let some = of(some);
                quote!(::core::option::Option<#some>)
            }
            Ty::Outcome(ok) => {
                let ok = of(ok);
                quote!(#rt::Outcome<#ok>)
            }
            Ty::Batch(item) => {
                let item = of(item);
                quote!(#rt::Batch<#item>)
            }
            Ty::Named(name) if self.declares(name) => self.item(name, depth),
            Ty::Named(_) => quote!(#rt::Failure),
            Ty::Pii(inner) | Ty::Secret(inner) => of(inner),
        }
    }

    /// Whether a type of this name is declared; the only other named one is that of failures.
    pub(super) fn declares(&self, name: &str) -> bool {
        name != FAILURE && (self.fir.types.contains_key(name) || self.fir.events.contains_key(name))
    }

    /// What a nominal type wraps.
    pub(super) fn alias(&self, ty: &Ty) -> Option<&'f Ty> {
        let Ty::Named(name) = ty else { return None };
        match &self.fir.types.get(name)?.decl {
            TypeDecl::Alias { of, .. } => Some(of),
            _ => None,
        }
    }

    /// The fields of a record or event.
    pub(super) fn fields(&self, name: &str) -> Option<&'f [sagaflow_fir::Field]> {
        match self.fir.types.get(name).map(|named| &named.decl) {
            Some(TypeDecl::Record(fields)) => Some(fields),
            Some(_) => None,
            None => self.fir.events.get(name).map(|event| &event.fields[..]),
        }
    }

    /// The variants of an enum.
    pub(super) fn variants(&self, name: &str) -> Option<&'f [sagaflow_fir::Variant]> {
        match &self.fir.types.get(name)?.decl {
            TypeDecl::Enum(variants) => Some(variants),
            _ => None,
        }
    }
}

/// A type without labels, anywhere in it.
pub(super) fn unlabelled(ty: &Ty) -> Ty {
    let boxed = |of: &Ty| Box::new(unlabelled(of));
    match ty {
        Ty::Pii(of) | Ty::Secret(of) => unlabelled(of),
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
