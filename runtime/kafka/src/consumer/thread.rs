//! The consumer's thread: a runtime of its own with one task for commands and one per partition.
//!
//! Each partition has its queue of the library, so that an error names its partition and a full
//! channel holds back what is read, not what is asked.

use super::ask::{commit, committed, list, offsets};
use super::check::{Check, Found};
use super::pump::Pump;
use super::{Answer, Assignment, At, Command, Event, Lag, Stopped};
use crate::config;
use crate::error::Error;
use crate::health::Counted;
use crate::record::Partition;
use crate::settings::Settings;
use rdkafka::consumer::{Consumer as _, DefaultConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::message::{BorrowedMessage, Message as _};
use rdkafka::util::DefaultRuntime;
use rdkafka::{ClientConfig, Offset};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

pub(super) type Client = rdkafka::consumer::StreamConsumer<DefaultConsumerContext, DefaultRuntime>;
pub(super) type Queue = rdkafka::consumer::stream_consumer::StreamPartitionQueue<
    DefaultConsumerContext,
    DefaultRuntime,
>;

pub(super) fn start(
    settings: &Settings,
    commands: mpsc::Receiver<Command>,
    events: mpsc::Sender<Event>,
    health: Arc<Counted>,
) -> Result<(), Error> {
    let config = config(settings);
    let broken = |error: std::io::Error| Error::Fatal(format!("start the consumer: {error}"));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        // Bound: questions to brokers block; two at a time are enough for a lag and a start.
        .max_blocking_threads(2)
        .build()
        .map_err(broken)?;
    let client: Client = {
        let _inside = runtime.enter();
        config.create().map_err(|error| Error::from_library(&error, "make a consumer"))?
    };
    let reader = Reader {
        client: Arc::new(client),
        events,
        health,
        read: HashMap::new(),
        last: 0,
        check: Check::new(),
    };
    std::thread::Builder::new()
        .name("kafka-consumer".to_owned())
        .spawn(move || runtime.block_on(reader.run(commands)))
        .map_err(broken)?;
    Ok(())
}

fn config(settings: &Settings) -> ClientConfig {
    let mut config = config::client(settings);
    config.set("group.id", &settings.group);
    // Positions are the caller's: nothing is stored, and nothing is chosen, behind its back.
    config.set("enable.auto.commit", "false");
    config.set("enable.auto.offset.store", "false");
    config.set("auto.offset.reset", "error");
    config.set("isolation.level", "read_committed");
    config.set("allow.auto.create.topics", "false");
    // Bound: what is fetched ahead, per partition: some batches, so that a small heap holds many
    // partitions that are not read for a while.
    config.set("queued.min.messages", "2000");
    config.set("queued.max.messages.kbytes", "2048");
    config.set("fetch.wait.max.ms", "100");
    // Bound: how long a partition of which that much was fetched ahead is left alone; the library's own
    // second would let a reader that has caught up wait.
    config.set("fetch.queue.backoff.ms", "5");
    config
}

struct Reader {
    client: Arc<Client>,
    events: mpsc::Sender<Event>,
    health: Arc<Counted>,
    read: HashMap<Partition, Assigned>,
    last: u64,
    check: Check,
}

struct Assigned {
    assignment: Assignment,
    /// The offset after the last record that was handed out.
    next: Arc<AtomicI64>,
    /// Sends its records; ends by itself when the partition stops.
    pump: JoinHandle<()>,
}

impl Reader {
    async fn run(mut self, mut commands: mpsc::Receiver<Command>) {
        let client = Arc::clone(&self.client);
        loop {
            tokio::select! {
                command = commands.recv() => match command {
                    Some(command) => self.obey(command).await,
                    None => break,
                },
                said = client.recv() => if self.general(said).await { break },
                (topic, found) = self.check.next(&client) => {
                    if let Found::Stopped(reason) = found { self.stop(&topic, &reason).await }
                },
            }
        }
        for (_, assigned) in self.read.drain() {
            assigned.pump.abort();
        }
    }

    /// What concerns no partition; true where the client is of no use any more.
    async fn general(&self, said: Result<BorrowedMessage<'_>, KafkaError>) -> bool {
        let error = match said {
            Ok(message) => {
                // Invariant: a partition is split off before it is assigned.
                tracing::error!(topic = message.topic(), "kafka record outside of its partition");
                return false;
            }
            Err(error) => error,
        };
        let code = error.rdkafka_error_code().unwrap_or(Code::Fail);
        if matches!(error, KafkaError::MessageConsumptionFatal(_)) {
            let error = Error::from_library(&error, "read");
            // Where nobody listens there is nobody to tell.
            let _ = self.events.send(Event::Fatal(error)).await;
            return true;
        }
        self.health.error(code, "client");
        false
    }

    async fn obey(&mut self, command: Command) {
        match command {
            Command::Assign(partition, next, answer) => {
                reply(answer, self.assign(partition, next).await);
            }
            Command::Release(assignment, answer) => {
                let found = self.find(assignment);
                let done = match found {
                    Some(partition) => self.release(&partition).await,
                    None => Ok(()),
                };
                reply(answer, done);
            }
            Command::Pause(assignment, pause, answer) => {
                reply(answer, self.pause(assignment, pause));
            }
            Command::Offsets(partitions, at, answer) => {
                let client = Arc::clone(&self.client);
                tokio::task::spawn_blocking(move || {
                    reply(answer, offsets(&client, &partitions, at))
                });
            }
            Command::Lag(answer) => self.lag(answer),
            Command::Commit(next, answer) => {
                let client = Arc::clone(&self.client);
                tokio::task::spawn_blocking(move || reply(answer, commit(&client, &next)));
            }
            Command::Committed(partitions, answer) => {
                let client = Arc::clone(&self.client);
                tokio::task::spawn_blocking(move || reply(answer, committed(&client, &partitions)));
            }
        }
    }

    async fn assign(&mut self, partition: Partition, next: i64) -> Result<Assignment, Error> {
        if next < 0 || partition.partition < 0 {
            return Err(Error::Rejected(format!("read {partition} from {next}: less than zero")));
        }
        self.release(&partition).await?;
        let what = format!("read {partition}");
        let wrong = |error: KafkaError| Error::from_library(&error, &what);
        // Order: split first, or records could come by the common queue.
        let queue = self.client.split_partition_queue(&partition.topic, partition.partition);
        let queue = queue.ok_or_else(|| Error::Rejected(what.clone()))?;
        let list = list(&[(partition.clone(), Offset::Offset(next))]).map_err(wrong)?;
        self.client.incremental_assign(&list).map_err(wrong)?;
        // A pause outlives an assignment in the library.
        self.client.resume(&list).map_err(wrong)?;
        self.check.want(&partition.topic);
        self.last += 1;
        let assignment = Assignment(self.last);
        let next = Arc::new(AtomicI64::new(next));
        let pump = Pump {
            queue,
            assignment,
            partition: partition.clone(),
            next: Arc::clone(&next),
            events: self.events.clone(),
            health: Arc::clone(&self.health),
        };
        let pump = tokio::spawn(pump.run());
        self.read.insert(partition, Assigned { assignment, next, pump });
        Ok(assignment)
    }

    /// Ends all assignments of a topic that cannot be read.
    async fn stop(&mut self, topic: &str, reason: &Stopped) {
        for (partition, assigned) in &mut self.read {
            if &*partition.topic != topic || assigned.pump.is_finished() {
                continue;
            }
            tracing::error!(%partition, %reason, "kafka partition stopped");
            assigned.pump.abort();
            // That it was cancelled is no news.
            let _ = (&mut assigned.pump).await;
            let (events, assignment) = (self.events.clone(), assigned.assignment);
            let (partition, reason) = (partition.clone(), reason.clone());
            let stopped = Event::Stopped { assignment, partition, reason };
            // Order: not here, for the caller may ask something before it takes an event. Takes the
            // pump's place, so that a release of the assignment ends it too.
            assigned.pump = tokio::spawn(async move {
                // Where nobody listens there is nobody to tell.
                let _ = events.send(stopped).await;
            });
        }
    }

    async fn release(&mut self, partition: &Partition) -> Result<(), Error> {
        let Some(assigned) = self.read.remove(partition) else { return Ok(()) };
        assigned.pump.abort();
        // Order: it is gone before the caller hears of it. That it was cancelled is no news.
        let _ = assigned.pump.await;
        let what = format!("release {partition}");
        let list = list(&[(partition.clone(), Offset::Invalid)]);
        let list = list.map_err(|error| Error::from_library(&error, &what))?;
        let left = self.client.incremental_unassign(&list);
        left.map_err(|error| Error::from_library(&error, &what))
    }

    fn pause(&self, assignment: Assignment, pause: bool) -> Result<(), Error> {
        // One that has stopped by itself needs no pause.
        let Some(partition) = self.find(assignment) else { return Ok(()) };
        let wrong = |error: KafkaError| Error::from_library(&error, &format!("pause {partition}"));
        let list = list(&[(partition.clone(), Offset::Invalid)]).map_err(wrong)?;
        let done = if pause { self.client.pause(&list) } else { self.client.resume(&list) };
        done.map_err(wrong)
    }

    fn lag(&self, answer: Answer<Vec<Lag>>) {
        let read: Vec<(Partition, Assignment, i64)> = self
            .read
            .iter()
            .filter(|(_, assigned)| !assigned.pump.is_finished())
            .map(|(partition, it)| {
                (partition.clone(), it.assignment, it.next.load(Ordering::Acquire))
            })
            .collect();
        let client = Arc::clone(&self.client);
        tokio::task::spawn_blocking(move || {
            let partitions: Vec<Partition> = read.iter().map(|(it, _, _)| it.clone()).collect();
            let ends = offsets(&client, &partitions, At::End);
            let lags = |ends: Vec<Option<i64>>| {
                let known = read.into_iter().zip(ends);
                known
                    .map(|((partition, assignment, next), end)| Lag {
                        assignment,
                        partition,
                        next,
                        end: end.unwrap_or(next),
                    })
                    .collect()
            };
            reply(answer, ends.map(lags));
        });
    }

    fn find(&self, assignment: Assignment) -> Option<Partition> {
        let mut all = self.read.iter();
        all.find(|(_, it)| it.assignment == assignment).map(|(partition, _)| partition.clone())
    }
}

fn reply<T>(answer: Answer<T>, with: Result<T, Error>) {
    // Who asked may have gone.
    let _ = answer.send(with);
}
