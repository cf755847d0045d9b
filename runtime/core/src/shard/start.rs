//! Starts: one run per key, whoever asks and how often.
//!
//! A key that is not in memory is looked up in the store first. While that is under way every start
//! with the key waits, so nothing can be decided between the question and the answer.

use super::concurrency::claims;
use super::gather::{is_place, start_slot};
use super::indexed::indexed;
use super::input::{Answer, Start, Token};
use super::output::{Effect, Output};
use super::{Run, Shard, mail, turn};
use crate::codegen::{Frame, Machine, Values};
use crate::id::RunId;
use crate::journal::{EventBody, Happened};
use crate::key::{canonical, fingerprint};
use crate::limits::STARTS_PER_KEY;
use crate::port::{KeyRow, Source};
use crate::run::{Claim, Fiber, Gathered, Happening, Kind, Origin, ROOT, RunState};
use crate::time::Time;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Namespace, workflow, key.
pub(super) type KeyId = (String, String, String);

/// What tells one input from another.
pub(super) type Print = [u8; 32];

/// Keys of runs in memory, and starts that wait for a key to be looked up.
#[derive(Default)]
pub(super) struct Starts {
    known: BTreeMap<KeyId, (RunId, Print)>,
    asked: BTreeMap<KeyId, Vec<Waiting>>,
}

/// A start that waits.
pub(super) struct Waiting {
    pub(super) machine: Arc<dyn Machine>,
    pub(super) input: Values,
    entropy: [u8; 16],
    /// Where its batch was read.
    gathered: Option<Gathered>,
    /// When the event came that asks for it, and its number: its place among those that wait for
    /// their turn.
    pub(super) came: Option<(Time, u64)>,
    /// Its id, where its home is another shard.
    event: Option<String>,
    /// Who asked.
    pub(super) origin: StartedBy,
}

/// Who asked for a start.
pub(super) enum StartedBy {
    /// A caller.
    Caller(Option<Token>),
    /// A trigger, for this event.
    Event {
        /// Namespace.
        namespace: String,
        /// Id of the event.
        id: String,
    },
    /// A trigger at another shard, by this message.
    Mail(Source),
}

impl Starts {
    /// A run has ended: its key is in the store.
    pub(super) fn forget(&mut self, state: &RunState) {
        let origin = state.origin();
        if let Some(key) = &origin.key {
            self.known.remove(&(origin.namespace.clone(), origin.workflow.clone(), key.clone()));
        }
    }

    /// The key of a run that was recovered.
    pub(super) fn learn(&mut self, id: RunId, state: &RunState) {
        let origin = state.origin();
        if let Some(key) = &origin.key {
            let key = (origin.namespace.clone(), origin.workflow.clone(), key.clone());
            self.known.insert(key, (id, input_print(&origin.input.values())));
        }
    }
}

impl Shard {
    /// A caller starts a workflow.
    pub(super) fn start(&mut self, now: Time, start: Start, out: &mut Output) {
        let Start { namespace, workflow, version, key, input, entropy, token } = start;
        let Some(machine) = self.machines.for_start(&workflow, version).cloned() else {
            return out.reply(token, Answer::NoWorkflow);
        };
        // A declared key wins; the caller's is then ignored.
        let key = match machine.key(&input) {
            Ok(Some(declared)) => Some(canonical(&declared)),
            Ok(None) => key,
            Err(fault) => {
                let why = format!("its key cannot be computed: {}", fault.message);
                return out.reply(token, Answer::Refused(why));
            }
        };
        let origin = StartedBy::Caller(token);
        let waiting =
            Waiting { machine, input, entropy, gathered: None, came: None, event: None, origin };
        self.start_with(now, namespace, key, waiting, out);
    }

    /// Starts under a key, or without one.
    pub(super) fn start_with(
        &mut self,
        now: Time,
        namespace: String,
        key: Option<String>,
        waiting: Waiting,
        out: &mut Output,
    ) {
        let Some(key) = key else {
            if let Some(waiting) = self.unless_crowded(now, waiting, out) {
                self.begin(now, namespace, None, waiting, out);
            }
            return;
        };
        if !self.place.owns(start_slot(&namespace, waiting.machine.spec(), &key)) {
            // Invariant: only the owner of a key's shard writes it.
            let elsewhere = || Answer::Refused("the key belongs to another shard".to_owned());
            return match waiting.origin {
                StartedBy::Caller(token) => out.reply(token, elsewhere()),
                StartedBy::Event { namespace, id } => self.triggered(now, namespace, id, out),
                StartedBy::Mail(from) => self.put_off(from),
            };
        }
        let id = (namespace, waiting.machine.spec().name.clone(), key);
        if let Some(known) = self.starts.known.get(&id).copied() {
            return self.answer_known(now, waiting, known, out);
        }
        let behind = self.reservations.behind(&id);
        let asks = behind.is_some();
        let all = match behind {
            Some(behind) => behind,
            None => self.starts.asked.entry(id.clone()).or_default(),
        };
        if all.len() >= STARTS_PER_KEY {
            return self.come_back(now, waiting, out);
        }
        all.push(waiting);
        if all.len() == 1 && !asks {
            let (namespace, workflow, key) = id;
            // Crash: nothing was promised yet; the caller asks again.
            out.effects.push(Effect::Find { namespace, workflow, key });
        }
    }

