//! Partitions that one shard consumes, as long as it is served here.
//!
//! Promises: a partition is read from the position that the shard keeps for this reader, one batch is
//! with the shard at a time, and the next one is asked for behind the commit of the one before. Dropped with the shard's
//! memory. Must not: remember a position.

use super::decode::{From, Reader};
use super::port::{Partition, Read, Reading, Record, Result};
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
pub(super) struct Gone;

impl Intake {
    /// Reads every partition of every topic that is this shard's, also those that are added later.
    pub(crate) async fn run(self) {
        let mut followed = BTreeSet::new();
        let mut tasks = JoinSet::new();
        let mut tries = 0;
        loop {
            let mut missed = false;
            for (number, reader) in self.bus.decoder.readers().iter().enumerate() {
                let name = &reader.topic;
                match self.bus.topic(name).await {
                    Ok(topic) => {
                        self.follow_all((number, reader), &topic, &mut followed, &mut tasks)
                    }
                    Err(error) => {
                        missed = true;
                        tracing::warn!(%error, topic = name, "a topic is not to be had");
                    }
                }
            }
            // Brokers that are back are read from at once, as by whoever knew the topic before.
            tries = if missed { tries + 1 } else { 0 };
            sleep(if missed { pause(tries) } else { limits::TOPIC_LOOK }).await;
        }
    }

    fn follow_all(
        &self,
        (index, reader): (usize, &Reader),
        topic: &Topic,
        followed: &mut BTreeSet<(usize, u32)>,
        tasks: &mut JoinSet<()>,
    ) {
        for number in 0..topic.partitions {
            let home = shard_of(slot_of("", &reader.topic, &number.to_string()), self.shards);
            if home == self.shard && followed.insert((index, number)) {
                let partition = Partition { topic: reader.topic.as_str().into(), number };
                let (this, reader) = (self.clone(), reader.clone());
                tasks.spawn(async move {
                    // The task that serves the shard ends this one with itself.
                    while this.follow(&reader, &partition).await.is_ok() {}
                });
            }
        }
    }

    /// Reads a partition until that has to begin anew.
    async fn follow(
        &self,
        reader: &Reader,
        partition: &Partition,
    ) -> std::result::Result<(), Gone> {
        let about = self.patiently(partition, || self.bus.topic(&partition.topic)).await;
        let at = Place { intake: self, reader, partition, topic_id: about.id };
        let Some(known) = self.position(reader, partition).await? else {
            let start = self.bus.start;
            let first = || self.bus.broker.first(partition, start);
            let next = self.patiently(partition, first).await;
            // Crash: until this has committed nobody has read anything, and the start is looked for
            // again.
            at.consumed(None, next, Vec::new()).await?;
            return Ok(());
        };
        if known.topic_id != at.topic_id {
            // The shard tells a person.
            at.consumed(Some(known.next), known.next, Vec::new()).await?;
            self.rest().await;
            return Ok(());
        }
        let read = || self.bus.broker.read(partition, known.next, reader.workflow());
        let reading = self.patiently(partition, read).await;
        let next = known.next;
        // What the owner before had no time to tell.
        self.bus.broker.taken(partition, next, reader.workflow());
        match &reader.batches {
            None => at.singly(reading, next).await,
            Some(batches) => at.in_batches(reading, next, batches.gather).await,
        }
    }

    /// Waits while new starts are refused over HTTP, and for a moment where the shards are behind with
    /// what was read before.
    ///
    /// Bound: a batch waits here, and what is read ahead of it waits with the client.
    pub(super) async fn room(&self) {
        while self.shared.is_away() || self.shared.pressure.pressed(self.shard).is_some() {
            sleep(limits::PRESSED_LOOK).await;
        }
        let begun = Instant::now();
        while self.shared.crowded() && begun.elapsed() < limits::CROWDED {
            sleep(limits::CROWDED_LOOK).await;
        }
    }

    /// Until a partition that a person has to look at is tried again.
    pub(super) async fn rest(&self) {
        tokio::select! {
            () = self.bus.again.notified() => {}
            () = sleep(limits::STOPPED) => {}
        }
    }

