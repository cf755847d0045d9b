//! Steps of a contract's undo inherit from contracts too, which may be written after it: their
//! clauses are filled in once every contract has been read.

use crate::hir::{
    Action, ActionId, Block, CompensateHow, Given, Handlers, Origin, Program, Step, Stmt, StmtKind,
    Target, Undo,
};

/// Fills in what the undos of contracts inherit.
pub(super) fn undos(program: &mut Program) {
    let contracts: Vec<Action> = program.actions.values().cloned().collect();
    let ids: Vec<ActionId> = program.actions.ids().collect();
    for id in ids {
        let Some(own) = &mut program.actions[id].compensate else { continue };
        if let CompensateHow::Block { body, .. } = &mut own.how {
            block(&contracts, body);
        }
    }
}

fn block(contracts: &[Action], found: &mut Block) {
    found.stmts.iter_mut().for_each(|stmt| statement(contracts, stmt));
}

fn statement(contracts: &[Action], stmt: &mut Stmt) {
    match &mut stmt.kind {
        StmtKind::Step(step) => {
            inherit(contracts, step);
            remedies(contracts, &mut step.handlers);
            if let Some(fallback) = &mut step.fallback {
                block(contracts, &mut fallback.body);
            }
        }
        StmtKind::If(choice) => {
            block(contracts, &mut choice.then);
            choice.otherwise.iter_mut().for_each(|b| block(contracts, b));
        }
        StmtKind::Match(choice) => {
            choice.arms.iter_mut().for_each(|arm| block(contracts, &mut arm.body));
        }
        StmtKind::Each(each) => block(contracts, &mut each.body),
        StmtKind::ParallelEach(each) => block(contracts, &mut each.body),
        StmtKind::Repeat(repeat) => block(contracts, &mut repeat.body),
        StmtKind::Parallel(fork) => {
            fork.branches.iter_mut().for_each(|branch| statement(contracts, branch));
        }
        StmtKind::Scope(scope) => {
            block(contracts, &mut scope.body);
            remedies(contracts, &mut scope.guard.handlers);
        }
        StmtKind::Transaction(tx) => block(contracts, &mut tx.body),
        StmtKind::Lock(lock) => block(contracts, &mut lock.body),
        _ => {}
    }
}

fn remedies(contracts: &[Action], handlers: &mut Handlers) {
    handlers.on.iter_mut().for_each(|handler| block(contracts, &mut handler.remedy));
    handlers.otherwise.iter_mut().for_each(|e| block(contracts, &mut e.remedy));
}

/// What the step itself says stays.
fn inherit(contracts: &[Action], step: &mut Step) {
    let Target::Action(id) = step.call.target else { return };
    let Some(action) = contracts.get(crate::hir::Idx::index(id)) else { return };
    let origin = Origin::Contract(id);
    let clause = |c: crate::hir::Clause<i64>| Given { value: c.value, span: c.span, origin };
    step.within = step.within.take().or(action.within.map(clause));
    step.deadline = step.deadline.take().or(action.deadline.map(clause));
    if step.idempotent.is_none() {
        step.idempotent =
            action.idempotent.clone().map(|value| Given { span: value.span, value, origin });
    }
    if step.probe.is_none() {
        step.probe = action.probe.clone().map(|value| Given { span: value.span, value, origin });
    }
    if matches!(step.undo, Undo::None) && action.compensate.is_some() {
        step.undo = Undo::Contract(id);
    }
}
