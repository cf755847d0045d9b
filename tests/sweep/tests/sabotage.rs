//! Builds that are wrong in one known way are caught: each by a program made for it, which a right
//! build passes, and by the generated ones.

use sagaflow_core::codegen::{Machine, Op, PointKind};
use sagaflow_core::sabotage::{Sabotage, sabotage};
use sagaflow_sweep::generate::generate;
use sagaflow_sweep::orders::orders;
use sagaflow_sweep::process::Process;
use sagaflow_sweep::sample;
use sagaflow_sweep::subject::{Subject, generated};
use sagaflow_sweep::sweep::{Effort, sweep};
use sagaflow_sweep::twin::{Altered, LateCapture, Retold};
use sagaflow_sweep::world::Twin;
use std::path::Path;
use std::sync::Arc;

const THOROUGH: Effort = Effort { crashes: None, thin: false, runs: 300 };

/// What a generated program is tried with here.
const QUICK: Effort = Effort { crashes: Some(2), thin: true, runs: 60 };

/// Bound: generated programs until one catches it.
const PROGRAMS: u64 = 40;

type Sample = fn() -> Result<Subject, String>;

fn first_line(wrong: Option<String>) -> String {
    wrong.unwrap_or_default().lines().next().unwrap_or_default().to_owned()
}

/// A right build passes the sample; the wrong one does not, and the finding says so.
fn caught(sample: Sample, how: Sabotage, expected: &str) {
    caught_from(1, sample, how, expected);
}

/// The same, with generated programs from this seed on.
fn caught_from(first: u64, sample: Sample, how: Sabotage, expected: &str) {
    let subject = sample().expect("the sample is accepted");
    let right = sweep(&subject, 1, THOROUGH, None);
    assert_eq!(right.wrong, None, "{}", right.wrong.as_deref().unwrap_or_default());
    let sabotaged = sabotage(how);
    let wrong = sweep(&subject, 1, THOROUGH, None);
    let line = first_line(wrong.wrong);
    println!("{how:?}, run {} of its sample: {line}", wrong.runs);
    assert!(line.contains(expected), "{how:?} in {} runs: `{line}`", wrong.runs);
    let found = (first..first + PROGRAMS).find_map(|seed| {
        let subject = generated(generate(seed)).expect("it is accepted");
        Some((seed, sweep(&subject, seed, QUICK, None).wrong?))
    });
    drop(sabotaged);
    let (seed, why) = found.expect("a generated program catches it");
    println!("{how:?}, program {seed}: {}", first_line(Some(why)));
    // The same program is clean on a right build.
    let subject = generated(generate(seed)).expect("it is accepted");
    assert_eq!(sweep(&subject, seed, QUICK, None).wrong, None);
}

#[test]
fn an_undo_that_is_armed_after_its_call_is_caught() {
    caught(sample::looped, Sabotage::UndoArmedLate, "undo u2 (time 1) is missing");
}

#[test]
fn a_refusal_that_disarms_what_is_unresolved_is_caught() {
    caught(sample::looped, Sabotage::RefusalDisarms, "undo u1[1] (time 1) is missing");
}

#[test]
fn a_refusal_that_answers_a_question_is_caught() {
    caught(sample::asked, Sabotage::RefusalDropsAsk, "do a1 makes 4 attempts, not 5");
}

#[test]
fn a_commit_that_drops_the_undo_of_a_running_settled_turn_is_caught() {
    // Few programs have such turns beside the pivot: the first of them is the 27th.
    caught_from(
        20,
        sample::settling,
        Sabotage::CommitDropsSettled,
        "undo u2[1] (time 1) is missing",
    );
}

#[test]
fn a_cancel_that_unwinds_a_pivot_whose_answer_was_lost_is_caught() {
    caught(sample::committing, Sabotage::CancelUnwindsPivot, "it is cancelled, not completed");
}

#[test]
fn an_undo_in_the_order_of_the_clock_is_caught() {
    caught(sample::branching, Sabotage::UndoInClockOrder, "are undone one after the other");
}

#[test]
fn a_sibling_that_runs_while_its_branches_are_undone_is_caught() {
    caught(sample::branching, Sabotage::SiblingRunsOn, "before ((do a1), (do a2");
}

#[test]
fn a_key_that_changes_after_a_restart_is_caught() {
    caught(sample::looped, Sabotage::KeyChanges, "do a1[1] (attempt 1) at 5 is not called for");
}

#[test]
fn attempts_that_a_crash_counts_anew_are_caught() {
    caught(sample::looped, Sabotage::AttemptsBeginAgain, "makes attempt 1 after 2");
}

#[test]
fn a_recovery_that_sends_before_it_commits_is_caught() {
    caught(
        sample::unrepeatable,
        Sabotage::RecoverySpeaksFirst,
        "a2 was applied twice under one key",
    );
}

