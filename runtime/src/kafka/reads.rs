//! Partitions that one reader reads, over one consumer for all of them.
//!
//! ```text
//!  consumer ── events ──► route ── a queue per assignment ──► Reader::next
//!           ◄── pause, resume ──┘                       └──────┘
//! ```
//!
//! Promises: what one partition leaves unread keeps no other waiting; a consumer that broke is replaced,
//! and every reader of the old one is told that reading is lost. Must not: keep an offset.

use super::fault;
use sagaflow_engine::kafka::{Asking, Fault, Partition, Read, Reading, Record, Result, Start};
use sagaflow_kafka::{Assignment, At, Consumer, Event, Events, Lag, Settings};
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex as Plain, PoisonError};
use std::time::Duration;
use tokio::sync::{Mutex, mpsc};

/// Bound: bytes of one partition that wait here, from which on it is not fetched any more. What is on
/// its way then still comes: it is what the consumer holds ahead. By size, not by batches, which are as
/// small as records come slowly: a partition that is paused loses what was fetched ahead of it.
const BYTES_HIGH: usize = 2 * 1_024 * 1_024;

/// Bytes that are left when fetching begins again.
const BYTES_LOW: usize = BYTES_HIGH / 4;

/// What a record takes beside its bytes.
const RECORD_BYTES: usize = 128;

/// Bound: records that are taken in together, and their bytes, but for the last batch of them.
const TOGETHER: usize = 1_000;
const TOGETHER_BYTES: usize = 512 * 1_024;

/// Bound: between two attempts to replace a consumer that broke.
const AGAIN: Duration = Duration::from_secs(1);

/// Bound: how old a position on a dashboard is.
const COMMIT: Duration = Duration::from_secs(1);

/// What is read, and by which consumer.
pub(super) struct Reads {
    settings: Settings,
    state: Mutex<State>,
    /// Positions that the group's dashboards have not been told.
    taken: Arc<Plain<BTreeMap<Partition, u64>>>,
}

struct State {
    /// None while a broken one is replaced.
    consumer: Option<Consumer>,
    /// Queues of the assignments of this consumer, and of no other.
    routes: HashMap<Assignment, Route>,
}

struct Route {
    batches: mpsc::UnboundedSender<Read>,
    ahead: Arc<Ahead>,
}

/// How much of a partition waits here.
#[derive(Default)]
struct Ahead {
    bytes: AtomicUsize,
    /// Held while the consumer is told, so that what it was told last is what stands here.
    paused: Mutex<bool>,
}

impl Ahead {
    /// Pauses a partition of which too much waits, and resumes one of which little is left.
    async fn balance(&self, consumer: &Consumer, assignment: Assignment) {
        let mut paused = self.paused.lock().await;
        let bytes = self.bytes.load(Ordering::Acquire);
        let told = match *paused {
            false if bytes >= BYTES_HIGH => consumer.pause(assignment).await.map(|()| true),
            true if bytes <= BYTES_LOW => consumer.resume(assignment).await.map(|()| false),
            _ => return,
        };
        match told {
            Ok(now) => *paused = now,
            // One that broke is replaced, and everything it read is lost with it.
            Err(error) => tracing::warn!(%error, "a partition is not paused or resumed"),
        }
    }
}

impl Reads {
    pub(super) fn start(settings: &Settings) -> std::result::Result<(Self, Events), Fault> {
        let (consumer, events) = Consumer::start(settings).map_err(fault)?;
        let state = State { consumer: Some(consumer), routes: HashMap::new() };
        let (settings, taken) = (settings.clone(), Arc::default());
        Ok((Self { settings, state: Mutex::new(state), taken }, events))
    }

    async fn consumer(&self) -> Result<Consumer> {
        let consumer = self.state.lock().await.consumer.clone();
        consumer.ok_or_else(|| Fault("the consumer broke and is being replaced".to_owned()))
    }

    pub(super) async fn first(&self, partition: &Partition, start: Start) -> Result<u64> {
        let at = match start {
            Start::Earliest => At::First,
            Start::Latest => At::End,
        };
        let consumer = self.consumer().await?;
        let found = consumer.offsets(vec![client(partition)?], at).await.map_err(fault)?;
        let first = found.into_iter().next().flatten();
        let first = first.and_then(|offset| u64::try_from(offset).ok());
        first.ok_or_else(|| Fault(format!("{partition} does not say where it begins")))
    }

