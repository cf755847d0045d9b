//! The deterministic simulator: one shard over the records of a store in memory, a clock that moves
//! to the next thing due, services that keep their contracts, and people who answer.
//!
//! ```text
//!  Script ──► World ──Input──► Shard ──Output──► Records (committed)
//!               ▲                                   │ effects, after the commit
//!               └────── Due (answers, events) ◄── Services, people
//! ```
//!
//! Promises: the same program, script and starts give the same run, record for record; nothing leaves
//! before its batch is committed; a crash loses the shard's memory and every answer under way, and
//! nothing else.

mod crash;
mod ledger;
mod records;
mod script;
mod send;
pub(crate) mod service;
mod standing;
mod transaction;

use crate::trace::{Seen, Traced};
use crate::{Error, Interpreter};
pub use ledger::{Applied, Around, Called, Ledger};
use records::Records;
use sagaflow_core::codegen::{Json, Values};
use sagaflow_core::id::RunId;
use sagaflow_core::run::RunState;
use sagaflow_core::service::Attempt;
use sagaflow_core::shard::{
    Actor, Answer, Effect, Input, Machines, Output, Shard, Start, TaskAct, Ticket,
};
use sagaflow_core::time::Time;
use sagaflow_fir::Fir;
pub use script::{Choice, Crash, Failing, Given, GivenAnswer, Script, Strike, StrikeKind};
use send::Hanging;
pub(crate) use send::{boundary, sample_answer};
pub use service::Plan;
use service::Services;
pub use standing::Standing;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The instant at which every simulation begins: 2026-01-01T00:00:00Z.
pub const BEGIN: Time = Time(1_767_225_600_000);

/// Bound: records of one run; more is a loop that never ends (verdict 57).
pub const RECORDS_MAX: u64 = 10_000;

/// Namespace of everything simulated.
const NAMESPACE: &str = "default";

/// The program to be simulated, prepared once for many simulations.
pub struct Program {
    fir: Arc<Fir>,
    interpreters: BTreeMap<String, Result<Arc<Interpreter>, Error>>,
}

impl Program {
    /// Prepares every workflow that can be executed.
    #[must_use]
    pub fn new(fir: Arc<Fir>) -> Self {
        let machine =
            |name: &String| (name.clone(), Interpreter::new(fir.clone(), name).map(Arc::new));
        let interpreters = fir.workflows.keys().map(machine).collect();
        Self { fir, interpreters }
    }

    /// The program.
    #[must_use]
    pub fn fir(&self) -> &Arc<Fir> {
        &self.fir
    }

    /// One workflow, where it can be executed.
    #[must_use]
    pub fn interpreter(&self, workflow: &str) -> Option<&Arc<Interpreter>> {
        self.executable(workflow).ok()
    }

    /// The same, or why it cannot be executed.
    ///
    /// # Errors
    /// What stands against it.
    pub fn executable(&self, workflow: &str) -> Result<&Arc<Interpreter>, Error> {
        match self.interpreters.get(workflow) {
            Some(found) => found.as_ref().map_err(Clone::clone),
            None => Err(Error::Missing(workflow.to_owned())),
        }
    }
}

/// A `manual` question that nobody has answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The run.
    pub run: RunId,
    /// Path with indexes.
    pub path: String,
    /// Durable point.
    pub at: String,
    /// It is about the step or block at that path: the answer is its outcome.
    pub step: bool,
    /// Errors that can be answered about a block.
    pub errors: Vec<String>,
    /// It is about a block that can be done again.
    pub again: bool,
}

impl Question {
    /// The question of an item.
    fn of(run: RunId, body: &Json) -> Self {
        let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
        let errors = body["errors"].as_array().into_iter().flatten();
        Self {
            run,
            path: text("path"),
            at: text("at"),
            step: body["step"] == true,
            errors: errors.filter_map(Json::as_str).map(str::to_owned).collect(),
            again: body["again"] == true,
        }
    }
}

/// Something the world had a choice about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Chance {
    /// A human task: path and qualified name.
    Task(String, String),
    /// An event: path and arm.
    Event(String, usize),
}

/// Something that will happen.
#[derive(Clone, Debug)]
enum Due {
    /// An answer of a service under way: lost in a crash.
    Outcome(Ticket, Attempt),
    /// A request from outside: its sender repeats it until it is answered.
    Request(Input),
}

