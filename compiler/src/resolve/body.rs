//! What holds expressions: the names bound in it, and which of them can be seen where.
//!
//! A name that was bound in a block that has ended (an arm, a turn, a sibling branch) can no longer
//! be seen but is still found: whether it is bound on every path is asked later (F0103).

use super::path::Paths;
use super::place::Frame;
use super::{Resolver, unknown_name};
use crate::diagnostic::Diagnostic;
use crate::hir::{self, ExprKind, Idx, LocalId, LocalKind};
use crate::name::suggest;
use crate::span::{Span, Spanned};
use crate::syntax::ast;
use smol_str::SmolStr;

/// The body of a workflow, function, contract, task, schedule or test while it is read.
pub(super) struct Body<'r, 'a> {
    pub(super) r: &'r mut Resolver<'a>,
    pub(super) module: usize,
    /// Names that can be seen, innermost last.
    visible: Vec<(SmolStr, LocalId)>,
    /// Names of blocks that have ended.
    faded: Vec<(SmolStr, LocalId)>,
    /// Every local of the body, in the order bound.
    pub(super) locals: Vec<LocalId>,
    /// Uses of names that were not found yet.
    deferred: Vec<Deferred>,
    /// Inside `where`: the event, and what stands for it.
    pub(super) event: Option<(hir::EventId, LocalId)>,
    pub(super) paths: Paths,
    /// What encloses the statement at hand, outermost first.
    pub(super) frames: Vec<Frame>,
    /// Errors that may be failed with here, innermost scope last.
    pub(super) fails: Vec<hir::ErrorId>,
    pub(super) workflow: Option<hir::WorkflowId>,
    /// `failure.error` and `failure.step` of an aftermath.
    pub(super) failure: Option<(LocalId, LocalId)>,
    /// The contract whose sibling actions can be called by bare name.
    pub(super) siblings: Option<hir::Provider>,
    /// Part of the text was skipped: an unknown name may have been bound there.
    pub(super) incomplete: bool,
    /// Part of what is being called was skipped: arguments that seem to be wrong may fit it.
    pub(super) lenient: bool,
    /// The path of the transaction around, until its first step was met.
    pub(super) tx_path: Option<SmolStr>,
    /// One `sample(…)` may stand for all parameters.
    pub(super) spreads: bool,
}

struct Deferred {
    expr: hir::ExprId,
    name: SmolStr,
    span: Span,
}

/// How many names could be seen when a block began.
#[derive(Clone, Copy)]
pub(super) struct Mark(usize);

impl<'r, 'a> Body<'r, 'a> {
    pub(super) fn new(r: &'r mut Resolver<'a>, module: usize) -> Self {
        Self {
            r,
            module,
            visible: Vec::new(),
            faded: Vec::new(),
            locals: Vec::new(),
            deferred: Vec::new(),
            event: None,
            paths: Paths::default(),
            frames: Vec::new(),
            fails: Vec::new(),
            workflow: None,
            failure: None,
            siblings: None,
            incomplete: false,
            lenient: false,
            tx_path: None,
            spreads: false,
        }
    }

    /// A local that nothing can name yet.
    pub(super) fn alloc(&mut self, name: &str, span: Span, kind: LocalKind) -> LocalId {
        self.alloc_typed(name, span, kind, None)
    }

    pub(super) fn alloc_typed(
        &mut self,
        name: &str,
        span: Span,
        kind: LocalKind,
        ty: Option<hir::TyRef>,
    ) -> LocalId {
        let id = self.r.program.locals.alloc(hir::Local { name: name.into(), span, kind, ty });
        self.locals.push(id);
        id
    }

    /// Makes a local visible from here on; F0110 where the name is taken.
    pub(super) fn show(&mut self, id: LocalId) {
        let local = &self.r.program.locals[id];
        let (name, span) = (local.name.clone(), local.span);
        let earlier = self.visible.iter().rev().find(|(n, _)| *n == name).map(|(_, l)| *l);
        if let Some(earlier) = earlier {
            self.shadows(&name, span, earlier);
        }
        self.visible.push((name, id));
    }

    fn shadows(&mut self, name: &str, span: Span, earlier: LocalId) {
        let first = self.r.program.locals[earlier].span;
        if first == span || self.r.reported_at("F0116", span) {
            return;
        }
        // No edit is offered: with another name, what follows would mean the earlier value.
        let found = Diagnostic::error("F0110", span, format!("`{name}` is already bound here"))
            .label(first, format!("`{name}` is bound here…"))
            .label(span, "…and cannot be bound again")
            .help(format!(
                "values never change and names are durable identities: choose another name, \
                 for example `{name}_2`"
            ));
        self.r.report(found);
    }

