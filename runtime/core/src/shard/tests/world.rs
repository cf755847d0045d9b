//! A world for tests: a store that keeps what was committed, a ledger of keyed effects, scripted
//! outcomes, virtual time, and crashes.

use super::program::Program;
use crate::codegen::{Json, Values};
use crate::id::{RunId, ShardId};
use crate::journal::{self, Happened, Record};
use crate::port::{EventRow, IndexedRow, ItemRow, JournalRow, KeyRow, Lease, RunRow, Tail};
use crate::run::RunState;
use crate::service::{Attempt, Purpose, Refusal};
use crate::shard::{
    Act, Actor, Answer, Effect, Input, Machines, Notice, Outgoing, Output, Recovery, Send, Shard,
    Start, TaskAct,
};
use crate::status::Status;
use crate::time::Time;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

/// A scripted outcome of one send.
#[derive(Clone, Debug)]
pub enum Play {
    Ok,
    Failed(&'static str),
    Refused,
    Credentials,
    /// Applied, and the answer lost.
    Applied,
    /// Lost on the way there.
    Lost,
    Panic,
    Fault,
    /// Never answered: the test answers later.
    Silent,
}

#[derive(Default)]
pub struct Store {
    pub rows: Vec<JournalRow>,
    pub keys: Vec<KeyRow>,
    pub runs: BTreeMap<RunId, RunRow>,
    /// All that was ever written.
    pub indexed: Vec<IndexedRow>,
    pub items: BTreeMap<String, ItemRow>,
    pub events: Vec<EventRow>,
    pub checkpoint: u64,
}

/// When the process stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crash {
    Never,
    /// Before the n-th commit: it is lost.
    Before(usize),
    /// After the n-th commit: what it would have sent is lost.
    After(usize),
}

pub struct World {
    pub shard: Shard,
    pub machines: Machines,
    pub now: Time,
    pub store: Store,
    pub script: BTreeMap<String, VecDeque<Play>>,
    /// What became of each attempt, by key and number.
    pub fates: BTreeMap<(String, u32), Play>,
    /// Every send, as `action#attempt` with its key.
    pub sends: Vec<Send>,
    /// Keys applied, in order, with the action.
    pub applied: Vec<(String, String)>,
    pub undone: BTreeSet<String>,
    pub failed: BTreeMap<String, &'static str>,
    pub pending: VecDeque<Send>,
    pub answers: BTreeMap<u64, Answer>,
    pub notices: Vec<Notice>,
    pub published: Vec<Outgoing>,
    pub crash: Crash,
    pub commits: usize,
    pub epoch: u64,
    /// Restarts are of a paused node.
    pub paused: bool,
    pub token: u64,
    /// Leaves the comparison with the fold out: it costs the whole state for every record.
    pub unchecked: bool,
    /// The fold of every run's committed records.
    pub folded: BTreeMap<RunId, RunState>,
}

impl World {
    pub fn new(program: Arc<Program>) -> Self {
        let mut machines = Machines::default();
        machines.add(program);
        Self {
            shard: Shard::new(machines.clone()),
            machines,
            now: Time(1_000_000),
            store: Store::default(),
            script: BTreeMap::new(),
            fates: BTreeMap::new(),
            sends: Vec::new(),
            applied: Vec::new(),
            undone: BTreeSet::new(),
            failed: BTreeMap::new(),
            pending: VecDeque::new(),
            answers: BTreeMap::new(),
            notices: Vec::new(),
            published: Vec::new(),
            crash: Crash::Never,
            commits: 0,
            epoch: 1,
            paused: false,
            token: 0,
            unchecked: false,
            folded: BTreeMap::new(),
        }
    }

    pub fn of(body: Vec<super::program::S>) -> Self {
        Self::new(Program::new(body).arc())
    }

    pub fn play(mut self, action: &str, plays: &[Play]) -> Self {
        self.script.entry(action.to_owned()).or_default().extend(plays.iter().cloned());
        self
    }