    pub(super) async fn read(&self, partition: &Partition, from: u64) -> Result<Reader> {
        let next = i64::try_from(from).map_err(|_| Fault(format!("{from} is no offset")))?;
        let mut state = self.state.lock().await;
        let Some(consumer) = state.consumer.clone() else {
            return Err(Fault("the consumer broke and is being replaced".to_owned()));
        };
        // Order: nothing is routed before the queue stands, for the lock is held.
        let assignment = consumer.assign(client(partition)?, next).await.map_err(fault)?;
        let (batches, queue) = mpsc::unbounded_channel();
        let ahead = Arc::new(Ahead::default());
        state.routes.insert(assignment, Route { batches, ahead: Arc::clone(&ahead) });
        let (partition, taken) = (partition.clone(), Arc::clone(&self.taken));
        let waiting = Waiting { queue, behind: None };
        Ok(Reader { consumer, assignment, partition, waiting, ahead, taken })
    }

    /// How far what is read here is behind.
    pub(super) async fn lag(&self) -> Result<BTreeMap<Partition, u64>> {
        let lag = self.consumer().await?.lag().await.map_err(fault)?;
        let of = |lag: Lag| Some((engine(&lag.partition)?, lag.records()));
        Ok(lag.into_iter().filter_map(of).collect())
    }

    pub(super) fn taken(&self, partition: &Partition, next: u64) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.insert(partition.clone(), next);
    }

    /// Puts what the consumer reads into the queues, until it is aborted.
    pub(super) async fn route(self: Arc<Self>, mut events: Events) {
        loop {
            let broke = loop {
                match events.next().await {
                    Some(Event::Records(batch)) => {
                        let records = batch.records.into_iter().filter_map(record).collect();
                        self.put(batch.assignment, Read::Records(records)).await;
                    }
                    Some(Event::Stopped { assignment, reason, .. }) => {
                        self.put(assignment, Read::Stopped(reason.to_string())).await;
                    }
                    Some(Event::Fatal(error)) => break error.to_string(),
                    None => break "it has ended".to_owned(),
                }
            };
            tracing::error!(broke, "the consumer is replaced");
            events = self.replace().await;
        }
    }

    async fn put(&self, assignment: Assignment, read: Read) {
        let state = self.state.lock().await;
        // What was released is not wanted any more.
        let Some(route) = state.routes.get(&assignment) else { return };
        // Order: counted first, or a reader that is quick would count below nothing.
        route.ahead.bytes.fetch_add(bytes(&read), Ordering::AcqRel);
        if route.batches.send(read).is_err() {
            return;
        }
        let (ahead, consumer) = (Arc::clone(&route.ahead), state.consumer.clone());
        drop(state);
        if let Some(consumer) = consumer {
            ahead.balance(&consumer, assignment).await;
        }
    }

    async fn replace(&self) -> Events {
        {
            let mut state = self.state.lock().await;
            state.consumer = None;
            // Order: readers hear of it by the end of their queue, behind what was read.
            state.routes.clear();
        }
        loop {
            tokio::time::sleep(AGAIN).await;
            match Consumer::start(&self.settings) {
                Ok((consumer, events)) => {
                    self.state.lock().await.consumer = Some(consumer);
                    return events;
                }
                Err(error) => tracing::error!(%error, "the consumer is not replaced"),
            }
        }
    }

    async fn forget(&self) {
        self.state.lock().await.routes.retain(|_, route| !route.batches.is_closed());
    }

    /// Tells the group's dashboards the positions, until it is aborted.
    ///
    /// Crash: they show an older position until the partition is read again; nothing reads it back.
    pub(super) async fn commit(self: Arc<Self>) {
        loop {
            tokio::time::sleep(COMMIT).await;
            self.forget().await;
            let taken = {
                let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
                std::mem::take(&mut *taken)
            };
            if taken.is_empty() {
                continue;
            }
            let next = taken.iter().filter_map(|(partition, next)| {
                Some((client(partition).ok()?, i64::try_from(*next).ok()?))
            });
            let told = match self.consumer().await {
                Ok(consumer) => consumer.commit(next.collect()).await.map_err(fault),
                Err(error) => Err(error),
            };
            if let Err(error) = told {
                // The next position of the partition is told instead.
                tracing::warn!(%error, "the positions of the group are not told");
            }
        }
    }
}

/// Reads one partition; its assignment ends with it.
pub(super) struct Reader {
    consumer: Consumer,
    assignment: Assignment,
    partition: Partition,
    waiting: Waiting,
    ahead: Arc<Ahead>,
    taken: Arc<Plain<BTreeMap<Partition, u64>>>,
}

/// What has come of a partition and was not asked for yet.
struct Waiting {
    queue: mpsc::UnboundedReceiver<Read>,
    /// It came behind the records that were asked for last, and is none.
    behind: Option<Read>,
}

