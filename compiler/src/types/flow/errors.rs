//! Declared errors on their way out: handled, declared in `fails`, or F0104; and handlers and
//! entries of `fails` that nothing raises (F0117).

use crate::diagnostic::Diagnostic;
use crate::hir::{
    Await, Block, Class, ErrorDecl, ErrorId, Fail, FailTarget, Fallback, Guard, Handlers, Lock, On,
    Program, Scope, Step, Stmt, StmtKind, Target, Workflow,
};
use crate::span::Span;
use std::collections::BTreeMap;

/// Checks every workflow of a program.
pub(super) fn check(program: &Program, findings: &mut Vec<Diagnostic>) {
    for workflow in program.workflows.values() {
        let mut errors = Errors {
            program,
            workflow,
            findings: Vec::new(),
            silent: workflow.incomplete,
            settles: 0,
        };
        let raised = errors.block(&workflow.body);
        errors.surface(raised);
        findings.append(&mut errors.findings);
    }
}

/// An error on its way out.
#[derive(Clone, Debug)]
pub(super) struct Raised {
    pub id: ErrorId,
    /// The call or `fail`.
    pub span: Span,
    /// Inside a `settle`: an outcome, no failure.
    settled: bool,
}

pub(super) struct Errors<'a> {
    pub program: &'a Program,
    pub workflow: &'a Workflow,
    pub findings: Vec<Diagnostic>,
    /// Something could not be resolved: what seems never raised may be.
    silent: bool,
    settles: u32,
}

