//! Makes a failing seed smaller: leaves out faults, one kind at a time and then one strike at a time,
//! and keeps out what the failure does not need.

use crate::dice::{Fault, Strike, Without};
use crate::fleet::Fleet;
use crate::world::{Setup, simulate};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Bound: simulations of one seed while it is made smaller.
const TRIES_MAX: usize = 300;

/// What a failing seed still fails without, and the strikes that are left.
#[must_use]
pub fn shrink(fleet: &Arc<Fleet>, setup: &Setup) -> (Setup, Vec<Strike>) {
    let mut best = Setup { story: false, ..setup.clone() };
    let mut left = simulate(fleet, &best).struck;
    let mut tries = 0;
    let mut fails = |without: Without, left: &mut Vec<Strike>, best: &mut Setup| {
        tries += 1;
        let setup = Setup { without, ..best.clone() };
        let report = simulate(fleet, &setup);
        if tries > TRIES_MAX || report.wrong.is_none() {
            return false;
        }
        *left = report.struck;
        *best = setup;
        true
    };
    let kinds: BTreeSet<Fault> = left.iter().map(|(fault, _)| *fault).collect();
    for fault in kinds {
        let mut without = best.without.clone();
        without.faults.insert(fault);
        fails(without, &mut left, &mut best);
    }
    let mut at = left.len();
    while at > 0 {
        at = (at - 1).min(left.len().saturating_sub(1));
        let Some(strike) = left.get(at).copied() else { break };
        let mut without = best.without.clone();
        without.strikes.insert(strike);
        fails(without, &mut left, &mut best);
    }
    (best, left)
}
