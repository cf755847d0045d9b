//! Partitions that one shard consumes, as long as it is served here.
//!
//! Promises: a partition is read from the position that the shard keeps, one batch is with the shard at
//! a time, and the next one is asked for behind the commit of the one before. Dropped with the shard's
//! memory. Must not: remember a position.

use super::decode::From;
use super::port::{Partition, Read, Record, Result};
use super::{Bus, Topic};
use crate::driver::{Message, Shared, pause};
use crate::limits;
use sagaflow_core::id::{ShardId, shard_of, slot_of};
use sagaflow_core::journal::Position;
use sagaflow_core::shard::{Answer, Arrived, Consumed, Input};
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

/// Reads for one shard. Clones read for the same.
#[derive(Clone)]
pub(crate) struct Intake {
    pub(crate) bus: Arc<Bus>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) shard: ShardId,
    pub(crate) shards: u32,
    /// The way to the shard's task.
    pub(crate) back: mpsc::Sender<Message>,
}

/// The shard is not served here any more.
struct Gone;

impl Intake {
    /// Reads every partition of every topic that is this shard's, also those that are added later.
    pub(crate) async fn run(self) {
        let mut followed = BTreeSet::new();
        let mut tasks = JoinSet::new();
        loop {
            for name in self.bus.decoder.topics() {
                match self.bus.topic(name).await {
                    Ok(topic) => self.follow_all(name, &topic, &mut followed, &mut tasks),
                    Err(error) => tracing::warn!(%error, topic = name, "a topic is not to be had"),
                }
            }
            sleep(limits::TOPIC_LOOK).await;
        }
    }

    fn follow_all(
        &self,
        name: &str,
        topic: &Topic,
        followed: &mut BTreeSet<Partition>,
        tasks: &mut JoinSet<()>,
    ) {
        for number in 0..topic.partitions {
            let partition = Partition { topic: name.into(), number };
            let home = shard_of(slot_of("", name, &number.to_string()), self.shards);
            if home == self.shard && followed.insert(partition.clone()) {
                let this = self.clone();
                tasks.spawn(async move {
                    // The task that serves the shard ends this one with itself.
                    while this.follow(&partition).await.is_ok() {}
                });
            }
        }
    }

    /// Reads a partition until that has to begin anew.
    async fn follow(&self, partition: &Partition) -> std::result::Result<(), Gone> {
        let about = self.patiently(partition, || self.bus.topic(&partition.topic)).await;
        let at = Place { intake: self, partition, topic_id: about.id };
        let Some(known) = self.position(partition).await? else {
            let start = self.bus.start;
            let first = || self.bus.broker.first(partition, start);
            let next = self.patiently(partition, first).await;
            // Crash: until this has committed nobody has read anything, and the start is looked for
            // again.
            at.consumed(None, next, &[]).await?;
            return Ok(());
        };
        if known.topic_id != at.topic_id {
            // The shard tells a person.
            at.consumed(Some(known.next), known.next, &[]).await?;
            self.rest().await;
            return Ok(());
        }
        let read = || self.bus.broker.read(partition, known.next);
        let mut reading = self.patiently(partition, read).await;
        let mut next = known.next;
        // What the owner before had no time to tell.
        self.bus.broker.taken(partition, next);
        loop {
            match reading.next().await {
                Read::Records(records) => {
                    let Some(last) = records.last() else { continue };
                    let behind = last.offset + 1;
                    self.room().await;
                    if at.consumed(Some(next), behind, &records).await? != Answer::Done {
                        return Ok(());
                    }
                    next = behind;
                    self.bus.broker.taken(partition, next);
                }
                Read::Stopped(why) => {
                    tracing::error!(%partition, %why, "a partition is not read any more");
                    at.halted(why).await?;
                    drop(reading);
                    self.rest().await;
                    return Ok(());
                }
                Read::Lost => return Ok(()),
            }
        }
    }

    /// Waits while new starts are refused over HTTP.
    ///
    /// Bound: a batch waits here, and what is read ahead of it waits with the client.
    async fn room(&self) {
        while self.shared.is_away() || self.shared.pressed(self.shard).is_some() {
            sleep(limits::PRESSED_LOOK).await;
        }
    }

    /// Until a partition that a person has to look at is tried again.
    async fn rest(&self) {
        tokio::select! {
            () = self.bus.again.notified() => {}
            () = sleep(limits::STOPPED) => {}
        }
    }

    async fn position(&self, partition: &Partition) -> std::result::Result<Option<Position>, Gone> {
        let (reply, answer) = oneshot::channel();
        let (topic, partition) = (partition.topic.to_string(), partition.number);
        let look = Message::Position { topic, partition, reply };
        self.back.send(look).await.map_err(|_| Gone)?;
        answer.await.map_err(|_| Gone)
    }

    /// Asks the brokers until they answer.
    async fn patiently<T, F: Future<Output = Result<T>>>(
        &self,
        partition: &Partition,
        ask: impl Fn() -> F,
    ) -> T {
        let mut tries = 0;
        loop {
            match ask().await {
                Ok(found) => return found,
                Err(error) => {
                    tries += 1;
                    tracing::warn!(%error, tries, %partition, "a partition cannot be read");
                    sleep(pause(tries)).await;
                }
            }
        }
    }
}

/// A partition of the topic that has this name now.
struct Place<'a> {
    intake: &'a Intake,
    partition: &'a Partition,
    topic_id: String,
}

impl Place<'_> {
    /// Has the shard take in what was read, and waits for its commit.
    async fn consumed(
        &self,
        from: Option<u64>,
        next: u64,
        records: &[Record],
    ) -> std::result::Result<Answer, Gone> {
        let decoder = &self.intake.bus.decoder;
        let (topic, topic_id) = (self.partition.topic.to_string(), self.topic_id.clone());
        let partition = self.partition.number;
        let place = From { topic: &topic, topic_id: &topic_id, partition };
        let records: Vec<Arrived> =
            records.iter().map(|record| decoder.decode(place, record)).collect();
        let namespace = decoder.namespace().to_owned();
        let read =
            Consumed { namespace, topic, topic_id, partition, from, next, records, token: None };
        let (reply, answer) = oneshot::channel();
        let input = move |token| Input::Consumed(Consumed { token: Some(token), ..read });
        let ask = Message::Ask { input: Box::new(input), asked: Instant::now(), reply };
        self.intake.back.send(ask).await.map_err(|_| Gone)?;
        answer.await.map_err(|_| Gone)
    }

    /// Has the shard tell a person.
    async fn halted(&self, why: String) -> std::result::Result<(), Gone> {
        let input = Input::Halted {
            namespace: self.intake.bus.decoder.namespace().to_owned(),
            topic: self.partition.topic.to_string(),
            topic_id: self.topic_id.clone(),
            partition: self.partition.number,
            why,
        };
        self.intake.back.send(Message::Tell(input)).await.map_err(|_| Gone)
    }
}
