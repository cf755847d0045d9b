//! Every failure of a workflow (verdict 57): first all branches, then everything that can go wrong at
//! every call, alone and with a crash before and after every record.
//!
//! Promises: each run is made in a fresh world and judged alone; the number of runs is counted; the
//! first run that is judged badly ends the enumeration with the scenario in words.

mod answers;
mod variants;
mod words;

use crate::simulate::{
    BEGIN, Called, Chance, Choice, Crash, Failing, Given, Plan, Program, Question, Script, Strike,
    StrikeKind, World,
};
use crate::trace::Seen;
use sagaflow_core::codegen::{Json, Machine as _, PointKind, Values, WorkflowSpec};
use sagaflow_core::id::RunId;
use sagaflow_core::limits::PROBES;
use sagaflow_core::service::Purpose;
use sagaflow_core::status::Status;
use sagaflow_core::transaction::ACTION;
use sagaflow_fir::{Class, Fir, Workflow};
use std::collections::BTreeSet;
use variants::Literals;

/// Bound: all runs of one enumeration. A workflow that needs more is to be tested in parts.
pub const RUNS_MAX: u64 = 1_000_000;

/// Bound: branches that are kept; each of them multiplies the runs.
const KEPT_MAX: usize = 256;

/// Says what is wrong with a run, or that nothing is.
pub type Judge<'a> = &'a dyn Fn(&World<'_>, RunId) -> Result<(), String>;

/// What is enumerated.
pub struct Subject<'a> {
    /// The program.
    pub program: &'a Program,
    /// Qualified workflow.
    pub workflow: &'a str,
    /// Its input.
    pub input: Values,
    /// Scripted outcomes that hold in every run.
    pub given: Vec<Given>,
    /// Events that are sent in every run: event, payload, after how many ms.
    pub deliver: Vec<(String, Json, i64)>,
    /// The expectations.
    pub judge: Judge<'a>,
}

/// What came of an enumeration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tally {
    /// Runs made.
    pub runs: u64,
    /// The first thing that is wrong, in words.
    pub wrong: Option<String>,
}

/// Makes all runs.
#[must_use]
pub fn every_failure(subject: &Subject<'_>) -> Tally {
    let missing = |wrong: String| Tally { runs: 0, wrong: Some(wrong) };
    let machine = match subject.program.executable(subject.workflow) {
        Ok(machine) => machine,
        Err(why) => return missing(format!("`{}` cannot be run: {why}", subject.workflow)),
    };
    let fir = subject.program.fir();
    let Some(workflow) = fir.workflows.get(subject.workflow) else {
        return missing(format!("there is no workflow `{}`", subject.workflow));
    };
    let input = serde_json::to_value(&subject.input).unwrap_or_default();
    let mut enumeration = Enumeration {
        subject,
        fir,
        workflow,
        spec: machine.spec(),
        literals: Literals::of(fir, workflow, &input),
        runs: 0,
        covered: BTreeSet::new(),
        crashed: BTreeSet::new(),
        kept: Vec::new(),
        broken: BTreeSet::new(),
    };
    let wrong = enumeration.all().err();
    Tally { runs: enumeration.runs, wrong }
}

/// What a run showed.
struct Shown {
    seen: BTreeSet<String>,
    calls: Vec<Called>,
    records: u64,
    chances: Vec<Chance>,
    questions: Vec<Question>,
    status: Status,
    committed: bool,
    /// Keys of the calls that had an effect.
    applied: BTreeSet<String>,
    /// A request is still on its way.
    hangs: bool,
}

struct Enumeration<'a> {
    subject: &'a Subject<'a>,
    fir: &'a Fir,
    workflow: &'a Workflow,
    spec: &'a WorkflowSpec,
    literals: Literals,
    runs: u64,
    /// Everything reached by kept runs.
    covered: BTreeSet<String>,
    /// Everything reached by runs with a crash, which are not kept: what only they reach is tested, but
    /// what a later run reaches first without one is still to be made to fail.
    crashed: BTreeSet<String>,
    /// Runs that reached something new, with what they were told.
    kept: Vec<(Script, Shown)>,
    /// Calls that have been made to fail.
    broken: BTreeSet<Site>,
}

