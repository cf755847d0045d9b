//! The sweep: `FLOW_PROGRAMS=n` for more of it, `FLOW_SEED=seed FLOW_PROGRAMS=1` to repeat one.

use sagaflow_sweep::generate::{CONSTRUCTS, coverage, generate};
use sagaflow_sweep::ledger::Sent;
use sagaflow_sweep::orders::orders;
use sagaflow_sweep::print::print;
use sagaflow_sweep::process::Process;
use sagaflow_sweep::program::{Call, Handler, Key, Pattern, Remedy, Retry, Stmt};
use sagaflow_sweep::sample::{of, pivot, write};
use sagaflow_sweep::script::{CallId, Crash, Plan, Script, Strike};
use sagaflow_sweep::subject::generated;
use sagaflow_sweep::sweep::{Effort, Tally, play, sweep};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Programs that are swept where nothing else is asked for.
const PROGRAMS: u64 = 200;

fn number(name: &str, usual: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

/// A ledger that is a process of its own, with this file.
fn ledger(file: &Path) -> Arc<Process> {
    let program = Path::new(env!("CARGO_BIN_EXE_sweep-ledger"));
    Arc::new(Process::start(program, file).expect("the ledger starts"))
}

/// Sweeps the program of a seed, its ledger a process with a file in `folder`; says what is wrong, and
/// how long the file has become.
fn swept(seed: u64, effort: Effort, folder: &Path) -> (Tally, u64) {
    let mut subject = match generated(generate(seed)) {
        Ok(subject) => subject,
        Err(why) => {
            return (Tally { wrong: Some(format!("rejected: {why}")), ..Tally::default() }, 0);
        }
    };
    let file = folder.join(format!("ledger-{seed}"));
    subject.site.process = Some(ledger(&file));
    let mut tally = sweep(&subject, seed, effort, None);
    if let Some(why) = &mut tally.wrong {
        why.push('\n');
        why.push_str(&subject.text);
    }
    let written = std::fs::metadata(&file).map_or(0, |file| file.len());
    // Bound: the files of thousands of programs would fill a disk.
    drop(subject);
    std::fs::remove_file(&file).expect("the ledger made its file");
    (tally, written)
}

#[test]
fn no_failure_or_crash_of_a_generated_program_leaves_a_mess() {
    let (first, programs) = (number("FLOW_SEED", 1), number("FLOW_PROGRAMS", PROGRAMS));
    let effort = Effort { crashes: Some(1), thin: true, runs: number("FLOW_RUNS", 10) };
    let (next, written) = (AtomicU64::new(first), AtomicU64::new(0));
    let folder = tempfile::tempdir().expect("a folder");
    let work = || {
        let mut all = Vec::new();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= first + programs {
                return all;
            }
            let (tally, bytes) = swept(seed, effort, folder.path());
            written.fetch_add(bytes, Ordering::Relaxed);
            all.push((seed, tally));
        }
    };
    let tallies: Vec<(u64, Tally)> = std::thread::scope(|scope| {
        let threads = [scope.spawn(work), scope.spawn(work)];
        threads.into_iter().flat_map(|it| it.join().expect("a sweep does not panic")).collect()
    });
    let runs: u64 = tallies.iter().map(|(_, tally)| tally.runs).sum();
    let late: u64 = tallies.iter().map(|(_, tally)| tally.late).sum();
    let sites: usize = tallies.iter().map(|(_, tally)| tally.sites).sum();
    let reached: usize = tallies.iter().map(|(_, tally)| tally.reached).sum();
    let wrong: Vec<String> = tallies
        .into_iter()
        .filter_map(|(seed, tally)| Some((seed, tally.wrong?)))
        .map(|(seed, why)| format!("FLOW_SEED={seed} FLOW_PROGRAMS=1: {why}"))
        .collect();
    println!("{reached} of {sites} call sites were reached by some run");
    println!("the deadline struck in {late} runs");
    let written = written.into_inner();
    println!("{runs} runs of {programs} programs from seed {first} on, {written} bytes in ledgers");
    for why in &wrong {
        println!("{}", why.lines().next().unwrap_or_default());
    }
    let worst = wrong.first().cloned().unwrap_or_default();
    assert!(wrong.is_empty(), "{} programs are wrong; the first:\n{worst}", wrong.len());
    assert!(
        late * 50 > runs || programs < PROGRAMS,
        "the deadline struck in {late} of {runs} runs"
    );
    let few = programs < PROGRAMS;
    assert!(few || reached * 5 > sites * 4, "only {reached} of {sites} call sites were reached");
}

