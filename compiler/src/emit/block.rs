//! Blocks as functions: instructions as statements, the terminator as what is answered.

use super::expr::Exprs;
use super::graph::{Block, Given, Instr, Leaving, Var, VarTy, after};
use super::machine::Machine;
use super::names::rt;
use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use sagaflow_fir::{Expr, Ty};

/// Writes the blocks of a machine.
pub(super) struct Blocks<'m, 'a, 'f> {
    pub machine: &'m Machine<'a, 'f>,
}

impl<'m, 'f> Blocks<'m, '_, 'f> {
    /// Every block that can run, as a function.
    pub(super) fn functions(&self) -> TokenStream {
        let functions = self.machine.reached().map(|id| self.function(id));
        quote!(#(#functions)*)
    }

    fn function(&self, id: usize) -> TokenStream {
        let rt = rt();
        let machine = self.machine;
        let Some(block) = machine.graph.blocks.get(id) else { return TokenStream::new() };
        let params = machine.solved.needs[id].iter().map(|var| {
            let (name, ty) = (machine.var(*var), machine.rust_ty(*var));
            quote!(#name: #ty)
        });
        let instrs = (0..block.instrs.len()).map(|index| self.instr(block, index));
        let term = self.term(&block.term);
        let function = format_ident!("b{id}");
        quote! {
            fn #function(
                cx: &mut #rt::Cx<'_>,
                #(#params),*
            ) -> ::core::result::Result<Step, #rt::Fault> {
                #(#instrs)*
                #term
            }
        }
    }

    pub(super) fn exprs(&self) -> Exprs<'m, 'f> {
        self.machine.exprs(Some(quote!(cx.draw)))
    }

    /// Binds a variable to an owned value of its type.
    fn bind(&self, var: Var, value: &TokenStream) -> TokenStream {
        let (name, ty) = (self.machine.var(var), self.machine.rust_ty(var));
        quote!(let #name: #ty = #value;)
    }

    fn value(&self, var: Var, expr: &Expr) -> TokenStream {
        self.exprs().value_as(expr, &self.machine.value_ty(var))
    }

    fn instr(&self, block: &Block<'f>, index: usize) -> TokenStream {
        let Some(instr) = block.instrs.get(index) else { return TokenStream::new() };
        match instr {
            Instr::Let(var, value) => self.bind(*var, &self.value(*var, value)),
            Instr::Eval(value) => {
                let value = self.exprs().value(value);
                quote!(let _ = #value;)
            }
            Instr::Assign(values) => self.assign(values),
            Instr::Absent(var) => self.absent(*var),
            Instr::Take { to, from } => {
                let from = self.machine.var(*from);
                self.bind(*to, &quote!(#from))
            }
            Instr::Empty(var) => self.bind(*var, &quote!(::std::vec::Vec::new())),
            Instr::Items { to, over, max } => self.items(*to, over, *max),
            Instr::Item { list, pattern } => self.item(*list, pattern, &quote!(cx.turn())),
            Instr::BranchItem { list, pattern } => self.item(*list, pattern, &quote!(0)),
            Instr::Push(out, given) => self.given(*out, given),
            Instr::TurnFirst => quote!(cx.enter(0);),
            Instr::TurnNext { depth } => quote!(cx.next_turn(#depth)?;),
            Instr::Depth(depth) => quote!(cx.outside(#depth);),
            Instr::Leave { at } => quote!(cx.left(#at);),
            Instr::Leaving(leaving) => self.leaving(*leaving),
            Instr::Payload { failure, fields } => {
                let failure = self.machine.var(*failure);
                self.taken(&quote!(&#failure.payload), fields)
            }
            Instr::EventFields { event, fields } => {
                let event = self.machine.var(*event);
                self.taken(&quote!(&#event), fields)
            }
            Instr::JoinFixed { ends, branches } => {
                let wanted = after(&self.machine.graph, block, &self.machine.solved.needs, index);
                self.join_fixed(*ends, branches, &wanted)
            }
            Instr::JoinEach { ends, to, settle } => self.join_each(*ends, *to, *settle),
            op => self.op(op),
        }
    }

    fn assign(&self, values: &[(Var, &Expr)]) -> TokenStream {
        let names = values.iter().map(|(var, _)| self.machine.var(*var));
        let types = values.iter().map(|(var, _)| self.machine.rust_ty(*var));
        let values = values.iter().map(|(var, value)| self.value(*var, value));
        quote!(let (#(#names,)*): (#(#types,)*) = (#(#values,)*);)
    }

    fn absent(&self, var: Var) -> TokenStream {
        let rt = rt();
        match self.machine.value_ty(var) {
            Ty::Optional(_) => self.bind(var, &quote!(::core::option::Option::None)),
            _ => {
                let ty = self.machine.rust_ty(var);
                let value = quote!(
                    ::core::result::Result::<#ty, #rt::Fault>::Err(
                        #rt::fault("a loop ended without its value")
                    )?
                );
                self.bind(var, &value)
            }
        }
    }

    fn items(&self, to: Var, over: &Expr, max: Option<u32>) -> TokenStream {
        let rt = rt();
        let over = self.exprs().plain(over).value();
        let items = quote!(#rt::Items::items(#over));
        match max {
            Some(max) => self.bind(to, &quote!(#rt::list::at_most(#items, #max as usize)?)),
            None => self.bind(to, &items),
        }
    }

    /// Binds the names of a loop to its item, a pair to two names.
    fn item(&self, list: Var, pattern: &[Var], index: &TokenStream) -> TokenStream {
        let rt = rt();
        let machine = self.machine;
        let over = match machine.var_ty(list) {
            VarTy::Items(over) => machine.names.plain(over),
            _ => Ty::Never,
        };
        let items = machine.var(list);
        let item = quote!(#rt::item(&#items, #index)?);
        let coerced = |value: TokenStream, from: &Ty, var: Var| {
            let value = machine.names.coerce(value, from, &machine.value_ty(var), 2);
            self.bind(var, &value)
        };
        match (pattern, over) {
            ([only], Ty::List(of) | Ty::Batch(of)) => coerced(item, &of, *only),
            ([first, second], Ty::Map(key, of)) => {
                let (a, b) =
                    (coerced(quote!(item.0), &key, *first), coerced(quote!(item.1), &of, *second));
                quote!(let item = #item; #a #b)
            }
            ([first, second], Ty::List(of)) => {
                let of = match *of {
                    Ty::List(of) => *of,
                    other => other,
                };
                let (a, b) = (
                    coerced(quote!(#rt::list::index(&item, 0)?), &of, *first),
                    coerced(quote!(#rt::list::index(&item, 1)?), &of, *second),
                );
                quote!(let item = #item; #a #b)
            }
            _ => quote! {
                return ::core::result::Result::Err(
                    #rt::fault("an item does not have as many parts as names")
                );
            },
        }
    }

    /// Appends to what a loop gave.
    fn given(&self, out: Var, given: &Given<'_>) -> TokenStream {
        let rt = rt();
        let item = match self.machine.names.plain(&self.machine.value_ty(out)) {
            Ty::List(of) => *of,
            _ => Ty::Never,
        };
        let ok = match &item {
            Ty::Outcome(of) => (**of).clone(),
            other => other.clone(),
        };
        let value = match given {
            Given::Value(value) => self.exprs().value_as(value, &item),
            Given::Ok(value) => {
                let value = self.exprs().value_as(value, &ok);
                quote!(#rt::Outcome::Ok(#value))
            }
            Given::OkNothing => quote!(#rt::Outcome::Ok(#rt::none_of()?)),
            Given::Failed(failure) => {
                let failure = self.machine.var(*failure);
                quote!(#rt::Outcome::of(#failure.clone()))
            }
        };
        let name = self.machine.var(out);
        quote! {
            let mut #name = #name;
            #name.push(#value);
        }
    }

    fn leaving(&self, leaving: Leaving) -> TokenStream {
        let rt = rt();
        match leaving {
            Leaving::Skip => quote!(cx.leave = #rt::Leave::Skip;),
            Leaving::Fail => quote!(cx.leave = #rt::Leave::Fail;),
        }
    }

    /// Binds fields of a payload.
    fn taken(&self, payload: &TokenStream, fields: &[(String, Var)]) -> TokenStream {
        let rt = rt();
        let taken =
            fields.iter().map(|(name, var)| self.bind(*var, &quote!(#rt::field(#payload, #name)?)));
        quote!(#(#taken)*)
    }

    fn join_fixed(
        &self,
        ends: Var,
        branches: &[Vec<Var>],
        wanted: &std::collections::BTreeSet<Var>,
    ) -> TokenStream {
        let rt = rt();
        let ends = self.machine.var(ends);
        let joined = branches.iter().enumerate().map(|(index, vars)| {
            let bound = vars.iter().filter(|var| wanted.contains(var)).map(|var| {
                let name = &self.machine.graph.vars[var.0].name;
                self.bind(*var, &quote!(#rt::joined(bound, #name)?))
            });
            quote! {
                let bound = #rt::fixed(&#ends, #index)?;
                #(#bound)*
            }
        });
        quote!(#(#joined)*)
    }

    fn join_each(&self, ends: Var, to: Option<Var>, settle: bool) -> TokenStream {
        let rt = rt();
        let ends = self.machine.var(ends);
        match (to, settle) {
            (Some(to), true) => self.bind(to, &quote!(#rt::settled(#ends)?)),
            (Some(to), false) => self.bind(to, &quote!(#rt::each(&#ends)?)),
            (None, _) => TokenStream::new(),
        }
    }

    /// What happens with the next record.
    fn op(&self, instr: &Instr<'f>) -> TokenStream {
        let rt = rt();
        let exprs = self.exprs();
        match instr {
            Instr::Enter { at, interrupts } => {
                let interrupts = interrupts.iter().map(|interrupt| {
                    let (event, key) = (&interrupt.event, exprs.text(&interrupt.key));
                    quote!(#rt::subscription(#event, #key, true))
                });
                let interrupts: Vec<TokenStream> = interrupts.collect();
                let frame = self.frame(at, true);
                quote! {
                    let interrupts = ::std::vec![#(#interrupts),*];
                    let frame = #frame;
                    cx.ops.push(#rt::Op::Enter { frame, interrupts });
                }
            }
            Instr::Emit { event, fields } => {
                let payload = self.object(fields);
                let decl = self.machine.names.fir.events.get(*event);
                let path = decl.map_or("", |decl| decl.key.as_str());
                quote! {
                    let payload = #payload;
                    let key = #rt::event_key(&payload, #path)?;
                    cx.ops.push(#rt::Op::Emit {
                        event: ::std::string::String::from(#event),
                        key,
                        payload,
                    });
                }
            }
            Instr::Reply(value) => {
                let value = exprs.json(value);
                quote!(let value = #value; cx.ops.push(#rt::Op::Reply(value));)
            }
            Instr::Review(text) => {
                let text = exprs.text(text);
                quote!(let text = #text; cx.ops.push(#rt::Op::Review(text));)
            }
            Instr::Reject(records, why) => {
                let of = match records.ty {
                    Ty::Batch(_) => quote!(#rt::rejected_batch),
                    _ => quote!(#rt::rejected),
                };
                let records = exprs.json(records);
                let why = exprs.text(why);
                quote! {
                    let records = #of(#records);
                    let why = #why;
                    cx.ops.push(#rt::Op::Reject { records, why });
                }
            }
            Instr::Progress(text, percent) => {
                let text = exprs.text(text);
                let percent = match percent {
                    Some(percent) => {
                        let percent = exprs.text(percent);
                        quote!(::core::option::Option::Some(#percent))
                    }
                    None => quote!(::core::option::Option::None),
                };
                quote! {
                    let text = #text;
                    let percent = #percent;
                    cx.ops.push(#rt::Op::Progress { text, percent });
                }
            }
            _ => TokenStream::new(),
        }
    }

    /// An object of these fields; what is none is left out.
    pub(super) fn object(&self, fields: &[(String, Expr)]) -> TokenStream {
        let rt = rt();
        let exprs = self.exprs();
        let fields = fields.iter().map(|(name, value)| {
            let value = exprs.json(value);
            quote!((#name, #value))
        });
        quote!(#rt::payload([#(#fields),*]))
    }

    /// The frame of a durable point; `again` where its values are used afterwards.
    pub(super) fn frame(&self, at: &str, again: bool) -> TokenStream {
        let (point, vars) = self.machine.point(at);
        let vars = self.machine.idents(vars);
        match again {
            true => quote!(#point { #(#vars: #vars.clone()),* }.frame(cx)?),
            false => quote!(#point { #(#vars),* }.frame(cx)?),
        }
    }
}
