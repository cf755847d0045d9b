//! What the walk finds, gathered and put into words: at most one finding per write, per pivot, per
//! place that fails.

use super::state::{Commit, Dirt, State, agree, concurrent};
use super::tree::{Cause, Effect, End, Fact, Guard, Step, Unit};
use super::walk::{Abort, Stop};
use crate::diagnostic::Diagnostic;
use crate::span::Span;
use std::collections::BTreeSet;

/// A write that nothing undoes.
struct Write {
    step: Step,
    guards: Vec<Guard>,
    /// What follows or runs beside it can fail.
    reported: bool,
    /// It can end unknown with nobody deciding: label and place.
    unknown: Option<(String, Span)>,
}

/// What is said of a pivot that stands where it must not.
struct Misplaced<'a> {
    code: &'static str,
    /// Follows the pivot's name.
    headline: &'a str,
    /// At the pivot.
    here: &'a str,
    /// Where it meets what forbids it.
    there: (Span, &'a str),
    help: &'a str,
}

/// What others were told.
struct Said {
    span: Span,
    reply: bool,
    reported: bool,
}

/// Gathers findings.
#[derive(Default)]
pub struct Reporter {
    writes: Vec<Write>,
    said: Vec<Said>,
    seen: BTreeSet<(&'static str, Span)>,
    findings: Vec<Diagnostic>,
    workflow: String,
}

impl Reporter {
    /// For a workflow of this name.
    #[must_use]
    pub fn new(workflow: &str) -> Self {
        Self { workflow: workflow.to_owned(), ..Self::default() }
    }

    /// Registers a write that nothing undoes; the same step is the same write.
    pub fn write(&mut self, step: &Step, guards: &[Guard]) -> usize {
        if let Some(at) = self.writes.iter().position(|w| w.step.span == step.span) {
            return at;
        }
        self.writes.push(Write {
            step: step.clone(),
            guards: guards.to_vec(),
            reported: false,
            unknown: None,
        });
        self.writes.len() - 1
    }

    /// Registers what others are told; the same statement is the same.
    pub fn said(&mut self, span: Span, reply: bool) -> usize {
        if let Some(at) = self.said.iter().position(|said| said.span == span) {
            return at;
        }
        self.said.push(Said { span, reply, reported: false });
        self.said.len() - 1
    }

    /// F0710, F0711: a failure comes after others were told.
    fn untrue(&mut self, told: &Dirt, abort: &Abort) {
        let Some(said) = self.said.get_mut(told.write) else { return };
        if std::mem::replace(&mut said.reported, true) {
            return;
        }
        let later = format!("…then {}", abort.label);
        self.findings.push(match said.reply {
            true => Diagnostic::warning(
                "F0711",
                said.span,
                "the caller is told of work that may still be undone",
            )
            .label(said.span, "the caller has the answer from here on…")
            .label(abort.span, later)
            .help("reply behind the point of no return, or behind the last step that can fail"),
            false => Diagnostic::warning(
                "F0710",
                said.span,
                "others are told of a fact that may still be undone",
            )
            .label(said.span, "whoever listens acts on this from here on…")
            .label(abort.span, later)
            .help("emit it behind the point of no return, or emit what takes it back in `after failure`"),
        });
    }

    /// The write's own outcome may stay unknown, and nobody decides what that means.
    pub fn may_end_unknown(&mut self, write: usize, label: &str, span: Span) {
        if let Some(write) = self.writes.get_mut(write) {
            write.unknown.get_or_insert((label.to_owned(), span));
        }
    }

    /// A failure on its way out meets what a state holds at one level.
    pub fn meet(&mut self, abort: &Abort, state: &State, level: usize) {
        let mut broken = false;
        for commit in state.commits.iter().filter(|c| c.depth == level) {
            broken = true;
            self.broken_commit(commit, abort);
        }
        for told in state.said.iter().filter(|d| d.depth == level && !broken) {
            self.untrue(told, abort);
        }
        // A run that has committed does not fail: that it can is the finding.
        for dirt in state.dirt.iter().filter(|d| d.depth == level && !broken) {
            let sibling = concurrent(&dirt.place, &abort.place);
            self.mess(if sibling { "F0202" } else { "F0201" }, dirt, abort);
        }
    }

