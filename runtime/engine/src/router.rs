//! Which shard decides, and the way to its task: one per shard, each with its own inbox.
//!
//! Promises: what another node decides is said to be elsewhere before anything of it is begun here.

use crate::cluster::Role;
use crate::driver::Message;
use crate::error::{Error, Result};
use crate::handle::{Decided, Handle, decided};
use crate::limits;
use sagaflow_core::codegen::{Json, WorkflowSpec};
use sagaflow_core::id::{RunId, ShardId, service_slot, shard_of, slot_of};
use sagaflow_core::key::canonical;
use sagaflow_core::port::ItemRow;
use sagaflow_core::shard::{Answer, Input, Token, start_slot};
use std::sync::Arc;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

/// The inboxes of all shards, by shard. Clones are the same.
#[derive(Clone)]
pub(crate) struct Router(Arc<[mpsc::Sender<Message>]>);

impl Router {
    pub(crate) fn new(inboxes: Vec<mpsc::Sender<Message>>) -> Self {
        Self(inboxes.into())
    }

    /// Gives a shard's task a message, or says at once that it has too many.
    pub(crate) fn send(&self, shard: ShardId, message: Message) -> Result<()> {
        let Some(inbox) = self.0.get(shard.0 as usize) else { return Err(Error::Stopping) };
        inbox.try_send(message).map_err(|error| match error {
            TrySendError::Full(_) => Error::Busy { retry_after_ms: 1_000 },
            TrySendError::Closed(_) => Error::Stopping,
        })
    }
}

impl Handle {
    /// The shard that decides about a start: that of its key, or any where it has none.
    pub(crate) fn home_of(
        &self,
        spec: &WorkflowSpec,
        declared: Option<&Json>,
        given: Option<&str>,
    ) -> ShardId {
        let shards = self.shared.cluster.shards();
        let key = declared.map(canonical).or_else(|| given.map(str::to_owned));
        match key {
            Some(key) => shard_of(start_slot(self.namespace(), spec, &key), shards),
            None => {
                let owned = self.shared.cluster.owned();
                let at = rand::random::<u32>() as usize % owned.len().max(1);
                // Without one of its own any other decides, and its node is asked.
                owned.get(at).copied().unwrap_or(ShardId(0))
            }
        }
    }

    /// A shard that is served here, where there is one.
    pub(crate) fn own_shard(&self) -> ShardId {
        self.shared.cluster.owned().first().copied().unwrap_or(ShardId(0))
    }

    /// The shard that decides what operators do about a service.
    pub(crate) fn service_shard(&self, service: &str) -> ShardId {
        shard_of(service_slot(service), self.shared.cluster.shards())
    }

    /// The shard of a run.
    pub(crate) fn shard_of(&self, run: RunId) -> ShardId {
        shard_of(run.slot(), self.shared.cluster.shards())
    }

    /// The shard that decides about an item: its run's; of one without a run any, but always the same.
    pub(crate) fn shard_for(&self, item: &ItemRow) -> ShardId {
        match item.run {
            Some(run) => self.shard_of(run),
            None => shard_of(slot_of("", "", &item.id), self.shared.cluster.shards()),
        }
    }

    /// Gives a shard's task a message.
    pub(crate) fn send(&self, shard: ShardId, message: Message) -> Result<()> {
        if self.stop.is_cancelled() {
            return Err(Error::Stopping);
        }
        if let Role::Standby { owner } = self.shared.cluster.role_for(shard) {
            return Err(Error::Elsewhere { owner, retry_after_ms: 1_000 });
        }
        self.requests.send(shard, message)
    }

    pub(crate) async fn ask(
        &self,
        shard: ShardId,
        input: impl FnOnce(Token) -> Input + Send + 'static,
    ) -> Result<Answer> {
        let _waits = self.shared.pressure.waits(shard);
        let (reply, answer) = oneshot::channel();
        self.send(shard, Message::Ask { input: Box::new(input), asked: Instant::now(), reply })?;
        match tokio::time::timeout(limits::DECISION, answer).await {
            Ok(Ok(answer)) => Ok(answer),
            // The shard lost its memory, or the store keeps it waiting: what was asked may or may
            // not have been recorded, and may be asked again.
            Ok(Err(_)) | Err(_) => Err(Error::Away { retry_after_ms: 1_000 }),
        }
    }

    /// The same where the caller can ask later what became of it.
    pub(crate) async fn decide(
        &self,
        shard: ShardId,
        input: impl FnOnce(Token) -> Input + Send + 'static,
        what: &'static str,
    ) -> Result<Decided> {
        let (reply, mut answer) = oneshot::channel();
        self.send(shard, Message::Ask { input: Box::new(input), asked: Instant::now(), reply })?;
        match tokio::time::timeout(limits::DECISION, &mut answer).await {
            Ok(Ok(answer)) => decided(answer, what),
            // The shard lost its memory: it may or may not have been recorded, and may be asked again.
            Ok(Err(_)) => Err(Error::Away { retry_after_ms: 1_000 }),
            Err(_) => Ok(Decided::Later(self.inputs.follow(shard, answer, what))),
        }
    }
}