#[test]
fn no_failure_or_crash_of_the_order_flow_leaves_a_mess() {
    let folder = tempfile::tempdir().expect("a folder");
    for risky in [false, true] {
        let mut subject = orders(risky).expect("the order flow compiles");
        let file = folder.path().join(format!("ledger-{risky}"));
        subject.site.process = Some(ledger(&file));
        let effort = Effort { crashes: Some(6), thin: false, runs: 400 };
        let Tally { runs, wrong, .. } = sweep(&subject, 1, effort, None);
        let written = std::fs::metadata(&file).map_or(0, |file| file.len());
        println!("{runs} runs of the order flow, {written} bytes in the ledger's file");
        assert_eq!(wrong, None, "{}", wrong.as_deref().unwrap_or_default());
        assert!(runs > 100, "only {runs} runs");
    }
}

#[test]
fn every_generated_program_is_accepted_and_uses_every_construct_often_enough() {
    let mut counts: BTreeMap<&str, u32> = CONSTRUCTS.iter().map(|word| (*word, 0)).collect();
    for seed in 1..=PROGRAMS {
        let program = generate(seed);
        for word in coverage(&program) {
            *counts.entry(word).or_default() += 1;
        }
        if let Err(why) = generated(program) {
            panic!("FLOW_SEED={seed} is rejected: {why}");
        }
    }
    println!("constructs by the number of {PROGRAMS} programs that use them: {counts:?}");
    let rare: Vec<_> =
        counts.iter().filter(|(_, count)| u64::from(**count) * 20 < PROGRAMS).collect();
    assert!(rare.is_empty(), "in less than 5 % of {PROGRAMS} programs: {rare:?}");
}

#[test]
fn the_same_seed_makes_the_same_program() {
    for seed in 0..20 {
        assert_eq!(print(&generate(seed)), print(&generate(seed)));
    }
    assert_ne!(print(&generate(1)), print(&generate(2)));
}

/// A6: what is sent again after a crash and refused says nothing about what left before it.
#[test]
fn a_refusal_after_a_crash_does_not_answer_for_the_attempt_before_it() {
    let mut last = write(1, &[], Key::Plain);
    last.retry = Retry::Times(1);
    let body = vec![Stmt::Call(last)];
    let subject = of(body).expect("it is accepted");
    for commit in 1..=3 {
        for before in [true, false] {
            let crash = Some(Crash { commit, before });
            let script = Script { crash, again: Some(Plan::Refused), ..Script::default() };
            if let Err(why) = play(&subject, &script, None) {
                panic!("{why}");
            }
        }
    }
}

/// Verdict 62: a name that a skipped step of a branch's scope leaves unbound is not needed behind it.
#[test]
fn a_skipped_step_in_a_scope_of_a_branch_does_not_park_the_run() {
    let mut looked = write(1, &[], Key::Plain);
    looked.handlers.push(Handler { on: Pattern::Error("Bad1".to_owned()), then: Remedy::Skip });
    let scope = Stmt::Scope {
        name: "c".to_owned(),
        fails: Vec::new(),
        body: vec![Stmt::Call(looked), Stmt::Call(write(2, &[], Key::Plain))],
        retry: 1,
        interrupt: None,
        fallback: None,
        handlers: vec![Handler { on: Pattern::Any, then: Remedy::Skip }],
    };
    let branches = vec![scope, Stmt::Call(write(3, &[], Key::Plain))];
    let before = Stmt::Call(write(4, &[], Key::Plain));
    let subject = of(vec![before, Stmt::Parallel { branches, handlers: Vec::new() }])
        .expect("it is accepted");
    if let Err(why) = play(&subject, &Script::default(), None) {
        panic!("{why}");
    }
}

