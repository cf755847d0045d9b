//! One node: a small driver around the shards that it owns.
//!
//! Promises what every driver must: a tail is read after the acquisition, nothing leaves before the
//! fence record has committed, one batch is in flight, effects leave after their batch and in its
//! order, and no call leaves when the lease may have run out by the node's own clock.

use super::hold::{Fencing, Flight, Hold, Serving, index, prints, states};
use super::store::{Commit, Reply, Request};
use super::{BEGIN, Event, Twin, World};
use crate::dice::Fault;
use crate::fleet::Deployed;
use sagaflow_core::id::{Place, ShardId};
use sagaflow_core::memory::{LEASE_MS, Memory};
use sagaflow_core::port::{Batch, Error, EventName, Lease, Result, Tail};
use sagaflow_core::service::Attempt;
use sagaflow_core::shard::{Answer, Effect, Input, Output, Protection, Recovery, Shard, Ticket};
use sagaflow_core::time::Time;
use std::collections::{BTreeMap, BTreeSet};

/// By how much the clocks of two nodes may differ, as their shards are told.
const SKEW_MS: i64 = 60_000;

/// What a node is told.
pub(super) enum NodeEvent {
    /// It may look whether a shard is free.
    Take(ShardId),
    /// The store's answer.
    Store(u64, ShardId, Result<Reply>),
    /// A timer of a shard may be due.
    Tick(ShardId, u64, u64),
    /// A lease is to be renewed.
    Renew(ShardId, u64),
    /// A checkpoint may be due.
    Checkpoint(ShardId, u64),
    /// There may be messages; every so often it looks by itself.
    Mail(ShardId, u64, bool),
    /// What came of a call.
    Heard(usize, Attempt),
    /// A request of a caller.
    Asked(usize),
    /// It stops in good order: a shard is handed over.
    Drain(ShardId),
    /// It has stopped.
    Stop,
}

/// A look-up under way: the input it becomes is for this ownership alone.
pub(super) enum LookUp {
    Key { namespace: String, workflow: String, key: String },
    Item(String),
    Waits(EventName),
    Events { home: ShardId, name: EventName, since: Time },
    Inbox,
}

impl LookUp {
    fn request(&self) -> Request {
        match self {
            Self::Key { namespace, workflow, key } => Request::Key {
                namespace: namespace.clone(),
                workflow: workflow.clone(),
                key: key.clone(),
            },
            Self::Item(item) => Request::Item(item.clone()),
            Self::Waits(name) => Request::Waits(name.clone()),
            Self::Events { home, name, since } => {
                Request::Events { home: *home, name: name.clone(), since: *since }
            }
            Self::Inbox => Request::Inbox,
        }
    }

    /// What the shard is told; none where the store did not say.
    fn input(self, reply: Result<Reply>) -> std::result::Result<Input, Self> {
        Ok(match (self, reply) {
            (Self::Key { namespace, workflow, key }, Ok(Reply::Key(row))) => {
                Input::Found { namespace, workflow, key, row }
            }
            (Self::Item(item), Ok(Reply::Item(row))) => Input::FoundItem { item, row },
            (Self::Waits(name), Ok(Reply::Waits(shards))) => Input::FoundWaits { name, shards },
            (Self::Events { name, since, .. }, Ok(Reply::Events(rows))) => {
                Input::FoundEvents { name, since, rows }
            }
            (Self::Inbox, Ok(Reply::Inbox(rows))) => Input::Mail(rows),
            (lookup, _) => return Err(lookup),
        })
    }
}

