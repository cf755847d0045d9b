//! A store some of whose operations fail.
//!
//! | what fails | how |
//! |---|---|
//! | a commit | refused before it is done; done, and nobody is told; not done, and nobody is told; done much later, after its owner was told that nobody knows; slow |
//! | an acquisition, a renewal, a release | refused before it is done; done, and nobody is told; slow |
//! | everything else | refused; slow |

use sagaflow_core::id::{RunId, ShardId};
use sagaflow_core::port::{
    Batch, Declared, Error, EventName, EventRow, Interest, ItemRow, JournalRow, KeyRow, Lease,
    MessageRow, NodeRow, OwnerRow, Result, RunFilter, RunRow, Source, Store, Tail,
};
use sagaflow_core::time::Time;
use sagaflow_sweep::random::Random;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::sleep;

/// What becomes of one operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fate {
    Refused,
    Unheard,
    Lost,
    Late,
    Slow,
}

/// A store whose operations fail with a probability. Clones are one store.
pub struct Faulty<S> {
    inner: Arc<S>,
    random: Arc<Mutex<Random>>,
    /// Operations of a thousand that fail.
    permille: usize,
    struck: Arc<Mutex<BTreeMap<String, u64>>>,
}

impl<S> Clone for Faulty<S> {
    fn clone(&self) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
            random: Arc::clone(&self.random),
            permille: self.permille,
            struck: Arc::clone(&self.struck),
        }
    }
}

impl<S: Store> Faulty<S> {
    /// Around a store: so many of a thousand operations fail, as the seed says.
    pub fn new(inner: S, seed: u64, permille: usize) -> Self {
        let random = Arc::new(Mutex::new(Random::new(seed)));
        Self { inner: Arc::new(inner), random, permille, struck: Arc::default() }
    }

    /// How often which operation failed how, and how many there were.
    #[must_use]
    pub fn struck(&self) -> BTreeMap<String, u64> {
        self.counts().clone()
    }

    fn counts(&self) -> MutexGuard<'_, BTreeMap<String, u64>> {
        self.struck.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn count(&self, what: String) {
        *self.counts().entry(what).or_default() += 1;
    }

    fn below(&self, n: usize) -> usize {
        self.random.lock().unwrap_or_else(PoisonError::into_inner).below(n)
    }

    fn fate(&self, what: &str, of: &[Fate]) -> Option<Fate> {
        self.count("all".to_owned());
        if self.below(1_000) >= self.permille {
            return None;
        }
        let fate = of.get(self.below(of.len())).copied()?;
        self.count(format!("{what} {fate:?}"));
        Some(fate)
    }

    async fn pause(&self) {
        let ms = u64::try_from(20 + self.below(400)).unwrap_or(20);
        sleep(Duration::from_millis(ms)).await;
    }

    /// A look, which changes nothing.
    async fn look<T>(&self, what: &str, look: impl Future<Output = Result<T>>) -> Result<T> {
        match self.fate(what, &[Fate::Refused, Fate::Slow]) {
            Some(Fate::Slow) => self.pause().await,
            Some(_) => return Err(unavailable()),
            None => {}
        }
        look.await
    }

    /// Something that may be done without anybody being told.
    async fn act<T>(&self, what: &str, act: impl Future<Output = Result<T>>) -> Result<T> {
        match self.fate(what, &[Fate::Refused, Fate::Unheard, Fate::Slow]) {
            Some(Fate::Unheard) => {
                act.await?;
                Err(unknown())
            }
            Some(Fate::Slow) => {
                self.pause().await;
                act.await
            }
            Some(_) => Err(unavailable()),
            None => act.await,
        }
    }

    /// The batch is sent now, lands later, and its owner goes on without an answer.
    fn land_later(&self, lease: Lease, batch: Arc<Batch>) {
        let this: Self = self.clone();
        tokio::spawn(async move {
            this.pause().await;
            let landed = this.inner.commit(lease, batch).await;
            let how = if landed.is_ok() { "landed" } else { "refused" };
            this.count(format!("late commit {how}"));
        });
    }
}

fn unavailable() -> Error {
    Error::Unavailable("it was made to fail".to_owned())
}

fn unknown() -> Error {
    Error::Unknown("the connection was made to fail".to_owned())
}

impl<S: Store> Store for Faulty<S> {
    fn shards(&self) -> u32 {
        self.inner.shards()
    }

