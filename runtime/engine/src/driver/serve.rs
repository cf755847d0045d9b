//! One shard under one lease: the loop that everything goes through.
//!
//! Promises: inputs are applied in the order they are taken; what they decided is committed in that
//! order, one batch in flight; effects leave after their batch has committed and in its order; reads
//! leave at once. While a commit is under way the next batch grows, so load makes batches wide by
//! itself and idleness makes them small.
//!
//! Must not: let anything leave under a lease that was lost.

use super::flight::{Flight, landed};
use super::gate::Gate;
use super::mailbox::Mailbox;
use super::owner::Owned;
use super::pressure::Crowd;
use super::tray::Tray;
use super::{Caller, Message, Shared};
use crate::clock::Boot;
use crate::kafka::{Begin, Intake, Outlet};
use crate::limits;
use sagaflow_core::port::{self, Batch, Lease, Store};
use sagaflow_core::shard::{Answer, Input, Output, Shard, Token};
use sagaflow_core::time::Time;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Why serving ended.
#[derive(Debug)]
pub(crate) enum Lost {
    /// Asked to leave; everything decided has committed.
    Left,
    /// The memory is worth nothing any more: take the lease again and recover.
    Memory(port::Error),
    /// The store itself cannot go on.
    Fatal(port::Error),
}

/// Where inputs come from. Kept over recoveries, so that no request is lost by one.
pub(crate) struct Inlets {
    /// Requests, from handles.
    pub(crate) inbox: mpsc::Receiver<Message>,
    /// Outcomes of calls and look-ups, from their tasks.
    pub(crate) outcomes: mpsc::Receiver<Message>,
    /// The other end, for tasks.
    pub(crate) back: mpsc::Sender<Message>,
}

pub(crate) struct Serving<'a, S: Store> {
    pub(crate) store: Arc<S>,
    pub(crate) lease: Lease,
    pub(crate) shard: Shard,
    pub(crate) shared: &'a Shared,
    pub(crate) caller: &'a Caller,
    pub(crate) inlets: &'a mut Inlets,
    /// Closed with the end of serving.
    pub(super) gate: Gate,
    pub(super) leave: CancellationToken,
    pub(super) mail: Mailbox,
    /// What was taken in together.
    pub(super) crowd: Crowd,
    /// Decided, and not yet sent to the store.
    pub(super) pending: Output,
    /// When the first of that was decided.
    pub(super) pending_since: Option<Instant>,
    pub(super) flight: Option<Flight>,
    /// Who waits for the answer to which input; they are dropped with the memory.
    pub(super) replies: BTreeMap<Token, oneshot::Sender<Answer>>,
    next_token: Token,
    /// Time never steps back for the shard, whatever the wall clock does.
    now: Time,
    /// Rows since the last checkpoint, those that recovery has read included, and when that was.
    rows: usize,
    checkpointed: Instant,
    /// Where events for topics go; none without brokers.
    pub(super) outlet: Option<Outlet>,
    /// Reads partitions for this shard; aborted with the memory.
    intake: JoinSet<()>,
    /// Since when the shard is served here: what programs take in counts as it was read after that.
    since: Boot,
    /// As of a [`Flight`], for what is pending.
    pub(super) good_until: Boot,
}

impl<'a, S: Store> Serving<'a, S> {
    pub(crate) fn new(
        store: Arc<S>,
        owned: Owned,
        shared: &'a Arc<Shared>,
        caller: &'a Caller,
        inlets: &'a mut Inlets,
    ) -> Self {
        // Without the rows that recovery has read, a node that is restarted again and again would read
        // ever more.
        let Owned { lease, gate, leave, shard, behind, emitted, .. } = owned;
        let mut intake = JoinSet::new();
        // A paused node takes nothing in, and lets nothing out.
        let bus = shared.bus.as_ref().filter(|_| !shared.paused);
        let outlet = bus.map(|bus| {
            let (shards, back) = (shared.cluster.shards(), inlets.back.clone());
            let intake_of = Intake {
                bus: Arc::clone(bus),
                shared: Arc::clone(shared),
                shard: lease.shard,
                shards,
                back: back.clone(),
            };
            intake.spawn(intake_of.run());
            let (position, epoch) = (shard.position(), lease.epoch);
            let begin = Begin { shard: lease.shard, epoch, emitted, position, back };
            Outlet::start(Arc::clone(&store), Arc::clone(&bus.broker), begin)
        });
        Self {
            gate,
            leave,
            mail: Mailbox::new(shared.cluster.shards()),
            crowd: Crowd::default(),
            store,
            lease,
            shard,
            shared,
            caller,
            inlets,
            pending: Output::default(),
            pending_since: None,
            flight: None,
            replies: BTreeMap::new(),
            next_token: 1,
            now: Time(i64::MIN),
            rows: behind,
            checkpointed: Instant::now(),
            outlet,
            intake,
            since: Boot::now(),
            good_until: Boot(i64::MAX),
        }
    }

