//! A store in memory: the executable specification of [`port::Store`](crate::port::Store), and the
//! ground that simulations and tests run on.
//!
//! Promises: it answers exactly as every durable store does (one conformance suite runs over all),
//! and it can be told to fail: before a commit, after it, or as a whole. It keeps nothing after its
//! process and reads no clock but the one it was given.

use crate::id::{RunId, ShardId};
use crate::port::{
    Batch, Declared, EVENT_KEPT_MS, Error, EventName, EventRow, ITEM_KEPT_MS, IndexedRow, Interest,
    ItemRow, JournalRow, KeyRow, Lease, MessageRow, NodeRow, OwnerRow, Result, RunFilter, RunRow,
    Source, Store, Tail, WaitRow,
};
use crate::time::Time;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use uuid::Uuid;

/// How long a lease lasts from its acquisition, or from the last commit or read under it.
pub const LEASE_MS: i64 = 10_000;

/// The clock of a memory store.
pub type Clock = Arc<dyn Fn() -> Time + Send + Sync>;

/// What happens to the next commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is not done, and the caller is told so.
    Unavailable,
    /// It is done, and the caller is not told.
    UnknownDone,
    /// It is not done, and the caller is not told.
    UnknownLost,
}

/// One node's handle on a store in memory. Clones are the same node.
#[derive(Clone)]
pub struct Memory {
    shared: Arc<Mutex<Data>>,
    clock: Clock,
    node: u64,
    shards: u32,
}

#[derive(Default)]
struct ShardState {
    epoch: u64,
    owner: Option<Uuid>,
    node: u64,
    lease_until: Time,
    last: u64,
    bucket: u32,
    checkpoint: u64,
    emitted: u64,
}

/// Namespace, event and id: what an event is recognised by at its home.
type EventId = (String, String, String);

#[derive(Default)]
struct Data {
    shards: BTreeMap<ShardId, ShardState>,
    journal: BTreeMap<(ShardId, u64), JournalRow>,
    history: BTreeMap<(RunId, u64), (ShardId, u64)>,
    keys: BTreeMap<(String, String, String), KeyRow>,
    runs: BTreeMap<RunId, (ShardId, RunRow)>,
    /// By run and name.
    indexed: BTreeMap<(RunId, String), IndexedRow>,
    items: BTreeMap<String, ItemRow>,
    events: BTreeMap<ShardId, BTreeMap<EventId, EventRow>>,
    /// Who wants to be told of which events.
    waits: BTreeSet<(EventName, ShardId)>,
    /// Messages by receiver, in order of their sources.
    inbox: BTreeMap<(ShardId, Source), MessageRow>,
    /// What each node said, and when.
    announced: BTreeMap<Uuid, (NodeRow, Time)>,
    interest: Interest,
    faults: VecDeque<Fault>,
    down: bool,
    nodes: u64,
    owners: u64,
}

impl Memory {
    /// An empty store of `shards` shards, with the first node's handle on it.
    #[must_use]
    pub fn new(shards: u32, clock: Clock) -> Self {
        let all = (0..shards).map(|shard| (ShardId(shard), ShardState::default())).collect();
        let data = Data { shards: all, nodes: 1, ..Data::default() };
        Self { shared: Arc::new(Mutex::new(data)), clock, node: 1, shards }
    }

    /// Another node's handle on the same store.
    #[must_use]
    pub fn another_node(&self) -> Self {
        let mut data = self.data();
        data.nodes += 1;
        Self { node: data.nodes, ..self.clone() }
    }

    /// What the store calls this node.
    #[must_use]
    pub fn node(&self) -> Uuid {
        Uuid::from_u64_pair(0, self.node)
    }

    /// Forgets this node's leases, as the operating system frees the file lock of a dead process.
    pub fn abandon(&self) {
        let node = self.node;
        for shard in self.data().shards.values_mut().filter(|shard| shard.node == node) {
            shard.owner = None;
        }
    }

    /// Makes the next commit fail; several calls queue up.
    pub fn fail_next(&self, fault: Fault) {
        self.data().faults.push_back(fault);
    }

    /// Takes the store away from every node, or brings it back.
    pub fn set_down(&self, down: bool) {
        self.data().down = down;
    }

