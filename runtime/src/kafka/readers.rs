//! Those who read topics: one client for single events, and one for each workflow that takes batches.
//!
//! ```text
//!  Readers ── none ─────► Reads ──► consumer of the group
//!          ── workflow ─► Reads ──► consumer of `group.workflow`
//! ```
//!
//! Promises: what one reader leaves unread, or reads again, is nothing to the others. Must not: decide
//! what a record means.

use super::reads::{Reader, Reads};
use sagaflow_engine::kafka::{Fault, Partition, Result, Start};
use sagaflow_kafka::Settings;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::task::JoinSet;

/// Ends what it started when it is dropped.
pub(super) struct Readers {
    settings: Settings,
    single: Arc<Reads>,
    /// By workflow.
    batches: Mutex<BTreeMap<String, Arc<Reads>>>,
    /// Aborted with this.
    tasks: Mutex<JoinSet<()>>,
}

impl Readers {
    pub(super) fn start(settings: &Settings) -> std::result::Result<Self, Fault> {
        let mut tasks = JoinSet::new();
        let single = begin(settings, &mut tasks)?;
        let (settings, tasks) = (settings.clone(), Mutex::new(tasks));
        Ok(Self { settings, single, batches: Mutex::default(), tasks })
    }

    pub(super) async fn first(&self, partition: &Partition, start: Start) -> Result<u64> {
        self.single.first(partition, start).await
    }

    pub(super) async fn read(
        &self,
        partition: &Partition,
        from: u64,
        workflow: Option<&str>,
    ) -> Result<Reader> {
        let reads = match workflow {
            None => Arc::clone(&self.single),
            Some(workflow) => self.of(workflow)?,
        };
        reads.read(partition, from).await
    }

    /// The client of a workflow, which begins with its first partition.
    fn of(&self, workflow: &str) -> Result<Arc<Reads>> {
        let mut batches = self.batches.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(reads) = batches.get(workflow) {
            return Ok(Arc::clone(reads));
        }
        // Positions on dashboards are a group's, and this one has its own.
        let group = format!("{}.{workflow}", self.settings.group);
        let settings = Settings { group, ..self.settings.clone() };
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        let reads = begin(&settings, &mut tasks)?;
        batches.insert(workflow.to_owned(), Arc::clone(&reads));
        Ok(reads)
    }

    pub(super) fn taken(&self, partition: &Partition, next: u64, workflow: Option<&str>) {
        match workflow {
            None => self.single.taken(partition, next),
            Some(workflow) => {
                let batches = self.batches.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(reads) = batches.get(workflow) {
                    reads.taken(partition, next);
                }
            }
        }
    }

    /// How far what is read here is behind: by the one who is farthest.
    pub(super) async fn lag(&self) -> Result<BTreeMap<Partition, u64>> {
        let batches: Vec<_> = {
            let batches = self.batches.lock().unwrap_or_else(PoisonError::into_inner);
            batches.values().cloned().collect()
        };
        let mut all = self.single.lag().await?;
        for reads in batches {
            for (partition, lag) in reads.lag().await? {
                let known = all.entry(partition).or_default();
                *known = lag.max(*known);
            }
        }
        Ok(all)
    }
}

fn begin(settings: &Settings, tasks: &mut JoinSet<()>) -> std::result::Result<Arc<Reads>, Fault> {
    let (reads, events) = Reads::start(settings)?;
    let reads = Arc::new(reads);
    tasks.spawn(Arc::clone(&reads).route(events));
    tasks.spawn(Arc::clone(&reads).commit());
    Ok(reads)
}
