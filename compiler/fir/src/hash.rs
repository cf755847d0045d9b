//! The hash of a workflow's meaning: what a released version is frozen by.
//!
//! Two programs that differ in policy alone (attempts, times, texts for people, assignment,
//! documentation, source lines) have one hash. How long and how often are numbers, and policy; that
//! there is a bound at all, and which errors are tried again, is meaning. Everything the workflow
//! reaches counts: types, events, human tasks' questions and answers, functions, and the contracts of
//! the actions it calls. So does what is kept at each durable point: a text that needs more than the
//! one before is another meaning, because a run in flight does not have it. Declared labels count, and
//! those that are inferred from them do not.

use crate::decl::{Action, Compensation, Fir, Retry, Ty};
use crate::expr::{Expr, ExprKind};
use crate::reach::Reach;
use crate::relabel;
use crate::stmt::{
    AwaitStmt, Block, Call, CallUndo, Fallback, Handlers, ParallelBlock, Remedy, ScopeStmt,
    StepStmt, Stmt,
};
use crate::workflow::{Gather, Workflow};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;

/// The hex SHA-256 of a value's canonical JSON.
#[must_use]
pub fn digest(json: &Value) -> String {
    let digest = Sha256::digest(canonical(json));
    digest.iter().fold(String::with_capacity(64), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

impl Fir {
    /// The hex SHA-256 of the canonical JSON of what `workflow` means; empty if there is none of
    /// that name.
    #[must_use]
    pub fn hash(&self, workflow: &str) -> String {
        let Some(meaning) = self.meaning(workflow) else { return String::new() };
        let json = serde_json::to_value(&meaning).expect("FIR has only text as map keys");
        digest(&json)
    }

    /// The part of the program that `workflow` reaches, with every policy field emptied; none if there
    /// is none of that name.
    #[must_use]
    pub fn meaning(&self, workflow: &str) -> Option<Self> {
        let found = without_policy(self.workflows.get(workflow)?);
        let mut meaning = self.part(&Reach::of(self, &found));
        meaning.types.values_mut().for_each(|named| named.doc.clear());
        for human in meaning.humans.values_mut() {
            human.title = nothing();
            human.assign = None;
            human.show.clear();
            // Behind the parameters stands what is bound in what is shown.
            human.locals.truncate(human.params.len());
        }
        // A function is called by place, and no frame holds what it binds.
        for function in meaning.functions.values_mut() {
            function.locals.iter_mut().for_each(|local| local.name.clear());
        }
        for service in meaning.services.values_mut() {
            service.actions.values_mut().for_each(forget);
            service.breaker = None;
            service.limit = None;
        }
        let databases = meaning.databases.values_mut();
        databases.for_each(|database| database.actions.values_mut().for_each(forget));
        meaning.workflows.insert(workflow.to_owned(), found);
        meaning.forget_inferred_labels();
        Some(meaning)
    }
}

/// The JSON text with object keys in order and no spaces, whatever the map type behind them is.
#[must_use]
pub fn canonical(json: &Value) -> String {
    let mut out = String::new();
    write_canonical(json, &mut out);
    out
}

fn write_canonical(json: &Value, out: &mut String) {
    match json {
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_canonical(item, out);
            }
            out.push(']');
        }
        Value::Object(fields) => {
            let mut sorted: Vec<_> = fields.iter().collect();
            sorted.sort_by_key(|(name, _)| *name);
            out.push('{');
            for (index, (name, value)) in sorted.into_iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                let _ = write!(out, "{}:", Value::String(name.clone()));
                write_canonical(value, out);
            }
            out.push('}');
        }
        scalar => {
            let _ = write!(out, "{scalar}");
        }
    }
}

fn nothing() -> Expr {
    Expr { ty: Ty::Never, kind: ExprKind::None }
}

fn forget(action: &mut Action) {
    action.within_ms = None;
    if let Compensation::Waived(why) = &mut action.compensation {
        why.clear();
    }
}

/// Of a bound that there is only that there is one.
fn unbound<T: Default>(bound: &mut Option<T>) {
    bound.iter_mut().for_each(|bound| *bound = T::default());
}

fn numbers(retry: &mut Retry) {
    unbound(&mut retry.attempts);
    (retry.first_ms, retry.max_ms, retry.jitter) = (0, 0, false);
}