    /// Too many start under one key.
    fn come_back(&mut self, now: Time, waiting: Waiting, out: &mut Output) {
        match waiting.origin {
            StartedBy::Caller(token) => out.reply(token, Answer::Busy { after: now.plus(1_000) }),
            StartedBy::Mail(from) => self.put_off(from),
            // Recovery offers the event again.
            StartedBy::Event { .. } => {}
        }
    }

    /// The store has answered.
    pub(super) fn found(&mut self, now: Time, id: KeyId, row: Option<KeyRow>, out: &mut Output) {
        // Order: a batch is started without asking, while the store was asked about its key.
        let known = self.starts.known.get(&id).copied();
        let known = known.or(row.map(|row| (row.run, row.fingerprint)));
        let all = self.starts.asked.remove(&id).unwrap_or_default();
        self.begin_all(now, &id, known, all, out);
    }

    /// A start under a key that has no run, unless it may not make one.
    pub(super) fn may_begin(
        &mut self,
        now: Time,
        key: &str,
        waiting: Waiting,
        out: &mut Output,
    ) -> Option<Waiting> {
        if is_place(waiting.machine.spec(), key) {
            // Invariant: only the position of a partition starts a batch under its place.
            match waiting.origin {
                StartedBy::Caller(token) => {
                    let why = "a batch of this id is read from its topic only";
                    out.reply(token, Answer::Refused(why.to_owned()));
                }
                StartedBy::Event { namespace, id } => self.triggered(now, namespace, id, out),
                StartedBy::Mail(from) => self.started_by_mail(from, out),
            }
            return None;
        }
        self.unless_crowded(now, waiting, out)
    }

    /// Has a caller come back whose run would only wait for its turn behind many others.
    fn unless_crowded(&self, now: Time, start: Waiting, out: &mut Output) -> Option<Waiting> {
        let spec = start.machine.spec();
        let many =
            spec.queues() && self.classes.crowded() || spec.asks() && self.reservations.crowded();
        match start.origin {
            StartedBy::Caller(token @ Some(_)) if many => {
                out.reply(token, Answer::Busy { after: now.plus(1_000) });
                None
            }
            _ => Some(start),
        }
    }

    pub(super) fn answer_known(
        &mut self,
        now: Time,
        waiting: Waiting,
        (run, print): (RunId, Print),
        out: &mut Output,
    ) {
        let same = input_print(&waiting.input) == print;
        match waiting.origin {
            StartedBy::Caller(token) if same => {
                out.reply(token, Answer::Started { run, new: false });
            }
            StartedBy::Caller(token) => out.reply(token, Answer::OtherInput { run }),
            StartedBy::Event { namespace, id } => self.triggered(now, namespace, id, out),
            StartedBy::Mail(from) => self.started_by_mail(from, out),
        }
    }

    /// The id of a run that is started now.
    pub(super) fn run_id(
        &self,
        now: Time,
        namespace: &str,
        key: Option<&str>,
        waiting: &Waiting,
    ) -> RunId {
        let [low, high, random @ ..] = waiting.entropy;
        let slot = match key {
            Some(key) => start_slot(namespace, waiting.machine.spec(), key),
            None => self.place.slot(u16::from_be_bytes([low, high])),
        };
        let [a, b, c, d, e, f, g, h, ..] = random;
        RunId::new(now.0, slot, [a, b, c, d, e, f, g, h])
    }

    /// Admits the run of a batch.
    pub(super) fn admit_batch(
        &mut self,
        now: Time,
        (namespace, key): (String, String),
        waiting: Waiting,
        out: &mut Output,
    ) {
        let claims = self.claims_of(now, &namespace, &waiting);
        let run = self.run_id(now, &namespace, Some(&key), &waiting);
        self.admit(now, (run, claims), (namespace, Some(key)), waiting, out);
    }

    /// What a run claims that is started now.
    pub(super) fn claims_of(&self, now: Time, namespace: &str, waiting: &Waiting) -> Vec<Claim> {
        let came = waiting.came.unwrap_or_else(|| self.came(now));
        claims(waiting.machine.as_ref(), (namespace, &waiting.input), came)
    }