    fn data(&self) -> MutexGuard<'_, Data> {
        // Every change below is checked before it is made, so a panic elsewhere leaves it whole.
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn up(&self) -> Result<MutexGuard<'_, Data>> {
        let data = self.data();
        if data.down { Err(Error::Unavailable("it is switched off".to_owned())) } else { Ok(data) }
    }

    fn read<T>(&self, read: impl FnOnce(&Data) -> T) -> Result<T> {
        Ok(read(&*self.up()?))
    }
}

impl Store for Memory {
    fn shards(&self) -> u32 {
        self.shards
    }

    async fn acquire(&self, shard: ShardId) -> Result<Lease> {
        let now = (self.clock)();
        let mut data = self.up()?;
        data.owners += 1;
        let owner = Uuid::from_u64_pair(self.node, data.owners);
        let state = data.shard(shard)?;
        if state.owner.is_some() && state.node != self.node && now < state.lease_until {
            return Err(Error::Held(format!("node {}", state.node)));
        }
        state.epoch += 1;
        state.owner = Some(owner);
        state.node = self.node;
        state.lease_until = now.plus(LEASE_MS);
        Ok(Lease { shard, epoch: state.epoch, owner })
    }

    async fn tail(&self, lease: Lease) -> Result<Tail> {
        let now = (self.clock)();
        self.up()?.tail(lease, now)
    }

    async fn commit(&self, lease: Lease, batch: impl Into<Arc<Batch>> + Send) -> Result<()> {
        let batch = Arc::unwrap_or_clone(batch.into());
        let now = (self.clock)();
        let mut data = self.up()?;
        let unknown = || Err(Error::Unknown("the connection was lost at the commit".to_owned()));
        match data.faults.pop_front() {
            None => data.commit(lease, batch, now),
            Some(Fault::Unavailable) => {
                Err(Error::Unavailable("a commit was made to fail".to_owned()))
            }
            Some(Fault::UnknownLost) => unknown(),
            // A batch that is refused is refused loudly, whatever happens to the connection.
            Some(Fault::UnknownDone) => data.commit(lease, batch, now).and_then(|()| unknown()),
        }
    }

    async fn inbox(
        &self,
        shard: ShardId,
        after: Option<Source>,
        limit: u32,
    ) -> Result<Vec<MessageRow>> {
        self.read(|data| {
            let behind = data.mail(shard).filter(|row| Some(row.from) > after);
            behind.take(limit as usize).cloned().collect()
        })
    }

    async fn waits(&self, names: &[EventName]) -> Result<Vec<Vec<ShardId>>> {
        self.read(|data| {
            let of = |name: &EventName| {
                let all = (name.clone(), ShardId(0))..=(name.clone(), ShardId(u32::MAX));
                data.waits.range(all).map(|(_, shard)| *shard).collect()
            };
            names.iter().map(of).collect()
        })
    }

    async fn events(
        &self,
        home: ShardId,
        name: &EventName,
        since: Time,
        after: u64,
        limit: u32,
    ) -> Result<Vec<EventRow>> {
        self.read(|data| {
            let kept = data.events.get(&home).into_iter().flat_map(BTreeMap::values);
            let fits = |row: &&EventRow| {
                (&row.namespace, &row.event, &row.key) == (&name.namespace, &name.event, &name.key)
                    && row.at >= since
                    && row.number > after
            };
            let mut rows: Vec<_> = kept.filter(fits).cloned().collect();
            rows.sort_by_key(|row| row.number);
            rows.truncate(limit as usize);
            rows
        })
    }

    async fn mail(&self, shards: &[ShardId]) -> Result<Vec<ShardId>> {
        self.read(|data| {
            let shards: BTreeSet<_> = shards.iter().copied().collect();
            shards.into_iter().filter(|shard| data.mail(*shard).next().is_some()).collect()
        })
    }

    fn ttl(&self) -> Option<Duration> {
        Some(Duration::from_millis(LEASE_MS.unsigned_abs()))
    }

    async fn renew(&self, leases: &[Lease]) -> Result<Vec<ShardId>> {
        let until = (self.clock)().plus(LEASE_MS);
        let mut data = self.up()?;
        let mut lost = Vec::new();
        for lease in leases {
            match data.shards.get_mut(&lease.shard) {
                Some(state) if state.current(*lease).is_ok() => state.lease_until = until,
                _ => lost.push(lease.shard),
            }
        }
        Ok(lost)
    }

