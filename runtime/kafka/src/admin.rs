//! Topics: what they are, and making them. Asked at start-up, not on the way of records.

use crate::config;
use crate::error::Error;
use crate::settings::Settings;
use crate::topic_id::{self, TopicId};
use rdkafka::admin::{AdminClient, AdminOptions, ResourceSpecifier, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::error::RDKafkaErrorCode as Code;
use std::sync::Arc;
use std::time::Duration;

/// Bound: how long brokers may take to answer.
const REQUEST: Duration = Duration::from_secs(10);

/// A topic as the brokers have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topic {
    /// Its name.
    pub name: String,
    /// What tells it from others of its name; none from brokers before 2.8.
    pub id: Option<TopicId>,
    /// How many partitions it has.
    pub partitions: i32,
    /// How many copies its partitions have, at least.
    pub replication: i32,
    /// How many copies a write waits for.
    pub min_insync_replicas: Option<i32>,
    /// How long records are kept; none for ever.
    pub retention_ms: Option<i64>,
    /// How many bytes of a partition are kept; none without limit.
    pub retention_bytes: Option<i64>,
    /// The largest batch that it takes.
    pub message_bytes_max: Option<i64>,
    /// Whether only the last record of a key is kept.
    pub compacted: bool,
}

/// What a topic is, without its settings, which not everybody may see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// What tells it from others of its name; none from brokers before 2.8.
    pub id: Option<TopicId>,
    /// How many partitions it has.
    pub partitions: i32,
    /// How many copies its partitions have, at least.
    pub replication: i32,
}

/// A topic to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewTopic {
    /// Its name.
    pub name: String,
    /// How many partitions.
    pub partitions: i32,
    /// How many copies of each.
    pub replication: i32,
    /// Other settings by the brokers' names for them.
    pub settings: Vec<(String, String)>,
}

/// Asks about topics and makes them.
#[derive(Clone)]
pub struct Admin(Arc<AdminClient<DefaultClientContext>>);

impl std::fmt::Debug for Admin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Admin")
    }
}

impl Admin {
    /// Makes a client; no broker is asked for anything yet.
    ///
    /// # Errors
    /// [`Error::Settings`] where no client can be made of them.
    pub fn start(settings: &Settings) -> Result<Self, Error> {
        let client = config::client(settings).create();
        let client = client.map_err(|error| Error::from_library(&error, "make a client"))?;
        Ok(Self(Arc::new(client)))
    }

    /// What a topic is.
    ///
    /// # Errors
    /// [`Error::UnknownTopic`] where there is none, and others.
    pub async fn topic(&self, name: &str) -> Result<Topic, Error> {
        let Shape { id, partitions, replication } = self.shape(name).await?;
        let what = format!("read the settings of topic `{name}`");
        let asked = [ResourceSpecifier::Topic(name)];
        let found = self.0.describe_configs(&asked, &options()).await;
        let found = found.map_err(|error| Error::from_library(&error, &what))?;
        let found = found.into_iter().next();
        let found = found.ok_or_else(|| Error::Transient(format!("{what}: an empty answer")))?;
        let found = found.map_err(|code| Error::of(code, &what))?;
        let text = |key: &str| found.get(key).and_then(|entry| entry.value.clone());
        let number = |key: &str| text(key).and_then(|text| text.parse::<i64>().ok());
        let limit = |key: &str| number(key).filter(|number| *number >= 0);
        Ok(Topic {
            name: name.to_owned(),
            id,
            partitions,
            replication,
            min_insync_replicas: number("min.insync.replicas")
                .and_then(|it| i32::try_from(it).ok()),
            retention_ms: limit("retention.ms"),
            retention_bytes: limit("retention.bytes"),
            message_bytes_max: number("max.message.bytes"),
            compacted: text("cleanup.policy").is_some_and(|policy| policy.contains("compact")),
        })
    }

    /// A topic's id alone, to see whether it is still the same.
    ///
    /// # Errors
    /// As [`Admin::topic`].
    pub async fn topic_id(&self, name: &str) -> Result<Option<TopicId>, Error> {
        let (client, name) = (Arc::clone(&self.0), name.to_owned());
        blocking(move || topic_id::ask(client.inner(), &name, REQUEST)).await
    }

    /// Makes a topic.
    ///
    /// Crash: a topic that was asked for may be made or not; making it again is
    /// [`Error::Exists`].
    ///
    /// # Errors
    /// [`Error::Exists`] where there is one of this name, and others.
    pub async fn create(&self, topic: &NewTopic) -> Result<(), Error> {
        let what = format!("make topic `{}`", topic.name);
        if topic.name.contains('\0') {
            return Err(Error::Rejected(what));
        }
        let copies = TopicReplication::Fixed(topic.replication);
        let mut wanted = rdkafka::admin::NewTopic::new(&topic.name, topic.partitions, copies);
        for (key, value) in &topic.settings {
            wanted = wanted.set(key, value);
        }
        let made = self.0.create_topics(&[wanted], &options()).await;
        let made = made.map_err(|error| Error::from_library(&error, &what))?;
        for one in made {
            one.map_err(|(_, code)| Error::of(code, &what))?;
        }
        Ok(())
    }

    /// What a topic is, for whoever may describe it and no more.
    ///
    /// # Errors
    /// As [`Admin::topic`].
    pub async fn shape(&self, name: &str) -> Result<Shape, Error> {
        let (client, name) = (Arc::clone(&self.0), name.to_owned());
        blocking(move || {
            let what = format!("describe topic `{name}`");
            // Order: the id's question tells apart what has no such topic.
            let id = topic_id::ask(client.inner(), &name, REQUEST)?;
            let metadata = client.inner().fetch_metadata(Some(&name), REQUEST);
            let metadata = metadata.map_err(|error| Error::from_library(&error, &what))?;
            let topic = metadata.topics().iter().find(|topic| topic.name() == name);
            let topic = topic.ok_or_else(|| Error::of(Code::UnknownTopicOrPartition, &what))?;
            if let Some(code) = topic.error() {
                return Err(Error::of(code.into(), &what));
            }
            let copies = topic.partitions().iter().map(|it| it.replicas().len()).min();
            let replication = i32::try_from(copies.unwrap_or(0)).unwrap_or(i32::MAX);
            let partitions = i32::try_from(topic.partitions().len()).unwrap_or(i32::MAX);
            Ok(Shape { id, partitions, replication })
        })
        .await
    }
}

fn options() -> AdminOptions {
    AdminOptions::new().request_timeout(Some(REQUEST)).operation_timeout(Some(REQUEST))
}

/// Off the threads that must not wait.
async fn blocking<T: Send + 'static>(
    body: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    tokio::task::spawn_blocking(body).await.unwrap_or_else(|_| Err(Error::ended()))
}