    /// Binds a name as written.
    pub(super) fn bind(&mut self, name: &ast::Name, kind: LocalKind) -> LocalId {
        let id = self.alloc(&name.text, name.span, kind);
        self.show(id);
        id
    }

    /// Parameters, the first locals of a body.
    pub(super) fn bind_params(&mut self, params: &[hir::Field]) -> Vec<LocalId> {
        params
            .iter()
            .map(|param| {
                let ty = Some(param.ty.clone());
                let id = self.alloc_typed(&param.name.node, param.name.span, LocalKind::Param, ty);
                self.show(id);
                id
            })
            .collect()
    }

    /// Where a block begins.
    pub(super) fn mark(&self) -> Mark {
        Mark(self.visible.len())
    }

    /// What was bound since `mark`.
    pub(super) fn since(&self, mark: Mark) -> Vec<(SmolStr, LocalId)> {
        self.visible.get(mark.0..).unwrap_or_default().to_vec()
    }

    /// Ends a block: what it bound can no longer be seen.
    pub(super) fn fade(&mut self, mark: Mark) -> Vec<(SmolStr, LocalId)> {
        let ended = self.visible.split_off(mark.0.min(self.visible.len()));
        self.faded.extend(ended.iter().cloned());
        ended
    }

    /// Ends the range of names that mean nothing outside it, such as a lambda's.
    pub(super) fn forget(&mut self, mark: Mark) {
        self.visible.truncate(mark.0);
    }

    /// Makes what a block that has ended bound visible again.
    pub(super) fn reveal(&mut self, names: Vec<(SmolStr, LocalId)>) {
        for (name, id) in names {
            self.faded.retain(|(_, faded)| *faded != id);
            self.visible.push((name, id));
        }
    }

    /// Takes a name back from those of blocks that have ended.
    pub(super) fn drop_faded(&mut self, id: LocalId) {
        self.faded.retain(|(_, faded)| *faded != id);
    }

    /// Names after the arms of a choice: those that several arms bind become one (verdict 31).
    ///
    /// Each arm comes with what it bound and whether its end can be reached.
    pub(super) fn join(&mut self, arms: Vec<(Vec<(SmolStr, LocalId)>, bool)>) -> Vec<hir::Join> {
        let reaching: Vec<_> =
            arms.into_iter().filter(|(_, falls)| *falls).map(|(n, _)| n).collect();
        let Some((first, others)) = reaching.split_first() else { return Vec::new() };
        let mut names: Vec<SmolStr> = Vec::new();
        for (name, _) in reaching.iter().flatten() {
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
        let mut joins = Vec::new();
        for name in names {
            let find = |arm: &Vec<(SmolStr, LocalId)>| {
                arm.iter().rev().find(|(n, _)| *n == name).map(|(_, id)| *id)
            };
            let from: Vec<LocalId> = reaching.iter().filter_map(find).collect();
            let everywhere = from.len() == 1 + others.len();
            let (Some(&one), true) = (from.first(), find(first).is_some() || !from.is_empty())
            else {
                continue;
            };
            let local = if from.len() == 1 {
                one
            } else {
                let span = self.r.program.locals[one].span;
                let local = self.alloc(&name, span, LocalKind::Join);
                joins.push(hir::Join { local, from });
                local
            };
            if everywhere {
                self.faded.retain(|(_, faded)| *faded != local);
                self.visible.push((name, local));
            } else {
                self.faded.push((name, local));
            }
        }
        joins
    }

    /// What a bare name means: the event's field inside `where`, else a local.
    pub(super) fn name(&mut self, name: &ast::Name) -> hir::ExprId {
        if let Some((event, local)) = self.event {
            let fields = &self.r.program.events[event].fields;
            if fields.iter().any(|f| f.name.node == name.text) {
                let base = self.expr_at(ExprKind::Local(local), name.span);
                let name = super::name(name);
                let span = name.span;
                return self.expr_at(ExprKind::Field { base, optional: false, name }, span);
            }
        }
        let seen = self.visible.iter().rev().chain(self.faded.iter().rev());
        let found = seen.into_iter().find(|(n, _)| *n == name.text).map(|(_, id)| *id);
        if let Some(local) = found {
            return self.expr_at(ExprKind::Local(local), name.span);
        }
        let expr = self.expr_at(ExprKind::Error(Vec::new()), name.span);
        self.deferred.push(Deferred { expr, name: name.text.clone(), span: name.span });
        expr
    }

    pub(super) fn expr_at(&mut self, kind: ExprKind, span: Span) -> hir::ExprId {
        self.r.program.exprs.alloc(hir::Expr { kind, span })
    }

    /// The locals, after names that were used before they are bound have been found or blamed.
    pub(super) fn finish(mut self) -> Vec<LocalId> {
        for use_ in std::mem::take(&mut self.deferred) {
            let later = self.locals.iter().copied().find(|id| {
                let local = &self.r.program.locals[*id];
                local.name == use_.name && can_be_used_too_early(local.kind)
            });
            match later {
                Some(local) => {
                    self.r.program.exprs[use_.expr].kind = ExprKind::Local(local);
                }
                None => self.unknown_local(&use_),
            }
        }
        self.locals
    }

    fn unknown_local(&mut self, use_: &Deferred) {
        let module = &self.r.modules[self.module];
        if self.incomplete || module.opaque {
            return;
        }
        let locals = self.locals.iter().map(|id| self.r.program.locals[*id].name.as_str());
        let near = suggest(&use_.name, locals.filter(|n| !n.starts_with('#')));
        let near: Vec<String> = near.into_iter().map(str::to_owned).collect();
        let text = format!("there is no value called `{}`", use_.name);
        let mut found = unknown_name(text, use_.span, &near, None);
        if near.is_empty() {
            let function = module.look_up(&use_.name).is_some();
            if function {
                found = found.help(format!("`{}` is a function: call it with `(…)`", use_.name));
            }
        }
        self.r.report(found);
    }

    /// A lambda's or pattern's own names, visible only inside `inside`.
    pub(super) fn with_names<T>(
        &mut self,
        names: &[&ast::Name],
        kind: LocalKind,
        inside: impl FnOnce(&mut Self) -> T,
    ) -> (Vec<LocalId>, T) {
        let mark = self.mark();
        let ids = names.iter().map(|name| self.bind(name, kind)).collect();
        let value = inside(self);
        self.forget(mark);
        (ids, value)
    }
}

fn can_be_used_too_early(kind: LocalKind) -> bool {
    matches!(
        kind,
        LocalKind::Let
            | LocalKind::Step
            | LocalKind::Pivot
            | LocalKind::Await
            | LocalKind::Collected
            | LocalKind::Join
    )
}

impl Resolver<'_> {
    /// Whether a finding with this code stands at this place already.
    pub(super) fn reported_at(&self, code: &str, span: Span) -> bool {
        self.diagnostics.iter().any(|d| d.code == code && d.span == span)
    }
}