/// One node.
pub(super) struct Node {
    pub(super) handle: Memory,
    /// Grows with every start of its process.
    pub(super) incarnation: u64,
    pub(super) alive: bool,
    pub(super) deployed: Deployed,
    pub(super) holds: Vec<Hold>,
    /// It sleeps until then.
    pub(super) asleep: i64,
    /// It takes so long for everything.
    pub(super) slow: i64,
    /// How far its wall clock is off.
    pub(super) offset: i64,
    /// How fast its clocks run, in thousandths.
    pub(super) rate: i64,
    /// It stops in good order.
    pub(super) draining: bool,
    /// Calls that have left and not come back.
    pub(super) outstanding: BTreeMap<usize, (ShardId, Ticket)>,
    /// Each for one ownership alone.
    pub(super) lookups: BTreeMap<u64, (u64, LookUp)>,
    /// What protects the services of this process.
    pub(super) protection: Protection,
}

impl Node {
    pub(super) fn new(handle: Memory, shards: u32) -> Self {
        Self {
            handle,
            incarnation: 0,
            alive: false,
            deployed: Deployed::Old,
            holds: (0..shards).map(|_| Hold::Away).collect(),
            asleep: 0,
            slow: 0,
            offset: 0,
            rate: 1_000,
            draining: false,
            outstanding: BTreeMap::new(),
            lookups: BTreeMap::new(),
            protection: Protection::default(),
        }
    }

    /// The clock that leases are counted by.
    pub(super) fn boot(&self, now: i64) -> i64 {
        now * self.rate / 1_000
    }

    /// The clock that people set.
    pub(super) fn wall(&self, now: i64) -> Time {
        Time(BEGIN + self.offset + self.boot(now))
    }

    /// When the wall clock shows this.
    fn when(&self, wall: Time, now: i64) -> i64 {
        let boot = wall.0.saturating_sub(BEGIN).saturating_sub(self.offset);
        (boot.saturating_mul(1_000) / self.rate + 1).max(now + 1)
    }

    pub(super) fn hold(&mut self, shard: ShardId) -> Option<&mut Hold> {
        self.holds.get_mut(index(shard))
    }

    pub(super) fn serving(&mut self, shard: ShardId) -> Option<&mut Serving> {
        match self.hold(shard)? {
            Hold::Serving(serving) => Some(serving),
            _ => None,
        }
    }
}

type Wrong = std::result::Result<(), String>;

impl World {
    /// A node is told something, unless it has died, or later if it sleeps.
    pub(super) fn node(&mut self, node: usize, incarnation: u64, event: NodeEvent) -> Wrong {
        let now = self.now;
        let Some(of) = self.nodes.get_mut(node) else { return Ok(()) };
        if !of.alive || of.incarnation != incarnation {
            return Ok(());
        }
        if of.asleep > now {
            let wakes = of.asleep;
            self.at(wakes, Event::Node(node, incarnation, event));
            return Ok(());
        }
        of.asleep = now + of.slow;
        self.close_gates(node);
        match event {
            NodeEvent::Take(shard) => self.take(node, shard),
            NodeEvent::Store(op, shard, reply) => return self.store_said(node, shard, op, reply),
            NodeEvent::Tick(shard, epoch, number) => {
                let serving = self.nodes.get_mut(node).and_then(|node| node.serving(shard));
                let Some(serving) = serving.filter(|serving| serving.lease.epoch == epoch) else {
                    return Ok(());
                };
                if serving.tick.is_some_and(|(_, latest)| latest == number) {
                    serving.tick = None;
                    return self.apply(node, shard, Input::Tick, None);
                }
            }
            NodeEvent::Renew(shard, epoch) => self.renew(node, shard, epoch),
            NodeEvent::Checkpoint(shard, epoch) => return self.checkpoint(node, shard, epoch),
            NodeEvent::Mail(shard, epoch, again) => self.look_for_mail(node, shard, (epoch, again)),
            NodeEvent::Heard(call, attempt) => return self.heard(node, call, attempt),
            NodeEvent::Asked(ask) => return self.asked(node, ask),
            NodeEvent::Drain(shard) => return self.hand_over(node, shard),
            NodeEvent::Stop => self.crash(node),
        }
        Ok(())
    }

