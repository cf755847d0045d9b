//! Fibers: each is one thread of the program with its own frame.
//!
//! A fiber rests in exactly one [`State`]. Its undo list is a chain of nodes of the run's undo tree:
//! `head` is the last one, each names the one before. A unit is a position in that chain.

use super::{Call, Fault, FiberId, NodeId};
use crate::codegen::{Arm, BranchEnd, Event, Failure, Frame, Json, Subscription};
use crate::time::Time;

/// One fiber.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Fiber {
    /// What it runs.
    pub kind: Kind,
    /// Where it rests.
    pub frame: Frame,
    /// What it waits for.
    pub state: State,
    /// Last node of its undo list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<NodeId>,
    /// Open units, outermost first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub units: Vec<Unit>,
    /// A stop to be honoured at the next boundary.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop: Option<Stop>,
    /// The commit happened in it, or below it: nothing outside newer units is kept.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub passed: bool,
}

/// What a fiber runs.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The workflow's body.
    Root,
    /// A branch of a fork.
    Branch {
        /// The fiber that forked.
        parent: FiberId,
        /// Its index.
        index: u32,
        /// An iteration of `settle`: it fails and is undone alone.
        settle: bool,
    },
    /// The undo block of a node, popped by the unwinding `parent`.
    Undo {
        /// Who unwinds.
        parent: FiberId,
        /// The node.
        node: NodeId,
    },
    /// One list of a `par` node, unwound for `parent`.
    Chain {
        /// Who unwinds.
        parent: FiberId,
    },
    /// A due undo (A5), beside everything else.
    Due {
        /// The node.
        node: NodeId,
    },
    /// `after failure`.
    After,
}

impl Kind {
    /// Whether it runs the program itself: only those are stopped, and wait at boundaries.
    #[must_use]
    pub fn program(&self) -> bool {
        matches!(self, Self::Root | Self::Branch { .. })
    }

    /// The node whose undo block it runs.
    #[must_use]
    pub fn undoes(&self) -> Option<NodeId> {
        match self {
            Self::Undo { node, .. } | Self::Due { node } => Some(*node),
            _ => None,
        }
    }

    /// The fiber it reports to.
    #[must_use]
    pub fn parent(&self) -> Option<FiberId> {
        match self {
            Self::Branch { parent, .. } | Self::Undo { parent, .. } | Self::Chain { parent } => {
                Some(*parent)
            }
            Self::Root | Self::Due { .. } | Self::After => None,
        }
    }
}

/// What a fiber waits for.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Its next move is known to be due, and is held back or faulted.
    Ready(Ready),
    /// A call.
    Call(Box<Call>),
    /// The first of several arms.
    Wait(Wait),
    /// Its branches.
    Join(Join),
    /// A person.
    Manual(Manual),
    /// Its undo list is being popped.
    Unwind(Unwind),
    /// A unit runs again then.
    Again {
        /// Not before.
        until: Time,
    },
    /// Stopped for good; what it did is still to be undone.
    Still,
    /// The branch has ended.
    Ended(BranchEnd),
}

/// A move that is due.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Ready {
    /// What happened to the fiber.
    pub event: Happening,
    /// The call whose outcome it is, while its handler has not yet decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call: Option<Box<Call>>,
    /// The unit that failed, while a person may still be asked about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<Box<Unit>>,
    /// Why it has not moved.
    pub held: Hold,
}

/// Why a due move is not made.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hold {
    /// It is made within this record.
    Now,
    /// At a boundary: the run is paused, or a cause waits for a pivot (X1).
    Boundary,
    /// A place under `max`, or the run's turn.
    Place,
    /// A person, because of a fault.
    Fault(Fault),
}

/// [`Event`] as it is recorded.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each is the event of the same name")]
pub enum Happening {
    Enter,
    Branch(u32),
    Done(Json),
    Failed(Failure),
    Arm { index: usize, value: Json },
    Timeout,
    Joined(Vec<BranchEnd>),
    Answer(Json),
    Interrupt { index: usize, value: Json },
}

impl From<Happening> for Event {
    fn from(happening: Happening) -> Self {
        match happening {
            Happening::Enter => Self::Enter,
            Happening::Branch(index) => Self::Branch(index),
            Happening::Done(value) => Self::Done(value),
            Happening::Failed(failure) => Self::Failed(failure),
            Happening::Arm { index, value } => Self::Arm { index, value },
            Happening::Timeout => Self::Timeout,
            Happening::Joined(ends) => Self::Joined(ends),
            Happening::Answer(value) => Self::Answer(value),
            Happening::Interrupt { index, value } => Self::Interrupt { index, value },
        }
    }
}