    pub fn crashing(mut self, crash: Crash) -> Self {
        self.crash = crash;
        self
    }

    /// Applies one input, commits, and releases what may leave.
    pub fn apply(&mut self, input: Input) {
        let out = self.shard.apply(self.now, input);
        self.finish(out);
    }

    pub fn finish(&mut self, out: Output) {
        let mut clean = out.is_clean();
        if !clean {
            self.commits += 1;
            if self.crash == Crash::Before(self.commits) {
                return self.restart();
            }
            self.commit(&out);
            if self.crash == Crash::After(self.commits) {
                return self.restart();
            }
        }
        self.check_fold();
        for send in out.reads {
            assert!(send.call.purpose == Purpose::Do, "only reads leave at once");
            self.pending.push_back(send);
        }
        for effect in out.effects {
            match effect {
                Effect::Call(send) => {
                    assert!(!clean, "a call leaves only behind a commit");
                    self.pending.push_back(*send);
                }
                Effect::Find { namespace, workflow, key } => {
                    let row = self
                        .store
                        .keys
                        .iter()
                        .find(|row| row.workflow == workflow && row.key == key)
                        .cloned();
                    self.apply(Input::Found { namespace, workflow, key, row });
                    clean = false;
                }
                Effect::FindItem { item } => {
                    let row = self.store.items.get(&item).cloned();
                    self.apply(Input::FoundItem { item, row });
                    clean = false;
                }
                Effect::FindWaits(_) | Effect::FindEvents { .. } => {
                    panic!("one shard asks no other");
                }
                Effect::Reply { token, answer } => {
                    self.answers.insert(token, answer);
                }
                Effect::Notice { notice, .. } => self.notices.push(notice),
                Effect::History { .. } => {}
                Effect::Publish(outgoing) => self.published.push(*outgoing),
            }
        }
    }

    fn commit(&mut self, out: &Output) {
        let batch = &out.batch;
        let last = self.store.rows.last().map_or(0, |row| row.seq);
        assert_eq!(batch.prev, last, "the fence compares the position before the batch");
        for (row, seq) in batch.rows.iter().zip(last + 1..) {
            assert_eq!(row.seq, seq, "positions have no gaps");
        }
        for row in &batch.rows {
            let Some(run) = row.run else { continue };
            let record: Record = journal::decode(&row.body).expect("a record");
            match self.folded.get_mut(&run) {
                Some(state) => state.absorb(record.number, &record.parts).expect("it folds"),
                None => {
                    let first = RunState::from_parts(1, &record.parts).expect("a first record");
                    self.folded.insert(run, first);
                }
            }
        }
        self.store.rows.extend(batch.rows.iter().cloned());
        for key in &batch.keys {
            let same = |row: &KeyRow| (&row.workflow, &row.key) == (&key.workflow, &key.key);
            let known = self.store.keys.iter().any(same);
            assert!(!known, "a key starts one run");
            self.store.keys.push(key.clone());
        }
        for row in &batch.runs {
            self.store.runs.insert(row.run, row.clone());
        }
        self.store.indexed.extend(batch.indexed.iter().cloned());
        for item in &batch.items {
            self.store.items.insert(item.id.clone(), item.clone());
        }
        self.store.events.extend(batch.events.iter().cloned());
        self.store.checkpoint = batch.checkpoint.unwrap_or(self.store.checkpoint);
    }

    /// The process stops, and another one takes over.
    pub fn restart(&mut self) {
        self.restart_damaged(0);
    }

