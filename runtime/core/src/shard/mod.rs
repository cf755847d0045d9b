//! The shard: a pure state machine over its runs.
//!
//! ```text
//!  Input ──► Shard::apply(now, input) ──► Output { batch, effects (after its commit), reads (at once) }
//! ```
//!
//! Promises: given the same inputs at the same times it decides the same; what it decided is in the
//! batch before any effect of it may leave; the state in memory is the fold of the records, but for
//! reads that are still to be recorded with what follows them.
//!
//! Must not: look at a clock, draw entropy, wait, or answer a caller before the commit.
//!
//! One file per kind of transition; `turn` holds what they share.

mod attempt;
mod branch;
mod cancel;
mod checkpoint;
mod classes;
mod commit;
mod concurrency;
mod end;
mod event;
mod fold;
mod gather;
mod guard;
mod indexed;
mod input;
mod interest;
mod letter;
mod limit;
mod machines;
mod mail;
mod mirror;
mod operate;
mod otherwise;
mod outcome;
mod output;
mod policy;
mod probe;
mod recover;
mod reject;
mod remote;
mod resolve;
mod review;
mod services;
mod start;
mod step;
mod suspect;
mod task;
mod timer;
mod topic;
mod trigger;
mod turn;
mod undo;
mod unit;
mod unwind;
mod upgrade;
mod wait;

#[cfg(test)]
mod tests;

pub use gather::start_slot;
pub use guard::{Held, Protection, ServiceState};
pub use indexed::indexed_text;
pub use input::{
    Act, Actor, Answer, Arrived, BatchItem, BreakerAct, Consumed, Gathering, Input, LetterAct,
    Resolution, Start, TaskAct, Ticket, Token,
};
pub use machines::Machines;
pub use mirror::Mirrors;
pub use output::{Effect, Notice, Outgoing, Output, Send};
pub use recover::{Recovered, Recovery};
pub use turn::unlisted;
pub use upgrade::Stays;

use crate::codegen::{Draw, Machine};
use crate::id::{Place, RunId, ShardId};
use crate::journal::{Happened, Mail};
use crate::limits;
use crate::port::{EventName, RunRow};
use crate::run::RunState;
use crate::time::Time;
use classes::Classes;
use event::Events;
use gather::Batches;
use guard::Guards;
use interest::Interests;
use mail::Post;
use otherwise::Reservations;
use review::Reviews;
use start::Starts;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use suspect::Suspects;
use topic::{Halted, Positions};

/// One shard's runs and everything it decides about them.
pub struct Shard {
    machines: Machines,
    /// Boxed, because a map keeps room for more than it has.
    runs: BTreeMap<RunId, Box<Run>>,
    /// Position of the last row.
    seq: u64,
    /// Bucket of the last row.
    bucket: u32,
    /// Position of the last row at the last checkpoint.
    checkpointed: u64,
    /// Runs were left out of it.
    left_out: bool,
    /// Runs by their earliest timer.
    due: BTreeSet<(Time, RunId)>,
    place: Place,
    starts: Starts,
    events: Events,
    interest: Interests,
    post: Post,
    guards: Guards,
    reviews: Reviews,
    positions: Positions,
    classes: Classes,
    reservations: Reservations,
    batches: Batches,
    /// Behind their positions already, and nowhere but here.
    #[cfg(feature = "sabotage")]
    polled: Vec<topic::Polled>,
    mirrors: Mirrors,
    /// Runs whose records do not decode.
    damaged: BTreeMap<RunId, Damaged>,
    /// Runs that were recovered too often to be sent with others.
    suspects: Suspects,
    /// The whole node is paused: what it is told is recorded, nothing is sent and no timer fires.
    paused: bool,
}

/// A run that cannot be read.
struct Damaged {
    /// Position of the first record that does not decode.
    at: u64,
    row: RunRow,
}