/// One simulation.
pub struct World<'p> {
    program: &'p Program,
    machines: Machines,
    shard: Shard,
    records: Records,
    services: Services,
    script: Script,
    ledger: Ledger,
    now: Time,
    queue: BTreeMap<(Time, u64), Due>,
    numbers: u64,
    epoch: u64,
    starts: u32,
    /// The run that the script's crash and strike mean: the first.
    subject: Option<RunId>,
    /// The start whose caller waits, and its answer.
    starting: Option<Start>,
    started: Option<Answer>,
    /// Items that somebody is about to answer, or never will.
    offered: BTreeSet<String>,
    /// Waits for which an event was sent: run, point, iteration, began.
    awaited: BTreeSet<(RunId, String, Vec<u32>, u64)>,
    /// Calls, by id, that a failing entry is about.
    struck: BTreeMap<usize, (RunId, u64)>,
    /// Requests on their way, by key. Crash: what was sent stays sent.
    hanging: BTreeMap<String, Hanging>,
    /// What the walks reached.
    seen: Seen,
    /// Questions asked in the source that nobody here answers.
    questions: Vec<Question>,
    /// How many questions were asked at each path.
    asked: BTreeMap<(RunId, String), usize>,
    /// Human tasks that were asked, and event arms that waited, with their paths.
    choices: Vec<Chance>,
    crashed: bool,
}

impl<'p> World<'p> {
    /// A world in which nothing has happened.
    #[must_use]
    pub fn new(program: &'p Program, script: Script) -> Self {
        let seen = Seen::default();
        let mut machines = Machines::default();
        for machine in program.interpreters.values().flatten() {
            machines.add(Arc::new(Traced::new(machine.clone(), seen.clone())));
        }
        Self {
            program,
            shard: Shard::new(machines.clone()),
            machines,
            records: Records::default(),
            services: Services::default(),
            script,
            ledger: Ledger::default(),
            now: BEGIN,
            queue: BTreeMap::new(),
            numbers: 0,
            epoch: 1,
            starts: 0,
            subject: None,
            starting: None,
            started: None,
            offered: BTreeSet::new(),
            awaited: BTreeSet::new(),
            struck: BTreeMap::new(),
            hanging: BTreeMap::new(),
            seen,
            questions: Vec::new(),
            asked: BTreeMap::new(),
            choices: Vec::new(),
            crashed: false,
        }
    }

    /// Adds a scripted outcome.
    pub fn given(&mut self, given: Given) {
        self.script.given.push(given);
    }

    /// Calls and effects so far.
    #[must_use]
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Blocks and durable points reached so far.
    #[must_use]
    pub fn seen(&self) -> BTreeSet<String> {
        self.seen.all()
    }

    /// The virtual clock.
    #[must_use]
    pub fn now(&self) -> Time {
        self.now
    }

    /// Records of a run.
    #[must_use]
    pub fn records(&self, run: RunId) -> u64 {
        self.records.count(run)
    }

    /// Bytes of a run's records.
    #[must_use]
    pub fn journal_bytes(&self, run: RunId) -> u64 {
        self.records.bytes(run)
    }

    /// The `manual` questions of the source that nobody has answered.
    pub fn questions(&self, run: RunId) -> impl Iterator<Item = &Question> {
        self.questions.iter().filter(move |question| question.run == run)
    }

    /// Whether a request is still on its way that would be applied if it arrived.
    #[must_use]
    pub fn hangs(&self) -> bool {
        self.hanging.iter().any(|(key, hanging)| self.services.may_apply(key, &hanging.action))
    }

    /// What people and events were waited for, in order.
    #[must_use]
    pub fn chances(&self) -> &[Chance] {
        &self.choices
    }

    /// The state of a run, ended or not.
    #[must_use]
    pub fn state(&self, run: RunId) -> Option<RunState> {
        self.shard.run(run).cloned().or_else(|| self.records.ended(run))
    }

    /// Starts a workflow and lets the world go on until nothing is due.
    ///
    /// # Errors
    /// In words, where the start is refused or the world does not come to rest.
    pub fn run(&mut self, workflow: &str, input: Values) -> Result<RunId, String> {
        self.starts += 1;
        let mut entropy = [0; 16];
        entropy[..4].copy_from_slice(&self.starts.to_be_bytes());
        let start = Start {
            namespace: NAMESPACE.to_owned(),
            workflow: workflow.to_owned(),
            version: None,
            // A caller that was not answered asks again under its key, and gets the run it started.
            key: Some(format!("start-{}", self.starts)),
            input,
            entropy,
            token: Some(0),
        };
        self.started = None;
        self.starting = Some(start.clone());
        self.schedule(0, Due::Request(Input::Start(start)));
        self.rest()?;
        self.arrive_last();
        self.starting = None;
        match self.started.take() {
            Some(Answer::Started { run, .. }) => Ok(run),
            Some(other) => Err(format!("the start of `{workflow}` was answered with {other:?}")),
            None => Err(format!("the start of `{workflow}` was not answered")),
        }
    }

