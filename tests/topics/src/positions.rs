//! Positions that the group is told, looked at again and again.

use crate::{PARTITIONS, World, within};
use sagaflow_kafka::{Consumer, Events, Partition};
use std::time::Duration;

/// What was told of each partition, which never goes back.
pub struct Positions {
    consumer: Consumer,
    _events: Events,
    partitions: Vec<Partition>,
    told: Vec<i64>,
}

impl Positions {
    /// Of the topic that a world reads.
    pub fn of(world: &World) -> Self {
        let (consumer, events) = Consumer::start(&world.settings).unwrap();
        let partitions = (0..PARTITIONS).map(|it| Partition::new(world.placed.as_str(), it));
        let told = vec![0; PARTITIONS as usize];
        Self { consumer, _events: events, partitions: partitions.collect(), told }
    }

    /// Asks, again while the brokers do not answer: by partition, how many records were taken in.
    pub async fn ask(&self) -> Vec<i64> {
        let asking = async {
            loop {
                if let Ok(told) = self.consumer.committed(self.partitions.clone()).await {
                    break told;
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        let told = within("the group is known", asking).await;
        told.into_iter().map(Option::unwrap_or_default).collect()
    }

    /// Asks again.
    ///
    /// # Panics
    /// Where a position has moved back: with one node after the other nobody is late.
    pub async fn look(&mut self) {
        let now = self.ask().await;
        let forward = now.iter().zip(&self.told).all(|(now, told)| now >= told);
        assert!(forward, "told {:?}, then {now:?}", self.told);
        self.told = now;
    }

    /// Waits until the group is told so many records in all.
    pub async fn until(&self, records: usize) {
        let records = i64::try_from(records).unwrap();
        let looking = async {
            while self.ask().await.iter().sum::<i64>() != records {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        within("the group is told all", looking).await;
    }
}
