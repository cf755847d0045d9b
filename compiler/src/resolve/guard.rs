//! What follows a step or block when it fails: handlers, `else`, interrupts.

use super::body::Body;
use super::clause::{Holder, Sorted};
use super::name;
use super::place::Frame;
use crate::diagnostic::Diagnostic;
use crate::hir::{
    self, Block, Else, ErrorId, Handler, Handlers, LocalKind, On, Point, Program, StmtKind, Target,
};
use crate::name::suggest;
use crate::syntax::ast;

/// The declared errors that a handler may meet.
#[derive(Default)]
pub(super) struct Guarded {
    pub(super) errors: Vec<ErrorId>,
    /// Something in it is unknown, so nothing can be said about what is missing.
    pub(super) silent: bool,
}

impl Guarded {
    /// What a call may end with.
    pub(super) fn add_target(&mut self, program: &Program, target: &Target) {
        self.errors.extend_from_slice(program.target_errors(target));
        self.silent |= match target {
            Target::Error => true,
            Target::Action(id) => program.actions[*id].incomplete,
            Target::Workflow(id) => program.workflows[*id].incomplete,
        };
    }

    /// Whatever is raised anywhere in a block, handled there or not.
    pub(super) fn add_block(&mut self, program: &Program, block: &Block) {
        let mut targets = Vec::new();
        block.walk(false, &mut |stmt| match &stmt.kind {
            StmtKind::Step(step) => targets.push(step.call.target),
            StmtKind::Fail(fail) => match fail.error {
                hir::FailTarget::Declared(id) | hir::FailTarget::Elsewhere(id) => {
                    self.errors.push(id);
                }
                hir::FailTarget::Error => self.silent = true,
            },
            _ => {}
        });
        for target in targets {
            self.add_target(program, &target);
        }
    }

    fn named(&self, program: &Program, name: &str) -> Vec<ErrorId> {
        let mut found: Vec<ErrorId> = self
            .errors
            .iter()
            .copied()
            .filter(|id| program.errors[*id].name.node == name)
            .collect();
        found.sort();
        found.dedup();
        found
    }
}

impl Body<'_, '_> {
    /// `on …` and `else …`. They are alternatives of each other and of the normal end.
    pub(super) fn handlers(
        &mut self,
        sorted: &Sorted<'_>,
        guarded: &Guarded,
        point: &Point,
    ) -> Handlers {
        // Most steps have none, and what is taken grows with the workflow: it is copied where it parts.
        if sorted.handlers.is_empty() && sorted.otherwise.is_none() {
            return Handlers::default();
        }
        let base = self.paths.taken.clone();
        let mut all = base.clone();
        let mut handlers = Handlers::default();
        for written in &sorted.handlers {
            self.paths.taken = base.clone();
            let handler = self.handler(written, guarded, point);
            if handler.remedy.exits().goes_on() {
                all = all.join(std::mem::take(&mut self.paths.taken));
            }
            handlers.on.push(handler);
        }
        if let Some(written) = sorted.otherwise {
            self.paths.taken = base;
            let remedy = self.remedy(&written.remedy, point);
            if remedy.exits().goes_on() {
                all = all.join(std::mem::take(&mut self.paths.taken));
            }
            handlers.otherwise = Some(Else { remedy, span: written.span });
        }
        self.paths.taken = all;
        handlers
    }

    fn handler(&mut self, written: &ast::Handler, guarded: &Guarded, point: &Point) -> Handler {
        let mark = self.mark();
        let (on, on_span) = match &written.pattern {
            ast::FailurePattern::Timeout(span) => (On::Timeout, *span),
            ast::FailurePattern::Unknown(span) => (On::Unknown, *span),
            ast::FailurePattern::Refused(span) => (On::Refused, *span),
            ast::FailurePattern::Error { name, binders, span } => {
                (self.on_error(name, binders, guarded), *span)
            }
        };
        let remedy = self.remedy(&written.remedy, point);
        self.forget(mark);
        Handler { on, on_span, remedy, span: written.span }
    }

    fn on_error(&mut self, error: &ast::Name, binders: &[ast::Binder], guarded: &Guarded) -> On {
        let decls = guarded.named(&self.r.program, &error.text);
        if decls.is_empty() && !guarded.silent && !self.r.modules[self.module].opaque {
            self.dead_handler(error, guarded);
        }
        let fields = decls.first().map(|id| self.r.program.errors[*id].fields.clone());
        if let Some(fields) = &fields
            && binders.len() > fields.len()
        {
            let signature = self.signature(&error.text, fields);
            let span = binders.get(fields.len()).map_or(error.span, |b| b.span);
            let count = match fields.len() {
                0 => "carries nothing".to_owned(),
                1 => "carries one value".to_owned(),
                n => format!("carries {n} values"),
            };
            let found = Diagnostic::error("F0120", span, format!("`{}` {count}", error.text))
                .label(span, "one name too many")
                .help(format!("it is declared as `{signature}`"));
            self.r.report(found);
        }
        let binders = binders
            .iter()
            .map(|b| b.name.as_ref().map(|n| self.bind(n, LocalKind::Payload)))
            .collect();
        On::Error { name: name(error), decls, binders }
    }

