//! The story of a run on a terminal: what happened, step by step, for people.
//!
//! Promises: times relative to the start; undo in its order, with an arrow; the end with its result
//! or error, and with what was given up and still stands; readable without colour; nothing labelled `pii` or `secret` (history is masked when it
//! is written). The words are the glossary's.

mod line;
#[cfg(test)]
mod tests;

pub use line::Tone;

use line::Line;
use sagaflow_core::codegen::{Json, WorkflowSpec};
use sagaflow_core::journal::Happened;
use sagaflow_core::service::Purpose;
use sagaflow_core::time::Time;
use sagaflow_core::value::print_duration;
use sagaflow_engine::view::{Entry, GivenUp, View, plain_key};
use std::collections::BTreeMap;

/// Tells one run.
pub struct Story {
    colour: bool,
    started: Option<Time>,
    /// When the first attempt of the call at a path left.
    sent: BTreeMap<String, Time>,
    /// Actions that undid the step at a path.
    undid: BTreeMap<String, Vec<String>>,
    /// What still stands because its undo was given up.
    given_up: Vec<GivenUp>,
}

impl Story {
    /// A story, coloured or not.
    #[must_use]
    pub fn new(colour: bool) -> Self {
        Self {
            colour,
            started: None,
            sent: BTreeMap::new(),
            undid: BTreeMap::new(),
            given_up: Vec::new(),
        }
    }

    /// What was told to be given up, in its order.
    #[must_use]
    pub fn given_up(&self) -> &[GivenUp] {
        &self.given_up
    }

    /// The lines of one record, each ended.
    pub fn tell(&mut self, entry: &Entry) -> String {
        let started = *self.started.get_or_insert(entry.at);
        let mut text = String::new();
        for happened in &entry.happened {
            self.given_up.extend(GivenUp::of(happened));
            if told_by_its_retry(happened, &entry.happened) {
                continue;
            }
            if let Some(line) = self.line(entry.at, happened) {
                text.push_str(&line.render(entry.at.since(started), self.colour));
            }
        }
        text
    }

    /// How it ended, or where it rests.
    #[must_use]
    pub fn end(&self, view: &View, spec: Option<&WorkflowSpec>) -> String {
        let row = &view.row;
        let took = row.ended_at.map(|end| format!(" after {}", span(end.since(row.started_at))));
        let took = took.unwrap_or_default();
        let undone = self.undone(&took);
        let mut text = match (row.status.as_str(), view.error()) {
            ("completed", _) if !self.given_up.is_empty() => format!("completed{undone}"),
            ("completed", _) => format!("completed{took}"),
            ("failed", Some((error, payload, step))) => {
                let payload = masked_error(spec, &error, &payload);
                let at = if step.is_empty() { String::new() } else { format!(", at {step}") };
                format!("failed with {error}{payload}{at}{undone}")
            }
            ("cancelled", _) if row.flags.iter().any(|flag| flag == "abandoned") => {
                format!("terminated{took}; what is not undone is among the dead letters")
            }
            ("cancelled", _) => format!("cancelled{undone}"),
            (status, _) => status.to_owned(),
        };
        let shown = view.result().filter(|result| !result.is_null() && row.status == "completed");
        if let Some(result) = shown {
            let ty = spec.and_then(|spec| spec.result.as_ref());
            let result = match (spec, ty) {
                (Some(spec), Some(ty)) => spec.schema.mask(ty, result),
                _ => Json::from("…"),
            };
            text.push_str(&format!("\n  result   {result}"));
        }
        let tone = match row.status.as_str() {
            "completed" if !self.given_up.is_empty() => Tone::Warn,
            "completed" => Tone::Good,
            "failed" | "parked" => Tone::Bad,
            _ => Tone::Calm,
        };
        format!("{}\n", tone.paint(&text, self.colour))
    }

    /// Whether everything was undone, and what was not.
    fn undone(&self, took: &str) -> String {
        if self.given_up.is_empty() {
            return format!("; everything was undone{took}");
        }
        let paths: Vec<_> = self.given_up.iter().map(|one| one.path.as_str()).collect();
        format!("{took}; given up and not undone: {}", paths.join(", "))
    }

