//! What must hold, judged after every event from requests, services, clients and commits alone.
//!
//! | what | where |
//! |---|---|
//! | one key is one call's, grows new only when it is spent, attempts are counted (I8, I9, I13), every version calls its own services (I40) | `keys` |
//! | an undo belongs to a call that may have happened, and sees what it saw (I10, I12) | `undo` |
//! | undos run in the mirror of the program (I11; C2, C3, P1 of the semantics) | `order` |
//! | one end, everything or nothing, nothing afterwards (I2, I3, I5, I26) | `ends` |
//! | what is in memory is the fold of what is written (I42), and is written before it leaves | `fold` |
//!
//! I1, I34 and I36 (one key is one run, for ever) are judged where clients are told, I19 where a batch
//! lands, both against this.

pub mod fold;

mod ends;
mod keys;
mod order;
mod undo;

use crate::fleet::{Fleet, Version};
use crate::history::{Called, Story};
use fold::{Fold, Print};
use sagaflow_core::codegen::Json;
use sagaflow_core::id::{RunId, ShardId, shard_of};
use sagaflow_core::port::Batch;
use sagaflow_core::run::RunState;
use sagaflow_core::service::{Attempt, Call, Refusal};
use sagaflow_sweep::ledger::Contract;
use sagaflow_sweep::script::{Plan, Said};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a judge finds.
pub type Wrong = Result<(), String>;

/// Everything that was seen, and the judges.
pub struct Judges {
    fleet: Arc<Fleet>,
    stories: BTreeMap<RunId, Story>,
    /// Every request, as run and place in its story.
    calls: Vec<(RunId, usize)>,
    /// Whose a key is.
    keys: BTreeMap<String, RunId>,
    /// The run of every start key that was written.
    started: BTreeMap<String, RunId>,
    fold: Fold,
    step: u64,
}

/// Whose story it is, and what it is judged against.
struct Case<'a> {
    version: &'a Version,
    story: &'a Story,
}

impl Judges {
    /// Nothing has happened yet.
    #[must_use]
    pub fn new(fleet: Arc<Fleet>) -> Self {
        Self {
            fleet,
            stories: BTreeMap::new(),
            calls: Vec::new(),
            keys: BTreeMap::new(),
            started: BTreeMap::new(),
            fold: Fold::default(),
            step: 0,
        }
    }

    /// The next event.
    pub fn step(&mut self, step: u64) {
        self.step = step;
    }

    fn version(&self, story: &Story) -> Option<&Version> {
        self.fleet.versions.get(story.version)
    }

