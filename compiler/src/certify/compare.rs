//! The difference between two certificates, in words.

use super::sheet::{Certificate, Point, Sheet, Waiver};
use super::write::undone;
use std::collections::BTreeSet;

/// What has changed from `earlier` to `later`, a line each; nothing where they promise the same.
#[must_use]
pub fn compare(earlier: &Certificate, later: &Certificate) -> Vec<String> {
    let mut lines = Vec::new();
    for sheet in &later.workflows {
        match earlier.workflows.iter().find(|old| old.workflow == sheet.workflow) {
            Some(old) => workflow(old, sheet, &mut lines),
            None => lines.push(format!("`{}` is new", sheet.workflow)),
        }
    }
    for old in &earlier.workflows {
        if !later.workflows.iter().any(|sheet| sheet.workflow == old.workflow) {
            lines.push(format!("`{}` is gone", old.workflow));
        }
    }
    lines
}

fn workflow(old: &Sheet, new: &Sheet, lines: &mut Vec<String>) {
    let name = &new.workflow;
    if old.version != new.version {
        lines.push(format!("`{name}`: version {} is now {}", old.version, new.version));
    }
    for point in &new.points {
        match old.points.iter().find(|other| other.at == point.at) {
            Some(before) => ways(name, before, point, lines),
            None => lines.push(format!(
                "`{name}`: new place where it can fail: `{}` at `{}`",
                point.what, point.place
            )),
        }
    }
    for before in &old.points {
        if !new.points.iter().any(|point| point.at == before.at) {
            lines.push(format!("`{name}`: `{}` can fail no more: it is gone", before.what));
        }
    }
    lists(name, "irreversible", &old.irreversible, &new.irreversible, lines);
    lists(name, "decided by a person", &old.decisions, &new.decisions, lines);
    let told = |waiver: &Waiver| format!("{} because {}", waiver.what, waiver.reason);
    let before: Vec<String> = old.waivers.iter().map(told).collect();
    let now: Vec<String> = new.waivers.iter().map(told).collect();
    lists(name, "waived", &before, &now, lines);
}

fn ways(name: &str, old: &Point, new: &Point, lines: &mut Vec<String>) {
    let what = &new.what;
    if old.what != *what {
        lines.push(format!(
            "`{name}`: at `{}`, `{what}` is called instead of `{}`",
            new.at, old.what
        ));
    }
    for way in &new.ways {
        let Some(before) = old.ways.iter().find(|other| other.what == way.what) else {
            lines.push(format!("`{name}`: `{what}` has a new way to fail: {}", way.what));
            continue;
        };
        if before.undone != way.undone {
            let list = |list| match undone(list) {
                none if none.is_empty() => "nothing".to_owned(),
                some => some,
            };
            lines.push(format!(
                "`{name}`: where `{what}` meets {}, undone was {}, and is {}",
                way.what,
                list(&before.undone),
                list(&way.undone)
            ));
        }
        if before.ends != way.ends {
            lines.push(format!(
                "`{name}`: where `{what}` meets {}, the run ended \"{}\", and now \"{}\"",
                way.what, before.ends, way.ends
            ));
        } else if before.undone == way.undone && before.then != way.then {
            lines.push(format!(
                "`{name}`: where `{what}` meets {}: {} (was: {})",
                way.what, way.then, before.then
            ));
        }
    }
    for before in &old.ways {
        if !new.ways.iter().any(|way| way.what == before.what) {
            lines.push(format!("`{name}`: `{what}` no longer meets {}", before.what));
        }
    }
}

fn lists(name: &str, word: &str, old: &[String], new: &[String], lines: &mut Vec<String>) {
    let (old, new): (BTreeSet<_>, BTreeSet<_>) = (old.iter().collect(), new.iter().collect());
    lines.extend(new.difference(&old).map(|each| format!("`{name}`: newly {word}: {each}")));
    lines.extend(old.difference(&new).map(|each| format!("`{name}`: no longer {word}: {each}")));
}
