//! Everybody outside: clients that start runs and ask again, people that answer, senders of events,
//! operators.
//!
//! Promises: whoever asks asks until he is told, always with the same key; what he is told is judged
//! against what he was told before.

use super::node::NodeEvent;
use super::store::ready;
use super::{Event, World};
use crate::dice::Fault;
use crate::fleet::WORKFLOW;
use sagaflow_core::codegen::{Json, Values};
use sagaflow_core::id::{RunId, ShardId, event_slot, shard_of};
use sagaflow_core::port::{ItemRow, RunRow, Store as _};
use sagaflow_core::shard::{Act, Actor, Answer, Input, Start, TaskAct};
use std::collections::BTreeMap;

/// What somebody wants.
#[derive(Clone, Debug)]
enum Wish {
    /// A run of this client with this input.
    Start { client: usize, k: i64 },
    /// An event reaches the run of a client.
    Event { client: usize, event: String, id: String },
    /// A person answers.
    Task { item: String, answer: Json },
    /// An operator acts.
    Operate { run: RunId, act: Act },
}

/// One request, asked until it is answered.
struct Asking {
    wish: Wish,
    done: bool,
    tries: u32,
}

/// A client with a key of his own.
struct Client {
    key: String,
    k: i64,
    run: Option<RunId>,
}

/// What somebody does of his own accord.
#[derive(Clone, Debug)]
pub(super) enum Outside {
    /// A client starts his run.
    Start(usize),
    /// A sender sends every event that the run of a client could wait for.
    Events(usize),
    /// A paused run is resumed.
    Resume(RunId),
}

/// Everybody outside.
#[derive(Default)]
pub(super) struct Crowd {
    clients: Vec<Client>,
    asks: Vec<Asking>,
    /// Items that somebody works on, and until when nobody else does.
    looked: BTreeMap<String, i64>,
    status: BTreeMap<RunId, String>,
    events: u64,
    events_sent: bool,
}

impl Crowd {
    /// A row is committed: the run, where its status is another one than before.
    pub(super) fn seen(&mut self, row: &RunRow) -> Option<RunId> {
        let before = self.status.insert(row.run, row.status.clone());
        (before.as_ref() != Some(&row.status)).then_some(row.run)
    }
}

/// An actor that may do everything.
fn everybody() -> Actor {
    Actor { name: "somebody".to_owned(), roles: Vec::new(), everything: true }
}

impl World {
    pub(super) fn gather_crowd(&mut self) {
        let clients = 3 + self.random.below(6);
        for client in 0..clients {
            let k = i64::try_from(self.random.below(10)).unwrap_or(0);
            self.crowd.clients.push(Client { key: format!("r{client}"), k, run: None });
            let first = self.ms(100, self.chaos_until * 2 / 3);
            self.after(first, Event::Outside(Outside::Start(client)));
            for _ in 0..2 {
                let later = first + self.ms(500, self.chaos_until);
                self.after(later, Event::Outside(Outside::Events(client)));
            }
        }
    }

    fn wish(&mut self, wish: Wish) {
        let double = self.strikes(Fault::DoubleClick);
        for _ in 0..1 + usize::from(double) {
            self.crowd.asks.push(Asking { wish: wish.clone(), done: false, tries: 0 });
            let ask = self.crowd.asks.len() - 1;
            let soon = self.ms(0, 300);
            self.after(soon, Event::Ask(ask));
        }
    }

    pub(super) fn outside(&mut self, what: Outside) {
        match what {
            Outside::Start(client) => {
                let Some(k) = self.crowd.clients.get(client).map(|client| client.k) else { return };
                self.wish(Wish::Start { client, k });
                if self.strikes(Fault::OtherInput) {
                    self.wish(Wish::Start { client, k: k + 1 });
                }
            }
            Outside::Events(client) => self.send_events(client),
            Outside::Resume(run) => {
                self.wish(Wish::Operate { run, act: Act::Resume });
            }
        }
    }

    fn send_events(&mut self, client: usize) {
        let Some(run) = self.crowd.clients.get(client).and_then(|client| client.run) else {
            return;
        };
        for event in self.judges.events(run) {
            if self.dice.is_healed() || self.random.chance(70) {
                self.crowd.events += 1;
                let id = format!("event-{}", self.crowd.events);
                self.wish(Wish::Event { client, event, id });
            }
        }
    }

