//! A wire between a process and its Postgres that can be cut, that can stall, and that can lose the
//! server's word that a commit has ended.
//!
//! ```text
//!  process ──► proxy ──► Postgres      forward │ stall: both ways wait, and what was held comes late
//!          ◄──       ◄──               cut     │ eat: the commit is done, its answer and the wire are gone
//!                                      lose: now and then one is eaten, and one does not get there
//! ```
//!
//! It follows the protocol only as far as it must to know the end of a commit.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Asks the server for TLS; the answer is one byte without a frame.
const SSL_REQUEST: u32 = 80_877_103;

/// Bound: how long a server's side outlives a cut, to end the statement it is in.
const LINGER: Duration = Duration::from_secs(1);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Mode {
    cuts: u32,
    stalled: bool,
}

#[derive(Debug, Default)]
struct Counts {
    /// Answers still to be lost.
    armed: AtomicU32,
    eaten: AtomicU32,
    /// Of so many commits one is eaten and one does not get to the server; none where zero.
    one_in: AtomicU32,
    commits: AtomicU32,
    open: AtomicU32,
}

/// Forwards connections to one server until it is dropped.
pub struct Proxy {
    port: u16,
    server: String,
    mode: watch::Sender<Mode>,
    counts: Arc<Counts>,
    task: tokio::task::JoinHandle<()>,
}

impl Proxy {
    /// In front of the server that a URL names.
    ///
    /// # Panics
    /// Where the URL names no user, or the machine has no port left.
    pub async fn before(url: &str) -> Self {
        let rest = url.split_once('@').map(|(_, rest)| rest).expect("a URL names a user");
        let server = rest.split('/').next().unwrap_or_default().to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("its address").port();
        let (mode, heard) = watch::channel(Mode::default());
        let counts = Arc::new(Counts::default());
        let (upstream, counted) = (server.clone(), Arc::clone(&counts));
        let task = tokio::spawn(async move {
            let mut wires = tokio::task::JoinSet::new();
            loop {
                tokio::select! {
                    accepted = listener.accept() => {
                        let Ok((client, _)) = accepted else { return };
                        let (heard, counts) = (heard.clone(), Arc::clone(&counted));
                        wires.spawn(wire(client, upstream.clone(), heard, counts));
                    }
                    Some(_) = wires.join_next() => {}
                }
            }
        });
        Self { port, server, mode, counts, task }
    }

    /// The same address by way of this wire.
    #[must_use]
    pub fn url(&self, url: &str) -> String {
        url.replace(&self.server, &format!("127.0.0.1:{}", self.port))
    }

    /// Ends every connection; new ones may come at once.
    pub fn cut(&self) {
        self.mode.send_modify(|mode| mode.cuts += 1);
    }

    /// Nothing gets through, either way, until this is taken back; what was sent meanwhile comes then.
    pub fn stall(&self, stalled: bool) {
        self.mode.send_modify(|mode| mode.stalled = stalled);
    }

    /// The next commit is done and its answer is lost, with the connection.
    pub fn eat_next(&self) {
        self.counts.armed.fetch_add(1, Ordering::SeqCst);
    }

    /// Forgets answers that were to be lost and have not come.
    pub fn disarm(&self) {
        self.counts.armed.store(0, Ordering::SeqCst);
    }

    /// From now on of so many commits one is done and its answer is lost, and another one does not get to
    /// the server, each with its connection.
    pub fn lose_one_in(&self, commits: u32) {
        self.counts.one_in.store(commits, Ordering::SeqCst);
    }

    /// How many answers of commits were lost here.
    #[must_use]
    pub fn eaten(&self) -> u32 {
        self.counts.eaten.load(Ordering::SeqCst)
    }

