//! The world of one seed: its queue of events, its clock, and who takes part.
//!
//! Order: events of one instant happen in the order in which they were scheduled. Every event is one
//! step; the judges look at what it did before the next one happens.

mod calls;
mod chaos;
mod crowd;
mod hold;
mod node;
mod store;

use crate::dice::{Dice, Fault, Strike, Without};
use crate::fleet::Fleet;
use crate::judges::Judges;
use crate::trace::Trace;
use calls::Trip;
use crowd::Crowd;
use node::{Node, NodeEvent};
use sagaflow_core::id::ShardId;
use sagaflow_core::memory::Memory;
use sagaflow_core::port::{Lease, Store as _};
use sagaflow_core::time::Time;
use sagaflow_sweep::random::Random;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use store::Op;

/// When every simulation begins.
pub const BEGIN: i64 = 1_767_225_600_000;

/// Bound: events of one simulation; one that needs more does not come to rest.
const STEPS_MAX: u64 = 60_000;

/// A driver or a store that is wrong in one known way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Twin {
    /// The store takes batches of whoever sends them.
    Unfenced,
    /// Effects leave before their batch has committed.
    SpeaksFirst,
    /// Calls leave under leases that have run out.
    Gateless,
    /// A gate that has closed opens again with the next renewal, and what it held up is forgotten.
    Reopens,
}

/// What is simulated.
#[derive(Clone, Debug, Default)]
pub struct Setup {
    /// The seed.
    pub seed: u64,
    /// What is left out.
    pub without: Without,
    /// Who is wrong.
    pub twin: Option<Twin>,
    /// Keep the lines of the trace.
    pub story: bool,
}

/// What came of it.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Hash of the trace.
    pub hash: u64,
    /// What is wrong, in words.
    pub wrong: Option<String>,
    /// Decisions of the dice that struck.
    pub struck: Vec<Strike>,
    /// Lines of the trace, where they were wanted.
    pub lines: Vec<String>,
    /// Events.
    pub steps: u64,
    /// Runs that were admitted.
    pub runs: usize,
    /// Requests that left.
    pub calls: usize,
    /// Acquisitions of a shard after its first.
    pub takeovers: u64,
    /// Batches that were refused because their owner was not one any more.
    pub fenced: u64,
    /// Ends, by status.
    pub ends: BTreeMap<String, usize>,
}

/// One thing that happens.
enum Event {
    /// A node is told something; a node that has died since is not.
    Node(usize, u64, NodeEvent),
    /// A request reaches the store.
    Store(u64),
    /// A request reaches its service.
    Service(Trip),
    /// Something goes wrong, or does not.
    Chaos,
    /// A node starts again.
    Restart(usize),
    /// The store is back.
    StoreUp,
    /// A caller is told the answer to his request, or that it was not taken.
    Answer(usize, Option<sagaflow_core::shard::Answer>),
    /// A caller asks, or asks again where he was not told anything.
    Ask(usize),
    /// People look at what there is to do.
    People,
    /// Somebody outside does something of his own accord.
    Outside(crowd::Outside),
}

/// The world of one seed.
pub struct World {
    fleet: Arc<Fleet>,
    twin: Option<Twin>,
    now: i64,
    clock: Arc<AtomicI64>,
    queue: BTreeMap<(i64, u64), Event>,
    numbers: u64,
    steps: u64,
    dice: Dice,
    random: Random,
    store: Memory,
    shards: u32,
    /// Owners by shard, as the store has granted them.
    leases: BTreeMap<ShardId, Lease>,
    ops: BTreeMap<u64, Op>,
    nodes: Vec<Node>,
    crowd: Crowd,
    judges: Judges,
    trace: Trace,
    down: bool,
    chaos_until: i64,
    takeovers: u64,
    fenced: u64,
}

/// Simulates a seed.
#[must_use]
pub fn simulate(fleet: &Arc<Fleet>, setup: &Setup) -> Report {
    let mut world = World::new(Arc::clone(fleet), setup);
    let wrong = world.play().err();
    let ends = world.judges.ends();
    Report {
        hash: world.trace.hash(),
        wrong,
        struck: world.dice.struck().to_vec(),
        lines: world.trace.lines().to_vec(),
        steps: world.steps,
        runs: world.judges.runs(),
        calls: world.judges.calls(),
        takeovers: world.takeovers,
        fenced: world.fenced,
        ends,
    }
}