    async fn position(
        &self,
        reader: &Reader,
        partition: &Partition,
    ) -> std::result::Result<Option<Position>, Gone> {
        let (reply, answer) = oneshot::channel();
        let (topic, partition) = (partition.topic.to_string(), partition.number);
        let workflow = reader.workflow().map(str::to_owned);
        let look = Message::Position { topic, partition, workflow, reply };
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

/// A partition of the topic that has this name now, as somebody reads it.
pub(super) struct Place<'a> {
    pub(super) intake: &'a Intake,
    reader: &'a Reader,
    pub(super) partition: &'a Partition,
    topic_id: String,
}

impl Place<'_> {
    /// Takes in every event by itself.
    async fn singly(
        &self,
        mut reading: Box<dyn Reading>,
        mut next: u64,
    ) -> std::result::Result<(), Gone> {
        loop {
            match reading.next().await {
                Read::Records(records) => {
                    let Some(last) = records.last() else { continue };
                    let behind = last.offset + 1;
                    let read = records.iter().filter_map(|record| self.decode(record)).collect();
                    self.intake.room().await;
                    if self.consumed(Some(next), behind, read).await? != Answer::Done {
                        return Ok(());
                    }
                    next = behind;
                    self.taken(next);
                }
                Read::Stopped(why) => {
                    drop(reading);
                    return self.stopped(why).await;
                }
                Read::Lost => return Ok(()),
            }
        }
    }

    /// What a record is to this reader.
    pub(super) fn decode(&self, record: &Record) -> Option<Arrived> {
        let (topic, topic_id) = (&*self.partition.topic, self.topic_id.as_str());
        let place = From { topic, topic_id, partition: self.partition.number };
        self.intake.bus.decoder.decode(self.reader, place, record)
    }

    /// Everything before this offset was taken in.
    pub(super) fn taken(&self, next: u64) {
        self.intake.bus.broker.taken(self.partition, next, self.reader.workflow());
    }

    /// A person is told, and after a while it is tried again.
    pub(super) async fn stopped(&self, why: String) -> std::result::Result<(), Gone> {
        tracing::error!(partition = %self.partition, %why, "a partition is not read any more");
        self.halted(why).await?;
        self.intake.rest().await;
        Ok(())
    }

    /// Has the shard take in what was read, and waits for its commit.
    pub(super) async fn consumed(
        &self,
        from: Option<u64>,
        next: u64,
        records: Vec<Arrived>,
    ) -> std::result::Result<Answer, Gone> {
        let (topic, topic_id) = (self.partition.topic.to_string(), self.topic_id.clone());
        let (partition, workflow) = (self.partition.number, self.reader.workflow());
        let workflow = workflow.map(str::to_owned);
        let namespace = self.intake.bus.decoder.namespace().to_owned();
        let read = Consumed {
            namespace,
            topic,
            topic_id,
            partition,
            workflow,
            from,
            next,
            records,
            token: None,
        };
        let (reply, answer) = oneshot::channel();
        let input = move |token| Input::Consumed(Consumed { token: Some(token), ..read });
        let ask = Message::Ask { input: Box::new(input), asked: Instant::now(), reply };
        self.intake.back.send(ask).await.map_err(|_| Gone)?;
        answer.await.map_err(|_| Gone)
    }

    /// How many runs of this partition's batches have not ended.
    pub(super) async fn batches(&self) -> std::result::Result<usize, Gone> {
        let (reply, answer) = oneshot::channel();
        let (topic, partition) = (self.partition.topic.to_string(), self.partition.number);
        let workflow = self.reader.workflow().unwrap_or_default().to_owned();
        let look = Message::Batches { workflow, topic, partition, reply };
        self.intake.back.send(look).await.map_err(|_| Gone)?;
        answer.await.map_err(|_| Gone)
    }

    /// Has the shard tell a person.
    async fn halted(&self, why: String) -> std::result::Result<(), Gone> {
        let input = Input::Halted {
            namespace: self.intake.bus.decoder.namespace().to_owned(),
            topic: self.partition.topic.to_string(),
            topic_id: self.topic_id.clone(),
            partition: self.partition.number,
            workflow: self.reader.workflow().map(str::to_owned),
            why,
        };
        self.intake.back.send(Message::Tell(input)).await.map_err(|_| Gone)
    }
}
