//! The state of one run, kept as separately serialisable parts.
//!
//! Invariant: the state after recovery is the fold of its records. So every change goes through an
//! accessor that marks its part, a record carries the marked parts, and [`RunState::absorb`] is the
//! only other way in. Long runs do not pay for their length: a record holds what changed.

mod call;
mod claim;
mod effect;
mod facts;
mod fiber;
mod fibers;
mod head;
mod input;
mod node;
mod ranges;
mod tally;
pub(crate) mod visits;

pub use call::{Call, Last, Phase, Role};
pub use claim::{Claim, ClaimClass};
pub use effect::{Effect, Fate};
pub(crate) use facts::{ALARMS, Alarm, Mark, Standing, alarms};
pub use fiber::{
    Fiber, Happening, Hold, Join, Kind, Manual, Ready, State, Stop, StopCause, Then, Unit, Unwind,
    Wait,
};
pub use fibers::Fibers;
pub use head::{Gathered, Head, Mode, Origin};
pub use input::Input;
pub use node::{Ask, Entry, Node, What};
pub use ranges::Ranges;

use crate::journal::{self, Part, Parts};
use crate::limits;
use crate::status::Status;
use crate::time::Time;
use std::collections::{BTreeMap, BTreeSet};
use tally::Tally;

/// A fiber of a run.
pub type FiberId = u64;
/// A node of a run's undo tree.
pub type NodeId = u64;

/// The root fiber.
pub const ROOT: FiberId = 0;

/// A fault a run is parked with.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Fault {
    /// What went wrong.
    pub message: String,
    /// Id of its dead letter.
    pub item: String,
    /// Since when.
    #[serde(default)]
    pub at: Time,
}

/// The state of one run.
#[derive(Clone, Debug, PartialEq)]
pub struct RunState {
    origin: Origin,
    head: Head,
    /// Boxed, because most runs have one, and a map keeps room for many.
    fibers: BTreeMap<FiberId, Box<Fiber>>,
    nodes: BTreeMap<NodeId, Node>,
    /// Next generation, by path: only while something may be called anew.
    generations: BTreeMap<String, u32>,
    /// What became of what it did, by the call that did it.
    effects: BTreeMap<u64, Effect>,
    /// Number of the last event taken, by place in the source and key (verdict 74).
    taken: BTreeMap<String, u64>,
    /// Number of its last record.
    number: u64,
    /// Parts changed since that record.
    dirty: BTreeSet<Part>,
    /// What is asked of all its fibers at once, where they are many.
    tally: Option<Box<Tally>>,
}

impl RunState {
    /// A run that was just admitted, without a record yet.
    #[must_use]
    pub fn new(origin: Origin) -> Self {
        Self {
            origin,
            head: Head::new(),
            fibers: BTreeMap::new(),
            nodes: BTreeMap::new(),
            generations: BTreeMap::new(),
            effects: BTreeMap::new(),
            taken: BTreeMap::new(),
            number: 0,
            dirty: [Part::Origin, Part::Head].into(),
            tally: None,
        }
    }

    /// What it was started with.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Pins it to another version.
    pub fn pin(&mut self, version: u32, hash: String) {
        self.dirty.insert(Part::Origin);
        (self.origin.version, self.origin.hash) = (version, hash);
    }

    /// The workflow's deadline; none yet while it waits for its turn.
    #[must_use]
    pub fn deadline(&self) -> Option<Time> {
        self.head.deadline.or(self.origin.deadline)
    }

    /// Whether it waits for its turn under `limit` or `concurrency`.
    #[must_use]
    pub fn queued(&self) -> bool {
        self.head.claims.iter().any(|claim| !claim.granted)
    }

    /// How far it has come.
    #[must_use]
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// The same, to be changed.
    pub fn head_mut(&mut self) -> &mut Head {
        self.dirty.insert(Part::Head);
        &mut self.head
    }

