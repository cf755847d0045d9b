//! The brokers of a configuration, for whoever starts an engine: looked at, and given to it.
//!
//! Promises: brokers that are away keep no node from starting; a topic that cannot be used does, before
//! anything is touched. A program without the feature `kafka` refuses `[kafka]` when it is read, so
//! here it has none.

use crate::config::{self, Config};
use sagaflow_core::codegen::Machine;
use sagaflow_engine::kafka::Kafka;
use std::sync::Arc;

/// Why the brokers of a configuration cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The configuration.
    #[error(transparent)]
    Config(#[from] config::Error),
    /// The client refuses its settings.
    #[error("R1032: `[kafka]` cannot be used: {0}")]
    Settings(String),
    /// Topics that are not there, or may not be used: a line each.
    #[error("{}", .0.join("\n"))]
    Topics(Vec<String>),
    /// Nobody answers.
    #[error("R1043: the brokers `{brokers}` do not answer: {cause}")]
    Away {
        /// Who was asked.
        brokers: String,
        /// What the client says.
        cause: String,
    },
}

#[cfg(feature = "kafka")]
mod with {
    use super::{Arc, Config, Error, Kafka, Machine};
    use crate::config;
    use crate::kafka::{self, Client, Trouble};
    use sagaflow_engine::kafka::{Mirrors, Start, topics};
    use sagaflow_kafka::Settings;
    use std::collections::{BTreeMap, BTreeSet};
    use std::time::Duration;

    /// Bound: how long a start waits for brokers that do not answer.
    const PATIENCE: Duration = Duration::from_secs(5);

    /// Where and as whom, with the secrets of the environment.
    pub(crate) fn settings(kafka: &config::Kafka) -> Result<Settings, Error> {
        let secrets = kafka.secrets(|name| std::env::var(name).ok())?;
        Ok(kafka::settings(kafka, secrets))
    }

    /// The topics of these workflows and those in which others are told of runs and dead letters, each
    /// with what it carries.
    pub(crate) fn used(
        kafka: &config::Kafka,
        machines: &[Arc<dyn Machine>],
    ) -> BTreeMap<String, BTreeSet<String>> {
        let mut topics = topics(machines);
        let mirrors =
            [("mirror_runs", &kafka.mirror_runs), ("mirror_letters", &kafka.mirror_letters)];
        for (key, topic) in mirrors {
            if let Some(topic) = topic {
                topics.entry(topic.clone()).or_default().insert(format!("kafka.{key}"));
            }
        }
        topics
    }

    pub(crate) fn said(kafka: &config::Kafka, trouble: Trouble) -> Error {
        match trouble {
            Trouble::Settings(cause) => Error::Settings(cause),
            Trouble::Away(cause) => Error::Away { brokers: kafka.brokers.join(","), cause },
        }
    }

    /// Every topic can be used, or it is said that nobody answers.
    async fn look(
        (kafka, settings): (&config::Kafka, &Settings),
        topics: &BTreeMap<String, BTreeSet<String>>,
    ) -> Result<(), Error> {
        let late = || Trouble::Away("no answer in time".to_owned());
        let looked = tokio::time::timeout(PATIENCE, kafka::check(settings, topics)).await;
        let problems = looked.unwrap_or_else(|_| Err(late()));
        match problems.map_err(|trouble| said(kafka, trouble))? {
            problems if problems.is_empty() => Ok(()),
            problems => Err(Error::Topics(problems)),
        }
    }

    pub(crate) async fn connect(
        config: &Config,
        machines: &[Arc<dyn Machine>],
        lenient: bool,
    ) -> Result<Option<Kafka>, Error> {
        let Some(kafka) = &config.kafka else { return Ok(None) };
        let (settings, topics) = (settings(kafka)?, used(kafka, machines));
        match look((kafka, &settings), &topics).await {
            Ok(()) => {}
            Err(away @ Error::Away { .. }) => {
                eprintln!("note: {away}; runs go on, and events wait until they are back");
            }
            Err(Error::Topics(problems)) if lenient => {
                problems.iter().for_each(|problem| eprintln!("note: {problem}"));
            }
            Err(error) => return Err(error),
        }
        let client = Client::start(&settings, topics);
        let client = client.map_err(|fault| Error::Settings(fault.0))?;
        let start = if kafka.latest { Start::Latest } else { Start::Earliest };
        let mirrors =
            Mirrors { runs: kafka.mirror_runs.clone(), letters: kafka.mirror_letters.clone() };
        Ok(Some(Kafka { broker: Arc::new(client), start, mirrors }))
    }
}

#[cfg(feature = "kafka")]
pub(crate) use with::{said, settings, used};

/// The way to the topics of these workflows; none where no brokers are configured. Where it is
/// `lenient`, topics that cannot be used are said and stop nothing.
pub(crate) async fn connect(
    config: &Config,
    machines: &[Arc<dyn Machine>],
    lenient: bool,
) -> Result<Option<Kafka>, Error> {
    #[cfg(feature = "kafka")]
    return with::connect(config, machines, lenient).await;
    #[cfg(not(feature = "kafka"))]
    {
        let _ = (config, machines, lenient);
        Ok(None)
    }
}