    /// Order: before anything else. A call that finds its gate closed is not made, so the memory that
    /// thinks it was made must go, even where the lease could be renewed after all.
    fn close_gates(&mut self, node: usize) {
        let now = self.now;
        if matches!(self.twin, Some(Twin::Gateless | Twin::Reopens)) {
            return;
        }
        let Some(of) = self.nodes.get(node) else { return };
        let boot = of.boot(now);
        let closed = of.holds.iter().zip(0..).filter_map(|(hold, shard)| match hold {
            Hold::Serving(serving) if boot >= serving.gate => Some(ShardId(shard)),
            Hold::Fencing(fencing) if boot >= fencing.sent + LEASE_MS * 9 / 10 => {
                Some(ShardId(shard))
            }
            _ => None,
        });
        for shard in closed.collect::<Vec<_>>() {
            self.lose(node, shard, true);
        }
    }

    fn take(&mut self, node: usize, shard: ShardId) {
        let Some(of) = self.nodes.get_mut(node) else { return };
        if of.draining || !matches!(of.hold(shard), Some(Hold::Away)) {
            return;
        }
        let op = self.send_store(node, shard, Request::Acquire);
        self.set_hold(node, shard, Hold::Asking { op });
    }

    pub(super) fn set_hold(&mut self, node: usize, shard: ShardId, hold: Hold) {
        if let Some(place) = self.nodes.get_mut(node).and_then(|node| node.hold(shard)) {
            *place = hold;
        }
    }

    /// The memory is worth nothing any more: its gate closes with it, and the lease is asked for again.
    fn lose(&mut self, node: usize, shard: ShardId, soon: bool) {
        self.set_hold(node, shard, Hold::Away);
        let wait = if soon { self.ms(1, 50) } else { self.ms(400, 2_500) };
        self.tell(wait, node, NodeEvent::Take(shard));
    }

    fn store_said(&mut self, node: usize, shard: ShardId, op: u64, reply: Result<Reply>) -> Wrong {
        let lookup = self.nodes.get_mut(node).and_then(|node| node.lookups.remove(&op));
        if let Some(lookup) = lookup {
            return self.looked_up((node, shard), lookup, reply);
        }
        let Some(of) = self.nodes.get_mut(node) else { return Ok(()) };
        match of.hold(shard) {
            Some(Hold::Asking { op: asked }) if *asked == op => match reply {
                Ok(Reply::Lease(lease)) => {
                    // Order: the tail is read by a request of its own, behind the acquisition.
                    let op = self.send_store(node, shard, Request::Tail(lease));
                    self.set_hold(node, shard, Hold::Reading { op, lease });
                }
                _ => self.lose(node, shard, false),
            },
            Some(Hold::Reading { op: asked, lease }) if *asked == op => {
                let lease = *lease;
                match reply {
                    Ok(Reply::Tail(tail)) => return self.recover(node, lease, *tail),
                    _ => self.lose(node, shard, false),
                }
            }
            Some(Hold::Fencing(fencing)) if fencing.op == op => match reply {
                Ok(_) => return self.begin(node, shard),
                Err(_) => self.lose(node, shard, true),
            },
            Some(Hold::Serving(serving)) => {
                if serving.flight.as_ref().is_some_and(|flight| flight.op == op) {
                    return self.committed(node, shard, reply);
                }
                if serving.renewal.is_some_and(|(renewal, _)| renewal == op) {
                    self.renewed(node, shard, reply);
                }
            }
            Some(Hold::Leaving) => self.set_hold(node, shard, Hold::Away),
            _ => {}
        }
        Ok(())
    }

