//! Terminators: jumps, durable points, ends.

use super::block::Blocks;
use super::expr::Exprs;
use super::graph::{Term, Var};
use super::names::rt;
use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use sagaflow_fir::{ArmWait, AwaitStmt, CallUndo, Expr, On, StepStmt, Ty};

impl<'f> Blocks<'_, '_, 'f> {
    fn step(&self, to: usize) -> TokenStream {
        let go = self.machine.go(to);
        quote!(::core::result::Result::Ok(Step::Go(#go)))
    }

    pub(super) fn term(&self, term: &Term<'f>) -> TokenStream {
        let rt = rt();
        match term {
            Term::Goto(to) => self.step(*to),
            Term::If(condition, yes, no) => {
                let condition = self.exprs().value_as(condition, &Ty::Bool);
                let (yes, no) = (self.step(*yes), self.step(*no));
                quote!(if #condition { #yes } else { #no })
            }
            Term::Match(subject, arms) => {
                let arms = arms.iter().map(|(pattern, to)| {
                    let step = self.step(*to);
                    (*pattern, quote!(return #step;))
                });
                let tests = self.exprs().tests(subject, arms.collect());
                quote! {
                    #tests
                    ::core::result::Result::Err(#rt::fault("no arm of a match fits"))
                }
            }
            Term::More { list, body, done } => {
                let list = self.machine.var(*list);
                let (body, done) = (self.step(*body), self.step(*done));
                quote!(if #rt::more(&#list, cx.turn()) { #body } else { #done })
            }
            Term::Turns { times, body, out } => {
                let (body, out) = (self.step(*body), self.step(*out));
                quote!(if cx.turn() < #times { #body } else { #out })
            }
            Term::Handle { failure, arms, otherwise } => self.handle(*failure, arms, *otherwise),
            other => {
                let next = self.next(other);
                quote!(#next)
            }
        }
    }

    fn handle(&self, failure: Var, arms: &[(&On, usize)], otherwise: Option<usize>) -> TokenStream {
        let rt = rt();
        let failure = self.machine.var(failure);
        let tests = arms.iter().map(|(on, to)| {
            let kind = match on {
                On::Error(_) => quote!(Declared),
                On::Timeout => quote!(Timeout),
                On::Unknown => quote!(Unknown),
                On::Refused => quote!(Refused),
            };
            let name = match on {
                On::Error(name) => Some(quote!(&& #failure.name == #name)),
                _ => None,
            };
            let step = self.step(*to);
            quote!(if #failure.kind == #rt::FailureKind::#kind #name { return #step; })
        });
        let rest = match otherwise {
            Some(to) => self.step(to),
            None => quote! {
                cx.leave = #rt::Leave::Fail;
                ::core::result::Result::Ok(Step::Next(#rt::Next::Fail(#failure)))
            },
        };
        quote!(#(#tests)* #rest)
    }

    /// A terminator that answers the core.
    fn next(&self, term: &Term<'f>) -> TokenStream {
        let rt = rt();
        let next = match term {
            Term::Call(step) => return self.call(step),
            Term::Wait(wait) => return self.wait(wait),
            Term::Unsupported(what) => {
                let message = format!("{what} cannot be executed yet");
                return quote!(::core::result::Result::Err(#rt::fault(#message)));
            }
            Term::ForkFixed { at, branches } => {
                let frame = self.frame(at, false);
                let branches = u32::try_from(*branches).unwrap_or(u32::MAX);
                quote!(#rt::Next::Fork { frame: #frame, branches: #branches })
            }
            Term::ForkEach { at, list } => {
                let (frame, list) = (self.frame(at, true), self.machine.var(*list));
                quote!(#rt::Next::Fork { branches: #rt::branches(&#list)?, frame: #frame })
            }
            Term::Manual { at, text } => {
                let (question, frame) = (self.exprs().text(text), self.frame(at, false));
                quote!({
                    let question = #question;
                    #rt::Next::Manual { frame: #frame, question }
                })
            }
            Term::EndWith(vars) => self.end_with(vars),
            Term::End(value) => {
                let value = self.optional(*value);
                quote!(#rt::Next::End(#value))
            }
            Term::Return(value) => {
                let value = self.optional(*value);
                quote!(#rt::Next::Return(#value))
            }
            Term::Fail(name, fields) => {
                let payload = match fields.is_empty() {
                    true => quote!(#rt::Json::Null),
                    false => self.object(fields),
                };
                quote!(#rt::Next::Fail(#rt::failure(#name, #payload)))
            }
            Term::TimedOut => quote!({
                cx.leave = #rt::Leave::Fail;
                #rt::Next::Fail(#rt::timed_out())
            }),
            _ => quote!(return ::core::result::Result::Err(#rt::fault("a block has no end"))),
        };
        quote!(::core::result::Result::Ok(Step::Next(#next)))
    }

    fn optional(&self, value: Option<&Expr>) -> TokenStream {
        let rt = rt();
        value.map_or(quote!(#rt::Json::Null), |value| self.exprs().json(value))
    }

    fn end_with(&self, vars: &[Var]) -> TokenStream {
        let rt = rt();
        let fields = vars.iter().map(|var| {
            let (name, value) = (&self.machine.graph.vars[var.0].name, self.machine.var(*var));
            quote!((#name, #rt::encode(&#value)?))
        });
        quote!(#rt::Next::End(#rt::object([#(#fields),*])))
    }

    /// Order: arguments, `by`, probe, captures; whatever is drawn on the way is drawn in that order
    /// by either machine.
    fn call(&self, step: &StepStmt) -> TokenStream {
        let rt = rt();
        let exprs = self.exprs();
        let args = self.object(&step.call.args);
        let by = match &step.call.by {
            Some(by) => {
                let by = by.iter().map(|value| exprs.json(value));
                quote!(::core::option::Option::Some(#rt::Json::Array(::std::vec![#(#by),*])))
            }
            None => quote!(::core::option::Option::None),
        };
        let probe = match &step.call.probe {
            Some((_, _, args, _)) => {
                let args = self.object(args);
                quote!(::core::option::Option::Some(#args))
            }
            None => quote!(::core::option::Option::None),
        };
        let undo = match &step.undo {
            CallUndo::Block { capture, .. } => {
                let captured = capture.iter().map(|(id, value)| {
                    let name = &self.machine.graph.vars[Var::from(*id).0].name;
                    let value = exprs.json(value);
                    quote!(undo.insert(::std::string::String::from(#name), #value);)
                });
                quote!({
                    let mut undo = #rt::Values::new();
                    #(#captured)*
                    ::core::option::Option::Some(undo)
                })
            }
            CallUndo::None | CallUndo::Waived(_) => quote!(::core::option::Option::None),
        };
        let frame = self.frame(&step.at, false);
        quote! {
            let args = #args;
            let by = #by;
            let probe = #probe;
            let undo = #undo;
            let frame = #frame;
            ::core::result::Result::Ok(Step::Next(#rt::Next::Call { frame, args, by, probe, undo }))
        }
    }

    fn wait(&self, wait: &AwaitStmt) -> TokenStream {
        let rt = rt();
        let exprs = self.exprs();
        let arms = wait.arms.iter().map(|arm| match &arm.wait {
            ArmWait::Task(task, args) => self.task(task, args),
            ArmWait::Event { event, key, fresh, .. } => {
                let key = exprs.text(key);
                quote!(#rt::Arm::Event(#rt::subscription(#event, #key, #fresh)))
            }
            ArmWait::Sleep(until) => {
                let until = self.instant(until);
                quote!(#rt::Arm::Sleep { until: #until })
            }
        });
        let arms: Vec<TokenStream> = arms.collect();
        let until = match &wait.until {
            Some(until) => {
                let until = self.instant(until);
                quote!(::core::option::Option::Some(#until))
            }
            None => quote!(::core::option::Option::None),
        };
        let frame = self.frame(&wait.at, false);
        quote! {
            let arms = ::std::vec![#(#arms),*];
            let until = #until;
            let frame = #frame;
            ::core::result::Result::Ok(Step::Next(#rt::Next::Wait { frame, arms, until }))
        }
    }

    /// A time, or a duration from the recorded now.
    fn instant(&self, until: &Expr) -> TokenStream {
        let (rt, until) = (rt(), self.exprs().plain(until).value());
        quote!(#rt::Until::until(#until, cx.draw.now))
    }

    fn task(&self, task: &str, args: &[Expr]) -> TokenStream {
        let rt = rt();
        let Some(human) = self.machine.names.fir.humans.get(task) else {
            return quote!(return ::core::result::Result::Err(#rt::fault("there is no such task")));
        };
        let own = Exprs {
            names: self.machine.names,
            locals: &human.locals,
            depth: 2,
            draw: Some(quote!(cx.draw)),
            module: &self.machine.graph.workflow.module,
            work: quote!((&cx.work)),
        };
        let outer = self.exprs();
        let params = human.locals.iter().take(human.params.len()).enumerate();
        // Two rounds, because a task's parameters may be called as the workflow's names are.
        let (mut evaluated, mut bound) = (Vec::new(), Vec::new());
        for ((index, param), arg) in params.zip(args) {
            let (value, given) = (outer.value_as(arg, &param.ty), format_ident!("given{index}"));
            let name =
                own.variable(sagaflow_fir::LocalId(u32::try_from(index).unwrap_or(u32::MAX)));
            let ty = self.machine.names.inner(&param.ty, 2);
            evaluated.push(quote!(let #given: #ty = #value;));
            bound.push(quote!(let #name = #given;));
        }
        let title = own.text(&human.title);
        let assign = match &human.assign {
            Some(assign) => {
                let assign = own.value_as(assign, &Ty::Role);
                quote!(#assign.0)
            }
            None => quote!(::std::vec::Vec::new()),
        };
        let show = human.show.iter().map(|(text, shown)| {
            let (ty, value) = (boundary(&shown.ty), own.borrowed(shown));
            quote!((#text, #rt::masked(cx.spec, #ty, #value)?))
        });
        quote!({
            #(#evaluated)*
            #(#bound)*
            #rt::Arm::Task {
                task: ::std::string::String::from(#task),
                title: #title,
                assign: #assign,
                show: #rt::object([#(#show),*]),
            }
        })
    }
}

/// The boundary's description of a type, as its text.
fn boundary(ty: &Ty) -> String {
    serde_json::to_string(ty).unwrap_or_default()
}