/// K1: what a scope did in its second run is undone under a key of its own, also after the scope.
#[test]
fn the_undo_of_a_step_made_anew_has_a_key_of_its_own() {
    let mut first = write(1, &[], Key::Plain);
    first.errors.clear();
    let mut last = write(2, &[], Key::Plain);
    last.retry = Retry::Times(1);
    let scope = Stmt::Scope {
        name: "c".to_owned(),
        fails: Vec::new(),
        body: vec![Stmt::Call(first)],
        retry: 2,
        interrupt: None,
        fallback: None,
        handlers: vec![Handler { on: Pattern::Any, then: Remedy::Fail("Gone1".to_owned()) }],
    };
    let body = vec![scope, Stmt::Call(last)];
    let subject = of(body).expect("it is accepted");
    let strike = |action: &str, plan, attempts, once| {
        let id = CallId { action: action.to_owned(), at: "-".to_owned() };
        Strike { id, once, attempts, plan }
    };
    let strikes = vec![
        // The first run of the scope is applied and undone, the second one only applied.
        strike("a1", Plan::Done, 3, true),
        strike("a2", Plan::Fail("Bad1".to_owned()), 1, false),
    ];
    let script = Script { strikes, ..Script::default() };
    let ledger = play(&subject, &script, None).unwrap_or_else(|why| panic!("{why}"));
    let undone = ledger.sent.iter().filter(|sent| sent.id.action == "u1" && sent.applied);
    assert_eq!(undone.count(), 2, "{}", ledger.story());
}

/// P1: a commit drops nothing of a turn that settles by itself and still runs.
#[test]
fn a_commit_keeps_what_an_ended_branch_of_a_running_turn_has_done() {
    let quick = Stmt::Call(write(2, &["i"], Key::Plain));
    let mut slow = write(3, &["i"], Key::Plain);
    slow.retry = Retry::Times(2);
    let inner = Stmt::Parallel { branches: vec![quick, Stmt::Call(slow)], handlers: Vec::new() };
    let turns = Stmt::ParallelEach {
        name: "l".to_owned(),
        var: "i".to_owned(),
        list: vec![1],
        max: 1,
        settle: true,
        body: vec![inner],
        give: sagaflow_sweep::program::Expr::Lit(0),
    };
    let branches = vec![Stmt::Call(pivot(1)), turns];
    let body = vec![Stmt::Parallel { branches, handlers: Vec::new() }];
    let subject = of(body).expect("it is accepted");
    // The pivot ends while one branch of the turn has ended and the other one pauses.
    let id = CallId { action: "a3".to_owned(), at: "1".to_owned() };
    let strikes = vec![Strike { id, once: false, attempts: 2, plan: Plan::Refused }];
    let mut undone = 0;
    for latency in 0..8 {
        let script = Script { strikes: strikes.clone(), latency, ..Script::default() };
        let ledger = play(&subject, &script, None).unwrap_or_else(|why| panic!("{why}"));
        undone += ledger.sent.iter().filter(|sent| sent.id.action == "u2").count();
    }
    assert_eq!(undone, 8);
}

/// A4: a question that is answered behind the failure of a sibling decides nothing but what happened.
#[test]
fn a_turn_whose_probe_answers_behind_a_stop_is_undone_with_its_siblings() {
    let asked = Call { probe: Some("p3".to_owned()), ..write(3, &["i"], Key::None) };
    let body = vec![Stmt::Call(write(2, &["i"], Key::Plain)), Stmt::Call(asked)];
    let first = Stmt::Call(write(4, &[], Key::Plain));
    let branches = vec![first, Stmt::Call(write(1, &[], Key::Plain)), settled(body)];
    let subject =
        of(vec![Stmt::Parallel { branches, handlers: Vec::new() }]).expect("it is accepted");
    let strike = |action: &str, at: &str, plan| {
        let id = CallId { action: action.to_owned(), at: at.to_owned() };
        Strike { id, once: false, attempts: 1, plan }
    };
    let strikes =
        vec![strike("a1", "-", Plan::Fail("Bad1".to_owned())), strike("a3", "1", Plan::Lost)];
    let mut behind = 0;
    for latency in 0..16 {
        let script = Script { strikes: strikes.clone(), latency, ..Script::default() };
        let ledger = play(&subject, &script, None).unwrap_or_else(|why| panic!("{why}"));
        let answered = |action: &str| {
            let mut sent = ledger.sent.iter().filter(|sent| sent.id.action == action);
            sent.find_map(|sent| sent.answered.as_ref()).map(|(pos, _)| *pos)
        };
        behind += usize::from(answered("p3") > answered("a1"));
    }
    assert!(behind > 0, "the probe answers first whatever the latency");
}