    /// Whether a state holds anything that can still become a finding. It is asked for every pair of
    /// paths, so it must be quick.
    fn news(&self, state: &State) -> bool {
        let open = |dirt: &Dirt| self.writes.get(dirt.write).is_some_and(|write| !write.reported);
        let untold = |told: &Dirt| self.said.get(told.write).is_some_and(|said| !said.reported);
        !state.commits.is_empty() || state.dirt.iter().any(open) || state.said.iter().any(untold)
    }

    /// A failure of one branch meets what another has done by the end.
    pub fn meet_sibling(&mut self, abort: &Abort, facts: &[Fact], state: &State, level: usize) {
        if !self.news(state) || !agree(facts, &state.facts) {
            return;
        }
        // What stops the whole block comes after the write, not beside it.
        let code = if abort.stop.is_some() { "F0201" } else { "F0202" };
        let beside = |place: &[(u32, u32)]| concurrent(place, &abort.place);
        for dirt in state.dirt.iter().filter(|d| d.depth >= level && beside(&d.place)) {
            self.mess(code, dirt, abort);
        }
        for told in state.said.iter().filter(|d| d.depth >= level && beside(&d.place)) {
            self.untrue(told, abort);
        }
        for commit in state.commits.iter().filter(|c| beside(&c.place)) {
            self.broken_commit(commit, abort);
        }
    }

    /// A failure in one of several parallel turns meets what another has done.
    pub fn meet_turn(
        &mut self,
        abort: &Abort,
        facts: &[Fact],
        after: &State,
        before: &[State],
        level: usize,
    ) {
        if !self.news(after) || !agree(facts, &after.facts) {
            return;
        }
        let code = if abort.stop.is_some() { "F0201" } else { "F0202" };
        for dirt in after.dirt.iter().filter(|d| d.depth >= level) {
            let old = before.iter().any(|b| b.dirt.iter().any(|d| d.write == dirt.write));
            if !old {
                self.mess(code, dirt, abort);
            }
        }
        for commit in &after.commits {
            if !before.iter().any(|b| b.commits.iter().any(|c| c.span == commit.span)) {
                self.broken_commit(commit, abort);
            }
        }
    }

    /// A write in a branch that `first` may throw away.
    pub fn loser(&mut self, dirt: &Dirt, span: Span) {
        let Some(write) = self.writes.get_mut(dirt.write) else { return };
        if std::mem::replace(&mut write.reported, true) {
            return;
        }
        let step = write.step.clone();
        let text = format!(
            "`{}` may have happened in a branch that loses, and nothing undoes it",
            step.name
        );
        self.findings.push(
            Diagnostic::error("F0202", step.span, text)
                .label(step.span, format!("`{}` may have happened here…", step.action))
                .label(span, "…when the others win and this branch is thrown away")
                .help(undo_help(&step, BEHIND)),
        );
    }

    /// A pivot in a branch that `first` may throw away.
    pub fn losing_pivot(&mut self, commit: &Commit, span: Span) {
        self.misplaced(
            commit,
            Misplaced {
                code: "F0303",
                headline: "cannot be undone, but its branch may lose",
                here: "this commits the run…",
                there: (span, "…although the branch may be thrown away"),
                help: "do the pivot after the `parallel`, with the winner's result",
            },
        );
    }

    /// F0308: pivots inside a scope that goes on as if it had been undone.
    pub fn scoped_pivots(&mut self, unit: &Unit, commits: &[Commit]) {
        let goes_on = |end: End| end != End::Fails;
        // The time-out of a lock comes before its body.
        let before = |on: &Option<Cause>| unit.word == "lock" && *on == Some(Cause::Timeout);
        let handler = unit
            .handlers
            .iter()
            .filter(|h| !before(&h.on))
            .map(|h| (h.span, h.end))
            .chain(unit.interrupts.iter().filter(|i| !i.keep).map(|i| (i.span, i.end)))
            .find(|(_, end)| goes_on(*end))
            .map(|(span, _)| span)
            .or(unit.fallback.as_ref().map(|f| f.span));
        let Some(handler) = handler else { return };
        let label = format!("…while this goes on as if the {} had been undone", unit.word);
        for commit in commits {
            self.scoped_pivot(commit, handler, &label, unit.word);
        }
    }