/// A run in memory.
struct Run {
    state: RunState,
    machine: Option<Arc<dyn Machine>>,
    /// Entropy of the record that is being made; reads that need no record draw from it too.
    draw: Option<Draw>,
    /// What happened since the last record.
    happened: Vec<Happened>,
    /// Status and flags in its row.
    row: Option<(&'static str, Vec<String>)>,
    /// Whether it has a row.
    listed: bool,
    /// Whether what finds it was written with its row by this owner.
    indexed: bool,
    /// Position of its first record; 0 where it has none yet, or recovery began with its row.
    first: u64,
    /// Position of its last record.
    seq: u64,
    /// Time of its last record.
    at: Time,
    /// Position up to which its row holds it.
    snapshot: Option<u64>,
    /// Its entry in [`Shard::due`].
    due: Option<Time>,
    /// Its entries in [`Events`].
    subscriptions: Vec<(String, String)>,
    /// It was recovered too often, and waits until it may start alone.
    suspect: bool,
    /// The homes that have been told of its claims, in their order.
    claimed: Vec<ShardId>,
}

impl Run {
    fn new(state: RunState, machine: Option<Arc<dyn Machine>>) -> Self {
        Self {
            state,
            machine,
            draw: None,
            happened: Vec::new(),
            row: None,
            listed: false,
            indexed: false,
            first: 0,
            seq: 0,
            at: Time(0),
            snapshot: None,
            due: None,
            subscriptions: Vec::new(),
            suspect: false,
            claimed: Vec::new(),
        }
    }

    /// When it gets its row at the latest, where it has none yet.
    fn listed_at(&self) -> Option<Time> {
        (!self.listed).then(|| self.state.origin().started.plus(limits::UNLISTED_MS))
    }
}

impl Shard {
    /// An empty shard of a new store.
    #[must_use]
    pub fn new(machines: Machines) -> Self {
        Self {
            machines,
            runs: BTreeMap::new(),
            seq: 0,
            bucket: 0,
            checkpointed: 0,
            left_out: false,
            due: BTreeSet::new(),
            place: Place::default(),
            starts: Starts::default(),
            events: Events::default(),
            interest: Interests::default(),
            post: Post::default(),
            guards: Guards::default(),
            reviews: Reviews::default(),
            positions: Positions::default(),
            classes: Classes::default(),
            reservations: Reservations::default(),
            batches: Batches::default(),
            #[cfg(feature = "sabotage")]
            polled: Vec::new(),
            mirrors: Mirrors::default(),
            damaged: BTreeMap::new(),
            suspects: Suspects::default(),
            paused: false,
        }
    }

