//! Intermediate forms as trees of JSON that are compared: locals by name instead of by number.
//!
//! A number of a local says how many were bound before it, so one more statement at the beginning
//! would make everything behind it look different.

use sagaflow_fir::{CallUndo, Frozen, Local};
use serde_json::Value;
use std::collections::BTreeMap;

/// Where numbers are locals.
const LOCALS: [&str; 16] = [
    "local",
    "bind",
    "pattern",
    "binders",
    "event_local",
    "capture",
    "result",
    "keeps",
    "let",
    "again",
    "vars",
    "lambda",
    "failure",
    "variant",
    "live",
    "fixed",
];

/// Where anything may stand, which is a value of the program.
const VALUES: [&str; 2] = ["literal", "default"];

/// The whole program of a version, without labels that nobody wrote. What a function binds keeps its
/// numbers: nobody outside of it knows its names.
pub(super) fn program(frozen: &Frozen) -> Value {
    let mut fir = frozen.fir.clone();
    fir.forget_inferred_labels();
    let mut json = serde_json::to_value(&fir).expect("FIR has only text as map keys");
    for (name, workflow) in &frozen.fir.workflows {
        name_in(&mut json, "workflows", name, &workflow.locals);
    }
    for (name, human) in &frozen.fir.humans {
        name_in(&mut json, "humans", name, &human.locals);
    }
    json
}

fn name_in(json: &mut Value, section: &str, name: &str, locals: &[Local]) {
    if let Some(found) = json.get_mut(section).and_then(|all| all.get_mut(name)) {
        let mut spoken = locals.to_vec();
        as_written(found, &mut spoken);
        let mut name = |index: usize| Some(Value::from(spoken.get(index)?.name.as_str()));
        name_locals(found, "", &mut name);
    }
}

/// An undo by itself. What frames hold stands by its name; what an expression binds has none in a
/// form without policy, and stands by the place where the undo names it first.
pub(super) fn undo(undo: &CallUndo, locals: &[Local]) -> Value {
    let mut json = serde_json::to_value(undo).expect("FIR has only text as map keys");
    let mut inside: BTreeMap<usize, usize> = BTreeMap::new();
    let mut name = |index: usize| match locals.get(index)?.name.as_str() {
        "" => {
            let next = inside.len();
            Some(Value::from(*inside.entry(index).or_insert(next)))
        }
        name => Some(Value::from(name)),
    };
    name_locals(&mut json, "", &mut name);
    json
}

/// The names of lambdas as they are written: which number one of them has got tells how many stood
/// before it, and no frame knows it.
fn as_written(json: &Value, locals: &mut [Local]) {
    match json {
        Value::Array(items) => items.iter().for_each(|item| as_written(item, locals)),
        Value::Object(fields) => {
            let params = fields.get("lambda").and_then(|lambda| lambda.get(0)?.as_array());
            let indices = params.into_iter().flatten().filter_map(Value::as_u64);
            for index in indices.filter_map(|index| usize::try_from(index).ok()) {
                if let Some(local) = locals.get_mut(index)
                    && let Some(end) = local.name.find('#')
                {
                    local.name.truncate(end);
                }
            }
            fields.values().for_each(|inner| as_written(inner, locals));
        }
        _ => {}
    }
}

/// Puts what `name` says in the place of every number of a local.
fn name_locals(json: &mut Value, key: &str, name: &mut dyn FnMut(usize) -> Option<Value>) {
    match json {
        Value::Number(number) if LOCALS.contains(&key) => {
            let index = number.as_u64().and_then(|index| usize::try_from(index).ok());
            if let Some(named) = index.and_then(&mut *name) {
                *json = named;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| name_locals(item, key, name)),
        Value::Object(fields) => {
            for (key, value) in fields.iter_mut().filter(|(key, _)| !VALUES.contains(&key.as_str()))
            {
                name_locals(value, key, name);
            }
        }
        _ => {}
    }
}

/// Kinds of statement, as they are tagged.
const STATEMENTS: [&str; 24] = [
    "let",
    "step",
    "await",
    "fork",
    "each",
    "repeat",
    "scope",
    "if",
    "match",
    "emit",
    "reply",
    "review",
    "reject",
    "progress",
    "manual",
    "ask",
    "fail",
    "return",
    "give",
    "again",
    "use",
    "skip",
    "pass",
    "unsupported",
];

/// The kind of a statement and what it holds; none for anything else.
pub(super) fn statement(json: &Value) -> Option<(&str, &Value)> {
    match json {
        Value::String(tag) if STATEMENTS.contains(&tag.as_str()) => Some((tag, &Value::Null)),
        Value::Object(fields) if fields.len() == 1 => {
            let (tag, inside) = fields.iter().next()?;
            STATEMENTS.contains(&tag.as_str()).then_some((tag.as_str(), inside))
        }
        _ => None,
    }
}

/// Whether it is a list of statements, or empty.
pub(super) fn is_block(json: &Value) -> bool {
    json.as_array().is_some_and(|items| items.iter().all(|item| statement(item).is_some()))
}

/// What a statement is recognised by in another version.
pub(super) fn identity(json: &Value) -> (String, String) {
    let Some((tag, inside)) = statement(json) else { return Default::default() };
    let name = match tag {
        "let" | "fail" => inside.get(0),
        "emit" => inside.get("event"),
        _ => inside.get("at"),
    };
    (tag.to_owned(), name.and_then(Value::as_str).unwrap_or_default().to_owned())
}

/// A statement as it is named to people.
pub(super) fn words(identity: &(String, String)) -> String {
    let (tag, name) = identity;
    match tag.as_str() {
        "let" => format!("`{name} = …`"),
        "step" => format!("the step `{name}`"),
        "await" => format!("the wait `{name}`"),
        "fork" => format!("the `parallel` `{name}`"),
        "each" | "repeat" | "scope" | "manual" => format!("the `{tag}` `{name}`"),
        "ask" => "the question of a `repeat`".to_owned(),
        "if" | "match" => format!("a choice (`{tag}`)"),
        "emit" | "fail" => format!("`{tag} {}`", name.rsplit('.').next().unwrap_or_default()),
        _ => format!("a `{tag}`"),
    }
}
