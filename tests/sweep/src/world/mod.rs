//! A world of its own around one shard: a store, services that keep their contracts, people, events,
//! a virtual clock, a network, and a process that may die.
//!
//! ```text
//!  Script ──► World ──Input──► Shard ──Output──► Store (commit) ──effects──► services ──► Ledger
//! ```
//!
//! Promises: the same program and script give the same ledger. A [`Twin`] is a build that is wrong in
//! one known way, to show that the judge sees it.

mod people;
mod service;
mod store;

use crate::ledger::{Entry, Ledger, Verdict};
use crate::process::Process;
use crate::script::{CallId, Script};
use sagaflow_core::codegen::{Json, Machine, Values};
use sagaflow_core::id::{RunId, ShardId};
use sagaflow_core::port::Lease;
use sagaflow_core::service::Attempt;
use sagaflow_core::shard::{
    Act, Actor, Answer, Effect, Input, Machines, Notice, Output, Recovery, Send, Shard, Start,
    Ticket,
};
use sagaflow_core::time::Time;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use store::Store;

pub use crate::ledger::Contract;

/// What an action answers: action, first and second argument, all arguments.
pub type Answers = fn(&str, &str, i64, &Json) -> Json;

/// What the world knows of a program.
#[derive(Clone)]
pub struct Site {
    /// Qualified workflow.
    pub workflow: String,
    /// Input.
    pub input: Values,
    /// Contracts by action.
    pub contracts: Arc<BTreeMap<String, Contract>>,
    /// What its actions answer.
    pub answers: Answers,
    /// The workflow's deadline.
    pub deadline_ms: Option<i64>,
    /// Where the history is kept, and requests are decided, if not here.
    pub process: Option<Arc<Process>>,
}

/// A build that is wrong in one known way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Twin {
    /// Effects leave before their batch is committed.
    SpeaksFirst,
}

enum Due {
    Outcome(Ticket, Attempt, usize),
    Request(Input),
    Cancel,
}

/// One world.
pub struct World {
    site: Site,
    machines: Machines,
    shard: Shard,
    store: Store,
    script: Script,
    twin: Option<Twin>,
    ledger: Ledger,
    now: Time,
    queue: BTreeMap<(Time, u64), Due>,
    numbers: u64,
    epoch: u64,
    starts: u8,
    run: Option<RunId>,
    /// When its start was committed.
    began: Option<Time>,
    started: bool,
    latency: crate::random::Random,
    /// Visits: by core's own number of a call, and by key.
    visits: BTreeMap<(u64, CallId), u32>,
    by_key: BTreeMap<String, u32>,
    counts: BTreeMap<CallId, u32>,
    /// What was answered under each key.
    values: BTreeMap<String, Json>,
    offered: BTreeSet<String>,
    awaited: BTreeSet<(String, Vec<u32>, u64)>,
    interrupted: bool,
    cancel_sent: bool,
    inputs: u64,
}

impl World {
    /// A world in which nothing has happened.
    #[must_use]
    pub fn new(site: Site, machine: Arc<dyn Machine>, script: Script, twin: Option<Twin>) -> Self {
        let mut machines = Machines::default();
        machines.add(machine);
        let latency = crate::random::Random::new(script.latency);
        Self {
            site,
            shard: Shard::new(machines.clone()),
            machines,
            store: Store::default(),
            script,
            twin,
            ledger: Ledger::default(),
            now: Time(1_767_225_600_000),
            queue: BTreeMap::new(),
            numbers: 0,
            epoch: 1,
            starts: 0,
            run: None,
            began: None,
            started: false,
            latency,
            visits: BTreeMap::new(),
            by_key: BTreeMap::new(),
            counts: BTreeMap::new(),
            values: BTreeMap::new(),
            offered: BTreeSet::new(),
            awaited: BTreeSet::new(),
            interrupted: false,
            cancel_sent: false,
            inputs: 0,
        }
    }