    /// Decides about one input.
    ///
    /// Order: outputs are committed in the order of their inputs, one batch in flight; several may be
    /// merged into one batch.
    pub fn apply(&mut self, now: Time, input: Input) -> Output {
        let mut out = Output::after(self.seq);
        match input {
            Input::Start(start) => self.start(now, start, &mut out),
            Input::Found { namespace, workflow, key, row } => {
                self.found(now, (namespace, workflow, key), row, &mut out);
            }
            Input::Outcome { ticket, result, token } => {
                self.guards.record(now, ticket, &result);
                let heard = token.is_some();
                self.turn(now, ticket.run, token, &mut out, |turn| {
                    turn.told(ticket, result, heard)
                });
            }
            Input::Accepted(ticket) => {
                self.turn(now, ticket.run, None, &mut out, |turn| turn.accepted(ticket));
            }
            Input::Heartbeat { ticket, token } => {
                self.turn(now, ticket.run, token, &mut out, |turn| turn.accepted(ticket));
            }
            Input::Tick => self.tick(now, &mut out),
            Input::Event { id, namespace, event, key, payload, token } => {
                let body = event::incoming(id, namespace, event, key, payload, now);
                self.accept_event(now, body, token, &mut out);
            }
            Input::Consumed(read) => self.consume(now, read, &mut out),
            Input::Halted { namespace, topic, topic_id, partition, workflow, why } => {
                let place = Halted { topic, topic_id, partition, workflow };
                self.halted(now, namespace, &place, &why, &mut out);
            }
            Input::Unsent { outgoing, why } => self.unsent(now, &outgoing, &why, &mut out),
            Input::Task { item, act, actor, token } => {
                let run = item.split_once('.').and_then(|(run, _)| run.parse().ok());
                match run {
                    Some(run) => {
                        self.turn(now, run, token, &mut out, |turn| turn.task(&item, act, &actor))
                    }
                    None => out.reply(token, Answer::NotFound),
                }
            }
            Input::Review { item, actor, reason, token } => {
                let one = review::Waiting { act: None, actor, reason, token };
                self.review(now, item, one, &mut out);
            }
            Input::Letter { item, act, actor, reason, token } => {
                let one = review::Waiting { act: Some(act), actor, reason, token };
                self.review(now, item, one, &mut out);
            }
            Input::FoundWaits { name, shards } => self.found_waits(now, &name, &shards, &mut out),
            Input::FoundEvents { name, since, rows } => {
                self.found_events(now, &name, since, rows, &mut out);
            }
            Input::Mail(rows) => self.mail(now, rows, &mut out),
            Input::FoundItem { item, row } => self.found_item(now, &item, row, &mut out),
            Input::Breaker { service, act, actor, reason, token } => {
                self.operate_breaker(now, (service, act), (actor, reason), token, &mut out);
            }
            Input::Operate { run, act, actor, reason, token } => {
                self.operate(now, run, (act, actor, reason), token, &mut out);
            }
        }
        self.next_suspect(now, &mut out);
        self.deliver(now, &mut out);
        self.grant(now, &mut out);
        self.tell_opened(now, &mut out);
        self.mirror(now, &mut out);
        out
    }

    /// When [`Input::Tick`] is wanted next.
    #[must_use]
    pub fn next_due(&self) -> Option<Time> {
        #[cfg(feature = "sabotage")]
        if !self.polled.is_empty() {
            return Some(Time(0));
        }
        let run = self.due.first().map(|(at, _)| *at);
        let turn = self.classes.due().filter(|_| !self.paused);
        run.into_iter().chain(self.events.backlog_due()).chain(turn).min()
    }

    /// The state of a run that has not ended.
    #[must_use]
    pub fn run(&self, run: RunId) -> Option<&RunState> {
        self.runs.get(&run).map(|run| &run.state)
    }

    /// Runs that have not ended.
    pub fn runs(&self) -> impl Iterator<Item = (RunId, &RunState)> {
        self.runs.iter().map(|(id, run)| (*id, &run.state))
    }

    /// The machines it serves.
    #[must_use]
    pub fn machines(&self) -> &Machines {
        &self.machines
    }

    /// Position of the last row it decided.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.seq
    }

