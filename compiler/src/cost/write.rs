//! Costs in words, for a terminal.

use super::{Amount, Cost, Path};
use crate::words::{duration, plural};

/// Bound: places where time goes that are worth a line.
const SPENT_MAX: usize = 4;

/// What the figures take for granted, said once below them.
const ASSUMED: &str = "\
Counted where every call is answered at its first attempt and nothing that is waited for is there
before the wait begins. A retry, a crash and an undo each add records. Bytes are estimated from types:
a text of 24 bytes, lists of 3, optionals present. Times are at worst: every attempt, every wait.
";

/// The page of several workflows.
#[must_use]
pub fn text(costs: &[Cost]) -> String {
    let mut out = String::new();
    for cost in costs {
        out.push_str(&format!("{} v{}  {}\n", cost.workflow, cost.version, cost.place));
        let ways = match (cost.paths.len() as u64, cost.failing as u64) {
            (n, 0) => format!("{} to complete", plural(n, "way")),
            (n, 1) => format!("{} to complete; 1 more ends in `fail`", plural(n, "way")),
            (n, f) => format!("{} to complete; {f} more end in `fail`", plural(n, "way")),
        };
        out.push_str(&format!("  {ways}\n"));
        if cost.folded {
            out.push_str("  there are too many ways: some are joined, each figure the largest\n");
        }
        if !cost.unsupported.is_empty() {
            let what = cost.unsupported.join(", ");
            out.push_str(&format!("  cannot be executed yet, so estimated: {what}\n"));
        }
        for (number, path) in cost.paths.iter().enumerate() {
            write_path(&mut out, number + 1, path, cost.paths.len() > 1);
        }
        out.push('\n');
    }
    out.push_str(ASSUMED);
    out
}

fn write_path(out: &mut String, number: usize, path: &Path, several: bool) {
    out.push('\n');
    if several {
        let choices = match path.choices.as_slice() {
            [] => "straight through".to_owned(),
            all => all.join(", "),
        };
        out.push_str(&format!("  {number}. {choices}\n"));
    }
    let about = if path.exact { "" } else { "about " };
    let rows = [
        ("records", format!("{about}{}", amount(&path.records))),
        ("commits waited for", format!("{about}{}", amount(&path.commits))),
        ("calls", amount(&path.calls)),
        ("journal", format!("about {}", bytes(&path.bytes))),
        ("time at worst", time(path)),
    ];
    for (name, value) in rows {
        out.push_str(&format!("     {name:<20}{value}\n"));
    }
    for spent in path.spent.iter().take(SPENT_MAX) {
        let why = if spent.why.is_empty() { String::new() } else { format!(" ({})", spent.why) };
        let (time, what, place) = (spent.time.words(), &spent.what, &spent.place);
        out.push_str(&format!("       {time:<10}{what}{why}  {place}\n"));
    }
    let left = path.spent.len().saturating_sub(SPENT_MAX) as u64;
    if left > 0 {
        out.push_str(&format!("       and {} more\n", plural(left, "place")));
    }
    out.push_str(&format!("     {:<20}{}\n", "undoing all of it", undo(path)));
}

fn time(path: &Path) -> String {
    match path.deadline_ms {
        Some(deadline) if path.time.ms == Some(deadline) => {
            format!("{}, cut by the workflow's deadline", path.time.words())
        }
        Some(deadline) => format!(
            "{}; the workflow's deadline of {} bounds it only before the commit",
            path.time.words(),
            duration(deadline)
        ),
        None => path.time.words(),
    }
}

fn undo(path: &Path) -> String {
    let undo = &path.undo;
    if undo.calls == Amount::default() {
        return "nothing to undo".to_owned();
    }
    let worst = match undo.time.ms {
        Some(ms) => format!("{} at worst", duration(ms)),
        None => "no bound at worst, because an undo is tried until it succeeds".to_owned(),
    };
    let first = duration(undo.at_first_ms);
    let calls = match (&undo.calls.fixed, undo.calls.per_turn.is_empty()) {
        (n, true) => plural(*n, "call"),
        _ => format!("{} calls", amount(&undo.calls)),
    };
    format!("{calls}; within {first} if each is answered at its first attempt, {worst}")
}

/// `7`, `5 + 2 for each turn of …`.
fn amount(amount: &Amount) -> String {
    let per = amount.per_turn.iter().map(|(name, n)| format!(" + {n} for each turn of {name}"));
    format!("{}{}", amount.fixed, per.collect::<String>())
}

fn bytes(amount: &Amount) -> String {
    let per = amount.per_turn.iter();
    let per = per.map(|(name, n)| format!(" + {} for each turn of {name}", kilobytes(*n)));
    format!("{}{}", kilobytes(amount.fixed), per.collect::<String>())
}

fn kilobytes(n: u64) -> String {
    match n {
        0..1_000 => format!("{n} bytes"),
        _ => format!("{}.{} kB", n / 1_000, n % 1_000 / 100),
    }
}
