//! What one workflow reaches: the part of a program that its meaning and its tables depend on.
//!
//! Closed under "mentions": types mention types, functions call functions, events and human tasks
//! bring their payloads along.

use crate::decl::{Action, Field, Fir, Function, Ty, TypeDecl};
use crate::expr::{Expr, ExprKind};
use crate::stmt::{ArmWait, Stmt};
use crate::walk::{self, Visitor};
use crate::workflow::{Local, Workflow};
use std::collections::{BTreeMap, BTreeSet};

/// The declarations reached, by qualified name.
#[derive(Default)]
pub(crate) struct Reach {
    pub(crate) types: BTreeSet<String>,
    pub(crate) events: BTreeSet<String>,
    /// Those of them that start it, that it waits for, or that interrupt it.
    pub(crate) awaited: BTreeSet<String>,
    /// Those of them that a run waits for, or that interrupt it.
    pub(crate) waited: BTreeSet<String>,
    pub(crate) humans: BTreeSet<String>,
    pub(crate) functions: BTreeSet<String>,
    /// Actions by service or database.
    pub(crate) actions: BTreeMap<String, BTreeSet<String>>,
    /// Types of batches, which the boundary describes as records of their own.
    pub(crate) batches: BTreeSet<Ty>,
    /// Types of map entries, likewise: key and value.
    pub(crate) entries: BTreeSet<(Ty, Ty)>,
    /// Whether records are rejected.
    pub(crate) rejects: bool,
}

impl Reach {
    /// Everything that `workflow` reaches.
    pub(crate) fn of(fir: &Fir, workflow: &Workflow) -> Self {
        Self::collected(fir, workflow, false)
    }

    /// The same with what only its policy names: what people are shown, whose turn it is.
    pub(crate) fn whole(fir: &Fir, workflow: &Workflow) -> Self {
        Self::collected(fir, workflow, true)
    }

    fn collected(fir: &Fir, workflow: &Workflow, policy: bool) -> Self {
        let mut reach = Self::default();
        let mut collect = Collect { fir, policy, reach: &mut reach };
        collect.workflow(workflow);
        reach
    }
}

struct Collect<'a> {
    fir: &'a Fir,
    /// Whether policy is followed too.
    policy: bool,
    reach: &'a mut Reach,
}

