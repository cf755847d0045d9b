//! F0901, F0903, F0904, F0907 and F0908: today's program beside what was released.

use super::fit::{Fit, Reader};
use super::{Damaged, Released, differences};
use crate::diagnostic::Diagnostic;
use crate::hir::{self, Program};
use crate::span::{FileId, Span};
use sagaflow_fir::{Action, Fir, Frozen, Ty};
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
        let changed = today.versions(workflow, &own, &mut findings);
        for older in own.iter().filter(|older| !changed && today.is_older(&older.frozen)) {
            today.actions(&older.frozen, &mut told, &mut findings);
        }
        // The newest first, which is what others know; runs of the older ones take in what it does not.
        for older in own.iter().rev().filter(|older| !changed && today.is_older(&older.frozen)) {
            today.surface(&older.frozen, &mut told, &mut findings);
        }
    }
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
        Diagnostic::error("F0901", span, headline)
            .label(span, "of this workflow")
            .help("released versions are frozen: take the file back from version control")
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

    /// What runs of an older version still call.
    fn actions(&self, older: &Frozen, told: &mut BTreeSet<String>, findings: &mut Vec<Diagnostic>) {
        let services = older.fir.services.iter().map(|(name, it)| (name, &it.actions));
        let databases = older.fir.databases.iter().map(|(name, it)| (name, &it.actions));
        for (service, actions) in services.chain(databases) {
            let module = service.rsplit_once('.').map_or("", |(module, _)| module);
            if !self.modules.contains(module) {
                continue;
            }
            for (name, was) in actions.iter().filter(|(name, _)| !name.starts_with('#')) {
                let is = self.fir.action(service, name);
                let Some(why) = is.map_or_else(
                    || Some("is not there any more".to_owned()),
                    |is| changed(&older.fir, was, self.fir, is),
                ) else {
                    continue;
                };
                if told.insert(format!("{service}.{name}")) {
                    findings.push(self.action(older, (service, name), &why));
                }
            }
        }
    }

    fn action(&self, older: &Frozen, (service, name): (&str, &str), why: &str) -> Diagnostic {
        let short = service.rsplit('.').next().unwrap_or(service);
        let span = self.contract(service, name).unwrap_or_else(|| self.place(&older.workflow));
        let (workflow, version) = (short_name(&older.workflow), older.version);
        let undoes = if undoes(older, service, name) { "undo what they did" } else { "go on" };
        Diagnostic::error(
            "F0903",
            span,
            format!("runs of `{workflow}` v{version} could not {undoes}: they call `{short}.{name}`"),
        )
        .label(span, format!("`{name}` {why}"))
        .help(format!(
            "leave it as it was beside one of another name, until `flowc retire {workflow}@{version}`"
        ))
    }

    /// Where an action stands, or else the service that had it.
    fn contract(&self, service: &str, name: &str) -> Option<Span> {
        let is = |qualified: &hir::Qualified| qualified.to_string() == service;
        let program = self.program;
        let found = program.services.values().find(|it| is(&it.name));
        let found = found.map(|it| (it.name_span, &it.actions)).or_else(|| {
            let found = program.databases.values().find(|it| is(&it.name))?;
            Some((found.name_span, &found.actions))
        });
        let (own, actions) = found?;
        let mut spans = actions.iter().map(|id| &program.actions[*id].name);
        Some(spans.find(|action| action.node == name).map_or(own, |action| action.span))
    }

    /// What others have to do with: events, tasks and the result.
    fn surface(
        &self,
        newest: &Frozen,
        told: &mut BTreeSet<String>,
        findings: &mut Vec<Diagnostic>,
    ) {
        let (workflow, version) = (short_name(&newest.workflow), newest.version);
        let mut say = |what: String, span: Span, why: String| {
            if told.insert(what.clone()) {
                findings.push(
                    Diagnostic::error(
                        "F0904",
                        span,
                        format!("runs of `{workflow}` v{version} know {what} in another form"),
                    )
                    .label(span, why)
                    .help(format!(
                        "add optional fields only, use another name, or wait until \
                         `flowc retire {workflow}@{version}`"
                    )),
                );
            }
        };
        for (name, was) in &newest.fir.events {
            let what = format!("the event `{}`", short_name(name));
            match (self.fir.events.get(name), self.event(name)) {
                (Some(is), Some(span)) => {
                    let forth = Fit::new(&newest.fir, self.fir, Reader::Today).fields(
                        &was.fields,
                        &is.fields,
                        "",
                    );
                    let key = || (was.key != is.key).then(|| "its key is another".to_owned());
                    let back = || {
                        Fit::new(self.fir, &newest.fir, Reader::Older).fields(
                            &is.fields,
                            &was.fields,
                            "",
                        )
                    };
                    if let Some(why) = forth.or_else(key).or_else(back) {
                        say(what, span, why);
                    }
                }
                _ if self.modules.contains(module_of(name)) => {
                    say(what, self.place(&newest.workflow), "it is not there any more".to_owned());
                }
                _ => {}
            }
        }
        for (name, was) in &newest.fir.humans {
            let Some(is) = self.fir.humans.get(name) else { continue };
            let mut fit = Fit::new(&newest.fir, self.fir, Reader::Today);
            if let Some(why) = fit.ty(&was.answer, &is.answer, "its answer") {
                let task = self.program.humans.values().find(|it| it.name.to_string() == *name);
                let span = task.map_or_else(|| self.place(&newest.workflow), |task| task.name_span);
                say(format!("the task `{}`", short_name(name)), span, why);
            }
        }
        let own = |fir: &Fir| fir.workflows.get(&newest.workflow).map(|it| it.result.clone());
        if let (Some(was), Some(is)) = (own(&newest.fir), own(self.fir)) {
            let (was, is) = (was.unwrap_or(Ty::Unit), is.unwrap_or(Ty::Unit));
            let mut fit = Fit::new(self.fir, &newest.fir, Reader::Client);
            if was != Ty::Unit
                && let Some(why) = fit.ty(&is, &was, "its result")
            {
                let span = self.place(&newest.workflow);
                say(format!("the result of `{workflow}`"), span, why);
            }
        }
    }

    fn event(&self, name: &str) -> Option<Span> {
        let found = self.program.events.values().find(|event| event.name.to_string() == name)?;
        Some(found.name_span)
    }
}

