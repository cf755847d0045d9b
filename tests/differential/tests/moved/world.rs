//! One shard, a store that keeps its rows, and services that do what they are told once per key.

use sagaflow::codegen::{Json, Machine, Values};
use sagaflow::id::{RunId, ShardId};
use sagaflow::journal::{self, Record};
use sagaflow::port::{EventRow, ItemRow, JournalRow, Lease, RunRow, Tail};
use sagaflow::run::RunState;
use sagaflow::service::{Attempt, Purpose};
use sagaflow::shard::{
    Act, Actor, Answer, Effect, Input, Machines, Output, Recovery, Send, Shard, Start, TaskAct,
};
use sagaflow::time::Time;
use serde_json::json;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// Bound: inputs of one history; more is a run that never ends.
const INPUTS: usize = 500;

pub struct World {
    shard: Shard,
    machines: Machines,
    now: Time,
    rows: Vec<JournalRow>,
    runs: BTreeMap<RunId, RunRow>,
    items: BTreeMap<String, ItemRow>,
    events: Vec<EventRow>,
    pending: VecDeque<Send>,
    answers: BTreeMap<u64, Answer>,
    /// What was done, by key: once each, however often it was asked for.
    pub applied: BTreeMap<String, (String, Json)>,
    /// The last stamp fails.
    torn: bool,
    paid: bool,
    epoch: u64,
}

impl World {
    pub fn new(machine: Arc<dyn Machine>, torn: bool) -> Self {
        let mut machines = Machines::default();
        machines.add(machine);
        let mut world = Self {
            shard: Shard::new(machines.clone()),
            machines,
            now: Time(1_767_225_600_000),
            rows: Vec::new(),
            runs: BTreeMap::new(),
            items: BTreeMap::new(),
            events: Vec::new(),
            pending: VecDeque::new(),
            answers: BTreeMap::new(),
            applied: BTreeMap::new(),
            torn,
            paid: false,
            epoch: 1,
        };
        let parts = json!([{ "name": "a", "price": 1 }, { "name": "b", "price": 2 }]);
        let input: Values = [
            ("id".to_owned(), "x".into()),
            ("parts".to_owned(), parts),
            ("days".to_owned(), 3.into()),
        ]
        .into();
        world.apply(Input::Start(Start {
            namespace: "default".into(),
            workflow: "moved.Rent".into(),
            version: None,
            key: None,
            input,
            entropy: [7; 16],
            token: Some(1),
        }));
        world
    }

    /// A process that serves the new version too takes over.
    pub fn deploy(&mut self, machines: [Arc<dyn Machine>; 2]) {
        self.machines = Machines::default();
        machines.into_iter().for_each(|machine| self.machines.add(machine));
        self.restart();
    }

    /// The process stops, and another one takes over: what was under way is sent again.
    fn restart(&mut self) {
        self.pending.clear();
        self.epoch += 1;
        let tail = Tail {
            checkpoint: 0,
            last: self.rows.last().map_or(0, |row| row.seq),
            bucket: self.rows.last().map_or(0, |row| row.bucket),
            emitted: 0,
            rows: self.rows.clone(),
            runs: self.runs.values().filter(|row| row.ended_at.is_none()).cloned().collect(),
            events: self.events.clone(),
            waits: Vec::new(),
        };
        let owner = serde_json::from_value(json!("00000000-0000-0000-0000-000000000001"));
        let owner = owner.expect("an id");
        let lease = Lease { shard: ShardId(0), epoch: self.epoch, owner };
        let recovered =
            Shard::recover(Recovery::alone(lease, tail, self.machines.clone(), self.now));
        assert!(recovered.damaged.is_empty(), "{:?}", recovered.damaged);
        self.shard = recovered.shard;
        self.finish(recovered.fence);
    }

    /// Moves the run, and loses the memory right after it.
    pub fn upgrade(&mut self) {
        let act = Act::Upgrade { dry_run: false };
        let (actor, reason) = (Actor::default(), "because".to_owned());
        let run = self.run();
        self.apply(Input::Operate { run, act, actor, reason, token: Some(2) });
        assert_eq!(self.answers.get(&2), Some(&Answer::Done), "{:?}", self.state());
        self.restart();
    }

