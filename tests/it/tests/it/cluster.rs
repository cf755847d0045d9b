//! Several nodes on one Postgres database: who decides, who stands by, and what a fault changes.
//!
//! Where the machine has no Postgres these tests are skipped, and say so.

mod concurrency;
mod indexed;
mod limits;
mod outage;
mod shards;
mod standby;
mod takeover;

use sagaflow_it::{Behave, Flowd, Ledger, ORDER, flow, flowd, sample};
use sagaflow_postgres::{Cluster, Database, Proxy};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// The shortest lease there may be.
const TTL: Duration = Duration::from_secs(3);

const START: &str = "/api/workflows/FulfilOrder/runs";

/// A migrated database, the services, and a configuration that every node has.
struct World {
    ledger: Ledger,
    config: String,
    /// Between the nodes and their server, where commits are to be lost.
    wire: Option<Proxy>,
    // Order: dropped after the nodes, which tests declare later.
    database: Database,
    _folder: tempfile::TempDir,
}

impl World {
    /// With one shard, so that one node decides about all runs.
    async fn on(cluster: &Cluster, ttl: Duration) -> Self {
        Self::of(cluster, ttl, "1").await
    }

    /// With so many shards.
    async fn of(cluster: &Cluster, ttl: Duration, shards: &str) -> Self {
        let world = Self::unmigrated(cluster, ttl).await;
        let output = flowd(&["migrate", "--config", &world.config, "--shards", shards]).await;
        assert_eq!(output.code, Some(0), "{output:?}");
        assert!(output.out.contains("was migrated"), "{output:?}");
        if let Some(wire) = &world.wire {
            wire.lose_one_in(loses());
        }
        world
    }

    async fn unmigrated(cluster: &Cluster, ttl: Duration) -> Self {
        let database = cluster.fresh().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let names = ["shop/orders.flow", "small.flow", "visit.flow", "limited.flow", "sought.flow"];
        let files = names.map(flow);
        let wire = match loses() {
            0 => None,
            _ => Some(Proxy::before(database.url()).await),
        };
        let url = database.url();
        let text = format!(
            "store = \"{}\"\n[cluster]\nlease_ttl = \"{}s\"\n[flows]\nfiles = {files:?}\n",
            wire.as_ref().map_or(url.to_owned(), |wire| wire.url(url)),
            ttl.as_secs(),
        );
        let path = folder.path().join("flowd.toml");
        std::fs::write(&path, text).unwrap();
        let config = path.to_string_lossy().into_owned();
        Self { ledger: Ledger::open().await, config, wire, database, _folder: folder }
    }

    async fn node(&self) -> Flowd {
        self.node_of(&self.config).await
    }

    async fn node_of(&self, config: &str) -> Flowd {
        let shop = format!("Shop={}/Shop", self.ledger.url);
        let gate = format!("Gate={}/Gate", self.ledger.url);
        let post = format!("Post={}/Post", self.ledger.url);
        let mut args = vec!["--config", config, "--bind", &shop, "--bind", &gate, "--bind", &post];
        let binds = self.ledger.binds();
        args.extend(binds.iter().map(String::as_str));
        Flowd::start("serve", &args).await
    }

    /// A node that is the same again after a crash.
    async fn same_node(&self) -> Flowd {
        let text = std::fs::read_to_string(&self.config).unwrap();
        let path = format!("{}-same.toml", self.config);
        std::fs::write(&path, text.replace("[cluster]", "[cluster]\nidentity = \"state/node\""))
            .unwrap();
        self.node_of(&path).await
    }

    /// Two nodes: the owner, and one that stands by and knows it.
    async fn pair(&self) -> (Flowd, Flowd) {
        let owner = self.node().await;
        let standby = self.node().await;
        let health = until(&standby, |health| health["owner"] == json!(owner.url)).await;
        assert_eq!(health["role"], "standby", "{health}");
        (owner, standby)
    }

    /// The next effects are made, and their answers never come: whoever asked must ask again.
    fn lose_answers(&self) {
        for action in ["Payments.authorize", "Shipping.book", "Payments.capture"] {
            self.ledger.next(action, Behave::Lose);
        }
    }

    /// Every order had each of its effects once.
    fn each_once(&self, orders: usize) {
        let applied = self.ledger.applied();
        for effect in ORDER {
            let times = applied.iter().filter(|action| *action == effect).count();
            assert_eq!(times, orders, "{effect}");
        }
        let undone = self.ledger.entries().into_iter().find(|entry| entry.undoes.is_some());
        assert!(undone.is_none(), "nothing failed: {undone:?}");
    }
}

/// `FLOW_WIRE_LOSES=100`: of so many commits of a test one is done and its answer is lost, and another one
/// does not get to the server.
fn loses() -> u32 {
    std::env::var("FLOW_WIRE_LOSES").ok().and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// The input of one order of many.
fn order(number: u32) -> Value {
    let id = format!("0192f0c1-7a50-7cc3-9a53-{number:012x}");
    json!({ "input": sample(|order| order["id"] = json!(id)) })
}

/// What a node says of itself, once that is so.
async fn until(node: &Flowd, is_so: impl Fn(&Value) -> bool) -> Value {
    let began = Instant::now();
    loop {
        let health = node.request("GET", "/api/health", None).await.1;
        if is_so(&health) {
            return health;
        }
        assert!(began.elapsed() < Duration::from_secs(30), "it does not come to that: {health}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Asks for a start until one of the nodes has recorded it, as a caller with a key may.
async fn insist(nodes: &[&Flowd], body: &Value) -> String {
    let began = Instant::now();
    for node in nodes.iter().cycle() {
        match node.try_request("POST", START, Some(body)).await {
            Some((200 | 201, run)) => return run["id"].as_str().unwrap().to_owned(),
            // It was cut off, or nobody knows: the same again is safe.
            None | Some((503 | 504, _)) => {}
            Some(other) => panic!("{other:?}"),
        }
        assert!(began.elapsed() < Duration::from_secs(30), "nobody takes it");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    unreachable!("there is a node")
}

/// Asks one node until it says something else than "not now", as a caller with a key may.
async fn patient(node: &Flowd, path: &str, body: Value, key: Option<&str>) -> (u16, Value) {
    let began = Instant::now();
    loop {
        let key = key.map(|key| ("Idempotency-Key", key));
        let (status, _, said) = node.full("POST", path, Some(body.clone()), key.as_slice()).await;
        // Over wires that lose nothing it is to be taken at once.
        if status != 503 || loses() == 0 {
            return (status, said);
        }
        assert!(began.elapsed() < Duration::from_secs(30), "it does not take it: {said}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Waits until every run has ended well.
async fn completed(node: &Flowd, runs: &[String]) {
    for run in runs {
        node.wait_for(run, "completed").await;
    }
}
