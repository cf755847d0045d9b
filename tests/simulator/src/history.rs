//! What the outside world saw of every run: each request as it left a node, as it reached its service,
//! and when its answer was taken in; starts, ends, cancels.
//!
//! Promises: one order over everything. Must not: hold anything that the runtime keeps for itself; what
//! is read of it is what any client can read, and what has been committed.

use sagaflow_core::id::RunId;
use sagaflow_sweep::ledger::{Contract, Entry, Ledger, Purpose, Request};
use sagaflow_sweep::script::{CallId, Known, Plan, Said};
use std::collections::BTreeMap;

/// One request.
#[derive(Clone, Debug)]
pub struct Called {
    /// When it left its node, in the order of everything.
    pub left: u64,
    /// The run.
    pub run: RunId,
    /// Path, as its header says.
    pub path: String,
    /// Indexes of the path.
    pub indexes: Vec<u32>,
    /// Action.
    pub id: CallId,
    /// Key.
    pub key: String,
    /// Attempt.
    pub attempt: u32,
    /// Purpose.
    pub purpose: Purpose,
    /// On undo and probe: the forward key.
    pub undoes: Option<String>,
    /// Second argument.
    pub arg: Option<i64>,
    /// It only looks.
    pub read: bool,
    /// Its answer, as its node took it in, and when that was durable.
    pub heard: Option<(u64, Said)>,
    /// Its answer, as its node took it in.
    pub told: Option<Said>,
    /// Its places among the requests of its services, one for each arrival.
    pub arrivals: Vec<usize>,
}

/// One run, seen from outside.
#[derive(Debug)]
pub struct Story {
    /// Which version it is pinned to.
    pub version: usize,
    /// Requests in the order in which they left.
    pub calls: Vec<Called>,
    /// Its services' side.
    pub ledger: Ledger,
    /// What was answered under each key.
    pub values: BTreeMap<String, i64>,
    /// When its end was committed, and how it ended.
    pub ended: Option<(u64, String)>,
    /// A cancel was taken.
    pub cancelled: bool,
    /// Operators paused it, or tried something again.
    pub operated: bool,
    /// How often its shard was recovered since it began.
    pub recovered: u32,
}

impl Story {
    /// A run of this version.
    #[must_use]
    pub fn new(version: usize) -> Self {
        Self {
            version,
            calls: Vec::new(),
            ledger: Ledger::default(),
            values: BTreeMap::new(),
            ended: None,
            cancelled: false,
            operated: false,
            recovered: 0,
        }
    }

    /// Requests under a key, in the order in which they left.
    pub fn under<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a Called> {
        self.calls.iter().filter(move |call| call.key == key)
    }

    /// Undos of a forward key, in the order in which they left.
    pub fn undos<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a Called> {
        self.calls.iter().filter(move |call| {
            call.purpose == Purpose::Undo && call.undoes.as_deref() == Some(key)
        })
    }

    /// Forward keys of writes, in the order of their first request.
    #[must_use]
    pub fn forward_keys(&self) -> Vec<&str> {
        let mut keys: Vec<&str> = Vec::new();
        let writes = self.calls.iter().filter(|call| call.purpose == Purpose::Do && !call.read);
        for call in writes {
            if !keys.contains(&call.key.as_str()) {
                keys.push(&call.key);
            }
        }
        keys
    }

    /// Whether it was applied under a key and stands.
    #[must_use]
    pub fn stands(&self, key: &str) -> bool {
        self.ledger.known.get(key) == Some(&Known::Done)
    }

    /// A request reaches its service: what it says, and whether it applied an effect.
    pub fn arrive(
        &mut self,
        call: usize,
        plan: Plan,
        contract: &Contract,
        copy: bool,
    ) -> (Said, bool) {
        let Some(called) = self.calls.get_mut(call) else { return (Said::Unknown, false) };
        let request = Request {
            id: called.id.clone(),
            key: called.key.clone(),
            attempt: called.attempt,
            purpose: called.purpose,
            undoes: called.undoes.clone(),
            arg: called.arg,
            contract: contract.clone(),
        };
        called.arrivals.push(self.ledger.sent.len());
        let said = self.ledger.note(Entry::Request(Box::new(request), plan, copy));
        said.unwrap_or((Said::Unknown, false))
    }

    /// The answers to these requests are durable.
    pub fn hear(&mut self, at: u64, call: usize) {
        let Some(called) = self.calls.get_mut(call) else { return };
        let Some(said) = called.told.clone() else { return };
        let answers = called.arrivals.iter().copied().filter(|sent| {
            let sent = self.ledger.sent.get(*sent);
            sent.is_some_and(|sent| matches!(&sent.answered, Some((_, answer)) if *answer == said))
        });
        let answer = answers.max();
        called.heard = Some((at, said));
        if let Some(sent) = answer {
            let place = self.ledger.place() + 1;
            self.ledger.note(Entry::Answered(sent, place));
        }
    }

    /// Its end was committed.
    pub fn end(&mut self, at: u64, status: &str) {
        self.ended = Some((at, status.to_owned()));
        self.ledger.note(Entry::Ended);
        status.clone_into(&mut self.ledger.status);
    }

    /// One line for every request.
    #[must_use]
    pub fn lines(&self) -> String {
        let line = |call: &Called| {
            let key = call.key.get(..6).unwrap_or_default();
            let undoes = call.undoes.as_ref().and_then(|key| key.get(..6)).unwrap_or("-");
            format!(
                "{:>6} {} {} #{} key {key} undoes {undoes} arg {:?} at {}: told {:?}, durable {:?}",
                call.left,
                call.purpose.word(),
                call.id,
                call.attempt,
                call.arg,
                call.path,
                call.told,
                call.heard.as_ref().map(|(at, _)| at),
            )
        };
        let mut lines: Vec<String> = self.calls.iter().map(line).collect();
        lines.push(format!("       ended {:?}, cancelled {}", self.ended, self.cancelled));
        lines.join("\n")
    }
}
