//! What the outside world saw: every request in order with its key, what was applied, what was said.
//!
//! Promises: one order over everything; nothing here comes from the runtime's own records but the
//! status that any client can read.

use crate::script::{CallId, Known, Plan, Said, answer};
use sagaflow_core::codegen::Json;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Why a request was made, as its header says.
pub use sagaflow_core::service::Purpose;

/// What a service is, for the world: its class, and what it belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contract {
    /// It only looks.
    pub read: bool,
    /// A repeated request is answered from memory.
    pub repeatable: bool,
    /// It is the probe of a forward action.
    pub probe: bool,
}

/// A request and its headers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// Which call.
    pub id: CallId,
    /// Its key.
    pub key: String,
    /// Attempt.
    pub attempt: u32,
    /// Purpose.
    pub purpose: Purpose,
    /// On undo and probe: the forward key.
    pub undoes: Option<String>,
    /// Second argument.
    pub arg: Option<i64>,
    /// What its service is.
    pub contract: Contract,
}

/// One line of the history, as it is told; its place in the order is its number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Entry {
    /// A run begins in a fresh world.
    Run,
    /// A request reaches its service, which behaves as planned; a copy is the network's.
    Request(Box<Request>, Plan, bool),
    /// The process died between its commit and the request.
    Withheld(Box<Request>),
    /// Something reaches the process.
    Input,
    /// The answer to the request of this number reached it as the input of that place, and was taken in.
    Answered(usize, usize),
    /// The answer was lost with the process.
    Lost(usize),
    /// The process died.
    Died,
    /// The event of the interrupt is sent.
    Interrupt,
    /// The cancel was answered: taken, or not.
    Cancelled(bool),
    /// The deadline of the run has passed.
    Late,
    /// Whoever waits for the run's answer is told this.
    Told(Json),
    /// The run has ended.
    Ended,
    /// What a client reads at last.
    Read {
        /// Status.
        status: String,
        /// `failure.error`.
        error: String,
        /// The answer: what the run replied, else its result.
        answer: Option<Json>,
        /// Commits of the run, for whoever plans the next crash.
        commits: u64,
        /// Why the world could not come to rest.
        stuck: Option<String>,
    },
}

impl Entry {
    /// Whether the one who tells it waits: for what a service says, or for the history to be whole.
    #[must_use]
    pub fn is_answered(&self) -> bool {
        matches!(self, Self::Request(..) | Self::Read { .. })
    }
}

/// What a service says, and whether it applied an effect.
pub type Verdict = (Said, bool);

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
    /// What was told to whoever waited for the run's answer, and when.
    pub told: Vec<(usize, Json)>,
    /// The answer that a client reads at the end.
    pub answer: Option<Json>,
    /// When the deadline of the run had passed.
    pub late: Option<usize>,
    /// When the process died.
    pub crashes: Vec<usize>,
    /// When something reached the process.
    pub inputs: Vec<usize>,
    /// The cancel was asked for, while the run had not ended.
    pub asked_to_cancel: bool,
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
    /// Adds a line, and says what is answered to a request.
    pub fn note(&mut self, entry: Entry) -> Option<Verdict> {
        self.clock += 1;
        let pos = self.clock;
        match entry {
            Entry::Run => *self = Self::default(),
            Entry::Input => self.inputs.push(pos),
            Entry::Request(request, plan, copy) => {
                let (said, applied) = self.verdict(&request, &plan);
                let answered = Some((0, said.clone())).filter(|_| !copy);
                self.sent.push(Sent { applied, answered, copy, ..sent(pos, *request) });
                return Some((said, applied));
            }
            Entry::Withheld(request) => {
                self.sent.push(Sent { withheld: true, ..sent(pos, *request) });
            }
            Entry::Answered(request, pos) => {
                if let Some(sent) = self.sent.get_mut(request) {
                    sent.lost = false;
                    if let Some((at, _)) = &mut sent.answered {
                        *at = pos;
                    }
                }
            }
            Entry::Lost(request) => {
                if let Some(sent) = self.sent.get_mut(request) {
                    sent.lost = true;
                }
            }
            Entry::Died => self.crashes.push(pos),
            Entry::Interrupt => self.interrupted = Some(pos),
            Entry::Cancelled(taken) => {
                self.asked_to_cancel = self.ended.is_none();
                self.cancelled = taken;
            }
            Entry::Late => self.late = Some(pos),
            Entry::Told(answer) => self.told.push((pos, answer)),
            Entry::Ended => self.ended = Some(pos),
            Entry::Read { status, error, answer, commits, stuck } => {
                (self.status, self.error, self.answer) = (status, error, answer);
                (self.commits, self.stuck) = (commits, stuck);
            }
        }
        None
    }

    /// The place of the line that was added last.
    #[must_use]
    pub fn place(&self) -> usize {
        self.clock
    }

    /// The contract that every service here keeps.
    fn verdict(&mut self, request: &Request, plan: &Plan) -> Verdict {
        if request.contract.probe {
            return self.probe(request.undoes.as_deref().unwrap_or_default(), plan);
        }
        if request.contract.read {
            return (answer(&Known::Nothing, true, plan).1, false);
        }
        let known = self.known.get(&request.key).cloned().unwrap_or_default();
        let (next, said, applied) = answer(&known, request.contract.repeatable, plan);
        self.known.insert(request.key.clone(), next.clone());
        if let Some(forward) = request.undoes.as_ref().filter(|_| next == Known::Done) {
            self.known.insert(forward.clone(), Known::Undone);
        }
        (said, applied)
    }

    fn probe(&mut self, forward: &str, plan: &Plan) -> Verdict {
        match plan {
            Plan::Refused => (Said::Refused, false),
            Plan::Done | Plan::Lost | Plan::Hangs => (Said::Unknown, false),
            Plan::Fail(_) | Plan::Ok => match self.known.get(forward) {
                Some(Known::Done) => (Said::Ok, false),
                _ => {
                    self.known.insert(forward.to_owned(), Known::Undone);
                    (Said::Spent, false)
                }
            },
        }
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

    /// Whether a request left with the recovery from the crash of this place, before anything else
    /// reached the process.
    #[must_use]
    pub fn recovered_with(&self, crash: usize, sent: &Sent) -> bool {
        let told = self.inputs.iter().any(|input| (crash..sent.pos).contains(input));
        self.crashes.contains(&crash) && sent.pos > crash && !told
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
            "     {} {} (late at {:?}, told {:?}, crash at {:?}, end at {:?}){}",
            self.status,
            self.error,
            self.late,
            self.told,
            self.crashes,
            self.ended,
            self.stuck.as_ref().map_or(String::new(), |why| format!(", stuck: {why}")),
        ));
        lines.join("\n")
    }
}

/// A request that has left, and of which no more is known.
fn sent(pos: usize, request: Request) -> Sent {
    let Request { id, key, attempt, purpose, undoes, arg, contract } = request;
    Sent {
        pos,
        id,
        key,
        attempt,
        purpose,
        undoes,
        arg,
        read: contract.read,
        applied: false,
        answered: None,
        lost: true,
        withheld: false,
        copy: false,
    }
}
