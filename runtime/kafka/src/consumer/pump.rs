//! Moves the records of one partition from the library's queue into the channel of events.
//!
//! Promises: batches in the order of offsets, none twice; what was read before a partition stops
//! comes before the news that it stopped. Must not: hold more than one batch.

use super::thread::Queue;
use super::{Assignment, Batch, Event, Stopped};
use crate::error::{Kind, kind};
use crate::health::Counted;
use crate::record::{Partition, Record};
use futures_util::FutureExt as _;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::message::{BorrowedMessage, Headers as _, Message as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use tokio::sync::mpsc;

/// Bound: records of one batch, so that one partition does not keep others waiting.
const BATCH_RECORDS_MAX: usize = 500;

/// Bound: where a batch ends at the latest, but for its last record.
const BATCH_BYTES_MAX: usize = 1024 * 1024;

/// Moves the records of one partition into the channel.
pub(super) struct Pump {
    pub queue: Queue,
    pub assignment: Assignment,
    pub partition: Partition,
    pub next: Arc<AtomicI64>,
    pub events: mpsc::Sender<Event>,
    pub health: Arc<Counted>,
}

impl Pump {
    pub async fn run(self) {
        let mut next = self.next.load(Ordering::Acquire);
        loop {
            let mut records = Vec::new();
            let mut stopped = None;
            let mut bytes = 0;
            let mut said = Some(self.queue.recv().await);
            while let Some(one) = said {
                match one {
                    // A pause or a lost leader makes the library fetch again from where it was.
                    Ok(message) if message.offset() < next => {}
                    Ok(message) => {
                        let record = record(&message, &self.partition);
                        next = record.offset + 1;
                        bytes += record.bytes();
                        records.push(record);
                    }
                    Err(error) => stopped = self.reason(&error),
                }
                let full = records.len() >= BATCH_RECORDS_MAX || bytes >= BATCH_BYTES_MAX;
                let more = !full && stopped.is_none();
                said = if more { self.queue.recv().now_or_never() } else { None };
            }
            // Order: what was read before the end of the partition comes before it.
            if !records.is_empty() && !self.send(records, next).await {
                return;
            }
            if let Some(reason) = stopped {
                let (assignment, partition) = (self.assignment, self.partition);
                let stopped = Event::Stopped { assignment, partition, reason };
                // Where nobody listens there is nobody to tell.
                let _ = self.events.send(stopped).await;
                return;
            }
        }
    }

    async fn send(&self, records: Vec<Record>, next: i64) -> bool {
        let (assignment, partition) = (self.assignment, self.partition.clone());
        let sent = self.events.send(Event::Records(Batch { assignment, partition, records })).await;
        self.next.store(next, Ordering::Release);
        sent.is_ok()
    }

    /// Why the partition stops; none where the library tries again.
    fn reason(&self, error: &KafkaError) -> Option<Stopped> {
        let code = error.rdkafka_error_code().unwrap_or(Code::Fail);
        let Some(reason) = stopping(code) else {
            self.health.error(code, &self.partition.to_string());
            return None;
        };
        tracing::error!(partition = %self.partition, %reason, "kafka partition stopped");
        Some(reason)
    }
}

/// Why a code stops a partition; none where the library tries again.
pub(super) fn stopping(code: Code) -> Option<Stopped> {
    match kind(code) {
        Kind::OutOfRange => Some(Stopped::OutOfRange),
        Kind::Unauthorised => Some(Stopped::Unauthorised(code.to_string())),
        Kind::UnknownTopic => Some(Stopped::UnknownTopic),
        Kind::Fatal | Kind::Rejected | Kind::Exists => Some(Stopped::Unreadable(code.to_string())),
        Kind::Transient => matches!(code, Code::BadMessage | Code::InvalidMessage)
            .then(|| Stopped::Unreadable(code.to_string())),
    }
}

fn record(message: &BorrowedMessage<'_>, partition: &Partition) -> Record {
    let headers = message.headers().map_or_else(Vec::new, |headers| {
        let one = |it: rdkafka::message::Header<'_, &[u8]>| {
            (it.key.to_owned(), it.value.map(<[u8]>::to_vec))
        };
        headers.iter().map(one).collect()
    });
    Record {
        topic: Arc::clone(&partition.topic),
        partition: partition.partition,
        offset: message.offset(),
        timestamp_ms: message.timestamp().to_millis(),
        key: message.key().map(<[u8]>::to_vec),
        value: message.payload().map(<[u8]>::to_vec),
        headers,
    }
}
