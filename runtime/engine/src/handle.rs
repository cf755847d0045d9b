//! The way in: start, wait, look, act. Cheap to clone.
//!
//! Promises: an answer is given after what it says has committed; a caller that gets none is told to
//! ask again, and may, because starts have keys and actions are recorded once.

use crate::cluster::Role;
use crate::driver::{Counters, Services, Shared};
use crate::error::{Error, Result, suggestion};
use crate::input;
use crate::inputs::{Became, Inputs};
use crate::reader::{ItemList, Reader};
use crate::router::Router;
use crate::view::{self, Entry};
use sagaflow_core::codegen::{Json, Machine, Values};
use sagaflow_core::id::{RunId, ShardId, event_slot, shard_of};
use sagaflow_core::key::canonical;
use sagaflow_core::port::{ItemRow, NodeRow, RunFilter, RunRow};
use sagaflow_core::run::{Mode, RunState};
use sagaflow_core::service::Attempt;
use sagaflow_core::shard::{Act, Actor, Answer, Input, Machines, Start, TaskAct, Ticket};
use std::sync::Arc;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// A start, as a caller asks for it.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// Qualified name, or the short one where it is unique.
    pub workflow: String,
    /// Version; the newest where it is none.
    pub version: Option<u32>,
    /// Used where the workflow declares no key.
    pub key: Option<String>,
    /// The value of the single parameter, or an object by name for several.
    pub input: Json,
}

/// A start that was recorded, or found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Started {
    /// The run.
    pub run: RunId,
    /// Whether this start made it.
    pub new: bool,
}

/// What a waiting caller waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// A reply, a result, or the decision to unwind.
    Reply,
    /// The end.
    End,
}

impl Until {
    /// Whether a run in this state has got so far.
    pub(crate) fn reached(self, state: &RunState) -> bool {
        let head = state.head();
        match self {
            Self::End => head.mode == Mode::Ended,
            Self::Reply => {
                head.reply.is_some() || head.result.is_some() || head.mode != Mode::Forward
            }
        }
    }
}

/// What was decided about a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decided {
    /// It is done.
    Done,
    /// It is recorded, and takes effect when an unresolved step allows it.
    Pending,
    /// It takes longer than a caller waits: the id by which [`Handle::input`] tells about it.
    Later(String),
}

/// An event that was taken in, or is about to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivered {
    /// Its id: the sender's, or a fresh one.
    pub id: String,
    /// The input to ask about, where the decision takes longer than a caller waits.
    pub later: Option<String>,
}

/// The way into an engine.
#[derive(Clone)]
pub struct Handle {
    namespace: Arc<str>,
    /// The node's own namespace.
    home: Arc<str>,
    machines: Machines,
    services: Arc<Services>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) requests: Router,
    pub(crate) reader: Arc<dyn Reader>,
    pub(crate) stop: CancellationToken,
    pub(crate) inputs: Inputs,
}

impl Handle {
    pub(crate) fn new(
        namespace: String,
        machines: Machines,
        services: Arc<Services>,
        shared: Arc<Shared>,
        requests: Router,
        reader: Arc<dyn Reader>,
        stop: CancellationToken,
    ) -> Self {
        let (home, inputs): (Arc<str>, _) = (namespace.into(), Inputs::default());
        let namespace = Arc::clone(&home);
        Self { namespace, home, machines, services, shared, requests, reader, stop, inputs }
    }

    /// Namespace of everything that is started here.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The newest version of every hosted workflow.
    pub fn machines(&self) -> impl Iterator<Item = &Arc<dyn Machine>> {
        self.machines.newest()
    }

    /// Every hosted version of every workflow.
    pub(crate) fn hosted(&self) -> impl Iterator<Item = &Arc<dyn Machine>> {
        self.machines.all()
    }

    /// Every hosted version of a workflow, by qualified name.
    pub fn versions(&self, workflow: &str) -> impl Iterator<Item = &Arc<dyn Machine>> {
        self.machines.all().filter(move |machine| machine.spec().name == workflow)
    }

