//! Unwinding: popping an undo list from the right, one node at a time, its `par` nodes all at once
//! (C1, C3, U1), and what follows.

use super::turn::Turn;
use crate::codegen::{BranchEnd, Frame};
use crate::journal::Happened;
use crate::run::{Fiber, FiberId, Happening, Kind, NodeId, State, Then, Unwind, What};

impl Turn<'_> {
    /// Begins to pop a fiber's list down to `to`.
    pub(super) fn begin_unwind(&mut self, id: FiberId, to: Option<NodeId>, then: Then) {
        let error = match &then {
            Then::Unit(failure) | Then::Branch(failure) => {
                crate::status::failure_word(failure).to_owned()
            }
            Then::Interrupt { .. } => "interrupted".to_owned(),
            Then::Chain | Then::Run => String::new(),
        };
        if !error.is_empty() {
            let path = self.path(id);
            self.note(Happened::Unwinding { path, error });
        }
        if let Some(fiber) = self.state().fiber_mut(id) {
            fiber.state = State::Unwind(Unwind { to, then, busy: 0, begun: 0 });
        }
        self.unwind(id);
    }

    /// Takes the next node, or goes on to what follows.
    pub(super) fn unwind(&mut self, id: FiberId) {
        loop {
            let Some(fiber) = self.run.state.fiber(id) else { return };
            let State::Unwind(unwind) = &fiber.state else { return };
            if fiber.head == unwind.to {
                return self.unwound(id);
            }
            let Some(head) = fiber.head else { return self.unwound(id) };
            match self.run.state.node(head).map(|node| &node.what) {
                Some(What::Step(_)) => {
                    if unwind.busy == 0 {
                        self.set_busy(id, 1, 0);
                        self.spawn_undo(head, Kind::Undo { parent: id, node: head });
                    }
                    return;
                }
                Some(What::Par { .. }) => {
                    // The last list may have ended at once, and taken the node off already.
                    if self.begin_chains(id, head) || self.run.state.node(head).is_none() {
                        return;
                    }
                    self.pop(id, head);
                }
                None => {
                    // Nothing is stored there any more: the list ends.
                    if let Some(fiber) = self.state().fiber_mut(id) {
                        fiber.head = None;
                    }
                }
            }
        }
    }

    fn set_busy(&mut self, id: FiberId, busy: u32, begun: usize) {
        if let Some(Fiber { state: State::Unwind(unwind), .. }) = self.state().fiber_mut(id) {
            unwind.busy = busy;
            unwind.begun = begun;
        }
    }

    /// Begins as many lists of a `par` node as may run; says whether any is at work.
    fn begin_chains(&mut self, id: FiberId, node: NodeId) -> bool {
        let Some(What::Par { heads, max }) = self.run.state.node(node).map(|node| &node.what)
        else {
            return false;
        };
        let Some(Fiber { state: State::Unwind(unwind), .. }) = self.run.state.fiber(id) else {
            return false;
        };
        let (mut busy, mut begun) = (unwind.busy, unwind.begun);
        let mut chains = Vec::new();
        while let Some(head) = heads.get(begun) {
            if head.is_some() {
                if max.is_some_and(|max| busy >= max.max(1)) {
                    break;
                }
                busy += 1;
                chains.push(*head);
            }
            begun += 1;
        }
        self.set_busy(id, busy, begun);
        for head in chains {
            let chain = self.state().fresh();
            let mut fiber =
                Fiber::new(Kind::Chain { parent: id }, Frame::default(), Happening::Enter);
            fiber.head = head;
            self.state().put_fiber(chain, fiber);
            self.begin_unwind(chain, None, Then::Chain);
        }
        // A list whose nodes need nothing may be done already.
        matches!(self.run.state.fiber(id).map(|fiber| &fiber.state),
            Some(State::Unwind(unwind)) if unwind.busy > 0)
    }

    /// Takes the node off the list of the fiber that unwinds it.
    fn pop(&mut self, id: FiberId, node: NodeId) {
        let prev = self.state().remove_node(node).and_then(|node| node.prev);
        if let Some(fiber) = self.state().fiber_mut(id) {
            fiber.head = prev;
            if let State::Unwind(unwind) = &mut fiber.state {
                unwind.busy = 0;
                unwind.begun = 0;
            }
        }
    }

    /// The node on top is undone.
    pub(super) fn popped(&mut self, id: FiberId, node: NodeId) {
        self.pop(id, node);
        self.unwind(id);
    }

    /// One list of the `par` node on top is done.
    fn chain_done(&mut self, parent: FiberId) {
        if let Some(Fiber { state: State::Unwind(unwind), .. }) = self.state().fiber_mut(parent) {
            unwind.busy = unwind.busy.saturating_sub(1);
        }
        self.unwind(parent);
    }

    /// Everything is undone: what follows is a boundary (X1).
    fn unwound(&mut self, id: FiberId) {
        let Some(fiber) = self.run.state.fiber(id) else { return };
        let State::Unwind(unwind) = &fiber.state else { return };
        let stopped = fiber.stop.is_some();
        self.durable = true;
        match unwind.then.clone() {
            Then::Chain => {
                let parent = fiber.kind.parent();
                self.state().remove_fiber(id);
                if let Some(parent) = parent {
                    self.chain_done(parent);
                }
            }
            Then::Run => self.run_undone(id),
            _ if stopped => self.still(id),
            Then::Branch(failure) => self.end_branch(id, BranchEnd::Failed(failure)),
            Then::Unit(failure) => self.unit_undone(id, failure),
            Then::Interrupt { index, value } => {
                self.hand_to_unit(id, Happening::Interrupt { index, value });
            }
        }
    }
}
