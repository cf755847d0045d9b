//! Everything that can go wrong in a program, one run each, every run judged.
//!
//! Order: branches of the world first (who answers, what is denied), with a crash before and after
//! every commit of the first one; then every call that is reached goes wrong in every way, first alone,
//! then, where only a failure leads to it, behind that; cancels, interrupts and doubled traffic on top of
//! those; and at last crashes behind failures.

use crate::judge::judge;
use crate::ledger::{Ledger, Purpose};
use crate::mess::mess;
use crate::program::{Class, Key, Program, Retry, Stmt};
use crate::random::Random;
use crate::reference::evaluate;
use crate::script::{CallId, Crash, Plan, Script, Strike};
use crate::subject::{INPUT, Subject};
use crate::world::{Answers, Site, Twin, World};
use sagaflow_core::codegen::Json;
use std::collections::{BTreeSet, VecDeque};

/// How much is tried.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// Crash points of each script but the first one; all of them where it is none.
    pub crashes: Option<usize>,
    /// Of the failures of a call that its policy mends only one is made, not all.
    pub thin: bool,
    /// Bound: runs that crash behind a failure. Those that fail, and those that crash where nothing
    /// fails, are all made.
    pub runs: u64,
}

/// What a sweep found.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Runs made.
    pub runs: u64,
    /// Call sites, undos and probes among them.
    pub sites: usize,
    /// Those that some run called.
    pub reached: usize,
    /// Runs whose deadline struck.
    pub late: u64,
    /// The first run that is wrong, in words.
    pub wrong: Option<String>,
}

/// Sweeps one program.
#[must_use]
pub fn sweep(subject: &Subject, seed: u64, effort: Effort, twin: Option<Twin>) -> Tally {
    let mut sweep = Sweep {
        subject,
        effort,
        twin,
        random: Random::new(seed ^ 0x5eed),
        tally: Tally::default(),
        struck: BTreeSet::new(),
        reached: BTreeSet::new(),
    };
    if let Err(wrong) = sweep.all() {
        sweep.tally.wrong = Some(wrong);
    }
    sweep.tally.sites = subject.site.contracts.len();
    sweep.tally.reached = sweep.reached.len();
    sweep.tally
}

/// The mess that a run leaves on the path of these actions: none but they fail, or one other does
/// that leads to them. Who of them fails how, and what the world answers, is enumerated.
#[must_use]
pub fn messes(subject: &Subject, witness: &BTreeSet<String>) -> Shown {
    let answers: [Answers; 3] =
        [subject.site.answers, |_, _, _, _| Json::from(0), |_, _, _, _| Json::from(9)];
    let mut called = false;
    for others in [0, 1] {
        for (answers, k) in answers.into_iter().zip([INPUT, 0, 9]) {
            let mut site = Site { answers, ..subject.site.clone() };
            site.input.insert("input".to_owned(), serde_json::json!({ "id": "one", "k": k }));
            for script in worlds(&subject.program) {
                let found = messes_from(subject, &site, script, (witness, others));
                match found {
                    Ok(mess) => return Shown::Mess(mess),
                    Err(reached) => called |= reached,
                }
            }
        }
    }
    if called { Shown::Nothing } else { Shown::NeverCalled }
}

/// What the enumeration shows of a program that is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shown {
    /// The mess, in words.
    Mess(String),
    /// The actions are called, and nothing is wrong.
    Nothing,
    /// No run calls all of them: a condition that the analysis does not evaluate stands before them.
    NeverCalled,
}

/// The mess, or whether all that the finding names was called.
fn messes_from(
    subject: &Subject,
    site: &Site,
    script: Script,
    (witness, others): (&BTreeSet<String>, usize),
) -> Result<String, bool> {
    let mut todo = vec![script];
    let mut reached = false;
    while let Some(script) = todo.pop() {
        let machine = subject.machine.clone();
        let ledger = World::new(site.clone(), machine, script.clone(), None).play();
        if let Some(found) = mess(&subject.program, &ledger) {
            return Ok(found);
        }
        let sent = |action: &String| ledger.sent.iter().any(|sent| sent.id.action == *action);
        reached |= witness.iter().all(sent);
        let mut struck: BTreeSet<&CallId> =
            script.strikes.iter().map(|strike| &strike.id).collect();
        let cancelled = usize::from(script.cancel.is_some());
        let strangers = struck.iter().filter(|id| !witness.contains(&id.action)).count();
        // Bound: two on the path, and one thing that leads to it.
        if struck.len() > 2 + strangers {
            continue;
        }
        if strangers + cancelled < others {
            let cancel = |commit| Script { cancel: Some(commit), ..script.clone() };
            todo.extend((1..ledger.commits).map(cancel));
        }
        for sent in &ledger.sent {
            let named = witness.contains(&sent.id.action);
            if !(named || strangers + cancelled < others) || !struck.insert(&sent.id) {
                continue;
            }
            let hangs = vec![vec![(Plan::Hangs, 1)]];
            let hangs = hangs.into_iter().filter(|_| named && sent.purpose == Purpose::Do);
            for way in ways(&subject.program, &sent.id, sent.purpose).0.into_iter().chain(hangs) {
                let mut script = script.clone();
                script.strikes.extend(way.into_iter().map(|(plan, attempts)| Strike {
                    id: sent.id.clone(),
                    once: false,
                    attempts,
                    plan,
                }));
                todo.push(script);
            }
        }
    }
    Err(reached)
}