/// A6: of two steps that a crash leaves unknown, one fails and the other goes on to its fallback.
#[test]
fn a_fallback_may_begin_in_the_recovery_in_which_a_sibling_fails() {
    let once = |id| Call { retry: Retry::Times(1), ..write(id, &[], Key::None) };
    let fallback = Some(Box::new(write(2, &[], Key::Plain)));
    let first = Stmt::Call(Call { fallback, ..once(1) });
    let branches = vec![first, Stmt::Call(once(3))];
    let subject =
        of(vec![Stmt::Parallel { branches, handlers: Vec::new() }]).expect("it is accepted");
    let mut begun = 0;
    for script in crashes(4) {
        let ledger = play(&subject, &script, None).unwrap_or_else(|why| panic!("{why}"));
        let fallback = ledger.sent.iter().any(|sent| sent.id.action == "a2");
        begun += usize::from(fallback && ledger.error == "unknown");
    }
    assert!(begun > 0, "no recovery begins a fallback and fails");
}

/// C2: a turn that a crash fails behind its sibling is stopped, and undone with it.
#[test]
fn a_turn_that_a_crash_leaves_unknown_is_undone_with_a_sibling_that_fails_before_it() {
    let once = |id, at: &[&str]| Call { retry: Retry::Times(1), ..write(id, at, Key::None) };
    let body = vec![Stmt::Call(write(2, &["i"], Key::Plain)), Stmt::Call(once(3, &["i"]))];
    let branches = vec![Stmt::Call(once(1, &[])), settled(body)];
    let subject =
        of(vec![Stmt::Parallel { branches, handlers: Vec::new() }]).expect("it is accepted");
    let mut undone = 0;
    for latency in 0..8 {
        for script in crashes(5) {
            let script = Script { latency, ..script };
            let ledger = play(&subject, &script, None).unwrap_or_else(|why| panic!("{why}"));
            let undo = |action: &str| ledger.sent.iter().find(|sent| sent.id.action == action);
            undone += usize::from(undo("u1").is_some() && undo("u3").is_some());
        }
    }
    assert!(undone > 0, "no crash leaves both unknown");
}

/// C6: what a stopped branch did not come to is first called when its scope runs again.
#[test]
fn a_turn_that_was_stopped_is_made_when_the_scope_runs_again() {
    let each = Stmt::Each {
        name: "l".to_owned(),
        var: "i".to_owned(),
        list: vec![1, 2, 3],
        settle: false,
        body: vec![Stmt::Call(Call { errors: Vec::new(), ..write(1, &["i"], Key::Plain) })],
        give: sagaflow_sweep::program::Expr::Lit(0),
    };
    let (errors, retry) = (Vec::new(), Retry::Times(1));
    let once = Stmt::Call(Call { errors, retry, ..write(2, &[], Key::Plain) });
    let branches = vec![each, once];
    let scope = Stmt::Scope {
        name: "c".to_owned(),
        fails: Vec::new(),
        body: vec![Stmt::Parallel { branches, handlers: Vec::new() }],
        retry: 2,
        interrupt: None,
        fallback: None,
        handlers: vec![Handler { on: Pattern::Any, then: Remedy::Fail("Gone1".to_owned()) }],
    };
    let subject = of(vec![scope]).expect("it is accepted");
    let id = CallId { action: "a2".to_owned(), at: "-".to_owned() };
    let strikes = vec![Strike { id, once: true, attempts: 1, plan: Plan::Refused }];
    let mut stopped = 0;
    for latency in 0..16 {
        let script = Script { strikes: strikes.clone(), latency, ..Script::default() };
        let ledger = play(&subject, &script, None).unwrap_or_else(|why| panic!("{why}"));
        let last = |sent: &&Sent| sent.id.action == "a1" && sent.id.at == "3";
        stopped += usize::from(ledger.sent.iter().filter(last).count() == 1);
    }
    assert!(stopped > 0, "no turn is stopped whatever the latency");
}

/// One turn that settles by itself.
fn settled(body: Vec<Stmt>) -> Stmt {
    Stmt::ParallelEach {
        name: "l".to_owned(),
        var: "i".to_owned(),
        list: vec![1],
        max: 1,
        settle: true,
        body,
        give: sagaflow_sweep::program::Expr::Lit(0),
    }
}

/// Crashes before and after each of the first commits, and recoveries that die too.
fn crashes(most: u64) -> Vec<Script> {
    let mut scripts = Vec::new();
    for commit in 1..=most {
        for before in [true, false] {
            for again_before in [None, Some(true), Some(false)] {
                let crash = Some(Crash { commit, before });
                scripts.push(Script { crash, again_before, ..Script::default() });
            }
        }
    }
    scripts
}