    /// Somebody asks a node, any node.
    pub(super) fn ask(&mut self, ask: usize) {
        let Some(asking) = self.crowd.asks.get_mut(ask).filter(|asking| !asking.done) else {
            return;
        };
        asking.tries += 1;
        let patient = 1_000 * i64::from(asking.tries.min(5));
        let node = self.random.below(self.nodes.len());
        let there = self.ms(1, 20);
        self.tell(there, node, NodeEvent::Asked(ask));
        self.after(there + patient, Event::Ask(ask));
    }

    /// A request reaches a node: its owner decides, and nobody else.
    pub(super) fn asked(&mut self, node: usize, ask: usize) -> Result<(), String> {
        let Some(asking) = self.crowd.asks.get(ask) else { return Ok(()) };
        let wish = asking.wish.clone();
        let shard = self.shard_of_wish(&wish);
        let serves = self.nodes.get_mut(node).and_then(|node| node.serving(shard)).is_some();
        if !serves {
            let back = self.ms(1, 20);
            self.after(back, Event::Answer(ask, None));
            return Ok(());
        }
        let token = Some(ask as u64);
        let input = match wish {
            Wish::Start { client, k } => {
                // Fresh entropy for every request: all of them must still be one run.
                let mut entropy = [0; 16];
                for half in entropy.chunks_mut(8) {
                    half.copy_from_slice(&self.random.bits().to_be_bytes());
                }
                let input = self.input(client, k);
                let (namespace, workflow) = ("default".to_owned(), WORKFLOW.to_owned());
                let (version, key) = (None, None);
                let start = Start { namespace, workflow, version, key, input, entropy, token };
                Input::Start(start)
            }
            Wish::Event { client, event, id } => {
                let key = self.key(client);
                let payload = serde_json::json!({ "id": key, "n": 4 });
                let namespace = "default".to_owned();
                Input::Event { id, namespace, event, key, payload, token }
            }
            Wish::Task { item, answer } => {
                Input::Task { item, act: TaskAct::Answer(answer), actor: everybody(), token }
            }
            Wish::Operate { run, act } => {
                let (actor, reason) = (everybody(), "simulated".to_owned());
                Input::Operate { run, act, actor, reason, token }
            }
        };
        self.apply(node, shard, input, None)
    }

    fn key(&self, client: usize) -> String {
        self.crowd.clients.get(client).map(|client| client.key.clone()).unwrap_or_default()
    }

    fn input(&self, client: usize, k: i64) -> Values {
        let input = serde_json::json!({ "id": self.key(client), "k": k });
        [("input".to_owned(), input)].into_iter().collect()
    }

    fn shard_of_wish(&self, wish: &Wish) -> ShardId {
        let of_run = |run: RunId| shard_of(run.slot(), self.shards);
        match wish {
            Wish::Event { client, event, .. } => {
                shard_of(event_slot("default", event, &self.key(*client)), self.shards)
            }
            Wish::Start { client, .. } => {
                let key = sagaflow_core::key::canonical(&Json::from(self.key(*client)));
                self.home(&key)
            }
            Wish::Task { item, .. } => {
                let run = item.split_once('.').and_then(|(run, _)| run.parse().ok());
                run.map_or(ShardId(0), of_run)
            }
            Wish::Operate { run, .. } => of_run(*run),
        }
    }