    /// The same, where so many runs cannot be read.
    pub fn restart_damaged(&mut self, damaged: usize) {
        self.pending.clear();
        self.epoch += 1;
        let checkpoint = self.store.checkpoint;
        let mut tail = Tail {
            checkpoint,
            last: self.store.rows.last().map_or(0, |row| row.seq),
            bucket: self.store.rows.last().map_or(0, |row| row.bucket),
            emitted: 0,
            rows: self.store.rows.iter().filter(|row| row.seq > checkpoint).cloned().collect(),
            runs: self.store.runs.values().filter(|r| r.ended_at.is_none()).cloned().collect(),
            events: self.store.events.clone(),
            waits: Vec::new(),
        };
        for run in tail.doubtful() {
            if self.store.runs.get(&run).is_some_and(|row| row.ended_at.is_some()) {
                tail.forget(run);
            }
        }
        let lease = Lease { shard: ShardId(0), epoch: self.epoch, owner: uuid::Uuid::from_u128(1) };
        let machines = self.machines.clone();
        let recovery = Recovery::alone(lease, tail, machines, self.now);
        let recovered = match self.paused {
            true => Shard::recover_paused(recovery),
            false => Shard::recover(recovery),
        };
        assert_eq!(recovered.damaged.len(), damaged, "{:?}", recovered.damaged);
        self.shard = recovered.shard;
        self.finish(recovered.fence);
    }

    /// Invariant: the fold of the committed records is the state in memory, byte by byte.
    fn check_fold(&self) {
        for (id, state) in self.shard.runs().filter(|_| !self.unchecked) {
            assert!(state.tally_is_right(), "the tally of {id}");
        }
        if self.unchecked {
            return;
        }
        for (id, state) in self.shard.runs() {
            if state.changed() {
                continue;
            }
            let folded = self.folded.get(&id).expect("a committed run folds");
            let bytes = |state: &RunState| journal::encode(&state.parts().expect("parts"));
            assert_eq!(folded.number(), state.number());
            let show = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
            assert_eq!(
                bytes(folded).map(show).expect("json"),
                bytes(state).map(show).expect("json"),
            );
        }
    }

    pub fn records(&self, id: RunId) -> Vec<Record> {
        let rows = self.store.rows.iter().filter(|row| row.run == Some(id));
        rows.map(|row| journal::decode(&row.body).expect("a record")).collect()
    }

    pub fn fold(&self, id: RunId) -> Option<&RunState> {
        self.folded.get(&id)
    }

    pub fn happened(&self, id: RunId) -> Vec<Happened> {
        self.records(id).into_iter().flat_map(|record| record.happened).collect()
    }

    pub fn start_input(&mut self, order: &str) -> Input {
        self.token += 1;
        let input: Values = [("order".to_owned(), Json::from(order))].into();
        Input::Start(Start {
            namespace: "default".into(),
            workflow: "shop.Order".into(),
            version: None,
            key: None,
            input,
            entropy: std::array::from_fn(|at| order.as_bytes().get(at).copied().unwrap_or(7)),
            token: Some(self.token),
        })
    }

    /// Starts a run and says which.
    pub fn start(&mut self) -> RunId {
        let mut tries = 0;
        while self.store.keys.is_empty() {
            // The client asks again until it is answered, with the same key.
            let input = self.start_input("o-1");
            self.apply(input);
            tries += 1;
            assert!(tries < 5, "the start is admitted");
        }
        self.store.keys[0].run
    }

    /// Starts the run of another order.
    pub fn start_as(&mut self, order: &str) -> RunId {
        let input = self.start_input(order);
        self.apply(input);
        match self.answers.get(&self.token) {
            Some(Answer::Started { run, .. }) => *run,
            other => panic!("the start was answered with {other:?}"),
        }
    }

