//! Steps: the call, its clauses with what the contract adds, its undo, fallback and handlers.

use super::body::Body;
use super::clause::Holder;
use super::module;
use super::place::Frame;
use crate::diagnostic::Diagnostic;
use crate::hir::{
    self, ActionId, Compensate, CompensateHow, Given, LocalKind, Origin, Point, Provider, Target,
    Undo,
};
use crate::name::suggest;
use crate::span::Span;
use crate::syntax::ast;

/// Where a call stands, for which code blames it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Step,
    /// A bare call as undo: what does not exist or fit is F0203.
    Undo,
    Probe,
}

impl Body<'_, '_> {
    /// `step` or `pivot`.
    pub(super) fn step(&mut self, step: &ast::Step, pivot: bool, span: Span) -> hir::Step {
        let segment =
            step.binding.as_ref().map_or_else(|| segment(&step.call), |n| n.text.to_string());
        let place = step.binding.as_ref().map_or_else(|| call_span(&step.call), |n| n.span);
        let point = self.step_point(&segment, place, step.binding.is_none());
        let call = self.effect_call(&step.call, self.siblings, Role::Step);
        let kind = if pivot { LocalKind::Pivot } else { LocalKind::Step };
        let bind = step.binding.as_ref().map(|n| self.alloc(&n.text, n.span, kind));
        let word = if pivot { "pivot" } else { "step" };
        let keyword = Span { end: span.start + word.len() as u32, ..span };
        let mut read = self.plain_step(point, call, keyword, span);
        read.pivot = pivot;
        read.bind = bind;
        self.step_clauses(&mut read, &step.clauses);
        if let Some(bind) = bind {
            self.show(bind);
        }
        read
    }

    /// The point of a step; F0116 where its path is taken on this way.
    fn step_point(&mut self, segment: &str, place: Span, unnamed: bool) -> Point {
        let (point, earlier) = self.paths.named(segment, place);
        let first_of_tx = self.tx_path.take_if(|path| *path == point.path).is_some();
        if let (Some(earlier), false) = (earlier, first_of_tx) {
            self.collision(&point, place, earlier, unnamed);
        }
        point
    }

    /// F0116.
    pub(super) fn collision(&mut self, point: &Point, at: Span, earlier: Span, unnamed: bool) {
        let help = if unnamed {
            "records and undo are kept by path: name one of them, for example `step second = …`"
        } else {
            "records and undo are kept by path: give one of them another name"
        };
        let text = format!("two durable points share the path `{}`", point.path);
        let found = Diagnostic::error("F0116", at, text)
            .label(earlier, "the first one…")
            .label(at, "…and another one on the same way")
            .help(help);
        self.r.report(found);
    }

    /// A step without clauses of its own: what the contract says.
    pub(super) fn plain_step(
        &mut self,
        point: Point,
        call: hir::Call,
        keyword: Span,
        span: Span,
    ) -> hir::Step {
        let mut step = hir::Step {
            id: self.step_id(),
            point,
            pivot: false,
            keyword,
            bind: None,
            call,
            retry: None,
            within: None,
            deadline: None,
            heartbeat: None,
            idempotent: None,
            probe: None,
            undo: Undo::None,
            fallback: None,
            handlers: hir::Handlers::default(),
            span,
        };
        if let Target::Action(id) = step.call.target {
            let action = &self.r.program.actions[id];
            let origin = Origin::Contract(id);
            let clause = |c: hir::Clause<i64>| Given { value: c.value, span: c.span, origin };
            step.within = action.within.map(clause);
            step.deadline = action.deadline.map(clause);
            step.idempotent =
                action.idempotent.clone().map(|value| Given { span: value.span, value, origin });
            step.probe =
                action.probe.clone().map(|value| Given { span: value.span, value, origin });
            if action.compensate.is_some() {
                step.undo = Undo::Contract(id);
            }
        }
        step
    }

