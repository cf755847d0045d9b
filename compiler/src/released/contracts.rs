//! F0903: what runs of older versions still call, beside what is declared today.

use super::Released;
use super::fit::{Fit, Reader};
use super::rules::{Today, module_of, short_name};
use crate::diagnostic::Diagnostic;
use crate::hir;
use crate::span::Span;
use sagaflow_fir::{Action, Fir, Frozen};
use std::collections::BTreeSet;

impl Today<'_> {
    /// Released workflows whose module is nowhere: nothing that hosts this program would host them.
    pub(super) fn hosts(&self, own: &[&Released]) -> Option<Diagnostic> {
        let newest = &own.last()?.frozen;
        let module = module_of(&newest.workflow);
        if !self.gone.contains(module) {
            return None;
        }
        let (name, span) = (short_name(&newest.workflow), self.place(&newest.workflow));
        let versions: Vec<String> =
            own.iter().map(|it| format!("v{}", it.frozen.version)).collect();
        let versions = crate::words::and(&versions);
        let retire = own.iter().map(|it| format!("`flowc retire {name}@{}`", it.frozen.version));
        let retire: Vec<String> = retire.collect();
        let file = format!("{}.flow", module.replace('.', "/"));
        let said = Diagnostic::error(
            "F0903",
            span,
            format!("runs of `{name}` {versions} would be served by nobody: `{file}` is gone"),
        );
        let label = format!("the module `{module}` is not among these, and `{name}` is released");
        let help = format!(
            "bring the file back, if only with what old runs call, until {}",
            crate::words::and(&retire)
        );
        Some(said.label(span, label).help(help))
    }

    /// What runs of an older version still call.
    pub(super) fn actions(
        &self,
        older: &Frozen,
        told: &mut BTreeSet<String>,
        findings: &mut Vec<Diagnostic>,
    ) {
        let services = older.fir.services.iter().map(|(name, it)| (name, &it.actions));
        let databases = older.fir.databases.iter().map(|(name, it)| (name, &it.actions));
        for (service, actions) in services.chain(databases) {
            if !self.judges(service) {
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
}

/// What makes an action another one for those who call it as it was.
pub(super) fn changed(old: &Fir, was: &Action, new: &Fir, is: &Action) -> Option<String> {
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
