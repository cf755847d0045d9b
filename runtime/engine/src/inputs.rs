//! Inputs that take longer than their caller waits: what became of them, for whoever asks later.
//!
//! Promises: an input that was answered "later" is told about until many newer ones have come. Must
//! not promise more: an input that is undecided when the process ends was never recorded, and is
//! unknown afterwards; whoever sent it sends it again.

use crate::error::Error;
use crate::handle::{Decided, decided};
use crate::limits;
use sagaflow_core::id::ShardId;
use sagaflow_core::shard::Answer;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::oneshot;

/// What became of an input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Became {
    /// It is not decided yet.
    Pending,
    /// It is decided and recorded.
    Applied,
    /// It came too late.
    TooLate,
    /// It was refused.
    Refused(Error),
}

/// Inputs that were answered "later".
#[derive(Clone, Debug, Default)]
pub(crate) struct Inputs {
    kept: Arc<Mutex<Kept>>,
}

#[derive(Debug, Default)]
struct Kept {
    by_id: BTreeMap<String, Became>,
    order: VecDeque<String>,
}

impl Inputs {
    /// Follows an input whose answer is still to come, and names it.
    pub(crate) fn follow(
        &self,
        shard: ShardId,
        answer: oneshot::Receiver<Answer>,
        what: &'static str,
    ) -> String {
        // Its shard is in its name, so that any node finds the one that was asked.
        let id = format!("{}-{}", shard.0, uuid::Uuid::from_bytes(rand::random()).simple());
        self.put(&id, Became::Pending);
        let (this, name) = (self.clone(), id.clone());
        tokio::spawn(async move {
            match answer.await.map(|answer| decided(answer, what)) {
                Ok(Ok(Decided::Done | Decided::Pending | Decided::Later(_))) => {
                    this.put(&name, Became::Applied);
                }
                Ok(Err(Error::TooLate)) => this.put(&name, Became::TooLate),
                Ok(Err(error)) => this.put(&name, Became::Refused(error)),
                // The shard lost its memory, and with it the input, unless it had just been recorded.
                Err(_) => this.put(&name, Became::Refused(Error::Away { retry_after_ms: 1_000 })),
            }
        });
        id
    }

    /// The shard that an input was for.
    pub(crate) fn shard(id: &str) -> Option<ShardId> {
        let (shard, _) = id.split_once('-')?;
        shard.parse().ok().map(ShardId)
    }

    /// What became of it; none where it is not known, or not any more.
    pub(crate) fn became(&self, id: &str) -> Option<Became> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).by_id.get(id).cloned()
    }

    fn put(&self, id: &str, became: Became) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.by_id.insert(id.to_owned(), became).is_none() {
            kept.order.push_back(id.to_owned());
        }
        while kept.order.len() > limits::INPUTS {
            if let Some(oldest) = kept.order.pop_front() {
                kept.by_id.remove(&oldest);
            }
        }
    }
}