/// Reads a function.
pub(super) fn function(
    resolver: &mut Resolver<'_>,
    module: usize,
    id: hir::FunctionId,
    decl: &ast::FnDecl,
) {
    let params = resolver.program.functions[id].params.clone();
    let incomplete = resolver.modules[module].file.is_incomplete(decl.span);
    let mut body = Body::new(resolver, module);
    body.incomplete = incomplete;
    body.bind_params(&params);
    let (lets, value) = match &decl.body {
        ast::FnBody::Expr(value) => (Vec::new(), body.expr(value)),
        ast::FnBody::Block { lets, value, .. } => {
            let lets = lets.iter().map(|l| body.let_(l)).collect();
            (lets, body.expr(value))
        }
    };
    let locals = body.finish();
    let function = &mut resolver.program.functions[id];
    function.locals = locals;
    function.body = hir::FunctionBody::Fn { lets, value };
}

/// Reads a decision.
pub(super) fn decision(
    resolver: &mut Resolver<'_>,
    module: usize,
    id: hir::FunctionId,
    decl: &ast::DecideDecl,
) {
    let params = resolver.program.functions[id].params.clone();
    let incomplete = resolver.modules[module].file.is_incomplete(decl.span);
    let mut body = Body::new(resolver, module);
    body.incomplete = incomplete;
    body.bind_params(&params);
    let rules = decl
        .rules
        .iter()
        .map(|rule| hir::Rule {
            when: body.expr(&rule.condition),
            then: body.expr(&rule.value),
            span: rule.span,
        })
        .collect();
    let otherwise = decl.otherwise.as_ref().map(|value| body.expr(value));
    let locals = body.finish();
    let function = &mut resolver.program.functions[id];
    function.locals = locals;
    function.body = hir::FunctionBody::Decide { rules, otherwise };
}

impl Body<'_, '_> {
    /// `x = e`: the value is read before the name can be seen.
    pub(super) fn let_(&mut self, written: &ast::Let) -> (LocalId, hir::ExprId) {
        let value = self.expr(&written.value);
        (self.bind(&written.name, LocalKind::Let), value)
    }

    /// Counts the local towards none of the checks on names, because nothing can name it.
    pub(super) fn hidden(&mut self, name: &str, span: Span, kind: LocalKind) -> LocalId {
        self.alloc(&format!("#{name}"), span, kind)
    }

    /// The next step's id.
    pub(super) fn step_id(&mut self) -> hir::StepId {
        let id = hir::StepId::new(self.r.program.step_count as usize);
        self.r.program.step_count += 1;
        id
    }

    /// A word with its place.
    pub(super) fn spanned<T>(node: T, span: Span) -> Spanned<T> {
        Spanned { node, span }
    }
}
