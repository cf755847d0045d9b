//! Batches of one partition, gathered until one is full or the first of its records has waited.
//!
//! Promises: what is gathered is handed over whole and in order, with the position behind it; what was
//! not handed over is read again from the position before it. Must not: hold more than one batch.

use super::intake::{Gone, Place};
use super::port::{Read, Reading, Record};
use crate::limits;
use sagaflow_core::codegen::GatherSpec;
use sagaflow_core::shard::{Answer, Arrived};
use std::time::Duration;
use tokio::time::{Instant, sleep, sleep_until};

/// What was read since the last position.
struct Batch {
    gather: GatherSpec,
    /// The position before it.
    from: u64,
    /// The position behind it.
    next: u64,
    arrived: Vec<Arrived>,
    /// How many of these are for the run.
    items: u32,
    bytes: usize,
    /// When the first record came; records that are for others count too, as their offsets wait.
    since: Option<Instant>,
}

impl Batch {
    fn new(gather: GatherSpec, from: u64) -> Self {
        let arrived = Vec::new();
        Self { gather, from, next: from, arrived, items: 0, bytes: 0, since: None }
    }

    /// Whether a record of this size has to wait for the next batch.
    fn is_full(&self, bytes: usize) -> bool {
        self.items >= self.gather.up_to
            || self.arrived.len() >= limits::GATHERED
            || (!self.arrived.is_empty() && self.bytes + bytes > limits::GATHERED_BYTES)
    }

    fn add(&mut self, offset: u64, arrived: Option<Arrived>, bytes: usize) {
        self.next = offset + 1;
        self.since.get_or_insert_with(Instant::now);
        if let Some(arrived) = arrived {
            self.items += u32::from(matches!(arrived, Arrived::Item(_)));
            self.bytes += bytes;
            self.arrived.push(arrived);
        }
    }

    /// Waits until it has to go, full or not; for ever where there is nothing in it.
    async fn due(&self) {
        match self.since {
            Some(since) => {
                let every = u64::try_from(self.gather.every_ms).unwrap_or(0);
                sleep_until(since + Duration::from_millis(every)).await;
            }
            None => std::future::pending().await,
        }
    }
}

/// About what it takes as the input of a run, or as a letter.
fn size(record: &Record) -> usize {
    let long = |bytes: &Option<Vec<u8>>| bytes.as_ref().map_or(0, Vec::len);
    let headers: usize = record.headers.iter().map(|(name, value)| name.len() + long(value)).sum();
    long(&record.value) + long(&record.key) + headers
}

impl Place<'_> {
    /// Takes records in by batches, until that has to begin anew.
    pub(super) async fn in_batches(
        &self,
        mut reading: Box<dyn Reading>,
        next: u64,
        gather: GatherSpec,
    ) -> Result<(), Gone> {
        let mut batch = Batch::new(gather, next);
        loop {
            let read = {
                // Order: one question until it is answered, for what is read under a question that
                // is dropped would be lost.
                let mut read = reading.next();
                loop {
                    tokio::select! {
                        read = &mut read => break read,
                        () = batch.due() => {
                            if !self.hand_over(&mut batch).await? {
                                return Ok(());
                            }
                        }
                    }
                }
            };
            match read {
                Read::Records(records) => {
                    for record in records {
                        let bytes = size(&record);
                        if batch.is_full(bytes) && !self.hand_over(&mut batch).await? {
                            return Ok(());
                        }
                        batch.add(record.offset, self.decode(&record), bytes);
                    }
                    // Nothing more fits: why wait.
                    if batch.is_full(0) && !self.hand_over(&mut batch).await? {
                        return Ok(());
                    }
                }
                Read::Stopped(why) => {
                    drop(reading);
                    // A person is told in any case; without room it is gathered again.
                    let room = self.batches().await? < limits::BATCHES;
                    if room && !self.hand_over(&mut batch).await? {
                        return Ok(());
                    }
                    return self.stopped(why).await;
                }
                Read::Lost => return Ok(()),
            }
        }
    }

    /// Waits while as many runs of this partition's batches are under way as may be.
    ///
    /// Bound: what is read ahead waits with the client, which asks for no more than it may hold.
    async fn room_for_a_batch(&self) -> Result<(), Gone> {
        self.intake.room().await;
        while self.batches().await? >= limits::BATCHES {
            sleep(limits::PRESSED_LOOK).await;
        }
        Ok(())
    }

    /// Has the shard start the run; whether reading goes on.
    ///
    /// Crash: the run and the position behind its records are one commit. Before it they are read
    /// again from the position in front of them, and gathered anew.
    async fn hand_over(&self, batch: &mut Batch) -> Result<bool, Gone> {
        let gathered = std::mem::replace(batch, Batch::new(batch.gather, batch.next));
        if gathered.next == gathered.from {
            return Ok(true);
        }
        self.room_for_a_batch().await?;
        let answer = self.consumed(Some(gathered.from), gathered.next, gathered.arrived).await?;
        if answer != Answer::Done {
            return Ok(false);
        }
        self.taken(gathered.next);
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::Batch;
    use crate::limits::GATHERED_BYTES;
    use sagaflow_core::codegen::GatherSpec;
    use sagaflow_core::shard::{Arrived, BatchItem};

    fn batch(up_to: u32) -> Batch {
        Batch::new(GatherSpec { up_to, every_ms: 1_000, whole: false }, 5)
    }

    fn item(offset: u64) -> Option<Arrived> {
        Some(Arrived::Item(Box::new(BatchItem { offset, ..BatchItem::default() })))
    }

    #[test]
    fn a_batch_is_full_of_so_many_records_and_what_is_for_others_does_not_count() {
        let mut batch = batch(2);
        batch.add(5, item(5), 10);
        batch.add(6, None, 10);
        assert!(!batch.is_full(10));
        batch.add(9, item(9), 10);
        assert!(batch.is_full(0));
        assert_eq!((batch.next, batch.arrived.len()), (10, 2));
    }

    #[test]
    fn a_batch_is_closed_before_it_is_too_large_and_a_large_record_is_alone() {
        let mut batch = batch(100);
        assert!(!batch.is_full(2 * GATHERED_BYTES), "somebody has to take it");
        batch.add(5, item(5), GATHERED_BYTES - 10);
        assert!(!batch.is_full(10) && batch.is_full(11));
    }
}
