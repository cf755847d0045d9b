//! The analysis and the enumeration check each other: what is accepted leaves no mess (the sweep says
//! so); what one edit makes wrong is rejected where the edit is, and with the checks off a run that
//! fails where the finding says leaves the mess. Against two of the mistakes the runtime does something
//! by itself; that is off then, too (see [`Edited::unguarded`]).

use sagaflow_compiler::{analyze, load::load_text};
use sagaflow_interp::Interpreter;
use sagaflow_sweep::edit::{EDITS, Edited};
use sagaflow_sweep::print::{MODULE, WORKFLOW};
use sagaflow_sweep::subject::{Subject, of_machine};
use sagaflow_sweep::sweep::{Shown, messes};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Bound: programs that are edited.
const PROGRAMS: u64 = 200;

/// Rejected as expected: the program with the checks off, and the actions on the finding's path.
fn rejected(edited: &Edited) -> Result<(Subject, BTreeSet<String>), String> {
    let loaded = load_text("m.flow", MODULE, &edited.text);
    let analysis = analyze(&loaded);
    let finding = edited.finding(&analysis)?;
    let witness = edited.witness(finding);
    let fir = analysis.lower_unchecked(&loaded.sources);
    let machine = Interpreter::new(Arc::new(fir), WORKFLOW).map_err(|error| error.to_string())?;
    let machine = edited.unguarded(Arc::new(machine));
    let subject = of_machine(edited.program.clone(), edited.text.clone(), machine);
    Ok((subject, witness))
}

#[test]
fn a_wrong_edit_is_rejected_where_it_was_made_and_would_leave_a_mess() {
    for edit in EDITS {
        let (mut tried, mut shown, mut missed, mut dead) = (0, 0, Vec::new(), 0);
        let mut last = String::new();
        for seed in 1..=PROGRAMS {
            let Some(edited) = edit.apply(seed) else { continue };
            let (subject, witness) = match rejected(&edited) {
                Ok(rejected) => rejected,
                Err(why) => panic!("{edit:?} of seed {seed}: {why}\n{}", edited.text),
            };
            tried += 1;
            match messes(&subject, &witness) {
                Shown::Mess(mess) => {
                    shown += 1;
                    last = mess;
                }
                Shown::NeverCalled => dead += 1,
                Shown::Nothing => missed.push((seed, witness)),
            }
        }
        println!("{edit:?}: {tried} rejected, the mess of {shown} shown, {dead} never get there");
        println!("  {last}");
        assert!(tried >= 2, "{edit:?} found only {tried} programs");
        assert!(missed.is_empty(), "{edit:?} leaves no mess in {missed:?}");
        assert!(shown > dead, "{edit:?} is mostly dead: {shown}, {dead}");
    }
}
