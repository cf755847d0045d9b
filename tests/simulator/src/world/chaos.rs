//! What goes wrong by itself: nodes die, sleep, slow down and come back, clocks are off, the store
//! goes away. And the peace after it.

use super::hold::Hold;
use super::node::NodeEvent;
use super::store::ready;
use super::{BEGIN, Event, World};
use crate::dice::Fault;
use crate::fleet::Deployed;
use sagaflow_core::id::ShardId;
use sagaflow_core::memory::LEASE_MS;
use sagaflow_core::port::Store as _;
use sagaflow_core::shard::Protection;

impl World {
    /// A node starts, or starts again after its process has died.
    pub(super) fn start(&mut self, node: usize) {
        let shards = self.shards;
        let deploys = self.strikes(Fault::Deploy);
        let off = self.strikes(Fault::ClockOff);
        let far = self.strikes(Fault::ClockFarOff);
        let drifts = self.strikes(Fault::ClockDrifts);
        let healed = self.dice.is_healed();
        let mut offset = if off { self.ms(-600_000, 600_000) } else { 0 };
        if far {
            offset = self.ms(-36_000_000, 36_000_000);
        }
        let rate = if drifts { self.ms(950, 1_051) } else { 1_000 };
        let deployed = [Deployed::Old, Deployed::Both, Deployed::New];
        let deployed = deployed.get(self.random.below(3)).copied().unwrap_or(Deployed::Both);
        let store = &self.store;
        let Some(of) = self.nodes.get_mut(node) else { return };
        if of.alive {
            return;
        }
        of.alive = true;
        of.incarnation += 1;
        of.handle = store.another_node();
        of.holds = (0..shards).map(|_| Hold::Away).collect();
        (of.offset, of.rate, of.slow, of.asleep, of.draining) = (offset, rate, 0, 0, false);
        of.outstanding.clear();
        of.lookups.clear();
        of.protection = Protection::default();
        if healed {
            of.deployed = Deployed::Both;
        } else if deploys {
            of.deployed = deployed;
        }
        let (now, deployed) = (self.now, of.deployed);
        self.trace.note(now, format_args!("n{node} starts: {deployed:?} {offset} {rate}"));
        for shard in 0..shards {
            let at = self.ms(1, 1_500);
            self.tell(at, node, NodeEvent::Take(ShardId(shard)));
        }
    }

    /// A node's process dies. Its lease runs out, or is free at once where the system says so.
    pub(super) fn crash(&mut self, node: usize) {
        let frees = self.random.chance(50);
        let back = self.ms(100, 25_000);
        let Some(of) = self.nodes.get_mut(node) else { return };
        if !of.alive {
            return;
        }
        of.alive = false;
        of.incarnation += 1;
        of.holds.iter_mut().for_each(|hold| *hold = Hold::Away);
        if frees {
            of.handle.abandon();
        }
        let now = self.now;
        self.trace.note(now, format_args!("n{node} dies (frees {frees})"));
        self.after(back, Event::Restart(node));
    }

    /// Every now and then something goes wrong.
    pub(super) fn chaos(&mut self) {
        if self.dice.is_healed() {
            return;
        }
        let next = self.ms(50, 600);
        self.after(next, Event::Chaos);
        let node = self.random.below(self.nodes.len());
        if self.strikes(Fault::Crash) {
            self.crash(node);
        }
        if self.strikes(Fault::Pause) {
            let long = self.ms(500, 35_000);
            self.fall_asleep(node, long);
        }
        if self.strikes(Fault::SlowNode) {
            let slow = self.ms(20, 400);
            if let Some(of) = self.nodes.get_mut(node) {
                of.slow = if of.slow == 0 { slow } else { 0 };
            }
        }
        if self.strikes(Fault::ClockJumps) {
            let jump = self.ms(-3_600_000, 3_600_000);
            if let Some(of) = self.nodes.get_mut(node) {
                of.offset += jump;
            }
        }
        if self.strikes(Fault::Drain) {
            self.drain(node);
        }
        if self.strikes(Fault::Outage) && !self.down {
            self.down = true;
            self.store.set_down(true);
            let back = self.ms(500, 25_000);
            self.after(back, Event::StoreUp);
        }
        self.operate();
    }

