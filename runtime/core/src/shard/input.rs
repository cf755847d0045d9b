//! What a shard is told, and how it answers.

use super::output::Outgoing;
use super::upgrade::Stays;
use crate::codegen::{Json, Values};
use crate::id::{RunId, ShardId};
use crate::journal::Position;
use crate::port::{EventName, EventRow, ItemRow, KeyRow, MessageRow};
use crate::service::{Attempt, Purpose};
use crate::time::Time;

/// Names a request whose answer is wanted; chosen by the caller, never recorded.
pub type Token = u64;

/// One input.
#[derive(Clone, Debug)]
pub enum Input {
    /// A start.
    Start(Start),
    /// The answer to [`Effect::Find`](super::Effect::Find).
    Found {
        /// Namespace.
        namespace: String,
        /// Qualified workflow.
        workflow: String,
        /// Key.
        key: String,
        /// What the store holds.
        row: Option<KeyRow>,
    },
    /// An attempt, a probe or a late completion ended.
    Outcome {
        /// From the call.
        ticket: Ticket,
        /// How.
        result: Attempt,
        /// Who wants to know whether it was in time.
        token: Option<Token>,
    },
    /// The service accepted the call (202) and completes it later.
    Accepted(Ticket),
    /// The service is still at an accepted call.
    Heartbeat {
        /// From the call.
        ticket: Ticket,
        /// Who is told whether it still counts.
        token: Option<Token>,
    },
    /// Time has passed.
    Tick,
    /// An event from outside; its payload is canonical.
    Event {
        /// Stable id of the sender.
        id: String,
        /// Namespace.
        namespace: String,
        /// Qualified name.
        event: String,
        /// Key, as text.
        key: String,
        /// Payload by field name.
        payload: Json,
        /// Who waits for the answer.
        token: Option<Token>,
    },
    /// What was read from a partition of a topic.
    Consumed(Consumed),
    /// A partition cannot be read any further.
    Halted {
        /// The namespace of the node that read it.
        namespace: String,
        /// The topic's name.
        topic: String,
        /// What tells the topic from another one of its name.
        topic_id: String,
        /// The partition's number.
        partition: u32,
        /// Of whose batches; none for those who read record by record.
        workflow: Option<String>,
        /// Why.
        why: String,
    },
    /// The brokers will never take an event.
    Unsent {
        /// It.
        outgoing: Box<Outgoing>,
        /// Why.
        why: String,
    },
    /// A person does something about a task or a question.
    Task {
        /// Id of the item; it begins with the run's id.
        item: String,
        /// What.
        act: TaskAct,
        /// Who.
        actor: Actor,
        /// Who waits for the answer.
        token: Option<Token>,
    },
    /// A person has looked at a review.
    Review {
        /// Id of the item.
        item: String,
        /// Who.
        actor: Actor,
        /// What came of it.
        reason: String,
        /// Who waits for the answer.
        token: Option<Token>,
    },
    /// A person has done something about a dead letter of a topic.
    Letter {
        /// Id of the item.
        item: String,
        /// What becomes of it.
        act: Box<LetterAct>,
        /// Who.
        actor: Actor,
        /// Why.
        reason: String,
        /// Who waits for the answer.
        token: Option<Token>,
    },
    /// The answer to [`Effect::FindItem`](super::Effect::FindItem).
    FoundItem {
        /// Id of the item.
        item: String,
        /// What the store holds.
        row: Option<ItemRow>,
    },
    /// The answer to [`Effect::FindWaits`](super::Effect::FindWaits).
    FoundWaits {
        /// Which events.
        name: EventName,
        /// The shards that want them.
        shards: Vec<ShardId>,
    },
    /// The answer to [`Effect::FindEvents`](super::Effect::FindEvents).
    FoundEvents {
        /// Which events.
        name: EventName,
        /// As asked.
        since: Time,
        /// What their home keeps, in order.
        rows: Vec<EventRow>,
    },
    /// What the inbox holds. The same message may come again until it was taken.
    Mail(Vec<MessageRow>),
    /// An operator opens or closes the breaker of a service.
    Breaker {
        /// Qualified service.
        service: String,
        /// What.
        act: BreakerAct,
        /// Who.
        actor: Actor,
        /// Why.
        reason: String,
        /// Who waits for the answer.
        token: Option<Token>,
    },
    /// An operator does something about a run.
    Operate {
        /// The run.
        run: RunId,
        /// What.
        act: Act,
        /// Who.
        actor: Actor,
        /// Why.
        reason: String,
        /// Who waits for the answer.
        token: Option<Token>,
    },
}

