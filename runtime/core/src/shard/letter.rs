//! Dead letters: what a person is told about a run that cannot go on (I4).
//!
//! Every open letter of a run names what was applied, undone, not undone and what is of unknown
//! outcome, and is written again when that changes.

use super::turn::Turn;
use crate::codegen::{Class, Json};
use crate::run::{Effect, Fate, Fault, Fiber, Mark, Role, What};
use crate::service::Purpose;
use serde_json::json;

/// Kind of the items.
pub(super) const KIND: &str = "dead_letter";

impl Turn<'_> {
    /// Opens a dead letter and returns its id.
    pub(super) fn dead_letter(&mut self, kind: &str, path: &str, message: &str) -> String {
        self.letters = true;
        let body = self.letter(kind, path, message);
        self.open_item(KIND, body)
    }

    fn letter(&self, kind: &str, path: &str, message: &str) -> Json {
        json!({ "kind": kind, "path": path, "message": message, "effects": self.effects() })
    }

    /// A fault with its dead letter.
    pub(super) fn fault_letter(&mut self, kind: &str, path: &str, message: &str) -> Fault {
        let item = self.dead_letter(kind, path, message);
        Fault { message: message.to_owned(), item, at: self.now }
    }

    /// Closes the dead letter of a fault that is none any more.
    pub(super) fn close_letter(&mut self, fault: &Fault, how: &str) {
        let body = json!({ "message": fault.message, "resolved": how, "effects": self.effects() });
        self.close_item(&fault.item, KIND, body);
    }

    /// The same, where a person decided it: the letter stays in the list as a record of who and why.
    pub(super) fn close_letter_by(
        &mut self,
        fault: &Fault,
        how: &str,
        (actor, reason): (&str, &str),
    ) {
        let body = json!({
            "message": fault.message, "resolved": how, "actor": actor, "reason": reason,
            "effects": self.effects(),
        });
        self.close_item(&fault.item, KIND, body);
    }

    /// Writes the open letters again where what became of an effect has changed.
    pub(super) fn refresh_letters(&mut self) {
        if !self.letters && !self.run.state.effects_changed() {
            return;
        }
        let open: Vec<_> = self
            .run
            .state
            .marked(Mark::Faulted)
            .into_iter()
            .filter_map(|id| Some((id, self.run.state.fiber(id)?)))
            .flat_map(|(id, fiber)| {
                let kind = if fiber.kind.undoes().is_some() { "stuck" } else { "fault" };
                let faults = fiber.units.iter().filter_map(|unit| unit.fault.as_ref());
                let faults = faults.chain(fiber.fault());
                faults.map(|fault| (id, kind, fault.clone())).collect::<Vec<_>>()
            })
            .collect();
        for (id, kind, fault) in open {
            let path = self.path(id);
            let body = self.letter(kind, &path, &fault.message);
            self.put_item_since(&fault.item, KIND, (true, fault.at), body);
        }
    }

    /// What was applied, undone, not undone, and what is unknown; each list in the order of its calls.
    fn effects(&self) -> Json {
        let named = |fates: &[Fate]| {
            let all = self.run.state.effects().values();
            let these = all.filter(|effect| fates.contains(&effect.fate));
            these.map(|one| json!({ "path": one.path, "action": one.action })).collect::<Vec<_>>()
        };
        let mut unknown = named(&[Fate::Unknown]);
        for open in self.run.state.fibers().values().filter_map(|fiber| self.open_call(fiber)) {
            if !unknown.iter().any(|one| one["path"] == open["path"]) {
                unknown.push(open);
            }
        }
        json!({
            "applied": named(&[Fate::Applied, Fate::Undone]),
            "undone": named(&[Fate::Undone]),
            "not_undone": named(&[Fate::Applied]),
            "unknown": unknown,
            "more": self.run.state.head().forgotten,
        })
    }

    /// A call, forward or undo, that is under way or unresolved.
    fn open_call(&self, fiber: &Fiber) -> Option<Json> {
        let call = fiber.call().filter(|call| call.open())?;
        let machine = self.run.machine.as_ref();
        let spec = machine.and_then(|machine| Self::call_spec(machine.as_ref(), &call.at));
        let (action, read) = match spec {
            Some(spec) => (self.action(spec), spec.class == Class::Read),
            None => (String::new(), false),
        };
        (!read).then(|| json!({ "path": call.path, "action": action }))
    }

    /// Remembers what became of the effect of a forward call.
    pub(super) fn remember(&mut self, call: u64, path: &str, action: String, fate: Fate) {
        self.state().set_effect(call, Effect { path: path.to_owned(), action, fate });
    }

    /// Changes what became of an effect that is remembered.
    pub(super) fn turn_effect(&mut self, call: u64, fate: Fate) {
        if let Some(effect) = self.run.state.effects().get(&call).cloned()
            && effect.fate != fate
        {
            self.state().set_effect(call, Effect { fate, ..effect });
        }
    }

    /// A letter for everything a terminated run leaves: entries of `K` and `Q`, and calls without an
    /// entry whose outcome nobody knows.
    pub(super) fn abandon(&mut self) {
        let waiting = "the run was terminated before its undo";
        let unknown = "the run was terminated while its outcome was unknown";
        let mut left: Vec<(String, &str)> = Vec::new();
        for node in self.run.state.nodes().values() {
            if let What::Step(entry) = &node.what {
                left.push((entry.path.clone(), waiting));
            }
        }
        for fiber in self.run.state.fibers().values() {
            let Some(call) = fiber.call() else { continue };
            let own = call.entry.is_none() && call.role == Role::Step;
            if own && call.purpose == Purpose::Do && self.open_call(fiber).is_some() {
                left.push((call.path.clone(), unknown));
            }
        }
        for (path, message) in left {
            self.dead_letter("abandoned", &path, message);
        }
    }
}
