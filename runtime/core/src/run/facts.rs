//! What a run asks about one fiber: what is true of it, how it stands in its fork, and its timers.
//!
//! Each is a view of the fiber's state, so nothing has to be stored for it, and none is lost.

use super::{Call, Fiber, FiberId, Hold, Kind, Node, NodeId, Phase, Ready, State, Unit, What};
use crate::codegen::Arm;
use crate::limits::UNDO_LATE_MS;
use crate::time::Time;
use std::collections::BTreeMap;

/// What may be true of a fiber, apart from all others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u16)]
pub(crate) enum Mark {
    /// A due undo (A5).
    Due = 1,
    /// A unit of it waits to run again.
    Again = 1 << 1,
    /// Of the program, and before a person.
    Parked = 1 << 2,
    /// It does not rest.
    Moving = 1 << 3,
    /// Parked with a fault, or a unit of it is.
    Faulted = 1 << 4,
    /// An open unit of it may run again.
    Repeats = 1 << 5,
    /// What it has called may be called anew.
    Renews = 1 << 6,
    /// It waits for events.
    Subscribed = 1 << 7,
    /// Of the program, with something to undo.
    Armed = 1 << 8,
    /// At a call whose outcome is open.
    Open = 1 << 9,
}

/// Every mark.
pub(super) const MARKS: [Mark; 10] = [
    Mark::Due,
    Mark::Again,
    Mark::Parked,
    Mark::Moving,
    Mark::Faulted,
    Mark::Repeats,
    Mark::Renews,
    Mark::Subscribed,
    Mark::Armed,
    Mark::Open,
];

/// What may be true of a branch, as its fork sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Standing {
    /// It counts against `max`: one that waits for the world does not (verdict 63).
    Busy = 1,
    /// It waits for a place under `max`.
    Held = 1 << 1,
    /// It has neither ended nor stopped for good.
    Running = 1 << 2,
}

/// Every standing.
pub(super) const STANDINGS: [Standing; 3] = [Standing::Busy, Standing::Held, Standing::Running];

/// The kinds of timers. What silences a timer depends on its kind and on the run, not on its fiber.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Alarm {
    /// The bound of a call that a service has accepted.
    Accepted,
    /// A call of the program that is held back, or is to be tried or asked about again.
    Call,
    /// What the program waits for.
    Wait,
    /// A unit of the program runs again.
    Again,
    /// The same within the undoing and the aftermath: calls and waits.
    Aside,
    /// The same: units.
    AsideAgain,
    /// The deadline of a unit.
    Unit,
    /// An undo takes long (U2).
    Late,
}

/// Every kind of timer.
pub(crate) const ALARMS: [Alarm; 8] = [
    Alarm::Accepted,
    Alarm::Call,
    Alarm::Wait,
    Alarm::Again,
    Alarm::Aside,
    Alarm::AsideAgain,
    Alarm::Unit,
    Alarm::Late,
];

/// The timers of one fiber: of what it rests at, of its units, of its undo.
pub(crate) type Alarms = [Option<(Alarm, Time)>; 3];

/// What a run is asked about one fiber.
#[derive(Clone, Copy, Debug)]
pub(super) struct Facts {
    pub(super) marks: u16,
    pub(super) parent: FiberId,
    pub(super) standings: u8,
    /// The call it is at.
    pub(super) call: Option<u64>,
    pub(super) alarms: Alarms,
}

impl Facts {
    pub(super) fn of(fiber: &Fiber, nodes: &BTreeMap<NodeId, Node>) -> Self {
        let parent = match fiber.kind {
            Kind::Branch { parent, .. } => Some(parent),
            _ => None,
        };
        let standing = |one: &&Standing| parent.is_some() && stands(fiber, **one);
        let marks = MARKS.iter().filter(|mark| is(fiber, **mark));
        Self {
            marks: marks.fold(0, |all, mark| all | *mark as u16),
            parent: parent.unwrap_or_default(),
            standings: STANDINGS.iter().filter(standing).fold(0, |all, one| all | *one as u8),
            call: call(fiber),
            alarms: alarms(fiber, nodes),
        }
    }
}

/// The call a fiber is at.
pub(super) fn call(fiber: &Fiber) -> Option<u64> {
    match &fiber.state {
        State::Call(call) => Some(call.id),
        _ => None,
    }
}

