//! The producer's thread: serves delivery reports, and replaces a client that broke.

use super::state::Shared;
use super::{MESSAGE_BYTES_MAX, OUTSTANDING_KB_MAX, OUTSTANDING_MAX};
use crate::config;
use crate::error::Error;
use crate::health::Counted;
use crate::settings::Settings;
use rdkafka::ClientConfig;
use rdkafka::client::ClientContext;
use rdkafka::config::FromClientConfigAndContext as _;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::message::{DeliveryResult, Message as _};
use rdkafka::producer::{BaseProducer, Producer as _, ProducerContext, PurgeConfig};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

pub(super) type Native = BaseProducer<Context>;

/// Bound: how long a broken client or the end of the producer may go unnoticed. Reports are served
/// at once.
const LOOK: Duration = Duration::from_millis(50);

/// Bound: how long a broken client may take to give up its messages.
const PURGE: Duration = Duration::from_secs(5);

/// Bound: between attempts to make a client.
const AGAIN: Duration = Duration::from_secs(1);

/// Passes on what the library's client says.
pub(super) struct Context {
    shared: Arc<Shared>,
    health: Arc<Counted>,
}

impl ClientContext for Context {
    fn error(&self, error: KafkaError, reason: &str) {
        let code = error.rdkafka_error_code().unwrap_or(Code::Fail);
        // A fatal one is found where it is answered.
        if code != Code::Fatal {
            self.health.error(code, reason);
        }
    }
}

impl ProducerContext for Context {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, ticket: usize) {
        let ticket = ticket as u64;
        match result {
            Ok(message) => self.shared.delivered(ticket, message.partition(), message.offset()),
            Err((error, _)) => {
                self.shared.failed(ticket, error.rdkafka_error_code().unwrap_or(Code::Fail));
            }
        }
    }
}

pub(super) fn start(
    settings: &Settings,
    shared: Arc<Shared>,
    health: Arc<Counted>,
    mut ended: mpsc::Receiver<()>,
) -> Result<(), Error> {
    let keeper = Keeper { config: config(settings), shared, health };
    let mut native = keeper.make()?;
    keeper.shared.begin(Arc::clone(&native));
    let body = move || {
        while ended.try_recv() != Err(mpsc::error::TryRecvError::Disconnected) {
            native.poll(LOOK);
            if let Some((code, reason)) = native.client().fatal_error() {
                native = keeper.replace(native, &format!("{code}: {reason}"));
            }
        }
        keeper.shared.close();
        drop(native);
        keeper.shared.end();
    };
    let started = std::thread::Builder::new().name("kafka-producer".to_owned()).spawn(body);
    started.map_err(|error| Error::Fatal(format!("start the producer: {error}")))?;
    Ok(())
}

fn config(settings: &Settings) -> ClientConfig {
    let mut config = config::client(settings);
    config.set("enable.idempotence", "true");
    config.set("acks", "all");
    // A message that the brokers refuse must not be overtaken by those sent behind it, which
    // their sequence tells: the client breaks instead, and the caller sends again in order.
    config.set("enable.gapless.guarantee", "true");
    // Bound: none in time. A broker that is away makes messages late; giving one up would let
    // others overtake it. What waits is bounded by room.
    config.set("message.timeout.ms", "0");
    // Bound: twice what callers may hand over, so that the library never refuses for room.
    config.set("queue.buffering.max.messages", (2 * OUTSTANDING_MAX).to_string());
    config.set("queue.buffering.max.kbytes", (2 * OUTSTANDING_KB_MAX).to_string());
    config.set("message.max.bytes", MESSAGE_BYTES_MAX.to_string());
    // Bound: brokers refuse a batch by the topic's limit of a message, and with it innocent
    // messages; only topics that limit messages to less than this see that.
    config.set("batch.size", "131072");
    config.set("linger.ms", "5");
    // Bound: a broker that sleeps is left for another after ten seconds.
    config.set("request.timeout.ms", "10000");
    config.set("socket.timeout.ms", "15000");
    // As Java's clients choose, so that a key has one partition whoever writes.
    config.set("partitioner", "murmur2_random");
    config
}

struct Keeper {
    config: ClientConfig,
    shared: Arc<Shared>,
    health: Arc<Counted>,
}

impl Keeper {
    fn make(&self) -> Result<Arc<Native>, Error> {
        let (shared, health) = (Arc::clone(&self.shared), Arc::clone(&self.health));
        let native = Native::from_config_and_context(&self.config, Context { shared, health });
        native.map(Arc::new).map_err(|error| Error::from_library(&error, "make a producer"))
    }

    /// Crash: messages that are undecided here are so after a crash too; the caller sends them
    /// again either way.
    fn replace(&self, broken: Arc<Native>, reason: &str) -> Arc<Native> {
        // Order: nobody sends by the old client before its messages are counted.
        drop(self.shared.close());
        self.health.restarted(reason);
        // What it knows is reported before the rest becomes undecided.
        broken.purge(PurgeConfig::default().queue().inflight());
        if let Err(error) = broken.flush(PURGE) {
            tracing::warn!(%error, "kafka producer keeps messages");
        }
        let native = loop {
            match self.make() {
                Ok(native) => break native,
                Err(error) => {
                    tracing::error!(%error, "kafka producer is not replaced");
                    std::thread::sleep(AGAIN);
                }
            }
        };
        self.shared.restart(Arc::clone(&native), reason.to_owned());
        drop(broken);
        native
    }
}