    /// A node sleeps. What it was about to send leaves when it wakes.
    pub(super) fn fall_asleep(&mut self, node: usize, long: i64) {
        let wakes = self.now + long;
        let Some(of) = self.nodes.get_mut(node).filter(|of| of.alive) else { return };
        of.asleep = of.asleep.max(wakes);
        let now = self.now;
        self.trace.note(now, format_args!("n{node} sleeps for {long}"));
        let mine = |event: &Event| match event {
            Event::Store(op) => self.ops.get(op).is_some_and(|op| op.is_of(node)),
            Event::Service(trip) => trip.is_of(node),
            _ => false,
        };
        let queued = self.queue.iter().filter(|((at, _), _)| *at < now + 30);
        let held: Vec<_> = queued.filter(|(_, event)| mine(event)).map(|(at, _)| *at).collect();
        for at in held {
            if self.strikes(Fault::PauseHolds)
                && let Some(event) = self.queue.remove(&at)
            {
                let later = wakes + self.ms(0, 20);
                self.at(later, event);
            }
        }
    }

    /// A node stops in good order, and comes back later.
    fn drain(&mut self, node: usize) {
        let Some(of) = self.nodes.get_mut(node).filter(|of| of.alive) else { return };
        of.draining = true;
        for hold in &mut of.holds {
            if let Hold::Serving(serving) = hold {
                serving.leaving = true;
            }
        }
        let now = self.now;
        self.trace.note(now, format_args!("n{node} stops"));
        for shard in 0..self.shards {
            self.tell(1, node, NodeEvent::Drain(ShardId(shard)));
        }
        let dies = self.ms(2_000, 15_000);
        self.tell(dies, node, NodeEvent::Stop);
    }

    /// Nothing goes wrong any more: the store is there, nodes are awake, alive and complete.
    pub(super) fn heal(&mut self) {
        self.dice.heal();
        let now = self.now;
        self.trace.note(now, format_args!("peace"));
        self.store_up();
        for node in 0..self.nodes.len() {
            let Some(of) = self.nodes.get_mut(node) else { continue };
            of.slow = 0;
            of.asleep = of.asleep.min(now);
            of.offset = 0;
            if of.alive && (of.deployed != Deployed::Both || of.draining) {
                self.crash(node);
            }
        }
    }

    /// Goes to what is due next where that is far away and only leases are renewed until then.
    ///
    /// Bound: a clock that was hours ahead has set timers that are due in hours, and every second of
    /// them would be simulated.
    pub(super) fn skip_ahead(&mut self) {
        let far = |event: &Event| {
            !matches!(
                event,
                Event::People
                    | Event::Store(_)
                    | Event::Node(
                        _,
                        _,
                        NodeEvent::Take(_)
                            | NodeEvent::Renew(..)
                            | NodeEvent::Checkpoint(..)
                            | NodeEvent::Mail(..)
                    )
                    | Event::Node(_, _, NodeEvent::Store(..))
            )
        };
        let next = self.queue.iter().find(|(_, event)| far(event)).map(|((at, _), _)| *at);
        let quiet = self.nodes.iter().all(|node| node.outstanding.is_empty());
        let Some(next) = next.filter(|next| quiet && *next > self.now + 60_000) else { return };
        self.now = next - 10_000;
        self.clock.store(BEGIN + self.now, std::sync::atomic::Ordering::Relaxed);
        let now = self.now;
        self.trace.note(now, format_args!("nothing happens until here"));
        for node in &mut self.nodes {
            let gate = node.boot(now) + LEASE_MS * 9 / 10;
            let handle = node.handle.clone();
            for hold in &mut node.holds {
                if let Hold::Serving(serving) = hold
                    && ready(handle.renew(&[serving.lease])).is_ok_and(|lost| lost.is_empty())
                {
                    serving.gate = gate;
                }
            }
        }
    }
}