    /// Folds the tail and sends the fence record.
    fn recover(&mut self, node: usize, lease: Lease, tail: Tail) -> Wrong {
        let (now, shard) = (self.now, lease.shard);
        let Some(of) = self.nodes.get_mut(node) else { return Ok(()) };
        let (wall, sent, protection) = (of.wall(now), of.boot(now), of.protection.clone());
        let machines = self.fleet.machines(of.deployed);
        let of = self.shards;
        let rows = tail.rows.len();
        let place = Place { shard, of, skew_ms: SKEW_MS };
        let recovery = Recovery { lease, tail, machines, now: wall, place, protection };
        let recovered = Shard::recover(recovery);
        let (epoch, damaged) = (lease.epoch, recovered.damaged.len());
        self.trace.note(now, format_args!("n{node} recovers s{} as {epoch}: {rows}", shard.0));
        if damaged > 0 {
            return Err(format!("{:?} cannot be read", recovered.damaged));
        }
        let mut fence = recovered.fence;
        let recorded: Vec<_> = fence.batch.rows.iter().filter_map(|row| row.run).collect();
        let others = states(&recovered.shard).filter(|(run, _)| !recorded.contains(run));
        self.judges.folded(others)?;
        let prints = prints(&recovered.shard, &fence);
        // Order: reads promise nothing to anybody, and are all that may leave before the fence.
        for send in std::mem::take(&mut fence.reads) {
            self.leave(node, lease, i64::MAX, send, true)?;
        }
        let batch = std::mem::take(&mut fence.batch);
        let commit = Commit { lease, batch, heard: Vec::new(), prints };
        let op = self.send_store(node, shard, Request::Commit(Box::new(commit)));
        let (shard_of, effects) = (recovered.shard, fence.effects);
        let fencing = Fencing { op, lease, shard: shard_of, effects, sent, rows };
        self.set_hold(node, shard, Hold::Fencing(Box::new(fencing)));
        Ok(())
    }

    /// The fence has committed: what it held back leaves, and work is taken in.
    fn begin(&mut self, node: usize, shard: ShardId) -> Wrong {
        if self.strikes(Fault::CrashBeforeRelease) {
            self.crash(node);
            return Ok(());
        }
        let Some(place) = self.nodes.get_mut(node).and_then(|node| node.hold(shard)) else {
            return Ok(());
        };
        let Hold::Fencing(mut fencing) = std::mem::replace(place, Hold::Away) else {
            return Ok(());
        };
        let effects = std::mem::take(&mut fencing.effects);
        let gate = fencing.sent + LEASE_MS * 9 / 10;
        let epoch = fencing.lease.epoch;
        *place = Hold::Serving(Box::new(Serving::new(*fencing, gate)));
        self.tell(LEASE_MS / 3, node, NodeEvent::Renew(shard, epoch));
        self.tell(5_000, node, NodeEvent::Checkpoint(shard, epoch));
        if self.shards > 1 {
            self.tell(1, node, NodeEvent::Mail(shard, epoch, true));
        }
        self.release(node, shard, effects)?;
        self.set_timer(node, shard);
        Ok(())
    }

    /// The shard decides about an input.
    pub(super) fn apply(
        &mut self,
        node: usize,
        shard: ShardId,
        input: Input,
        answer: Option<usize>,
    ) -> Wrong {
        let now = self.now;
        let Some(of) = self.nodes.get_mut(node) else { return Ok(()) };
        let wall = of.wall(now);
        let Some(serving) = of.serving(shard) else { return Ok(()) };
        serving.now = serving.now.max(wall);
        let out = serving.shard.apply(serving.now, input);
        serving.heard.extend(answer);
        self.decided(node, shard, out)
    }

    /// Reads leave at once, everything else behind its commit.
    fn decided(&mut self, node: usize, shard: ShardId, mut out: Output) -> Wrong {
        let Some(serving) = self.nodes.get_mut(node).and_then(|node| node.serving(shard)) else {
            return Ok(());
        };
        let (lease, gate) = (serving.lease, serving.gate);
        serving.rows += out.batch.rows.len();
        serving.prints.extend(prints(&serving.shard, &out));
        let reads = std::mem::take(&mut out.reads);
        serving.pending.merge(out);
        for send in reads {
            self.leave(node, lease, gate, send, true)?;
        }
        self.send_pending(node, shard)?;
        self.set_timer(node, shard);
        Ok(())
    }

