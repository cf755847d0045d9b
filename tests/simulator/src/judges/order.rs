//! The order of undos: the mirror of the program.
//!
//! Left out is what runs beside the rest (undos of steps that were left with their outcome unknown),
//! and programs in which an interrupt decides what a scope keeps.

use super::{Case, Wrong};
use crate::history::{Called, Story};
use crate::structure::{Kind, Relation, Site};
use sagaflow_sweep::ledger::Purpose;
use sagaflow_sweep::program::{Class, Undo};
use sagaflow_sweep::script::Said;
use std::collections::BTreeMap;

pub(super) fn leaves(case: &Case<'_>, called: &Called) -> Wrong {
    if case.version.structure.keeps || called.read {
        return Ok(());
    }
    match called.purpose {
        Purpose::Undo => mirrored(case, called),
        Purpose::Do => still(case, called),
        Purpose::Probe => Ok(()),
    }
}

/// A forward key with its call, and the site of both.
struct Forward<'a> {
    key: &'a str,
    first: &'a Called,
    site: &'a Site,
}

impl<'a> Forward<'a> {
    fn of(case: &Case<'a>, key: &'a str) -> Option<Self> {
        let (version, story) = (case.version, case.story);
        let first = story.under(key).next()?;
        let site = version.structure.site(&first.id.action)?;
        Some(Self { key, first, site })
    }

    fn relation(&self, other: &Self) -> Relation {
        self.site.relation(&self.first.indexes, other.site, &other.first.indexes)
    }
}

/// When it was known that a call had succeeded.
fn succeeded(story: &Story, key: &str) -> Option<u64> {
    let ok = |call: &Called| match &call.heard {
        Some((at, Said::Ok)) => Some(*at),
        _ => None,
    };
    story.under(key).find_map(ok)
}

/// When an undo began.
fn begun(story: &Story, key: &str) -> Option<u64> {
    story.undos(key).next().map(|undo| undo.left)
}

/// When all of an undo was known to be done.
fn done(story: &Story, site: &Site, key: &str) -> Option<u64> {
    let ok = |action: &String| {
        let mut all = story.undos(key).filter(|undo| undo.id.action == *action);
        all.find_map(|undo| match &undo.heard {
            Some((at, Said::Ok)) => Some(*at),
            _ => None,
        })
    };
    let all: Option<Vec<u64>> = site.call.undoes.iter().map(ok).collect();
    all?.into_iter().max()
}

/// I11: what was done first is undone last.
fn mirrored(case: &Case<'_>, called: &Called) -> Wrong {
    let story = case.story;
    let later = called.undoes.as_deref().and_then(|key| Forward::of(case, key));
    let Some(later) = later.filter(|later| !later.site.due) else { return Ok(()) };
    for key in story.forward_keys() {
        let Some(earlier) = Forward::of(case, key) else { continue };
        let before = succeeded(story, key).is_some_and(|at| at <= later.first.left);
        let begun = begun(story, key).filter(|at| *at > later.first.left);
        if key != later.key
            && before
            && begun.is_some()
            && !earlier.site.due
            && earlier.relation(&later) == Relation::Sequence
        {
            return Err(format!(
                "{} is undone at {begun:?}, before {}, which came behind it",
                earlier.first.id, later.first.id
            ));
        }
    }
    Ok(())
}

/// C2: no branch begins anything while its siblings are undone.
fn still(case: &Case<'_>, called: &Called) -> Wrong {
    let story = case.story;
    let Some(site) = case.version.structure.site(&called.id.action) else { return Ok(()) };
    if story.under(&called.key).next().is_some() {
        return Ok(());
    }
    for key in story.forward_keys() {
        let Some(other) = Forward::of(case, key) else { continue };
        let Relation::Concurrent(fork) =
            site.relation(&called.indexes, other.site, &other.first.indexes)
        else {
            continue;
        };
        let settles = site.way.get(fork).is_some_and(|link| match link.kind {
            Kind::Turn { settle, .. } => settle,
            _ => false,
        });
        if settles || other.site.due || other.site.in_unit(fork) {
            continue;
        }
        if begun(story, key).is_some() && done(story, other.site, key).is_none() {
            return Err(format!(
                "{} begins while {}, which stands beside it, is undone",
                called.id, other.first.id
            ));
        }
    }
    Ok(())
}

