//! One workflow as a machine: an enum of durable points with exactly what is live at each, an enum
//! of blocks, and a loop between them.

use super::block::Blocks;
use super::expr::{Exprs, variable};
use super::graph::{Entry, Graph, On, Rest, Solved, Var, VarTy, graph, solve};
use super::names::{Names, camel, free, rt};
use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};
use sagaflow_fir::{Expr, LocalId, Ty, Workflow};
use std::collections::{BTreeMap, BTreeSet};

/// A workflow's graph with the names of its variables and points.
pub(super) struct Machine<'a, 'f> {
    pub names: &'a Names<'f>,
    pub graph: Graph<'f>,
    pub solved: Solved<'f>,
    points: BTreeMap<&'f str, Ident>,
}

/// The machine module of a workflow, at depth 2; an error where program and points disagree.
pub(super) fn machine(
    names: &Names<'_>,
    name: &str,
    workflow: &Workflow,
    module: &Ident,
) -> Result<TokenStream, String> {
    let graph = graph(names.fir, workflow);
    let solved = solve(&graph)?;
    let mut taken = BTreeSet::new();
    let mut points = BTreeMap::new();
    for at in solved.brings.keys() {
        let free = free(&camel(at), &taken);
        taken.insert(free.clone());
        points.insert(*at, super::names::ident(&free));
    }
    let machine = Machine { names, graph, solved, points };
    Ok(machine.module(name, module))
}

