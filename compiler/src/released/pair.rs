//! What moves runs: for each `upgrade from`, the durable points at which a run may move, and what it is
//! given there.
//!
//! Promises: a point that F0902 would refuse is not in the table, so a run that rests there stays.

use super::Released;
use super::held::{Held, Needed};
use super::moves::{Given, each_point};
use sagaflow_fir::{Field, Fir, Frozen, LocalId, Ty, Upgrade, Workflow};
use serde_json::Value;

/// Fills in what can be said of every `upgrade from` beside its released version.
pub(crate) fn pair(fir: &mut Fir, released: &[Released]) {
    let moving = fir.workflows.iter().filter(|(_, workflow)| !workflow.upgrades.is_empty());
    let names: Vec<String> = moving.map(|(name, _)| name.clone()).collect();
    for name in names {
        let Some(new) = fir.freeze(&name) else { continue };
        let Some(workflow) = fir.workflows.get_mut(&name) else { continue };
        let mut upgrades = std::mem::take(&mut workflow.upgrades);
        for upgrade in &mut upgrades {
            let is =
                |it: &&Released| it.frozen.workflow == name && it.frozen.version == upgrade.from;
            // Two versions of one number have nothing to do with each other.
            let older = released.iter().find(is).filter(|_| upgrade.from < new.version);
            if let Some(older) = older {
                fill(upgrade, &older.frozen, &new, workflow);
            }
        }
        workflow.upgrades = upgrades;
    }
}

fn fill(upgrade: &mut Upgrade, old: &Frozen, new: &Frozen, is: &Workflow) {
    let Some(was) = old.fir.workflows.get(&old.workflow) else { return };
    let read = |workflow: &Workflow, id: LocalId| {
        workflow.locals.get(id.0 as usize).map(|local| local.name.clone())
    };
    let made = |(name, value): &(String, sagaflow_fir::Expr)| {
        let mut from = Vec::new();
        value.each_read(&mut |id| from.extend(read(is, id)));
        (name.clone(), from)
    };
    let given: Given = upgrade.values.iter().map(made).collect();
    let mut free = Vec::new();
    each_point(old, new, &given, &mut |point| {
        free.extend(point.because.is_empty().then_some(point.at));
    });
    let points = free.into_iter().filter_map(|at| {
        let held = Held::of(was, is, was.points.get(&at));
        let need = Needed::of(&held, &given, is, &at, is.points.get(&at)?);
        let all = (0_u32..).zip(&upgrade.values).filter(|(_, (name, _))| need.lacks(&held, name));
        let gives = all.map(|(index, (name, _))| (name.clone(), index)).collect();
        Some((at, gives))
    });
    upgrade.points = points.collect();
    upgrade.hash.clone_from(&old.hash);
    let none = |param: &Field| matches!(param.ty, Ty::Optional(_)).then_some(Value::Null);
    let defaults = was.params.iter().filter_map(|param| {
        let default = param.default.clone().or_else(|| none(param))?;
        Some((param.name.clone(), default))
    });
    upgrade.defaults = defaults.collect();
}
