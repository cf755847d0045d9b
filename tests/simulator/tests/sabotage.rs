//! Builds and drivers that are wrong in one known way are caught, each within a few seeds, and by what
//! the judges are for.

use sagaflow_core::codegen::Machine;
use sagaflow_core::sabotage::{Sabotage, sabotage};
use sagaflow_simulator::fleet::{Fleet, Version};
use sagaflow_simulator::world::{Setup, Twin, simulate};
use sagaflow_sweep::sample;
use sagaflow_sweep::twin::LateCapture;
use std::sync::Arc;

/// Bound: seeds until one catches it.
const SEEDS: u64 = 400;

type Make = fn(u64) -> Fleet;

fn generated(seed: u64) -> Fleet {
    Fleet::generated(seed).expect("it is accepted")
}

/// A pivot beside turns that settle by themselves: few generated programs have both.
fn settling(_: u64) -> Fleet {
    let program = sample::settling().expect("it is accepted").program;
    let version = |number| Version::of(program.clone(), number).expect("it is accepted");
    Fleet { versions: [version(1), version(2)] }
}

/// Every undo of a step sees what its last call saw.
fn forgetful(seed: u64) -> Fleet {
    let mut fleet = generated(seed);
    for version in &mut fleet.versions {
        let inner: Arc<dyn Machine> = version.machine.clone();
        version.machine = Arc::new(LateCapture::new(inner));
    }
    fleet
}

/// The first seed that catches it, and what it says.
fn catches(setup: &Setup, make: Make) -> Option<(u64, String)> {
    (1..=SEEDS).find_map(|seed| {
        let report = simulate(&Arc::new(make(seed)), &Setup { seed, ..setup.clone() });
        let why = report.wrong?;
        Some((seed, why.lines().next().unwrap_or_default().to_owned()))
    })
}

/// Some seed catches it and says so, and the same seed is right without it.
fn caught(what: &str, found: Option<(u64, String)>, make: Make, expected: &str) {
    let (seed, why) = found.unwrap_or_else(|| panic!("{what}: {SEEDS} seeds do not catch it"));
    println!("{what}, seed {seed}: {why}");
    assert!(why.contains(expected), "{what}, seed {seed}: `{why}`");
    let right = simulate(&Arc::new(make(seed)), &Setup { seed, ..Setup::default() });
    assert_eq!(right.wrong, None, "{what}, seed {seed}: a right build is wrong too");
}

fn caught_build(how: Sabotage, make: Make, expected: &str) {
    let sabotaged = sabotage(how);
    let found = catches(&Setup::default(), make);
    drop(sabotaged);
    caught(&format!("{how:?}"), found, make, expected);
}

fn caught_twin(twin: Twin, expected: &str) {
    let setup = Setup { twin: Some(twin), ..Setup::default() };
    caught(&format!("{twin:?}"), catches(&setup, generated), generated, expected);
}

#[test]
fn an_undo_that_is_armed_after_its_call_is_caught() {
    caught_build(Sabotage::UndoArmedLate, generated, "");
}

#[test]
fn a_refusal_that_disarms_what_is_unresolved_is_caught() {
    caught_build(Sabotage::RefusalDisarms, generated, "");
}

#[test]
fn a_refusal_that_answers_a_question_is_caught() {
    caught_build(Sabotage::RefusalDropsAsk, generated, "");
}

#[test]
fn a_commit_that_drops_the_undo_of_a_settled_turn_is_caught() {
    caught_build(Sabotage::CommitDropsSettled, settling, "");
}

#[test]
fn a_cancel_that_unwinds_a_pivot_whose_answer_was_lost_is_caught() {
    caught_build(Sabotage::CancelUnwindsPivot, generated, "");
}

#[test]
fn an_undo_in_the_order_of_the_clock_is_caught() {
    caught_build(Sabotage::UndoInClockOrder, generated, "are undone one after the other");
}

#[test]
fn a_sibling_that_runs_while_its_branches_are_undone_is_caught() {
    caught_build(Sabotage::SiblingRunsOn, generated, "");
}

#[test]
fn a_key_that_changes_after_a_recovery_is_caught() {
    caught_build(
        Sabotage::KeyChanges,
        generated,
        "is made under a new key, although nothing has spent",
    );
}

#[test]
fn attempts_that_a_recovery_counts_anew_are_caught() {
    caught_build(Sabotage::AttemptsBeginAgain, generated, "makes attempt 1 after 2");
}

#[test]
fn a_recovery_that_sends_before_its_fence_is_caught() {
    caught_build(
        Sabotage::RecoverySpeaksFirst,
        generated,
        "leaves before the batch that it stands in",
    );
}

#[test]
fn a_key_that_is_used_again_when_it_is_spent_is_caught() {
    caught_build(Sabotage::KeyWithoutGeneration, generated, "leaves under a key that was undone");
}

#[test]
fn a_run_that_goes_on_with_another_version_is_caught() {
    caught_build(Sabotage::VersionNotPinned, generated, "");
}

#[test]
fn a_store_that_does_not_fence_is_caught() {
    caught_twin(Twin::Unfenced, "was written under epoch");
}

#[test]
fn effects_that_leave_before_their_commit_are_caught() {
    caught_twin(Twin::SpeaksFirst, "");
}

#[test]
fn calls_under_a_lease_that_has_run_out_are_caught() {
    caught_twin(Twin::Gateless, "has the shard");
}

#[test]
fn a_gate_that_opens_again_is_caught() {
    caught_twin(Twin::Reopens, "it does not come to rest");
}

#[test]
fn an_undo_that_reads_the_variables_of_now_is_caught() {
    let found = catches(&Setup::default(), forgetful);
    caught("late capture", found, generated, "");
}