    fn step_clauses(&mut self, step: &mut hir::Step, clauses: &[ast::Clause]) {
        let target = step.call.target;
        let (holder, siblings) = match target {
            Target::Action(id) => {
                let action = &self.r.program.actions[id];
                (Holder::Step(Some(action.class.node)), Some(action.provider))
            }
            Target::Workflow(_) => (Holder::Run, None),
            Target::Error => (Holder::Step(None), None),
        };
        let sorted = self.sort(holder, clauses);
        step.retry = sorted.retry.map(|retry| self.retry(retry));
        if let Some(retry) = &step.retry {
            self.retry_errors(retry, target);
        }
        step.heartbeat = sorted.heartbeat;
        let origin = Origin::Step;
        if let Some(c) = sorted.within.and_then(|within| self.fixed_within(within)) {
            step.within = Some(Given { value: c.value, span: c.span, origin });
        }
        if let Some(c) = sorted.deadline {
            step.deadline = Some(Given { value: c.value, span: c.span, origin });
        }
        if let Some(clause) = sorted.idempotent {
            let value = self.idempotent(clause);
            step.idempotent = Some(Given { value, span: clause.span, origin });
        }
        if let Some(clause) = sorted.probe {
            let value = self.probe(clause, siblings);
            step.probe = Some(Given { value, span: clause.span, origin });
        }
        if let Some(clause) = sorted.compensate {
            // The step's own result may be used in its undo, and nowhere else before its end.
            let mark = self.mark();
            if let Some(bind) = step.bind {
                self.reveal(vec![(self.r.program.locals[bind].name.clone(), bind)]);
            }
            step.undo = Undo::Own(self.compensate(clause, Some(&step.point), siblings));
            self.forget(mark);
        }
        let point = step.point.clone();
        step.fallback = sorted.fallback.map(|clause| self.fallback(clause, &point));
        let guarded = self.guarded_by_step(target, step.fallback.as_ref());
        step.handlers = self.handlers(&sorted, &guarded, &point);
    }

    /// Which errors a step's handlers may meet: those of its fallback where there is one.
    fn guarded_by_step(
        &self,
        target: Target,
        fallback: Option<&hir::Fallback>,
    ) -> super::guard::Guarded {
        let mut guarded = super::guard::Guarded::default();
        match fallback {
            Some(fallback) => guarded.add_block(&self.r.program, &fallback.body),
            None => guarded.add_target(&self.r.program, &target),
        }
        guarded.silent |= self.incomplete;
        guarded
    }

    /// The key of a call.
    pub(super) fn idempotent(&mut self, clause: &ast::Idempotent) -> hir::Idempotent {
        hir::Idempotent { by: self.exprs(&clause.by), lifetime: clause.lifetime, span: clause.span }
    }

    /// The question after an unknown outcome.
    pub(super) fn probe(&mut self, clause: &ast::Probe, siblings: Option<Provider>) -> hir::Probe {
        hir::Probe {
            call: self.effect_call(&clause.call, siblings, Role::Probe),
            span: clause.span,
        }
    }

    /// `compensate …` of a step, a transaction or (without `point`) a contract.
    pub(super) fn compensate(
        &mut self,
        clause: &ast::Compensate,
        point: Option<&Point>,
        siblings: Option<Provider>,
    ) -> Compensate {
        let how = match &clause.undo {
            ast::Undo::Waived(reason) => CompensateHow::Waived(super::decl::plain(reason)),
            ast::Undo::Block(block) => {
                let point = self.paths.beside(point, "undo");
                let body = self.apart(&point, Frame::Undo, |body| body.block(block));
                CompensateHow::Block { point, body, bare: false }
            }
            ast::Undo::Call(call) => {
                let point = self.paths.beside(point, "undo");
                let body = self
                    .apart(&point, Frame::Undo, |body| body.bare_call(call, siblings, Role::Undo));
                CompensateHow::Block { point, body, bare: true }
            }
        };
        Compensate { how, span: clause.span }
    }