    fn ttl(&self) -> Option<Duration> {
        self.inner.ttl()
    }

    async fn acquire(&self, shard: ShardId) -> Result<Lease> {
        self.act("acquire", self.inner.acquire(shard)).await
    }

    async fn tail(&self, lease: Lease) -> Result<Tail> {
        self.look("tail", self.inner.tail(lease)).await
    }

    async fn commit(&self, lease: Lease, batch: impl Into<Arc<Batch>> + Send) -> Result<()> {
        let batch = batch.into();
        let fates = [Fate::Refused, Fate::Unheard, Fate::Lost, Fate::Late, Fate::Slow];
        match self.fate("commit", &fates) {
            None => self.inner.commit(lease, batch).await,
            Some(Fate::Refused) => Err(unavailable()),
            // A batch that is refused is refused loudly, whatever happens to the connection.
            Some(Fate::Unheard) => {
                self.inner.commit(lease, batch).await?;
                Err(unknown())
            }
            Some(Fate::Lost) => Err(unknown()),
            Some(Fate::Late) => {
                self.land_later(lease, batch);
                Err(unknown())
            }
            Some(Fate::Slow) => {
                self.pause().await;
                self.inner.commit(lease, batch).await
            }
        }
    }

    async fn inbox(
        &self,
        shard: ShardId,
        after: Option<Source>,
        limit: u32,
    ) -> Result<Vec<MessageRow>> {
        self.look("inbox", self.inner.inbox(shard, after, limit)).await
    }

    async fn interest(&self, add: &Interest) -> Result<Declared> {
        self.look("interest", self.inner.interest(add)).await
    }

    async fn mail(&self, shards: &[ShardId]) -> Result<Vec<ShardId>> {
        self.look("mail", self.inner.mail(shards)).await
    }

    async fn waits(&self, names: &[EventName]) -> Result<Vec<Vec<ShardId>>> {
        self.look("waits", self.inner.waits(names)).await
    }

    async fn events(
        &self,
        home: ShardId,
        name: &EventName,
        since: Time,
        after: u64,
        limit: u32,
    ) -> Result<Vec<EventRow>> {
        self.look("events", self.inner.events(home, name, since, after, limit)).await
    }

    async fn renew(&self, leases: &[Lease]) -> Result<Vec<ShardId>> {
        self.act("renew", self.inner.renew(leases)).await
    }

    async fn owners(&self) -> Result<Vec<OwnerRow>> {
        self.look("owners", self.inner.owners()).await
    }

    async fn announce(&self, node: &NodeRow) -> Result<Vec<NodeRow>> {
        self.look("announce", self.inner.announce(node)).await
    }

    async fn withdraw(&self, node: uuid::Uuid) -> Result<()> {
        self.look("withdraw", self.inner.withdraw(node)).await
    }

    async fn release(&self, lease: Lease) -> Result<()> {
        self.act("release", self.inner.release(lease)).await
    }

    async fn now(&self) -> Result<Time> {
        self.look("now", self.inner.now()).await
    }

    async fn key(&self, namespace: &str, workflow: &str, key: &str) -> Result<Option<KeyRow>> {
        self.look("key", self.inner.key(namespace, workflow, key)).await
    }

    async fn run(&self, run: RunId) -> Result<Option<RunRow>> {
        self.look("run", self.inner.run(run)).await
    }

    async fn runs(&self, filter: &RunFilter) -> Result<Vec<RunRow>> {
        self.look("runs", self.inner.runs(filter)).await
    }

    async fn history(&self, run: RunId, after: u64, limit: u32) -> Result<Vec<JournalRow>> {
        self.look("history", self.inner.history(run, after, limit)).await
    }

    async fn journal(
        &self,
        shard: ShardId,
        after: u64,
        upto: u64,
        limit: u32,
    ) -> Result<Vec<JournalRow>> {
        self.look("journal", self.inner.journal(shard, after, upto, limit)).await
    }

    async fn items(
        &self,
        namespace: &str,
        kind: &str,
        all: bool,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<ItemRow>> {
        self.look("items", self.inner.items(namespace, kind, all, after, limit)).await
    }

    async fn item(&self, id: &str) -> Result<Option<ItemRow>> {
        self.look("item", self.inner.item(id)).await
    }

    async fn expire(&self, before: Time, limit: u32) -> Result<u64> {
        self.look("expire", self.inner.expire(before, limit)).await
    }
}