    /// Sends what was decided, or lets it out where there is nothing to commit.
    fn send_pending(&mut self, node: usize, shard: ShardId) -> Wrong {
        let now = self.now;
        let Some(of) = self.nodes.get_mut(node) else { return Ok(()) };
        let sent = of.boot(now);
        let Some(serving) = of.serving(shard) else { return Ok(()) };
        if serving.flight.is_some() {
            return Ok(());
        }
        if serving.pending.is_clean() {
            let effects = std::mem::take(&mut serving.pending.effects);
            for call in std::mem::take(&mut serving.heard) {
                self.judges.hear(call);
            }
            return self.release(node, shard, effects);
        }
        let Output { batch, mut effects, .. } = std::mem::take(&mut serving.pending);
        let heard = std::mem::take(&mut serving.heard);
        let prints = std::mem::take(&mut serving.prints);
        let lease = serving.lease;
        if self.strikes(Fault::CrashBeforeCommit) {
            self.crash(node);
            return Ok(());
        }
        if self.twin == Some(Twin::SpeaksFirst) {
            self.release(node, shard, std::mem::take(&mut effects))?;
        }
        let flight = Flight { op: 0, batch, effects, heard, prints, sent };
        self.fly(node, shard, lease, (flight, 0));
        Ok(())
    }

    /// Sends a batch, for the first time or again.
    fn fly(
        &mut self,
        node: usize,
        shard: ShardId,
        lease: Lease,
        (mut flight, pause): (Flight, i64),
    ) {
        let commit = Commit {
            lease,
            batch: flight.batch.clone(),
            heard: flight.heard.clone(),
            prints: flight.prints.clone(),
        };
        flight.op = self.send_later(pause, node, shard, Request::Commit(Box::new(commit)));
        if let Some(serving) = self.nodes.get_mut(node).and_then(|node| node.serving(shard)) {
            serving.flight = Some(flight);
        }
    }

    /// The store has answered for the batch in flight.
    fn committed(&mut self, node: usize, shard: ShardId, reply: Result<Reply>) -> Wrong {
        let now = self.now;
        let Some(of) = self.nodes.get_mut(node) else { return Ok(()) };
        let boot = of.boot(now);
        let Some(serving) = of.serving(shard) else { return Ok(()) };
        let (lease, gate) = (serving.lease, serving.gate);
        let Some(mut flight) = serving.flight.take() else { return Ok(()) };
        match reply {
            Ok(_) => {
                serving.gate = gate.max(flight.sent + LEASE_MS * 9 / 10);
                if self.strikes(Fault::CrashBeforeRelease) {
                    self.crash(node);
                    return Ok(());
                }
                self.release(node, shard, flight.effects)?;
                self.send_pending(node, shard)?;
                self.hand_over(node, shard)
            }
            // Nothing was written: the same batch goes again, while the lease lasts.
            Err(Error::Unavailable(_)) if boot < gate => {
                flight.sent = boot;
                let pause = self.ms(50, 1_500);
                self.fly(node, shard, lease, (flight, pause));
                Ok(())
            }
            Err(_) => {
                self.lose(node, shard, true);
                Ok(())
            }
        }
    }

    /// Lets out what a batch held back, in its order.
    fn release(&mut self, node: usize, shard: ShardId, effects: Vec<Effect>) -> Wrong {
        for effect in effects {
            let Some(serving) = self.nodes.get_mut(node).and_then(|node| node.serving(shard))
            else {
                return Ok(());
            };
            let (lease, gate, epoch) = (serving.lease, serving.gate, serving.lease.epoch);
            match effect {
                Effect::Call(send) => self.leave(node, lease, gate, *send, false)?,
                Effect::Find { namespace, workflow, key } => {
                    let lookup = LookUp::Key { namespace, workflow, key };
                    self.look_up((node, shard), (epoch, lookup), 0);
                }
                Effect::FindItem { item } => {
                    self.look_up((node, shard), (epoch, LookUp::Item(item)), 0);
                }
                Effect::FindWaits(name) => {
                    self.look_up((node, shard), (epoch, LookUp::Waits(name)), 0);
                }
                Effect::FindEvents { home, name, since } => {
                    let lookup = LookUp::Events { home, name, since };
                    self.look_up((node, shard), (epoch, lookup), 0);
                }
                Effect::Reply { token, answer } => self.reply(token, answer),
                Effect::Notice { .. } | Effect::History { .. } | Effect::Publish(_) => {}
            }
        }
        Ok(())
    }

