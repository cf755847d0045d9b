//! The machines that a shard can run: several versions of a workflow beside each other.
//!
//! Promises: a run goes on with the version it is pinned to, or not at all.

use crate::codegen::Machine;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Machines of one workflow, by version and hash.
type Versions = BTreeMap<(u32, String), Arc<dyn Machine>>;

/// Machines by workflow, then version and hash.
#[derive(Clone, Default)]
pub struct Machines {
    by_name: BTreeMap<String, Versions>,
    /// The version that starts use, where it was said.
    newest: BTreeMap<String, (u32, String)>,
}

impl Machines {
    /// Adds a machine; of two with one version the one added last serves new starts.
    pub fn add(&mut self, machine: Arc<dyn Machine>) {
        let spec = machine.spec();
        let id = (spec.version, spec.hash.clone());
        let name = spec.name.clone();
        if !spec.continues {
            let newest = self.newest.entry(name.clone()).or_insert_with(|| id.clone());
            if newest.0 <= id.0 {
                newest.clone_from(&id);
            }
        }
        self.by_name.entry(name).or_default().insert(id, machine);
    }

    /// The machine of a pinned run.
    #[must_use]
    pub fn get(&self, workflow: &str, version: u32, hash: &str) -> Option<&Arc<dyn Machine>> {
        // Sabotage: a run goes on with whatever is the newest here.
        #[cfg(feature = "sabotage")]
        if crate::sabotage::is(crate::sabotage::Sabotage::VersionNotPinned) {
            return self.for_start(workflow, None);
        }
        self.by_name.get(workflow)?.get(&(version, hash.to_owned()))
    }

    /// The machine of a new run: this version, or the newest.
    #[must_use]
    pub fn for_start(&self, workflow: &str, version: Option<u32>) -> Option<&Arc<dyn Machine>> {
        let newest = self.newest.get(workflow)?;
        let versions = self.by_name.get(workflow)?;
        match version {
            Some(version) if version != newest.0 => {
                let of = |m: &&Arc<dyn Machine>| {
                    let spec = m.spec();
                    spec.version == version && !spec.continues
                };
                versions.values().rev().find(of)
            }
            _ => versions.get(newest),
        }
    }

    /// Every machine, of all versions.
    pub fn all(&self) -> impl Iterator<Item = &Arc<dyn Machine>> {
        self.by_name.values().flat_map(BTreeMap::values)
    }

    /// The newest machine of every workflow.
    pub fn newest(&self) -> impl Iterator<Item = &Arc<dyn Machine>> {
        self.newest.iter().filter_map(|(name, id)| self.by_name.get(name)?.get(id))
    }
}