    /// Its fibers.
    #[must_use]
    pub fn fibers(&self) -> Fibers<'_> {
        visits::add(self.fibers.len());
        Fibers(&self.fibers)
    }

    /// Whether it has no fiber any more.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.fibers.is_empty()
    }

    /// One fiber.
    #[must_use]
    pub fn fiber(&self, id: FiberId) -> Option<&Fiber> {
        self.fibers.get(&id).map(Box::as_ref)
    }

    /// One fiber, to be changed.
    pub fn fiber_mut(&mut self, id: FiberId) -> Option<&mut Fiber> {
        if let Some(tally) = &mut self.tally {
            tally.strike(id, &self.fibers, &self.nodes);
        }
        let fiber = self.fibers.get_mut(&id)?;
        self.dirty.insert(Part::Fiber(id));
        Some(fiber)
    }

    /// Adds or replaces a fiber.
    pub fn put_fiber(&mut self, id: FiberId, fiber: Fiber) {
        self.dirty.insert(Part::Fiber(id));
        self.insert_fiber(id, fiber);
    }

    /// Adds a fiber that is a branch, and tells its fork.
    ///
    /// Invariant: the fork is not in the record for that. Its state, and the values its branches begin
    /// with, are not written again for each of them; [`RunState::absorb`] learns of it from the branch.
    pub fn begin_branch(&mut self, id: FiberId, fiber: Fiber) {
        self.put_fiber(id, fiber);
        self.join_branch(id);
    }

    /// Counts a branch at its fork, where it is not counted yet.
    fn join_branch(&mut self, id: FiberId) {
        let Some(Kind::Branch { parent, index, .. }) = self.fiber(id).map(|one| &one.kind) else {
            return;
        };
        let (parent, index) = (*parent, *index);
        // Order: branches are begun in the order of their numbers, which is that of their fibers.
        if let Some(Fiber { state: State::Join(join), .. }) =
            self.fibers.get_mut(&parent).map(Box::as_mut)
            && join.begun <= index
        {
            join.begun = index + 1;
            join.fibers.push(id);
        }
    }

    fn insert_fiber(&mut self, id: FiberId, fiber: Fiber) {
        self.fibers.insert(id, Box::new(fiber));
        match &mut self.tally {
            Some(tally) => tally.strike(id, &self.fibers, &self.nodes),
            None => self.tally = Tally::of(&self.fibers),
        }
    }

    fn take_fiber(&mut self, id: FiberId) -> Option<Fiber> {
        if let Some(tally) = &mut self.tally {
            tally.strike(id, &self.fibers, &self.nodes);
        }
        let fiber = *self.fibers.remove(&id)?;
        if Tally::needless(self.fibers.len()) {
            self.tally = None;
        }
        Some(fiber)
    }

    /// Removes a fiber.
    pub fn remove_fiber(&mut self, id: FiberId) -> Option<Fiber> {
        let fiber = self.take_fiber(id)?;
        self.dirty.insert(Part::Fiber(id));
        Some(fiber)
    }

    /// The nodes of `K` and `Q`.
    #[must_use]
    pub fn nodes(&self) -> &BTreeMap<NodeId, Node> {
        &self.nodes
    }

    /// One node.
    #[must_use]
    pub fn node(&self, id: NodeId) -> Option<&Node> {
        self.nodes.get(&id)
    }

    /// One node, to be changed.
    pub fn node_mut(&mut self, id: NodeId) -> Option<&mut Node> {
        let node = self.nodes.get_mut(&id)?;
        self.dirty.insert(Part::Node(id));
        Some(node)
    }

    /// The entry of a node, to be changed.
    pub fn entry_mut(&mut self, id: NodeId) -> Option<&mut Entry> {
        match &mut self.node_mut(id)?.what {
            What::Step(entry) => Some(entry),
            What::Par { .. } => None,
        }
    }

    /// Adds a node.
    pub fn put_node(&mut self, id: NodeId, node: Node) {
        self.dirty.insert(Part::Node(id));
        self.nodes.insert(id, node);
    }

    /// Removes a node.
    pub fn remove_node(&mut self, id: NodeId) -> Option<Node> {
        let node = self.nodes.remove(&id)?;
        self.dirty.insert(Part::Node(id));
        Some(node)
    }

    /// Next generation of a path.
    #[must_use]
    pub fn generation(&self, path: &str) -> u32 {
        self.generations.get(path).copied().unwrap_or(0)
    }

    /// Remembers the next generation of a path.
    pub fn set_generation(&mut self, path: &str, next: u32) {
        self.dirty.insert(Part::Generation(path.to_owned()));
        self.generations.insert(path.to_owned(), next);
    }

    /// Whether any generation is remembered.
    #[must_use]
    pub fn has_generations(&self) -> bool {
        !self.generations.is_empty()
    }

    /// Forgets all generations: nothing can be called anew any more.
    pub fn forget_generations(&mut self) {
        for path in std::mem::take(&mut self.generations).into_keys() {
            self.dirty.insert(Part::Generation(path));
        }
    }

    /// What became of what it did, in the order it was begun.
    #[must_use]
    pub fn effects(&self) -> &BTreeMap<u64, Effect> {
        &self.effects
    }

    /// Says what became of an effect. Of too many the oldest is only counted.
    pub fn set_effect(&mut self, call: u64, effect: Effect) {
        self.dirty.insert(Part::Effect(call));
        self.effects.insert(call, effect);
        if self.effects.len() > limits::EFFECTS
            && let Some((oldest, _)) = self.effects.pop_first()
        {
            self.dirty.insert(Part::Effect(oldest));
            self.head_mut().forgotten += 1;
        }
    }

    /// An effect is known not to have happened.
    pub fn remove_effect(&mut self, call: u64) {
        if self.effects.remove(&call).is_some() {
            self.dirty.insert(Part::Effect(call));
        }
    }

    /// Whether an effect changed since its last record.
    #[must_use]
    pub fn effects_changed(&self) -> bool {
        self.dirty.range(Part::Effect(0)..=Part::Effect(u64::MAX)).next().is_some()
    }

    /// Number of the last event that a place has taken.
    #[must_use]
    pub fn taken(&self, place: &str) -> u64 {
        self.taken.get(place).copied().unwrap_or(0)
    }

    /// Number of the last event that any place has taken.
    #[must_use]
    pub fn last_taken(&self) -> u64 {
        self.taken.values().copied().max().unwrap_or(0)
    }

    /// A place has taken an event.
    pub fn set_taken(&mut self, place: String, number: u64) {
        self.dirty.insert(Part::Taken(place.clone()));
        self.taken.insert(place, number);
    }

    /// A fresh id for a fiber, node, call or item.
    pub fn fresh(&mut self) -> u64 {
        let head = self.head_mut();
        let id = head.next_id;
        head.next_id += 1;
        id
    }

    /// Number of its last record.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Whether something changed since its last record.
    #[must_use]
    pub fn changed(&self) -> bool {
        !self.dirty.is_empty()
    }

    /// Whether it has ended: what [`RunState::status`] says, without a look at its fibers.
    #[must_use]
    pub fn ended(&self) -> bool {
        self.head.mode == Mode::Ended
    }

    /// The status.
    #[must_use]
    pub fn status(&self) -> Status {
        match self.head.mode {
            Mode::Ended => return self.head.outcome(),
            Mode::Closing => return Status::Closing,
            Mode::Undoing => return Status::Undoing,
            Mode::Forward => {}
        }
        if self.head.poisoned.is_some() || self.any(Mark::Parked) {
            return Status::Parked;
        }
        if self.any(Mark::Moving) { Status::Running } else { Status::Waiting }
    }

    /// Closes a record: its number, and the parts that changed.
    ///
    /// # Errors
    /// If a part cannot be written as JSON, which no value of ours is.
    pub fn close_record(&mut self) -> Result<(u64, Parts), journal::Error> {
        let mut parts = Parts::default();
        for part in &self.dirty {
            match self.part(part)? {
                Some(body) => {
                    parts.set.insert(part.clone(), body);
                }
                None => {
                    parts.removed.push(part.clone());
                }
            }
        }
        self.dirty.clear();
        self.number += 1;
        Ok((self.number, parts))
    }

    /// All parts: a snapshot.
    ///
    /// # Errors
    /// As [`RunState::close_record`].
    pub fn parts(&self) -> Result<Parts, journal::Error> {
        let names = [Part::Origin, Part::Head]
            .into_iter()
            .chain(self.fibers.keys().map(|id| Part::Fiber(*id)))
            .chain(self.nodes.keys().map(|id| Part::Node(*id)))
            .chain(self.generations.keys().map(|path| Part::Generation(path.clone())))
            .chain(self.effects.keys().map(|id| Part::Effect(*id)))
            .chain(self.taken.keys().map(|place| Part::Taken(place.clone())));
        let mut parts = Parts::default();
        for name in names {
            if let Some(body) = self.part(&name)? {
                parts.set.insert(name, body);
            }
        }
        Ok(parts)
    }

    fn part(&self, part: &Part) -> Result<Option<journal::Body>, journal::Error> {
        match part {
            Part::Origin => journal::body(&self.origin).map(Some),
            Part::Head => journal::body(&self.head).map(Some),
            Part::Fiber(id) => self.fibers.get(id).map(journal::body).transpose(),
            Part::Node(id) => self.nodes.get(id).map(journal::body).transpose(),
            Part::Generation(path) => self.generations.get(path).map(journal::body).transpose(),
            Part::Effect(id) => self.effects.get(id).map(journal::body).transpose(),
            Part::Taken(place) => self.taken.get(place).map(journal::body).transpose(),
        }
    }

    /// A state from the parts of a snapshot or of a first record.
    ///
    /// # Errors
    /// If they do not decode, or the first ones are missing.
    pub fn from_parts(number: u64, parts: &Parts) -> Result<Self, journal::Error> {
        let missing = |part: &str| journal::Error::Damaged(format!("part `{part}` is missing"));
        let origin = parts.set.get(&Part::Origin).ok_or_else(|| missing("origin"))?;
        let mut state = Self::new(journal::value(origin)?);
        parts.set.get(&Part::Head).ok_or_else(|| missing("head"))?;
        state.absorb(number, parts)?;
        Ok(state)
    }

    /// Folds one record into the state.
    ///
    /// # Errors
    /// If a part does not decode.
    pub fn absorb(&mut self, number: u64, parts: &Parts) -> Result<(), journal::Error> {
        // Order: nodes before fibers. When the undo of a branch is late is found where both are.
        for (part, body) in &parts.set {
            if let Part::Node(id) = part {
                self.nodes.insert(*id, journal::value(body)?);
            }
        }
        for (part, body) in &parts.set {
            match part {
                Part::Origin => self.origin = journal::value(body)?,
                Part::Head => self.head = journal::value(body)?,
                Part::Fiber(id) => {
                    self.insert_fiber(*id, journal::value(body)?);
                    self.join_branch(*id);
                }
                Part::Node(_) => {}
                Part::Generation(path) => {
                    self.generations.insert(path.clone(), journal::value(body)?);
                }
                Part::Effect(id) => {
                    self.effects.insert(*id, journal::value(body)?);
                }
                Part::Taken(place) => {
                    self.taken.insert(place.clone(), journal::value(body)?);
                }
            }
        }
        for part in &parts.removed {
            match part {
                Part::Origin | Part::Head => {}
                Part::Fiber(id) => {
                    self.take_fiber(*id);
                }
                Part::Node(id) => {
                    self.nodes.remove(id);
                }
                Part::Generation(path) => {
                    self.generations.remove(path);
                }
                Part::Effect(id) => {
                    self.effects.remove(id);
                }
                Part::Taken(place) => {
                    self.taken.remove(place);
                }
            }
        }
        self.number = number;
        self.dirty.clear();
        Ok(())
    }
}
