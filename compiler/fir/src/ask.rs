//! What a person may answer where a `manual` asks about more than one call: about a step with a
//! `fallback`, a wait, a block, or a loop that ran out.
//!
//! Promises: an error may be answered only where a handler of the very statement takes it, so that an
//! answer never leads where the checks of the program did not look; and a block may be done again
//! only where nothing in it stays without an undo, so that no repetition doubles an effect.

use crate::decl::{ErrorDecl, Field, Fir, Ty};
use crate::spec::{errors, ty};
use crate::stmt::{
    AwaitStmt, Block, CallUndo, Fallback, Handlers, On, ParallelBlock, Remedy, ScopeStmt, StepStmt,
    Stmt,
};
use crate::walk::{self, Visitor};
use crate::workflow::{LocalId, Workflow};
use crate::{Class, decl};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The questions of a workflow, as the JSON of `AskSpec`, by the point they rest at.
pub(crate) fn asks(fir: &Fir, workflow: &Workflow) -> BTreeMap<String, Value> {
    let mut questions = Questions { fir, workflow, found: BTreeMap::new() };
    walk::block(&mut questions, &workflow.body);
    workflow.aftermath.iter().for_each(|aftermath| walk::block(&mut questions, aftermath));
    questions.found
}

impl Fir {
    /// The points of blocks of a workflow that may be done again: by themselves, or because a person says
    /// so.
    #[must_use]
    pub fn done_again(&self, workflow: &Workflow) -> BTreeSet<String> {
        let mut retried = Retried(BTreeSet::new());
        walk::block(&mut retried, &workflow.body);
        workflow.aftermath.iter().for_each(|aftermath| walk::block(&mut retried, aftermath));
        let asked = asks(self, workflow).into_iter();
        let asked = asked.filter(|(_, ask)| ask["again"] == Value::Bool(true)).map(|(at, _)| at);
        retried.0.into_iter().chain(asked).collect()
    }
}

/// Scopes with a `retry` that is one.
struct Retried(BTreeSet<String>);

impl Visitor for Retried {
    fn stmt(&mut self, stmt: &Stmt) {
        if let Stmt::Scope(scope) = stmt
            && scope.retry.as_ref().is_some_and(|retry| retry.attempts != Some(1))
        {
            self.0.insert(scope.at.clone());
        }
    }
}

struct Questions<'a> {
    fir: &'a Fir,
    workflow: &'a Workflow,
    found: BTreeMap<String, Value>,
}

impl Visitor for Questions<'_> {
    fn stmt(&mut self, stmt: &Stmt) {
        match stmt {
            Stmt::Step(step) => self.step(step),
            Stmt::Await(wait) => self.wait(wait),
            Stmt::Scope(scope) => self.scope(scope),
            Stmt::Ask { at, bind, .. } => self.add(at, *bind, &[], false),
            _ => {}
        }
    }
}