    /// Executes one pending call against the ledger.
    pub fn answer_one(&mut self) -> bool {
        let Some(send) = self.pending.pop_front() else { return false };
        self.sends.push(send.clone());
        let name = match send.call.purpose {
            Purpose::Probe => "status".to_owned(),
            _ => send.call.action.clone(),
        };
        // Sending again after a crash is the same attempt, and fares the same.
        let attempt = (send.call.key.clone(), send.call.attempt);
        let play = self.fates.get(&attempt).cloned().unwrap_or_else(|| {
            self.script.get_mut(&name).and_then(VecDeque::pop_front).unwrap_or(Play::Ok)
        });
        if matches!(play, Play::Silent) {
            self.fates.insert(attempt, Play::Ok);
            return true;
        }
        if !matches!(play, Play::Credentials) {
            self.fates.insert(attempt, play.clone());
        }
        let result = self.serve(&send, &play);
        self.apply(Input::Outcome { ticket: send.ticket, result, token: None });
        true
    }

    fn serve(&mut self, send: &Send, play: &Play) -> Attempt {
        let (key, action) = (send.call.key.clone(), send.call.action.clone());
        let unknown = |timeout| Attempt::Unknown { cause: "lost".into(), timeout };
        let reached = !matches!(play, Play::Refused | Play::Credentials | Play::Lost);
        if reached && self.undone.contains(&key) {
            return Attempt::Refused {
                reason: "undone".into(),
                retry_after_ms: None,
                cause: Refusal::Undone,
            };
        }
        if reached && let Some(name) = self.failed.get(&key) {
            return Attempt::Failed { name: (*name).to_owned(), payload: Json::Null };
        }
        match play {
            Play::Ok if send.call.purpose == Purpose::Probe => {
                let forward = send.call.undoes.clone().expect("a probe names its forward call");
                let done = self.applied.iter().any(|(_, applied)| *applied == forward);
                if done {
                    return Attempt::Ok(format!("r-{forward}").into());
                }
                self.undone.insert(forward);
                Attempt::Ok(Json::Null)
            }
            Play::Ok | Play::Applied | Play::Panic => {
                if send.call.purpose == Purpose::Undo {
                    self.undone.extend(send.call.undoes.clone());
                }
                if !self.applied.iter().any(|(_, applied)| *applied == key) {
                    self.applied.push((action, key.clone()));
                }
                match play {
                    Play::Ok => Attempt::Ok(format!("r-{key}").into()),
                    Play::Panic => {
                        Attempt::Unknown { cause: "panic: index".into(), timeout: false }
                    }
                    _ => unknown(true),
                }
            }
            Play::Failed(name) => {
                self.failed.insert(key, name);
                Attempt::Failed { name: (*name).to_owned(), payload: Json::Null }
            }
            Play::Refused => Attempt::Refused {
                reason: "connection refused".into(),
                retry_after_ms: None,
                cause: Refusal::Away,
            },
            Play::Credentials => Attempt::Refused {
                reason: "401".into(),
                retry_after_ms: None,
                cause: Refusal::Credentials,
            },
            Play::Lost => unknown(false),
            Play::Fault => Attempt::Fault { message: "404".into() },
            Play::Silent => unreachable!("handled before"),
        }
    }

    /// Lets everything happen that can happen by itself, calls first, then time.
    pub fn settle(&mut self) {
        for _ in 0..5_000 {
            if self.answer_one() {
                continue;
            }
            match self.shard.next_due() {
                Some(due) => {
                    assert!(due.since(self.now) < 40 * 86_400_000, "a timer in the far future");
                    self.now = self.now.max(due);
                    self.apply(Input::Tick);
                }
                None => return,
            }
        }
        panic!("it never comes to rest");
    }

    /// The same within so much time.
    pub fn settle_for(&mut self, ms: i64) {
        let end = self.now.plus(ms);
        loop {
            self.run_calls();
            match self.shard.next_due() {
                Some(due) if due <= end => {
                    self.now = self.now.max(due);
                    self.apply(Input::Tick);
                }
                _ => break,
            }
        }
        self.now = end;
    }

    /// Lets calls be answered, but no time pass.
    pub fn run_calls(&mut self) {
        while self.answer_one() {}
    }

    pub fn pass(&mut self, ms: i64) {
        self.now = self.now.plus(ms);
        self.apply(Input::Tick);
    }