impl Collect<'_> {
    fn workflow(&mut self, workflow: &Workflow) {
        self.fields(&workflow.params);
        self.locals(&workflow.locals);
        workflow.result.iter().for_each(|ty| self.ty(ty));
        workflow.fails.iter().for_each(|error| self.fields(&error.fields));
        for trigger in &workflow.triggers {
            match trigger.gather {
                None => self.starts(&trigger.event),
                // What comes in batches is read for the batches alone.
                Some(_) => self.event(&trigger.event),
            }
        }
        for key in workflow.key.iter().flatten() {
            walk::expr(self, key);
        }
        if self.policy {
            workflow.policies().for_each(|one| walk::expr(self, one));
        }
        walk::block(self, &workflow.body);
        if let Some(aftermath) = &workflow.aftermath {
            walk::block(self, aftermath);
        }
    }

    fn fields(&mut self, fields: &[Field]) {
        fields.iter().for_each(|field| self.ty(&field.ty));
    }

    fn locals(&mut self, locals: &[Local]) {
        locals.iter().for_each(|local| self.ty(&local.ty));
    }

    fn ty(&mut self, ty: &Ty) {
        let mut names = Vec::new();
        walk::names_of(ty, &mut |name| names.push(name.to_owned()));
        names.iter().for_each(|name| self.named(name));
        self.unnamed(ty);
    }

    /// Types without a name that are records at the boundary.
    fn unnamed(&mut self, ty: &Ty) {
        match ty {
            Ty::Batch(of) => {
                self.reach.batches.insert((**of).clone());
            }
            Ty::Entry(key, value) => {
                self.reach.entries.insert(((**key).clone(), (**value).clone()));
                self.unnamed(value);
            }
            Ty::Map(_, of)
            | Ty::Optional(of)
            | Ty::List(of)
            | Ty::Outcome(of)
            | Ty::Pii(of)
            | Ty::Secret(of) => self.unnamed(of),
            _ => {}
        }
    }

    fn named(&mut self, name: &str) {
        let Some(named) = self.fir.types.get(name) else { return self.event(name) };
        if !self.reach.types.insert(name.to_owned()) {
            return;
        }
        match &named.decl {
            TypeDecl::Alias { of, .. } => self.ty(of),
            TypeDecl::Record(fields) => self.fields(fields),
            TypeDecl::Enum(variants) => {
                variants.iter().for_each(|variant| self.fields(&variant.fields));
            }
        }
    }

    fn event(&mut self, name: &str) {
        if let Some(event) = self.fir.events.get(name)
            && self.reach.events.insert(name.to_owned())
        {
            self.fields(&event.fields);
        }
    }

    fn starts(&mut self, name: &str) {
        self.reach.awaited.insert(name.to_owned());
        self.event(name);
    }

    fn waits(&mut self, name: &str) {
        self.reach.waited.insert(name.to_owned());
        self.starts(name);
    }

    fn human(&mut self, name: &str) {
        if let Some(human) = self.fir.humans.get(name)
            && self.reach.humans.insert(name.to_owned())
        {
            self.fields(&human.params);
            self.ty(&human.answer);
            if self.policy {
                self.locals(&human.locals);
                walk::expr(self, &human.title);
                human.assign.iter().for_each(|who| walk::expr(self, who));
                human.show.iter().for_each(|(_, shown)| walk::expr(self, shown));
            }
        }
    }

    fn function(&mut self, name: &str) {
        if let Some(function) = self.fir.functions.get(name)
            && self.reach.functions.insert(name.to_owned())
        {
            let Function { locals, result, .. } = function;
            self.locals(locals);
            self.ty(result);
            walk::function(self, function);
        }
    }

    fn action(&mut self, service: &str, action: &str) {
        self.reach.actions.entry(service.to_owned()).or_default().insert(action.to_owned());
        if let Some(Action { params, result, errors, .. }) = self.fir.action(service, action) {
            self.fields(params);
            result.iter().for_each(|ty| self.ty(ty));
            errors.iter().for_each(|error| self.fields(&error.fields));
        }
    }
}

impl Visitor for Collect<'_> {
    fn stmt(&mut self, stmt: &Stmt) {
        match stmt {
            Stmt::Step(step) => {
                self.action(&step.call.service, &step.call.action);
                if let Some((service, action, ..)) = &step.call.probe {
                    self.action(service, action);
                }
            }
            Stmt::Await(wait) => {
                for arm in &wait.arms {
                    match &arm.wait {
                        ArmWait::Task(human, _) => self.human(human),
                        ArmWait::Event { event, .. } => self.waits(event),
                        ArmWait::Sleep(_) => {}
                    }
                }
            }
            Stmt::Scope(scope) => {
                scope.interrupts.iter().for_each(|interrupt| self.waits(&interrupt.event));
            }
            Stmt::Emit { event, .. } => self.event(event),
            Stmt::Reject(..) => self.reach.rejects = true,
            _ => {}
        }
    }

    fn expr(&mut self, expr: &Expr) {
        self.ty(&expr.ty);
        match &expr.kind {
            ExprKind::Call(name, _) => self.function(name),
            ExprKind::Record(name, _) | ExprKind::Variant(name, _, _) => self.named(name),
            _ => {}
        }
    }
}

impl Fir {
    /// The action of a service or database.
    #[must_use]
    pub fn action(&self, service: &str, action: &str) -> Option<&Action> {
        let actions = match self.services.get(service) {
            Some(service) => &service.actions,
            None => &self.databases.get(service)?.actions,
        };
        actions.get(action)
    }
}