impl<'a> Errors<'a> {
    pub(super) fn decl(&self, id: ErrorId) -> &'a ErrorDecl {
        &self.program.errors[id]
    }

    pub(super) fn name(&self, id: ErrorId) -> &'a str {
        &self.decl(id).name.node
    }

    fn block(&mut self, block: &Block) -> Vec<Raised> {
        block.stmts.iter().flat_map(|stmt| self.stmt(stmt)).collect()
    }

    fn stmt(&mut self, stmt: &Stmt) -> Vec<Raised> {
        match &stmt.kind {
            StmtKind::Step(step) => self.step(step),
            StmtKind::Await(wait) => self.wait(wait),
            StmtKind::AwaitFirst(first) => {
                first.arms.iter().flat_map(|arm| self.block(&arm.body)).collect()
            }
            StmtKind::Parallel(parallel) => {
                let raised = parallel.branches.iter().flat_map(|b| self.stmt(b)).collect();
                self.guard(&parallel.guard, raised)
            }
            StmtKind::ParallelEach(each) => {
                let raised = self.turns(&each.body, each.settle);
                self.guard(&each.guard, raised)
            }
            StmtKind::Each(each) => self.turns(&each.body, each.settle),
            StmtKind::Repeat(repeat) => {
                let mut raised = self.block(&repeat.body);
                raised.extend(repeat.otherwise.iter().flat_map(|block| self.block(block)));
                raised
            }
            StmtKind::Transaction(tx) => {
                let raised = self.block(&tx.body);
                self.guard(&tx.guard, raised)
            }
            StmtKind::Savepoint(savepoint) => {
                let raised = self.block(&savepoint.body);
                self.handled(&savepoint.handlers, raised)
            }
            StmtKind::Scope(scope) => self.scope(scope),
            StmtKind::Lock(lock) => self.lock(lock),
            StmtKind::If(choice) => {
                let mut raised = self.block(&choice.then);
                raised.extend(choice.otherwise.iter().flat_map(|block| self.block(block)));
                raised
            }
            StmtKind::Match(choice) => {
                choice.arms.iter().flat_map(|arm| self.block(&arm.body)).collect()
            }
            StmtKind::Fail(fail) => self.fail(fail),
            _ => Vec::new(),
        }
    }

    fn fail(&mut self, fail: &Fail) -> Vec<Raised> {
        let settled = self.settles > 0;
        match fail.error {
            FailTarget::Declared(id) => vec![Raised { id, span: fail.span, settled: false }],
            FailTarget::Elsewhere(id) if settled => {
                vec![Raised { id, span: fail.span, settled }]
            }
            FailTarget::Elsewhere(id) => {
                self.undeclared(&[Raised { id, span: fail.span, settled: false }]);
                Vec::new()
            }
            FailTarget::Error => {
                self.silent = true;
                Vec::new()
            }
        }
    }

    fn turns(&mut self, body: &Block, settle: bool) -> Vec<Raised> {
        self.settles += u32::from(settle);
        let mut raised = self.block(body);
        self.settles -= u32::from(settle);
        for one in &mut raised {
            one.settled |= settle;
        }
        raised
    }

    fn step(&mut self, step: &Step) -> Vec<Raised> {
        self.silent |= match step.call.target {
            Target::Error => true,
            Target::Action(id) => self.program.actions[id].incomplete,
            Target::Workflow(id) => self.program.workflows[id].incomplete,
        };
        let errors = self.program.target_errors(&step.call.target);
        let own: Vec<Raised> = errors
            .iter()
            .map(|id| Raised { id: *id, span: step.call.span, settled: false })
            .collect();
        if step.fallback.is_none() {
            self.dead_causes(&step.handlers, |on| dead_on_step(self.program, step, on));
        }
        let raised = self.fallback(step.fallback.as_ref(), own);
        self.handled(&step.handlers, raised)
    }

    /// A fallback takes every failure of what it stands for, and may fail itself.
    fn fallback(&mut self, fallback: Option<&Fallback>, raised: Vec<Raised>) -> Vec<Raised> {
        match fallback {
            Some(fallback) => {
                let settled = raised.into_iter().filter(|one| one.settled);
                settled.chain(self.block(&fallback.body)).collect()
            }
            None => raised,
        }
    }

    fn wait(&mut self, wait: &Await) -> Vec<Raised> {
        let bounded = wait.bound.is_some();
        // Without bound and deadline the wait is wrong by itself, and says so.
        let certain = self.workflow.deadline.is_some();
        self.dead_causes(&wait.handlers, |on| match on {
            On::Timeout if !bounded && certain => Some("the wait has no bound: add `within`"),
            On::Unknown => Some("a wait never ends unknown"),
            On::Refused => Some("nothing is sent that could be refused"),
            _ => None,
        });
        self.handled(&wait.handlers, Vec::new())
    }

    fn lock(&mut self, lock: &Lock) -> Vec<Raised> {
        let raised = self.block(&lock.body);
        self.handled(&lock.handlers, raised)
    }

    fn scope(&mut self, scope: &Scope) -> Vec<Raised> {
        let raised = self.block(&scope.body);
        for id in &scope.fails {
            let name = self.name(*id);
            if !self.silent && !raised.iter().any(|one| self.name(one.id) == name) {
                self.never_raised(*id, &format!("scope `{}`", scope.name.node));
            }
        }
        let (own, others): (Vec<Raised>, Vec<Raised>) = self
            .guard(&scope.guard, raised)
            .into_iter()
            .partition(|one| !one.settled && self.belongs(scope, one));
        if !own.is_empty() {
            self.unhandled_in(scope, &own);
        }
        others
    }

    /// Whether an error is one of the scope's own, which must be handled there.
    fn belongs(&self, scope: &Scope, raised: &Raised) -> bool {
        let inside =
            raised.span.start >= scope.body.span.start && raised.span.end <= scope.body.span.end;
        inside && scope.fails.iter().any(|id| self.name(*id) == self.name(raised.id))
    }

    fn guard(&mut self, guard: &Guard, raised: Vec<Raised>) -> Vec<Raised> {
        let raised = self.fallback(guard.fallback.as_ref(), raised);
        let mut out = self.handled(&guard.handlers, raised);
        for interrupt in &guard.interrupts {
            out.extend(self.block(&interrupt.remedy));
        }
        out
    }

    /// What is left after handlers, with what they raise themselves.
    fn handled(&mut self, handlers: &Handlers, raised: Vec<Raised>) -> Vec<Raised> {
        let mut out = Vec::new();
        let mut left = raised.clone();
        for handler in &handlers.on {
            if let On::Error { name, decls, .. } = &handler.on {
                let takes = |one: &Raised| !one.settled && self.name(one.id) == name.node;
                if !decls.is_empty() && !self.silent && !raised.iter().any(takes) {
                    self.dead_handler(handler, &name.node);
                }
                let program = self.program;
                left.retain(|one| one.settled || program.errors[one.id].name.node != name.node);
            }
            out.extend(self.block(&handler.remedy));
        }
        if let Some(otherwise) = &handlers.otherwise {
            left.retain(|one| one.settled);
            out.extend(self.block(&otherwise.remedy));
        }
        left.append(&mut out);
        left
    }

    /// What leaves the workflow.
    fn surface(&mut self, raised: Vec<Raised>) {
        let workflow = self.workflow;
        let mut by_place: BTreeMap<Span, Vec<Raised>> = BTreeMap::new();
        for one in raised.iter().filter(|one| !one.settled) {
            let declared = workflow
                .fails
                .iter()
                .any(|id| *id == one.id || same_error(self.decl(*id), self.decl(one.id)));
            if !declared {
                let here = by_place.entry(one.span).or_default();
                if !here.iter().any(|other| other.id == one.id) {
                    here.push(one.clone());
                }
            }
        }
        // A handler that is missing may be the one that would raise what nothing raises: one cause.
        let silent = self.silent || !by_place.is_empty();
        for id in workflow.fails.iter().filter(|_| !silent) {
            let name = self.name(*id);
            if !raised.iter().any(|one| self.name(one.id) == name) {
                self.never_raised(*id, &format!("`{}`", workflow.name.name));
            }
        }
        for raised in by_place.into_values() {
            self.undeclared(&raised);
        }
    }
}

/// Errors are the same where name and payload are.
fn same_error(a: &ErrorDecl, b: &ErrorDecl) -> bool {
    a.name.node == b.name.node
        && a.fields.len() == b.fields.len()
        && a.fields.iter().zip(&b.fields).all(|(x, y)| {
            x.name.node == y.name.node
                && (x.ty.node == y.ty.node || x.ty.node.has_error() || y.ty.node.has_error())
        })
}

/// Why a step never ends with a built-in cause; none where it may.
fn dead_on_step(program: &Program, step: &Step, on: &On) -> Option<&'static str> {
    let Target::Action(id) = step.call.target else { return None };
    match (on, program.actions[id].class.node) {
        (On::Unknown, Class::Read) => Some("a read that gets no answer has done nothing"),
        (On::Timeout, Class::Write | Class::Pivot | Class::Tx) => {
            Some("a write that gets no answer in time ends `unknown`")
        }
        _ => None,
    }
}