    fn scoped_pivot(&mut self, commit: &Commit, at: Span, label: &str, word: &str) {
        // A block's own deadline beside a pivot was said of the `parallel` already.
        if self.seen.contains(&("F0303", commit.span)) {
            return;
        }
        self.misplaced(
            commit,
            Misplaced {
                code: "F0308",
                headline: &format!("cannot be undone, but the {word} around it may be"),
                here: "this commits the run…",
                there: (at, label),
                help: &format!("move the pivot behind the {word}, or let the handler `fail`"),
            },
        );
    }

    /// A pivot that stands where it must not, once for each pivot.
    fn misplaced(&mut self, commit: &Commit, found: Misplaced<'_>) {
        if !self.seen.insert((found.code, commit.span)) {
            return;
        }
        let (at, there) = found.there;
        let headline = format!("`{}` {}", commit.name, found.headline);
        self.findings.push(
            Diagnostic::error(found.code, commit.span, headline)
                .label(commit.span, found.here)
                .label(at, there)
                .help(found.help),
        );
    }

    /// F0201, F0202: a failure meets a write.
    fn mess(&mut self, code: &'static str, dirt: &Dirt, abort: &Abort) {
        let Some(write) = self.writes.get_mut(dirt.write) else { return };
        if std::mem::replace(&mut write.reported, true) {
            return;
        }
        let step = write.step.clone();
        let happened = match step.effect {
            Effect::Transaction => "this transaction".to_owned(),
            _ => format!("`{}`", step.name),
        };
        let headline = if code == "F0202" {
            format!("`{}` can fail beside {happened}, and nothing undoes it", self.workflow)
        } else {
            format!(
                "`{}` can fail after {happened} has happened, and nothing undoes it",
                self.workflow
            )
        };
        let mut finding = Diagnostic::error(code, step.span, headline);
        for guard in &dirt.guards {
            finding = finding.label(guard.span, guard.label.clone());
        }
        let what = match step.effect {
            Effect::Transaction => "the transaction".to_owned(),
            _ => format!("`{}`", step.action),
        };
        finding = finding.label(step.span, format!("{what} may have happened here…"));
        for guard in abort.guards.iter().filter(|g| !dirt.guards.contains(g)) {
            finding = finding.label(guard.span, guard.label.clone());
        }
        // A failure that stands before the write comes in another turn of a loop.
        let later = code == "F0201"
            && abort.stop.is_none()
            && abort.span.file == step.span.file
            && abort.span.start <= step.span.start;
        let joint = match (code, later) {
            ("F0202", _) => "…while",
            (_, true) => "…then, in a later turn,",
            (_, false) => "…then",
        };
        finding = finding.label(abort.span, format!("{joint} {}", abort.label));
        let below = match (abort.stop, code, later) {
            (Some(Stop::Leaves | Stop::GoesOn), ..) => KEEP,
            (_, "F0202", _) => BEHIND,
            (_, _, true) => LATER,
            _ => BELOW,
        };
        self.findings.push(finding.help(undo_help(&step, below)));
    }

    /// A failure meets a pivot that has passed.
    fn broken_commit(&mut self, commit: &Commit, abort: &Abort) {
        if matches!(abort.stop, Some(Stop::GoesOn | Stop::Deadline)) {
            self.scoped_pivot(commit, abort.span, &format!("…while {}", abort.label), "scope");
            return;
        }
        let beside = concurrent(&commit.place, &abort.place) && abort.stop != Some(Stop::Leaves);
        if beside || abort.stop == Some(Stop::Parallel) {
            self.pivot_beside(commit, abort);
            return;
        }
        if commit.looped && abort.stop.is_none() {
            self.looped_pivot(commit, abort);
            return;
        }
        let code = match (abort.pivot, abort.remedy) {
            (true, _) => "F0302",
            (false, true) => "F0309",
            (false, false) => "F0301",
        };
        if !self.seen.insert((code, abort.span)) {
            return;
        }
        let headline = match code {
            "F0302" => format!("a second pivot can still fail after `{}`", commit.name),
            "F0309" => {
                format!("an alternative after `{}` can fail itself", commit.name)
            }
            _ => format!("`{}` can fail after its point of no return", self.workflow),
        };
        let help = match abort.stop {
            Some(_) => {
                "any one of these fixes it:\n• keep what was done: `on event … keep => …`\n• move the pivot behind the scope"
            }
            None => {
                "any one of these fixes it:\n• let it go wrong: `else skip`\n• insist: `retry forever` on an `idempotent` action\n• move it above the pivot"
            }
        };
        self.findings.push(
            Diagnostic::error(code, abort.span, headline)
                .label(commit.span, "this commits the run: nothing after it may fail…")
                .label(abort.span, format!("…but {}", abort.label))
                .help(help),
        );
    }

