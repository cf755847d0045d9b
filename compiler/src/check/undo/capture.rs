//! What an undo carries until it runs, or is dropped: F0212, F0213.

use crate::check::once::Once;
use crate::diagnostic::Diagnostic;
use crate::hir::{
    Block, Compensate, CompensateHow, ExprId, Label, LocalId, Program, Stmt, StmtKind, Ty, TyKind,
    Undo,
};
use crate::span::Span;
use crate::types::Table;
use std::collections::BTreeSet;

/// Checks every undo that a step or transaction arms.
pub fn check(program: &Program, table: &Table, findings: &mut Vec<Diagnostic>) {
    let mut rule = Rule { program, table, once: Once::new(findings) };
    for action in program.actions.values() {
        if let Some(own) = &action.compensate {
            rule.large(own);
        }
    }
    super::super::each_stmt(program, &mut |stmt| match &stmt.kind {
        StmtKind::Step(step) => match &step.undo {
            Undo::Own(own) => {
                rule.large(own);
                rule.secret(own, step.call.span);
            }
            Undo::Contract(id) => {
                if let Some(own) = &program.actions[*id].compensate {
                    rule.secret(own, step.call.span);
                }
            }
            Undo::None => {}
        },
        StmtKind::Transaction(tx) => {
            if let Some(own) = &tx.compensate {
                rule.large(own);
                rule.secret(own, Span { end: tx.name.span.end, ..tx.span });
            }
        }
        _ => {}
    });
}

struct Rule<'p, 'f> {
    program: &'p Program,
    table: &'p Table,
    once: Once<'f>,
}

impl<'p> Rule<'p, '_> {
    /// F0212.
    fn large(&mut self, own: &'p Compensate) {
        for value in self.captured(own) {
            let ty = self.table.own_ty(value);
            if large(self.program, &ty, &mut BTreeSet::new()) {
                let span = self.program.exprs[value].span;
                self.once.say(
                    Diagnostic::warning("F0212", own.span, "this undo carries a whole collection")
                        .label(span, "all of this is stored with every step, and every turn, that arms it")
                        .help("pass the key by which the service finds what to undo: an order number, an id"),
                );
                return;
            }
        }
    }

    /// F0213.
    fn secret(&mut self, own: &'p Compensate, step: Span) {
        for value in self.captured(own) {
            if self.program.holds(&self.table.own_ty(value), Label::Secret) {
                let span = self.program.exprs[value].span;
                self.once.say(
                    Diagnostic::error("F0213", step, "the undo of this step carries a secret")
                        .label(step, "while this can be undone…")
                        .label(span, "…this would sit in the undo log, for weeks perhaps")
                        .help("pass a reference to the secret, which the service resolves"),
                );
                return;
            }
        }
    }

    /// Expressions that are evaluated when the undo is armed: those over names from outside it.
    fn captured(&self, own: &'p Compensate) -> Vec<ExprId> {
        let CompensateHow::Block { body, .. } = &own.how else { return Vec::new() };
        let mut inner = BTreeSet::new();
        names(body, &mut inner);
        let mut values = Vec::new();
        body.walk(true, &mut |stmt| {
            stmt.each_expr(&mut |expr| {
                let (mut any, mut own) = (false, false);
                self.program.each_read(expr, &mut |local| {
                    any = true;
                    own |= inner.contains(&local);
                });
                if any && !own {
                    values.push(expr);
                }
            });
        });
        values
    }
}

/// Names that a block binds itself.
fn names(body: &Block, found: &mut BTreeSet<LocalId>) {
    body.walk(true, &mut |stmt: &Stmt| match &stmt.kind {
        StmtKind::Let(local, _) => {
            found.insert(*local);
        }
        StmtKind::Step(step) => found.extend(step.bind),
        StmtKind::Each(each) => {
            found.extend(&each.pattern);
            found.extend(each.bind);
        }
        StmtKind::ParallelEach(each) => {
            found.extend(&each.pattern);
            found.extend(each.bind);
        }
        StmtKind::Repeat(repeat) => {
            found.extend(repeat.vars.iter().map(|(local, _)| *local));
            found.extend(repeat.bind);
        }
        _ => {}
    });
}

/// A list, map or blob, or a record that holds one.
fn large(program: &Program, ty: &Ty, seen: &mut BTreeSet<TyKind>) -> bool {
    match &ty.kind {
        TyKind::List(_) | TyKind::Map(..) | TyKind::Batch(_) | TyKind::Blob => true,
        TyKind::Optional(inner) => large(program, inner, seen),
        TyKind::Alias(id) => large(program, &program.aliases[*id].of.node, seen),
        TyKind::Record(id) => {
            let fields = &program.records[*id].fields;
            seen.insert(ty.kind.clone()) && fields.iter().any(|f| large(program, &f.ty.node, seen))
        }
        TyKind::Event(id) => {
            let fields = &program.events[*id].fields;
            seen.insert(ty.kind.clone()) && fields.iter().any(|f| large(program, &f.ty.node, seen))
        }
        _ => false,
    }
}