    /// F0117: no call and no `fail` in what is guarded has an error of that name.
    fn dead_handler(&mut self, error: &ast::Name, guarded: &Guarded) {
        let program = &self.r.program;
        let mut known: Vec<&str> =
            guarded.errors.iter().map(|id| program.errors[*id].name.node.as_str()).collect();
        known.sort_unstable();
        known.dedup();
        let near: Vec<String> =
            suggest(&error.text, known.iter().copied()).into_iter().map(str::to_owned).collect();
        let text = format!("`on {}` handles an error that nothing here can raise", error.text);
        let mut found =
            Diagnostic::warning("F0117", error.span, text).label(error.span, "never raised here");
        found = match (near.as_slice(), known.as_slice()) {
            ([], []) => found.help("no call here declares an error: remove the handler"),
            ([], known) => found.help(format!("what can be raised here: {}", known.join(", "))),
            (near, _) => {
                let names: Vec<&str> = near.iter().map(String::as_str).collect();
                found.help(format!("did you mean {}?", crate::name::any_of(&names)))
            }
        };
        for name in near {
            found = found.fix(format!("write `{name}`"), error.span, name);
        }
        self.r.report(found);
    }

    /// What is done about a failure. A `manual` alone asks about the step itself, at its point.
    pub(super) fn remedy(&mut self, written: &ast::Block, point: &Point) -> Block {
        let mark = self.mark();
        let block = self.inside(Frame::Remedy, |body| match written.stmts.as_slice() {
            [ast::Stmt { kind: ast::StmtKind::Manual(text), span, .. }] if !written.braced => {
                let text = body.text(text);
                let kind = StmtKind::Manual(point.clone(), text);
                Block { stmts: vec![hir::Stmt { kind, span: *span }], span: written.span }
            }
            _ => body.block(written),
        });
        self.fade(mark);
        block
    }

    /// What the clauses after a block say. The body has ended; `fails` are errors of its own.
    pub(super) fn guard(
        &mut self,
        holder: Holder,
        clauses: &[ast::Clause],
        point: &Point,
        body: &[&Block],
        fails: &[ErrorId],
    ) -> hir::Guard {
        let sorted = self.sort(holder, clauses);
        self.guard_sorted(&sorted, point, body, fails)
    }

    /// As [`Self::guard`], for clauses that were looked at already.
    pub(super) fn guard_sorted(
        &mut self,
        sorted: &Sorted<'_>,
        point: &Point,
        body: &[&Block],
        fails: &[ErrorId],
    ) -> hir::Guard {
        let mut guarded = Guarded { errors: fails.to_vec(), silent: self.incomplete };
        for block in body {
            guarded.add_block(&self.r.program, block);
        }
        let fallback = sorted.fallback.map(|clause| self.fallback(clause, point));
        if let Some(fallback) = &fallback {
            guarded.errors.clear();
            guarded.add_block(&self.r.program, &fallback.body);
        }
        let interrupts = sorted.interrupts.iter().map(|i| self.interrupt(i, point)).collect();
        hir::Guard {
            retry: sorted.retry.map(|retry| self.retry(retry)),
            deadline: sorted.deadline,
            fallback,
            interrupts,
            handlers: self.handlers(sorted, &guarded, point),
        }
    }

    /// `on event E(x) where c keep => …`
    fn interrupt(&mut self, written: &ast::Interrupt, point: &Point) -> hir::Interrupt {
        let wait = self.event_wait(&written.event, &written.condition, false, written.event.span);
        let mark = self.mark();
        let fields = wait.event.map(|id| self.r.program.events[id].fields.clone());
        if let Some(fields) = &fields
            && let Some(extra) = written.binders.get(fields.len())
        {
            let signature = self.signature(&written.event.text, fields);
            let text = format!("`{}` has {} fields", written.event.text, fields.len());
            let found = Diagnostic::error("F0120", extra.span, text)
                .label(extra.span, "one name too many")
                .help(format!("it is declared as `{signature}`"));
            self.r.report(found);
        }
        let binders = written
            .binders
            .iter()
            .map(|b| b.name.as_ref().map(|n| self.bind(n, LocalKind::EventField)))
            .collect();
        let base = self.paths.taken.clone();
        let remedy = self.remedy(&written.remedy, point);
        if remedy.exits().goes_on() {
            let after = std::mem::take(&mut self.paths.taken);
            self.paths.taken = base.join(after);
        } else {
            self.paths.taken = base;
        }
        self.forget(mark);
        hir::Interrupt { wait, binders, keep: written.keep, remedy, span: written.span }
    }
}
