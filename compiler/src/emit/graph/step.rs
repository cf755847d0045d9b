//! Steps, scopes, and what handles their failures.

use super::around::Around;
use super::lower::Lower;
use super::{BlockId, Instr, Leaving, On, Term, Var, VarTy};
use sagaflow_fir as fir;
use sagaflow_fir::{CallUndo, Handlers, ParallelBlock, Remedy, ScopeStmt, StepStmt, Stmt};

/// What handlers need to know about the statement they stand at.
#[derive(Clone, Copy)]
pub(super) struct Handled<'f> {
    /// Where a `manual` rests: at what failed last.
    pub at: &'f str,
    /// The actions and blocks whose errors may be named.
    pub errors: Errors<'f>,
    /// Binds what `use` gives.
    pub bind: Option<Var>,
    /// Goes on there.
    pub to: BlockId,
}

/// Where the payload of a named error is declared.
#[derive(Clone, Copy)]
pub(super) struct Errors<'f> {
    pub call: Option<&'f fir::Call>,
    pub bodies: [Option<&'f [Stmt]>; 2],
}

impl<'f> Lower<'f> {
    pub(super) fn step(&mut self, step: &'f StepStmt, block: BlockId) -> BlockId {
        self.end(block, Term::Call(step));
        let bind = step.bind.map(Var::from);
        let after = match &step.block {
            Some(inside) => self.transaction(&step.at, inside),
            None => self.point(&step.at, On::Done(bind)),
        };
        self.undo(step);
        let fallback = step.fallback.as_ref();
        let handled = Handled {
            at: fallback.map_or(&step.at, |fallback| &fallback.at),
            errors: Errors {
                call: Some(&step.call),
                bodies: [
                    fallback.map(|fallback| &fallback.body[..]),
                    step.block.as_ref().map(|block| &block.body[..]),
                ],
            },
            bind,
            to: after,
        };
        self.failing(&step.at, fallback, &step.handlers, handled);
        after
    }

    /// The block of a transaction: a branch of its own, which whoever runs it begins and goes through,
    /// and behind it what it has bound.
    fn transaction(&mut self, at: &'f str, inside: &'f fir::TransactionBlock) -> BlockId {
        let around = std::mem::take(&mut self.around);
        let body = self.point(at, On::Branch(0));
        let keeps: Vec<Var> = inside.keeps.iter().map(|local| (*local).into()).collect();
        if let Some(end) = self.block(&inside.body, body) {
            self.end(end, Term::EndWith(keeps.clone()));
        }
        self.around = around;
        let ended = self.var("#ended", VarTy::Json);
        let block = self.point(at, On::Ended(ended));
        let named = |var: Var| (self.graph.vars[var.0].name.clone(), var);
        let fields = keeps.into_iter().map(named).collect();
        self.push(block, Instr::EventFields { event: ended, fields });
        block
    }

    /// `Failed` at `at`: the fallback first, then the handlers.
    fn failing(
        &mut self,
        at: &'f str,
        fallback: Option<&'f fir::Fallback>,
        handlers: &'f Handlers,
        handled: Handled<'f>,
    ) {
        let failure = self.var("#failure", VarTy::Failure);
        let failed = self.point(at, On::Failed(failure));
        let Some(fallback) = fallback else {
            self.handlers(failed, failure, handlers, handled);
            return;
        };
        self.push(failed, Instr::Enter { at: &fallback.at, interrupts: &[] });
        let body = self.point(&fallback.at, On::Enter);
        self.end(failed, Term::Goto(body));
        if handlers_ask(handlers) {
            self.entry(&fallback.at, On::Answer(handled.bind), handled.to);
        }
        let depth = self.depth;
        self.around.push(Around::Value { bind: handled.bind, to: handled.to, depth });
        self.around.push(Around::Unit(&fallback.at));
        if let Some(end) = self.block(&fallback.body, body) {
            self.leave_value(end, None);
        }
        self.around.pop();
        self.around.pop();
        let failure = self.var("#failure", VarTy::Failure);
        let failed = self.point(&fallback.at, On::Failed(failure));
        self.handlers(failed, failure, handlers, handled);
    }