    /// Lets out what the fence record held back. It has committed.
    pub(crate) fn begin(&mut self, output: Output) {
        for send in output.reads {
            self.caller.send(Box::new(send), self.gate.clone(), self.inlets.back.clone());
        }
        // Events for topics among them are read from the journal, with those before them.
        self.release(output.effects);
    }

    /// Serves until the lease is lost or the engine stops.
    pub(crate) async fn run(mut self) -> Lost {
        let lost = self.serve().await;
        // Order: first of all, so that no call of this memory leaves beside those of the next one.
        self.gate.close();
        if let Some(tray) = self.tray() {
            tray.clear();
        }
        lost
    }

    async fn serve(&mut self) -> Lost {
        let (leave, gate, shared) = (self.leave.clone(), self.gate.clone(), self.shared);
        let tray = shared.trays.get(self.lease.shard.0 as usize);
        let mut give_up = None;
        let mut handed_over = false;
        loop {
            if !gate.is_open() {
                let cause = "the lease was lost, or could not be renewed in time".to_owned();
                return Lost::Memory(port::Error::Unavailable(cause));
            }
            // Order: before what was decided is sent, so that this is sent with it.
            self.take_from_tray();
            self.send_pending();
            self.look_for_mail();
            let stopping = leave.is_cancelled();
            if stopping && give_up.is_none() {
                // What is read from now on is the next owner's.
                self.intake.abort_all();
                give_up = Some(Instant::now() + limits::SHUTDOWN);
            }
            if stopping && self.quiet(give_up) {
                let patient = give_up.is_none_or(|at| Instant::now() < at);
                if handed_over {
                    return Lost::Left;
                }
                if self.rows > 0 && patient {
                    self.checkpoint();
                    if self.shard.left_out() {
                        self.checkpoint();
                    }
                }
                let mut output = self.shard.hand_over(self.now);
                output.batch.emitted = self.outlet.as_ref().map(Outlet::settled);
                self.take(output);
                handed_over = true;
                continue;
            }
            let room = self.room();
            let (due, checkpoint) = (self.until_due(), self.until_checkpoint());
            let open = gate.remaining();
            tokio::select! {
                biased;
                answer = landed(&mut self.flight), if self.flight.is_some() => {
                    if let Some(lost) = self.committed(answer) {
                        return lost;
                    }
                }
                Some(message) = self.inlets.outcomes.recv(), if room => self.gather(message),
                Some(message) = self.inlets.inbox.recv(), if room && !stopping => self.gather(message),
                () = sleep(due), if room => self.apply(Input::Tick),
                () = sleep(checkpoint), if room => self.checkpoint(),
                () = stirred(tray) => self.mail.stirred = true,
                () = sleep(self.mail.until_look()), if !self.mail.wanted => self.mail.wanted = true,
                () = gate.closing() => {}
                () = sleep(open) => {}
                () = leave.cancelled(), if !stopping => {}
                () = sleep(Some(Duration::from_millis(20))), if stopping => {}
            }
        }
    }

    /// Whether more may be decided before the next commit is sent.
    pub(super) fn room(&self) -> bool {
        self.pending.batch.rows.len() < limits::BATCH_INPUTS
            && bytes(&self.pending.batch) < limits::BATCH_BYTES
    }

    /// Nothing is under way, or nobody waits for it any longer.
    fn quiet(&self, give_up: Option<Instant>) -> bool {
        let committed = self.flight.is_none() && self.pending.is_clean();
        let patient = give_up.is_none_or(|at| Instant::now() < at);
        let sent = self.outlet.as_ref().is_none_or(Outlet::is_idle);
        committed && ((self.caller.in_flight() == 0 && sent) || !patient)
    }

    /// Takes a message and what else is queued by now.
    ///
    /// Order: some at a time, so that the store works on one batch while the next one is decided; a
    /// shard that took all it could get would keep it idle meanwhile.
    fn gather(&mut self, message: Message) {
        self.receive(message);
        for _ in 1..limits::GATHER {
            let Ok(message) = self.inlets.outcomes.try_recv() else { break };
            self.receive(message);
        }
        for _ in 1..limits::GATHER {
            if self.leave.is_cancelled() {
                break;
            }
            let Ok(message) = self.inlets.inbox.try_recv() else { break };
            self.receive(message);
        }
        self.tell_of_the_crowd();
        // Order: a shard that always has messages must not keep its timers and checkpoints waiting.
        if self.until_due() == Some(Duration::ZERO) {
            self.apply(Input::Tick);
        }
        if self.until_checkpoint() == Some(Duration::ZERO) {
            self.checkpoint();
        }
    }

    pub(super) fn tell_of_the_crowd(&mut self) {
        let waiting = self.inlets.inbox.len() + self.inlets.outcomes.len();
        self.shared.pressure.told(self.lease.shard, &mut self.crowd, waiting);
    }

