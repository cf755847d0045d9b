//! The commit point (P1 to P3).

use super::turn::Turn;
use crate::journal::Happened;
use crate::run::{Fiber, FiberId, Kind, Mark, NodeId, State, Stop, StopCause};
#[cfg(feature = "sabotage")]
use crate::sabotage::{self, Sabotage};

impl Turn<'_> {
    /// A pivot, or the write that commits implicitly, ended Ok in this fiber: `K` is dropped, except
    /// what belongs to units that do not contain it and are still running.
    pub(super) fn commit(&mut self, id: FiberId) {
        let first = !self.run.state.head().committed;
        if first {
            let path = self.path(id);
            let late = self.state().head_mut();
            late.committed = true;
            let pending = late.pending.take();
            self.note(Happened::Committed { path });
            if let Some(cause) = pending {
                self.cause_too_late(&cause);
            }
        }
        let mut line = Vec::new();
        let mut next = Some(id);
        while let Some(fiber) = next.and_then(|id| self.run.state.fiber(id)) {
            line.extend(next);
            next = fiber.kind.parent();
        }
        for fiber in &line {
            self.pass(*fiber);
        }
        let mut others = self.run.state.marked(Mark::Armed);
        others.retain(|id| !line.contains(id));
        for other in others {
            self.trim(other, &line);
        }
        if first {
            self.release_boundaries();
            // What came while a cause waited was left where it is.
            self.look_for_events();
        }
    }

    /// Drops everything a fiber in the line of the pivot has done.
    fn pass(&mut self, id: FiberId) {
        let Some(fiber) = self.state().fiber_mut(id) else { return };
        fiber.passed = true;
        // X1: the commit wins over a stop that waited for it. A scope that keeps ends all the same.
        let keeps = matches!(
            fiber.stop,
            Some(Stop::Unit { why: StopCause::Interrupt { keep: true, .. }, .. })
        );
        if !keeps && matches!(fiber.stop, Some(Stop::Unit { .. })) {
            fiber.stop = None;
        }
        let head = fiber.head.take();
        for unit in &mut fiber.units {
            unit.passed = true;
            unit.base = None;
        }
        self.drop_list(head, None);
    }

    /// Drops what a fiber beside the pivot has done, outside its units.
    fn trim(&mut self, id: FiberId, line: &[FiberId]) {
        // A settle iteration that still runs, or a branch within a unit of a fiber that is not in
        // line, keeps all: also a branch that has ended, since what is around it has not.
        let running = |fiber: &Fiber| !matches!(fiber.state, State::Ended(_));
        let mut next = Some(id);
        while let Some((at, fiber)) = next.and_then(|id| Some((id, self.run.state.fiber(id)?))) {
            if line.contains(&at) {
                break;
            }
            let unit_above = at != id && !fiber.units.is_empty();
            let settles = matches!(fiber.kind, Kind::Branch { settle: true, .. });
            // Sabotage: no iteration keeps its own.
            #[cfg(feature = "sabotage")]
            let settles = settles && !sabotage::is(Sabotage::CommitDropsSettled);
            if unit_above || (settles && running(fiber)) {
                return;
            }
            next = fiber.kind.parent();
        }
        let Some(fiber) = self.run.state.fiber(id) else { return };
        let own = fiber.call().and_then(|call| call.entry);
        let floor = match fiber.units.first() {
            Some(unit) => unit.base,
            // The step that runs is a unit of its own.
            None => match own {
                Some(own) => self.run.state.node(own).and_then(|node| node.prev),
                None => fiber.head,
            },
        };
        self.cut(id, floor);
    }

    /// Drops a fiber's list from `floor` downwards.
    fn cut(&mut self, id: FiberId, floor: Option<NodeId>) {
        let Some(floor) = floor else { return };
        // Only its own list has anything above a node of it.
        let mut above = self.run.state.fiber(id).and_then(|fiber| fiber.head);
        while let Some(id) = above.filter(|id| *id != floor) {
            above = self.run.state.node(id).and_then(|node| node.prev);
            if above == Some(floor)
                && let Some(node) = self.state().node_mut(id)
            {
                node.prev = None;
            }
        }
        if let Some(fiber) = self.state().fiber_mut(id) {
            if fiber.head == Some(floor) {
                fiber.head = None;
            }
            for unit in &mut fiber.units {
                if unit.base == Some(floor) {
                    unit.base = None;
                }
            }
        }
        self.drop_list(Some(floor), None);
    }
}
