//! Every interleaving of the protocol, and of each of its broken twins.

use sagaflow_model::Protocol;
use stateright::{Checker, HasDiscoveries, Model};
use std::time::Instant;

const WHOLE: Protocol = Protocol::WHOLE;

const FENCED: &str = "no owner writes when its epoch is over";
const LEGAL: &str = "every record follows from those before it";
const ANNOUNCED: &str = "nothing leaves that no record announces";
const FENCE_FIRST: &str = "nothing leaves before the fence record";
const ONCE: &str = "nothing is applied twice";
const ALL: &str = "everything or nothing";

/// Checks everything, and says which of these properties are broken.
fn broken(what: &str, protocol: Protocol) -> Vec<&'static str> {
    let begun = Instant::now();
    let checker = protocol.checker().threads(2).spawn_bfs().join();
    println!("{what}: {} states in {:?}", checker.unique_state_count(), begun.elapsed());
    for sometimes in ["it completes behind a takeover", "it fails behind a takeover"] {
        assert!(checker.discovery(sometimes).is_some(), "{what}: never happens that {sometimes}");
    }
    let all = [FENCED, LEGAL, ANNOUNCED, FENCE_FIRST, ONCE, ALL];
    all.into_iter().filter(|name| checker.discovery(name).is_some()).collect()
}

fn holds(what: &str, protocol: Protocol) {
    assert_eq!(broken(what, protocol), Vec::<&str>::new(), "{what}");
}

/// Without a rule this property is broken: the shortest way there is found.
fn breaks(what: &str, protocol: Protocol, property: &'static str) {
    let begun = Instant::now();
    let until = HasDiscoveries::AnyOf([property].into());
    let checker = protocol.checker().threads(2).finish_when(until).spawn_bfs().join();
    println!("{what}: {} states in {:?}", checker.unique_state_count(), begun.elapsed());
    let path = checker.discovery(property);
    let path = path.unwrap_or_else(|| panic!("{what}: it stays true that {property}"));
    println!("{what}: {:?}", path.into_actions());
}

#[test]
fn the_whole_protocol_keeps_all_its_promises() {
    holds("whole", WHOLE);
}

#[test]
fn a_batch_that_is_not_compared_by_epoch_is_written_by_who_owns_nothing() {
    breaks("no epoch", Protocol { compares_epoch: false, ..WHOLE }, FENCED);
}

#[test]
fn a_store_that_compares_nothing_holds_a_journal_that_makes_no_sense() {
    let nothing = Protocol { compares_epoch: false, compares_position: false, ..WHOLE };
    breaks("nothing compared", nothing, LEGAL);
}

#[test]
fn a_lost_tail_is_noticed_by_the_position_alone() {
    let lossy = Protocol { fails_over: true, epochs: 2, ..WHOLE };
    let found = broken("failover", lossy);
    assert!(!found.contains(&LEGAL) && !found.contains(&FENCED), "{found:?}");
    let blind = Protocol { compares_position: false, ..lossy };
    breaks("failover, no position", blind, LEGAL);
}

#[test]
fn a_tail_that_is_read_in_the_acquiring_statement_misses_what_was_committed() {
    breaks("tail in one statement", Protocol { reads_behind: false, ..WHOLE }, LEGAL);
}

#[test]
fn effects_that_leave_before_the_fence_record_are_noticed() {
    breaks("no fence first", Protocol { fences_first: false, ..WHOLE }, FENCE_FIRST);
}

#[test]
fn effects_that_leave_before_their_record_are_half_of_something() {
    let speaks = Protocol { commits_first: false, ..WHOLE };
    breaks("speaks first", speaks, ANNOUNCED);
    breaks("speaks first", speaks, ALL);
}

/// A keyed service needs no lease to be right: the lease only keeps two owners from doing one work.
#[test]
fn keyed_services_stay_right_when_a_lease_is_stolen() {
    holds("stolen", Protocol { waits: false, ..WHOLE });
    holds("stolen, no gate", Protocol { waits: false, gated: false, ..WHOLE });
}

/// One that is not keyed is right while nobody takes a lease that lasts, and nobody calls under one
/// that does not.
#[test]
fn services_without_keys_need_the_lease_and_the_gate() {
    let plain = Protocol { keyed: false, ..WHOLE };
    holds("not keyed", plain);
    breaks("not keyed, stolen", Protocol { waits: false, ..plain }, ALL);
    breaks("not keyed, no gate", Protocol { gated: false, ..plain }, ALL);
}
