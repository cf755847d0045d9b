//! Undos that may be armed where a run rests, held against another version.

use super::contracts::changed;
use super::moves::Both;
use super::order::Order;
use super::tree;
use sagaflow_fir::{CallUndo, Fir, Frozen, LocalId, StepStmt};
use serde_json::Value;
use std::collections::BTreeSet;

/// What is said of steps of the old version whose undo is another, each with where it stands.
pub(super) struct Undos(Vec<(usize, Vec<String>)>);

impl Undos {
    pub(super) fn of(
        old: &Frozen,
        new: &Frozen,
        both: Both<'_>,
        before: &Order<'_>,
        after: &Order<'_>,
    ) -> Self {
        // Of undos too, policy is no meaning.
        let (Some(was), Some(is)) =
            (old.fir.meaning(&old.workflow), new.fir.meaning(&new.workflow))
        else {
            return Self(Vec::new());
        };
        let (Some(earlier), Some(later)) =
            (was.workflows.get(&old.workflow), is.workflows.get(&new.workflow))
        else {
            return Self(Vec::new());
        };
        let (meant, means) = (Order::of(earlier), Order::of(later));
        let form = |order: &Order<'_>, at: &str, locals: &[sagaflow_fir::Local]| {
            order.step(at).map(|(_, step)| tree::undo(&step.undo, locals))
        };
        let judge = |(index, step): (usize, &StepStmt)| {
            let (_, other) = after.step(&step.at)?;
            let at = &step.at;
            let said = match (is_undone(&step.undo), is_undone(&other.undo)) {
                (false, false) => Vec::new(),
                (true, false) => vec![format!("the undo of `{at}` is not there any more")],
                (false, true) => {
                    vec![format!("`{at}` would be undone, and nothing of that is armed")]
                }
                (true, true) => {
                    let own = form(&meant, at, &earlier.locals).unwrap_or_default();
                    let new = form(&means, at, &later.locals).unwrap_or_default();
                    let mut said = match own == new {
                        true => uses(at, &own, &was, &is),
                        false => vec![format!("the undo of `{at}` is another")],
                    };
                    // What came of a call may have to be asked before it is undone.
                    let call =
                        |step: &StepStmt| (step.call.service.clone(), step.call.action.clone());
                    if call(step) != call(other) {
                        said.push(format!("the undo of `{at}` is that of another call"));
                    }
                    said.extend(holds(both, step, other));
                    said.extend(promises(both, &own));
                    said
                }
            };
            (!said.is_empty()).then_some((index, said))
        };
        let gone = |(index, step): (usize, &StepStmt)| {
            let gone = is_undone(&step.undo) && after.step(&step.at).is_none();
            let said = || vec![format!("the undo of `{}` is not there any more", step.at)];
            gone.then(|| (index, said()))
        };
        Self(before.steps().filter_map(|it| judge(it).or_else(|| gone(it))).collect())
    }

    /// What forbids a run to move that rests at this place.
    pub(super) fn said_at<'s>(
        &'s self,
        before: &'s Order<'_>,
        here: usize,
    ) -> impl Iterator<Item = String> + 's {
        let armed = self.0.iter().filter(move |(step, _)| before.begins(*step, here));
        armed.flat_map(|(_, said)| said.iter().cloned())
    }
}

fn is_undone(undo: &CallUndo) -> bool {
    matches!(undo, CallUndo::Block { .. })
}

/// Functions that an undo uses, by themselves or through others, and that say something else now.
fn uses(at: &str, undo: &Value, was: &Fir, is: &Fir) -> Vec<String> {
    let mut found = BTreeSet::new();
    let mut open = Vec::new();
    functions(undo, &mut open);
    while let Some(name) = open.pop() {
        let Some(function) = was.functions.get(&name) else { continue };
        if found.insert(name) {
            let form = serde_json::to_value(function).expect("FIR has only text as map keys");
            functions(&form, &mut open);
        }
    }
    let other = found.into_iter().find(|name| was.functions.get(name) != is.functions.get(name));
    let said = |name: String| {
        let short = name.rsplit('.').next().unwrap_or(&name).to_owned();
        format!("the undo of `{at}` uses `{short}`, which is another")
    };
    other.map(said).into_iter().collect()
}

/// The functions that are called within a form.
fn functions(form: &Value, found: &mut Vec<String>) {
    match form {
        Value::Array(items) => items.iter().for_each(|item| functions(item, found)),
        Value::Object(fields) => {
            if let Some([Value::String(name), Value::Array(_)]) =
                fields.get("call").and_then(Value::as_array).map(Vec::as_slice)
            {
                found.push(name.clone());
            }
            fields.values().for_each(|inner| functions(inner, found));
        }
        _ => {}
    }
}

/// What an armed undo holds, and cannot be read as what it is now.
fn holds(both: Both<'_>, was: &StepStmt, is: &StepStmt) -> Vec<String> {
    fn held(step: &StepStmt) -> Vec<LocalId> {
        let CallUndo::Block { capture, result, .. } = &step.undo else { return Vec::new() };
        let own = capture.iter().map(|(local, _)| *local).chain(*result);
        own.chain(step.block.iter().flat_map(|block| block.keeps.iter().copied())).collect()
    }
    let name = |locals: &[sagaflow_fir::Local], id: LocalId| {
        locals.get(id.0 as usize).map(|local| local.name.clone())
    };
    let wanted = held(is);
    let why = held(was).into_iter().filter_map(|was| {
        let own = name(&both.was.locals, was);
        let other = wanted.iter().find(|is| name(&both.is.locals, **is) == own)?;
        both.bound(Some(was), Some(*other))
    });
    why.map(|why| format!("the undo of `{}`: {why}", was.at)).collect()
}

/// What has changed of the actions that an undo calls, each once.
fn promises(both: Both<'_>, undo: &Value) -> Vec<String> {
    let mut called = BTreeSet::new();
    calls(undo, &mut called);
    let other = |(service, action): &(String, String)| {
        let was = both.old.action(service, action)?;
        let short = service.rsplit('.').next().unwrap_or(service);
        let why = match both.new.action(service, action) {
            None => "is not there any more".to_owned(),
            Some(is) => changed(both.old, was, both.new, is)?,
        };
        Some(format!("`{short}.{action}`, which undoes, {why}"))
    };
    called.iter().filter_map(other).collect()
}

/// The calls within a form, probes among them.
fn calls(form: &Value, found: &mut BTreeSet<(String, String)>) {
    match form {
        Value::Array(items) => {
            if let [Value::String(service), Value::String(action), Value::Array(_), ..] = &items[..]
            {
                found.insert((service.clone(), action.clone()));
            }
            items.iter().for_each(|item| calls(item, found));
        }
        Value::Object(fields) => {
            if let (Some(service), Some(action)) =
                (form["service"].as_str(), form["action"].as_str())
            {
                found.insert((service.to_owned(), action.to_owned()));
            }
            fields.values().for_each(|inner| calls(inner, found));
        }
        _ => {}
    }
}
