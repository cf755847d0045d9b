//! What of the language a program uses, from the form in which both machines execute it.

use sagaflow::codegen::Json;
use sagaflow_fir::Fir;
use std::collections::BTreeSet;

/// Statements that stand for themselves in a block.
const STATEMENTS: [&str; 22] = [
    "again", "await", "each", "emit", "fail", "fork", "give", "if", "let", "manual", "match",
    "pass", "progress", "reject", "repeat", "reply", "return", "review", "scope", "skip", "step",
    "use",
];

/// The constructs in the workflows, functions and decisions of a program: statements, their clauses,
/// expressions with their operators, methods and built-ins, patterns, and types of values.
///
/// # Panics
/// Where a program is no JSON, which its own form excludes.
#[must_use]
pub fn constructs(fir: &Fir) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for workflow in fir.workflows.values() {
        see(&serde_json::to_value(workflow).expect("a workflow is JSON"), &mut found);
    }
    for function in fir.functions.values() {
        see(&serde_json::to_value(function).expect("a function is JSON"), &mut found);
    }
    found
}

fn see(json: &Json, found: &mut BTreeSet<String>) {
    match json {
        Json::Array(items) => {
            for item in items {
                statement(item, found);
                see(item, found);
            }
        }
        Json::Object(fields) => {
            let expression = fields.contains_key("ty") && fields.contains_key("kind");
            for (name, value) in fields {
                if expression && name == "kind" {
                    kind(value, found);
                }
                clause(name, value, found);
                see(value, found);
            }
        }
        _ => {}
    }
}

/// The name of a variant: of `"a"` and `{ "a": … }` it is `a`.
fn variant(json: &Json) -> Option<&str> {
    match json {
        Json::String(name) => Some(name),
        Json::Object(fields) if fields.len() == 1 => fields.keys().next().map(String::as_str),
        _ => None,
    }
}

fn statement(json: &Json, found: &mut BTreeSet<String>) {
    if let Some(name) = variant(json).filter(|name| STATEMENTS.contains(name)) {
        found.insert(format!("statement {name}"));
    }
}

/// An expression; with its operator, method or built-in.
fn kind(json: &Json, found: &mut BTreeSet<String>) {
    let Some(name) = variant(json) else { return };
    found.insert(format!("expression {name}"));
    let parts = json.get(name).and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default();
    match (name, parts) {
        ("unary" | "binary", [Json::String(operator), ..]) => {
            found.insert(format!("operator {operator}"));
        }
        ("builtin", [Json::String(builtin), ..]) => {
            found.insert(format!("built-in {builtin}"));
        }
        ("method" | "optional_method", [_, method, ..]) => {
            let part = |name: &str| method.get(name).and_then(Json::as_str).unwrap_or_default();
            found.insert(format!("method {}.{}", part("of"), part("name")));
        }
        ("match", [_, Json::Array(arms)]) => {
            for arm in arms {
                if let Some(pattern) = arm.get(0).and_then(variant) {
                    found.insert(format!("pattern {pattern}"));
                }
            }
        }
        _ => {}
    }
}

/// A clause, where it is there at all.
fn clause(name: &str, json: &Json, found: &mut BTreeSet<String>) {
    let there = match name {
        "wait" | "remedy" | "otherwise" | "undo" | "branches" | "on" | "pattern" | "ty" => {
            found.extend(variant(json).map(|variant| format!("{name} {variant}")));
            return;
        }
        "by" | "probe" | "fallback" | "until" | "times" | "max" | "retry" | "rest"
        | "aftermath" | "bind" => !json.is_null(),
        "settle" | "keep" | "fresh" | "commits" | "skips" | "fails" | "optional" => {
            *json == Json::Bool(true)
        }
        "interrupts" => json.as_array().is_some_and(|interrupts| !interrupts.is_empty()),
        _ => false,
    };
    if there {
        found.insert(format!("clause {name}"));
    }
}