/// What tells one call of the source from another: point, why it is made, action. A step's call and
/// its probe are at one point, and a probe is one thing where the call was done and another where not.
type Site = (String, &'static str, String, bool);

fn site(script: &Script, call: &Called) -> Site {
    let done = call.purpose == Purpose::Probe
        && script.failing.iter().any(|it| it.path == call.path && it.plan == Plan::UnknownDone);
    (call.at.clone(), call.purpose.word(), call.action.clone(), done)
}

impl Enumeration<'_> {
    fn all(&mut self) -> Result<(), String> {
        let script = Script { given: self.subject.given.clone(), ..Script::default() };
        self.keep(script)?;
        let mut next = 0;
        // Order: branches first, so that what goes wrong is tried where it is first reached.
        while next < self.kept.len() {
            self.branches(next)?;
            next += 1;
        }
        next = 0;
        while next < self.kept.len() {
            if next >= KEPT_MAX {
                return Err(format!("more than {KEPT_MAX} branches: test the workflow in parts"));
            }
            self.failures(next)?;
            self.strikes(next)?;
            next += 1;
        }
        self.never_reached()
    }

    /// One run, judged.
    fn run(&mut self, script: &Script) -> Result<Shown, String> {
        self.runs += 1;
        if self.runs > RUNS_MAX {
            return Err(format!("more than {RUNS_MAX} runs: test the workflow in parts"));
        }
        let mut world = World::new(self.subject.program, script.clone());
        let told = |wrong: String| format!("{wrong}; {}", words::of(script));
        for (event, payload, after_ms) in &self.subject.deliver {
            world.deliver(event, payload.clone(), *after_ms);
        }
        let run = world.run(self.subject.workflow, self.subject.input.clone()).map_err(told)?;
        (self.subject.judge)(&world, run).map_err(told)?;
        let state = world.state(run).ok_or_else(|| told("the run is gone".to_owned()))?;
        let calls: Vec<Called> =
            world.ledger().in_program_order(run).into_iter().cloned().collect();
        let mut seen = world.seen();
        // A probe rests at no point of its own, and what follows it is reached by making it fail.
        let probes = calls.iter().filter(|call| call.purpose == Purpose::Probe);
        seen.extend(probes.map(|call| format!("{:?}", site(script, call))));
        Ok(Shown {
            seen,
            calls,
            records: world.records(run),
            chances: world.chances().to_vec(),
            questions: world.questions(run).cloned().collect(),
            status: state.status(),
            committed: state.head().committed,
            applied: world.ledger().effects().iter().map(|effect| effect.key.clone()).collect(),
            hangs: world.hangs(),
        })
    }

    /// One run, and those in which its question is answered; kept if it reached
    /// something new.
    fn keep(&mut self, script: Script) -> Result<(), String> {
        let shown = self.run(&script)?;
        let new = self.is_new(&script, &shown);
        self.answers(&script, &shown, 0)?;
        if new {
            self.kept.push((script, shown));
        }
        Ok(())
    }

    /// Whether a run is to be kept: it reached what none before it did; it has, from now on. A run
    /// with a crash is not kept.
    fn is_new(&mut self, script: &Script, shown: &Shown) -> bool {
        if script.crash.is_some() {
            self.crashed.extend(shown.seen.iter().cloned());
            return false;
        }
        let new = !shown.seen.is_subset(&self.covered);
        self.covered.extend(shown.seen.iter().cloned());
        new
    }

    /// One change at a time from a kept run.
    fn branches(&mut self, kept: usize) -> Result<(), String> {
        let Some((script, shown)) = self.kept.get(kept) else { return Ok(()) };
        let script = script.clone();
        let mut choices = Vec::new();
        let fixed = |path: &str| {
            script.choices.iter().any(|choice| match choice {
                Choice::Result { path: fixed, .. }
                | Choice::Task { path: fixed, .. }
                | Choice::Event { path: fixed, .. }
                | Choice::Manual { path: fixed, .. } => fixed == path,
            })
        };
        for call in &shown.calls {
            if call.purpose == Purpose::Do && !fixed(&call.path) {
                choices.extend(self.results(call));
            }
        }
        for chance in &shown.chances {
            match chance {
                Chance::Task(path, task) if !fixed(path) => {
                    choices.extend(self.task_answers(path, task));
                }
                Chance::Event(path, arm) if !fixed(path) => {
                    choices.push(Choice::Event { path: path.clone(), arm: *arm });
                }
                _ => {}
            }
        }
        for choice in choices {
            let mut changed = script.clone();
            changed.choices.push(choice);
            self.keep(changed)?;
        }
        Ok(())
    }

    fn results(&self, call: &Called) -> Vec<Choice> {
        let (service, name) = call.action.rsplit_once('.').unwrap_or_default();
        let action = self.fir.action(service, name);
        let Some(ty) = action.and_then(|action| action.result.as_ref()) else { return Vec::new() };
        let values = variants::of(self.fir, &self.spec.schema, &self.literals, ty, &call.usual);
        let choice = |value| Choice::Result { path: call.path.clone(), value };
        values.into_iter().map(choice).collect()
    }

    fn task_answers(&self, path: &str, task: &str) -> Vec<Choice> {
        let Some(human) = self.fir.humans.get(task) else { return Vec::new() };
        let ty = &human.answer;
        let usual =
            crate::simulate::sample_answer(self.fir, &self.spec.schema, (task, path), BEGIN);
        let usual = usual.unwrap_or_default();
        let values = variants::of(self.fir, &self.spec.schema, &self.literals, ty, &usual);
        let choice = |answer| Choice::Task { path: path.to_owned(), answer };
        values.into_iter().map(Some).chain([None]).map(choice).collect()
    }

    /// Every call first reached in a kept run goes wrong in every way.
    fn failures(&mut self, kept: usize) -> Result<(), String> {
        let Some((script, shown)) = self.kept.get(kept) else { return Ok(()) };
        let script = script.clone();
        let mut calls: Vec<Called> = Vec::new();
        for call in &shown.calls {
            if self.broken.contains(&site(&script, call)) {
                continue;
            }
            // Of the turns of a loop, the first and the last.
            let same = |other: &Called| site(&script, other) == site(&script, call);
            let turns: Vec<_> = calls.iter().filter(|other| same(other)).cloned().collect();
            if let [first, _] = turns.as_slice() {
                calls.retain(|other| !same(other) || other == first);
            }
            calls.push(call.clone());
        }
        self.broken.extend(calls.iter().map(|call| site(&script, call)));
        for call in calls {
            for failing in self.ways(&call) {
                let late = Failing { plan: Plan::UnknownLate, ..failing.clone() };
                let lost = failing.plan == Plan::UnknownLost;
                let with = |failing| {
                    let mut changed = script.clone();
                    changed.failing.push(failing);
                    changed
                };
                let hangs = self.failure(with(failing), call.record.max(1))?;
                // What nothing forbids any more may still happen, behind everything else.
                if hangs && lost {
                    self.failure(with(late), call.record.max(1))?;
                }
            }
        }
        Ok(())
    }

    /// The ways in which a call goes wrong, and on how many attempts.
    fn ways(&self, call: &Called) -> Vec<Failing> {
        let (service, name) = call.action.rsplit_once('.').unwrap_or_default();
        let read = self.fir.action(service, name).is_none_or(|each| each.class == Class::Read)
            && name != ACTION;
        let errors = self.errors(call).into_iter().map(|(name, payload)| Plan::Fail(name, payload));
        let mut plans: Vec<Plan> = errors.collect();
        plans.push(Plan::Refused);
        plans.push(Plan::UnknownLost);
        if !read {
            plans.push(Plan::UnknownDone);
        }
        let policy = self.spec.points.get(&call.at).and_then(|point| match &point.kind {
            PointKind::Call(call) => Some(call.retry.attempts),
            _ => None,
        });
        let most = match (policy.flatten(), call.purpose) {
            (Some(most), Purpose::Probe) => most.max(PROBES),
            (Some(most), _) => most,
            (None, _) => 2,
        };
        let failing = |plan: &Plan, attempts| Failing {
            path: call.path.clone(),
            action: call.action.clone(),
            purpose: call.purpose,
            plan: plan.clone(),
            attempts,
        };
        let mut ways = Vec::new();
        for plan in &plans {
            ways.push(failing(plan, 1));
            if most > 1 {
                ways.push(failing(plan, most));
            }
        }
        ways
    }

    /// One failure, alone and with a crash at every record from `first` on. Says whether a request
    /// is still on its way in the end.
    fn failure(&mut self, script: Script, first: u64) -> Result<bool, String> {
        let shown = self.run(&script)?;
        // Order: judged new before the crashes, which reach the same and would hide it.
        let new = self.is_new(&script, &shown);
        self.answers(&script, &shown, 0)?;
        for record in first..=shown.records {
            for before in [true, false] {
                let crash = Some(Crash { record, before });
                self.keep(Script { crash, ..script.clone() })?;
            }
        }
        let hangs = shown.hangs;
        if new {
            self.kept.push((script, shown));
        }
        Ok(hangs)
    }

    /// Cancel and deadline at every boundary of a kept run.
    fn strikes(&mut self, kept: usize) -> Result<(), String> {
        let Some((script, shown)) = self.kept.get(kept) else { return Ok(()) };
        let (script, records) = (script.clone(), shown.records);
        let mut kinds = vec![StrikeKind::Cancel];
        if self.workflow.deadline_ms.is_some() {
            kinds.push(StrikeKind::Deadline);
        }
        for record in 1..records {
            for what in &kinds {
                let mut changed = script.clone();
                changed.strike = Some(Strike { record, what: *what });
                self.failure(changed, record)?;
            }
        }
        Ok(())
    }

    /// A step that no run has reached was not tested. Calls of undo blocks are no steps: some are
    /// armed where nothing can fail any more.
    fn never_reached(&self) -> Result<(), String> {
        let reached = |at: &str| {
            let point = Seen::point(&self.spec.name, at);
            self.covered.contains(&point) || self.crashed.contains(&point)
        };
        let missed = self.spec.points.values().find(|point| {
            matches!(point.kind, PointKind::Call(_))
                && !point.path.split('/').any(|segment| segment == "undo")
                && !reached(&point.at)
        });
        match missed {
            Some(point) => Err(format!("`{}` is never reached by any run", point.path)),
            None => Ok(()),
        }
    }
}
