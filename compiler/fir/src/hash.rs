//! The hash of a workflow's meaning: what a released version is frozen by.
//!
//! Two programs that differ in policy alone (attempts, times, titles, assignment, documentation,
//! source lines) have one hash. Everything the workflow reaches counts: types, events, human tasks'
//! questions and answers, functions, and the contracts of the actions it calls.

use crate::decl::{Action, Fir, Retry, Ty};
use crate::expr::{Expr, ExprKind};
use crate::reach::Reach;
use crate::stmt::{
    Block, Call, CallUndo, Fallback, Handlers, ParallelBlock, Remedy, ScopeStmt, StepStmt, Stmt,
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
        let found = self.workflows.get(workflow)?;
        let mut meaning = self.part(&Reach::of(self, found));
        meaning.types.values_mut().for_each(|named| named.doc.clear());
        for human in meaning.humans.values_mut() {
            human.title = nothing();
            human.assign = None;
            human.show.clear();
        }
        for service in meaning.services.values_mut() {
            service.actions.values_mut().for_each(forget);
            service.breaker = None;
            service.limit = None;
        }
        let databases = meaning.databases.values_mut();
        databases.for_each(|database| database.actions.values_mut().for_each(forget));
        meaning.workflows.insert(workflow.to_owned(), without_policy(found));
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
}

fn without_policy(workflow: &Workflow) -> Workflow {
    let mut workflow = workflow.clone();
    workflow.deadline_ms = None;
    workflow.retain_ms = None;
    workflow.doc.clear();
    let program = workflow.locals.len().saturating_sub(workflow.policy_locals as usize);
    workflow.locals.truncate(program);
    workflow.policy_locals = 0;
    workflow.limit.clear();
    workflow.concurrency.clear();
    workflow.points.values_mut().for_each(|point| point.line = 0);
    workflow.unsupported.iter_mut().for_each(|(_, line)| *line = 0);
    for gather in workflow.triggers.iter_mut().filter_map(|trigger| trigger.gather.as_mut()) {
        *gather = Gather { up_to: 0, every_ms: 0 };
    }
    block(&mut workflow.body);
    workflow.aftermath.iter_mut().for_each(block);
    workflow
}

fn block(stmts: &mut Block) {
    for stmt in stmts {
        match stmt {
            Stmt::Step(each) => step(each),
            Stmt::Await(wait) => {
                wait.arms.iter_mut().for_each(|arm| block(&mut arm.body));
                handlers(&mut wait.handlers);
            }
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
            Stmt::Unsupported(what) => what.line = 0,
            _ => {}
        }
    }
}

fn step(step: &mut StepStmt) {
    call(&mut step.call);
    step.block.iter_mut().for_each(|inside| block(&mut inside.body));
    if let CallUndo::Block { body, .. } = &mut step.undo {
        block(body);
    }
    fallback(&mut step.fallback);
    handlers(&mut step.handlers);
}

fn call(call: &mut Call) {
    call.within_ms = 0;
    call.deadline_ms = None;
    call.retry = Retry { attempts: None, first_ms: 0, max_ms: 0, jitter: false, on: Vec::new() };
    if let Some((_, _, _, within_ms)) = &mut call.probe {
        *within_ms = 0;
    }
}

fn scope(scope: &mut ScopeStmt) {
    scope.retry = None;
    scope.deadline_ms = None;
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
    if let Remedy::Block { body, .. } = remedy {
        block(body);
    }
}
