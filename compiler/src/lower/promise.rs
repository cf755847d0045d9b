//! What contracts promise beside their types, for holding services to it: each key's life, and which
//! call undoes or asks about which, with its arguments taken from the first call.
//!
//! An undo that computes is said to be beyond this; the workflow that runs it has it in full.

use super::Cx;
use super::decl::action_name;
use super::expr::literal_json;
use crate::hir::{self, CompensateHow, ExprId, ExprKind, StmtKind, Target};
use sagaflow_fir as fir;
use std::collections::BTreeMap;

/// The promises of a service, by action.
pub(super) fn promises(cx: Cx<'_>, ids: &[hir::ActionId]) -> BTreeMap<String, fir::Promise> {
    let promise = |id: &hir::ActionId| {
        let found = &cx.program.actions[*id];
        (found.name.node.to_string(), promise(cx, found))
    };
    ids.iter().map(promise).collect()
}

fn promise(cx: Cx<'_>, found: &hir::Action) -> fir::Promise {
    let key = found.idempotent.as_ref();
    let (undo, undo_beyond) = match found.compensate.as_ref().map(|own| &own.how) {
        Some(CompensateHow::Block { body, .. }) => {
            let undo = only_call(body).and_then(|call| ask(cx, found, call));
            let beyond = undo.is_none();
            (undo, beyond)
        }
        Some(CompensateHow::Waived(_)) | None => (None, false),
    };
    fir::Promise {
        key_for_ms: key.and_then(|key| key.lifetime.as_ref()).map(|lifetime| lifetime.node),
        undo,
        undo_beyond,
        probe: found.probe.as_ref().and_then(|probe| ask(cx, found, &probe.call)),
    }
}

fn only_call(body: &hir::Block) -> Option<&hir::Call> {
    match body.stmts.as_slice() {
        [hir::Stmt { kind: StmtKind::Step(step), .. }] => Some(&step.call),
        _ => None,
    }
}

/// Nothing where an argument is more than a value written out, or a part of the first call.
fn ask(cx: Cx<'_>, first: &hir::Action, call: &hir::Call) -> Option<fir::Ask> {
    let Target::Action(id) = call.target else { return None };
    let target = &cx.program.actions[id];
    let mut args = Vec::new();
    for (param, value) in target.params.iter().zip(&call.args.values) {
        let source = match (value, &param.default) {
            (Some(value), _) => source(cx, first, *value)?,
            (None, Some(default)) => fir::Source::Value(literal_json(&default.node)),
            (None, None) => continue,
        };
        args.push((param.name.node.to_string(), source));
    }
    let (service, action) = action_name(cx.program, id);
    Some(fir::Ask { service, action, args })
}

fn source(cx: Cx<'_>, first: &hir::Action, value: ExprId) -> Option<fir::Source> {
    match &cx.program.exprs[value].kind {
        ExprKind::Literal(literal) => Some(fir::Source::Value(literal_json(literal))),
        ExprKind::Nominal(_, of) => source(cx, first, *of),
        ExprKind::Local(local) if Some(*local) == first.result_local => {
            Some(fir::Source::Result(Vec::new()))
        }
        ExprKind::Local(local) => {
            let index = first.param_locals.iter().position(|param| param == local)?;
            let name = first.params.get(index)?.name.node.to_string();
            Some(fir::Source::Argument(name, Vec::new()))
        }
        ExprKind::Field { base, optional: false, name } => {
            let mut source = source(cx, first, *base)?;
            match &mut source {
                fir::Source::Argument(_, fields) | fir::Source::Result(fields) => {
                    fields.push(name.node.to_string());
                }
                fir::Source::Value(_) => return None,
            }
            Some(source)
        }
        _ => None,
    }
}