impl Waiting {
    /// What comes next, with its bytes; records that are there by now are taken in by one commit.
    async fn next(&mut self) -> (Read, usize) {
        if let Some(behind) = self.behind.take() {
            return (behind, 0);
        }
        let Some(mut read) = self.queue.recv().await else { return (Read::Lost, 0) };
        let mut size = bytes(&read);
        let Read::Records(records) = &mut read else { return (read, size) };
        while records.len() < TOGETHER && size < TOGETHER_BYTES {
            match self.queue.try_recv() {
                Ok(more) => {
                    size += bytes(&more);
                    match more {
                        Read::Records(more) => records.extend(more),
                        other => {
                            self.behind = Some(other);
                            break;
                        }
                    }
                }
                Err(_) => break,
            }
        }
        (read, size)
    }
}

impl Reading for Reader {
    fn next(&mut self) -> Asking<'_, Read> {
        Box::pin(async move {
            let (read, size) = self.waiting.next().await;
            self.ahead.bytes.fetch_sub(size, Ordering::AcqRel);
            self.ahead.balance(&self.consumer, self.assignment).await;
            read
        })
    }
}

/// What it takes of the memory, about.
fn bytes(read: &Read) -> usize {
    let Read::Records(records) = read else { return 0 };
    let long = |bytes: &Option<Vec<u8>>| bytes.as_ref().map_or(0, Vec::len);
    let headers = |record: &Record| -> usize {
        record.headers.iter().map(|(name, value)| name.len() + long(value)).sum()
    };
    let of = |it: &Record| RECORD_BYTES + long(&it.key) + long(&it.value) + headers(it);
    records.iter().map(of).sum()
}

impl Drop for Reader {
    fn drop(&mut self) {
        // Whoever reads it next tells its position, which must not go back behind that.
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.partition);
        let (consumer, assignment) = (self.consumer.clone(), self.assignment);
        // Where the runtime has ended, so has the process's part.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                if let Err(error) = consumer.release(assignment).await {
                    tracing::debug!(%error, "a partition is not released");
                }
            });
        }
    }
}

fn client(partition: &Partition) -> Result<sagaflow_kafka::Partition> {
    let number = i32::try_from(partition.number);
    let number = number.map_err(|_| Fault(format!("{partition} is no partition")))?;
    Ok(sagaflow_kafka::Partition::new(Arc::clone(&partition.topic), number))
}

fn engine(partition: &sagaflow_kafka::Partition) -> Option<Partition> {
    let number = u32::try_from(partition.partition).ok()?;
    Some(Partition { topic: Arc::clone(&partition.topic), number })
}

fn record(record: sagaflow_kafka::Record) -> Option<Record> {
    let sagaflow_kafka::Record { offset, key, value, headers, .. } = record;
    Some(Record { offset: u64::try_from(offset).ok()?, key, value, headers })
}

#[cfg(test)]
mod tests {
    use super::{BYTES_HIGH, TOGETHER, Waiting, bytes};
    use sagaflow_engine::kafka::{Read, Record};
    use tokio::sync::mpsc;

    fn record(offset: u64) -> Record {
        Record { offset, key: None, value: Some(vec![7; 10]), headers: Vec::new() }
    }

    fn offsets(read: &Read) -> Vec<u64> {
        let Read::Records(records) = read else { return Vec::new() };
        records.iter().map(|record| record.offset).collect()
    }

    /// Else a partition whose records come one by one would be taken in one commit each.
    #[tokio::test]
    async fn small_batches_that_have_come_are_read_as_one_and_a_stop_comes_behind_them() {
        let (put, queue) = mpsc::unbounded_channel();
        let mut waiting = Waiting { queue, behind: None };
        for offset in 0..3 {
            put.send(Read::Records(vec![record(offset)])).unwrap();
        }
        put.send(Read::Stopped("why".to_owned())).unwrap();
        drop(put);
        let (read, size) = waiting.next().await;
        assert_eq!(offsets(&read), [0, 1, 2]);
        assert_eq!(size, bytes(&read));
        assert!(size < BYTES_HIGH / 1_000, "so few pause nothing");
        assert_eq!(waiting.next().await, (Read::Stopped("why".to_owned()), 0));
        assert_eq!(waiting.next().await, (Read::Lost, 0));
    }

    #[tokio::test]
    async fn no_more_records_are_read_as_one_than_one_commit_takes_in() {
        let (put, queue) = mpsc::unbounded_channel();
        let mut waiting = Waiting { queue, behind: None };
        for batch in 0..5 {
            let batch = (0..TOGETHER as u64 / 2).map(|n| record(batch * 1_000 + n)).collect();
            put.send(Read::Records(batch)).unwrap();
        }
        let mut sizes = Vec::new();
        for _ in 0..3 {
            sizes.push(offsets(&waiting.next().await.0).len());
        }
        assert_eq!(sizes, [TOGETHER, TOGETHER, TOGETHER / 2]);
    }
}