/// What becomes of a dead letter of a topic.
#[derive(Clone, Debug)]
pub enum LetterAct {
    /// Its record can be read by now: it is taken in.
    TakeIn(Arrived),
    /// Its event is in its topic by now.
    Sent,
    /// A batch of its record alone is started: it can be read by now, or is worth another try.
    Gather(Gathering),
    /// Its partition is read on from here.
    ReadOn(Position),
    /// Nothing: it is let go.
    LetGo,
}

/// What was read from a partition of a topic, one batch after the other.
#[derive(Clone, Debug)]
pub struct Consumed {
    /// The namespace of the node that read it.
    pub namespace: String,
    /// The topic's name.
    pub topic: String,
    /// What tells the topic from another one of its name.
    pub topic_id: String,
    /// The partition's number.
    pub partition: u32,
    /// For whose batches it was read; none where its events are taken in one by one.
    pub workflow: Option<String>,
    /// From which offset it was read; none where nothing was read, and only the first position is
    /// to be kept.
    pub from: Option<u64>,
    /// From which offset the next batch will be read.
    pub next: u64,
    /// What was read, in order.
    pub records: Vec<Arrived>,
    /// Who waits for the answer.
    pub token: Option<Token>,
}

/// Records of one partition that start one run.
#[derive(Clone, Debug)]
pub struct Gathering {
    /// The namespace of the node that read them.
    pub namespace: String,
    /// The qualified workflow.
    pub workflow: String,
    /// The topic's name.
    pub topic: String,
    /// What tells the topic from another one of its name.
    pub topic_id: String,
    /// The partition's number.
    pub partition: u32,
    /// The records, in order.
    pub items: Vec<BatchItem>,
    /// What tells it from the batch in which its records came first, where they come again.
    pub again: Option<String>,
}

/// A record of a batch.
#[derive(Clone, Debug, Default)]
pub struct BatchItem {
    /// Its place in the partition.
    pub offset: u64,
    /// Payload of its event by field name, canonical.
    pub payload: Json,
    /// Namespace and id, where it is an event of ours: that is taken in once, however often it is sent.
    pub own: Option<(String, String)>,
    /// Its bytes and headers as a letter has them, where it may be rejected.
    pub whole: Option<Json>,
}

/// A record of a topic.
#[derive(Clone, Debug)]
pub enum Arrived {
    /// It is an event; its payload is canonical.
    Event {
        /// The same whenever it is read.
        id: String,
        /// Namespace.
        namespace: String,
        /// Qualified name.
        event: String,
        /// Key, as text.
        key: String,
        /// Payload by field name.
        payload: Json,
        /// Its place in the partition, where its id is that place: no other record has this id.
        placed: Option<u64>,
    },
    /// It belongs into the batch that is read.
    Item(Box<BatchItem>),
    /// It cannot be read as one; the partition moves on, and a person looks at it.
    Poison {
        /// Its place in the partition.
        offset: u64,
        /// All of it, and why.
        body: Json,
    },
}

/// What an operator does about the breaker of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BreakerAct {
    /// Holds it open: nothing is sent until it is closed.
    Open,
    /// Closes it, and lets waiting calls go at once.
    Close,
}