    /// What answers for the services.
    #[must_use]
    pub fn services(&self) -> &Services {
        &self.services
    }

    /// Counts since the process began.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.shared.counters
    }

    /// How the brokers are; none where this node has none.
    #[must_use]
    pub fn brokers(&self) -> Option<crate::kafka::Health> {
        self.shared.bus.as_ref().map(|bus| bus.broker.health())
    }

    /// Whether the store takes commits and the engine serves.
    #[must_use]
    pub fn ready(&self) -> bool {
        !self.shared.is_away() && !self.stop.is_cancelled() && self.shared.fatal.borrow().is_none()
    }

    /// Whether nothing is sent and no timer fires.
    #[must_use]
    pub fn paused(&self) -> bool {
        self.shared.paused
    }

    /// What this node does for the runs of its store.
    #[must_use]
    pub fn role(&self) -> Role {
        self.shared.cluster.role()
    }

    /// Whether several nodes share its store.
    #[must_use]
    pub fn is_member(&self) -> bool {
        self.shared.cluster.member().is_some()
    }

    /// Whether others own shards now, and the node at this address none. One that gives back what it
    /// has still answers what it has decided.
    #[must_use]
    pub fn replaced(&self, address: &str) -> bool {
        self.shared.cluster.replaced(address)
    }

    /// How many of how many shards this node owns.
    #[must_use]
    pub fn shards(&self) -> (usize, u32) {
        (self.shared.cluster.owned().len(), self.shared.cluster.shards())
    }

    /// The live nodes of a store that several share, this one included.
    #[must_use]
    pub fn nodes(&self) -> Vec<NodeRow> {
        self.shared.cluster.nodes()
    }

    /// The same node, seen from another namespace: its own runs, keys, events and items.
    #[must_use]
    pub fn in_namespace(&self, namespace: &str) -> Self {
        Self { namespace: namespace.into(), ..self.clone() }
    }

    /// Whether it is seen from the node's own namespace.
    #[must_use]
    pub fn at_home(&self) -> bool {
        self.namespace == self.home
    }

    /// The same, from the namespace of a run.
    ///
    /// # Errors
    /// [`Error::NotFound`], or what the store says.
    pub async fn of_run(&self, run: RunId) -> Result<Self> {
        let view = crate::view::view(self.reader.as_ref(), run).await?;
        Ok(self.in_namespace(&view.ok_or(Error::NotFound("run"))?.row.namespace))
    }

    /// Tells once why the engine cannot go on.
    #[must_use]
    pub fn fatal(&self) -> watch::Receiver<Option<String>> {
        self.shared.fatal.subscribe()
    }

    /// The machine of a workflow by qualified name, or by the short one where it is unique.
    ///
    /// # Errors
    /// [`Error::NoWorkflow`], with a suggestion.
    pub fn machine(&self, name: &str) -> Result<&Arc<dyn Machine>> {
        let short = |full: &str| full.rsplit('.').next() == Some(name);
        let mut fitting = self.machines().filter(|m| m.spec().name == name);
        if let Some(machine) = fitting.next() {
            return Ok(machine);
        }
        let mut fitting = self.machines().filter(|m| short(&m.spec().name));
        match (fitting.next(), fitting.next()) {
            (Some(machine), None) => Ok(machine),
            (Some(one), Some(other)) => Err(Error::NoWorkflow {
                name: name.to_owned(),
                hint: format!("; it may be `{}` or `{}`", one.spec().name, other.spec().name),
            }),
            _ => {
                let known = self.machines().map(|m| m.spec().name.as_str());
                Err(Error::NoWorkflow { name: name.to_owned(), hint: suggestion(name, known) })
            }
        }
    }

    /// The machine a run is pinned to, where it is hosted here.
    #[must_use]
    pub fn machine_of(&self, row: &RunRow) -> Option<&Arc<dyn Machine>> {
        self.machines.get(&row.workflow, row.version, &row.hash)
    }

    /// Whether a run has not ended and its version is not hosted here: nothing happens to it until it
    /// is, whatever its status says.
    #[must_use]
    pub fn unserved(&self, row: &RunRow) -> bool {
        row.ended_at.is_none() && self.machine_of(row).is_none()
    }

    /// Starts a run, or finds the one its key has started. Answered after the commit.
    ///
    /// # Errors
    /// As [`Error`] says; with [`Error::Away`] and [`Error::Busy`] the caller may ask again.
    pub async fn start(&self, request: Request) -> Result<Started> {
        let newest = self.machine(&request.workflow)?;
        let workflow = newest.spec().name.clone();
        let machine = self.machines.for_start(&workflow, request.version);
        let Some(machine) = machine else { return Err(Error::NotFound("version")) };
        let input = input::decode(machine.spec(), &request.input).map_err(Error::Input)?;
        let declared = input::key(machine.as_ref(), &input)?;
        let shard = self.home_of(machine.spec(), declared.as_ref(), request.key.as_deref());
        self.start_decoded(shard, workflow, request.version, request.key, input).await
    }

    /// The same with parameters by name, already in boundary form.
    ///
    /// # Errors
    /// As [`Handle::start`].
    pub async fn start_with(&self, workflow: &str, input: &Values) -> Result<Started> {
        let machine = self.machine(workflow)?;
        let spec = machine.spec();
        let one = |(name, ty): &(String, sagaflow_core::codegen::Ty)| {
            let given = input.get(name).unwrap_or(&Json::Null);
            Ok((name.clone(), spec.schema.decode(ty, given)?))
        };
        let decoded: std::result::Result<Values, _> = spec.params.iter().map(one).collect();
        let input = decoded.map_err(Error::Input)?;
        let declared = input::key(machine.as_ref(), &input)?;
        let shard = self.home_of(spec, declared.as_ref(), None);
        self.start_decoded(shard, spec.name.clone(), None, None, input).await
    }

    async fn start_decoded(
        &self,
        shard: ShardId,
        workflow: String,
        version: Option<u32>,
        key: Option<String>,
        input: Values,
    ) -> Result<Started> {
        let start = Start {
            namespace: self.namespace.to_string(),
            workflow,
            version,
            key,
            input,
            entropy: rand::random(),
            token: None,
        };
        if self.shared.is_away() {
            return Err(Error::Away { retry_after_ms: 1_000 });
        }
        if let Some(retry_after_ms) = self.shared.pressure.pressed(shard) {
            return Err(Error::Busy { retry_after_ms });
        }
        let answer = self
            .ask(shard, move |token| Input::Start(Start { token: Some(token), ..start }))
            .await?;
        match answer {
            Answer::Started { run, new } => Ok(Started { run, new }),
            Answer::OtherInput { run } => Err(Error::OtherInput { run }),
            other => Err(refusal(other, "workflow")),
        }
    }

    /// A page of a run's history after record `after`.
    ///
    /// # Errors
    /// What the store says.
    pub async fn history(&self, run: RunId, after: u64, limit: u32) -> Result<Vec<Entry>> {
        Ok(view::history(self.reader.as_ref(), run, after, limit).await?)
    }

    /// Runs, newest first.
    ///
    /// # Errors
    /// What the store says.
    pub async fn runs(&self, mut filter: RunFilter) -> Result<Vec<RunRow>> {
        filter.namespace = self.namespace.to_string();
        let rows = self.reader.runs(&filter).await?;
        match &filter.key {
            // A declared key is kept as canonical JSON: a text is found without its quotes too.
            Some(key) if rows.is_empty() => {
                filter.key = Some(canonical(&Json::from(key.as_str())));
                Ok(self.reader.runs(&filter).await?)
            }
            _ => Ok(rows),
        }
    }

    /// Items, oldest first.
    ///
    /// # Errors
    /// What the store says.
    pub async fn items(&self, mut list: ItemList) -> Result<Vec<ItemRow>> {
        list.namespace = self.namespace.to_string();
        Ok(self.reader.items(&list).await?)
    }

    /// One item.
    ///
    /// # Errors
    /// [`Error::NotFound`], or what the store says.
    pub async fn item(&self, id: &str) -> Result<ItemRow> {
        let item = self.reader.item(id).await?;
        item.filter(|item| item.namespace == *self.namespace).ok_or(Error::NotFound("item"))
    }

    /// The run that a start key has started.
    ///
    /// # Errors
    /// What the store says.
    pub async fn by_key(&self, workflow: &str, key: &str) -> Result<Option<RunId>> {
        let row = self.reader.key(&self.namespace, workflow, key).await?;
        Ok(row.map(|row| row.run))
    }

    /// An operator acts on a run; answered after the recorded decision.
    ///
    /// # Errors
    /// As [`Error`] says.
    pub async fn operate(
        &self,
        run: RunId,
        act: Act,
        actor: Actor,
        reason: String,
    ) -> Result<Decided> {
        // An ended run is no longer with the shard: what comes for it comes too late.
        let ended = self.view(run).await?.row.ended_at.is_some();
        if ended {
            return Err(Error::TooLate);
        }
        let input = move |token| Input::Operate { run, act, actor, reason, token: Some(token) };
        self.decide(self.shard_of(run), input, "step").await
    }

    /// What became of an input that was answered [`Decided::Later`]; none where it is not known: it
    /// is long ago, or the process was another one.
    ///
    /// # Errors
    /// [`Error::Elsewhere`] where another node was asked.
    pub fn input(&self, id: &str) -> Result<Option<Became>> {
        if let Some(became) = self.inputs.became(id) {
            return Ok(Some(became));
        }
        let shard = Inputs::shard(id).filter(|shard| shard.0 < self.shared.cluster.shards());
        match shard.map(|shard| self.shared.cluster.role_for(shard)) {
            Some(Role::Standby { owner }) => Err(Error::Elsewhere { owner, retry_after_ms: 1_000 }),
            _ => Ok(None),
        }
    }

    /// A person acts on a task or question.
    ///
    /// # Errors
    /// As [`Error`] says; [`Error::TooLate`] where it was answered or withdrawn before.
    pub async fn task(&self, item: String, act: TaskAct, actor: Actor) -> Result<Decided> {
        let row = self.item(&item).await?;
        if !row.open {
            return Err(Error::TooLate);
        }
        let shard = self.shard_for(&row);
        let input = move |token| Input::Task { item, act, actor, token: Some(token) };
        self.decide(shard, input, "task").await
    }

    /// A person has looked at a review; closed once, also when its run has ended.
    ///
    /// # Errors
    /// As [`Error`] says; [`Error::TooLate`] where somebody resolved it before.
    pub async fn review(&self, item: String, actor: Actor, reason: String) -> Result<Decided> {
        let row = self.item(&item).await?;
        if !row.open {
            return Err(Error::TooLate);
        }
        let shard = self.shard_for(&row);
        let input = move |token| Input::Review { item, actor, reason, token: Some(token) };
        self.decide(shard, input, "review").await
    }

    /// Delivers an event from outside. `id` is the sender's: the same id is taken once.
    ///
    /// # Errors
    /// [`Error::NotFound`] where no hosted workflow names the event, [`Error::Value`] where the
    /// payload does not fit.
    pub async fn event(&self, name: &str, id: Option<String>, payload: &Json) -> Result<Delivered> {
        let (event, spec, schema) = self.event_spec(name)?;
        let payload = input::event(spec, schema, payload).map_err(Error::Value)?;
        let key = input::event_key(spec, &payload).ok_or(Error::NotFound("key in the payload"))?;
        let id = id.unwrap_or_else(|| uuid::Uuid::from_bytes(rand::random()).to_string());
        let (namespace, sent) = (self.namespace.to_string(), id.clone());
        let shard = shard_of(event_slot(&namespace, &event, &key), self.shared.cluster.shards());
        let input =
            move |token| Input::Event { id, namespace, event, key, payload, token: Some(token) };
        let later = match self.decide(shard, input, "event").await? {
            Decided::Done | Decided::Pending => None,
            Decided::Later(input) => Some(input),
        };
        Ok(Delivered { id: sent, later })
    }

    fn event_spec(
        &self,
        name: &str,
    ) -> Result<(String, &sagaflow_core::codegen::EventSpec, &sagaflow_core::codegen::Schema)> {
        // Order: the newest first, whose form counts; runs of older versions wait for events too.
        let specs = || self.machines().chain(self.machines.all()).map(|machine| machine.spec());
        let fits = |full: &str| full == name || full.rsplit('.').next() == Some(name);
        let all =
            specs().flat_map(|spec| spec.events.iter().map(move |(n, e)| (n, e, &spec.schema)));
        let mut fitting: Vec<_> = all.filter(|(full, ..)| fits(full)).collect();
        fitting.sort_by_key(|(full, ..)| (full.as_str() != name, (*full).clone()));
        fitting.dedup_by_key(|(full, ..)| (*full).clone());
        match fitting.as_slice() {
            [(full, spec, schema)] => Ok(((*full).clone(), spec, schema)),
            [(full, spec, schema), ..] if full.as_str() == name => {
                Ok(((*full).clone(), spec, schema))
            }
            [] => Err(Error::NotFound("event")),
            _ => {
                Err(Error::Refused(format!("`{name}` names several events: use a qualified name")))
            }
        }
    }

    /// Completes a call that a service accepted, or tells that it still works on it.
    ///
    /// # Errors
    /// [`Error::TooLate`] where the call has its outcome already.
    pub async fn complete(&self, ticket: Ticket, result: Attempt) -> Result<Decided> {
        let shard = self.shard_of(ticket.run);
        let answer = self
            .ask(shard, move |token| Input::Outcome { ticket, result, token: Some(token) })
            .await?;
        decided(answer, "call")
    }

    /// A service is still at an accepted call.
    ///
    /// # Errors
    /// [`Error::TooLate`] where nobody waits for it any more.
    pub async fn heartbeat(&self, ticket: Ticket) -> Result<Decided> {
        let shard = self.shard_of(ticket.run);
        let answer =
            self.ask(shard, move |token| Input::Heartbeat { ticket, token: Some(token) }).await?;
        decided(answer, "call")
    }
}