/// Plays one script and judges it.
///
/// # Errors
/// What is wrong, with the script and the whole ledger.
pub fn play(subject: &Subject, script: &Script, twin: Option<Twin>) -> Result<Ledger, String> {
    let world = World::new(subject.site.clone(), subject.machine.clone(), script.clone(), twin);
    let mut ledger = world.play();
    if let Some(process) = &subject.site.process {
        ledger = process.history()?;
    }
    let judged = evaluate(&subject.program, script, &ledger, subject.values)
        .and_then(|verdict| judge(&ledger, &verdict))
        .and_then(|()| mess(&subject.program, &ledger).map_or(Ok(()), Err));
    match judged {
        Ok(()) => Ok(ledger),
        Err(why) => Err(format!("{why}\n{script:?}\n{}", ledger.story())),
    }
}

struct Sweep<'a> {
    subject: &'a Subject,
    effort: Effort,
    twin: Option<Twin>,
    random: Random,
    tally: Tally,
    struck: BTreeSet<(CallId, &'static str)>,
    reached: BTreeSet<String>,
}

impl Sweep<'_> {
    fn run(&mut self, script: &Script) -> Result<Ledger, String> {
        self.tally.runs += 1;
        let ledger = play(self.subject, script, self.twin)?;
        self.tally.late += u64::from(ledger.error == "deadline");
        for sent in &ledger.sent {
            if !self.reached.contains(&sent.id.action) {
                self.reached.insert(sent.id.action.clone());
            }
        }
        Ok(ledger)
    }

    fn all(&mut self) -> Result<(), String> {
        let mut todo = VecDeque::new();
        for (number, script) in worlds(&self.subject.program).into_iter().enumerate() {
            let ledger = self.run(&script)?;
            let most = if number == 0 { usize::MAX } else { 1 };
            self.crashes(&script, &ledger, self.effort.crashes.map(|_| most))?;
            self.cancels(&script, &ledger)?;
            self.interrupts(&script, &ledger)?;
            todo.push_back((script, ledger));
        }
        // A failure shows new calls, which fail in their turn.
        let mut failed = Vec::new();
        while let Some((script, ledger)) = todo.pop_front() {
            for strikes in self.strikes(&script, &ledger) {
                let mut script = script.clone();
                script.strikes.extend(strikes);
                script.latency = self.random.bits();
                script.twice = self.random.chance(20);
                let ledger = self.run(&script)?;
                failed.push((script.clone(), ledger.clone()));
                script.twice = false;
                if script.strikes.iter().all(|strike| self.is_pivot(&strike.id)) {
                    // X1: a pivot whose answer was lost is not unwound.
                    self.cancels(&script, &ledger)?;
                }
                if script.strikes.len() < 4 {
                    todo.push_back((script, ledger));
                }
            }
        }
        let most = self.tally.runs + self.effort.runs;
        while self.tally.runs < most && !failed.is_empty() {
            let at = self.random.below(failed.len());
            let (script, ledger) = failed.swap_remove(at);
            self.crashes(&script, &ledger, self.effort.crashes)?;
        }
        Ok(())
    }

    fn is_pivot(&self, id: &CallId) -> bool {
        let calls = self.subject.program.calls();
        calls.iter().any(|call| call.class == Class::Pivot && call.action == id.action)
    }

    /// Dies before and after commits: all of them, or this many.
    fn crashes(
        &mut self,
        script: &Script,
        ledger: &Ledger,
        most: Option<usize>,
    ) -> Result<(), String> {
        let mut points: Vec<Crash> = (1..=ledger.commits)
            .flat_map(|commit| [true, false].map(|before| Crash { commit, before }))
            .collect();
        if let Some(most) = most {
            while points.len() > most {
                let at = self.random.below(points.len());
                points.swap_remove(at);
            }
        }
        for crash in points {
            // What is sent again after the crash may find its service gone; the recovery may die too.
            let mut ways = Vec::new();
            for again in [None, Some(Plan::Refused)] {
                ways.extend([None, Some(true), Some(false)].map(|dies| (again.clone(), dies)));
            }
            if self.effort.crashes.is_some() {
                // One of them, and mostly one that recovers at once.
                let dies = self.random.below(6);
                let at = if dies < 2 { 1 + dies } else { 0 } + 3 * self.random.below(2);
                ways = ways.into_iter().skip(at).take(1).collect();
            }
            for (again, again_before) in ways {
                let crash = Some(crash);
                self.run(&Script { crash, again, again_before, ..script.clone() })?;
            }
        }
        Ok(())
    }

    /// Cancels at every commit, or at some. Where nothing fails, a cancel is the only thing that can
    /// stop a branch.
    fn cancels(&mut self, script: &Script, ledger: &Ledger) -> Result<(), String> {
        let verdict = evaluate(&self.subject.program, script, ledger, self.subject.values)?;
        if verdict.failures > 0 {
            return Ok(());
        }
        for commit in 1..ledger.commits {
            if self.effort.crashes.is_some() && self.random.chance(50) {
                continue;
            }
            self.run(&Script { cancel: Some(commit), ..script.clone() })?;
        }
        Ok(())
    }

    fn interrupts(&mut self, script: &Script, ledger: &Ledger) -> Result<(), String> {
        let mut events = Vec::new();
        self.subject.program.each(&mut |stmt| {
            if let Stmt::Scope { interrupt: Some(interrupt), .. } = stmt {
                events.push(interrupt.event.clone());
            }
        });
        let calls: BTreeSet<CallId> = ledger.sent.iter().map(|sent| sent.id.clone()).collect();
        for event in events {
            for id in &calls {
                let interrupt = Some((id.clone(), event.clone()));
                self.run(&Script { interrupt, ..script.clone() })?;
            }
        }
        Ok(())
    }

    /// Every way in which a call that has not failed yet can go wrong.
    fn strikes(&mut self, script: &Script, ledger: &Ledger) -> Vec<Vec<Strike>> {
        let mut strikes = Vec::new();
        for sent in &ledger.sent {
            let free = script.strikes.iter().all(|strike| strike.id != sent.id);
            if !free || !self.struck.insert((sent.id.clone(), sent.purpose.word())) {
                continue;
            }
            let (mut ways, mended) = ways(&self.subject.program, &sent.id, sent.purpose);
            if self.effort.thin {
                ways.extend(self.random.pick(&mended).cloned());
            } else {
                ways.extend(mended);
            }
            for way in ways {
                let once = self.random.chance(50);
                let strike =
                    |(plan, attempts)| Strike { id: sent.id.clone(), once, attempts, plan };
                strikes.push(way.into_iter().map(strike).collect());
            }
        }
        strikes
    }
}