    /// Starts the workflow and lets the world go on until nothing is due.
    #[must_use]
    pub fn play(mut self) -> Ledger {
        self.note(Entry::Run);
        self.ask_to_start();
        if self.script.twice {
            self.ask_to_start();
        }
        let rest = self.rest();
        let statuses = self.store.statuses();
        let stuck = match (self.store.faults().into_iter().next(), statuses.len()) {
            (Some(fault), _) => Some(fault),
            (None, 1) => rest.err(),
            (None, runs) => Some(format!("one start made {runs} runs")),
        };
        self.note(Entry::Read {
            status: statuses.into_iter().next().unwrap_or_default(),
            error: self.store.error(),
            answer: self.store.answer(),
            commits: self.store.commits,
            stuck,
        });
        self.ledger
    }

    /// Tells the ledger; where it is a process of its own, that decides what is answered.
    fn note(&mut self, entry: Entry) -> Option<Verdict> {
        let Some(process) = &self.site.process else { return self.ledger.note(entry) };
        let told = process.note(&entry);
        self.ledger.note(entry);
        told
    }

    fn ask_to_start(&mut self) {
        // Fresh entropy for every request: two of them must still be one run.
        self.starts += 1;
        let start = Start {
            namespace: "default".to_owned(),
            workflow: self.site.workflow.clone(),
            version: None,
            key: Some("start".to_owned()),
            input: self.site.input.clone(),
            entropy: [self.starts; 16],
            token: Some(0),
        };
        self.schedule(0, Due::Request(Input::Start(start)));
    }

    fn schedule(&mut self, after_ms: i64, due: Due) {
        self.numbers += 1;
        self.queue.insert((self.now.plus(after_ms), self.numbers), due);
    }

    fn rest(&mut self) -> Result<(), String> {
        loop {
            self.inputs += 1;
            // Bound: the longest program here needs a few hundred inputs.
            if self.inputs > 5_000 {
                return Err("it does not come to rest".to_owned());
            }
            let queued = self.queue.first_key_value().map(|(key, _)| *key);
            let tick = self.shard.next_due();
            let due = match (queued, tick) {
                (None, None) => return Ok(()),
                (Some((at, number)), tick) if tick.is_none_or(|tick| at <= tick) => {
                    self.now = self.now.max(at);
                    self.queue.remove(&(at, number))
                }
                (_, tick) => {
                    self.now = self.now.max(tick.unwrap_or(self.now));
                    None
                }
            };
            // Order: what the clock alone brings about comes behind a deadline of the same moment.
            self.clock(i64::from(due.is_some()));
            self.step(due);
            self.people();
            self.cancel();
        }
    }

    /// Says when the deadline has passed, by so much at least.
    fn clock(&mut self, by_ms: i64) {
        let deadline = self.began.zip(self.site.deadline_ms).map(|(at, ms)| at.plus(ms));
        let passed = deadline.is_some_and(|at| at.plus(by_ms) <= self.now);
        if passed && self.ledger.late.is_none() {
            self.note(Entry::Late);
        }
    }

    fn cancel(&mut self) {
        if self.script.cancel.is_some_and(|commit| self.store.commits >= commit)
            && !self.cancel_sent
            && self.run.is_some()
        {
            self.cancel_sent = true;
            self.schedule(0, Due::Cancel);
        }
    }

    fn step(&mut self, due: Option<Due>) {
        let (input, again, answers) = match due {
            None => (Input::Tick, None, None),
            Some(Due::Outcome(ticket, result, request)) => {
                (Input::Outcome { ticket, result, token: None }, None, Some(request))
            }
            Some(Due::Request(input)) => (input.clone(), Some(Due::Request(input)), None),
            Some(Due::Cancel) => match self.run {
                Some(run) => {
                    let actor = everybody();
                    let (act, reason) = (Act::Cancel, "swept".to_owned());
                    let input = Input::Operate { run, act, actor, reason, token: Some(9) };
                    (input, Some(Due::Cancel), None)
                }
                None => return,
            },
        };
        // Order: an answer ends its call before anything that follows from it leaves.
        self.note(Entry::Input);
        let pos = self.ledger.place();
        let output = self.shard.apply(self.now, input.clone());
        let taken = self.commit(output);
        if !taken {
            self.recover();
            match again {
                Some(Due::Request(Input::Found { .. })) | None => {}
                Some(Due::Request(Input::Start(_))) => self.ask_to_start(),
                Some(again) => self.schedule(0, again),
            }
        }
        if let Some(request) = answers {
            // Where the commit was made and the process died after it, the answer was taken in.
            let taken = taken || self.script.crash.is_some_and(|crash| !crash.before);
            self.note(match taken {
                true => Entry::Answered(request, pos),
                false => Entry::Lost(request),
            });
            if taken && self.script.twice {
                let again = self.shard.apply(self.now, input);
                if !self.commit(again) {
                    self.recover();
                }
            }
        }
    }