    #[expect(clippy::too_many_lines, reason = "one arm per kind of line")]
    fn line(&mut self, at: Time, happened: &Happened) -> Option<Line> {
        use Happened as H;
        use Tone::{Bad, Calm, Faint, Good, Undo, Warn};
        let line =
            |tone, word: &str, text: String| Some(Line { tone, word: word.to_owned(), text });
        match happened {
            H::Started { workflow, version, key } => {
                let key =
                    key.as_ref().map(|key| format!(", key {}", plain_key(key))).unwrap_or_default();
                line(Calm, "started", format!("{} v{version}{key}", short(workflow)))
            }
            H::Queued { limit, window_ms, key } => {
                let of =
                    if key == "null" { String::new() } else { format!(" for {}", plain_key(key)) };
                let most = match window_ms {
                    Some(window) => {
                        format!("at most {limit} may start in {}", print_duration(*window))
                    }
                    None => format!("at most {limit} in flight at once"),
                };
                line(Calm, "queued", format!("{most}{of}"))
            }
            H::Dequeued => line(Good, "let in", "its turn has come".to_owned()),
            H::Sent { path, .. } => {
                self.sent.entry(path.clone()).or_insert(at);
                None
            }
            H::Done { path, action, purpose: Purpose::Undo, .. } => {
                let step = path.strip_suffix("/undo").unwrap_or(path).to_owned();
                self.undid.entry(step).or_default().push(short_action(action).to_owned());
                None
            }
            H::Done { path, action, purpose, attempt, .. } => {
                let took = self.took(path, at);
                let again =
                    if *attempt > 1 { format!(", attempt {attempt}") } else { String::new() };
                let asked = if *purpose == Purpose::Probe { " said what happened" } else { "" };
                line(Good, "ok", format!("{}{asked}  ({took}{again})", step(path, action)))
            }
            H::Failed { path, action, error, reason, payload, .. } => {
                self.sent.remove(path);
                let why = because(error, reason);
                line(Bad, "failed", format!("{}: {why}{}", step(path, action), shown(payload)))
            }
            H::Retrying { path, attempt, at: next, reason } => {
                let pause = span(next.since(at));
                let text = format!("{path}: {reason}; attempt {attempt} in {pause}");
                line(Warn, "retry", text)
            }
            H::HeldBack { path, until, reason } => line(
                Warn,
                "held back",
                format!("{path}: {reason}; asked again in {}", span(until.since(at))),
            ),
            H::Accepted { path, until } => line(
                Calm,
                "accepted",
                format!("{path}: completed later, within {}", span(until.since(at))),
            ),
            H::Waiting { path, until } => {
                let bound = until.map(|until| format!(", at most {}", span(until.since(at))));
                line(Calm, "waiting", format!("{path}{}", bound.unwrap_or_default()))
            }
            H::Woken { path, by, .. } => line(Good, "woken", format!("{path}: {by}")),
            H::TimedOut { path } => line(Warn, "timed out", path.clone()),
            H::Forked { path, branches } => {
                line(Faint, "branches", format!("{branches} at {path}"))
            }
            H::Joined { path } => line(Faint, "joined", path.clone()),
            H::BranchFailed { path, index, error } => {
                line(Bad, "failed", format!("branch {index} of {path}: {error}"))
            }
            H::Entered { .. } | H::Left { .. } | H::NotNeeded { .. } => None,
            H::Unwinding { path, error } => {
                let at = if path.is_empty() { String::new() } else { format!("{path}: ") };
                line(Undo, "undoing", format!("{at}because of {error}"))
            }
            H::Again { path, attempt, at: next } => line(
                Warn,
                "again",
                format!("{path}: attempt {attempt} in {}", span(next.since(at))),
            ),
            H::Interrupted { path, event, .. } => {
                line(Warn, "stopped", format!("{path}: {} came", short(event)))
            }
            H::Stopping { path } => line(Warn, "stopping", path.clone()),
            H::Undoing { path, due } => {
                let beside = if *due { ", beside what follows" } else { "" };
                line(Faint, "← undo", format!("{path}{beside}"))
            }
            H::Undone { path } => {
                let by = self.undid.remove(path).unwrap_or_default();
                let by =
                    if by.is_empty() { String::new() } else { format!("  by {}", by.join(", ")) };
                line(Undo, "← undone", format!("{path}{by}"))
            }
            H::Stuck { path, reason } => line(Bad, "stuck", format!("undo of {path}: {reason}")),
            H::GaveUp { path, actor, reason } => {
                line(Bad, "given up", format!("undo of {path}, by {}: {reason}", who(actor)))
            }
            H::Asked { path, question, item } => {
                line(Warn, "asked", format!("{path}: {question}  ({item})"))
            }
            H::Claimed { actor, .. } => line(Faint, "claimed", format!("by {}", who(actor))),
            H::Released { actor, .. } => line(Faint, "released", format!("by {}", who(actor))),
            H::Answered { path, actor, .. } => {
                line(Good, "answered", format!("{path}, by {}", who(actor)))
            }
            H::Commented { actor, text, .. } => {
                line(Faint, "comment", format!("by {}: {text}", who(actor)))
            }
            H::Reviewed { actor, reason, .. } => {
                line(Good, "reviewed", format!("by {}: {reason}", who(actor)))
            }
            H::Withdrawn { .. } => {
                line(Faint, "withdrawn", "a question nobody needs any more".to_owned())
            }
            H::Resolved { path, actor, reason } => {
                line(Good, "resolved", format!("{path}, by {}: {reason}", who(actor)))
            }
            H::Faulted { path, message } => line(Bad, "fault", format!("{path}: {message}")),
            H::Retried { path, actor } => {
                line(Calm, "retried", format!("{path}, by {}", who(actor)))
            }
            H::Committed { path } => {
                line(Good, "committed", format!("{path}: from here on everything finishes"))
            }
            H::Emitted { event, .. } => line(Calm, "emitted", short(event).to_owned()),
            H::Replied => line(Good, "replied", "the caller has its answer".to_owned()),
            H::Review { text, .. } => line(Warn, "review", text.clone()),
            H::Rejected { records, reason } => {
                let records =
                    if *records == 1 { "a record".into() } else { format!("{records} records") };
                line(Warn, "rejected", format!("{records}: {reason}"))
            }
            H::Progress { text, percent } => {
                let percent = percent.as_ref().map(|p| format!("{p}  ")).unwrap_or_default();
                line(Calm, "progress", format!("{percent}{text}"))
            }
            H::Pending { cause } => {
                line(Warn, "pending", format!("{cause}: waits for a step to be decided"))
            }
            H::TooLate { input } => line(Faint, "too late", input.clone()),
            H::Overdue => line(Warn, "overdue", "the deadline has passed".to_owned()),
            H::UndoLate { path } => line(Bad, "undo late", path.clone()),
            H::Paused { actor, reason } => {
                line(Warn, "paused", format!("by {}: {reason}", who(actor)))
            }
            H::Upgraded { from, to, actor, reason } => {
                let moved = format!("from v{from} to v{to} by {}: {reason}", who(actor));
                line(Warn, "upgraded", moved)
            }
            H::Resumed { actor } => line(Calm, "resumed", format!("by {}", who(actor))),
            H::Recovered { .. } => {
                line(Warn, "recovered", "goes on where its process stopped".to_owned())
            }
            H::Poisoned { path } => line(Bad, "set aside", format!("{path}: recovered too often")),
            H::Decided { .. } | H::Ended { .. } => None,
            H::Aftermath => line(Calm, "after", "what follows a failure".to_owned()),
            H::Terminated { actor, reason } => {
                line(Bad, "terminated", format!("by {}: {reason}", who(actor)))
            }
        }
    }