    async fn owners(&self) -> Result<Vec<OwnerRow>> {
        let now = (self.clock)();
        self.read(|data| {
            let rows = data.shards.iter().map(|(shard, state)| OwnerRow {
                shard: *shard,
                epoch: state.epoch,
                node: state.owner.map(|_| Uuid::from_u64_pair(0, state.node)),
                live: state.owner.is_some() && now < state.lease_until,
            });
            rows.collect()
        })
    }

    async fn interest(&self, add: &Interest) -> Result<Declared> {
        let mut data = self.up()?;
        data.interest.starts.extend(add.starts.iter().cloned());
        data.interest.waits.extend(add.waits.iter().cloned());
        let Interest { starts, waits } = &data.interest;
        let starts = starts.difference(waits).cloned().collect();
        Ok(Declared { all: Interest { starts, waits: waits.clone() }, age: None })
    }

    async fn announce(&self, node: &NodeRow) -> Result<Vec<NodeRow>> {
        let now = (self.clock)();
        let mut data = self.up()?;
        data.announced.insert(node.node, (node.clone(), now));
        data.announced.retain(|_, (_, at)| now < at.plus(LEASE_MS));
        Ok(data.announced.values().map(|(row, _)| row.clone()).collect())
    }

    async fn withdraw(&self, node: Uuid) -> Result<()> {
        self.up()?.announced.remove(&node);
        Ok(())
    }

    async fn release(&self, lease: Lease) -> Result<()> {
        let mut data = self.up()?;
        let state = data.shard(lease.shard)?;
        if state.current(lease).is_ok() {
            state.owner = None;
        }
        Ok(())
    }

    async fn now(&self) -> Result<Time> {
        self.read(|_| (self.clock)())
    }

    async fn key(&self, namespace: &str, workflow: &str, key: &str) -> Result<Option<KeyRow>> {
        let name = (namespace.to_owned(), workflow.to_owned(), key.to_owned());
        self.read(|data| data.keys.get(&name).cloned())
    }

    async fn run(&self, run: RunId) -> Result<Option<RunRow>> {
        self.read(|data| data.runs.get(&run).map(|(_, row)| row.clone()))
    }

    async fn runs(&self, filter: &RunFilter) -> Result<Vec<RunRow>> {
        self.read(|data| {
            let newest_first = data.runs.values().rev().map(|(_, row)| row);
            let fitting =
                newest_first.filter(|row| fits(filter, row) && data.finds(filter, row.run));
            let fitting = fitting.take(filter.limit as usize);
            fitting.map(|row| RunRow { snapshot: None, ..row.clone() }).collect()
        })
    }

    async fn history(&self, run: RunId, after: u64, limit: u32) -> Result<Vec<JournalRow>> {
        let Some(first) = after.checked_add(1) else { return Ok(Vec::new()) };
        self.read(|data| {
            let places = data.history.range((run, first)..=(run, u64::MAX)).take(limit as usize);
            places.filter_map(|(_, place)| data.journal.get(place).cloned()).collect()
        })
    }

    async fn journal(
        &self,
        shard: ShardId,
        after: u64,
        upto: u64,
        limit: u32,
    ) -> Result<Vec<JournalRow>> {
        let Some(first) = after.checked_add(1).filter(|first| *first <= upto) else {
            return Ok(Vec::new());
        };
        self.read(|data| {
            let rows = data.journal.range((shard, first)..=(shard, upto));
            rows.take(limit as usize).map(|(_, row)| row.clone()).collect()
        })
    }

    async fn items(
        &self,
        namespace: &str,
        kind: &str,
        all: bool,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<ItemRow>> {
        self.read(|data| {
            let start = match after {
                None => None,
                Some(id) => match data.items.get(id) {
                    Some(row) => Some((row.at, row.id.as_str())),
                    None => return Vec::new(),
                },
            };
            let fits = |row: &&ItemRow| {
                row.namespace == namespace
                    && row.kind == kind
                    && (all || row.open)
                    && start.is_none_or(|start| (row.at, row.id.as_str()) > start)
            };
            let mut rows: Vec<_> = data.items.values().filter(fits).collect();
            rows.sort_by_key(|row| (row.at, row.id.as_str()));
            rows.into_iter().take(limit as usize).cloned().collect()
        })
    }

    async fn item(&self, id: &str) -> Result<Option<ItemRow>> {
        self.read(|data| data.items.get(id).cloned())
    }

    async fn expire(&self, before: Time, limit: u32) -> Result<u64> {
        Ok(self.up()?.expire(before, limit))
    }
}

impl ShardState {
    /// Nobody will read the records up to here again, but for their history.
    fn settled(&self) -> u64 {
        self.checkpoint.min(self.emitted)
    }