    /// Makes one transition of one run: takes it out, lets `act` change it, records what changed, and
    /// puts it back unless it has ended.
    fn turn(
        &mut self,
        now: Time,
        id: RunId,
        token: Option<Token>,
        out: &mut Output,
        act: impl FnOnce(&mut turn::Turn<'_>) -> Answer,
    ) {
        let Some(run) = self.runs.remove(&id) else {
            return out.reply(token, Answer::NotFound);
        };
        let answer = if run.machine.is_some() {
            self.turn_of(now, id, run, out, act)
        } else {
            // A run whose version is not here is left alone: it never runs on another one.
            self.runs.insert(id, run);
            Answer::Refused("no node here can run its version of the workflow".to_owned())
        };
        out.reply(token, answer);
    }

    /// What operators do about a run, also about one that cannot be run or read here.
    fn operate(
        &mut self,
        now: Time,
        id: RunId,
        (act, actor, reason): (Act, Actor, String),
        token: Option<Token>,
        out: &mut Output,
    ) {
        if self.damaged.contains_key(&id) {
            let answer = self.operate_damaged(now, id, (&act, &actor, reason), out);
            return out.reply(token, answer);
        }
        if let Act::Upgrade { dry_run } = act {
            let workflow = self.runs.get(&id).map(|run| &run.state.origin().workflow);
            let newest = workflow.and_then(|name| self.machines.for_start(name, None)).cloned();
            return self
                .turn(now, id, token, out, |turn| turn.upgrade(newest, dry_run, &actor, reason));
        }
        // These only change what is recorded about it.
        let alone = matches!(act, Act::Cancel | Act::Terminate | Act::Pause | Act::Resume);
        let machine = self.runs.get(&id).is_some_and(|run| run.machine.is_some());
        if alone
            && !machine
            && let Some(run) = self.runs.remove(&id)
        {
            let answer = self.turn_of(now, id, run, out, |turn| turn.operate(act, &actor, reason));
            return out.reply(token, answer);
        }
        self.turn(now, id, token, out, |turn| turn.operate(act, &actor, reason));
    }

    fn turn_of(
        &mut self,
        now: Time,
        id: RunId,
        run: Box<Run>,
        out: &mut Output,
        act: impl FnOnce(&mut turn::Turn<'_>) -> Answer,
    ) -> Answer {
        let mut turn = turn::Turn {
            now,
            id,
            run,
            paused: self.paused,
            guards: &mut self.guards,
            events: &self.events,
            interest: &self.interest,
            place: self.place,
            out,
            queue: VecDeque::new(),
            durable: false,
            sends: Vec::new(),
            notices: Vec::new(),
            emitted: Vec::new(),
            letters: false,
            left: None,
        };
        let answer = act(&mut turn);
        turn.drain();
        let closed = turn.close(&mut self.seq, &mut self.bucket);
        let (run, emitted) = (closed.run, closed.emitted);
        self.put_back(id, run, out);
        // What nobody may want is in the record, and goes to its topic from there.
        for event in emitted {
            if !self.interest.any(&event.event) {
                continue;
            }
            match self.place.elsewhere(&event.namespace, &event.event, &event.key) {
                // Crash: the message is in the batch of the record that emitted the event.
                Some(home) => self.post(home, &Mail::Event(event), out),
                None => self.enlist(event),
            }
        }
        answer
    }

    /// Puts a run back with its timers and subscriptions, or forgets it if it has ended.
    fn put_back(&mut self, id: RunId, mut run: Box<Run>, out: &mut Output) {
        if let Some(due) = run.due.take() {
            self.due.remove(&(due, id));
        }
        let (namespace, since) = (run.state.origin().namespace.clone(), run.state.origin().started);
        let ended = run.state.ended();
        let wanted = if ended { Vec::new() } else { turn::subscriptions(&run.state) };
        if wanted != run.subscriptions {
            self.events.unsubscribe(names(&namespace, &run.subscriptions), id);
            self.events.subscribe(names(&namespace, &wanted), (id, since), out);
            run.subscriptions = wanted;
        }
        if ended {
            self.leave_classes(id, &run, out);
            self.batches.ended(run.state.origin());
            self.starts.forget(&run.state);
            self.guards.forget(id);
            return;
        }
        self.tell_claims(id, &mut run, out);
        // Order: what came for it is known before its time runs out; then it is put back again.
        let known = names(&namespace, &run.subscriptions);
        let loading = known.iter().any(|name| self.events.loading(name, since));
        let held = loading || run.suspect || self.paused;
        let machine = run.machine.as_ref().filter(|_| !held);
        let timer = machine.and_then(|machine| timer::next(&run.state, machine.spec()));
        run.due = timer.into_iter().chain(run.listed_at()).min();
        if let Some(due) = run.due {
            self.due.insert((due, id));
        }
        self.runs.insert(id, run);
    }
}

fn names(namespace: &str, events: &[(String, String)]) -> Vec<EventName> {
    let name = |(event, key): &(String, String)| EventName {
        namespace: namespace.to_owned(),
        event: event.clone(),
        key: key.clone(),
    };
    events.iter().map(name).collect()
}
