//! Whether the topics of new assignments may be read at all.
//!
//! The library says so of a partition that it fetches; one whose topic it may not even see it never
//! fetches, and says nothing. So each topic is asked for once, off the thread that reads.

use super::Stopped;
use super::pump::stopping;
use super::thread::Client;
use rdkafka::consumer::Consumer as _;
use rdkafka::error::RDKafkaErrorCode as Code;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// Bound: one topic at a time, and so many of them in a second.
const PAUSE: Duration = Duration::from_millis(50);

/// Bound: how long brokers may take; another attempt follows.
const REQUEST: Duration = Duration::from_secs(5);

/// What was found out about a topic.
pub(super) enum Found {
    /// It can be read, or its partitions say themselves why not.
    Readable,
    /// It cannot.
    Stopped(Stopped),
    /// No broker answered: it is asked for again.
    Unknown,
}

/// Topics to ask for, one after the other.
pub(super) struct Check {
    wanted: BTreeSet<Arc<str>>,
    asking: bool,
    /// The blocking task sends its answer; one is under way at most.
    answers: mpsc::Sender<(Arc<str>, Found)>,
    answered: mpsc::Receiver<(Arc<str>, Found)>,
}

impl Check {
    pub fn new() -> Self {
        let (answers, answered) = mpsc::channel(1);
        Self { wanted: BTreeSet::new(), asking: false, answers, answered }
    }

    pub fn want(&mut self, topic: &Arc<str>) {
        self.wanted.insert(Arc::clone(topic));
    }

    /// Waits for the next answer; for ever where nothing is asked.
    pub async fn next(&mut self, client: &Arc<Client>) -> (Arc<str>, Found) {
        loop {
            if !self.asking {
                let Some(topic) = self.wanted.first().cloned() else {
                    return std::future::pending().await;
                };
                // Order: before the topic is taken, so that a cancelled wait loses nothing.
                tokio::time::sleep(PAUSE).await;
                self.wanted.remove(&topic);
                self.asking = true;
                let (client, answers) = (Arc::clone(client), self.answers.clone());
                tokio::task::spawn_blocking(move || {
                    let found = ask(&client, &topic);
                    // Where nobody listens the consumer has ended.
                    let _ = answers.blocking_send((topic, found));
                });
            }
            let Some((topic, found)) = self.answered.recv().await else { continue };
            self.asking = false;
            if !matches!(found, Found::Unknown) {
                return (topic, found);
            }
            self.wanted.insert(topic);
        }
    }
}

fn ask(client: &Client, topic: &str) -> Found {
    let Ok(metadata) = client.fetch_metadata(Some(topic), REQUEST) else { return Found::Unknown };
    let about = metadata.topics().iter().find(|about| about.name() == topic);
    let Some(error) = about.and_then(|about| about.error()) else { return Found::Readable };
    match stopping(Code::from(error)) {
        // That it is not there may be news that has not come round; the library waits for it.
        Some(Stopped::UnknownTopic) => Found::Readable,
        Some(reason) => Found::Stopped(reason),
        None => Found::Unknown,
    }
}