    fn current(&self, lease: Lease) -> Result<()> {
        let cause = if self.owner.is_none() {
            "its lease was given back".to_owned()
        } else if self.epoch != lease.epoch {
            format!("epoch {} is now {}", lease.epoch, self.epoch)
        } else if self.owner != Some(lease.owner) {
            "another owner has it".to_owned()
        } else {
            return Ok(());
        };
        Err(fenced(lease.shard, cause))
    }
}

impl Data {
    fn shard(&mut self, shard: ShardId) -> Result<&mut ShardState> {
        let missing = || Error::Refused(format!("there is no shard `{}`", shard.0));
        self.shards.get_mut(&shard).ok_or_else(missing)
    }

    /// Whether a run has all the values of a filter.
    fn finds(&self, filter: &RunFilter, run: RunId) -> bool {
        filter.indexed.iter().all(|(name, value)| {
            let found = self.indexed.get(&(run, name.clone()));
            found.is_some_and(|row| row.value == *value && row.namespace == filter.namespace)
        })
    }

    fn mail(&self, shard: ShardId) -> impl Iterator<Item = &MessageRow> {
        let all = (shard, Source::FIRST)..=(shard, Source::LAST);
        self.inbox.range(all).map(|(_, row)| row)
    }

    fn tail(&mut self, lease: Lease, now: Time) -> Result<Tail> {
        let shard = lease.shard;
        let state = self.shard(shard)?;
        state.current(lease)?;
        state.lease_until = now.plus(LEASE_MS);
        let (checkpoint, last, bucket) = (state.checkpoint, state.last, state.bucket);
        let emitted = state.emitted;
        let after = (shard, checkpoint.saturating_add(1))..=(shard, u64::MAX);
        let rows = self.journal.range(after).map(|(_, row)| row.clone()).collect();
        let open = |(home, row): &&(ShardId, RunRow)| *home == shard && row.ended_at.is_none();
        let runs = self.runs.values().filter(open).map(|(_, row)| row.clone()).collect();
        let kept = self.events.get(&shard);
        let mut events: Vec<_> = kept.into_iter().flat_map(BTreeMap::values).cloned().collect();
        events.sort_by_key(|event| event.number);
        let wanted = self.waits.iter().filter(|(_, by)| *by == shard);
        let waits = wanted.map(|(name, _)| name.clone()).collect();
        Ok(Tail { checkpoint, last, bucket, emitted, rows, runs, events, waits })
    }

    /// Order: everything is checked before anything is changed, because a refused batch leaves
    /// nothing.
    fn commit(&mut self, lease: Lease, batch: Batch, now: Time) -> Result<()> {
        let shard = lease.shard;
        let state = self.shard(shard)?;
        state.current(lease)?;
        if state.last != batch.prev {
            let cause = format!("position {} is now {}", batch.prev, state.last);
            return Err(fenced(shard, cause));
        }
        if let Some(flaw) = batch.flaw(state.bucket) {
            return Err(fenced(shard, flaw));
        }
        if let Some(taken) = self.taken(&batch) {
            return Err(fenced(shard, taken));
        }
        let state = self.shard(shard)?;
        state.last = batch.last();
        state.bucket = batch.rows.last().map_or(state.bucket, |row| row.bucket);
        state.checkpoint = state.checkpoint.max(batch.checkpoint.unwrap_or(0));
        state.emitted = state.emitted.max(batch.emitted.unwrap_or(0));
        state.lease_until = now.plus(LEASE_MS);
        self.write(shard, batch);
        Ok(())
    }

    /// A start key or a record number that is there already, in the store or in the batch itself.
    fn taken(&self, batch: &Batch) -> Option<String> {
        let mut new_keys = BTreeSet::new();
        for row in &batch.keys {
            let name = (row.namespace.clone(), row.workflow.clone(), row.key.clone());
            if self.keys.contains_key(&name) || !new_keys.insert(name) {
                return Some(format!("a start key of `{}` is taken", row.workflow));
            }
        }
        let mut new_records = BTreeSet::new();
        for row in &batch.rows {
            let Some(run) = row.run else { continue };
            let record = (run, row.number);
            if self.history.contains_key(&record) || !new_records.insert(record) {
                return Some(format!("record {} of run {run} is written already", row.number));
            }
        }
        None
    }