    /// `fallback …`.
    pub(super) fn fallback(&mut self, clause: &ast::Fallback, of: &Point) -> hir::Fallback {
        let point = self.paths.beside(Some(of), "fallback");
        let (body, bare) = match &clause.body {
            ast::FallbackBody::Block(block) => {
                (self.apart(&point, Frame::Fallback, |body| body.block(block)), false)
            }
            ast::FallbackBody::Call(call) => {
                let read = |body: &mut Self| body.bare_call(call, None, Role::Step);
                (self.apart(&point, Frame::Fallback, read), true)
            }
        };
        hir::Fallback { point, body, bare, span: clause.span }
    }

    /// Reads a block below a point, whose names end with it and whose paths are its own.
    fn apart<T>(&mut self, point: &Point, frame: Frame, read: impl FnOnce(&mut Self) -> T) -> T {
        let mark = self.mark();
        let outer = self.paths.enter(point, "");
        let tx_path = self.tx_path.take();
        let value = self.inside(frame, read);
        self.tx_path = tx_path;
        self.paths.leave(outer);
        self.fade(mark);
        value
    }

    /// A block of one step, for a call that stands without one.
    fn bare_call(
        &mut self,
        call: &ast::EffectCall,
        siblings: Option<Provider>,
        role: Role,
    ) -> hir::Block {
        let span = call_span(call);
        let call = self.effect_call(call, siblings, role);
        let point = self.paths.same();
        let step = self.plain_step(point, call, span, span);
        let stmt = hir::Stmt { kind: hir::StmtKind::Step(Box::new(step)), span };
        hir::Block { stmts: vec![stmt], span }
    }

    /// `A.b(…)`, `run W(…)`, or a sibling by bare name.
    pub(super) fn effect_call(
        &mut self,
        call: &ast::EffectCall,
        siblings: Option<Provider>,
        role: Role,
    ) -> hir::Call {
        match call {
            ast::EffectCall::Run(call) => {
                let target = self.r.workflow(self.module, &call.workflow);
                let found = target.map(|id| &self.r.program.workflows[id]);
                let incomplete = found.is_some_and(|w| w.incomplete);
                let params = found.map(|w| w.params.clone());
                let args =
                    self.call_args(incomplete, &call.args, &call.workflow.text, params.as_deref());
                let target = target.map_or(Target::Error, Target::Workflow);
                let text = format!("run {}", call.workflow.text).into();
                hir::Call { target, text, args, span: call.span }
            }
            ast::EffectCall::Action(call) => {
                let provider = self.provider_of_call(&call.service, role);
                let target = provider.and_then(|p| self.action(p, &call.action, role));
                let text = format!("{}.{}", call.service.text, call.action.text);
                self.action_call(target, text, &call.args, call.span, role)
            }
            ast::EffectCall::Local(call) => {
                let target = siblings.and_then(|p| self.action(p, &call.action, role));
                let text = call.action.text.to_string();
                self.action_call(target, text, &call.args, call.span, role)
            }
        }
    }

    fn provider_of_call(&mut self, service: &ast::Name, role: Role) -> Option<Provider> {
        let found = self.r.look_up(self.module, &service.text).and_then(module::provider);
        if found.is_none() {
            let before = self.r.diagnostics.len();
            self.r.unknown(self.module, service, "a service", &module::is_provider);
            self.blame_undo(before, role);
        }
        found
    }

    fn action_call(
        &mut self,
        target: Option<ActionId>,
        text: String,
        args: &ast::Args,
        span: Span,
        role: Role,
    ) -> hir::Call {
        let found = target.map(|id| &self.r.program.actions[id]);
        let incomplete = found.is_some_and(|a| a.incomplete);
        let params = found.map(|a| a.params.clone());
        let before = self.r.diagnostics.len();
        let wanted = params.as_deref().map(super::args::without_fence);
        let mut read = self.call_args(incomplete, args, &text, wanted);
        if let Some(params) = &params {
            read.values.resize(params.len(), None);
        }
        self.blame_undo(before, role);
        let target = target.map_or(Target::Error, Target::Action);
        hir::Call { target, text: text.into(), args: read, span }
    }