    fn receive(&mut self, message: Message) {
        match message {
            Message::Tell(input) => self.apply(input),
            Message::Outcome { input, over } => {
                self.crowd.note(over.elapsed());
                self.apply(input);
            }
            Message::Found(epoch, inputs) if epoch == self.lease.epoch => {
                inputs.into_iter().for_each(|input| self.apply(input));
            }
            Message::Mail(epoch, rows) if epoch == self.lease.epoch => {
                self.read_mail(rows);
            }
            Message::Emitted(epoch, position) if epoch == self.lease.epoch => {
                let mut output = Output::after(self.shard.position());
                output.batch.emitted = Some(position);
                self.take(output);
            }
            Message::Found(..) | Message::Mail(..) | Message::Emitted(..) => {}
            Message::Position { topic, partition, workflow, reply } => {
                let known = self.shard.consumed(&topic, partition, workflow.as_deref());
                // Whoever asked may have stopped waiting.
                let _ = reply.send(known.cloned());
            }
            Message::Batches { workflow, topic, partition, reply } => {
                // Whoever asked may have stopped waiting.
                let _ = reply.send(self.shard.batches(&workflow, &topic, partition));
            }
            Message::Look { run, until, reply } => {
                let state = self.shard.run(run);
                // Whoever asked may have stopped waiting.
                let _ = reply.send(state.is_some_and(|state| !until.reached(state)));
            }
            Message::Services(reply) => {
                self.now = self.now.max(self.shared.clock.now());
                // Whoever asked may have stopped waiting.
                let _ = reply.send(self.shard.services(self.now));
            }
            Message::Ask { input, asked, reply } => {
                self.crowd.note(asked.elapsed());
                let token = self.next_token;
                self.next_token += 1;
                self.replies.insert(token, reply);
                self.apply(input(token));
            }
        }
    }

    pub(super) fn apply(&mut self, input: Input) {
        self.now = self.now.max(self.shared.clock.now());
        let known = self.shared.interest.current(self.since).map(|(known, until)| {
            self.good_until = self.good_until.min(until);
            known
        });
        self.shard.interested(known);
        let output = self.shard.apply(self.now, input);
        self.take(output);
    }

    /// Moves the position from which recovery reads. Crash: until the new position has committed,
    /// recovery reads from the old one and folds the same rows.
    fn checkpoint(&mut self) {
        self.now = self.now.max(self.shared.clock.now());
        let mut output = self.shard.checkpoint(self.now);
        output.batch.emitted = match &self.outlet {
            Some(outlet) => Some(outlet.settled()),
            // A paused node sends nothing; the next one that is not paused does.
            None if self.shared.bus.is_some() => None,
            // Without a broker an event reaches the triggers and waits of its namespace by the shard
            // itself, and everybody else by the history: nothing of it is still to be sent.
            None => Some(self.shard.position()),
        };
        self.take(output);
        // What was left out is checkpointed in a while, also where nothing happens any more.
        self.rows = usize::from(self.shard.left_out());
        self.checkpointed = Instant::now();
    }

    /// Order: a busy shard is checkpointed by rows, a slow one by time, an idle one not at all.
    fn until_checkpoint(&self) -> Option<Duration> {
        match self.rows {
            0 => None,
            limits::CHECKPOINT_ROWS.. => Some(Duration::ZERO),
            _ => Some(limits::CHECKPOINT.saturating_sub(self.checkpointed.elapsed())),
        }
    }

    fn take(&mut self, mut output: Output) {
        self.rows += output.batch.rows.len();
        // Reads promise nothing to anybody: they need not wait for a commit.
        for send in output.reads.drain(..) {
            self.caller.send(Box::new(send), self.gate.clone(), self.inlets.back.clone());
        }
        if !output.is_clean() {
            self.pending_since.get_or_insert_with(Instant::now);
        }
        self.pending.merge(output);
    }

    fn until_due(&self) -> Option<Duration> {
        // Order: after a recovery, what was sent to the shard while nobody had it comes before its
        // timers.
        if !self.mail.first {
            return None;
        }
        let wait = self.shard.next_due()?.since(self.shared.clock.now().max(self.now));
        Some(Duration::from_millis(u64::try_from(wait).unwrap_or(0)))
    }
}

/// Waits for a message to be sent here.
async fn stirred(tray: Option<&Tray>) {
    match tray {
        Some(tray) => tray.stirred().await,
        None => std::future::pending().await,
    }
}

/// Waits; for ever where nothing is due.
async fn sleep(wait: Option<Duration>) {
    match wait {
        Some(wait) => tokio::time::sleep(wait).await,
        None => std::future::pending().await,
    }
}

fn bytes(batch: &Batch) -> usize {
    batch.rows.iter().map(|row| row.body.len()).sum()
}
