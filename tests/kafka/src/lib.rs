//! A private Apache Kafka for tests: one broker, or three.
//!
//! ```text
//!  test process ── pipe ──► sh (supervisor) ──► java (broker and controller in one)
//!               end of file: kill the broker, remove its folder
//! ```
//!
//! Promises: ports and a folder of its own; a broker keeps its data and ports across a kill; no
//! broker outlives the process that started it, however that process ends. Everybody at
//! [`Cluster::bootstrap`] may do everything; [`USER`], who must log in at
//! [`Cluster::bootstrap_sasl`], may do nothing with any topic. Over TLS, where that was asked for,
//! [`OWNER`] logs in and may do everything. Nothing here is part of the product.

mod jars;
mod node;
mod secure;
#[cfg(test)]
mod tests;

pub use jars::{Jars, Missing};
pub use secure::{Certificate, OWNER, OWNER_PASSWORD};

use anyhow::Context as _;
use node::Node;
use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::OnceLock;
use tempfile::TempDir;

/// Set to `1` where a test must not be skipped.
pub const ALL: &str = "FLOW_TEST_ALL";

/// Who may log in by SASL, mechanism `PLAIN`.
pub const USER: &str = "guest";

/// The password of [`USER`].
pub const PASSWORD: &str = "guest-secret";

/// Bound: attempts to find ports that nobody takes between the look and the start.
const ATTEMPTS: u32 = 5;

/// Some brokers that form one cluster, killed and removed with this value.
#[derive(Debug)]
pub struct Cluster {
    // Order: brokers end before their folder goes.
    nodes: Vec<Node>,
    ports: Vec<Ports>,
    jars: Jars,
    certificate: Option<Certificate>,
    _folder: TempDir,
}

#[derive(Clone, Copy, Debug)]
struct Ports {
    open: u16,
    sasl: u16,
    tls: u16,
    controller: u16,
}

impl Cluster {
    /// Makes and starts a cluster of so many brokers, one or three.
    ///
    /// # Errors
    /// [`Missing`] where the machine cannot run any; other errors where they do not start.
    pub fn start(brokers: u32) -> anyhow::Result<Self> {
        Self::begin(brokers, false)
    }

    /// One broker where [`OWNER`] logs in over TLS, beside what [`Cluster::start`] gives.
    ///
    /// # Errors
    /// As with that.
    pub fn start_with_tls() -> anyhow::Result<Self> {
        Self::begin(1, true)
    }

    fn begin(brokers: u32, tls: bool) -> anyhow::Result<Self> {
        anyhow::ensure!(brokers == 1 || brokers == 3, "a cluster has one broker or three");
        let jars = Jars::find()?;
        let mut attempt = 1;
        loop {
            match Self::attempt(&jars, brokers, tls) {
                Err(error) if attempt == ATTEMPTS || !is_taken(&error) => return Err(error),
                Err(_) => attempt += 1,
                started => return started,
            }
        }
    }

    fn attempt(jars: &Jars, brokers: u32, tls: bool) -> anyhow::Result<Self> {
        let folder = node::folder()?;
        let certificate =
            tls.then(|| Certificate::make(&folder.path().join("1/tls"))).transpose()?;
        let shown = certificate.as_ref();
        let ports = ports(brokers)?;
        let made: Vec<anyhow::Result<Node>> = std::thread::scope(|scope| {
            let making: Vec<_> = (1..=brokers)
                .map(|id| {
                    let (at, all) = (folder.path().join(id.to_string()), &ports);
                    let told = settings(id, all, shown);
                    let format: Vec<String> =
                        shown.into_iter().flat_map(|_| Certificate::format()).collect();
                    scope.spawn(move || Node::make(at, jars, &told, (CLUSTER_ID, &format)))
                })
                .collect();
            making.into_iter().map(|it| it.join().unwrap_or_else(|_| panicked())).collect()
        });
        let nodes = made.into_iter().collect::<anyhow::Result<Vec<Node>>>()?;
        let mut cluster = Self { nodes, ports, jars: jars.clone(), certificate, _folder: folder };
        for node in &mut cluster.nodes {
            node.start(jars)?;
        }
        cluster.nodes.iter().try_for_each(Node::ready)?;
        Ok(cluster)
    }

    /// Addresses where everybody may do everything.
    #[must_use]
    pub fn bootstrap(&self) -> String {
        addresses(self.ports.iter().map(|ports| ports.open))
    }

    /// Addresses where [`USER`] logs in.
    #[must_use]
    pub fn bootstrap_sasl(&self) -> String {
        addresses(self.ports.iter().map(|ports| ports.sasl))
    }

    /// Addresses where [`OWNER`] logs in over TLS, and whom to trust there; none where it was started
    /// without.
    #[must_use]
    pub fn bootstrap_tls(&self) -> Option<(String, &std::path::Path)> {
        let certificate = self.certificate.as_ref()?;
        let at = addresses(self.ports.iter().map(|ports| ports.tls));
        Some((at, &certificate.authority))
    }

    /// Kills a broker at once, as a power cut of its machine would; brokers count from 1.
    ///
    /// # Errors
    /// Where it does not run.
    pub fn kill9(&mut self, broker: i32) -> anyhow::Result<()> {
        self.node(broker)?.kill9()
    }

    /// Puts a broker to sleep: its connections stay open and nothing answers.
    ///
    /// # Errors
    /// Where it does not run.
    pub fn pause(&mut self, broker: i32) -> anyhow::Result<()> {
        self.node(broker)?.signal("-STOP")
    }

    /// Wakes a broker that sleeps.
    ///
    /// # Errors
    /// Where it does not run.
    pub fn resume(&mut self, broker: i32) -> anyhow::Result<()> {
        self.node(broker)?.signal("-CONT")
    }