    /// Whether a compensation exists and fits is one rule (F0203), whatever part of it is wrong.
    fn blame_undo(&mut self, before: usize, role: Role) {
        if role != Role::Undo {
            return;
        }
        for found in self.r.diagnostics.iter_mut().skip(before) {
            if found.code == "F0120" || found.headline.contains("service called") {
                found.code = "F0203";
            }
        }
    }

    fn call_args(
        &mut self,
        incomplete: bool,
        args: &ast::Args,
        what: &str,
        params: Option<&[hir::Field]>,
    ) -> hir::Args {
        match params {
            Some(params) => self.args_of(incomplete, args, what, params),
            None => self.loose_args(args),
        }
    }

    /// An action of a service or database; reported where there is none.
    pub(super) fn action(
        &mut self,
        provider: Provider,
        called: &ast::Name,
        role: Role,
    ) -> Option<ActionId> {
        let program = &self.r.program;
        let (owner, actions, incomplete) = match provider {
            Provider::Service(id) => {
                let s = &program.services[id];
                (&s.name, &s.actions, s.incomplete)
            }
            Provider::Database(id) => {
                let d = &program.databases[id];
                (&d.name, &d.actions, d.incomplete)
            }
        };
        let named = |id: &&ActionId| program.actions[**id].name.node == called.text;
        if let Some(id) = actions.iter().find(named) {
            return Some(*id);
        }
        if incomplete {
            return None;
        }
        let names: Vec<&str> =
            actions.iter().map(|id| program.actions[*id].name.node.as_str()).collect();
        let near = suggest(&called.text, names.iter().copied());
        let near: Vec<String> = near.into_iter().map(str::to_owned).collect();
        let text = format!("`{}` has no action `{}`", owner.name, called.text);
        let mut found = super::unknown_name(text, called.span, &near, None);
        if near.is_empty() && !names.is_empty() {
            found = found.help(format!("its actions are {}", names.join(", ")));
        }
        if role == Role::Undo {
            found.code = "F0203";
        }
        self.r.report(found);
        None
    }

    /// Errors that a `retry … on` names must exist somewhere.
    fn retry_errors(&mut self, retry: &hir::RetrySpec, target: Target) {
        let declared = self.r.program.target_errors(&target).to_vec();
        if target == Target::Error {
            return;
        }
        for on in &retry.on {
            let errors = &self.r.program.errors;
            let here = declared.iter().any(|id| errors[*id].name.node == on.node);
            // A policy serves several actions, so an error it names need not be one of this one's.
            let of_policy = retry.span.start > on.span.start || retry.span.end < on.span.end;
            if here || of_policy || self.incomplete {
                continue;
            }
            let known = declared.iter().map(|id| errors[*id].name.node.as_str());
            let near = suggest(&on.node, known);
            let near: Vec<String> = near.into_iter().map(str::to_owned).collect();
            let anywhere = errors.values().any(|e| e.name.node == on.node);
            let found = if anywhere {
                let text = format!("this call never ends with `{}`", on.node);
                Diagnostic::warning("F0117", on.span, text).label(on.span, "never raised here")
            } else {
                let text = format!("there is no error called `{}`", on.node);
                super::unknown_name(text, on.span, &near, None)
            };
            self.r.report(found);
        }
    }
}

/// The path segment of a call without a name.
fn segment(call: &ast::EffectCall) -> String {
    match call {
        ast::EffectCall::Run(call) => call.workflow.text.to_string(),
        ast::EffectCall::Action(call) => format!("{}.{}", call.service.text, call.action.text),
        ast::EffectCall::Local(call) => call.action.text.to_string(),
    }
}

/// The path segment of a step.
pub(super) fn step_segment(step: &ast::Step) -> String {
    step.binding.as_ref().map_or_else(|| segment(&step.call), |n| n.text.to_string())
}

/// All of a call.
pub(super) fn call_span(call: &ast::EffectCall) -> Span {
    match call {
        ast::EffectCall::Run(call) => call.span,
        ast::EffectCall::Action(call) => call.span,
        ast::EffectCall::Local(call) => call.span,
    }
}