    /// The handlers, from `block` on.
    pub(super) fn handlers(
        &mut self,
        block: BlockId,
        failure: Var,
        handlers: &'f Handlers,
        handled: Handled<'f>,
    ) {
        let mut arms = Vec::new();
        for handler in &handlers.on {
            let to = self.fresh();
            if let fir::On::Error(name) = &handler.on {
                let names = self.error_fields(name, handled.errors);
                let fields = bound(&names, &handler.binders);
                self.push(to, Instr::Payload { failure, fields });
            }
            self.remedy(&handler.remedy, to, handled);
            arms.push((&handler.on, to));
        }
        let otherwise = handlers.otherwise.as_ref().map(|remedy| {
            let to = self.fresh();
            self.remedy(remedy, to, handled);
            to
        });
        self.end(block, Term::Handle { failure, arms, otherwise });
    }

    /// One remedy.
    pub(super) fn remedy(&mut self, remedy: &'f Remedy, block: BlockId, handled: Handled<'f>) {
        match remedy {
            Remedy::Manual(text) => self.end(block, Term::Manual { at: handled.at, text }),
            Remedy::Block { body, skips, fails } => {
                match (skips, fails) {
                    (true, _) => self.push(block, Instr::Leaving(Leaving::Skip)),
                    (_, true) => self.push(block, Instr::Leaving(Leaving::Fail)),
                    _ => {}
                }
                let depth = self.depth;
                self.around.push(Around::Value { bind: handled.bind, to: handled.to, depth });
                self.block_to(body, block, handled.to);
                self.around.pop();
            }
        }
    }

    fn undo(&mut self, step: &'f StepStmt) {
        let CallUndo::Block { at, result, body, .. } = &step.undo else { return };
        // Nothing of the forward program surrounds an undo: it is a fiber of its own.
        let around = std::mem::take(&mut self.around);
        let block = self.point(at, On::Enter);
        if let Some(result) = result {
            self.graph.results.insert(at, (*result).into());
        }
        if let Some(end) = self.block(body, block) {
            self.end(end, Term::End(None));
        }
        self.around = around;
    }

    pub(super) fn scope(&mut self, scope: &'f ScopeStmt, block: BlockId) -> BlockId {
        let interrupts = &scope.interrupts[..];
        self.push(block, Instr::Enter { at: &scope.at, interrupts });
        let body = self.point(&scope.at, On::Enter);
        self.end(block, Term::Goto(body));
        let after = self.fresh();
        self.around.push(Around::Unit(&scope.at));
        if let Some(end) = self.block(&scope.body, body) {
            self.push(end, Instr::Leave { at: &scope.at });
            self.end(end, Term::Goto(after));
        }
        self.around.pop();
        let fallback = scope.fallback.as_ref();
        let handled = Handled {
            at: fallback.map_or(&scope.at, |fallback| &fallback.at),
            errors: Errors {
                call: None,
                bodies: [Some(&scope.body[..]), fallback.map(|fallback| &fallback.body[..])],
            },
            bind: scope.yields().map(Var::from),
            to: after,
        };
        self.failing(&scope.at, fallback, &scope.handlers, handled);
        for (index, interrupt) in interrupts.iter().enumerate() {
            self.interrupt(scope, index, interrupt, handled);
        }
        if interrupts.iter().any(|interrupt| asks(&interrupt.remedy))
            || fallback.is_none() && handlers_ask(&scope.handlers)
        {
            self.entry(&scope.at, On::Answer(handled.bind), after);
        }
        after
    }

    fn interrupt(
        &mut self,
        scope: &'f ScopeStmt,
        index: usize,
        interrupt: &'f fir::Interrupt,
        handled: Handled<'f>,
    ) {
        self.rest(&scope.at, index, interrupt.event_local, interrupt.rest.as_ref());
        let event = self.var("#event", VarTy::Json);
        let block = self.point(&scope.at, On::Interrupt(index, event));
        let fields = self.graph.fir.events.get(&interrupt.event).map(|event| &event.fields[..]);
        let names: Vec<&str> =
            fields.unwrap_or_default().iter().map(|field| field.name.as_str()).collect();
        let fields = bound(&names, &interrupt.binders);
        self.push(block, Instr::EventFields { event, fields });
        self.remedy(&interrupt.remedy, block, Handled { at: &scope.at, ..handled });
    }

