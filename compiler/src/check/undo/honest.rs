//! Waivers stay honest (F0214), and an undo says what it undoes (F0215).

use crate::check::call;
use crate::check::lock::Commits;
use crate::check::once::Once;
use crate::diagnostic::Diagnostic;
use crate::hir::{
    Action, ActionId, Compensate, CompensateHow, ExprId, LocalId, Origin, Program, Step, StmtKind,
    Undo,
};
use crate::source::Sources;
use crate::span::Span;
use std::collections::{BTreeMap, BTreeSet};

/// Checks every waiver and every undo.
pub fn check(
    program: &Program,
    sources: &Sources,
    commits: &Commits<'_>,
    findings: &mut Vec<Diagnostic>,
) {
    let mut rule = Rule { program, once: Once::new(findings) };
    // Contracts with a waiver: whether any call needs it, over the whole root.
    let mut contracts: BTreeMap<ActionId, bool> = BTreeMap::new();
    // What an undo or the aftermath calls is judged nowhere: there nothing is armed either way.
    let mut see = |stmt: &crate::hir::Stmt| match &stmt.kind {
        StmtKind::Step(step) => {
            let before = commits.before.contains(&step.call.span);
            // What the walk never reaches, inside a transaction for one, is judged by others.
            if !before && !commits.after.contains(&step.call.span) {
                return;
            }
            match &step.undo {
                Undo::Own(own) => {
                    if matches!(own.how, CompensateHow::Waived(_)) {
                        rule.waiver(step, own, before);
                    } else {
                        rule.own(step, own);
                    }
                }
                Undo::Contract(id) if waived(&program.actions[*id]) => {
                    *contracts.entry(*id).or_default() |= before;
                }
                _ => {}
            }
        }
        StmtKind::Transaction(tx) => {
            if let Some(own) = &tx.compensate {
                let head = Span { end: tx.name.span.end, ..tx.span };
                let waived = matches!(own.how, CompensateHow::Waived(_));
                if waived && commits.after.contains(&head) && !commits.before.contains(&head) {
                    rule.unneeded(head, own.span);
                }
            }
        }
        _ => {}
    };
    for workflow in program.workflows.values() {
        workflow.body.walk(false, &mut see);
    }
    for (id, needed) in contracts {
        let action = &program.actions[id];
        // A module that others share, the standard library first of all, may need it elsewhere.
        let shared = sources.get(action.span.file).is_none_or(|source| source.imported);
        if let (Some(own), false) = (&action.compensate, needed || shared) {
            rule.unneeded(own.span, own.span);
        }
    }
    for action in program.actions.values() {
        rule.contract(action);
    }
}

fn waived(action: &Action) -> bool {
    action.compensate.as_ref().is_some_and(|own| matches!(own.how, CompensateHow::Waived(_)))
}

struct Rule<'p, 'f> {
    program: &'p Program,
    once: Once<'f>,
}

impl Rule<'_, '_> {
    /// F0214 at a step.
    fn waiver(&mut self, step: &Step, own: &Compensate, before: bool) {
        let declared = call::action(self.program, step).and_then(|(_, a)| a.compensate.as_ref());
        match declared {
            Some(undo) if matches!(undo.how, CompensateHow::Block { .. }) => self.once.say(
                Diagnostic::warning(
                    "F0214",
                    step.call.span,
                    format!("`{}` can be undone, and is waived here all the same", step.call.text),
                )
                .label(own.span, "this says that nothing needs to be undone…")
                .label(undo.span, "…although the contract says how")
                .help("leave the waiver out, or silence this with the reason why the undo would be wrong here"),
            ),
            _ if !before => self.unneeded(step.call.span, own.span),
            _ => {}
        }
    }

    fn unneeded(&mut self, at: Span, waiver: Span) {
        self.once.say(
            Diagnostic::warning("F0214", at, "this waiver is not needed")
                .label(waiver, "nothing here is ever undone: the run has committed by then")
                .help("leave `compensate none` out, so that a waiver always means something"),
        );
    }

    /// F0215 in a contract: both sides speak of the action's parameters.
    fn contract(&mut self, action: &Action) {
        let Some(own) = &action.compensate else { return };
        let Some(key) = &action.idempotent else { return };
        self.shares(own, &key.by, action.result_local, &BTreeMap::new(), &action.name.node);
    }

    /// F0215 at a step: its key may be the contract's, over what is passed.
    fn own(&mut self, step: &Step, own: &Compensate) {
        let Some(key) = &step.idempotent else { return };
        let stands = match key.origin {
            Origin::Contract(_) => call::stands(self.program, step),
            Origin::Step => BTreeMap::new(),
        };
        self.shares(own, &key.value.by, step.bind, &stands, &step.call.text);
    }

    fn shares(
        &mut self,
        own: &Compensate,
        by: &[ExprId],
        result: Option<LocalId>,
        stands: &BTreeMap<LocalId, ExprId>,
        name: &str,
    ) {
        let CompensateHow::Block { body, .. } = &own.how else { return };
        // A key that is not written is the step itself, and so is the undo's.
        if by.is_empty() {
            return;
        }
        let mut forward = BTreeSet::new();
        for by in by {
            self.program.each_read(*by, &mut |local| match stands.get(&local) {
                Some(passed) => self.program.each_read(*passed, &mut |inner| {
                    forward.insert(inner);
                }),
                None => {
                    forward.insert(local);
                }
            });
        }
        let mut undo = BTreeSet::new();
        body.walk(true, &mut |stmt| {
            stmt.each_expr(&mut |expr| {
                self.program.each_read(expr, &mut |local| {
                    undo.insert(local);
                });
            });
        });
        let by_result = result.is_some_and(|result| undo.contains(&result));
        if by_result || forward.is_empty() || !forward.is_disjoint(&undo) {
            return;
        }
        let key = by.iter().map(|by| self.program.exprs[*by].span).next().unwrap_or(own.span);
        self.once.say(
            Diagnostic::warning(
                "F0215",
                own.span,
                format!("this undo does not say which `{name}` it undoes"),
            )
            .label(key, "the call is known by this…")
            .label(own.span, "…and its undo mentions nothing of it")
            .help("pass the same id to the undo; most often another one was copied by mistake"),
        );
    }
}
