//! What several families of rules ask of a call: its action, what its contract's names stand for, and
//! who starts a workflow.

use crate::hir::{
    Action, ActionId, Class, ExprId, LocalId, Program, Step, Stmt, StmtKind, Target, WorkflowId,
};
use std::collections::{BTreeMap, BTreeSet};

/// The action that a step calls.
pub fn action<'p>(program: &'p Program, step: &Step) -> Option<(ActionId, &'p Action)> {
    match step.call.target {
        Target::Action(id) => Some((id, &program.actions[id])),
        _ => None,
    }
}

/// Whether a step changes something outside a transaction's own database.
pub fn writes(program: &Program, step: &Step) -> bool {
    action(program, step).is_some_and(|(_, action)| action.class.node != Class::Read)
}

/// What the parameters of the called action stand for.
pub fn stands(program: &Program, step: &Step) -> BTreeMap<LocalId, ExprId> {
    let Some((_, action)) = action(program, step) else { return BTreeMap::new() };
    let passed = action.param_locals.iter().zip(&step.call.args.values);
    passed.filter_map(|(local, value)| Some((*local, (*value)?))).collect()
}

/// Calls `see` for every step of a block, those in branches and remedies included; undos only if
/// asked for.
pub fn each_step<'p>(
    block: &'p crate::hir::Block,
    undo: bool,
    see: &mut dyn FnMut(&'p Step, &'p Stmt),
) {
    block.walk(undo, &mut |stmt| {
        if let StmtKind::Step(step) = &stmt.kind {
            see(step, stmt);
        }
    });
}

/// Workflows that others of the program run or start.
pub fn used_inside(program: &Program) -> BTreeSet<WorkflowId> {
    let mut used = BTreeSet::new();
    super::each_stmt(program, &mut |stmt| match &stmt.kind {
        StmtKind::Step(step) => {
            if let Target::Workflow(id) = step.call.target {
                used.insert(id);
            }
        }
        StmtKind::Start { workflow: Some(id), .. } => {
            used.insert(*id);
        }
        _ => {}
    });
    used
}

/// What names bound by `x = e` stand for.
pub fn lets(program: &Program) -> BTreeMap<LocalId, ExprId> {
    let mut lets = BTreeMap::new();
    super::each_stmt(program, &mut |stmt| {
        if let StmtKind::Let(local, value) = stmt.kind {
            lets.insert(local, value);
        }
    });
    lets
}
