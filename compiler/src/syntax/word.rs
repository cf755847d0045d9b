//! The words of the language: which are reserved, which start what, and which one was meant.

use std::cmp::Reverse;

/// Words that no bare name can be; the same as `reserved` in the grammar.
pub const RESERVED: [&str; 43] = [
    "transaction",
    "compensate",
    "idempotent",
    "savepoint",
    "fallback",
    "parallel",
    "progress",
    "manual",
    "reject",
    "repeat",
    "return",
    "review",
    "within",
    "again",
    "allow",
    "await",
    "false",
    "match",
    "pivot",
    "reply",
    "retry",
    "scope",
    "sleep",
    "start",
    "each",
    "else",
    "emit",
    "fail",
    "give",
    "lock",
    "none",
    "pass",
    "skip",
    "step",
    "true",
    "and",
    "not",
    "run",
    "use",
    "if",
    "in",
    "on",
    "or",
];

/// Words that start a top-level item.
pub const ITEMS: [&str; 14] = [
    "workflow", "service", "database", "record", "enum", "type", "event", "resource", "human",
    "policy", "decide", "fn", "schedule", "test",
];
/// Words that start a statement.
pub const STATEMENTS: [&str; 29] = [
    "step",
    "pivot",
    "await",
    "parallel",
    "each",
    "repeat",
    "again",
    "transaction",
    "savepoint",
    "scope",
    "lock",
    "if",
    "match",
    "emit",
    "start",
    "reply",
    "review",
    "progress",
    "reject",
    "sleep",
    "fail",
    "return",
    "give",
    "manual",
    "skip",
    "pass",
    "use",
    "run",
    "allow",
];
/// Words that start a statement of a test.
pub const TEST_STATEMENTS: [&str; 5] = ["given", "deliver", "run", "every", "expect"];
/// Words that start a clause of a statement.
pub const CLAUSES: [&str; 13] = [
    "retry",
    "within",
    "until",
    "deadline",
    "heartbeat",
    "idempotent",
    "probe",
    "compensate",
    "fallback",
    "remind",
    "escalate",
    "on",
    "else",
];
/// Words that start a clause of an action.
pub const ACTION_CLAUSES: [&str; 9] =
    ["idempotent", "fails", "within", "deadline", "compensate", "probe", "lasts", "cache", "sql"];
/// Words that start a line in the head of a workflow.
pub const HEADERS: [&str; 11] = [
    "on",
    "idempotent",
    "fails",
    "deadline",
    "shard",
    "concurrency",
    "limit",
    "retain",
    "subject",
    "index",
    "upgrade",
];
/// Words that start something inside a service.
pub const MEMBERS: [&str; 6] = ["read", "write", "pivot", "tx", "breaker", "limit"];
/// Words that start a clause of a human task.
pub const HUMAN_CLAUSES: [&str; 3] = ["title", "assign", "show"];

/// Whether a bare name cannot be this word.
pub(super) fn is_reserved(word: &str) -> bool {
    RESERVED.contains(&word)
}

/// The candidate that was most likely meant: within distance 2, and closer the shorter it is; of
/// several, the one that begins the same.
pub(super) fn meant<'c>(
    word: &str,
    candidates: impl IntoIterator<Item = &'c str>,
) -> Option<&'c str> {
    let length = word.chars().count();
    candidates
        .into_iter()
        .filter(|c| *c != word && c.len().abs_diff(length) <= 2)
        .map(|c| (distance(word, c), c))
        .filter(|&(d, c)| d <= if c.len().min(length) < 4 { 1 } else { 2 } && length > 1)
        .min_by_key(|&(d, c)| (d, Reverse(beginning(word, c))))
        .map(|(_, c)| c)
}

/// So many letters are the same from the first one on, where a slip is rarest.
fn beginning(a: &str, b: &str) -> usize {
    a.chars().zip(b.chars()).take_while(|(a, b)| a == b).count()
}

/// Edits between two words; two neighbours swapped are one edit.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) =
        (a.chars().take(32).collect(), b.chars().take(32).collect());
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, cb) in b.iter().enumerate() {
            let at = |row: &[usize], k: usize| row.get(k).copied().unwrap_or(usize::MAX / 2);
            let mut best = (at(&last, j) + usize::from(ca != cb))
                .min(at(&last, j + 1) + 1)
                .min(at(&row, j) + 1);
            let swapped = i > 0 && j > 0 && a.get(i - 1) == Some(cb) && b.get(j - 1) == Some(ca);
            if swapped {
                best = best.min(at(&before, j - 1) + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut last, row);
    }
    last.last().copied().unwrap_or(0)
}