/// Whether this is true of a fiber.
pub(super) fn is(fiber: &Fiber, mark: Mark) -> bool {
    let program = fiber.kind.program();
    let again = |unit: &Unit| unit.again;
    match mark {
        Mark::Due => matches!(fiber.kind, Kind::Due { .. }),
        Mark::Again => matches!(fiber.state, State::Again { .. }),
        Mark::Parked => {
            program && (is(fiber, Mark::Faulted) || matches!(fiber.state, State::Manual(_)))
        }
        Mark::Moving => {
            let rests = matches!(
                fiber.state,
                State::Wait(_) | State::Join(_) | State::Still | State::Ended(_)
            );
            !rests && !fiber.queued()
        }
        Mark::Faulted => {
            fiber.fault().is_some() || fiber.units.iter().any(|unit| unit.fault.is_some())
        }
        Mark::Repeats => fiber.units.iter().any(again),
        Mark::Renews => !program || fiber.units.iter().chain(fiber.failed_unit()).any(again),
        Mark::Subscribed => {
            let event = |arm: &Arm| matches!(arm, Arm::Event(_));
            matches!(&fiber.state, State::Wait(wait) if wait.arms.iter().any(event))
                || fiber.units.iter().any(|unit| !unit.interrupts.is_empty())
        }
        Mark::Armed => {
            program && (fiber.head.is_some() || fiber.units.iter().any(|unit| unit.base.is_some()))
        }
        Mark::Open => fiber.call().is_some_and(Call::open),
    }
}

/// Whether a branch stands like this.
pub(super) fn stands(branch: &Fiber, standing: Standing) -> bool {
    let held = matches!(branch.state, State::Ready(Ready { held: Hold::Place, .. }));
    let over = matches!(branch.state, State::Still | State::Ended(_));
    match standing {
        Standing::Busy => {
            // A question about a step keeps the place of the effect it is about.
            let asks = matches!(&branch.state, State::Manual(manual) if manual.call.is_none());
            !asks && !held && !over && !matches!(branch.state, State::Wait(_))
        }
        Standing::Held => held,
        Standing::Running => !over,
    }
}

/// The same, and of this fork.
pub(super) fn stands_in(fork: FiberId, branch: &Fiber, standing: Standing) -> bool {
    matches!(branch.kind, Kind::Branch { parent, .. } if parent == fork) && stands(branch, standing)
}

/// The timers of a fiber, whether or not something silences them.
pub(crate) fn alarms(fiber: &Fiber, nodes: &BTreeMap<NodeId, Node>) -> Alarms {
    [own(fiber), unit(fiber), late(fiber, nodes)]
}

/// The timer of what a fiber rests at.
fn own(fiber: &Fiber) -> Option<(Alarm, Time)> {
    let program = fiber.kind.program();
    let either = |of_program, other| if program { of_program } else { other };
    match &fiber.state {
        State::Call(call) => match call.phase {
            Phase::Accepted { until } => Some((Alarm::Accepted, until)),
            Phase::Backoff { until } | Phase::AskBackoff { until, .. } => {
                Some((either(Alarm::Call, Alarm::Aside), until))
            }
            Phase::Sent | Phase::Asked { .. } | Phase::Fault(_) => None,
        },
        State::Wait(wait) if wait.fault.is_none() => {
            let sleeps = wait.arms.iter().filter_map(|arm| match arm {
                Arm::Sleep { until } => Some(*until),
                _ => None,
            });
            let first = sleeps.chain(wait.until).min();
            first.map(|until| (either(Alarm::Wait, Alarm::Aside), until))
        }
        State::Again { until } => Some((either(Alarm::Again, Alarm::AsideAgain), *until)),
        _ => None,
    }
}

/// Deadlines of a fiber's open units; none while it unwinds, for the unit is no longer in time then.
fn unit(fiber: &Fiber) -> Option<(Alarm, Time)> {
    if matches!(fiber.state, State::Unwind(_)) {
        return None;
    }
    let first = fiber.units.iter().filter_map(|unit| unit.deadline).min();
    first.map(|deadline| (Alarm::Unit, deadline))
}

/// When an undo that is under way takes long (U2); a stuck one waits for a person, who knows.
fn late(fiber: &Fiber, nodes: &BTreeMap<NodeId, Node>) -> Option<(Alarm, Time)> {
    let node = nodes.get(&fiber.kind.undoes()?)?;
    match &node.what {
        What::Step(entry) if fiber.fault().is_none() => {
            entry.undoing.map(|began| (Alarm::Late, began.plus(UNDO_LATE_MS)))
        }
        _ => None,
    }
}
