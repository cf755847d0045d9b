//! What the outside world saw: every request in order with its key, what was applied, what was said.
//!
//! Promises: one order over everything; nothing here comes from the runtime's own records but the
//! status that any client can read.

use crate::script::{CallId, Known, Said};
use std::collections::BTreeMap;

/// Why a request was made, as its header says.
pub use sagaflow_core::service::Purpose;

/// One request, as it reached its service.
#[derive(Clone, Debug)]
pub struct Sent {
    /// Place in the order of everything.
    pub pos: usize,
    /// Which call.
    pub id: CallId,
    /// Its key.
    pub key: String,
    /// Attempt, as its header says.
    pub attempt: u32,
    /// Purpose, as its header says.
    pub purpose: Purpose,
    /// On undo and probe: the forward key.
    pub undoes: Option<String>,
    /// Second argument.
    pub arg: Option<i64>,
    /// It only looks.
    pub read: bool,
    /// The service applied an effect for it.
    pub applied: bool,
    /// What was said, where an answer came back, and when.
    pub answered: Option<(usize, Said)>,
    /// The process died before it took the answer in.
    pub lost: bool,
    /// The process died between its commit and the request: it never left.
    pub withheld: bool,
    /// A copy made by the network.
    pub copy: bool,
}

/// Everything.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    /// Requests in order.
    pub sent: Vec<Sent>,
    /// State of every key at the end.
    pub known: BTreeMap<String, Known>,
    /// When the run ended.
    pub ended: Option<usize>,
    /// Status at the end, as a client reads it.
    pub status: String,
    /// `failure.error` where it failed, as a client reads it.
    pub error: String,
    /// When the process died.
    pub crashes: Vec<usize>,
    /// The cancel was taken.
    pub cancelled: bool,
    /// The event of the interrupt was sent then.
    pub interrupted: Option<usize>,
    /// Commits of the run.
    pub commits: u64,
    /// Why the world could not come to rest.
    pub stuck: Option<String>,
    clock: usize,
}

impl Ledger {
    /// The next place in the order.
    pub fn tick(&mut self) -> usize {
        self.clock += 1;
        self.clock
    }

    /// When the process died last.
    #[must_use]
    pub fn crashed(&self) -> Option<usize> {
        self.crashes.last().copied()
    }

    /// When the process died that made this request.
    #[must_use]
    pub fn crash_of(&self, sent: &Sent) -> Option<usize> {
        self.crashes.iter().copied().find(|crash| *crash > sent.pos)
    }

    /// Keys of a call in the order of their first request, by purpose.
    #[must_use]
    pub fn keys(&self, id: &CallId, purpose: Purpose) -> Vec<&str> {
        let mut keys: Vec<&str> = Vec::new();
        for sent in &self.sent {
            if sent.id == *id && sent.purpose == purpose && !keys.contains(&sent.key.as_str()) {
                keys.push(&sent.key);
            }
        }
        keys
    }

    /// Requests under a key.
    pub fn under<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a Sent> {
        self.sent.iter().filter(move |sent| sent.key == key)
    }

    /// One line for every request.
    #[must_use]
    pub fn story(&self) -> String {
        let mut lines = Vec::new();
        for sent in &self.sent {
            let said = sent
                .answered
                .as_ref()
                .map_or("-".to_owned(), |(pos, said)| format!("{said:?}@{pos}"));
            let lost = if sent.lost { " lost" } else { "" };
            let lost = if sent.withheld { " withheld" } else { lost };
            let copy = if sent.copy { " copy" } else { "" };
            let applied = if sent.applied { " applied" } else { "" };
            lines.push(format!(
                "{:>4} {} {} #{} {} arg {:?}: {said}{applied}{lost}{copy}",
                sent.pos,
                sent.purpose.word(),
                sent.id,
                sent.attempt,
                sent.key.get(..6).unwrap_or_default(),
                sent.arg,
            ));
        }
        lines.push(format!(
            "     {} {} (crash at {:?}, end at {:?}){}",
            self.status,
            self.error,
            self.crashes,
            self.ended,
            self.stuck.as_ref().map_or(String::new(), |why| format!(", stuck: {why}")),
        ));
        lines.join("\n")
    }
}