/// The same from the file of a ledger that is a process of its own.
#[test]
fn a_wrong_build_is_caught_by_what_the_ledgers_file_says() {
    let folder = tempfile::tempdir().expect("a folder");
    let program = Path::new(env!("CARGO_BIN_EXE_sweep-ledger"));
    let process = Process::start(program, &folder.path().join("ledger"));
    let mut subject = orders(false).expect("the order flow compiles");
    subject.site.process = Some(Arc::new(process.expect("the ledger starts")));
    let sabotaged = sabotage(Sabotage::UndoArmedLate);
    let effort = Effort { crashes: Some(2), thin: true, runs: 60 };
    let line = first_line(sweep(&subject, 1, effort, None).wrong);
    drop(sabotaged);
    assert!(line.contains("is missing"), "{line}");
}

/// Wrong from outside: around a right core.
#[test]
fn an_undo_that_sees_the_values_of_another_turn_is_caught() {
    let mut subject = sample::looped().expect("it is accepted");
    let right = sweep(&subject, 1, THOROUGH, None);
    assert_eq!(right.wrong, None, "{}", right.wrong.as_deref().unwrap_or_default());
    subject.machine = Arc::new(LateCapture::new(subject.machine.clone()));
    let line = first_line(sweep(&subject, 1, THOROUGH, None).wrong);
    assert!(line.contains("undo u1"), "{line}");
}

/// Wrong from outside, around a right core: a sample that a right build passes.
fn caught_around(sample: Sample, wrong: fn(Arc<dyn Machine>) -> Arc<dyn Machine>, expected: &str) {
    let mut subject = sample().expect("it is accepted");
    let right = sweep(&subject, 1, THOROUGH, None);
    assert_eq!(right.wrong, None, "{}", right.wrong.as_deref().unwrap_or_default());
    subject.machine = wrong(subject.machine.clone());
    let line = first_line(sweep(&subject, 1, THOROUGH, None).wrong);
    assert!(line.contains(expected), "{line}");
}

#[test]
fn a_deadline_that_does_not_strike_is_caught() {
    let deaf = |machine| -> Arc<dyn Machine> {
        Arc::new(Retold::new(machine, |spec| spec.deadline_ms = None))
    };
    caught_around(sample::hurried, deaf, "a2 begins at 8, after the deadline");
}

#[test]
fn a_deadline_that_strikes_too_early_is_caught() {
    let hasty = |machine| -> Arc<dyn Machine> {
        Arc::new(Retold::new(machine, |spec| spec.deadline_ms = Some(10_000)))
    };
    caught_around(sample::hurried, hasty, "it ended with its deadline before that had passed");
}

#[test]
fn a_step_that_goes_on_after_its_deadline_is_caught() {
    let deaf = |machine| -> Arc<dyn Machine> {
        Arc::new(Retold::new(machine, |spec| {
            for point in spec.points.values_mut() {
                if let PointKind::Call(call) = &mut point.kind {
                    call.deadline_ms = None;
                }
            }
        }))
    };
    caught_around(sample::limited, deaf, "undo u1 (time 1) is missing");
}

#[test]
fn an_answer_that_is_not_told_is_caught() {
    let mute = |machine| -> Arc<dyn Machine> {
        Arc::new(Altered::new(machine, |answer| {
            answer.ops.retain(|op| !matches!(op, Op::Reply(_)));
        }))
    };
    caught_around(sample::answering, mute, "whoever waits is told 0, not 42");
}

/// Wrong from outside: the driver lets effects leave before their batch is committed.
#[test]
fn effects_that_leave_before_their_commit_are_caught() {
    let subject = sample::looped().expect("it is accepted");
    let tally = sweep(&subject, 1, THOROUGH, Some(Twin::SpeaksFirst));
    let line = first_line(tally.wrong);
    assert!(line.contains("a step that is due was never called"), "{line}");
}

/// What is wrong on purpose is in no program that is shipped.
#[test]
fn no_other_package_asks_for_wrong_builds_or_for_checks_that_are_off() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let text = |path: &Path| std::fs::read_to_string(path).expect("a manifest");
    let workspace = text(&root.join("Cargo.toml"));
    let members = workspace.split_once("members = [").and_then(|(_, rest)| rest.split_once(']'));
    let members = members.map(|(members, _)| members).expect("the workspace has members");
    let mut asked = Vec::new();
    for member in members.split(',').map(|member| member.trim().trim_matches('"')) {
        if member.is_empty() {
            continue;
        }
        let manifest = text(&root.join(member).join("Cargo.toml"));
        let shipped = manifest.split("[dev-dependencies]").next().unwrap_or_default();
        let judges = ["tests/sweep", "tests/simulator"];
        let part = if judges.contains(&member) { shipped } else { &manifest };
        if part.contains("\"sabotage\"") || part.contains("\"unchecked\"") {
            asked.push(member.to_owned());
        }
    }
    assert_eq!(asked, Vec::<String>::new());
    assert!(!workspace.contains("sabotage") && !workspace.contains("unchecked"));
}