    /// F0303.
    fn pivot_beside(&mut self, commit: &Commit, abort: &Abort) {
        // Two pivots side by side are one finding, at the first.
        if abort.pivot && self.seen.contains(&("F0303", abort.span)) {
            return;
        }
        self.misplaced(
            commit,
            Misplaced {
                code: "F0303",
                headline: "runs beside something that can fail",
                here: "this commits the run…",
                there: (abort.span, &format!("…while {}", abort.label)),
                help: "move the pivot behind the `parallel`",
            },
        );
    }

    /// F0304.
    fn looped_pivot(&mut self, commit: &Commit, abort: &Abort) {
        self.misplaced(
            commit,
            Misplaced {
                code: "F0304",
                headline: "may commit in one turn of a loop before another fails",
                here: "one turn commits here…",
                there: (abort.span, &format!("…then {}", abort.label)),
                help: "collect in the loop and do one pivot behind it, or isolate the turns with `settle`",
            },
        );
    }

    /// Everything found: F0204 and F0305 last, because they are only about what nothing else explains.
    #[must_use]
    pub fn finish(mut self) -> Vec<Diagnostic> {
        for write in std::mem::take(&mut self.writes) {
            if write.reported || write.step.effect == Effect::Transaction {
                continue;
            }
            if let Some((label, span)) = write.unknown {
                self.findings.push(unknown_write(&write.step, &write.guards, &label, span));
            } else if !write.step.every_failure_is_skipped() {
                self.findings.push(unmarked_pivot(&write.step));
            }
        }
        self.findings
    }
}

/// F0204.
fn unknown_write(step: &Step, guards: &[Guard], label: &str, span: Span) -> Diagnostic {
    let headline =
        format!("nobody may ever know whether `{}` has happened, and nothing undoes it", step.name);
    let mut finding = Diagnostic::error("F0204", step.span, headline);
    for guard in guards {
        finding = finding.label(guard.span, guard.label.clone());
    }
    finding = finding.label(step.span, format!("`{}` may have happened here…", step.action));
    finding = match span == step.span {
        true => finding.label(span, format!("…then {label}")),
        false => finding.label(span, "…then this fails, and leaves the question open"),
    };
    let mut help = undo_help(step, BELOW);
    help.push_str("\n• insist until it answers:   `retry forever`");
    help.push_str(
        "\n• decide:   `on unknown => manual \"…\"`, or `else skip` if either way is fine",
    );
    finding.help(help)
}

/// F0305.
fn unmarked_pivot(step: &Step) -> Diagnostic {
    Diagnostic::warning(
        "F0305",
        step.span,
        format!("`{}` is the point of no return, but nothing says so", step.name),
    )
    .label(step.span, "nothing undoes this, and nothing after it can fail")
    .help(format!(
        "declare `{}` as `pivot` in `service {}` and call it with `pivot`, so that readers see the line",
        step.action, step.service
    ))
}

/// Where else a write can go.
const BELOW: &str = "move the step below every step that can fail";
const BEHIND: &str = "move the step behind the `parallel`";
const LATER: &str =
    "move the step into a loop of its own behind this one, or isolate the turns with `settle`";
const KEEP: &str = "keep what was done when the event arrives:   `on event … keep => …`";

/// The three ways out of a write without undo.
fn undo_help(step: &Step, elsewhere: &str) -> String {
    if step.effect == Effect::Transaction {
        let elsewhere = elsewhere.replace("the step", "it");
        return format!(
            "any one of these fixes it:\n• say how to undo it:   `compensate {{ transaction … }}` behind the block\n• {elsewhere}"
        );
    }
    let undo = step.suggestion.clone().unwrap_or_else(|| format!("undo_{}(…)", step.action));
    let declare =
        format!("• declare how to undo it:   compensate {undo}      in `service {}`", step.service);
    let waive = "• say why it is harmless:   compensate none because \"…\"";
    let below = format!("• {elsewhere}");
    let order = if step.message {
        [waive, below.as_str(), &declare]
    } else {
        [declare.as_str(), &below, waive]
    };
    format!(
        "`{}` is a `write` with no `compensate`. Any one of these fixes it:\n{}",
        step.action,
        order.join("\n")
    )
}
