//! The engine's way to topics, over the client of Kafka.
//!
//! ```text
//!  engine ── topic, first, read ──► Client ──► Readers ─► consumers
//!         ── send ────────────────►        ──► Outbox ─► producer
//!         ◄── health ──────────────        ◄── watch ─── admin, lag
//! ```
//!
//! Promises: what the port of the engine says, whatever breaks in the client; brokers that are away are
//! noticed and said, and stop nothing. Must not: keep a position, or decide what a record means.

mod outbox;
mod readers;
mod reads;
mod topics;
mod watch;

pub(crate) use topics::{Copied, Trouble, check, create, look};

use crate::config;
use outbox::Outbox;
use readers::Readers;
use sagaflow_engine::kafka::{
    Asking, Broker, Fault, Health, Message, Partition, Reading, Result, Sent, Start, Topic,
};
use sagaflow_kafka::{Admin, Mechanism, Password, Sasl, Settings, Tls};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use watch::Watch;

/// Brokers, and everything that talks to them; ends when it is dropped.
pub(crate) struct Client {
    admin: Admin,
    readers: Arc<Readers>,
    outbox: Arc<Outbox>,
    watch: Arc<Watch>,
    /// Aborted with this.
    _tasks: JoinSet<()>,
}

impl Client {
    /// Starts the clients; no broker is waited for. `topics` are watched, with their events.
    pub(crate) fn start(
        settings: &Settings,
        topics: BTreeMap<String, BTreeSet<String>>,
    ) -> std::result::Result<Self, Fault> {
        let admin = Admin::start(settings).map_err(fault)?;
        let readers = Arc::new(Readers::start(settings)?);
        let (outbox, post) = Outbox::start(settings)?;
        let (outbox, watch) = (Arc::new(outbox), Arc::<Watch>::default());
        let mut tasks = JoinSet::new();
        tasks.spawn(post);
        let (looks, look) = (Arc::clone(&watch), (admin.clone(), Arc::clone(&readers)));
        let sends = Arc::clone(&outbox);
        tasks.spawn(async move { looks.run(look, sends, topics).await });
        Ok(Self { admin, readers, outbox, watch, _tasks: tasks })
    }
}

impl Broker for Client {
    fn topic<'a>(&'a self, name: &'a str) -> Asking<'a, Result<Topic>> {
        Box::pin(async move {
            let shape = self.admin.shape(name).await.map_err(fault)?;
            // Brokers before 2.8 give no ids, so one that is made anew looks like the old one there.
            let id = shape.id.map(|id| id.to_string()).unwrap_or_default();
            let partitions = u32::try_from(shape.partitions).unwrap_or(0);
            Ok(Topic { id, partitions })
        })
    }

    fn first<'a>(&'a self, partition: &'a Partition, start: Start) -> Asking<'a, Result<u64>> {
        Box::pin(self.readers.first(partition, start))
    }

    fn read<'a>(
        &'a self,
        partition: &'a Partition,
        from: u64,
        workflow: Option<&'a str>,
    ) -> Asking<'a, Result<Box<dyn Reading>>> {
        Box::pin(async move {
            let reader = self.readers.read(partition, from, workflow).await?;
            Ok(Box::new(reader) as Box<dyn Reading>)
        })
    }

    fn send(&self, message: Message) -> Asking<'_, oneshot::Receiver<Sent>> {
        Box::pin(self.outbox.send(message))
    }

    fn taken(&self, partition: &Partition, next: u64, workflow: Option<&str>) {
        self.readers.taken(partition, next, workflow);
    }

    fn health(&self) -> Health {
        let (unacknowledged, waiting, refusing) = self.outbox.known();
        let seen = self.watch.seen();
        let mut unusable = seen.unusable;
        unusable.extend(refusing);
        let away = seen.away_since.map(|at| at.elapsed());
        let trouble = away.and_then(|_| seen.trouble.or_else(|| self.outbox.trouble()));
        Health { away, trouble, unusable, unacknowledged, waiting, lag: seen.lag }
    }
}

/// What the client needs to know, with secrets as they are.
pub(crate) fn settings(kafka: &config::Kafka, secrets: config::Secrets) -> Settings {
    let sasl = kafka.sasl.as_ref().map(|sasl| Sasl {
        mechanism: match sasl.mechanism {
            config::Mechanism::Plain => Mechanism::Plain,
            config::Mechanism::ScramSha256 => Mechanism::ScramSha256,
            config::Mechanism::ScramSha512 => Mechanism::ScramSha512,
        },
        user: sasl.username.clone(),
        password: Password::new(secrets.password.unwrap_or_default()),
    });
    let tls = kafka.tls.as_ref().map(|tls| Tls {
        authority: tls.ca.clone(),
        certificate: tls.cert.clone(),
        key: tls.key.clone(),
    });
    Settings {
        brokers: kafka.brokers.join(","),
        client_id: kafka.client_id.clone(),
        group: kafka.group.clone(),
        tls,
        sasl,
    }
}

fn fault(error: sagaflow_kafka::Error) -> Fault {
    Fault(error.to_string())
}