    /// Starts a broker again on its data and ports, after [`Cluster::kill9`] or while it runs, and
    /// waits until it takes connections.
    ///
    /// # Errors
    /// Where it does not start.
    pub fn restart(&mut self, broker: i32) -> anyhow::Result<()> {
        let jars = self.jars.clone();
        let node = self.node(broker)?;
        node.start(&jars)?;
        node.ready()
    }

    /// What a broker logged.
    ///
    /// # Errors
    /// Where there is no such broker.
    pub fn log(&self, broker: i32) -> anyhow::Result<String> {
        let idx = usize::try_from(broker - 1)?;
        Ok(self.nodes.get(idx).context("no such broker")?.log())
    }

    fn node(&mut self, broker: i32) -> anyhow::Result<&mut Node> {
        let idx = usize::try_from(broker - 1)?;
        self.nodes.get_mut(idx).context("no such broker")
    }
}

/// 16 bytes that every cluster shares: no two of them ever meet.
const CLUSTER_ID: &str = "c2FnYWZsb3cta2Fma2EtMQ";

fn panicked() -> anyhow::Result<Node> {
    anyhow::bail!("making a broker panicked")
}

fn is_taken(error: &anyhow::Error) -> bool {
    format!("{error:#}").contains("Address already in use")
}

fn addresses(ports: impl Iterator<Item = u16>) -> String {
    ports.map(|port| format!("127.0.0.1:{port}")).collect::<Vec<_>>().join(",")
}

/// Ports below those that systems give to outgoing connections: a broker that was killed must find
/// its own free again.
fn ports(brokers: u32) -> anyhow::Result<Vec<Ports>> {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
    let seed = u64::from(std::process::id()).wrapping_mul(7919) ^ u64::from(now.subsec_nanos());
    let first = 10_000 + u16::try_from(seed % 20_000)?;
    let mut free = (first..32_000).filter(|port| node::free(*port));
    let mut next = || free.next().context("no port is free");
    let one = |_| Ok(Ports { open: next()?, sasl: next()?, tls: next()?, controller: next()? });
    (0..brokers).map(one).collect()
}

/// What a broker is told, all but where its data lies.
fn settings(id: u32, all: &[Ports], shown: Option<&Certificate>) -> String {
    let own = all[id as usize - 1];
    let Ports { open, sasl, tls, controller } = own;
    let secure = shown.map(|_| format!(",SASL_SSL://127.0.0.1:{tls}")).unwrap_or_default();
    let voters: Vec<String> =
        (1..).zip(all).map(|(id, ports)| format!("{id}@127.0.0.1:{}", ports.controller)).collect();
    let voters = voters.join(",");
    let (replicas, in_sync) = if all.len() == 1 { (1, 1) } else { (3, 2) };
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = write!(
        text,
        "process.roles=broker,controller\n\
         node.id={id}\n\
         controller.quorum.voters={voters}\n\
         listeners=PLAINTEXT://127.0.0.1:{open},SASL_PLAINTEXT://127.0.0.1:{sasl},\
         CONTROLLER://127.0.0.1:{controller}{secure}\n\
         advertised.listeners=PLAINTEXT://127.0.0.1:{open},SASL_PLAINTEXT://127.0.0.1:{sasl}{secure}\n\
         default.replication.factor={replicas}\n\
         min.insync.replicas={in_sync}\n\
         offsets.topic.replication.factor={replicas}\n\
         transaction.state.log.replication.factor={replicas}\n\
         transaction.state.log.min.isr={in_sync}\n\
         listener.name.sasl_plaintext.plain.sasl.jaas.config=\
         org.apache.kafka.common.security.plain.PlainLoginModule required \
         user_{USER}=\"{PASSWORD}\";\n{COMMON}"
    );
    // Order: of two lines about one setting the last one counts.
    text.extend(shown.map(Certificate::settings));
    text
}

/// The same for every broker: small, and quick to notice that another is dead.
const COMMON: &str = "\
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT
sasl.enabled.mechanisms=PLAIN
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS
offsets.topic.num.partitions=4
transaction.state.log.num.partitions=4
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
num.io.threads=2
num.network.threads=1
broker.heartbeat.interval.ms=500
broker.session.timeout.ms=3000
log.cleaner.dedupe.buffer.size=2097152
";

/// The broker that the tests of one process share; none where the machine cannot run one, which is
/// said loudly.
///
/// # Panics
/// Where a broker does not start, or [`ALL`] is set and there is none.
#[must_use]
pub fn shared() -> Option<&'static Cluster> {
    static SHARED: OnceLock<Option<Cluster>> = OnceLock::new();
    SHARED.get_or_init(|| private(1)).as_ref()
}

/// Brokers for a test that kills them; skipped as with [`shared`].
///
/// # Panics
/// As [`shared`].
#[must_use]
pub fn private(brokers: u32) -> Option<Cluster> {
    of(Cluster::start(brokers))
}

/// A broker for tests that talk to it over TLS; skipped as with [`shared`].
///
/// # Panics
/// As [`shared`].
#[must_use]
pub fn private_with_tls() -> Option<Cluster> {
    of(Cluster::start_with_tls())
}

fn of(started: anyhow::Result<Cluster>) -> Option<Cluster> {
    match started {
        Ok(cluster) => Some(cluster),
        Err(error) if error.is::<Missing>() && std::env::var(ALL).as_deref() != Ok("1") => {
            // Order: past the capture of the test harness, which would swallow it.
            let _ = writeln!(std::io::stderr(), "skipped: no Kafka ({error})");
            None
        }
        Err(error) => panic!("Kafka for tests: {error:#}"),
    }
}
