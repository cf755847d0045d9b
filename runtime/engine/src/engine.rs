//! The engine: what owns the tasks of one process, and how it is started and stopped.
//!
//! Options → [`Engine`] (the service) → cheap [`Handle`]. Must not be dropped without
//! [`Engine::stop`] where a clean end is wanted: dropping it ends the process's part like a crash.

use crate::clock;
use crate::cluster::{self, Cluster, Member, Role};
use crate::driver::{Caller, Counters, Feeds, Inlets, OnCommit, Owner, Services, Shared};
use crate::handle::Handle;
use crate::limits;
use crate::reader::{self, Reader};
use sagaflow_core::codegen::Machine;
use sagaflow_core::id::ShardId;
use sagaflow_core::port::{self, Store};
use sagaflow_core::shard::Machines;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// What an engine hosts.
#[derive(Clone)]
pub struct Options {
    /// Namespace of everything that is started here.
    pub namespace: String,
    /// Workflows, all versions.
    pub machines: Vec<Arc<dyn Machine>>,
    /// What answers for their services, by qualified name.
    pub services: Services,
    /// Send nothing and fire no timer: what is asked for is recorded, and the next engine that is not
    /// paused goes on with it.
    pub paused: bool,
    /// Called with every batch after its commit and before anything of it leaves.
    pub on_commit: Option<OnCommit>,
    /// This process among the nodes of a store that several share; none where the store is its own.
    pub member: Option<Member>,
}

/// The tasks of one process.
pub struct Engine {
    handle: Handle,
    stop: CancellationToken,
    owner: JoinHandle<()>,
    keeper: JoinHandle<()>,
    announcer: JoinHandle<()>,
}

impl Engine {
    /// Takes the store's shard, recovers it, and begins to serve. A member of a cluster stands by
    /// while another node has the shard.
    ///
    /// # Errors
    /// What the store says: held by another process, newer than this program, corrupt, away.
    pub async fn start<S: Store>(store: Arc<S>, options: Options) -> port::Result<Self> {
        // A run's events and keys have their home on its shard, so one shard is all there is to own.
        if store.shards() != 1 {
            let shards = store.shards();
            let words = format!("the store has {shards} shards; this program serves stores of one");
            return Err(port::Error::Refused(words));
        }
        let mut machines = Machines::default();
        for machine in &options.machines {
            machines.add(Arc::clone(machine));
        }
        let counters = Arc::new(Counters::default());
        let (fatal, _) = watch::channel(None);
        let shared = Arc::new(Shared {
            feeds: Feeds::default(),
            cluster: Cluster::new(options.member),
            counters: Arc::clone(&counters),
            away: AtomicBool::new(false),
            fatal,
            paused: options.paused,
            on_commit: options.on_commit,
        });
        let (requests, inbox) = mpsc::channel(limits::INBOX);
        let (back, outcomes) = mpsc::channel(limits::OUTCOMES);
        let stop = CancellationToken::new();
        let services = Arc::new(options.services);
        let owner = Owner {
            store: Arc::clone(&store),
            shard: ShardId(0),
            machines: machines.clone(),
            paused: options.paused,
            shared: Arc::clone(&shared),
            caller: Caller::new(Arc::clone(&services), counters),
            inlets: Inlets { inbox, outcomes, back, stop: stop.clone() },
        };
        let owned = match owner.acquire().await {
            Err(port::Error::Held(_)) if shared.cluster.member().is_some() => None,
            owned => Some(owned?),
        };
        let owner = tokio::spawn(owner.run(owned));
        let keeper = tokio::spawn(keep(Arc::clone(&store), Arc::clone(&shared)));
        let (all, stopping) = (options.machines.iter().map(runnable).collect(), stop.clone());
        let announcing = cluster::announce(Arc::clone(&store), Arc::clone(&shared), all, stopping);
        let announcer = tokio::spawn(announcing);
        let reader: Arc<dyn Reader> = Arc::new(reader::Of(store));
        let handle = Handle::new(
            options.namespace,
            machines,
            services,
            shared,
            requests,
            reader,
            stop.clone(),
        );
        Ok(Self { handle, stop, owner, keeper, announcer })
    }

    /// The way in, for as many as want one.
    #[must_use]
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Refuses new work, waits for what is under way (at most [`limits::SHUTDOWN`]), and gives the
    /// store back.
    pub async fn stop(mut self) {
        self.stop.cancel();
        // A panic of the task has been reported where it happened.
        let _ = (&mut self.owner).await;
        // Bound: it says once more that it leaves.
        let _ = tokio::time::timeout(limits::ANNOUNCE, &mut self.announcer).await;
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // After `stop` there is nothing left to abort.
        self.stop.cancel();
        self.owner.abort();
        self.keeper.abort();
        self.announcer.abort();
    }
}

/// What can be run here, as nodes announce it.
fn runnable(machine: &Arc<dyn Machine>) -> String {
    let spec = machine.spec();
    format!("{}@{}#{}", spec.name, spec.version, spec.hash)
}

/// Deletes ended runs whose time is over, a little at a time.
///
/// Crash: what was not deleted is found again by the next round.
async fn keep<S: Store>(store: Arc<S>, shared: Arc<Shared>) {
    loop {
        tokio::time::sleep(limits::KEEPING).await;
        while shared.cluster.role() == Role::Owner {
            match store.expire(clock::now(), limits::KEEPING_RUNS).await {
                Ok(deleted) if deleted >= u64::from(limits::KEEPING_RUNS) => {}
                Ok(_) => break,
                Err(error) => {
                    tracing::warn!(%error, "ended runs could not be deleted");
                    break;
                }
            }
        }
    }
}
