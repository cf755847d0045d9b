//! The undo tree as it grows and shrinks: disarming, due undos (A5), and the undo blocks themselves.

use super::outcome::known;
use super::turn::Turn;
use crate::codegen::{CallSpec, Frame, Json};
use crate::journal::Happened;
use crate::run::{
    Call, Entry, Fate, Fiber, FiberId, Happening, Kind, Last, NodeId, Phase, Role, State, What,
};
use crate::service::Purpose;

/// How an undo ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// It is undone.
    Done,
    /// There was nothing to undo.
    Needless,
    /// A person gave it up.
    GivenUp {
        /// Who.
        actor: String,
        /// Why.
        reason: String,
    },
}

impl Turn<'_> {
    /// The entry of a node.
    pub(super) fn entry(&self, node: NodeId) -> Option<&Entry> {
        match &self.run.state.node(node)?.what {
            What::Step(entry) => Some(entry),
            What::Par { .. } => None,
        }
    }

    /// Whether what a fiber has done stays in the undo tree (P1): always before the commit; after it
    /// only within a unit, or a `settle` iteration, that the commit did not happen in.
    pub(super) fn keeps(&self, id: FiberId) -> bool {
        let state = &self.run.state;
        let mut next = state.fiber(id);
        if let Some(fiber) = next.filter(|fiber| !fiber.kind.program()) {
            // Undo blocks and the aftermath only go forward; their own units keep their own.
            return !fiber.units.is_empty();
        }
        if !self.run.state.head().committed {
            return true;
        }
        while let Some(fiber) = next {
            let settles = matches!(fiber.kind, Kind::Branch { settle: true, .. }) && !fiber.passed;
            if settles || fiber.units.iter().any(|unit| !unit.passed) {
                return true;
            }
            next = fiber.kind.parent().and_then(|parent| state.fiber(parent));
        }
        false
    }

    /// Takes a step's own entry off the end of its fiber's list, and forgets it.
    pub(super) fn disarm(&mut self, id: FiberId, node: NodeId) {
        if self.detach(id, node) {
            self.durable = true;
            self.state().remove_node(node);
        }
    }

    /// Takes the last node off a fiber's list.
    ///
    /// Invariant: a step's own entry is the last one until the step ends, because branches have lists
    /// of their own; a commit may have dropped it.
    fn detach(&mut self, id: FiberId, node: NodeId) -> bool {
        if self.run.state.fiber(id).and_then(|fiber| fiber.head) != Some(node) {
            return false;
        }
        let prev = self.run.state.node(node).and_then(|node| node.prev);
        if let Some(fiber) = self.state().fiber_mut(id) {
            fiber.head = prev;
        }
        if let Some(node) = self.state().node_mut(node) {
            node.prev = None;
        }
        true
    }

    /// A5: the entry's undo is due now, beside what follows.
    pub(super) fn make_due(&mut self, id: FiberId, node: NodeId) {
        if !self.detach(id, node) {
            return;
        }
        self.spawn_undo(node, Kind::Due { node });
    }

    /// Begins the undo of a node in a fiber of its own.
    pub(super) fn spawn_undo(&mut self, node: NodeId, kind: Kind) -> FiberId {
        let due = matches!(kind, Kind::Due { .. });
        let id = self.state().fresh();
        self.state().put_fiber(id, Fiber::new(kind, Frame::default(), Happening::Enter));
        let path = self.entry(node).map(|entry| entry.path.clone()).unwrap_or_default();
        self.note(Happened::Undoing { path, due });
        self.begin_undo(id, node);
        id
    }

    /// Begins, or begins again, the undo block of a node: after asking for the result, if it needs it.
    pub(super) fn begin_undo(&mut self, id: FiberId, node: NodeId) {
        let now = self.now;
        if let Some(entry) = self.state().entry_mut(node) {
            entry.undoing.get_or_insert(now);
        }
        let Some(entry) = self.entry(node).cloned() else { return };
        let begin = Frame {
            at: entry.undo.clone(),
            iteration: entry.iteration.clone(),
            values: entry.captured.clone(),
        };
        if let Some(fiber) = self.state().fiber_mut(id) {
            fiber.frame = begin;
        }
        match &entry.ask {
            None => self.ready(id, Happening::Enter),
            // Never sent under this key, in any attempt: there is nothing to undo.
            Some(ask) if ask.first_sent.is_none() => self.undo_ended(id, Ending::Needless),
            Some(_) => self.ask_forward(id, &entry),
        }
    }

    /// Popping `ask`: the forward call is asked, by its own key, whether and how it happened (A4).
    fn ask_forward(&mut self, id: FiberId, entry: &Entry) {
        let Some(ask) = entry.ask.clone() else { return };
        let call = Call {
            id: self.state().fresh(),
            at: entry.at.clone(),
            path: entry.path.clone(),
            purpose: Purpose::Do,
            role: Role::Ask,
            generation: entry.generation,
            key: entry.key.clone(),
            undoes: None,
            args: ask.args,
            by: ask.by,
            probe: ask.probe,
            entry: None,
            attempt: ask.attempt,
            next: ask.attempt + 1,
            granted: ask.attempt,
            first: 1,
            began: self.now,
            first_sent: ask.first_sent,
            unresolved: true,
            last: Last::None,
            declared: None,
            held: false,
            phase: Phase::Backoff { until: self.now },
        };
        self.put_call(id, Box::new(call));
        self.send(id);
    }

    /// The question about an `ask` is answered: it becomes `u` and runs, or is dropped.
    pub(super) fn ask_settled(&mut self, id: FiberId, result: Option<(&CallSpec, Json)>) {
        let node = self.run.state.fiber(id).and_then(|fiber| fiber.kind.undoes());
        let (Some(node), Some((spec, result))) = (node, result) else {
            return self.undo_ended(id, Ending::Needless);
        };
        if let Some(entry) = self.state().entry_mut(node) {
            entry.ask = None;
            known(entry, spec, &result);
            let call = entry.call;
            self.turn_effect(call, Fate::Applied);
        }
        self.durable = true;
        self.begin_undo(id, node);
    }

    /// An undo block has ended: its node is gone, and whoever popped it goes on.
    pub(super) fn undo_ended(&mut self, id: FiberId, how: Ending) {
        let Some(fiber) = self.state().remove_fiber(id) else { return };
        let Some(node) = fiber.kind.undoes() else { return };
        let entry = self.entry(node).map(|entry| (entry.path.clone(), entry.call));
        let (path, call) = entry.unwrap_or_default();
        match &how {
            Ending::Done => {
                self.turn_effect(call, Fate::Undone);
                self.note(Happened::Undone { path });
            }
            Ending::Needless => {
                self.state().remove_effect(call);
                self.note(Happened::NotNeeded { path });
            }
            // The line that says who gave it up is written already.
            Ending::GivenUp { .. } => {}
        }
        match (how, fiber.fault()) {
            (Ending::GivenUp { actor, reason }, Some(fault)) => {
                self.close_letter_by(fault, "given up", (&actor, &reason));
            }
            _ => self.close_fault(&fiber, "done"),
        }
        if fiber.head.is_some() {
            self.drop_list(fiber.head, None);
        }
        if let Kind::Undo { parent, .. } = fiber.kind {
            self.popped(parent, node);
        } else {
            self.state().remove_node(node);
        }
    }

    /// Closes the dead letter of a fiber that is parked no more.
    pub(super) fn close_fault(&mut self, fiber: &Fiber, how: &str) {
        if let Some(fault) = fiber.fault() {
            self.close_letter(fault, how);
        }
    }

    /// Forgets a list down to `to`, with everything below its `par` nodes.
    pub(super) fn drop_list(&mut self, head: Option<NodeId>, to: Option<NodeId>) {
        let mut todo = vec![(head, to)];
        while let Some((mut next, to)) = todo.pop() {
            while let Some(id) = next.filter(|_| next != to) {
                let Some(node) = self.state().remove_node(id) else { break };
                if let What::Par { heads, .. } = node.what {
                    todo.extend(heads.into_iter().map(|head| (head, None)));
                }
                next = node.prev;
            }
        }
    }

    /// Whether a fiber has something under way that this process sends: what a service has accepted
    /// is in no process of ours.
    pub(super) fn calls(fiber: &Fiber) -> bool {
        matches!(&fiber.state, State::Call(call)
            if matches!(call.phase, Phase::Sent | Phase::Asked { .. }))
    }
}
