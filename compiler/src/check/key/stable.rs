//! A key must come out the same in every attempt and in every encoding: F0505.

use crate::check::call;
use crate::diagnostic::Diagnostic;
use crate::hir::{
    BinaryOp, Builtin, ExprId, ExprKind, Idempotent, LocalId, Origin, Program, TyKind,
};
use crate::span::Span;
use crate::types::Table;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};

/// Checks the keys of workflows, contracts and steps.
pub fn check(program: &Program, table: &Table, findings: &mut Vec<Diagnostic>) {
    let lets = call::lets(program);
    let mut rule = Rule {
        program,
        table,
        lets,
        known: RefCell::default(),
        depth: Cell::default(),
        findings,
        seen: BTreeSet::new(),
    };
    for workflow in program.workflows.values() {
        rule.key(workflow.idempotent.as_ref(), &BTreeMap::new());
    }
    for action in program.actions.values() {
        rule.key(action.idempotent.as_ref(), &BTreeMap::new());
    }
    super::super::each_stmt(program, &mut |stmt| {
        let crate::hir::StmtKind::Step(step) = &stmt.kind else { return };
        if let Some(key) = &step.idempotent {
            let stands = match key.origin {
                Origin::Contract(_) => call::stands(program, step),
                Origin::Step => BTreeMap::new(),
            };
            rule.key(Some(&key.value), &stands);
        }
    });
}

/// Names that stand for names are followed so far.
const CHAIN_MAX: u32 = 64;

struct Rule<'p, 'f> {
    program: &'p Program,
    table: &'p Table,
    lets: BTreeMap<LocalId, ExprId>,
    /// What was found of names.
    known: RefCell<BTreeMap<LocalId, Option<(ExprId, &'static str)>>>,
    /// How many names deep the look is.
    depth: Cell<u32>,
    findings: &'f mut Vec<Diagnostic>,
    seen: BTreeSet<Span>,
}

impl Rule<'_, '_> {
    fn key(&mut self, key: Option<&Idempotent>, stands: &BTreeMap<LocalId, ExprId>) {
        for by in key.iter().flat_map(|key| &key.by) {
            let Some((at, why)) = self.unstable(*by, stands) else { continue };
            // Where the contract is right and the call is not, the call's argument is the place.
            let shown = self.passed(*by, stands).unwrap_or(*by);
            let span = self.program.exprs[shown].span;
            if !self.seen.insert(span) {
                continue;
            }
            let mut finding =
                Diagnostic::error("F0505", span, format!("this key is not stable: {why}"));
            let cause = self.program.exprs[at].span;
            if cause != span {
                finding = finding
                    .label(cause, "this may come out differently…")
                    .label(span, "…and is part of a key, which must be the same in every attempt");
            } else {
                finding = finding.label(span, "a key must be the same in every attempt");
            }
            self.findings.push(finding.help(
                "take what names the thing itself: an id, an order number, whole minor units",
            ));
        }
    }

    /// The argument that a contract's key stands for.
    fn passed(&self, by: ExprId, stands: &BTreeMap<LocalId, ExprId>) -> Option<ExprId> {
        let mut found = None;
        self.program.each_inner(by, &mut |inner| {
            if let ExprKind::Local(local) = &self.program.exprs[inner].kind
                && let Some(passed) = stands.get(local)
                && found.is_none()
                && self.unstable(*passed, &BTreeMap::new()).is_some()
            {
                found = Some(*passed);
            }
        });
        found
    }

    /// What in an expression is unstable, and why.
    fn unstable(
        &self,
        id: ExprId,
        stands: &BTreeMap<LocalId, ExprId>,
    ) -> Option<(ExprId, &'static str)> {
        let mut found = None;
        // A map as a whole has no order of its own; what is looked up in one has a value like any.
        if super::holds_map(self.program, &self.table.own_ty(id), &mut BTreeSet::new()) {
            return Some((id, "a map has more than one spelling"));
        }
        self.program.each_inner(id, &mut |inner| {
            if found.is_some() {
                return;
            }
            found = match &self.program.exprs[inner].kind {
                ExprKind::Builtin(Builtin::Now, _) => Some((inner, "it contains the time of day")),
                ExprKind::Builtin(builtin, _) if builtin.is_drawn() => {
                    Some((inner, "it is drawn anew each time"))
                }
                ExprKind::Binary(op, ..) if is_sum(op.node) && self.is_decimal(inner) => {
                    Some((inner, "a computed decimal has more than one spelling"))
                }
                ExprKind::Local(local) => match stands.get(local) {
                    Some(passed) => self.unstable(*passed, &BTreeMap::new()),
                    None => self.bound(*local),
                },
                _ => None,
            };
        });
        found
    }

    /// What is unstable in the value of a name, which is looked at once.
    fn bound(&self, local: LocalId) -> Option<(ExprId, &'static str)> {
        if let Some(known) = self.known.borrow().get(&local) {
            return *known;
        }
        let value = self.lets.get(&local)?;
        // Bound: names that stand for names this deep are taken for stable; people write a few.
        if self.depth.get() > CHAIN_MAX {
            return None;
        }
        self.depth.set(self.depth.get() + 1);
        // A name is drawn once and kept; a clock or a sum stays what it is.
        let found = self.unstable(*value, &BTreeMap::new()).filter(|(at, _)| {
            !matches!(
                self.program.exprs[*at].kind,
                ExprKind::Builtin(Builtin::NewUuid | Builtin::Random, _)
            )
        });
        self.depth.set(self.depth.get() - 1);
        self.known.borrow_mut().insert(local, found);
        found
    }

    fn is_decimal(&self, id: ExprId) -> bool {
        matches!(self.table.own_ty(id).present().kind, TyKind::Decimal)
    }
}

fn is_sum(op: BinaryOp) -> bool {
    matches!(op, BinaryOp::Add | BinaryOp::Sub | BinaryOp::Mul | BinaryOp::Div | BinaryOp::Rem)
}
