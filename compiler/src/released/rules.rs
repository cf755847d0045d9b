//! F0901, F0907 and F0908: today's program beside what was released. What older versions still need
//! of it is held by [`super::contracts`] and [`super::surface`], and where their runs may go on with
//! it by [`super::upgrade`].

use super::{Damaged, Released, differences};
use crate::diagnostic::Diagnostic;
use crate::hir::{self, Program};
use crate::span::{FileId, Span};
use sagaflow_fir::{Damage, FORMAT, Fir, Frozen};
use std::collections::BTreeSet;

/// Today's program: as it was resolved, for its places, and as it was lowered.
#[derive(Clone, Debug)]
pub struct Today<'p> {
    /// As it was resolved.
    pub program: &'p Program,
    /// As it was lowered.
    pub fir: &'p Fir,
    /// Modules that were read: what another one declares is not judged.
    pub modules: BTreeSet<&'p str>,
    /// Modules that released versions name and that are nowhere any more.
    pub gone: &'p BTreeSet<String>,
}

/// Every rule about released versions.
pub(crate) fn check(
    today: &Today<'_>,
    released: &[Released],
    damaged: &[Damaged],
) -> Vec<Diagnostic> {
    let mut findings: Vec<Diagnostic> = damaged.iter().map(|file| today.damaged(file)).collect();
    let workflows: BTreeSet<&str> =
        released.iter().map(|released| released.frozen.workflow.as_str()).collect();
    let mut told = BTreeSet::new();
    for workflow in workflows {
        let own: Vec<&Released> =
            released.iter().filter(|it| it.frozen.workflow == workflow).collect();
        if let Some(finding) = today.hosts(&own) {
            findings.push(finding);
            continue;
        }
        let changed = today.versions(workflow, &own, &mut findings);
        for older in own.iter().filter(|older| !changed && today.is_older(&older.frozen)) {
            today.actions(&older.frozen, &mut told, &mut findings);
        }
        // The newest first, which is what others know; runs of the older ones take in what it does not.
        for older in own.iter().rev().filter(|older| !changed && today.is_older(&older.frozen)) {
            today.surface(&older.frozen, &mut told, &mut findings);
        }
    }
    findings.extend(today.upgrades(released));
    findings
}

/// The words of a difference for a label.
fn first(differences: &[super::Difference]) -> String {
    let meant = differences.iter().find(|it| !it.policy);
    meant.map_or_else(|| "its meaning is another".to_owned(), ToString::to_string)
}

impl Today<'_> {
    /// Whether today's program is not this version itself.
    fn is_older(&self, frozen: &Frozen) -> bool {
        let today = self.fir.workflows.get(&frozen.workflow);
        today.is_none_or(|today| today.version != frozen.version)
    }

    /// Whether it can be said that something of this name is not declared: its module was read, or is
    /// not there to be read.
    pub(super) fn judges(&self, qualified: &str) -> bool {
        let module = module_of(qualified);
        self.modules.contains(module) || self.gone.contains(module)
    }

    pub(super) fn workflow(&self, name: &str) -> Option<&hir::Workflow> {
        self.program.workflows.values().find(|workflow| workflow.name.to_string() == name)
    }

    /// Where a finding about a workflow stands: at its version, or at the beginning of the program
    /// where it is not written any more.
    pub(super) fn place(&self, workflow: &str) -> Span {
        self.workflow(workflow)
            .map_or_else(|| Span::new(FileId(0), 0, 0), |workflow| workflow.version.span)
    }

    fn damaged(&self, file: &Damaged) -> Diagnostic {
        let span = self.place(&file.workflow);
        let headline = format!("`{}` cannot be used: {}", file.path, file.damage);
        let help = match &file.damage {
            Damage::Unread(_) => "what was released must be known: make it readable".to_owned(),
            // Its hash means something else, so nothing in it can be held against today's program.
            Damage::Format(format) if *format < FORMAT => format!(
                "take the file away, and `flowc release {}` with this build where the source of that \
                 version is checked out",
                short_name(&file.workflow)
            ),
            Damage::Format(_) => "use the build that wrote it, or a newer one".to_owned(),
            _ => "released versions are frozen: take the file back from version control".to_owned(),
        };
        let label = match self.workflow(&file.workflow) {
            Some(_) => "of this workflow",
            None => "found beside this program",
        };
        Diagnostic::error("F0901", span, headline).label(span, label).help(help)
    }

    /// The version that is written beside those that were released; whether it was changed.
    fn versions(&self, name: &str, own: &[&Released], findings: &mut Vec<Diagnostic>) -> bool {
        let (Some(today), Some(frozen), Some(newest)) =
            (self.workflow(name), self.fir.freeze(name), own.last())
        else {
            return false;
        };
        let (span, version, short) = (today.version.span, frozen.version, &today.name.name);
        let highest = newest.frozen.version;
        if version < highest {
            findings.push(
                Diagnostic::error(
                    "F0907",
                    span,
                    format!("new runs would start on v{highest}, not on what is written here"),
                )
                .label(span, format!("v{highest} of `{short}` is released"))
                .help(format!(
                    "write `v{}`, or `flowc retire {short}@{highest}` if it was never in use",
                    highest.saturating_add(1)
                )),
            );
            return true;
        }
        let Some(same) = own.iter().find(|it| it.frozen.version == version) else { return false };
        if same.frozen == frozen {
            return false;
        }
        let found = differences(&same.frozen, &frozen);
        if same.frozen.hash == frozen.hash {
            // Nothing but words that nobody is shown.
            let Some(one) = found.first() else { return false };
            let more = match found.len() - 1 {
                0 => String::new(),
                more => format!(", and {more} more"),
            };
            findings.push(
                Diagnostic::warning(
                    "F0908",
                    span,
                    format!("v{version} of `{short}` was released with another policy"),
                )
                .label(span, format!("{one}{more}"))
                .help(format!(
                    "runs in flight get the new one; `flowc release {short}` takes it down"
                )),
            );
            return false;
        }
        let next = version.saturating_add(1);
        // Where no version is written, it is the first, and its place is that of the name.
        let (at, text) = match span == today.name_span {
            true => (Span { start: span.end, ..span }, format!(" v{next}")),
            false => (span, format!("v{next}")),
        };
        findings.push(
            Diagnostic::error(
                "F0901",
                span,
                format!("runs of `{short}` v{version} would not know this program again"),
            )
            .label(span, format!("released, and now: {}", first(&found)))
            .help(format!(
                "raise the version: runs in flight stay on v{version}, new ones start on v{next}"
            ))
            .fix(format!("write `v{next}`"), at, text),
        );
        true
    }
}

pub(super) fn short_name(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}

pub(super) fn module_of(name: &str) -> &str {
    name.rsplit_once('.').map_or("", |(module, _)| module)
}
