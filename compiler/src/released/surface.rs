//! F0904: what others have to do with, as older versions know it, beside what is declared today.

use super::fit::{Fit, Reader};
use super::rules::{Today, short_name};
use crate::diagnostic::Diagnostic;
use crate::span::Span;
use sagaflow_fir::{EventDecl, Fir, Frozen, Ty};
use std::collections::BTreeSet;

/// One thing that is known in another form: what, where it stands today, and why.
type Other = (String, Span, String);

/// What is said where nothing of the name is left.
const GONE: &str = "it is not there any more";

impl Today<'_> {
    /// Events, tasks and the result; what was said of one version is not said of another.
    pub(super) fn surface(
        &self,
        older: &Frozen,
        told: &mut BTreeSet<String>,
        findings: &mut Vec<Diagnostic>,
    ) {
        let (workflow, version) = (short_name(&older.workflow), older.version);
        let all = self.events(older).into_iter().chain(self.tasks(older)).chain(self.result(older));
        for (what, span, why) in all {
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
        }
    }

    fn events(&self, older: &Frozen) -> Vec<Other> {
        let judge = |(name, was): (&String, &EventDecl)| {
            let what = format!("the event `{}`", short_name(name));
            let declared = self.program.events.values().find(|it| it.name.to_string() == *name);
            match (self.fir.events.get(name), declared) {
                (Some(is), Some(event)) => {
                    let why = other_event((&older.fir, was), (self.fir, is))?;
                    Some((what, event.name_span, why))
                }
                _ if self.judges(name) => {
                    Some((what, self.place(&older.workflow), GONE.to_owned()))
                }
                _ => None,
            }
        };
        older.fir.events.iter().filter_map(judge).collect()
    }

    fn tasks(&self, older: &Frozen) -> Vec<Other> {
        let judge = |(name, was): (&String, &sagaflow_fir::Human)| {
            let what = format!("the task `{}`", short_name(name));
            let Some(is) = self.fir.humans.get(name) else {
                let gone = (what, self.place(&older.workflow), GONE.to_owned());
                return self.judges(name).then_some(gone);
            };
            let mut fit = Fit::new(&older.fir, self.fir, Reader::Today);
            let why = fit.ty(&was.answer, &is.answer, "its answer")?;
            let task = self.program.humans.values().find(|it| it.name.to_string() == *name);
            let span = task.map_or_else(|| self.place(&older.workflow), |task| task.name_span);
            Some((what, span, why))
        };
        older.fir.humans.iter().filter_map(judge).collect()
    }

    fn result(&self, older: &Frozen) -> Option<Other> {
        let own = |fir: &Fir| fir.workflows.get(&older.workflow).map(|it| it.result.clone());
        let (was, is) = (own(&older.fir)?.unwrap_or(Ty::Unit), own(self.fir)?.unwrap_or(Ty::Unit));
        if was == Ty::Unit {
            return None;
        }
        let why = Fit::new(self.fir, &older.fir, Reader::Client).ty(&is, &was, "its result")?;
        let what = format!("the result of `{}`", short_name(&older.workflow));
        Some((what, self.place(&older.workflow), why))
    }
}

/// What makes an event another one for those who send it, and for runs that wait for it.
fn other_event((old, was): (&Fir, &EventDecl), (new, is): (&Fir, &EventDecl)) -> Option<String> {
    let forth = Fit::new(old, new, Reader::Today).fields(&was.fields, &is.fields, "");
    let key = || (was.key != is.key).then(|| "its key is another".to_owned());
    let topic = || {
        let words = |topic: &Option<String>| {
            topic.as_ref().map_or_else(|| "none".to_owned(), |topic| format!("`{topic}`"))
        };
        let (was, is) = (words(&was.topic), words(&is.topic));
        (was != is).then(|| format!("its topic was {was} and is {is}"))
    };
    let back = || Fit::new(new, old, Reader::Older).fields(&is.fields, &was.fields, "");
    forth.or_else(key).or_else(topic).or_else(back)
}
