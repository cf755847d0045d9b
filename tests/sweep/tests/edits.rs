//! The analysis and the enumeration check each other: what is accepted leaves no mess (the sweep says
//! so); what one edit makes wrong is rejected where the edit is, and with the checks off a run that
//! fails where the finding says leaves the mess.

use sagaflow_compiler::{analyze, load::load_text};
use sagaflow_interp::Interpreter;
use sagaflow_sweep::edit::{EDITS, Edit, Edited};
use sagaflow_sweep::print::{MODULE, WORKFLOW};
use sagaflow_sweep::subject::{Subject, of_machine};
use sagaflow_sweep::sweep::messes;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Rejected as expected: the program with the checks off, and the actions on the finding's path.
fn rejected(edited: &Edited) -> Result<(Subject, BTreeSet<String>), String> {
    let loaded = load_text("m.flow", MODULE, &edited.text);
    let analysis = analyze(&loaded);
    let finding = edited.finding(&analysis)?;
    let witness = edited.witness(finding);
    let fir = analysis.lower_unchecked(&loaded.sources);
    let machine = Interpreter::new(Arc::new(fir), WORKFLOW).map_err(|error| error.to_string())?;
    let subject = of_machine(edited.program.clone(), edited.text.clone(), Arc::new(machine));
    Ok((subject, witness))
}

#[test]
fn a_wrong_edit_is_rejected_where_it_was_made_and_would_leave_a_mess() {
    for edit in EDITS {
        let (mut tried, mut shown, mut missed) = (0, 0, Vec::new());
        for seed in 0..200 {
            let Some(edited) = edit.apply(seed) else { continue };
            let (subject, witness) = match rejected(&edited) {
                Ok(rejected) => rejected,
                Err(why) => panic!("{edit:?} of seed {seed}: {why}\n{}", edited.text),
            };
            tried += 1;
            if !edit.leaves_a_mess() {
                continue;
            }
            match messes(&subject, &witness) {
                Some(_) => shown += 1,
                None => missed.push((seed, witness)),
            }
        }
        println!("{edit:?}: {tried} programs rejected, the mess of {shown} shown, missed {missed:?}");
    }
    let _ = Edit::DropUndo;
}