    /// Goes on until so many records are written, or the run has ended.
    pub fn go(&mut self, records: usize) {
        for _ in 0..INPUTS {
            if self.records() >= records || self.state().ended() {
                return;
            }
            self.next();
        }
        panic!("it never ends: {:?}", self.state());
    }

    fn next(&mut self) {
        if let Some(send) = self.pending.pop_front() {
            let result = self.serve(&send);
            return self.apply(Input::Outcome { ticket: send.ticket, result, token: None });
        }
        let open = self.items.values().find(|item| item.open && item.kind == "task");
        if let Some(item) = open.map(|item| item.id.clone()) {
            let actor = Actor { everything: true, ..Actor::default() };
            let act = TaskAct::Answer(true.into());
            return self.apply(Input::Task { item, act, actor, token: None });
        }
        if !std::mem::replace(&mut self.paid, true) {
            return self.apply(Input::Event {
                id: "e-1".into(),
                namespace: "default".into(),
                event: "moved.Paid".into(),
                key: "x".into(),
                payload: json!({ "id": "x" }),
                token: None,
            });
        }
        let due = self.shard.next_due().expect("something is due");
        self.now = self.now.max(due);
        self.apply(Input::Tick);
    }

    fn serve(&mut self, send: &Send) -> Attempt {
        let (call, args) = (&send.call, send.args.clone());
        let last = call.action == "stamp" && args["id"] == "x";
        if self.torn && last {
            return Attempt::Failed { name: "Torn".to_owned(), payload: Json::Null };
        }
        let done = (call.action.clone(), args.clone());
        let before = self.applied.insert(call.key.clone(), done.clone());
        assert!(before.is_none_or(|before| before == done), "one key is one call");
        assert!(call.purpose != Purpose::Probe, "nothing is asked");
        match call.action.as_str() {
            "hold" => Attempt::Ok(format!("h-{}", args["part"].as_str().unwrap_or("?")).into()),
            _ => Attempt::Ok(Json::Null),
        }
    }

    fn apply(&mut self, input: Input) {
        let out = self.shard.apply(self.now, input);
        self.finish(out);
    }

    fn finish(&mut self, out: Output) {
        self.rows.extend(out.batch.rows.iter().cloned());
        self.runs.extend(out.batch.runs.iter().map(|row| (row.run, row.clone())));
        self.items.extend(out.batch.items.iter().map(|item| (item.id.clone(), item.clone())));
        self.events.extend(out.batch.events.iter().cloned());
        self.pending.extend(out.reads);
        for effect in out.effects {
            match effect {
                Effect::Call(send) => self.pending.push_back(*send),
                Effect::Find { namespace, workflow, key } => {
                    self.apply(Input::Found { namespace, workflow, key, row: None });
                }
                Effect::Reply { token, answer } => drop(self.answers.insert(token, answer)),
                _ => {}
            }
        }
    }

    fn run(&self) -> RunId {
        self.rows.iter().find_map(|row| row.run).expect("it was started")
    }

    fn all(&self) -> Vec<Record> {
        let rows = self.rows.iter().filter(|row| row.run.is_some());
        rows.map(|row| journal::decode(&row.body).expect("a record")).collect()
    }

    pub fn records(&self) -> usize {
        self.rows.iter().filter(|row| row.run.is_some()).count()
    }

    /// The fold of the records.
    pub fn state(&self) -> RunState {
        let all = self.all();
        let mut state = RunState::from_parts(1, &all[0].parts).expect("a first record");
        for record in &all[1..] {
            state.absorb(record.number, &record.parts).expect("it folds");
        }
        state
    }

    /// The records, as they are written.
    pub fn written(&self) -> Json {
        serde_json::to_value(self.all()).expect("records are JSON")
    }

    /// The parts for which an action was applied, in their order.
    pub fn done(&self, action: &str) -> Vec<String> {
        let own = self.applied.values().filter(|(name, _)| name == action);
        let mut parts: Vec<String> =
            own.map(|(_, args)| args["part"].as_str().unwrap_or("?").to_owned()).collect();
        parts.sort();
        parts
    }
}