/// A statement, and the indexes of the turns around it.
type Fork = (usize, Vec<u32>);

/// C3: what branches did is undone side by side, each in the mirror of its own.
pub(super) fn side_by_side(case: &Case<'_>) -> Wrong {
    let story = case.story;
    if case.version.structure.keeps || story.operated {
        return Ok(());
    }
    // First undo and first success of an undo, by fork (with the turns around it) and branch.
    let mut forks: BTreeMap<Fork, BTreeMap<usize, (u64, u64)>> = BTreeMap::new();
    let mut left_out = Vec::new();
    for key in story.forward_keys() {
        let Some(one) = Forward::of(case, key) else { continue };
        let Some(from) = begun(story, key) else { continue };
        let to = done(story, one.site, key).unwrap_or(u64::MAX);
        let mut turns = 0;
        for (depth, link) in one.site.way.iter().enumerate() {
            if let Kind::Branch { .. } = link.kind {
                let fork = (link.node, one.first.indexes.iter().take(turns).copied().collect());
                let simple = !one.site.due && !one.site.in_unit(depth);
                // An open question comes before the undo that needs its answer.
                if simple && one.site.call.undo != Undo::Result {
                    let branch = forks.entry(fork).or_default().entry(link.part);
                    let span = branch.or_insert((from, to));
                    *span = (span.0.min(from), span.1.min(to));
                } else {
                    left_out.push(fork);
                }
            }
            turns += usize::from(matches!(link.kind, Kind::Turn { .. }));
        }
    }
    for (fork, branches) in forks {
        if left_out.contains(&fork) {
            continue;
        }
        let last = branches.values().map(|(from, _)| *from).max();
        let first = branches.values().map(|(_, to)| *to).min();
        if branches.len() > 1 && last > first {
            return Err(format!("branches are undone one after the other: {branches:?}"));
        }
    }
    Ok(())
}

/// P1, C5: a turn that settles by itself and fails leaves nothing, whatever the run does.
pub(super) fn settled(case: &Case<'_>) -> Wrong {
    let story = case.story;
    let mut failed: Vec<Fork> = Vec::new();
    for call in &story.calls {
        let Some(site) = case.version.structure.site(&call.id.action) else { continue };
        if call.purpose != Purpose::Do || !site.bare || site.call.class == Class::Pivot {
            continue;
        }
        let mut of_path = story.calls.iter().filter(|other| other.path == call.path);
        let well = of_path.any(|other| matches!(other.told, Some(Said::Ok)));
        if !well && let Some(turn) = turn_of(site, &call.indexes) {
            failed.push(turn);
        }
    }
    for key in story.forward_keys() {
        let Some(one) = Forward::of(case, key) else { continue };
        let turns = turns_of(one.site, &one.first.indexes);
        if !one.site.open && story.stands(key) && turns.iter().any(|turn| failed.contains(turn)) {
            return Err(format!("{} stands in a turn that has failed", one.first.id));
        }
    }
    Ok(())
}

/// The settled turns around a call: loop, and indexes down to it.
fn turns_of(site: &Site, indexes: &[u32]) -> Vec<Fork> {
    let mut turns = Vec::new();
    let mut found = Vec::new();
    for link in &site.way {
        if let Kind::Turn { settle, .. } = link.kind {
            turns.extend(indexes.get(turns.len()));
            if settle {
                found.push((link.node, turns.clone()));
            }
        }
    }
    found
}

/// The settled turn that a failure of a call fails: nothing between them takes it in.
fn turn_of(site: &Site, indexes: &[u32]) -> Option<Fork> {
    let depth = site.way.iter().rposition(|link| {
        !matches!(link.kind, Kind::Branch { guarded: false } | Kind::Turn { settle: false, .. })
    })?;
    let settles = matches!(site.way.get(depth)?.kind, Kind::Turn { settle: true, .. });
    turns_of(site, indexes).pop().filter(|_| settles)
}