    /// Commits an output and lets its effects leave; false where the process died instead.
    fn commit(&mut self, out: Output) -> bool {
        let next = self.store.commits + 1;
        let record = out.batch.rows.iter().any(|row| row.run.is_some());
        let crash = self
            .script
            .crash
            .filter(|crash| record && crash.commit == next && self.ledger.crashes.is_empty());
        self.commit_or_die(out, crash.map(|crash| crash.before))
    }

    /// The same; the process dies before or after the commit where `dies` says so.
    fn commit_or_die(&mut self, mut out: Output, dies: Option<bool>) -> bool {
        // Order: what needs no commit leaves at once.
        for send in std::mem::take(&mut out.reads) {
            self.send(send);
        }
        if dies == Some(true) {
            if self.twin == Some(Twin::SpeaksFirst) {
                self.leave(out);
            }
            return false;
        }
        self.store.commit(&out.batch);
        if let Some(run) = out.batch.rows.iter().find_map(|row| row.run) {
            self.run = Some(run);
            self.began.get_or_insert(self.now);
        }
        if self.ledger.ended.is_none() && out.batch.runs.iter().any(|run| run.ended_at.is_some()) {
            self.note(Entry::Ended);
        }
        if dies.is_some() {
            for effect in out.effects {
                if let Effect::Call(send) = effect {
                    self.withheld(*send);
                }
            }
            return false;
        }
        self.leave(out);
        true
    }

    fn leave(&mut self, out: Output) {
        for effect in out.effects {
            match effect {
                Effect::Call(send) => self.send(*send),
                Effect::Find { namespace, workflow, key } => {
                    let row = self.store.key(&(namespace.clone(), workflow.clone(), key.clone()));
                    let input = Input::Found { namespace, workflow, key, row };
                    self.schedule(0, Due::Request(input));
                }
                Effect::Reply { token: 0, answer: Answer::Started { run, .. } } => {
                    self.run = Some(run);
                    self.started = true;
                }
                Effect::Notice { notice: Notice::Reply(answer), .. } => {
                    self.note(Entry::Told(answer));
                }
                Effect::Reply { token: 9, answer } => {
                    self.note(Entry::Cancelled(matches!(answer, Answer::Done | Answer::Pending)));
                }
                _ => {}
            }
        }
    }

    fn send(&mut self, send: Send) {
        let repeats = self.script.twice && self.contract(&send.call.action).repeatable;
        self.request(send.clone(), false);
        if repeats {
            self.request(send, true);
        }
    }

    /// The process dies, and another one takes over from the store.
    ///
    /// Crash: answers under way are lost; what was asked from outside is asked again.
    fn recover(&mut self) {
        self.note(Entry::Died);
        self.epoch += 1;
        self.queue.retain(|_, due| !matches!(due, Due::Outcome(..)));
        let owner = uuid::Uuid::from_u128(u128::from(self.epoch));
        let lease = Lease { shard: ShardId(0), epoch: self.epoch, owner };
        let recovered = Shard::recover(Recovery::alone(
            lease,
            self.store.tail(),
            self.machines.clone(),
            self.now,
        ));
        self.shard = recovered.shard;
        let dies = self.script.again_before.filter(|_| self.epoch == 2);
        if !self.commit_or_die(recovered.fence, dies) {
            return self.recover();
        }
        if !self.started {
            self.ask_to_start();
        }
    }
}

/// An actor that may do everything.
fn everybody() -> Actor {
    Actor { name: "sweep".to_owned(), roles: Vec::new(), everything: true }
}
