//! When a schedule starts its runs: the five fields of its pattern, and the name of its zone.

use super::cx::Cx;
use crate::diagnostic::Diagnostic;
use crate::hir::{Schedule, ScheduleWhen};
use crate::name::{any_of, suggest};
use crate::span::Span;
use jiff::tz::TimeZoneDatabase;

/// A field of a pattern: what it counts, its first and its last number, and names for them.
struct Field {
    what: &'static str,
    first: u32,
    last: u32,
    names: &'static [&'static str],
}

const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const DAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/// In the order they are written. Sunday is 0 and 7.
const FIELDS: [Field; 5] = [
    Field { what: "minute", first: 0, last: 59, names: &[] },
    Field { what: "hour", first: 0, last: 23, names: &[] },
    Field { what: "day of the month", first: 1, last: 31, names: &[] },
    Field { what: "month", first: 1, last: 12, names: &MONTHS },
    Field { what: "day of the week", first: 0, last: 7, names: &DAYS },
];

impl Cx<'_> {
    /// A pattern that never holds, or a zone nobody knows, would be found out by nobody: no run
    /// starts, and nothing fails.
    pub(super) fn calendar(&mut self, schedule: &Schedule) {
        if let ScheduleWhen::At(pattern) = &schedule.when
            && let Err(why) = read(&pattern.node)
        {
            self.report(
                Diagnostic::error("F0102", pattern.span, format!("no instant is meant by {why}"))
                    .label(pattern.span, "not a pattern of five fields")
                    .help(
                        "write minute, hour, day of the month, month and day of the week: \
                         `\"30 6 * * 1-5\"` is half past six from Monday to Friday",
                    ),
            );
        }
        if let Some(zone) = &schedule.zone {
            self.known_zone(&zone.node, zone.span);
        }
    }

    /// F0101 for a time zone that does not exist.
    pub(super) fn known_zone(&mut self, name: &str, span: Span) {
        let zones = TimeZoneDatabase::bundled();
        if zones.get(name).is_ok() {
            return;
        }
        let known: Vec<String> = zones.available().map(|zone| zone.to_string()).collect();
        let near = suggest(name, known.iter().map(String::as_str));
        let help = match near.as_slice() {
            [] => "zones are named as in `Europe/Berlin` or `UTC`".to_owned(),
            near => format!("did you mean {}?", any_of(near)),
        };
        self.report(
            Diagnostic::error("F0101", span, format!("there is no time zone `{name}`"))
                .label(span, "not known")
                .help(help),
        );
    }
}

/// Whether a pattern means some instants, else what is wrong with it.
fn read(pattern: &str) -> Result<(), String> {
    let fields: Vec<&str> = pattern.split_whitespace().collect();
    if fields.len() != FIELDS.len() {
        return Err(format!("`{pattern}`"));
    }
    for (written, field) in fields.iter().zip(&FIELDS) {
        if !written.split(',').all(|part| fits(part, field)) {
            return Err(format!("`{written}` as the {}", field.what));
        }
    }
    Ok(())
}

/// One part of a field: `*`, `5`, `1-5`, each also with a step, `*/15`.
fn fits(part: &str, field: &Field) -> bool {
    let (range, step) = match part.split_once('/') {
        Some((range, step)) => (range, Some(step)),
        None => (part, None),
    };
    let step_fits =
        step.is_none_or(|step| number(step).is_some_and(|step| step > 0 && step <= field.last));
    let range_fits = match range.split_once('-') {
        _ if range == "*" => true,
        Some((from, to)) => {
            matches!((value(from, field), value(to, field)), (Some(from), Some(to)) if from <= to)
        }
        None => value(range, field).is_some(),
    };
    step_fits && range_fits
}

fn value(written: &str, field: &Field) -> Option<u32> {
    let lower = written.to_ascii_lowercase();
    let named = field.names.iter().position(|name| *name == lower);
    let number = named.map(|at| at as u32 + field.first).or_else(|| number(written))?;
    (field.first..=field.last).contains(&number).then_some(number)
}

fn number(written: &str) -> Option<u32> {
    let digits = !written.is_empty() && written.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| written.parse().ok()).flatten()
}