impl<'f> Machine<'_, 'f> {
    /// The Rust name of a variable.
    pub(super) fn var(&self, var: Var) -> Ident {
        if var.0 < self.graph.workflow.locals.len() {
            let id = u32::try_from(var.0).unwrap_or(u32::MAX);
            return variable(LocalId(id), &self.graph.workflow.locals);
        }
        format_ident!("w{}", var.0)
    }

    /// What a variable holds.
    pub(super) fn var_ty(&self, var: Var) -> &VarTy {
        &self.graph.vars[var.0].ty
    }

    /// The program's type of a variable; of bookkeeping, nothing.
    pub(super) fn value_ty(&self, var: Var) -> Ty {
        match self.var_ty(var) {
            VarTy::Value(ty) => super::names::unlabelled(ty),
            _ => Ty::Never,
        }
    }

    /// The Rust type of a variable.
    pub(super) fn rust_ty(&self, var: Var) -> TokenStream {
        let rt = rt();
        match self.var_ty(var) {
            VarTy::Value(ty) => self.names.inner(ty, 2),
            VarTy::Items(over) => {
                let item = match self.names.plain(over) {
                    Ty::List(of) | Ty::Batch(of) => self.names.inner(&of, 2),
                    Ty::Map(key, of) => {
                        let (key, of) = (self.names.inner(&key, 2), self.names.inner(&of, 2));
                        quote!((#key, #of))
                    }
                    _ => quote!(()),
                };
                quote!(::std::vec::Vec<#item>)
            }
            VarTy::Failure => quote!(#rt::Failure),
            VarTy::Json => quote!(#rt::Json),
            VarTy::Ends => quote!(::std::vec::Vec<#rt::BranchEnd>),
        }
    }

    /// Fields of these variables with their types.
    fn fields(&self, vars: &[Var]) -> TokenStream {
        let fields = vars.iter().map(|var| {
            let (name, ty) = (self.var(*var), self.rust_ty(*var));
            quote!(#name: #ty)
        });
        quote!(#(#fields),*)
    }

    /// The names of these variables.
    pub(super) fn idents(&self, vars: &[Var]) -> Vec<Ident> {
        vars.iter().map(|var| self.var(*var)).collect()
    }

    /// The variant of a durable point.
    pub(super) fn point(&self, at: &str) -> (TokenStream, &[Var]) {
        let brings = self.solved.brings.get(at).map_or(&[][..], Vec::as_slice);
        match self.points.get(at) {
            Some(point) => (quote!(At::#point), brings),
            None => (quote!(At::__Missing), brings),
        }
    }

    /// A jump to a block, moving what it needs.
    pub(super) fn go(&self, to: usize) -> TokenStream {
        let needs: Vec<Var> = self.solved.needs[to].iter().copied().collect();
        let (block, vars) = (format_ident!("B{to}"), self.idents(&needs));
        quote!(Go::#block { #(#vars),* })
    }

    pub(super) fn exprs(&self, draw: Option<TokenStream>) -> Exprs<'_, 'f> {
        let work = match draw {
            Some(_) => quote!((&cx.work)),
            None => quote!((&work)),
        };
        Exprs {
            names: self.names,
            locals: &self.graph.workflow.locals,
            depth: 2,
            draw,
            module: &self.graph.workflow.module,
            work,
        }
    }

    fn module(&self, name: &str, module: &Ident) -> TokenStream {
        let rt = rt();
        // Order: sorted, whichever map `serde_json` was built with.
        let spec = sagaflow_fir::canonical(&sagaflow_fir::spec(self.names.fir, name));
        let (at, read, frame) = (self.at_enum(), self.read_fn(), self.frame_fn());
        let (go, blocks) = (self.go_enum(), Blocks { machine: self }.functions());
        let (enter, run) = (self.enter_fn(), self.run_fn());
        let (matches, key, classes) = (self.matches_fn(), self.key_fn(), self.classes_fn());
        let (indexed, given) = (self.indexed_fn(), self.given_fn());
        quote! {
            #[doc(hidden)]
            pub mod #module {
                static SPEC: &str = #spec;
                #at
                impl At { #read #frame }
                #go
                /// What a block leads to.
                enum Step { Go(Go), Next(#rt::Next) }
                #blocks
                #enter
                #run
                /// The compiled workflow; its tables are read when it is made.
                pub struct Compiled { spec: #rt::WorkflowSpec }
                pub fn machine() -> Compiled { Compiled { spec: #rt::spec(SPEC) } }
                impl #rt::Machine for Compiled {
                    fn spec(&self) -> &#rt::WorkflowSpec { &self.spec }
                    fn resume(
                        &self,
                        frame: &#rt::Frame,
                        event: #rt::Event,
                        draw: &mut #rt::Draw,
                    ) -> ::core::result::Result<#rt::Move, #rt::Fault> {
                        let mut cx = #rt::Cx::new(&self.spec, frame, draw);
                        let go = enter(&mut cx, At::read(frame, #rt::branch(&event))?, event)?;
                        let next = run(&mut cx, go)?;
                        ::core::result::Result::Ok(cx.finish(next))
                    }
                    fn matches(
                        &self,
                        frame: &#rt::Frame,
                        index: usize,
                        event: &#rt::Json,
                    ) -> ::core::result::Result<bool, #rt::Fault> {
                        #matches
                    }
                    fn key(
                        &self,
                        input: &#rt::Values,
                    ) -> ::core::result::Result<::core::option::Option<#rt::Json>, #rt::Fault> {
                        #key
                    }
                    fn classes(
                        &self,
                        input: &#rt::Values,
                    ) -> ::core::result::Result<::std::vec::Vec<#rt::Json>, #rt::Fault> {
                        #classes
                    }
                    fn indexed(
                        &self,
                        input: &#rt::Values,
                    ) -> ::core::result::Result<::std::vec::Vec<#rt::Json>, #rt::Fault> {
                        #indexed
                    }
                    #given
                }
            }
        }
    }

    fn at_enum(&self) -> TokenStream {
        let variants = self.points.iter().map(|(at, point)| {
            let fields = self.fields(self.point(at).1);
            let about = super::types::doc(&format!("`{at}`"));
            quote!(#about #point { #fields })
        });
        quote! {
            /// Where a run rests, with exactly what is live there.
            enum At { #(#variants),* }
        }
    }

    fn read_fn(&self) -> TokenStream {
        let rt = rt();
        let arms = self.points.iter().map(|(at, point)| {
            let vars = self.point(at).1;
            let fields = vars.iter().map(|var| {
                let (name, read) = (self.var(*var), self.read_var(at, *var));
                quote!(#name: #read)
            });
            quote!(#at => Self::#point { #(#fields),* })
        });
        let unknown = quote!(#rt::fault("there is no such durable point"));
        quote! {
            /// Of the list of a fork, a branch that begins reads its own item alone.
            fn read(
                frame: &#rt::Frame,
                branch: ::core::option::Option<u32>,
            ) -> ::core::result::Result<Self, #rt::Fault> {
                ::core::result::Result::Ok(match frame.at.as_str() {
                    #(#arms,)*
                    _ => return ::core::result::Result::Err(#unknown),
                })
            }
        }
    }

    /// How a live value is read from the frame of `at`.
    fn read_var(&self, at: &str, var: Var) -> TokenStream {
        let rt = rt();
        let info = &self.graph.vars[var.0];
        if self.graph.results.get(at) == Some(&var) {
            return quote!(#rt::get(&frame.values, "result")?);
        }
        let name = &info.name;
        let forked = |entry: &Entry<'_>| entry.at == at && matches!(entry.on, On::EachBranch);
        if *name == format!("#{at}.list") && self.graph.entries.iter().any(forked) {
            return quote!(#rt::get_items(&frame.values, #name, branch)?);
        }
        let param = self.graph.workflow.params.get(var.0);
        match param.and_then(|param| param.default.as_ref()) {
            Some(default) => {
                let default = default.to_string();
                quote!(#rt::get_or(&frame.values, #name, #default)?)
            }
            None => quote!(#rt::get(&frame.values, #name)?),
        }
    }

    fn frame_fn(&self) -> TokenStream {
        let rt = rt();
        let arms = self.points.iter().map(|(at, point)| {
            let vars = self.point(at).1;
            let idents = self.idents(vars);
            let names = vars.iter().map(|var| &self.graph.vars[var.0].name);
            quote! {
                Self::#point { #(#idents),* } => {
                    #(#rt::put(&mut values, #names, #idents)?;)*
                    #at
                }
            }
        });
        quote! {
            fn frame(&self, cx: &#rt::Cx<'_>) -> ::core::result::Result<#rt::Frame, #rt::Fault> {
                let mut values = #rt::Values::new();
                let at = match self { #(#arms)* };
                ::core::result::Result::Ok(#rt::Frame {
                    at: ::std::string::String::from(at),
                    iteration: cx.iteration.clone(),
                    values,
                })
            }
        }
    }

    /// Blocks that can run.
    pub(super) fn reached(&self) -> impl Iterator<Item = usize> + '_ {
        self.solved.reached.iter().enumerate().filter(|(_, reached)| **reached).map(|(id, _)| id)
    }

    fn go_enum(&self) -> TokenStream {
        let variants = self.reached().map(|id| {
            let needs: Vec<Var> = self.solved.needs[id].iter().copied().collect();
            let (block, fields) = (format_ident!("B{id}"), self.fields(&needs));
            quote!(#block { #fields })
        });
        quote! {
            /// What runs next, with what it needs.
            enum Go { #(#variants),* }
        }
    }

    fn run_fn(&self) -> TokenStream {
        let rt = rt();
        let arms = self.reached().map(|id| {
            let needs: Vec<Var> = self.solved.needs[id].iter().copied().collect();
            let (block, function) = (format_ident!("B{id}"), format_ident!("b{id}"));
            let vars = self.idents(&needs);
            quote!(Go::#block { #(#vars),* } => #function(cx, #(#vars),*)?)
        });
        quote! {
            fn run(
                cx: &mut #rt::Cx<'_>,
                mut go: Go,
            ) -> ::core::result::Result<#rt::Next, #rt::Fault> {
                loop {
                    let step = match go { #(#arms),* };
                    match step {
                        Step::Go(next) => go = next,
                        Step::Next(next) => return ::core::result::Result::Ok(next),
                    }
                }
            }
        }
    }

    fn enter_fn(&self) -> TokenStream {
        let rt = rt();
        let arms = self.points.iter().map(|(at, point)| {
            let vars = self.idents(self.point(at).1);
            let depth = self.graph.depths.get(at).copied().unwrap_or_default();
            let entries = self.graph.entries.iter().filter(|entry| entry.at == *at);
            let events = entries.map(|entry| self.event(entry));
            quote! {
                At::#point { #(#vars),* } => {
                    cx.check(#depth)?;
                    match event {
                        #(#events)*
                        other => return ::core::result::Result::Err(#rt::unfit(#at, &other)),
                    }
                }
            }
        });
        quote! {
            fn enter(
                cx: &mut #rt::Cx<'_>,
                at: At,
                event: #rt::Event,
            ) -> ::core::result::Result<Go, #rt::Fault> {
                ::core::result::Result::Ok(match at { #(#arms)* })
            }
        }
    }

    /// The arm of one event.
    fn event(&self, entry: &Entry<'_>) -> TokenStream {
        let rt = rt();
        let go = self.go(entry.to);
        let decoded = |var: &Option<Var>| {
            var.map(|var| {
                let (name, ty) = (self.var(var), self.rust_ty(var));
                let what = &self.graph.vars[var.0].name;
                quote!(let #name: #ty = #rt::decode(&value, #what)?;)
            })
        };
        match &entry.on {
            On::Enter => quote!(#rt::Event::Enter => #go,),
            On::Timeout => quote!(#rt::Event::Timeout => #go,),
            On::Answer(None) => quote!(#rt::Event::Answer(_) => #go,),
            On::Answer(var) => {
                let bound = decoded(var);
                quote!(#rt::Event::Answer(value) => { #bound #go })
            }
            On::Done(var) => {
                let bound = decoded(var);
                quote!(#rt::Event::Done(value) => { #bound #go })
            }
            On::Ended(var) => {
                let var = self.var(*var);
                quote!(#rt::Event::Done(#var) => #go,)
            }
            On::Arm(index, var) => {
                let bound = decoded(var);
                quote!(#rt::Event::Arm { index: #index, value } => { #bound #go })
            }
            On::Failed(var) => {
                let var = self.var(*var);
                quote!(#rt::Event::Failed(#var) => #go,)
            }
            On::Joined(var) => {
                let var = self.var(*var);
                quote!(#rt::Event::Joined(#var) => #go,)
            }
            On::Interrupt(index, var) => {
                let var = self.var(*var);
                quote!(#rt::Event::Interrupt { index: #index, value: #var } => #go,)
            }
            On::Branch(index) => {
                let index = u32::try_from(*index).unwrap_or(u32::MAX);
                quote!(#rt::Event::Branch(#index) => #go,)
            }
            On::EachBranch => quote!(#rt::Event::Branch(index) => { cx.enter(index); #go }),
        }
    }

    fn matches_fn(&self) -> TokenStream {
        let rt = rt();
        let arms = self.graph.rests.iter().filter_map(|rest| self.matches_arm(rest));
        let idle = quote!(#rt::fault("nothing waits for an event here"));
        quote! {
            let work = #rt::Work::new();
            ::core::result::Result::Ok(match (At::read(frame, ::core::option::Option::None)?, index) {
                #(#arms)*
                _ => return ::core::result::Result::Err(#idle),
            })
        }
    }

    fn matches_arm(&self, rest: &Rest<'_>) -> Option<TokenStream> {
        let rt = rt();
        let (index, point) = (rest.index, self.points.get(rest.at)?);
        let Some(condition) = rest.rest else {
            return Some(quote!((At::#point { .. }, #index) => true,));
        };
        let vars = self.idents(self.point(rest.at).1);
        let exprs = self.exprs(None);
        let (event, ty) =
            (exprs.variable(rest.event), self.names.inner(&exprs.local_ty(rest.event), 2));
        let condition = exprs.value_as(condition, &Ty::Bool);
        Some(quote! {
            (At::#point { #(#vars),* }, #index) => {
                let #event: #ty = #rt::decode(event, "the event")?;
                #condition
            }
        })
    }

    fn key_fn(&self) -> TokenStream {
        let rt = rt();
        let Some(key) = &self.graph.workflow.key else {
            return quote!(::core::result::Result::Ok(::core::option::Option::None));
        };
        let (exprs, params) = (self.exprs(None), self.parameters(key.iter()));
        let values: Vec<TokenStream> = key.iter().map(|value| exprs.json(value)).collect();
        let key = match &values[..] {
            [only] => quote!(#only),
            values => quote!(#rt::Json::Array(::std::vec![#(#values),*])),
        };
        quote! {
            let work = #rt::Work::new();
            #params
            ::core::result::Result::Ok(::core::option::Option::Some(#key))
        }
    }

    fn classes_fn(&self) -> TokenStream {
        let workflow = &self.graph.workflow;
        self.values_of(workflow.classes())
    }

    fn indexed_fn(&self) -> TokenStream {
        self.values_of(self.graph.workflow.indexed.iter().map(|one| Some(&one.value)))
    }

    /// The values of `upgrade from`, one at a time: each reads only the parameters that it is made from.
    fn given_fn(&self) -> TokenStream {
        let rt = rt();
        let all = self.graph.workflow.upgrades.iter().flat_map(|upgrade| {
            let values = upgrade.values.iter().enumerate();
            values.map(|(index, (_, value))| (upgrade.from, index, value))
        });
        let arms: Vec<TokenStream> = all
            .map(|(from, index, value)| {
                let params = self.parameters(std::iter::once(value));
                let value = self.exprs(None).json(value);
                quote! {
                    (#from, #index) => {
                        let work = #rt::Work::new();
                        #params
                        ::core::result::Result::Ok(#value)
                    }
                }
            })
            .collect();
        if arms.is_empty() {
            return TokenStream::new();
        }
        quote! {
            fn given(
                &self,
                from: u32,
                index: usize,
                input: &#rt::Values,
            ) -> ::core::result::Result<#rt::Json, #rt::Fault> {
                match (from, index) {
                    #(#arms)*
                    _ => ::core::result::Result::Err(#rt::fault("there is no such value")),
                }
            }
        }
    }

    /// Values over the parameters, as a list; null where there is none.
    fn values_of<'e>(&self, all: impl Iterator<Item = Option<&'e Expr>> + Clone) -> TokenStream {
        let rt = rt();
        let (exprs, params) = (self.exprs(None), self.parameters(all.clone().flatten()));
        let values = all.map(|value| match value {
            Some(value) => exprs.json(value),
            None => quote!(#rt::Json::Null),
        });
        quote! {
            let work = #rt::Work::new();
            #params
            ::core::result::Result::Ok(::std::vec![#(#values),*])
        }
    }

    /// Reads the parameters that these use from the input.
    fn parameters<'e>(&self, used_by: impl Iterator<Item = &'e Expr>) -> TokenStream {
        let rt = rt();
        let mut used = BTreeSet::new();
        used_by.for_each(|value| super::graph::uses(value, &mut used));
        let params = self.graph.workflow.params.iter().enumerate();
        let params =
            params.filter(|(index, _)| used.contains(&Var(*index))).map(|(index, param)| {
                let (name, ty) = (self.var(Var(index)), self.rust_ty(Var(index)));
                let key = &param.name;
                match &param.default {
                    Some(default) => {
                        let default = default.to_string();
                        quote!(let #name: #ty = #rt::get_or(input, #key, #default)?;)
                    }
                    None => quote!(let #name: #ty = #rt::get(input, #key)?;),
                }
            });
        quote!(#(#params)*)
    }
}