    /// The payload fields of an error, in declared order, where it can come from.
    fn error_fields(&self, name: &str, errors: Errors<'f>) -> Vec<&'f str> {
        let fir = self.graph.fir;
        let call = errors.call.and_then(|call| of_action(fir, call, name));
        let body = || errors.bodies.iter().flatten().find_map(|body| of_block(fir, body, name));
        let declared = || of_errors(&self.graph.workflow.fails, name);
        call.or_else(body).or_else(declared).unwrap_or_default()
    }
}

/// Whether one of these remedies asks a person.
pub(super) fn handlers_ask(handlers: &Handlers) -> bool {
    let on = handlers.on.iter().map(|handler| &handler.remedy);
    on.chain(&handlers.otherwise).any(asks)
}

fn asks(remedy: &Remedy) -> bool {
    matches!(remedy, Remedy::Manual(_))
}

/// Pairs field names with the binders that take them.
fn bound(names: &[&str], binders: &[Option<fir::LocalId>]) -> Vec<(String, Var)> {
    names
        .iter()
        .zip(binders)
        .filter_map(|(name, binder)| Some(((*name).to_owned(), (*binder)?.into())))
        .collect()
}

fn of_errors<'f>(errors: &'f [fir::ErrorDecl], name: &str) -> Option<Vec<&'f str>> {
    let found = errors.iter().find(|error| error.name == name)?;
    Some(found.fields.iter().map(|field| field.name.as_str()).collect())
}

fn of_action<'f>(fir: &'f fir::Fir, call: &fir::Call, name: &str) -> Option<Vec<&'f str>> {
    of_errors(&crate::emit::names::action(fir, &call.service, &call.action)?.errors, name)
}

/// The fields of an error that a block's calls or `fail`s raise.
fn of_block<'f>(fir: &'f fir::Fir, stmts: &'f [Stmt], name: &str) -> Option<Vec<&'f str>> {
    stmts.iter().find_map(|stmt| match stmt {
        Stmt::Fail(raised, fields) if raised == name => {
            Some(fields.iter().map(|(field, _)| field.as_str()).collect())
        }
        Stmt::Step(step) => of_action(fir, &step.call, name)
            .or_else(|| step.block.as_ref().and_then(|it| of_block(fir, &it.body, name)))
            .or_else(|| of_handlers(fir, &step.handlers, name))
            .or_else(|| step.fallback.as_ref().and_then(|it| of_block(fir, &it.body, name))),
        Stmt::Await(wait) => wait
            .arms
            .iter()
            .find_map(|arm| of_block(fir, &arm.body, name))
            .or_else(|| of_handlers(fir, &wait.handlers, name)),
        Stmt::Fork(fork) => match &fork.branches {
            ParallelBlock::Fixed(all) => all.iter().find_map(|(it, _)| of_block(fir, it, name)),
            ParallelBlock::Each { body, .. } => of_block(fir, body, name),
        },
        Stmt::Each(each) => of_block(fir, &each.body, name),
        Stmt::Repeat(repeat) => of_block(fir, &repeat.body, name)
            .or_else(|| repeat.otherwise.as_ref().and_then(|it| of_block(fir, it, name))),
        Stmt::Scope(scope) => of_block(fir, &scope.body, name)
            .or_else(|| of_handlers(fir, &scope.handlers, name))
            .or_else(|| scope.fallback.as_ref().and_then(|it| of_block(fir, &it.body, name)))
            .or_else(|| scope.interrupts.iter().find_map(|it| of_remedy(fir, &it.remedy, name))),
        Stmt::If(_, then, otherwise) => {
            of_block(fir, then, name).or_else(|| of_block(fir, otherwise, name))
        }
        Stmt::Match(_, arms) => arms.iter().find_map(|arm| of_block(fir, &arm.body, name)),
        _ => None,
    })
}

fn of_handlers<'f>(fir: &'f fir::Fir, handlers: &'f Handlers, name: &str) -> Option<Vec<&'f str>> {
    let remedies = handlers.on.iter().map(|handler| &handler.remedy);
    remedies.chain(&handlers.otherwise).find_map(|remedy| of_remedy(fir, remedy, name))
}

fn of_remedy<'f>(fir: &'f fir::Fir, remedy: &'f Remedy, name: &str) -> Option<Vec<&'f str>> {
    match remedy {
        Remedy::Block { body, .. } => of_block(fir, body, name),
        Remedy::Manual(_) => None,
    }
}