    fn case(&self, run: RunId) -> Result<Case<'_>, String> {
        let story = self.stories.get(&run).ok_or_else(|| format!("run {run} is not admitted"))?;
        let version = self.version(story).ok_or("a run has no version")?;
        Ok(Case { version, story })
    }

    fn blame(&self, run: RunId, wrong: Wrong) -> Wrong {
        wrong.map_err(|why| {
            let lines = self.stories.get(&run).map(Story::lines).unwrap_or_default();
            let text = self.case(run).map(|case| case.version.text.clone()).unwrap_or_default();
            format!("{why}\nrun {run}\n{lines}\n{text}")
        })
    }

    /// The contract of a call that is about to leave: it must be one of its run's own version.
    ///
    /// # Errors
    /// I40: where another version's service is called, or the run was never admitted.
    pub fn contract(&self, call: &Call) -> Result<Contract, String> {
        let case = self.case(call.run)?;
        let contract = case.version.contracts.get(&call.action);
        match contract.filter(|_| call.service == case.version.service) {
            Some(contract) => Ok(contract.clone()),
            None => Err(format!(
                "run {} of `{}` calls `{}.{}`",
                call.run, case.version.service, call.service, call.action
            )),
        }
    }

    /// A request leaves its node.
    ///
    /// # Errors
    /// What is wrong with that.
    pub fn leave(&mut self, called: Called, service: &str) -> Result<usize, String> {
        let run = called.run;
        let owner = *self.keys.entry(called.key.clone()).or_insert(run);
        if owner != run {
            return Err(format!("runs {owner} and {run} share a key"));
        }
        let case = self.case(run)?;
        let judged = if service == case.version.service {
            keys::leaves(&case, &called)
                .and_then(|()| undo::leaves(&case, &called))
                .and_then(|()| order::leaves(&case, &called))
                .and_then(|()| self.fold.intends(&called))
        } else {
            Err(format!("run {run} calls {service}"))
        };
        self.blame(run, judged)?;
        let story = self.stories.get_mut(&run).ok_or("a run has no story")?;
        story.calls.push(called);
        self.calls.push((run, story.calls.len() - 1));
        Ok(self.calls.len() - 1)
    }

    /// A request and the contract of its action.
    #[must_use]
    pub fn called(&self, call: usize) -> Option<(&Called, Contract)> {
        let (run, place) = self.calls.get(call)?;
        let case = self.case(*run).ok()?;
        let called = case.story.calls.get(*place)?;
        Some((called, case.version.contracts.get(&called.id.action)?.clone()))
    }

    /// A declared error of a request's action.
    #[must_use]
    pub fn declared(&self, call: usize) -> Option<String> {
        let (run, place) = self.calls.get(call)?;
        let case = self.case(*run).ok()?;
        let called = case.story.calls.get(*place)?;
        let site = case.version.structure.site(&called.id.action)?;
        let own = site.call.action == called.id.action;
        site.call.errors.first().filter(|_| own).cloned()
    }

    /// Whether a request may reach its service twice.
    #[must_use]
    pub fn repeatable(&self, action: &str, call: usize) -> bool {
        self.called(call).is_some_and(|(called, contract)| {
            contract.repeatable && called.id.action == action && !contract.probe
        })
    }

    /// What was answered under a key of a request's run.
    #[must_use]
    pub fn value(&self, call: usize, key: &str) -> Option<i64> {
        let (run, _) = self.calls.get(call)?;
        self.stories.get(run)?.values.get(key).copied()
    }

    /// The same key is always answered the same.
    pub fn remember(&mut self, call: usize, key: &str, fresh: i64) -> i64 {
        let Some((run, _)) = self.calls.get(call) else { return fresh };
        let Some(story) = self.stories.get_mut(run) else { return fresh };
        *story.values.entry(key.to_owned()).or_insert(fresh)
    }

    /// A request reaches its service.
    ///
    /// # Errors
    /// I5, I8: where an effect is applied that must not be.
    pub fn arrive(&mut self, call: usize, plan: Plan, copy: bool) -> Result<(Said, bool), String> {
        let Some((called, contract)) = self.called(call) else {
            return Ok((Said::Unknown, false));
        };
        let (id, arg) = (called.id.clone(), called.arg.unwrap_or(0));
        let (run, key) = (called.run, called.key.clone());
        let place = self.calls.get(call).map_or(0, |(_, place)| *place);
        let Some(story) = self.stories.get_mut(&run) else { return Ok((Said::Unknown, false)) };
        let (said, applied) = story.arrive(place, plan, &contract, copy);
        if applied {
            let fresh = sagaflow_sweep::script::value(&id.action, &id.at, arg);
            self.remember(call, &key, fresh);
            let judged = self.case(run).and_then(|case| ends::applied(&case, &key, &id));
            self.blame(run, judged)?;
        }
        Ok((said, applied))
    }

    /// What came of a request reached its node.
    pub fn told(&mut self, call: usize, attempt: &Attempt) {
        let probe = self.called(call).is_some_and(|(_, contract)| contract.probe);
        let Some((run, place)) = self.calls.get(call) else { return };
        let story = self.stories.get_mut(run);
        let Some(called) = story.and_then(|story| story.calls.get_mut(*place)) else { return };
        called.told = Some(match attempt {
            Attempt::Ok(Json::Null) if probe => Said::Spent,
            Attempt::Ok(_) => Said::Ok,
            Attempt::Failed { name, .. } => Said::Failed(name.clone()),
            Attempt::Refused { cause: Refusal::Undone, .. } => Said::Spent,
            Attempt::Refused { .. } => Said::Refused,
            Attempt::Unknown { .. } | Attempt::Fault { .. } => Said::Unknown,
        });
    }

    /// The answer to a request is durable, or needs not be.
    pub fn hear(&mut self, call: usize) {
        let (step, Some((run, place))) = (self.step, self.calls.get(call)) else { return };
        if let Some(story) = self.stories.get_mut(run) {
            story.hear(step, *place);
        }
    }

    /// A batch is written.
    ///
    /// # Errors
    /// What is wrong with it, or with a run that it ends.
    pub fn landed(&mut self, batch: &Batch, heard: &[usize], prints: Vec<Print>) -> Wrong {
        for (run, origin) in self.fold.absorb(batch)? {
            let version = self.fleet.of_hash(&origin.hash).ok_or("nobody knows the version")?;
            self.stories.insert(run, Story::new(version));
            let key = origin.key.unwrap_or_default();
            let first = *self.started.entry(key.clone()).or_insert(run);
            if first != run {
                return Err(format!("key {key} has two runs: {first} and {run}"));
            }
        }
        for print in prints {
            let (run, judged) = (print.run, self.fold.compare(&print));
            self.blame(run, judged)?;
        }
        heard.iter().for_each(|call| self.hear(*call));
        for row in &batch.runs {
            self.fold.snapshot(row)?;
            let step = self.step;
            let Some(story) = self.stories.get_mut(&row.run) else { continue };
            let judged = match (&story.ended, row.ended_at) {
                (Some((_, before)), _) if *before != row.status => {
                    Err(format!("it was {before}, and is {} now", row.status))
                }
                (None, Some(_)) => {
                    story.end(step, &row.status);
                    self.fold.forget(row.run);
                    self.case(row.run).and_then(|case| ends::ended(&case))
                }
                _ => Ok(()),
            };
            self.blame(row.run, judged)?;
        }
        Ok(())
    }

    /// A node has folded a shard: what it holds must be what is written.
    ///
    /// # Errors
    /// I42: where it is not.
    pub fn folded<'a>(&self, states: impl Iterator<Item = (RunId, &'a RunState)>) -> Wrong {
        for (run, state) in states {
            let judged = self.fold.compare(&Print::of(run, state));
            self.blame(run, judged)?;
        }
        Ok(())
    }

    /// A client was told that his key has this run, with his input or another one.
    ///
    /// # Errors
    /// I1, I36: where the run is not written, or not his.
    pub fn admitted(&self, run: RunId, key: &str, k: i64, same: bool) -> Wrong {
        let key = sagaflow_core::key::canonical(&Json::from(key));
        match self.started.get(&key) {
            Some(known) if *known == run => {}
            known => return Err(format!("{key} was told {run}, and has {known:?}")),
        }
        let Some(input) = self.fold.input(run) else { return Ok(()) };
        match (input == k) == same {
            true => Ok(()),
            false => Err(format!("run {run} has input {input}, {k} was told that it has his")),
        }
    }

    /// A shard has a new owner.
    pub fn recovered(&mut self, shard: ShardId, shards: u32) {
        let here = |run: &RunId| shard_of(run.slot(), shards) == shard;
        let stories = self.stories.iter_mut().filter(|(run, _)| here(run));
        stories.for_each(|(_, story)| story.recovered += 1);
    }

    /// A cancel was taken.
    pub fn cancelled(&mut self, run: RunId) {
        if let Some(story) = self.stories.get_mut(&run) {
            story.cancelled = true;
        }
    }

    /// An operator did something about a run.
    pub fn operated(&mut self, run: RunId) {
        if let Some(story) = self.stories.get_mut(&run) {
            story.operated = true;
        }
    }

    /// The events that a run could wait for.
    #[must_use]
    pub fn events(&self, run: RunId) -> Vec<String> {
        self.case(run).map(|case| case.version.events.clone()).unwrap_or_default()
    }

    /// Runs that have not ended.
    #[must_use]
    pub fn unended(&self) -> Vec<RunId> {
        let open = self.stories.iter().filter(|(_, story)| story.ended.is_none());
        open.map(|(run, _)| *run).collect()
    }

    /// The same, in words.
    #[must_use]
    pub fn open(&self) -> String {
        let open = self.unended();
        let first = open.first().map(|run| self.blame(*run, Err(String::new())));
        format!(
            "{} runs have not ended{}",
            open.len(),
            first.and_then(Result::err).unwrap_or_default()
        )
    }

    /// How every run has ended.
    #[must_use]
    pub fn statuses(&self) -> Vec<(RunId, String)> {
        let ended = |(run, story): (&RunId, &Story)| Some((*run, story.ended.clone()?.1));
        self.stories.iter().filter_map(ended).collect()
    }

    /// Judges every run once more, when nothing can reach a service any more.
    ///
    /// # Errors
    /// What is wrong.
    pub fn last_look(&self) -> Wrong {
        for run in self.stories.keys() {
            let judged = self.case(*run).and_then(|case| ends::at_last(&case));
            self.blame(*run, judged)?;
        }
        Ok(())
    }

    /// Ends by status.
    #[must_use]
    pub fn ends(&self) -> BTreeMap<String, usize> {
        let mut ends = BTreeMap::new();
        for (_, status) in self.statuses() {
            *ends.entry(status).or_default() += 1;
        }
        ends
    }

    /// How many runs were admitted.
    #[must_use]
    pub fn runs(&self) -> usize {
        self.stories.len()
    }

    /// How many requests left.
    #[must_use]
    pub fn calls(&self) -> usize {
        self.calls.len()
    }
}