    /// Connections that are open.
    #[must_use]
    pub fn open(&self) -> u32 {
        self.counts.open.load(Ordering::SeqCst)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn wire(
    client: TcpStream,
    upstream: String,
    mode: watch::Receiver<Mode>,
    counts: Arc<Counts>,
) {
    counts.open.fetch_add(1, Ordering::SeqCst);
    forward(client, &upstream, mode, &counts).await;
    counts.open.fetch_sub(1, Ordering::SeqCst);
}

async fn forward(
    client: TcpStream,
    upstream: &str,
    mut mode: watch::Receiver<Mode>,
    counts: &Counts,
) {
    let cuts = mode.borrow().cuts;
    if mode.wait_for(|mode| !mode.stalled).await.is_err() {
        return;
    }
    let Ok(server) = TcpStream::connect(upstream).await else { return };
    for side in [&client, &server] {
        // Without it every piece of a conversation waits for the one before.
        let _ = side.set_nodelay(true);
    }
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let (mut asked, mut answered) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    let mut talk = Talk::default();
    loop {
        let now = *mode.borrow_and_update();
        if now.cuts != cuts {
            break;
        }
        if now.stalled {
            if mode.changed().await.is_err() {
                return;
            }
            continue;
        }
        let (data, to) = tokio::select! {
            changed = mode.changed() => match changed {
                Ok(()) => continue,
                Err(_) => return,
            },
            read = from_client.read(&mut asked) => match asked.get(..read.unwrap_or(0)) {
                None | Some([]) => return,
                Some(data) => {
                    if talk.asked(data) && loses(counts) {
                        break;
                    }
                    (data, &mut to_server)
                }
            },
            read = from_server.read(&mut answered) => match answered.get(..read.unwrap_or(0)) {
                None | Some([]) => return,
                Some(data) => {
                    if talk.answered(data) && eats(counts) {
                        break;
                    }
                    (data, &mut to_client)
                }
            },
        };
        if to.write_all(data).await.is_err() {
            return;
        }
    }
    drop((from_client, to_client));
    // The server must not learn at once that nobody listens: its statement goes on and ends.
    let rest = async { while from_server.read(&mut answered).await.is_ok_and(|read| read > 0) {} };
    let _ = tokio::time::timeout(LINGER, rest).await;
    drop(to_server);
}

/// Counts a commit, and says whether it is not to get to the server.
fn loses(counts: &Counts) -> bool {
    let one_in = counts.one_in.load(Ordering::SeqCst);
    let number = counts.commits.fetch_add(1, Ordering::SeqCst);
    // Spread, for a recovery commits each time as often as the last one did: an even step could hit the
    // same commit of every recovery for ever. The finalizer of MurmurHash3.
    let number = (number ^ (number >> 16)).wrapping_mul(0x85EB_CA6B);
    let number = (number ^ (number >> 13)).wrapping_mul(0xC2B2_AE35);
    let number = number ^ (number >> 16);
    if one_in > 0 && number % one_in == one_in / 2 {
        counts.armed.fetch_add(1, Ordering::SeqCst);
    }
    one_in > 0 && number % one_in == one_in - 1
}

/// Takes one of the answers that are to be lost.
fn eats(counts: &Counts) -> bool {
    let one = |armed: u32| armed.checked_sub(1);
    let eats = counts.armed.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one).is_ok();
    if eats {
        counts.eaten.fetch_add(1, Ordering::SeqCst);
    }
    eats
}

/// What one connection is about.
#[derive(Default)]
struct Talk {
    client: Frames,
    server: Frames,
    greeted: bool,
    /// The server's next byte answers a question about TLS.
    tls: bool,
    /// Prepared statements that write the journal.
    batches: BTreeSet<Vec<u8>>,
    committing: bool,
}

impl Talk {
    /// Whether a commit begins with this.
    fn asked(&mut self, data: &[u8]) -> bool {
        let before = self.committing;
        self.client.bytes.extend_from_slice(data);
        while let Some((kind, body)) = self.client.next(self.greeted) {
            match kind {
                0 => {
                    self.tls = body.starts_with(&SSL_REQUEST.to_be_bytes());
                    self.greeted = !self.tls;
                }
                // Parse: the statement's name and its text, each ended by a zero.
                b'P' => {
                    let mut parts = body.splitn(3, |byte| *byte == 0);
                    let name = parts.next().unwrap_or_default().to_vec();
                    let text = String::from_utf8_lossy(parts.next().unwrap_or_default());
                    if text.contains(".journal (") {
                        self.batches.insert(name);
                    }
                }
                // A query without parameters: the end of a transaction that was begun by one.
                b'Q' => {
                    let text = String::from_utf8_lossy(&body);
                    self.committing |= text.trim_start().to_lowercase().starts_with("commit");
                }
                // Bind: the portal's name, then the statement's.
                b'B' => {
                    let name = body.split(|byte| *byte == 0).nth(1).unwrap_or_default();
                    self.committing |= self.batches.contains(name);
                }
                _ => {}
            }
        }
        self.committing && !before
    }

    /// Whether this ends a commit: the server says that it is ready for more.
    fn answered(&mut self, data: &[u8]) -> bool {
        let mut ended = false;
        self.server.bytes.extend_from_slice(data);
        if self.tls && !self.server.bytes.is_empty() {
            self.server.bytes.remove(0);
            self.tls = false;
        }
        while let Some((kind, _)) = self.server.next(true) {
            if kind == b'Z' {
                ended |= std::mem::take(&mut self.committing);
            }
        }
        ended
    }
}

/// Messages of one direction, put together from pieces.
#[derive(Default)]
struct Frames {
    bytes: Vec<u8>,
}

impl Frames {
    /// The next whole message: its kind, zero before the greeting, and what it holds.
    fn next(&mut self, greeted: bool) -> Option<(u8, Vec<u8>)> {
        let head = usize::from(greeted);
        let length = self.bytes.get(head..head + 4)?.try_into().map(u32::from_be_bytes).ok()?;
        let end = head + length as usize;
        let body = self.bytes.get(head + 4..end)?.to_vec();
        let kind = if greeted { *self.bytes.first()? } else { 0 };
        self.bytes.drain(..end);
        Some((kind, body))
    }
}