/// What makes an action another one for those who call it as it was.
fn changed(old: &Fir, was: &Action, new: &Fir, is: &Action) -> Option<String> {
    if was.class != is.class {
        return Some("has another class".to_owned());
    }
    if was.sql != is.sql || was.no_rows != is.no_rows {
        return Some("has another `sql`".to_owned());
    }
    if was.idempotent && !is.idempotent {
        return Some("may not be repeated any more".to_owned());
    }
    let told = |why: String| format!("has changed: {why}");
    let sent = Fit::new(old, new, Reader::Today).fields(&was.params, &is.params, "");
    if let Some(why) = sent {
        return Some(told(why));
    }
    let mut back = Fit::new(new, old, Reader::Older);
    let answer = match (&is.result, &was.result) {
        (Some(is), Some(was)) => back.ty(is, was, "its result"),
        (_, None) => None,
        (None, Some(_)) => Some("its result is gone".to_owned()),
    };
    let errors = || {
        is.errors.iter().find_map(|error| {
            let known = was.errors.iter().find(|old| old.name == error.name);
            let Some(known) = known else {
                return Some(format!("the error `{}` is new", error.name));
            };
            Fit::new(new, old, Reader::Older).fields(
                &error.fields,
                &known.fields,
                &format!("`{}`", error.name),
            )
        })
    };
    answer.or_else(errors).map(told)
}

/// Whether an undo of this version calls the action.
fn undoes(older: &Frozen, service: &str, action: &str) -> bool {
    fn within(form: &serde_json::Value, undo: bool, wanted: (&str, &str)) -> bool {
        match form {
            serde_json::Value::Array(items) => items.iter().any(|it| within(it, undo, wanted)),
            serde_json::Value::Object(fields) => {
                let own = (form["service"].as_str(), form["action"].as_str());
                (undo && own == (Some(wanted.0), Some(wanted.1)))
                    || fields.iter().any(|(key, it)| within(it, undo || key == "undo", wanted))
            }
            _ => false,
        }
    }
    let program = super::tree::program(older);
    within(&program["workflows"], false, (service, action))
}

fn short_name(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}

fn module_of(name: &str) -> &str {
    name.rsplit_once('.').map_or("", |(module, _)| module)
}
