//! Forks: begin, places under `max`, join, and the failure of a branch (C2, C5).

use super::turn::Turn;
use crate::codegen::{BranchEnd, Failure, Frame, PointKind};
use crate::journal::Happened;
use crate::limits::BRANCHES;
use crate::run::{Fiber, FiberId, Happening, Hold, Join, Kind, Standing, State, Stop, What};
#[cfg(feature = "sabotage")]
use crate::sabotage::{self, Sabotage};

impl Turn<'_> {
    /// Begins the branches of a fork.
    pub(super) fn begin_fork(&mut self, id: FiberId, frame: Frame, branches: u32) {
        let Some(machine) = self.machine() else { return };
        let Some(PointKind::Fork(spec)) = machine.spec().points.get(&frame.at).map(|p| &p.kind)
        else {
            return self.lost_point(id, &frame.at);
        };
        if branches > BRANCHES {
            return self
                .fault(id, &format!("a fork of {branches} branches; the limit is {BRANCHES}"));
        }
        let (max, settle) = (spec.max, spec.settle);
        let join = Join { branches, begun: 0, fibers: Vec::new(), max, settle, failed: None };
        if let Some(fiber) = self.state().fiber_mut(id) {
            fiber.frame = frame;
            fiber.state = State::Join(join);
        }
        let path = self.path(id);
        self.note(Happened::Forked { path, branches });
        self.fill_places(id);
        self.check_join(id);
    }

    /// Begins branches, or lets waiting ones go on, as long as there are places.
    pub(super) fn fill_places(&mut self, id: FiberId) {
        loop {
            let Some(fiber) = self.run.state.fiber(id) else { return };
            let State::Join(join) = &fiber.state else { return };
            let stopped = join.failed.is_some() || fiber.stop.is_some();
            if stopped {
                return;
            }
            // Without a bound nobody waits for a place, and nobody's has to be counted.
            if let Some(max) = join.max {
                if self.run.state.standing(id, Standing::Busy) >= max.max(1) as usize {
                    return;
                }
                if let Some(child) = self.run.state.first_standing(id, Standing::Held) {
                    self.release(child);
                    continue;
                }
            }
            if join.begun == join.branches {
                return;
            }
            let (index, settle) = (join.begun, join.settle);
            // It begins in the frame of its fork, which holds the values of both.
            let Frame { at, iteration, .. } = &fiber.frame;
            let (at, iteration) = (at.clone(), iteration.clone());
            let frame = Frame { at, iteration, ..Frame::default() };
            let child = self.state().fresh();
            let kind = Kind::Branch { parent: id, index, settle };
            let event = Happening::Branch(index);
            self.state().begin_branch(child, Fiber::new(kind, frame, event));
            self.queue.push_back(child);
        }
    }

    /// Whether a branch that goes on after a wait has to wait for a place first.
    pub(super) fn waits_for_place(&self, id: FiberId) -> bool {
        let state = &self.run.state;
        let Some(Fiber { kind: Kind::Branch { parent, .. }, .. }) = state.fiber(id) else {
            return false;
        };
        let Some(Fiber { state: State::Join(join), .. }) = state.fiber(*parent) else {
            return false;
        };
        join.max.is_some_and(|max| {
            let own = usize::from(state.stands(id, Standing::Busy));
            state.standing(*parent, Standing::Busy) - own >= max.max(1) as usize
        })
    }

    /// Lets a held move be made.
    pub(super) fn release(&mut self, id: FiberId) {
        if let Some(Fiber { state: State::Ready(ready), .. }) = self.state().fiber_mut(id) {
            ready.held = Hold::Now;
            self.durable = true;
            self.queue.push_back(id);
        }
    }

    /// A branch has ended, well or settled.
    pub(super) fn end_branch(&mut self, id: FiberId, end: BranchEnd) {
        self.durable = true;
        let Some(fiber) = self.state().fiber_mut(id) else { return };
        if !fiber.units.is_empty() {
            let at = fiber.units.last().map(|unit| unit.frame.at.clone()).unwrap_or_default();
            return self.fault(id, &format!("the branch ended while `{at}` is open"));
        }
        if let (Kind::Branch { index, .. }, BranchEnd::Failed(failure)) = (&fiber.kind, &end) {
            let (index, error) = (*index, crate::status::failure_word(failure).to_owned());
            fiber.state = State::Ended(end);
            let path = self.path(id);
            self.note(Happened::BranchFailed { path, index, error });
        } else {
            fiber.state = State::Ended(end);
        }
        self.child_rests(id);
    }

    /// A branch fails: its siblings are asked to stop (C2).
    pub(super) fn branch_failed(
        &mut self,
        id: FiberId,
        parent: FiberId,
        index: u32,
        failure: Failure,
    ) {
        let path = self.path(id);
        let error = crate::status::failure_word(&failure).to_owned();
        self.note(Happened::BranchFailed { path, index, error });
        if let Some(fiber) = self.state().fiber_mut(id) {
            fiber.state = State::Still;
        }
        let Some(Fiber { state: State::Join(join), .. }) = self.state().fiber_mut(parent) else {
            return;
        };
        // The first one recorded is before the stop; what fails after it does not count.
        if join.failed.is_none() {
            join.failed = Some(failure);
            let siblings = join.fibers.clone();
            for sibling in siblings.into_iter().filter(|sibling| *sibling != id) {
                self.request_stop(sibling, Stop::Whole);
            }
        }
        self.check_join(parent);
    }

    /// A branch rests for good, or waits: its parent may join, or begin another one.
    pub(super) fn child_rests(&mut self, id: FiberId) {
        let parent = self.run.state.fiber(id).and_then(|fiber| match fiber.kind {
            Kind::Branch { parent, .. } => Some(parent),
            _ => None,
        });
        if let Some(parent) = parent {
            self.fill_places(parent);
            self.check_join(parent);
        }
    }

    /// Joins when all branches are still.
    pub(super) fn check_join(&mut self, id: FiberId) {
        let Some(fiber) = self.run.state.fiber(id) else { return };
        let State::Join(join) = &fiber.state else { return };
        let stopped = join.failed.is_some() || fiber.stop.is_some();
        let still = self.run.state.standing(id, Standing::Running) == 0;
        // Sabotage: the failure of one branch is enough.
        #[cfg(feature = "sabotage")]
        let still = still || join.failed.is_some() && sabotage::is(Sabotage::SiblingRunsOn);
        if !still {
            return;
        }
        let ended = |child: &FiberId| match &self.run.state.fiber(*child)?.state {
            State::Ended(end) => Some(end.clone()),
            _ => None,
        };
        let ends: Vec<_> = join.fibers.iter().filter_map(ended).collect();
        if !stopped && join.begun < join.branches {
            return;
        }
        let (join, stop) = (join.clone(), fiber.stop.is_some());
        if !stop && join.failed.is_none() && ends.len() < join.fibers.len() {
            return;
        }
        self.collapse(id, &join);
        if stop {
            return self.still(id);
        }
        match join.failed {
            Some(failure) => self.fail(id, failure),
            None => {
                let path = self.path(id);
                self.note(Happened::Joined { path });
                self.ready(id, Happening::Joined(ends));
            }
        }
    }

    /// Replaces the branches by the `par` node of their lists.
    fn collapse(&mut self, id: FiberId, join: &Join) {
        let mut heads = Vec::new();
        for child in &join.fibers {
            let fiber = self.state().remove_fiber(*child);
            heads.push(fiber.and_then(|fiber| fiber.head));
        }
        if let Some(fiber) = self.state().fiber_mut(id) {
            fiber.state = State::Still;
        }
        if heads.iter().all(Option::is_none) {
            return;
        }
        // Sabotage: no `par` node.
        #[cfg(feature = "sabotage")]
        if sabotage::is(Sabotage::UndoInClockOrder) {
            return self.push_by_clock(id, heads);
        }
        if self.keeps(id) {
            self.push(id, What::Par { heads, max: join.max });
        } else {
            for head in heads {
                self.drop_list(head, None);
            }
        }
    }
    /// Sabotage: what the branches did, on the list of their parent in the order of arming.
    #[cfg(feature = "sabotage")]
    fn push_by_clock(&mut self, id: FiberId, heads: Vec<Option<crate::run::NodeId>>) {
        let mut steps = std::collections::BTreeMap::new();
        for mut next in heads {
            while let Some((at, node)) =
                next.and_then(|at| Some((at, self.state().remove_node(at)?)))
            {
                next = node.prev;
                steps.insert(at, node.what);
            }
        }
        for what in steps.into_values() {
            self.push(id, what);
        }
    }
}
