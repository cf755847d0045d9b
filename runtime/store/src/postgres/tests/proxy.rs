//! A wire between the store and its server that can be slow, and that can lose an answer.

use sagaflow_postgres::Cluster;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Forwards connections to one server until it is dropped.
pub(super) struct Proxy {
    port: u16,
    cuts: watch::Sender<u64>,
    turns: Arc<AtomicU64>,
    server: String,
    task: tokio::task::JoinHandle<()>,
}

impl Proxy {
    /// In front of a server, each piece of data late by `delay`.
    pub async fn start(cluster: &Cluster, delay: Duration) -> Self {
        let server = address(cluster.url());
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("its address").port();
        let (cuts, cut) = watch::channel(0);
        let turns = Arc::new(AtomicU64::new(0));
        let (upstream, counted) = (server.clone(), Arc::clone(&turns));
        let task = tokio::spawn(async move {
            let mut wires = tokio::task::JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                let Ok(server) = TcpStream::connect(&upstream).await else { continue };
                wires.spawn(wire(client, server, delay, cut.clone(), Arc::clone(&counted)));
            }
        });
        Self { port, cuts, turns, server, task }
    }

    /// The same address by way of this wire.
    pub fn url(&self, url: &str) -> String {
        url.replace(&self.server, &format!("127.0.0.1:{}", self.port))
    }

    /// Ends every connection on the client's side only: its server goes on, and its answer is lost.
    pub fn cut(&self) {
        self.cuts.send_modify(|cut| *cut += 1);
    }

    /// How often a client has spoken, over all connections.
    pub fn turns(&self) -> u64 {
        self.turns.load(Ordering::SeqCst)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn address(url: &str) -> String {
    let rest = url.split_once('@').map(|(_, rest)| rest).expect("a URL names a user");
    rest.split('/').next().unwrap_or_default().to_owned()
}

async fn wire(
    client: TcpStream,
    server: TcpStream,
    delay: Duration,
    mut cut: watch::Receiver<u64>,
    turns: Arc<AtomicU64>,
) {
    for side in [&client, &server] {
        side.set_nodelay(true).expect("a socket");
    }
    cut.mark_unchanged();
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let (mut asked, mut answered) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    loop {
        let (read, buffer, to) = tokio::select! {
            read = from_client.read(&mut asked) => {
                turns.fetch_add(1, Ordering::SeqCst);
                (read, &asked, &mut to_server)
            }
            read = from_server.read(&mut answered) => (read, &answered, &mut to_client),
            _ = cut.changed() => break,
        };
        let Some(data) = buffer.get(..read.unwrap_or(0)).filter(|data| !data.is_empty()) else {
            return;
        };
        tokio::time::sleep(delay).await;
        if to.write_all(data).await.is_err() {
            return;
        }
    }
    drop((from_client, to_client));
    // The server must not learn that nobody listens.
    while from_server.read(&mut answered).await.is_ok_and(|read| read > 0) {}
    drop(to_server);
}
