//! Requests to the store: they take time, they are lost or late, and so are their answers.
//!
//! A request is carried out when it lands, whatever has become of the node that sent it.

use super::node::NodeEvent;
use super::{Event, Twin, World};
use crate::dice::Fault;
use crate::judges::fold::Print;
use sagaflow_core::id::ShardId;
use sagaflow_core::memory::Memory;
use sagaflow_core::port::{
    Batch, Error, EventName, EventRow, ItemRow, KeyRow, Lease, MessageRow, Result, Store, Tail,
};
use sagaflow_core::time::Time;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

/// Bound: messages or events of one look, more than a simulation has.
const PAGE: u32 = 1_000;

/// What a node asks the store for.
#[derive(Clone)]
pub(super) enum Request {
    Acquire,
    Tail(Lease),
    Commit(Box<Commit>),
    Renew(Lease),
    Release(Lease),
    Key { namespace: String, workflow: String, key: String },
    Item(String),
    Waits(EventName),
    Events { home: ShardId, name: EventName, since: Time },
    Inbox,
}

/// A batch, with what the judges want to know of it when it lands.
#[derive(Clone)]
pub(super) struct Commit {
    pub(super) lease: Lease,
    pub(super) batch: Batch,
    /// Requests whose answers are in it.
    pub(super) heard: Vec<usize>,
    /// States in memory behind its records.
    pub(super) prints: Vec<Print>,
}

/// What the store answers.
#[derive(Clone, Debug)]
pub(super) enum Reply {
    Lease(Lease),
    Tail(Box<Tail>),
    Done,
    Lost(Vec<ShardId>),
    Key(Option<KeyRow>),
    Item(Option<ItemRow>),
    Waits(Vec<ShardId>),
    Events(Vec<EventRow>),
    Inbox(Vec<MessageRow>),
}

/// A request on its way.
pub(super) struct Op {
    node: usize,
    incarnation: u64,
    handle: Memory,
    shard: ShardId,
    request: Request,
    /// What becomes of it and of its answer.
    fate: Fate,
}

impl Op {
    /// Whether this node has sent it.
    pub(super) fn is_of(&self, node: usize) -> bool {
        self.node == node
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// It lands, and is answered.
    Answered,
    /// It lands, and the node is told that nobody knows.
    Unheard,
    /// It lands; the node was told long before.
    Late,
}

/// The answer of a store in memory, which never waits.
pub(super) fn ready<T>(answer: impl Future<Output = T>) -> T {
    let mut answer = pin!(answer);
    match answer.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => answer,
        Poll::Pending => unreachable!("a store in memory never waits"),
    }
}

impl World {
    /// Sends a request to the store, and names it.
    pub(super) fn send_store(&mut self, node: usize, shard: ShardId, request: Request) -> u64 {
        self.send_later(0, node, shard, request)
    }

    /// The same, after a pause.
    pub(super) fn send_later(
        &mut self,
        pause: i64,
        node: usize,
        shard: ShardId,
        request: Request,
    ) -> u64 {
        self.numbers += 1;
        let op = self.numbers;
        let commit = matches!(request, Request::Commit(_));
        let slow = self.strikes(Fault::StoreSlow);
        let there = pause + if slow { self.ms(500, 14_000) } else { self.ms(1, 8) };
        if self.strikes(Fault::StoreRefuses) {
            let error = Error::Unavailable("it was made to fail".to_owned());
            self.tell(there, node, NodeEvent::Store(op, shard, Err(error)));
            return op;
        }
        let unknown = || Err(Error::Unknown("the connection was lost".to_owned()));
        if commit && self.strikes(Fault::CommitUnknownLost) {
            self.tell(there, node, NodeEvent::Store(op, shard, unknown()));
            return op;
        }
        let mut fate = Fate::Answered;
        let mut lands = there;
        if commit && self.strikes(Fault::CommitLate) {
            fate = Fate::Late;
            lands += self.ms(100, 40_000);
            self.tell(there, node, NodeEvent::Store(op, shard, unknown()));
        } else if commit && self.strikes(Fault::CommitUnknownDone) {
            fate = Fate::Unheard;
        }
        let Some(of) = self.nodes.get(node) else { return op };
        let (handle, incarnation) = (of.handle.clone(), of.incarnation);
        self.ops.insert(op, Op { node, incarnation, handle, shard, request, fate });
        self.after(lands, Event::Store(op));
        op
    }

