//! What a run costs: commits it waits for, records, bytes, calls, and the worst-case time, by path.
//!
//! `walk` follows the forward paths as the shard makes turns of them (`turn`), `size` estimates bytes
//! from types, `write` says it in words. Promises: along a path whose turns of loops are known, the
//! records and commits are those of the real machine, if every call is answered at its first attempt
//! and nothing that is waited for is there before the wait begins; what cannot be told so exactly is
//! marked. Must not run anything.

mod figures;
mod size;
mod turn;
mod undo;
mod walk;
mod write;

pub use figures::{Amount, Spent, Time};
pub use turn::{QUICK_READ_MS, UNRECORDED};
pub use write::text;

use crate::check::time::Clock;
use crate::check::time::cut;
use crate::hir::{Program, WorkflowId};
use crate::source::Sources;
use crate::words::{Words, duration};
use sagaflow_fir::Fir;
use serde::Serialize;

/// What a workflow costs.
#[derive(Clone, Debug, Serialize)]
pub struct Cost {
    /// Qualified name.
    pub workflow: String,
    /// From 1.
    pub version: u32,
    /// `file:line` of its name.
    pub place: String,
    /// Ways to complete, in program order.
    pub paths: Vec<Path>,
    /// Ways that end in a `fail` of the program's own.
    pub failing: usize,
    /// Ways that were joined because there are too many.
    pub folded: bool,
    /// What this version cannot execute yet; figures about it are estimates.
    pub unsupported: Vec<String>,
}

/// One way to complete.
#[derive(Clone, Debug, Serialize)]
pub struct Path {
    /// The choices that lead along it, in order; empty where there is none.
    pub choices: Vec<String>,
    /// Whether records and commits are exact.
    pub exact: bool,
    /// Records in the journal.
    pub records: Amount,
    /// Commits that the run waits for before it goes on; branches side by side wait together.
    pub commits: Amount,
    /// Calls of services.
    pub calls: Amount,
    /// Bytes in the journal, by the types of values.
    pub bytes: Amount,
    /// Worst-case time, cut by the workflow's deadline.
    pub time: Time,
    /// Where it goes, the longest first.
    pub spent: Vec<Spent>,
    /// The workflow's deadline, where it cuts the time before the commit.
    pub deadline_ms: Option<i64>,
    /// Undoing all of it, where it fails at its last step before the commit.
    pub undo: Undo,
}

/// What undoing costs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Undo {
    /// Calls, each a record of its own.
    pub calls: Amount,
    /// If each is answered at its first attempt.
    pub at_first_ms: i64,
    /// Worst-case time.
    pub time: Time,
}

/// What one workflow costs. `fir` is the lowered program.
#[must_use]
pub fn cost(program: &Program, sources: &Sources, fir: &Fir, id: WorkflowId) -> Cost {
    let words = Words { program, sources };
    let workflow = &program.workflows[id];
    let name = workflow.name.to_string();
    let known = fir.workflows.get(&name);
    let mut walker = walk::Walker {
        words,
        clock: Clock::new(program),
        size: size::Sizes { fir, workflow: known },
        folded: false,
    };
    let ends = walker.workflow(workflow);
    let deadline = workflow.deadline.map(|deadline| deadline.value);
    let (failed, done): (Vec<_>, Vec<_>) =
        ends.into_iter().partition(|way| way.end == Some(walk::End::Fails));
    let paths = done
        .into_iter()
        .map(|way| {
            let mut spent = way.spent;
            // Order: what has no bound is what to look at first, then the longest.
            spent.sort_by_key(|one| std::cmp::Reverse(one.time.ms.unwrap_or(i64::MAX)));
            spent.retain(|one| one.time.ms != Some(0));
            let deadline_ms = deadline.filter(|ms| way.time.ms.is_none_or(|time| time > *ms));
            Path {
                choices: way.choices,
                exact: way.exact && known.is_some_and(|w| w.unsupported.is_empty()),
                records: way.records,
                commits: way.commits,
                calls: way.calls,
                bytes: way.bytes,
                time: Time { ms: cut(way.time.ms, deadline.filter(|_| !way.committed)) },
                spent,
                deadline_ms,
                undo: way.undo,
            }
        })
        .collect();
    let unsupported = known.into_iter().flat_map(|found| &found.unsupported);
    Cost {
        workflow: name,
        version: workflow.version.node,
        place: words.place(workflow.name_span),
        paths,
        failing: failed.len(),
        folded: walker.folded,
        unsupported: unsupported.map(|(what, line)| format!("{what} (line {line})")).collect(),
    }
}

impl Time {
    /// `3m 10s`, `no bound`.
    #[must_use]
    pub fn words(self) -> String {
        self.ms.map_or_else(|| "no bound".to_owned(), duration)
    }
}