impl World {
    fn new(fleet: Arc<Fleet>, setup: &Setup) -> Self {
        let clock = Arc::new(AtomicI64::new(BEGIN));
        let told = Arc::clone(&clock);
        let mut random = Random::new(setup.seed);
        let shards = [1, 1, 2, 3].get(random.below(4)).copied().unwrap_or(1);
        let nodes = 2 + random.below(3);
        let store = Memory::new(shards, Arc::new(move || Time(told.load(Ordering::Relaxed))));
        let chaos_until = 30_000 + i64::try_from(random.below(60_000)).unwrap_or(0);
        let mut world = Self {
            judges: Judges::new(Arc::clone(&fleet)),
            fleet,
            twin: setup.twin,
            now: 0,
            clock,
            queue: BTreeMap::new(),
            numbers: 0,
            steps: 0,
            dice: Dice::new(setup.seed, setup.without.clone()),
            random,
            store,
            shards,
            leases: BTreeMap::new(),
            ops: BTreeMap::new(),
            nodes: Vec::new(),
            crowd: Crowd::default(),
            trace: Trace::new(setup.story),
            down: false,
            chaos_until,
            takeovers: 0,
            fenced: 0,
        };
        for number in 0..nodes {
            let node = Node::new(world.store.another_node(), shards);
            world.nodes.push(node);
            world.start(number);
        }
        world.gather_crowd();
        world.after(500, Event::Chaos);
        world.after(1_000, Event::People);
        world
    }

    /// Chaos, then peace; everything must end.
    fn play(&mut self) -> Result<(), String> {
        while let Some(((at, _), event)) = self.queue.pop_first() {
            self.now = self.now.max(at);
            self.clock.store(BEGIN + self.now, Ordering::Relaxed);
            self.steps += 1;
            if self.steps > STEPS_MAX {
                return Err(self.restless());
            }
            if !self.dice.is_healed() && self.now >= self.chaos_until {
                self.heal();
            }
            self.happen(event)?;
            if self.dice.is_healed() && self.at_rest() {
                return self.last_look();
            }
        }
        Err(self.restless())
    }

    fn happen(&mut self, event: Event) -> Result<(), String> {
        self.judges.step(self.steps);
        match event {
            Event::Node(node, incarnation, event) => return self.node(node, incarnation, event),
            Event::Store(op) => return self.land(op),
            Event::Service(trip) => return self.arrive(trip),
            Event::Chaos => self.chaos(),
            Event::Restart(node) => self.start(node),
            Event::StoreUp => self.store_up(),
            Event::Answer(ask, answer) => return self.answered(ask, answer),
            Event::Ask(ask) => self.ask(ask),
            Event::People => self.people(),
            Event::Outside(what) => self.outside(what),
        }
        Ok(())
    }

    fn after(&mut self, ms: i64, event: Event) {
        self.at(self.now + ms.max(0), event);
    }

    fn at(&mut self, at: i64, event: Event) {
        self.numbers += 1;
        self.queue.insert((at.max(self.now), self.numbers), event);
    }

    fn tell(&mut self, ms: i64, node: usize, event: NodeEvent) {
        let incarnation = self.nodes.get(node).map_or(0, |node| node.incarnation);
        self.after(ms, Event::Node(node, incarnation, event));
    }

    /// So many ms, of a range.
    fn ms(&mut self, from: i64, to: i64) -> i64 {
        let width = usize::try_from((to - from).max(1)).unwrap_or(1);
        from + i64::try_from(self.random.below(width)).unwrap_or(0)
    }

    fn strikes(&mut self, fault: Fault) -> bool {
        let struck = self.dice.strikes(fault);
        if struck {
            self.trace.note(self.now, format_args!("! {fault:?}"));
        }
        struck
    }

    fn store_up(&mut self) {
        self.down = false;
        self.store.set_down(false);
        self.trace.note(self.now, format_args!("the store is back"));
    }

    /// The shard of a start key.
    fn home(&self, key: &str) -> ShardId {
        use sagaflow_core::id::{shard_of, slot_of};
        let [old, _] = &self.fleet.versions;
        let workflow = &old.machine.spec().name;
        shard_of(slot_of("default", workflow, key), self.shards)
    }

    fn restless(&self) -> String {
        let open = self.judges.open();
        format!("it does not come to rest after {} events: {open}", self.steps)
    }

    fn last_look(&mut self) -> Result<(), String> {
        for (run, status) in self.judges.statuses() {
            let row = store::ready(self.store.run(run)).map_err(|error| error.to_string())?;
            let word = row.map(|row| row.status);
            if word.as_ref() != Some(&status) {
                return Err(format!("run {run} is {word:?} in the store, and ended {status}"));
            }
        }
        self.judges.last_look()
    }
}