    fn took(&mut self, path: &str, at: Time) -> String {
        span(self.sent.remove(path).map_or(0, |sent| at.since(sent)))
    }
}

/// A failed attempt that is tried again is one line, not two.
fn told_by_its_retry(happened: &Happened, record: &[Happened]) -> bool {
    let Happened::Failed { path, .. } = happened else { return false };
    record.iter().any(|other| matches!(other, Happened::Retrying { path: of, .. } if of == path))
}

/// The last part of a qualified name.
fn short(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}

/// `Payments.authorize` of `shop.orders.Payments.authorize`.
fn short_action(action: &str) -> &str {
    match action.rmatch_indices('.').nth(1) {
        Some((dot, _)) => action.get(dot + 1..).unwrap_or(action),
        None => action,
    }
}

/// A step by its path, and its action where the path does not say it.
fn step(path: &str, action: &str) -> String {
    let action = short_action(action);
    if path.ends_with(action) { path.to_owned() } else { format!("{path} = {action}") }
}

fn because(error: &str, reason: &str) -> String {
    match (error.is_empty(), reason.is_empty() || reason == error) {
        (true, _) => reason.to_owned(),
        (false, true) => error.to_owned(),
        (false, false) => format!("{error} ({reason})"),
    }
}

/// The payload of a declared error, which is masked where it comes from: `("no funds")`, and the
/// names of its fields where it has several.
fn shown(payload: &Json) -> String {
    let Some(fields) = payload.as_object() else { return String::new() };
    let fields: Vec<_> = match fields.values().next().filter(|_| fields.len() == 1) {
        Some(only) => vec![only.to_string()],
        None => fields.iter().map(|(name, value)| format!("{name}: {value}")).collect(),
    };
    format!("({})", fields.join(", "))
}

fn who(actor: &str) -> &str {
    if actor.is_empty() { "somebody" } else { actor }
}

/// A declared error's payload without what is personal; empty where it has none.
fn masked_error(spec: Option<&WorkflowSpec>, name: &str, payload: &Json) -> String {
    let (Some(spec), Some(fields)) = (spec, payload.as_object()) else { return String::new() };
    let Some(error) = spec.fails.iter().find(|error| error.name == name) else {
        return String::new();
    };
    let shown = error.fields.iter().filter_map(|(field, ty)| {
        Some(format!("{field}: {}", spec.schema.mask(ty, fields.get(field)?)))
    });
    format!("({})", shown.collect::<Vec<_>>().join(", "))
}

/// A stretch of time for people.
fn span(ms: i64) -> String {
    match ms.max(0) {
        ms @ 0..1_000 => format!("{ms} ms"),
        ms @ 1_000..60_000 => {
            let tenths = ms / 100;
            if tenths % 10 == 0 {
                format!("{} s", tenths / 10)
            } else {
                format!("{}.{} s", tenths / 10, tenths % 10)
            }
        }
        ms @ 60_000..3_600_000 => format!("{} min", ms / 60_000),
        ms => format!("{} h", ms / 3_600_000),
    }
}