/// A start.
#[derive(Clone, Debug)]
pub struct Start {
    /// Namespace.
    pub namespace: String,
    /// Qualified workflow.
    pub workflow: String,
    /// Version; the newest where it is none.
    pub version: Option<u32>,
    /// The caller's key, used only where the workflow declares none.
    pub key: Option<String>,
    /// Canonical input by parameter name.
    pub input: Values,
    /// Entropy for the run's id.
    pub entropy: [u8; 16],
    /// Who waits for the answer.
    pub token: Option<Token>,
}

/// Names one attempt of one call.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
pub struct Ticket {
    /// The run.
    pub run: RunId,
    /// The call.
    pub call: u64,
    /// The attempt, or the question of a probe.
    pub attempt: u32,
    /// Do, undo, or probe.
    pub purpose: Purpose,
}

/// A person or a program that acts from outside.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Actor {
    /// Name, recorded with what it does.
    pub name: String,
    /// Roles it holds.
    pub roles: Vec<String>,
    /// Holds every role (loopback without a configured key).
    pub everything: bool,
}

impl Actor {
    /// Whether one of `assign` (`role:NAME`, `user:NAME`) names it; nobody named is anybody.
    #[must_use]
    pub fn may(&self, assign: &[String]) -> bool {
        self.everything
            || assign.is_empty()
            || assign.iter().any(|one| match one.split_once(':') {
                Some(("role", role)) => self.roles.iter().any(|held| held == role),
                Some(("user", name)) => self.name == name,
                _ => false,
            })
    }
}

/// What is done about a task or question.
#[derive(Clone, Debug)]
pub enum TaskAct {
    /// Reserve it.
    Claim,
    /// Give it back.
    Release,
    /// Answer it: a value of the task's type; for a question about a step a [`Resolution`] in JSON.
    Answer(Json),
    /// Say something about it, for whoever comes next.
    Comment(String),
}

/// What is done about a run.
#[derive(Clone, Debug)]
pub enum Act {
    /// Unwind it.
    Cancel,
    /// End it at once, undoing nothing.
    Terminate,
    /// Send nothing new.
    Pause,
    /// Go on.
    Resume,
    /// Try again what is parked or stuck: this item, or all.
    Retry(Option<String>),
    /// Let it go on with the newest version, whose program says how.
    Upgrade {
        /// Only say whether it would.
        dry_run: bool,
    },
    /// Say what the outcome of the parked, stuck or unresolved step or undo at this path is.
    Resolve {
        /// Path with indexes.
        path: String,
        /// The outcome.
        outcome: Resolution,
    },
}

/// An outcome, said by a person.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resolution {
    /// It happened, with this result. For an undo: it is done.
    Ok(Json),
    /// A declared error: it did not happen.
    Failed {
        /// Name.
        name: String,
        /// Payload by field.
        #[serde(default)]
        payload: Json,
    },
    /// Ask the service again.
    Again,
    /// An undo is given up; the reason is recorded.
    GiveUp,
}

/// Answer to a request.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// The run of a start.
    Started {
        /// It.
        run: RunId,
        /// Whether this start made it.
        new: bool,
    },
    /// The key's run was started with another input.
    OtherInput {
        /// It.
        run: RunId,
    },
    /// A start was refused: its class has no place, and this run has one.
    InFlight {
        /// It.
        run: RunId,
    },
    /// No such workflow or version.
    NoWorkflow,
    /// It is done, and recorded.
    Done,
    /// It is recorded and takes effect when an unresolved step allows it (X1).
    Pending,
    /// It came too late.
    TooLate,
    /// The event is known already.
    Duplicate,
    /// Nothing of that name is here.
    NotFound,
    /// The actor may not do it.
    Forbidden,
    /// Somebody else has claimed it.
    Claimed {
        /// Who.
        by: String,
    },
    /// The value does not fit its type.
    Mismatch {
        /// Where in the value.
        path: String,
        /// What was expected.
        expected: String,
    },
    /// It stays on its version.
    Stays(Stays),
    /// It cannot be done, in words.
    Refused(String),
    /// Come back then.
    Busy {
        /// When.
        after: Time,
    },
}