    /// Somebody is told what became of his request.
    pub(super) fn answered(&mut self, ask: usize, answer: Option<Answer>) -> Result<(), String> {
        let Some(asking) = self.crowd.asks.get_mut(ask) else { return Ok(()) };
        let Some(answer) = answer else { return Ok(()) };
        let wish = asking.wish.clone();
        let again = matches!(answer, Answer::Busy { .. } | Answer::Refused(_));
        asking.done |= !again;
        match (wish, answer) {
            (Wish::Start { client, k }, Answer::Started { run, .. }) => {
                self.started(client, k, run, true)
            }
            (Wish::Start { client, k }, Answer::OtherInput { run }) => {
                self.started(client, k, run, false)
            }
            (Wish::Start { .. }, Answer::Busy { .. }) => Ok(()),
            (Wish::Start { .. }, answer) => Err(format!("a start is answered {answer:?}")),
            (Wish::Operate { run, act: Act::Cancel }, Answer::Done) => {
                self.judges.cancelled(run);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// I1, I34, I36: one key is one run, whoever asks and how often; another input is told so.
    fn started(&mut self, client: usize, k: i64, run: RunId, same: bool) -> Result<(), String> {
        let now = self.now;
        self.trace.note(now, format_args!("client {client} with {k} has {run} {same}"));
        let Some(of) = self.crowd.clients.get_mut(client) else { return Ok(()) };
        if of.run.is_some_and(|known| known != run) {
            return Err(format!("key {} has two runs: {:?} and {run}", of.key, of.run));
        }
        of.run = Some(run);
        self.judges.admitted(run, &of.key, k, same)
    }

    /// People look at what there is to do, and do some of it.
    pub(super) fn people(&mut self) {
        let healed = self.dice.is_healed();
        let again = if healed { 20_000 } else { 1_500 };
        self.after(again, Event::People);
        if self.down {
            return;
        }
        for kind in ["task", "dead_letter"] {
            let Ok(items) = ready(self.store.items("default", kind, false, None, 100)) else {
                return;
            };
            for item in items {
                self.attend(item);
            }
        }
        if healed {
            self.finish();
            self.skip_ahead();
        }
    }

    fn attend(&mut self, item: ItemRow) {
        let busy = self.crowd.looked.get(&item.id).is_some_and(|until| *until > self.now);
        if busy {
            return;
        }
        let late = self.strikes(Fault::LatePerson);
        let wait = if late { self.ms(10_000, 120_000) } else { self.ms(10, 3_000) };
        let first = !self.crowd.looked.contains_key(&item.id);
        self.crowd.looked.insert(item.id.clone(), self.now + wait + 5_000);
        if first && wait > 3_000 {
            return;
        }
        if item.kind == "dead_letter" {
            if let Some(run) = item.run {
                self.judges.operated(run);
                self.wish(Wish::Operate { run, act: Act::Retry(Some(item.id)) });
            }
            return;
        }
        let answer = match item.body.get("manual") == Some(&Json::Bool(true)) {
            true => serde_json::json!({ "ok": 7 }),
            false => Json::Bool(self.random.chance(70)),
        };
        self.wish(Wish::Task { item: item.id, answer });
    }

    /// After the chaos nothing is left paused, and whatever is waited for comes.
    fn finish(&mut self) {
        for run in self.judges.unended() {
            let row = ready(self.store.run(run)).ok().flatten();
            if row.is_none_or(|row| !row.flags.iter().any(|flag| flag == "paused")) {
                continue;
            }
            self.wish(Wish::Operate { run, act: Act::Resume });
        }
        if !std::mem::replace(&mut self.crowd.events_sent, true) {
            for client in 0..self.crowd.clients.len() {
                self.send_events(client);
            }
        }
    }

    /// An operator cancels or pauses some run.
    pub(super) fn operate(&mut self) {
        let runs = self.judges.unended();
        let Some(run) = self.random.pick(&runs).copied() else { return };
        if self.strikes(Fault::Cancel) {
            self.wish(Wish::Operate { run, act: Act::Cancel });
        }
        if self.strikes(Fault::PauseRun) {
            self.judges.operated(run);
            self.wish(Wish::Operate { run, act: Act::Pause });
            let later = self.ms(1_000, 30_000);
            self.after(later, Event::Outside(Outside::Resume(run)));
        }
        if self.strikes(Fault::StrayEvent) {
            let client = self.random.below(self.crowd.clients.len());
            self.send_events(client);
        }
    }

    /// Whether everybody was told, and every run has ended.
    pub(super) fn at_rest(&self) -> bool {
        let told = self.crowd.asks.iter().all(|asking| asking.done);
        let started = self.crowd.clients.iter().all(|client| client.run.is_some());
        told && started && self.judges.unended().is_empty() && self.now > self.chaos_until + 100_000
    }
}
