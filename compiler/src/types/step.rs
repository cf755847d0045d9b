//! Steps: what a call takes and gives, and what a name is bound to once the remedies are joined in.

use super::cx::{Cx, Want, article};
use super::table::Signature;
use crate::diagnostic::Diagnostic;
use crate::hir::{
    ActionId, Args, Call, Class, Compensate, CompensateHow, ExprId, Field, Idx as _, Probe, Step,
    StmtKind, Target, Ty, TyKind, Undo,
};
use crate::span::Span;

impl Cx<'_> {
    pub(super) fn step(&mut self, step: &Step) {
        let result = self.effect(&step.call);
        self.signature(step, result.clone());
        if let Some(key) = &step.idempotent
            && key.origin == crate::hir::Origin::Step
        {
            self.keys(&key.value.by);
        }
        if let Some(probe) = &step.probe
            && probe.origin == crate::hir::Origin::Step
        {
            self.probe(&probe.value, step.call.target);
        }
        // The name stands for the call's own result in its undo; what it is afterwards comes later.
        if let Some(bind) = step.bind {
            self.bind(bind, result.clone());
        }
        if let Undo::Own(undo) = &step.undo {
            self.compensate(undo);
        }
        let mut values = Vec::new();
        let mut instead = None;
        if let Some(fallback) = &step.fallback {
            values.extend(self.fallback(fallback, Some(&result)));
            if let (true, Some(StmtKind::Step(other))) =
                (fallback.bare, fallback.body.stmts.first().map(|stmt| &stmt.kind))
            {
                let other_ty = self.table.step(other.id).map(|s| s.result.clone());
                instead = other_ty.map(|ty| (other.call.span, ty));
            }
        }
        values.extend(self.handlers(&step.handlers, Some(&result)));
        let bound = self.bound(step, &result, instead, &values);
        if let Some(bind) = step.bind {
            self.bind(bind, bound.clone());
        }
        if let Some(slot) = self.table.steps.get_mut(step.id.index()) {
            slot.bound = bound;
        }
    }

    fn signature(&mut self, step: &Step, result: Ty) {
        let errors = self.program.target_errors(&step.call.target).to_vec();
        if let Some(slot) = self.table.steps.get_mut(step.id.index()) {
            *slot = Signature { bound: result.clone(), result, errors };
        }
    }

    /// The type of what a step binds: of its result and of everything used in its place.
    fn bound(
        &mut self,
        step: &Step,
        result: &Ty,
        instead: Option<(Span, Ty)>,
        values: &[ExprId],
    ) -> Ty {
        let mut ty = result.clone();
        if let Some((span, other)) = instead
            && step.bind.is_some()
        {
            match self.join(&ty, &other) {
                Some(joined) => ty = joined,
                None => {
                    let (got, want) = (self.show(&other), self.show(&ty));
                    self.report(
                        Diagnostic::error(
                            "F0102",
                            span,
                            format!(
                                "the fallback gives {}, but {} is wanted",
                                article(&got),
                                article(&want)
                            ),
                        )
                        .label(step.call.span, format!("this gives {}", article(&want)))
                        .label(span, format!("this gives {}", article(&got)))
                        .help("make them one in a block: `fallback { step x = …  use … }`"),
                    );
                    return ty;
                }
            }
        }
        let words = format!("in the place of what `{}` gives", step.call.text);
        self.joined_with(ty, values, (step.call.span, words))
    }

    /// A type with the values that may stand in its place; each of them is made to fit.
    pub(super) fn joined_with(&mut self, ty: Ty, values: &[ExprId], from: (Span, String)) -> Ty {
        if ty.kind == TyKind::Unit {
            for value in values {
                let span = self.span(*value);
                self.report(
                    Diagnostic::error(
                        "F0102",
                        span,
                        "there is no result that a value could replace",
                    )
                    .label(from.0, "gives nothing")
                    .label(span, "used in its place")
                    .help("write `skip`"),
                );
            }
            return ty;
        }
        let mut joined = ty;
        for value in values {
            let own = self.table.own_ty(*value);
            let fits = self.convert(Some(*value), &own, &joined).is_some();
            if !fits && let Some(wider) = self.join(&joined, &own) {
                joined = wider;
            } else if !fits && own.is_optional() {
                let present = own.present();
                if self.convert(None, &present, &joined).is_some() {
                    joined = joined.optional();
                }
            }
            joined = self.program.labelled_as(joined, &own);
        }
        let want = Want { ty: joined, from: Some(from) };
        for value in values {
            self.coerce(*value, &want);
        }
        want.ty
    }

    /// The arguments of a call; answers the type of what it gives.
    pub(super) fn effect(&mut self, call: &Call) -> Ty {
        let program = self.program;
        let (params, result): (&[Field], Option<&Ty>) = match call.target {
            Target::Action(id) => {
                let action = &program.actions[id];
                (&action.params, action.result.as_ref().map(|ty| &ty.node))
            }
            Target::Workflow(id) => {
                let workflow = &program.workflows[id];
                (&workflow.params, workflow.result.as_ref().map(|ty| &ty.node))
            }
            Target::Error => {
                self.args(&[], &call.args);
                return Ty::error();
            }
        };
        self.call_args(params, &call.args, call.span);
        result.cloned().unwrap_or_else(|| Ty::new(TyKind::Unit))
    }

    fn call_args(&mut self, params: &[Field], args: &Args, span: Span) {
        let before = self.place.call.replace(span);
        self.args(params, args);
        self.place.call = before;
    }

    /// Expressions of a key.
    pub(super) fn keys(&mut self, by: &[ExprId]) {
        for key in by {
            self.value(*key, None);
        }
    }

    /// An undo; whatever does not fit in it is F0203.
    pub(super) fn compensate(&mut self, undo: &Compensate) {
        let CompensateHow::Block { body, .. } = &undo.how else { return };
        let before = self.place.undo.replace(undo.span);
        self.using(None, |cx| cx.block(body));
        self.place.undo = before;
    }

    /// The question after an unknown outcome: a read that answers the result, or `none`.
    pub(super) fn probe(&mut self, probe: &Probe, of: Target) {
        let answer = self.effect(&probe.call);
        let (Target::Action(question), Target::Action(of)) = (probe.call.target, of) else {
            return;
        };
        let action = &self.program.actions[question];
        if action.class.node != Class::Read {
            self.report(
                Diagnostic::error("F0102", probe.span, "a probe only reads")
                    .label(probe.call.span, "this is no `read`")
                    .label(action.class.span, "declared here"),
            );
            return;
        }
        self.probe_answer(probe, of, answer);
    }

    fn probe_answer(&mut self, probe: &Probe, of: ActionId, answer: Ty) {
        let Some(result) = &self.program.actions[of].result else { return };
        let want = result.node.clone().optional();
        if super::fit::same(&answer, &want) || answer.has_error() {
            return;
        }
        let (got, want) = (self.show(&answer), self.show(&want));
        self.report(
            Diagnostic::error(
                "F0102",
                probe.span,
                format!("the probe answers {}, and {} is wanted", article(&got), article(&want)),
            )
            .label(probe.call.span, format!("this is {}", article(&got)))
            .label(result.span, "the action's result is declared here")
            .help(format!("declare the probe's result as `{want}`: `none` means not applied")),
        );
    }
}