    /// Admits a run: its first record holds the start and everything up to where it rests.
    pub(super) fn admit(
        &mut self,
        now: Time,
        (run, claims): (RunId, Vec<Claim>),
        (namespace, key): (String, Option<String>),
        waiting: Waiting,
        out: &mut Output,
    ) -> RunId {
        let Waiting { machine, input, gathered, event, origin: started_by, .. } = waiting;
        let spec = machine.spec();
        let waits = claims.iter().any(|claim| !claim.granted);
        let origin = Origin {
            namespace: namespace.clone(),
            workflow: spec.name.clone(),
            version: spec.version,
            hash: spec.hash.clone(),
            key: key.clone(),
            indexed: indexed(machine.as_ref(), &input),
            input: input.clone().into(),
            started: now,
            events: self.events.last(),
            deadline: spec.deadline_ms.filter(|_| !waits).map(|ms| now.plus(ms)),
            deadline_ms: spec.deadline_ms.filter(|_| waits),
            class: retention_class(spec.retain_ms),
            retain_ms: spec.retain_ms,
            gathered: gathered.map(Box::new),
            event: event.filter(|_| spec.events.values().any(|event| event.waited)),
        };
        self.batches.began(&origin);
        let print = input_print(&input);
        if let Some(key) = &key {
            let workflow = spec.name.clone();
            let id = (namespace.clone(), workflow.clone(), key.clone());
            self.starts.known.insert(id, (run, print));
            out.put_key(KeyRow {
                namespace: namespace.clone(),
                workflow,
                key: key.clone(),
                run,
                fingerprint: print,
            });
        }
        let started = Happened::Started { workflow: spec.name.clone(), version: spec.version, key };
        let frame = Frame { at: "start".to_owned(), iteration: Vec::new(), values: input };
        let state = RunState::new(origin);
        let answer =
            self.turn_of(now, run, Box::new(Run::new(state, Some(machine))), out, |turn| {
                turn.note(started);
                let root = Fiber::new(Kind::Root, frame, Happening::Enter);
                turn.state().put_fiber(ROOT, root);
                turn.claim(claims);
                if !waits {
                    turn.queue.push_back(ROOT);
                }
                Answer::Started { run, new: true }
            });
        match started_by {
            StartedBy::Caller(token) => out.reply(token, answer),
            StartedBy::Event { namespace, id } => self.triggered(now, namespace, id, out),
            StartedBy::Mail(from) => self.started_by_mail(from, out),
        }
        run
    }
}

impl Waiting {
    /// A start that a trigger asks for. The same event gives the same entropy.
    pub(super) fn triggered(machine: Arc<dyn Machine>, input: Values, event: &EventBody) -> Self {
        let (namespace, id) = (event.namespace.clone(), event.id.clone());
        let entropy = mail::entropy(&namespace, &id, &machine.spec().name);
        let origin = StartedBy::Event { namespace, id };
        let came = Some((event.at, event.number));
        Self { machine, input, entropy, gathered: None, came, event: None, origin }
    }

    /// The same at another shard than the event's home.
    pub(super) fn by_mail(
        machine: Arc<dyn Machine>,
        input: Values,
        (namespace, event, came): (&str, &str, (Time, u64)),
        from: Source,
    ) -> Self {
        let entropy = mail::entropy(namespace, event, &machine.spec().name);
        let origin = StartedBy::Mail(from);
        let (came, event) = (Some(came), Some(event.to_owned()));
        Self { machine, input, entropy, gathered: None, came, event, origin }
    }

    /// A batch that was read. The same place gives the same entropy.
    pub(super) fn gathered(
        machine: Arc<dyn Machine>,
        input: Values,
        (namespace, id): (&str, &str),
        gathered: Gathered,
    ) -> Self {
        let entropy = mail::entropy(namespace, id, &machine.spec().name);
        let origin = StartedBy::Caller(None);
        let gathered = Some(gathered);
        Self { machine, input, entropy, gathered, came: None, event: None, origin }
    }
}

pub(super) fn input_print(input: &Values) -> Print {
    let object = input.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
    fingerprint(&serde_json::Value::Object(object))
}

/// Retention class: 1 d, 7 d, 30 d, 90 d, 1 y, longer.
fn retention_class(retain_ms: i64) -> u8 {
    const DAY: i64 = 86_400_000;
    let classes = [1, 7, 30, 90, 366];
    let class = classes.iter().position(|days| retain_ms <= days * DAY).unwrap_or(classes.len());
    u8::try_from(class).unwrap_or(u8::MAX)
}

/// The hour bucket of the store's clock: never decreasing.
#[must_use]
pub(super) fn bucket(now: Time, last: u32) -> u32 {
    turn::hour(now).max(last)
}