    /// Sends an event after a while.
    pub fn deliver(&mut self, event: &str, payload: Json, after_ms: i64) {
        let key = send::event_key(self.program.fir(), event, &payload);
        let input = Input::Event {
            id: format!("delivered-{}", self.numbers),
            namespace: NAMESPACE.to_owned(),
            event: event.to_owned(),
            key,
            payload,
            token: None,
        };
        self.schedule(after_ms, Due::Request(input));
    }

    /// Lets time move to the next thing due, until there is none.
    ///
    /// # Errors
    /// In words, where a run has more records than any run should.
    pub fn rest(&mut self) -> Result<(), String> {
        loop {
            let queued = self.queue.first_key_value().map(|(key, _)| *key);
            let ticked = self.shard.next_due();
            let due = match (queued, ticked) {
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
            let tick = due.is_none();
            let before = (self.shard.position(), self.shard.next_due());
            self.apply(due);
            if tick
                && before == (self.shard.position(), self.shard.next_due())
                && self.queue.is_empty()
            {
                return Err(format!("a timer that is due at {:?} changes nothing", self.now));
            }
            if self.subject.is_some_and(|run| {
                self.shard.position() > RECORDS_MAX && self.records.count(run) > RECORDS_MAX
            }) {
                return Err(format!("the run has more than {RECORDS_MAX} records"));
            }
        }
    }

    fn schedule(&mut self, after_ms: i64, due: Due) {
        self.numbers += 1;
        self.queue.insert((self.now.plus(after_ms), self.numbers), due);
    }

    fn apply(&mut self, due: Option<Due>) {
        let (input, request) = match due {
            None => (Input::Tick, None),
            Some(Due::Outcome(ticket, result)) => {
                (Input::Outcome { ticket, result, token: None }, None)
            }
            Some(Due::Request(input)) => (input.clone(), Some(input)),
        };
        let out = self.shard.apply(self.now, input);
        if !self.commit(out) {
            self.recover();
            // Who asked was not answered, and asks again; a caller that starts does so above, and
            // what the store answered was asked by the process that died.
            match request {
                Some(Input::Start(_) | Input::Found { .. }) | None => {}
                Some(request) => self.schedule(0, Due::Request(request)),
            }
        }
        self.look();
    }

    /// Commits an output and lets its effects leave; false where the process died instead.
    fn commit(&mut self, out: Output) -> bool {
        let mut subject_records = Vec::new();
        for row in &out.batch.rows {
            if self.subject.is_none() {
                self.subject = row.run;
            }
            if row.run.is_some() && row.run == self.subject {
                subject_records.push(row.number);
            }
        }
        let crash = self
            .script
            .crash
            .filter(|crash| !self.crashed && subject_records.contains(&crash.record));
        if crash.is_some_and(|crash| crash.before) {
            return false;
        }
        self.records.commit(&out.batch);
        if crash.is_some() {
            return false;
        }
        for send in out.reads {
            self.send(send);
        }
        for effect in out.effects {
            self.leave(effect);
        }
        if let Some(strike) = self.script.strike
            && subject_records.contains(&strike.record)
        {
            self.strike(strike.what);
        }
        true
    }

    fn leave(&mut self, effect: Effect) {
        match effect {
            Effect::Call(send) => self.send(*send),
            Effect::Find { namespace, workflow, key } => {
                let id = (namespace.clone(), workflow.clone(), key.clone());
                let row = self.records.key(&id);
                let input = Input::Found { namespace, workflow, key, row };
                self.schedule(0, Due::Request(input));
            }
            Effect::Reply { token: 0, answer } => self.started = Some(answer),
            // Nobody resolves a review here, and there is no other shard.
            Effect::FindItem { .. }
            | Effect::FindWaits(_)
            | Effect::FindEvents { .. }
            | Effect::Reply { .. }
            | Effect::Notice { .. }
            | Effect::History { .. }
            | Effect::Publish(_) => {}
        }
    }
}

/// An actor that may do everything.
fn everybody() -> Actor {
    Actor { name: "simulation".to_owned(), roles: Vec::new(), everything: true }
}

impl World<'_> {
    /// Somebody who may answers a task or question, after a while.
    fn answer_task(&mut self, item: &str, value: Json, after_ms: i64) {
        let input = Input::Task {
            item: item.to_owned(),
            act: TaskAct::Answer(value),
            actor: everybody(),
            token: None,
        };
        self.schedule(after_ms, Due::Request(input));
    }
}