    fn reply(&mut self, token: u64, answer: Answer) {
        let ask = usize::try_from(token).unwrap_or(usize::MAX);
        if !self.strikes(Fault::AnswerLost) {
            let back = self.ms(1, 20);
            self.after(back, Event::Answer(ask, Some(answer)));
        }
    }

    fn look_up(
        &mut self,
        (node, shard): (usize, ShardId),
        (epoch, lookup): (u64, LookUp),
        pause: i64,
    ) {
        let op = self.send_later(pause, node, shard, lookup.request());
        if let Some(node) = self.nodes.get_mut(node) {
            node.lookups.insert(op, (epoch, lookup));
        }
    }

    fn looked_up(
        &mut self,
        (node, shard): (usize, ShardId),
        (epoch, lookup): (u64, LookUp),
        reply: Result<Reply>,
    ) -> Wrong {
        let serving = self.nodes.get_mut(node).and_then(|node| node.serving(shard));
        let Some(serving) = serving.filter(|serving| serving.lease.epoch == epoch) else {
            return Ok(());
        };
        let input = match lookup.input(reply) {
            Ok(input) => input,
            // The store is asked until it is back.
            Err(lookup) => {
                let pause = self.ms(50, 1_500);
                self.look_up((node, shard), (epoch, lookup), pause);
                return Ok(());
            }
        };
        if let Input::Mail(rows) = &input {
            serving.reading = false;
            if rows.is_empty() {
                return Ok(());
            }
            let now = self.now;
            self.trace.note(now, format_args!("s{} is sent {}", shard.0, rows.len()));
            // A message may come again until it was taken.
            if self.strikes(Fault::MailTwice) {
                self.apply(node, shard, input.clone(), None)?;
            }
        }
        self.apply(node, shard, input, None)
    }

    /// Order: what was taken of the last page is deleted before the next one is read.
    fn look_for_mail(&mut self, node: usize, shard: ShardId, (epoch, again): (u64, bool)) {
        let healed = self.dice.is_healed();
        let serving = self.nodes.get_mut(node).and_then(|node| node.serving(shard));
        let Some(serving) = serving.filter(|serving| serving.lease.epoch == epoch) else { return };
        let taking = serving.flight.as_ref().is_some_and(|one| !one.batch.taken.is_empty());
        let idle = !serving.reading && !taking && serving.pending.batch.taken.is_empty();
        serving.reading |= idle;
        if idle {
            self.look_up((node, shard), (epoch, LookUp::Inbox), 0);
        }
        if again {
            let next = if healed { 10_000 } else { self.ms(300, 2_500) };
            self.tell(next, node, NodeEvent::Mail(shard, epoch, true));
        }
    }

    /// Whoever owns a shard hears that it was sent something, or does not.
    pub(super) fn nudge(&mut self, batch: &Batch) {
        let sent: BTreeSet<ShardId> = batch.sent.iter().map(|row| row.to).collect();
        for to in sent {
            let epoch = self.leases.get(&to).map_or(0, |lease| lease.epoch);
            for node in 0..self.nodes.len() {
                let soon = self.ms(1, 60);
                self.tell(soon, node, NodeEvent::Mail(to, epoch, false));
            }
        }
    }