    fn write(&mut self, shard: ShardId, batch: Batch) {
        for row in batch.rows {
            if let Some(run) = row.run {
                self.history.insert((run, row.number), (shard, row.seq));
            }
            self.journal.insert((shard, row.seq), row);
        }
        for row in batch.keys {
            let name = (row.namespace.clone(), row.workflow.clone(), row.key.clone());
            self.keys.insert(name, row);
        }
        self.runs.extend(batch.runs.into_iter().map(|row| (row.run, (shard, row))));
        for row in batch.indexed {
            self.indexed.entry((row.run, row.name.clone())).or_insert(row);
        }
        self.items.extend(batch.items.into_iter().map(|row| (row.id.clone(), row)));
        let home = self.events.entry(shard).or_default();
        for row in batch.events {
            // The first one stays: a repeated id is the same event.
            let id = (row.namespace.clone(), row.event.clone(), row.id.clone());
            home.entry(id).or_insert(row);
        }
        for WaitRow { name, wanted } in batch.waits {
            match wanted {
                true => self.waits.insert((name, shard)),
                false => self.waits.remove(&(name, shard)),
            };
        }
        for source in batch.taken {
            self.inbox.remove(&(shard, source));
        }
        for row in batch.sent {
            self.inbox.insert((row.to, row.from), row);
        }
    }

    fn expire(&mut self, before: Time, limit: u32) -> u64 {
        let settled = |run: RunId| {
            let mut records =
                self.history.range((run, 0)..=(run, u64::MAX)).map(|(_, place)| place);
            records.all(|(shard, seq)| {
                self.shards.get(shard).is_some_and(|state| *seq <= state.settled())
            })
        };
        let due = |row: &RunRow| {
            row.ended_at.is_some()
                && row.expires_at.is_some_and(|at| at < before)
                && settled(row.run)
        };
        let mut due: Vec<_> =
            self.runs.values().map(|(_, row)| row).filter(|row| due(row)).collect();
        due.sort_by_key(|row| (row.expires_at, row.run));
        let due: BTreeSet<_> = due.into_iter().take(limit as usize).map(|row| row.run).collect();
        self.runs.retain(|run, _| !due.contains(run));
        self.indexed.retain(|(run, _), _| !due.contains(run));
        self.keys.retain(|_, row| !due.contains(&row.run));
        let old = before.plus(-ITEM_KEPT_MS);
        self.items.retain(|_, row| match row.run {
            Some(run) => !due.contains(&run),
            None => row.open || row.at >= old,
        });
        self.history.retain(|(run, _), _| !due.contains(run));
        let shards = &self.shards;
        self.journal.retain(|(shard, seq), row| match row.run {
            Some(run) => !due.contains(&run),
            None => shards.get(shard).is_some_and(|state| *seq > state.settled()),
        });
        self.forget_events(before);
        due.len() as u64
    }

    fn forget_events(&mut self, before: Time) {
        let mut oldest: BTreeMap<&str, Time> = BTreeMap::new();
        for (_, row) in self.runs.values().filter(|(_, row)| row.ended_at.is_none()) {
            let at = oldest.entry(&row.namespace).or_insert(row.started_at);
            *at = row.started_at.min(*at);
        }
        let old = before.plus(-EVENT_KEPT_MS);
        for home in self.events.values_mut() {
            home.retain(|_, event| {
                let wanted = oldest.get(event.namespace.as_str()).is_some_and(|at| event.at >= *at);
                // One without a number is wanted by nobody.
                event.at >= old || wanted && event.number > 0
            });
        }
    }
}

fn fenced(shard: ShardId, cause: String) -> Error {
    Error::Fenced { shard: shard.0, cause }
}

fn fits(filter: &RunFilter, row: &RunRow) -> bool {
    let named = |name: &String| {
        let rest = row.workflow.strip_suffix(name.as_str());
        rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    (filter.namespace.is_empty() || filter.namespace == row.namespace)
        && filter.workflow.as_ref().is_none_or(named)
        && filter.status.as_ref().is_none_or(|status| *status == row.status)
        && filter.key.as_ref().is_none_or(|key| row.key.as_ref() == Some(key))
        && filter.since.is_none_or(|since| row.started_at >= since)
        && filter.after.is_none_or(|after| row.run < after)
}