    pub fn operate(&mut self, run: RunId, act: Act) -> Answer {
        self.token += 1;
        let actor = Actor { name: "ann".into(), roles: vec!["operator".into()], everything: false };
        let (reason, token) = ("because".to_owned(), Some(self.token));
        self.apply(Input::Operate { run, act, actor, reason, token });
        self.answers.remove(&self.token).expect("an answer")
    }

    /// The same, where the process may stop before it answers.
    pub fn operate_unheard(&mut self, run: RunId, act: Act) {
        let (actor, reason) = (Actor::default(), "because".to_owned());
        self.apply(Input::Operate { run, act, actor, reason, token: None });
    }

    pub fn act(&mut self, item: &str, act: TaskAct, actor: Actor) -> Answer {
        self.token += 1;
        self.apply(Input::Task { item: item.into(), act, actor, token: Some(self.token) });
        self.answers.remove(&self.token).expect("an answer")
    }

    pub fn deliver(&mut self, id: &str, event: &str, key: &str) -> Answer {
        self.deliver_with(id, event, key, serde_json::json!({ "order": key }))
    }

    pub fn deliver_with(&mut self, id: &str, event: &str, key: &str, payload: Json) -> Answer {
        self.token += 1;
        self.apply(Input::Event {
            id: id.into(),
            namespace: "default".into(),
            event: event.into(),
            key: key.into(),
            payload,
            token: Some(self.token),
        });
        self.answers.remove(&self.token).expect("an answer")
    }

    pub fn status(&self, id: RunId) -> Status {
        self.fold(id).expect("a run").status()
    }

    /// Actions applied, in order.
    pub fn effects(&self) -> Vec<&str> {
        self.applied.iter().map(|(action, _)| action.as_str()).collect()
    }

    /// Sends in order: `action#attempt`.
    pub fn calls(&self) -> Vec<String> {
        self.sends.iter().map(|s| format!("{}#{}", s.call.action, s.call.attempt)).collect()
    }

    pub fn keys_of(&self, action: &str) -> Vec<&str> {
        let sends = self.sends.iter().filter(|send| send.call.action == action);
        sends.map(|send| send.call.key.as_str()).collect()
    }

    pub fn open_items(&self, kind: &str) -> Vec<&ItemRow> {
        self.store.items.values().filter(|item| item.open && item.kind == kind).collect()
    }

    /// Invariant: every effect that was applied and can be undone is undone, exactly once.
    pub fn assert_undone(&self) {
        let forward: Vec<_> = self.applied.iter().filter(|(a, _)| !a.starts_with("un")).collect();
        for (action, key) in &forward {
            assert!(self.undone.contains(key), "`{action}` is not undone");
        }
        let mut undos: Vec<_> = self
            .sends
            .iter()
            .filter(|send| send.call.purpose == Purpose::Undo)
            .map(|send| (send.call.undoes.clone(), send.call.key.clone()))
            .collect();
        undos.sort();
        undos.dedup();
        let calls: BTreeSet<_> = undos.iter().map(|(undoes, _)| undoes.clone()).collect();
        assert_eq!(calls.len(), undos.len(), "one undo key per forward call");
    }
}

/// Runs a program to its end with a crash before and after every commit, and asserts that the ledger
/// and the outcome are those of the undisturbed run.
pub fn crash_everywhere(make: impl Fn() -> World) {
    let mut plain = make();
    let run = plain.start();
    plain.settle();
    let (status, commits) = (plain.status(run), plain.commits);
    let mut effects = plain.effects();
    effects.sort_unstable();
    for n in 1..=commits {
        for crash in [Crash::Before(n), Crash::After(n)] {
            let mut world = make().crashing(crash);
            let run = world.start();
            world.settle();
            assert_eq!(world.status(run), status, "{crash:?}");
            let mut applied = world.effects();
            applied.sort_unstable();
            assert_eq!(applied, effects, "{crash:?}");
        }
    }
}
