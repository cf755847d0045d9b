//! What the engine knows of a service: its actions with their types and declared errors.
//!
//! Collected from the tables of the hosted workflows, newest version last, so that a binding can tell
//! a declared error from a stray answer, and a simulation can answer by type.

use sagaflow_core::codegen::{
    CallSpec, Class, ErrorSpec, PointKind, Schema, Ty, UndoSpec, WorkflowSpec,
};
use std::collections::BTreeMap;
use std::sync::Arc;

/// One action, as some hosted workflow calls it.
#[derive(Clone, Debug)]
pub struct Action {
    /// Reads, writes or commits.
    pub class: Class,
    /// Safe to repeat under one key.
    pub idempotent: bool,
    /// Some step that calls it can be undone.
    pub undoable: bool,
    /// Declared errors.
    pub errors: Vec<ErrorSpec>,
    /// Result type; none where it has no result.
    pub result: Option<Ty>,
    /// Parameter types by name.
    pub params: BTreeMap<String, Ty>,
    /// The declared types that the others name.
    pub schema: Arc<Schema>,
}

impl Action {
    /// The action that a call is of.
    #[must_use]
    pub fn of(call: &CallSpec, schema: &Arc<Schema>) -> Self {
        Self {
            class: call.class,
            idempotent: call.idempotent,
            undoable: matches!(call.undo, UndoSpec::Args(_) | UndoSpec::Result(_)),
            errors: call.errors.clone(),
            result: call.result.clone(),
            params: call.params.clone(),
            schema: Arc::clone(schema),
        }
    }

    /// The declared error of this name.
    #[must_use]
    pub fn error(&self, name: &str) -> Option<&ErrorSpec> {
        self.errors.iter().find(|error| error.name == name)
    }
}

/// Actions of one service by name.
pub type Contract = BTreeMap<String, Action>;

/// Every service that the given workflows call, by qualified name.
///
/// A probe is no call of its own in the tables: it gets the action it asks about, with the result
/// made optional and no declared errors.
#[must_use]
pub fn collect<'a>(
    specs: impl IntoIterator<Item = &'a WorkflowSpec>,
) -> BTreeMap<String, Contract> {
    let mut services: BTreeMap<String, Contract> = BTreeMap::new();
    for spec in specs {
        let schema = Arc::new(spec.schema.clone());
        for point in spec.points.values() {
            let PointKind::Call(call) = &point.kind else { continue };
            let action = Action::of(call, &schema);
            if let Some(probe) = &call.probe {
                let mut asked = action.clone();
                asked.class = Class::Read;
                asked.errors.clear();
                asked.params.clear();
                asked.undoable = false;
                asked.result =
                    Some(Ty::Optional(Box::new(call.result.clone().unwrap_or(Ty::Unit))));
                services
                    .entry(probe.service.clone())
                    .or_default()
                    .entry(probe.action.clone())
                    .or_insert(asked);
            }
            let actions = services.entry(call.service.clone()).or_default();
            let undoable = actions.get(&call.action).is_some_and(|known| known.undoable);
            actions.insert(
                call.action.clone(),
                Action { undoable: action.undoable || undoable, ..action },
            );
        }
    }
    services
}
