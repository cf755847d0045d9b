//! Questions to the brokers beside the reading: offsets, and positions told to a group. They block.

use super::At;
use super::thread::Client;
use crate::error::Error;
use crate::record::Partition;
use rdkafka::consumer::{CommitMode, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::{Offset, TopicPartitionList};
use std::time::Duration;

/// Bound: how long a broker may take to answer a question.
const QUESTION: Duration = Duration::from_secs(10);

/// Blocks until the brokers have answered.
pub(super) fn offsets(
    client: &Client,
    asked: &[Partition],
    at: At,
) -> Result<Vec<Option<i64>>, Error> {
    if asked.is_empty() {
        return Ok(Vec::new());
    }
    let what = "ask for offsets";
    let wrong = |error: KafkaError| Error::from_library(&error, what);
    let offset = match at {
        At::First => Offset::Beginning,
        At::End => Offset::End,
        At::Time { timestamp_ms } => Offset::Offset(timestamp_ms.max(0)),
    };
    let question: Vec<_> = asked.iter().map(|it| (it.clone(), offset)).collect();
    let answer = client.offsets_for_times(list(&question).map_err(wrong)?, QUESTION);
    let answer = answer.map_err(wrong)?;
    asked
        .iter()
        .map(|partition| {
            let found = answer.find_partition(&partition.topic, partition.partition);
            let found = found.ok_or_else(|| Error::Transient(format!("{what}: {partition}")))?;
            found.error().map_err(wrong)?;
            match found.offset() {
                Offset::Offset(offset) => Ok(Some(offset)),
                // No record is so late.
                _ => Ok(None),
            }
        })
        .collect()
}

/// Tells positions and blocks until they are taken.
///
/// Crash: a position that is not told is told with the next one; nothing depends on it.
pub(super) fn commit(client: &Client, next: &[(Partition, i64)]) -> Result<(), Error> {
    if next.is_empty() {
        return Ok(());
    }
    let wrong = |error: KafkaError| Error::from_library(&error, "tell positions");
    let next: Vec<_> = next.iter().map(|(it, at)| (it.clone(), Offset::Offset(*at))).collect();
    client.commit(&list(&next).map_err(wrong)?, CommitMode::Sync).map_err(wrong)
}

/// Blocks until the brokers have said which positions the group was told.
pub(super) fn committed(client: &Client, asked: &[Partition]) -> Result<Vec<Option<i64>>, Error> {
    let wrong = |error: KafkaError| Error::from_library(&error, "ask for positions of the group");
    let question: Vec<_> = asked.iter().map(|it| (it.clone(), Offset::Invalid)).collect();
    let answer = client.committed_offsets(list(&question).map_err(wrong)?, QUESTION);
    let answer = answer.map_err(wrong)?;
    let of = |it: &Partition| match answer.find_partition(&it.topic, it.partition)?.offset() {
        Offset::Offset(offset) => Some(offset),
        _ => None,
    };
    Ok(asked.iter().map(of).collect())
}

/// What the library takes for partitions and their offsets.
pub(super) fn list(entries: &[(Partition, Offset)]) -> Result<TopicPartitionList, KafkaError> {
    let mut list = TopicPartitionList::with_capacity(entries.len());
    for (it, offset) in entries {
        // The library panics there.
        if it.topic.contains('\0') {
            return Err(KafkaError::Subscription("a name has a zero byte".to_owned()));
        }
        list.add_partition_offset(&it.topic, it.partition, *offset)?;
    }
    Ok(list)
}
