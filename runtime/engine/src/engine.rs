//! The engine: what owns the tasks of one process, and how it is started and stopped.
//!
//! Options → [`Engine`] (the service) → cheap [`Handle`]. Must not be dropped without
//! [`Engine::stop`] where a clean end is wanted: dropping it ends the process's part like a crash.

use crate::clock::Clock;
use crate::cluster::{self, Cluster, Member, Role};
use crate::driver::{
    self, Caller, Counters, Feeds, Inlets, OnCommit, Owned, Owner, Pressure, Services, Shared, Tray,
};
use crate::handle::Handle;
use crate::interest::{self, Interest};
use crate::kafka::{Bus, Decoder, Kafka};
use crate::limits;
use crate::reader::{self, Reader};
use crate::router::Router;
use sagaflow_core::codegen::Machine;
use sagaflow_core::id::ShardId;
use sagaflow_core::port::{self, Store};
use sagaflow_core::shard::{Machines, Protection};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};
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
    /// The way to topics; none where events stay in the store.
    pub kafka: Option<Kafka>,
}

/// The tasks of one process.
pub struct Engine {
    handle: Handle,
    stop: CancellationToken,
    /// One per shard.
    owners: JoinSet<()>,
    /// Dropped with the engine.
    helpers: JoinSet<()>,
    announcer: Option<JoinHandle<()>>,
}

impl Engine {
    /// Takes the store's shards, recovers them, and begins to serve. A member of a cluster takes its
    /// share of those that no other node has, and stands by for the others.
    ///
    /// # Errors
    /// What the store says: held by another process, newer than this program, corrupt, away.
    pub async fn start<S: Store>(store: Arc<S>, options: Options) -> port::Result<Self> {
        let mut machines = Machines::default();
        for machine in &options.machines {
            machines.add(Arc::clone(machine));
        }
        let counters = Arc::new(Counters::default());
        let (fatal, _) = watch::channel(None);
        let (shards, protection) = (store.shards(), Protection::default());
        let cluster = Cluster::new(options.member, shards, protection.clone());
        let bus = options.kafka.map(|kafka| {
            let decoder = Decoder::new(&options.namespace, &options.machines);
            Arc::new(Bus::new(kafka, decoder))
        });
        let shared = Arc::new(Shared {
            bus,
            feeds: Feeds::default(),
            clock: Clock::default(),
            leases: Arc::default(),
            pressure: Pressure::new(shards),
            trays: (0..shards).map(|_| Tray::default()).collect(),
            protection,
            cluster,
            counters: Arc::clone(&counters),
            interest: Interest::default(),
            away: AtomicBool::new(false),
            fatal,
            paused: options.paused,
            on_commit: options.on_commit,
        });
        let row = cluster::row(&shared.cluster, options.machines.iter().map(runnable).collect());
        if store.ttl().is_some() {
            shared.clock.read(store.as_ref()).await?;
        }
        let own = interest::of(&options.machines);
        // Order: before it is announced, or others would give it shards while it waits.
        interest::declare(store.as_ref(), &shared, &own).await?;
        if let Some(row) = &row {
            cluster::look(store.as_ref(), &shared.cluster, row).await?;
        }
        let (stop, services) = (CancellationToken::new(), Arc::new(options.services));
        let caller = Caller::new(Arc::clone(&services), counters, shared.clock.clone());
        let mut router = Vec::new();
        let mut owners = Vec::new();
        for shard in (0..shards).map(ShardId) {
            let (requests, inbox) = mpsc::channel(limits::INBOX);
            let (back, outcomes) = mpsc::channel(limits::OUTCOMES);
            router.push(requests);
            owners.push(Owner {
                store: Arc::clone(&store),
                shard,
                machines: machines.clone(),
                paused: options.paused,
                shared: Arc::clone(&shared),
                caller: caller.for_shard(),
                inlets: Inlets { inbox, outcomes, back },
                stop: stop.clone(),
            });
        }
        let mut helpers = JoinSet::new();
        let leases = Arc::clone(&shared.leases);
        let clock = shared.clock.clone();
        helpers.spawn(driver::keep(Arc::clone(&store), leases, clock));
        let owned = acquire(&owners).await?;
        let mut tasks = JoinSet::new();
        for (owner, owned) in owners.into_iter().zip(owned) {
            tasks.spawn(owner.run(owned));
        }
        helpers.spawn(expire(Arc::clone(&store), Arc::clone(&shared)));
        let mut announcer = None;
        if let Some(row) = row {
            helpers.spawn(collect(Arc::clone(&store), Arc::clone(&shared)));
            helpers.spawn(interest::follow(Arc::clone(&store), Arc::clone(&shared), own));
            let (store, shared) = (Arc::clone(&store), Arc::clone(&shared));
            announcer = Some(tokio::spawn(cluster::announce(store, shared, row, stop.clone())));
        }
        let reader: Arc<dyn Reader> = Arc::new(reader::Of::new(store));
        let handle = Handle::new(
            options.namespace,
            machines,
            services,
            shared,
            Router::new(router),
            reader,
            stop.clone(),
        );
        Ok(Self { handle, stop, owners: tasks, helpers, announcer })
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
        // A panic of a task has been reported where it happened.
        while self.owners.join_next().await.is_some() {}
        if let Some(announcer) = &mut self.announcer {
            // Bound: it says once more that it leaves.
            let _ = tokio::time::timeout(limits::ANNOUNCE, announcer).await;
        }
        // Order: last, because what was handed over needed its lease until then.
        self.helpers.shutdown().await;
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // After `stop` there is nothing left to abort; sets of tasks end with their owner.
        self.stop.cancel();
        if let Some(announcer) = &self.announcer {
            announcer.abort();
        }
    }
}

/// Takes the shards that this node may have, all at once.
///
/// One of several nodes comes up also where a commit was lost on the way: it stands by, and tries again.
async fn acquire<S: Store>(owners: &[Owner<S>]) -> port::Result<Vec<Option<Owned>>> {
    let each = owners.iter().map(|owner| async move {
        let owned = owner.first().await;
        match owned {
            Err(
                error @ (port::Error::Held(_)
                | port::Error::Unknown(_)
                | port::Error::Fenced { .. }),
            ) if owner.shared.cluster.member().is_some() => {
                tracing::info!(%error, shard = owner.shard.0, "the shard could not be taken yet");
                Ok(None)
            }
            owned => owned,
        }
    });
    futures_util::future::try_join_all(each).await
}

/// Wakes the shards of this node that other nodes have sent messages to.
async fn collect<S: Store>(store: Arc<S>, shared: Arc<Shared>) {
    loop {
        tokio::time::sleep(limits::MAIL_LOOK).await;
        let owned = shared.cluster.owned();
        // Order: one shard is sent nothing, and an error shows at the next commit.
        if shared.cluster.shards() > 1
            && !owned.is_empty()
            && let Ok(shards) = store.mail(&owned).await
        {
            shards.into_iter().for_each(|shard| shared.look(shard));
        }
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
async fn expire<S: Store>(store: Arc<S>, shared: Arc<Shared>) {
    loop {
        tokio::time::sleep(limits::KEEPING).await;
        // Bound: one node does it for all, the one that has the first shard.
        while shared.cluster.role_for(ShardId(0)) == Role::Owner {
            match store.expire(shared.clock.now(), limits::KEEPING_RUNS).await {
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
