//! Mutants of the emitter: generated Rust that is wrong in one place (see `build.rs`) must be told from
//! the interpreter by its traces alone; what is not changed must not.

use sagaflow::codegen::Machine;
use sagaflow_differential::{compare, fir};
use sagaflow_interp::Interpreter;
use std::sync::Arc;

type Made = Arc<dyn Machine>;

include!(concat!(env!("OUT_DIR"), "/emitted.rs"));

/// Traces within which a mutant must be found.
const TRACES: u64 = 400;

/// The first difference between a machine and the interpreter of the same workflow, with its seed.
fn found(machine: &dyn Machine) -> Option<(u64, String)> {
    let name = &machine.spec().name;
    let interp = Interpreter::new(fir("flows/mutants"), name).expect("it is interpreted too");
    (0..TRACES).find_map(|seed| Some((seed, compare(machine, &interp, seed).err()?)))
}

#[test]
fn every_mutant_of_the_emitter_is_told_apart_and_what_it_was_is_not() {
    assert_eq!(STALE, &[] as &[&str], "the emitter makes other code: `build.rs` must follow");
    let mut unseen = Vec::new();
    let mutants = mutants();
    for (name, mutant, right) in &mutants {
        match found(mutant.as_ref()) {
            Some((seed, _)) => println!("{name}: trace {seed}"),
            None => unseen.push(name),
        }
        assert_eq!(found(right.as_ref()), None, "what {name} was");
    }
    assert!(unseen.is_empty(), "nobody noticed: {unseen:?}");
    assert!(mutants.len() > 20, "there are only {}", mutants.len());
}