pub(crate) fn decided(answer: Answer, what: &'static str) -> Result<Decided> {
    match answer {
        Answer::Done | Answer::Duplicate => Ok(Decided::Done),
        Answer::Pending => Ok(Decided::Pending),
        other => Err(refusal(other, what)),
    }
}

/// An answer that is none of those a request hoped for.
fn refusal(answer: Answer, what: &'static str) -> Error {
    match answer {
        Answer::NoWorkflow => Error::NotFound("workflow"),
        Answer::TooLate => Error::TooLate,
        Answer::NotFound => Error::NotFound(what),
        Answer::Forbidden => Error::Forbidden,
        Answer::Claimed { by } => Error::Claimed { by },
        Answer::Mismatch { path, expected } => {
            Error::Value(sagaflow_core::codegen::Mismatch { path, expected })
        }
        Answer::Stays(why) => Error::Stays(why),
        Answer::Refused(words) => Error::Refused(words),
        Answer::Busy { after } => {
            Error::Busy { retry_after_ms: after.since(crate::clock::now()).max(1) }
        }
        Answer::OtherInput { run } => Error::OtherInput { run },
        Answer::InFlight { run } => Error::InFlight { run },
        Answer::Started { .. } | Answer::Done | Answer::Pending | Answer::Duplicate => {
            Error::Refused("the shard gave an answer to another question".to_owned())
        }
    }
}