fn without_policy(workflow: &Workflow) -> Workflow {
    let mut workflow = workflow.clone();
    unbound(&mut workflow.deadline_ms);
    workflow.retain_ms = None;
    workflow.doc.clear();
    workflow.policy_locals = 0;
    workflow.limit.clear();
    workflow.concurrency.clear();
    workflow.indexed.clear();
    workflow.upgrades.clear();
    workflow.points.values_mut().for_each(|point| point.line = 0);
    workflow.unsupported.iter_mut().for_each(|(_, line)| *line = 0);
    for gather in workflow.triggers.iter_mut().filter_map(|trigger| trigger.gather.as_mut()) {
        *gather = Gather { up_to: 0, every_ms: 0 };
    }
    block(&mut workflow.body);
    workflow.aftermath.iter_mut().for_each(block);
    // Order: last, when what only policy binds is named nowhere any more.
    relabel::only_used(&mut workflow);
    workflow
}

fn block(stmts: &mut Block) {
    for stmt in stmts {
        match stmt {
            Stmt::Step(each) => step(each),
            Stmt::Await(found) => wait(found),
            Stmt::Fork(fork) => {
                fork.max = None;
                match &mut fork.branches {
                    ParallelBlock::Fixed(branches) => {
                        branches.iter_mut().for_each(|(body, _)| block(body));
                    }
                    ParallelBlock::Each { body, .. } => block(body),
                }
            }
            Stmt::Each(each) => block(&mut each.body),
            Stmt::Repeat(repeat) => {
                block(&mut repeat.body);
                repeat.otherwise.iter_mut().for_each(block);
            }
            Stmt::Scope(each) => scope(each),
            Stmt::If(_, then, otherwise) => {
                block(then);
                block(otherwise);
            }
            Stmt::Match(_, arms) => arms.iter_mut().for_each(|arm| block(&mut arm.body)),
            Stmt::Review(text) | Stmt::Reject(_, text) => *text = nothing(),
            Stmt::Manual { text, .. } | Stmt::Ask { text, .. } => *text = nothing(),
            Stmt::Progress(text, percent) => {
                *text = nothing();
                *percent = None;
            }
            Stmt::Unsupported(what) => what.line = 0,
            _ => {}
        }
    }
}

fn wait(wait: &mut AwaitStmt) {
    wait.arms.iter_mut().for_each(|arm| block(&mut arm.body));
    // `within 10m` is a number; a time that is computed, or is one of the calendar, is meaning.
    for until in wait.until.iter_mut().filter(|until| until.ty == Ty::Duration) {
        if let ExprKind::Literal(within) = &mut until.kind {
            *within = Value::Null;
        }
    }
    handlers(&mut wait.handlers);
}

fn step(step: &mut StepStmt) {
    call(&mut step.call);
    step.block.iter_mut().for_each(|inside| block(&mut inside.body));
    match &mut step.undo {
        CallUndo::None => {}
        CallUndo::Waived(why) => why.clear(),
        CallUndo::Block { body, .. } => block(body),
    }
    fallback(&mut step.fallback);
    handlers(&mut step.handlers);
}

fn call(call: &mut Call) {
    call.within_ms = 0;
    unbound(&mut call.deadline_ms);
    numbers(&mut call.retry);
    if let Some((_, _, _, within_ms)) = &mut call.probe {
        *within_ms = 0;
    }
}

fn scope(scope: &mut ScopeStmt) {
    scope.retry.iter_mut().for_each(numbers);
    unbound(&mut scope.deadline_ms);
    block(&mut scope.body);
    scope.interrupts.iter_mut().for_each(|interrupt| remedy(&mut interrupt.remedy));
    fallback(&mut scope.fallback);
    handlers(&mut scope.handlers);
}

fn fallback(fallback: &mut Option<Fallback>) {
    fallback.iter_mut().for_each(|fallback| block(&mut fallback.body));
}

fn handlers(handlers: &mut Handlers) {
    handlers.on.iter_mut().for_each(|handler| remedy(&mut handler.remedy));
    handlers.otherwise.iter_mut().for_each(remedy);
}

fn remedy(remedy: &mut Remedy) {
    match remedy {
        Remedy::Manual(text) => *text = nothing(),
        Remedy::Block { body, .. } => block(body),
    }
}
