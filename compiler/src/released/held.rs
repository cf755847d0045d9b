//! What is known of a run that moves, and what the version needs that it moves to.

use super::moves::Given;
use sagaflow_fir::{Local, LocalId, Point, Ty, Workflow};
use std::collections::BTreeMap;

/// Values by name with their types.
pub(super) type Named<'w> = BTreeMap<&'w str, &'w Ty>;

/// What is known at a point of an older version: what its frame holds, and what the run was started with,
/// which never changes.
pub(super) struct Held<'w>(pub(super) Named<'w>);

impl<'w> Held<'w> {
    pub(super) fn of(was: &'w Workflow, is: &Workflow, point: Option<&'w Point>) -> Self {
        let params = was.params.iter().map(|param| (param.name.as_str(), &param.ty));
        // What was a parameter and is none any more is only what a frame holds.
        let both = |name: &str| is.params.iter().any(|param| param.name == name);
        let mut all: Named<'w> = params.filter(|(name, _)| both(name)).collect();
        all.extend(point.map(|point| live(was, point)).unwrap_or_default());
        Self(all)
    }
}

/// What the new version needs at a point.
pub(super) struct Needed<'w>(pub(super) Named<'w>);

impl<'w> Needed<'w> {
    pub(super) fn of(
        held: &Held<'_>,
        given: &Given,
        is: &'w Workflow,
        at: &str,
        point: &'w Point,
    ) -> Self {
        let mut all = live(is, point);
        if matches!(at, "start" | "after") {
            // A parameter may be wanted later, where no frame has held it: at any point, or by a version
            // after this one.
            let params = is.params.iter().map(|param| (param.name.as_str(), &param.ty));
            let known = |name: &str| held.0.contains_key(name) || given.contains_key(name);
            all.extend(params.filter(|(name, _)| known(name)));
            all.retain(|name, _| !name.starts_with("failure."));
        }
        Self(all)
    }

    /// Whether this is needed, and not held.
    pub(super) fn lacks(&self, held: &Held<'_>, name: &str) -> bool {
        self.0.contains_key(name) && !held.0.contains_key(name)
    }
}

fn live<'w>(workflow: &'w Workflow, point: &'w Point) -> Named<'w> {
    let local = |id: &LocalId| workflow.locals.get(id.0 as usize);
    let bound = point.live.iter().filter_map(local);
    let bound = bound.map(|Local { name, ty }| (name.as_str(), ty));
    bound.chain(point.hidden.iter().map(|(name, ty)| (name.as_str(), ty))).collect()
}