/// A way to go wrong: what happens up to which attempt.
type Way = Vec<(Plan, u32)>;

/// The ways in which a call goes wrong, and those which a further attempt mends.
fn ways(program: &Program, id: &CallId, purpose: Purpose) -> (Vec<Way>, Vec<Way>) {
    let call = program.calls().into_iter().find(|call| call.action == id.action);
    let mut plans = vec![Plan::Refused, Plan::Lost, Plan::Done];
    let mut most = 2;
    let mut ways: Vec<Way> = Vec::new();
    match (purpose, call) {
        // Where a stopped step may be asking, the undo tree asks the same question again.
        (Purpose::Probe, _) if branches(program) || program.deadline.is_some() => {
            return (Vec::new(), Vec::new());
        }
        (Purpose::Probe, _) => {
            ways.extend([Plan::Refused, Plan::Lost].map(|plan| vec![(plan, 1)]));
            return (ways, Vec::new());
        }
        (Purpose::Do, Some(call)) => {
            plans.extend(call.errors.iter().cloned().map(Plan::Fail));
            let repeatable = call.class == Class::Read || call.key != Key::None;
            most = match &call.retry {
                Retry::Default if !repeatable => 1,
                Retry::Default => 3,
                Retry::Times(n) | Retry::On(n, _) | Retry::Until(n) => *n,
                Retry::Forever => 2,
            };
            if call.class == Class::Write && call.key != Key::None {
                // A refusal says nothing about the attempts before it, and drops no question.
                ways.push(vec![(Plan::Done, 1), (Plan::Refused, most)]);
                ways.push(vec![(Plan::Done, most), (Plan::Refused, most + 1)]);
            }
        }
        _ => {}
    }
    let mut mended: Vec<Way> = Vec::new();
    for plan in plans {
        ways.push(vec![(plan.clone(), most)]);
        if most > 1 {
            mended.push(vec![(plan, 1)]);
        }
    }
    (ways, mended)
}

fn branches(program: &Program) -> bool {
    let mut found = false;
    program.each(&mut |stmt| {
        found |= matches!(stmt, Stmt::Parallel { .. } | Stmt::ParallelEach { .. });
    });
    found
}

/// The worlds to begin with: everybody answers; each wait silent; each task denied.
fn worlds(program: &Program) -> Vec<Script> {
    let mut worlds = Vec::new();
    for latency in 0..2 {
        worlds.push(Script { latency, ..Script::default() });
    }
    worlds.push(Script { twice: true, latency: 3, ..Script::default() });
    for wait in program.waits() {
        let silent = [wait.clone()].into_iter().collect();
        worlds.push(Script { silent, latency: 4, ..Script::default() });
        let denied = [wait].into_iter().collect();
        worlds.push(Script { denied, latency: 5, ..Script::default() });
    }
    worlds
}
