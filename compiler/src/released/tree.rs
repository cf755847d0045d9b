//! Intermediate forms as trees of JSON that are compared: locals by name instead of by number.
//!
//! A number of a local says how many were bound before it, so one more statement at the beginning
//! would make everything behind it look different. What an expression binds is in no frame, so it has no
//! name either, and stands by the place where that expression names it first.

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
    fir.forget_names_inside();
    let mut json = serde_json::to_value(&fir).expect("FIR has only text as map keys");
    for (name, workflow) in &fir.workflows {
        name_in(&mut json, "workflows", name, &workflow.locals);
    }
    for (name, human) in &fir.humans {
        name_in(&mut json, "humans", name, &human.locals);
    }
    json
}

fn name_in(json: &mut Value, section: &str, name: &str, locals: &[Local]) {
    if let Some(found) = json.get_mut(section).and_then(|all| all.get_mut(name)) {
        Names::of(locals).put(found, "");
    }
}

/// An undo by itself, of a form without policy.
pub(super) fn undo(undo: &CallUndo, locals: &[Local]) -> Value {
    let mut json = serde_json::to_value(undo).expect("FIR has only text as map keys");
    Names::of(locals).put(&mut json, "");
    json
}

/// What stands in the place of a local's number.
struct Names<'l> {
    locals: &'l [Local],
    /// Within an expression, what it binds, by the order in which it names that.
    inside: BTreeMap<usize, usize>,
    /// Whether an expression stands around.
    within: bool,
}

impl Names<'_> {
    fn of(locals: &[Local]) -> Names<'_> {
        Names { locals, inside: BTreeMap::new(), within: false }
    }

    fn name(&mut self, index: usize) -> Option<Value> {
        match self.locals.get(index)?.name.as_str() {
            "" => {
                let next = self.inside.len();
                Some(Value::from(*self.inside.entry(index).or_insert(next)))
            }
            name => Some(Value::from(name)),
        }
    }

    fn put(&mut self, json: &mut Value, key: &str) {
        match json {
            Value::Number(number) if LOCALS.contains(&key) => {
                let index = number.as_u64().and_then(|index| usize::try_from(index).ok());
                if let Some(named) = index.and_then(|index| self.name(index)) {
                    *json = named;
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.put(item, key)),
            Value::Object(fields) => {
                let outermost =
                    !self.within && fields.contains_key("kind") && fields.contains_key("ty");
                if outermost {
                    self.within = true;
                    self.inside.clear();
                }
                let named = fields.iter_mut().filter(|(key, _)| !VALUES.contains(&key.as_str()));
                named.for_each(|(key, value)| self.put(value, key));
                self.within &= !outermost;
            }
            _ => {}
        }
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