impl Questions<'_> {
    fn step(&mut self, step: &StepStmt) {
        // About a single call the call's own contract says what can be answered.
        let Some(fallback) = step.fallback.as_ref().filter(|_| handlers_ask(&step.handlers)) else {
            return;
        };
        self.block(&fallback.at, &fallback.body, step.bind, &step.handlers);
    }

    fn wait(&mut self, wait: &AwaitStmt) {
        if handlers_ask(&wait.handlers) {
            let bind = wait.arms.first().and_then(|arm| arm.bind);
            self.add(&wait.at, bind, &[], false);
        }
    }

    fn scope(&mut self, scope: &ScopeStmt) {
        let bind = scope.yields();
        if scope.interrupts.iter().any(|interrupt| asks_person(&interrupt.remedy)) {
            self.add(&scope.at, bind, &[], false);
        }
        if handlers_ask(&scope.handlers) {
            let (at, body) = match &scope.fallback {
                Some(Fallback { at, body }) => (at, body),
                None => (&scope.at, &scope.body),
            };
            self.block(at, body, bind, &scope.handlers);
        }
    }

    /// A block that failed: its value, an error that one of its handlers takes, or to do it again.
    fn block(&mut self, at: &str, body: &Block, bind: Option<LocalId>, handlers: &Handlers) {
        let named = handlers.on.iter().filter_map(|handler| match (&handler.on, &handler.remedy) {
            (On::Error(name), Remedy::Block { .. }) => Some(name.as_str()),
            _ => None,
        });
        let errors: Vec<ErrorDecl> = named.filter_map(|name| self.error(body, name)).collect();
        self.add(at, bind, &errors, undoable(body));
    }

    fn add(&mut self, at: &str, bind: Option<LocalId>, declared: &[ErrorDecl], again: bool) {
        let local = bind.and_then(|id| self.workflow.locals.get(id.0 as usize));
        let answer = local.map(|local| ty(&local.ty));
        let ask = json!({ "answer": answer, "errors": errors(declared), "again": again });
        self.found.insert(at.to_owned(), ask);
    }

    /// The declaration of an error where a block can raise it.
    fn error(&self, body: &Block, name: &str) -> Option<ErrorDecl> {
        let mut raised = Raised { fir: self.fir, name, found: None };
        walk::block(&mut raised, body);
        let declared = || self.workflow.fails.iter().find(|error| error.name == name).cloned();
        raised.found.or_else(declared)
    }
}

/// Looks for what raises an error.
struct Raised<'a> {
    fir: &'a Fir,
    name: &'a str,
    found: Option<ErrorDecl>,
}

impl Visitor for Raised<'_> {
    fn stmt(&mut self, stmt: &Stmt) {
        if self.found.is_some() {
            return;
        }
        self.found = match stmt {
            Stmt::Step(step) => {
                let action = self.fir.action(&step.call.service, &step.call.action);
                let mut errors = action.into_iter().flat_map(|action| &action.errors);
                errors.find(|error| error.name == self.name).cloned()
            }
            Stmt::Fail(name, fields) if name == self.name => Some(ErrorDecl {
                name: name.clone(),
                fields: fields.iter().map(|(name, value)| field(name, &value.ty)).collect(),
                transient: false,
            }),
            _ => None,
        };
    }
}

fn field(name: &str, ty: &Ty) -> Field {
    decl::Field { name: name.to_owned(), ty: ty.clone(), default: None }
}

/// Whether everything that a block does has an undo, or changes nothing. Undo blocks do not count.
fn undoable(body: &Block) -> bool {
    let mut writes = Writes::default();
    walk::block(&mut writes, body);
    writes.bare.is_subset(&writes.undoing)
}

#[derive(Default)]
struct Writes {
    /// Points of writes that nothing undoes.
    bare: BTreeSet<String>,
    /// Points of writes that stand in undo blocks.
    undoing: BTreeSet<String>,
}

impl Visitor for Writes {
    fn stmt(&mut self, stmt: &Stmt) {
        let Stmt::Step(step) = stmt else { return };
        match &step.undo {
            CallUndo::Block { body, .. } => {
                let mut inside = Self::default();
                walk::block(&mut inside, body);
                self.undoing.extend(inside.bare);
            }
            CallUndo::None | CallUndo::Waived(_) if step.class != Class::Read => {
                self.bare.insert(step.at.clone());
            }
            CallUndo::None | CallUndo::Waived(_) => {}
        }
    }
}

fn handlers_ask(handlers: &Handlers) -> bool {
    let on = handlers.on.iter().map(|handler| &handler.remedy);
    on.chain(&handlers.otherwise).any(asks_person)
}

fn asks_person(remedy: &Remedy) -> bool {
    matches!(remedy, Remedy::Manual(_))
}

impl ScopeStmt {
    /// What the fork of a guarded `parallel each` binds: `use`, or a person, gives it where the fork
    /// failed.
    #[must_use]
    pub fn yields(&self) -> Option<LocalId> {
        let [Stmt::Fork(fork)] = &self.body[..] else { return None };
        match &fork.branches {
            ParallelBlock::Each { bind, .. } => *bind,
            ParallelBlock::Fixed(_) => None,
        }
    }
}