    fn renew(&mut self, node: usize, shard: ShardId, epoch: u64) {
        let now = self.now;
        let Some(of) = self.nodes.get_mut(node) else { return };
        let boot = of.boot(now);
        let Some(serving) = of.serving(shard).filter(|one| one.lease.epoch == epoch) else {
            return;
        };
        let lease = serving.lease;
        if boot >= serving.gate {
            return self.lose(node, shard, true);
        }
        let op = self.send_store(node, shard, Request::Renew(lease));
        if let Some(serving) = self.nodes.get_mut(node).and_then(|node| node.serving(shard)) {
            serving.renewal = Some((op, boot));
        }
        self.tell(LEASE_MS / 3, node, NodeEvent::Renew(shard, epoch));
    }

    fn renewed(&mut self, node: usize, shard: ShardId, reply: Result<Reply>) {
        let Some(serving) = self.nodes.get_mut(node).and_then(|node| node.serving(shard)) else {
            return;
        };
        let Some((_, sent)) = serving.renewal.take() else { return };
        match reply {
            Ok(Reply::Lost(lost)) if lost.contains(&shard) => self.lose(node, shard, false),
            Ok(_) => serving.gate = serving.gate.max(sent + LEASE_MS * 9 / 10),
            Err(_) => {}
        }
    }

    fn checkpoint(&mut self, node: usize, shard: ShardId, epoch: u64) -> Wrong {
        let Some(serving) = self.nodes.get_mut(node).and_then(|node| node.serving(shard)) else {
            return Ok(());
        };
        if serving.lease.epoch != epoch {
            return Ok(());
        }
        self.tell(5_000, node, NodeEvent::Checkpoint(shard, epoch));
        self.write_checkpoint(node, shard)
    }

    fn write_checkpoint(&mut self, node: usize, shard: ShardId) -> Wrong {
        let now = self.now;
        let Some(of) = self.nodes.get_mut(node) else { return Ok(()) };
        let wall = of.wall(now);
        let Some(serving) = of.serving(shard).filter(|serving| serving.rows > 0) else {
            return Ok(());
        };
        serving.now = serving.now.max(wall);
        let out = serving.shard.checkpoint(serving.now);
        self.decided(node, shard, out)?;
        if let Some(serving) = self.nodes.get_mut(node).and_then(|node| node.serving(shard)) {
            serving.rows = 0;
        }
        Ok(())
    }

    /// A node that stops says so behind everything it has decided, and gives the lease back.
    pub(super) fn hand_over(&mut self, node: usize, shard: ShardId) -> Wrong {
        let now = self.now;
        let Some(of) = self.nodes.get_mut(node) else { return Ok(()) };
        let wall = of.wall(now);
        let Some(serving) = of.serving(shard).filter(|serving| serving.leaving) else {
            return Ok(());
        };
        if serving.flight.is_some() || !serving.pending.is_clean() {
            return Ok(());
        }
        let lease = serving.lease;
        if serving.handed_over {
            self.set_hold(node, shard, Hold::Leaving);
            self.send_store(node, shard, Request::Release(lease));
            return Ok(());
        }
        serving.handed_over = true;
        let out = serving.shard.hand_over(serving.now.max(wall));
        self.decided(node, shard, out)
    }

    /// Makes sure that a shard is told the time when something of it is due.
    fn set_timer(&mut self, node: usize, shard: ShardId) {
        let (now, number) = (self.now, self.numbers + 1);
        let Some(of) = self.nodes.get_mut(node) else { return };
        let Some(due) = of.serving(shard).and_then(|serving| serving.shard.next_due()) else {
            return;
        };
        let at = of.when(due, now);
        let incarnation = of.incarnation;
        let Some(serving) = of.serving(shard) else { return };
        if serving.tick.is_some_and(|(at, _)| at <= due) {
            return;
        }
        serving.tick = Some((due, number));
        let event = NodeEvent::Tick(shard, serving.lease.epoch, number);
        self.at(at, Event::Node(node, incarnation, event));
    }
}