/// A wait.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Wait {
    /// In source order.
    pub arms: Vec<Arm>,
    /// Per arm: the id of its human task, where it is one.
    pub tasks: Vec<Option<String>>,
    /// Claims of those tasks, by arm.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub claims: Vec<(usize, String)>,
    /// When it times out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Time>,
    /// Number of the last event before it began: what `fresh` means.
    pub began: u64,
    /// The same for events whose home is another shard: when it began.
    #[serde(default)]
    pub since: Time,
    /// A condition of an arm has a bug.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<Fault>,
}

/// A fork whose branches run.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Join {
    /// How many branches.
    pub branches: u32,
    /// How many were begun; those are fibers until the join.
    pub begun: u32,
    /// The fibers of the begun ones, in branch order.
    pub fibers: Vec<FiberId>,
    /// How many may run at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<u32>,
    /// `settle`.
    pub settle: bool,
    /// The failure that stopped it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<Failure>,
}

/// A question to a person.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Manual {
    /// Rendered.
    pub question: String,
    /// Id of its item.
    pub item: String,
    /// Who claimed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim: Option<String>,
    /// The step it is about, where it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call: Option<Box<Call>>,
    /// The unit it is about, where one has failed. It is not open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<Box<Unit>>,
}

/// The popping of an undo list.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Unwind {
    /// Down to this node, which stays.
    pub to: Option<NodeId>,
    /// And then.
    pub then: Then,
    /// Fibers at work for it.
    pub busy: u32,
    /// Lists of the `par` node on top that were begun.
    #[serde(default)]
    pub begun: usize,
}

/// What follows an unwinding.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Then {
    /// The innermost unit runs again or handles the failure.
    Unit(Failure),
    /// The innermost unit handles its interrupt.
    Interrupt {
        /// Which.
        index: usize,
        /// The event's payload.
        value: Json,
    },
    /// The `settle` iteration ends.
    Branch(Failure),
    /// The list of a `par` node is done.
    Chain,
    /// The run's undo tree is empty (U3).
    Run,
}

/// An open unit.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Unit {
    /// Its frame.
    pub frame: Frame,
    /// Its interrupts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub interrupts: Vec<Subscription>,
    /// The chain below it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<NodeId>,
    /// How often its body ran, this time included.
    pub attempt: u32,
    /// Number of the last event before it was entered for the first time.
    pub entered: u64,
    /// The same for events whose home is another shard: when that was.
    #[serde(default)]
    pub since: Time,
    /// When it is stopped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Time>,
    /// May run again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub again: bool,
    /// The commit happened within it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub passed: bool,
    /// Its deadline has passed: it does not run again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub overdue: bool,
    /// The condition of an interrupt has a bug: none of them fires until a person has repaired it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<Fault>,
}

/// Why a fiber is to be still, and how far.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stop {
    /// Altogether: a sibling failed, or the run unwinds.
    Whole,
    /// Down to the unit at this depth.
    Unit {
        /// Index in [`Fiber::units`].
        depth: usize,
        /// Why.
        why: StopCause,
    },
}

/// Why a unit is stopped.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopCause {
    /// Its deadline.
    Deadline,
    /// Its interrupt came.
    Interrupt {
        /// Which.
        index: usize,
        /// The event's payload.
        value: Json,
        /// What it did stays done.
        keep: bool,
    },
}

impl Fiber {
    /// A fiber about to move.
    #[must_use]
    pub fn new(kind: Kind, frame: Frame, event: Happening) -> Self {
        Self {
            kind,
            frame,
            state: State::Ready(Ready { event, call: None, unit: None, held: Hold::Now }),
            head: None,
            units: Vec::new(),
            stop: None,
            passed: false,
        }
    }

    /// Whether it is a run's that waits for its turn.
    #[must_use]
    pub fn queued(&self) -> bool {
        self.kind == Kind::Root
            && matches!(self.state, State::Ready(Ready { held: Hold::Place, .. }))
    }

    /// Its call, wherever it stands: in flight, before a handler, or before a person.
    #[must_use]
    pub fn call(&self) -> Option<&Call> {
        match &self.state {
            State::Call(call) => Some(call),
            State::Ready(ready) => ready.call.as_deref(),
            State::Manual(manual) => manual.call.as_deref(),
            _ => None,
        }
    }

    /// The unit that failed in it and may be done again if a person says so.
    #[must_use]
    pub fn failed_unit(&self) -> Option<&Unit> {
        match &self.state {
            State::Ready(ready) => ready.unit.as_deref(),
            State::Manual(manual) => manual.unit.as_deref(),
            _ => None,
        }
    }

    /// The fault it is parked with.
    #[must_use]
    pub fn fault(&self) -> Option<&Fault> {
        match &self.state {
            State::Ready(Ready { held: Hold::Fault(fault), .. }) => Some(fault),
            State::Wait(wait) => wait.fault.as_ref(),
            State::Call(call) => match &call.phase {
                super::Phase::Fault(fault) => Some(fault),
                _ => None,
            },
            _ => None,
        }
    }
}
