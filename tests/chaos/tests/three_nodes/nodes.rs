//! Three nodes on one private Postgres, each behind a wire of its own, and what can befall them.

use crate::shop::Shop;
use crate::world::World;
use sagaflow_it::{Flowd, flowd};
use sagaflow_postgres::Proxy;
use sagaflow_postgres::{Cluster, Database};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The shortest lease there may be.
pub const TTL: Duration = Duration::from_secs(3);

/// Nodes; the last one is never killed, so that what it keeps too long is seen.
pub const COUNT: usize = 3;

/// Bound: how long a node may take to come up, the store being there.
const START: Duration = Duration::from_secs(30);

/// What a process holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// Resident memory.
    pub memory_kb: u64,
    pub files: usize,
}

struct Node {
    running: Option<Flowd>,
    proxy: Proxy,
    args: Vec<String>,
    log: PathBuf,
}

/// The nodes and their server.
pub struct Nodes {
    nodes: Vec<Node>,
    shop: Shop,
    // Order: dropped after the nodes.
    database: Database,
    cluster: Cluster,
}

impl Nodes {
    /// Migrates a database of the server and starts the nodes; their logs are kept in `folder`.
    pub async fn start(cluster: Cluster, world: &World, shop: &Shop, folder: &Path) -> Self {
        let database = cluster.fresh().expect("a database");
        let output = flowd(&["migrate", "--store", database.url()]).await;
        assert_eq!(output.code, Some(0), "{output:?}");
        let flow = Path::new(env!("CARGO_MANIFEST_DIR")).join("flows/storm.flow");
        let mut nodes = Vec::new();
        for number in 0..COUNT {
            let proxy = Proxy::before(database.url()).await;
            let text = format!(
                "store = \"{}\"\n[cluster]\nlease_ttl = \"{}s\"\n[flows]\nfiles = [{flow:?}]\n",
                proxy.url(database.url()),
                TTL.as_secs(),
            );
            let config = folder.join(format!("node-{number}.toml"));
            std::fs::write(&config, text).expect("a configuration");
            let mut args = vec!["--config".to_owned(), config.to_string_lossy().into_owned()];
            args.extend(world.binds());
            let log = folder.join(format!("node-{number}.log"));
            nodes.push(Node { running: None, proxy, args, log });
        }
        let mut nodes = Self { nodes, shop: shop.clone(), database, cluster };
        for number in 0..COUNT {
            nodes.up(number).await;
        }
        nodes
    }

    fn of(&self, number: usize) -> &Flowd {
        self.nodes[number].running.as_ref().expect("the storm starts what it has ended")
    }

    /// The others.
    pub fn but(number: usize) -> Vec<usize> {
        (0..COUNT).filter(|other| *other != number).collect()
    }

    /// The wire of a node.
    pub fn wire(&self, number: usize) -> &Proxy {
        &self.nodes[number].proxy
    }

    /// Starts a node, again and again while its server is away.
    pub async fn up(&mut self, number: usize) {
        let node = &mut self.nodes[number];
        let args: Vec<&str> = node.args.iter().map(String::as_str).collect();
        let begun = Instant::now();
        let running = loop {
            if let Some(running) = Flowd::try_start(&args, &node.log).await {
                break running;
            }
            assert!(begun.elapsed() < START, "node {number} does not start: {:?}", node.log);
            tokio::time::sleep(Duration::from_millis(250)).await;
        };
        self.shop.moved(number, &running.url);
        node.running = Some(running);
    }

    /// As `kill -9` does.
    pub fn kill(&mut self, number: usize) {
        let running = self.nodes[number].running.take();
        running.expect("the storm starts what it has ended").kill9();
    }

    /// In good order; it must end well.
    pub async fn terminate(&mut self, number: usize) {
        let running = self.nodes[number].running.take();
        let ended = running.expect("the storm starts what it has ended").terminate().await;
        assert_eq!(ended.0, Some(0), "node {number} did not stop in good order");
    }

    pub fn signal(&self, number: usize, signal: &str) {
        self.of(number).signal(signal);
    }

    /// Every process of the server at one blow.
    pub fn kill_server(&mut self) {
        tokio::task::block_in_place(|| self.cluster.kill9()).expect("the server is killed");
    }

    pub fn restart_server(&mut self) {
        tokio::task::block_in_place(|| self.cluster.restart()).expect("the server starts");
    }

    /// Everything forwards, and everybody is awake.
    pub fn heal(&self) {
        for node in &self.nodes {
            node.proxy.stall(false);
            node.proxy.disarm();
        }
    }

    /// What a node's process holds at this moment.
    pub fn held(&self, number: usize) -> Held {
        let folder = PathBuf::from(format!("/proc/{}", self.of(number).pid()));
        let status = std::fs::read_to_string(folder.join("status")).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let memory = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
        let files = std::fs::read_dir(folder.join("fd")).expect("it is ours").count();
        Held { memory_kb: memory.expect("a process has memory"), files }
    }

    /// Backends of this database in this state; all of them where none is named.
    pub fn backends(&self, state: Option<&str>) -> u32 {
        let of = state.map(|state| format!("AND state LIKE '{state}%'")).unwrap_or_default();
        let count = format!(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
             AND pid <> pg_backend_pid() {of}"
        );
        self.database.psql(&count).expect("a count").parse().expect("a number")
    }
}