    /// A request reaches the store.
    pub(super) fn land(&mut self, number: u64) -> std::result::Result<(), String> {
        let Some(op) = self.ops.remove(&number) else { return Ok(()) };
        let Op { node, incarnation, handle, shard, request, fate } = op;
        let commits = matches!(request, Request::Commit(_));
        let reply = match request {
            Request::Acquire => ready(handle.acquire(shard)).map(|lease| {
                self.takeovers += u64::from(self.leases.insert(shard, lease).is_some());
                self.judges.recovered(shard, self.shards);
                Reply::Lease(lease)
            }),
            Request::Tail(lease) => {
                ready(handle.tail(lease)).map(|tail| Reply::Tail(Box::new(tail)))
            }
            Request::Commit(commit) => {
                self.commit(node, &handle, shard, *commit)?.map(|()| Reply::Done)
            }
            Request::Renew(lease) => ready(handle.renew(&[lease])).map(Reply::Lost),
            Request::Release(lease) => ready(handle.release(lease)).map(|()| Reply::Done),
            Request::Key { namespace, workflow, key } => {
                ready(handle.key(&namespace, &workflow, &key)).map(Reply::Key)
            }
            Request::Item(item) => ready(handle.item(&item)).map(Reply::Item),
            Request::Waits(name) => ready(handle.waits(std::slice::from_ref(&name)))
                .map(|all| Reply::Waits(all.into_iter().flatten().collect())),
            Request::Events { home, name, since } => {
                ready(handle.events(home, &name, since, 0, PAGE)).map(Reply::Events)
            }
            Request::Inbox => ready(handle.inbox(shard, None, PAGE)).map(Reply::Inbox),
        };
        if commits && reply.is_ok() && self.strikes(Fault::PauseBeforeRelease) {
            let long = self.ms(500, 35_000);
            self.fall_asleep(node, long);
        }
        let back = self.ms(1, 8);
        let reply = match (fate, reply) {
            (Fate::Late, _) => return Ok(()),
            (Fate::Unheard, Ok(_)) => Err(Error::Unknown("the connection was lost".to_owned())),
            (_, reply) => reply,
        };
        let event = NodeEvent::Store(number, shard, reply);
        self.after(back, Event::Node(node, incarnation, event));
        Ok(())
    }

    /// A batch reaches the store. What it takes is judged: nobody but the current owner may write.
    fn commit(
        &mut self,
        node: usize,
        handle: &Memory,
        shard: ShardId,
        commit: Commit,
    ) -> std::result::Result<Result<()>, String> {
        let Commit { lease, mut batch, heard, prints } = commit;
        let mut answer = ready(handle.commit(lease, batch.clone()));
        if self.twin == Some(Twin::Unfenced) && matches!(answer, Err(Error::Fenced { .. })) {
            answer = self.commit_unfenced(handle, shard, &mut batch);
        }
        let rows = batch.rows.len();
        let at = (self.now, node, shard.0, lease.epoch);
        let (now, node, number, epoch) = at;
        if let Err(error) = answer {
            self.fenced += u64::from(matches!(error, Error::Fenced { .. }));
            self.trace.note(now, format_args!("s{number} n{node} e{epoch} refused: {error}"));
            return Ok(Err(error));
        }
        let last = batch.last();
        self.trace.note(now, format_args!("s{number} n{node} e{epoch} +{rows} to {last}"));
        // I19: no record of an owner commits once another one has the shard.
        let current = self.leases.get(&shard).map_or(0, |lease| lease.epoch);
        if epoch != current {
            return Err(format!("a batch of epoch {epoch} was written under epoch {current}"));
        }
        self.judges.landed(&batch, &heard, prints)?;
        self.nudge(&batch);
        for row in &batch.runs {
            if let Some(run) = self.crowd.seen(row) {
                self.trace.note(now, format_args!("{run} is {} {:?}", row.status, row.flags));
            }
        }
        Ok(Ok(()))
    }

    /// Writes a batch as a table would that counts its rows by itself and compares no epoch.
    fn commit_unfenced(&self, handle: &Memory, shard: ShardId, batch: &mut Batch) -> Result<()> {
        let missing = || Error::Unavailable("nobody has the shard".to_owned());
        let lease = self.leases.get(&shard).copied().ok_or_else(missing)?;
        let tail = ready(handle.tail(lease))?;
        batch.prev = tail.last;
        for (seq, row) in (tail.last + 1..).zip(&mut batch.rows) {
            row.seq = seq;
            row.bucket = row.bucket.max(tail.bucket);
        }
        batch.checkpoint = None;
        ready(handle.commit(lease, batch.clone()))
    }
}
