//! What must be true of an order once everything has calmed down, from what the world saw alone.

use crate::world::{Fate, Seen};
use std::collections::{BTreeMap, BTreeSet};

/// Attempts that a step before the pivot has.
const ATTEMPTS_MAX: u32 = 12;

/// What an order's run must end as.
pub fn status(fate: Fate) -> &'static str {
    match fate {
        Fate::Good => "completed",
        Fate::OutOfStock | Fate::Declined | Fate::NoCarrier => "failed",
    }
}

/// Effects that must have been made, each once, and no other.
fn effects(fate: Fate) -> BTreeSet<&'static str> {
    let all: &[&str] = match fate {
        Fate::Good => &[
            "Stock.reserve",
            "Bank.authorize",
            "Carrier.book",
            "Bank.capture",
            "Carrier.dispatch",
            "Mail.receipt",
        ],
        Fate::OutOfStock => &["Mail.apology"],
        Fate::Declined => &["Stock.reserve", "Stock.release", "Mail.apology"],
        Fate::NoCarrier => {
            &["Stock.reserve", "Bank.authorize", "Bank.void", "Stock.release", "Mail.apology"]
        }
    };
    all.iter().copied().collect()
}

/// The forward action of an undo.
fn forward(undo: &str) -> Option<&'static str> {
    match undo {
        "Stock.release" => Some("Stock.reserve"),
        "Bank.void" => Some("Bank.authorize"),
        "Carrier.cancel" => Some("Carrier.book"),
        _ => None,
    }
}

/// Everything that is wrong with an order, in words.
pub fn order(number: u32, run: &str, seen: &[Seen]) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut say = |what: String| wrong.push(format!("order {number} (run {run}): {what}"));
    let mut keys: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for one in seen.iter().filter(|one| one.action != "Risk.score") {
        keys.entry(&one.action).or_default().insert(&one.key);
        if one.run != run {
            say(format!("another run asked: {one:?}"));
        }
        let forever = ["Bank.capture", "Carrier.dispatch", "Mail.receipt"];
        let undo = forward(&one.action).is_some();
        if one.attempt > ATTEMPTS_MAX && !undo && !forever.contains(&one.action.as_str()) {
            say(format!("more attempts than were allowed: {one:?}"));
        }
    }
    // I9: one place of the program, one key, whoever asks and however often.
    for (action, keys) in keys.iter().filter(|(_, keys)| keys.len() > 1) {
        say(format!("{action} was asked under several keys: {keys:?}"));
    }
    // I3 and I8: what had to happen did, once each, and nothing else.
    let fate = Fate::of(number);
    let mut applied: Vec<&str> =
        seen.iter().filter(|one| one.applied).map(|one| one.action.as_str()).collect();
    applied.retain(|action| *action != "Risk.score");
    let set: BTreeSet<&str> = applied.iter().copied().collect();
    if set != effects(fate) || set.len() != applied.len() {
        say(format!("{fate:?} made {applied:?}"));
    }
    // I10 and I12: only what may have happened is undone, under its own name.
    for undo in seen.iter().filter(|one| forward(&one.action).is_some()) {
        let known = forward(&undo.action).and_then(|action| keys.get(action));
        if !known.is_some_and(|keys| undo.undoes.as_deref().is_some_and(|key| keys.contains(key))) {
            say(format!("it undoes what was not asked: {undo:?}"));
        }
        if !effects(fate).contains(undo.action.as_str()) {
            say(format!("nothing of this had to be undone: {undo:?}"));
        }
    }
    // I11: the last one first.
    let first = |action: &str| seen.iter().position(|one| one.action == action);
    let made = |action: &str| seen.iter().position(|one| one.action == action && one.applied);
    if let (Some(void), Some(release)) = (made("Bank.void"), first("Stock.release"))
        && release < void
    {
        say("what was done first was undone first".to_owned());
    }
    wrong
}
