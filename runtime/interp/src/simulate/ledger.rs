//! What was called and what came of it, in the words that tests use.

use sagaflow_core::codegen::Json;
use sagaflow_core::id::RunId;
use sagaflow_core::service::Purpose;
use std::collections::BTreeSet;

/// A fork around a call: which one, and which of its branches.
pub type Around = (String, u32);

/// One distinct call, at its first sending.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Called {
    /// The run.
    pub run: RunId,
    /// `service.action`, qualified.
    pub action: String,
    /// Its key.
    pub key: String,
    /// Durable point.
    pub at: String,
    /// Path with indexes.
    pub path: String,
    /// Why.
    pub purpose: Purpose,
    /// Number of the record behind which it was sent first.
    pub record: u64,
    /// What its service answers where nothing goes wrong.
    pub usual: Json,
    /// Forks around it, outermost first.
    pub around: Vec<Around>,
}

/// An effect that was applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// The run.
    pub run: RunId,
    /// `service.action`, qualified.
    pub action: String,
    /// Its key.
    pub key: String,
}

/// Calls and effects of a simulation.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    calls: Vec<Called>,
    seen: BTreeSet<(String, String)>,
    effects: Vec<Applied>,
    late: Vec<Applied>,
}

impl Ledger {
    /// A call was sent; only the first sending counts.
    pub(super) fn sent(&mut self, call: Called) {
        if self.seen.insert((call.action.clone(), call.key.clone())) {
            self.calls.push(call);
        }
    }

    /// An effect was applied. A read that is repeated under its key is one.
    pub(super) fn applied(&mut self, effect: Applied, read: bool) {
        if !(read && self.effects.contains(&effect)) {
            self.effects.push(effect);
        }
    }

    /// A request arrived after its key was spent.
    pub(super) fn arrived_late(&mut self, request: Applied) {
        self.late.push(request);
    }

    /// Requests that arrived after they were undone, or after a probe had answered that they never
    /// would; none of them is among the effects where the services keep their contract.
    #[must_use]
    pub fn late(&self) -> &[Applied] {
        &self.late
    }

    /// Distinct calls of a run in the order of their first sending.
    pub fn calls(&self, run: RunId) -> impl Iterator<Item = &Called> {
        self.calls.iter().filter(move |call| call.run == run)
    }

    /// The same in program order where branches ran beside each other.
    #[must_use]
    pub fn in_program_order(&self, run: RunId) -> Vec<&Called> {
        ordered(self.calls(run).collect(), 0)
    }

    /// Applied effects of all runs, in order.
    #[must_use]
    pub fn effects(&self) -> &[Applied] {
        &self.effects
    }
}

/// Puts the calls of one fork together, branch by branch, where its first call stands.
fn ordered(calls: Vec<&Called>, depth: usize) -> Vec<&Called> {
    let mut out = Vec::new();
    let mut done = BTreeSet::new();
    for call in &calls {
        let Some((fork, _)) = call.around.get(depth) else {
            out.push(*call);
            continue;
        };
        if !done.insert(fork) {
            continue;
        }
        let of_fork =
            |other: &&&Called| other.around.get(depth).is_some_and(|each| each.0 == *fork);
        let mut branches: Vec<u32> = calls
            .iter()
            .filter(of_fork)
            .filter_map(|each| Some(each.around.get(depth)?.1))
            .collect();
        branches.sort_unstable();
        branches.dedup();
        for branch in branches {
            let here = |other: &&&Called| other.around.get(depth) == Some(&(fork.clone(), branch));
            out.extend(ordered(calls.iter().filter(here).copied().collect(), depth + 1));
        }
    }
    out
}
