//! What differs between two versions of a workflow, in words.
//!
//! Promises: something is said wherever the hashes differ; policy and meaning are told apart as the
//! hash tells them apart. What merely follows from a difference that is said is left out.

use super::align::align;
use super::tree::{self, identity, is_block, words};
use crate::words::duration;
use sagaflow_fir::Frozen;
use serde_json::Value;
use std::collections::BTreeSet;

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Where, ``the step `charge` ``.
    pub place: String,
    /// What, `its undo is another`.
    pub what: String,
    /// Whether it leaves the meaning alone.
    pub policy: bool,
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.place.as_str() {
            "" => f.write_str(&self.what),
            place => write!(f, "{place}: {}", self.what),
        }
    }
}

/// Everything that differs between two versions, in the order of the program: first what stands in
/// the workflow, then what it names.
#[must_use]
pub fn differences(old: &Frozen, new: &Frozen) -> Vec<Difference> {
    let (was, is) = (tree::program(old), tree::program(new));
    let mut differ =
        Differ { place: String::new(), event: false, tag: String::new(), found: vec![] };
    if let (Some(was), Some(is)) =
        (was["workflows"].get(&old.workflow), is["workflows"].get(&new.workflow))
    {
        differ.workflow(was, is);
    }
    for (section, word) in [
        ("types", "the type"),
        ("events", "the event"),
        ("humans", "the task"),
        ("functions", "the function"),
        ("services", "the service"),
        ("databases", "the database"),
    ] {
        for (name, was) in was[section].as_object().into_iter().flatten() {
            // What only one of them names follows from what is said of the workflow.
            let Some(now) = is[section].get(name) else { continue };
            // The payload of an event is said of the event.
            if section == "types" && is["events"].get(name).is_some() {
                continue;
            }
            differ.place = format!("{word} `{}`", name.rsplit('.').next().unwrap_or(name));
            differ.event = section == "events";
            differ.declared(section, was, now);
        }
    }
    let mut found = differ.found;
    let mut seen = BTreeSet::new();
    found.retain(|it| seen.insert((it.place.clone(), it.what.clone())));
    let same = same_meaning(old, new);
    if !same && found.iter().all(|it| it.policy) {
        let what = "what it holds, or the type of something in it, is another".to_owned();
        found.push(Difference { place: "the workflow".to_owned(), what, policy: false });
    }
    if same {
        found.iter_mut().for_each(|it| it.policy = true);
    }
    found
}

/// Whether they mean the same under another number, which is part of the hash.
fn same_meaning(old: &Frozen, new: &Frozen) -> bool {
    let mut renumbered = new.fir.clone();
    if let Some(workflow) = renumbered.workflows.get_mut(&new.workflow) {
        workflow.version = old.version;
    }
    renumbered.hash(&new.workflow) == old.hash
}

struct Differ {
    place: String,
    /// Within an event, whose `retain` is meaning.
    event: bool,
    /// The kind of the statement around.
    tag: String,
    found: Vec<Difference>,
}

impl Differ {
    fn say(&mut self, policy: bool, what: impl Into<String>) {
        let place = self.place.clone();
        self.found.push(Difference { place, what: what.into(), policy });
    }

    fn workflow(&mut self, was: &Value, is: &Value) {
        // What is derived from the rest, and what is said of it otherwise.
        const DERIVED: [&str; 7] =
            ["version", "locals", "points", "failure", "module", "unsupported", "policy_locals"];
        self.place = "the workflow".to_owned();
        for key in keys(was, is).into_iter().filter(|key| !DERIVED.contains(&key.as_str())) {
            if !matches!(key.as_str(), "body" | "aftermath") {
                self.walk(&was[&key], &is[&key], &key);
            }
        }
        for key in ["body", "aftermath"] {
            self.place = "the workflow".to_owned();
            match (was[key].is_null(), is[key].is_null()) {
                (false, false) => self.block(&was[key], &is[key]),
                (true, true) => {}
                (gone, _) => {
                    self.say(
                        false,
                        format!("`after failure` is {}", if gone { "new" } else { "gone" }),
                    );
                }
            }
        }
    }

    fn declared(&mut self, section: &str, was: &Value, is: &Value) {
        if !matches!(section, "services" | "databases") {
            return self.walk(was, is, "decl");
        }
        let service = std::mem::take(&mut self.place);
        for (action, was) in was["actions"].as_object().into_iter().flatten() {
            let Some(is) = is["actions"].get(action) else { continue };
            self.place = format!("{service}, `{action}`");
            self.walk(was, is, "action");
        }
        self.place = service;
        for key in ["same_as", "breaker", "limit"] {
            self.walk(&was[key], &is[key], key);
        }
    }

    fn walk(&mut self, was: &Value, is: &Value, key: &str) {
        // The types of names follow from what is bound to them.
        if was == is || key == "locals" {
            return;
        }
        if self.event && key == "key" {
            return self.say(false, "its key is another");
        }
        if let Some(what) = self.policy(key, was, is) {
            return self.say(true, changed(what, was, is));
        }
        if is_block(was) && is_block(is) {
            return self.block(was, is);
        }
        match (was, is) {
            (Value::Object(old), Value::Object(new)) if !is_expr(was) && !is_expr(is) => {
                // Another kind of the same thing: nothing inside can be compared.
                if old.len() == 1 && new.len() == 1 && old.keys().ne(new.keys()) {
                    return self.say(false, changed(meaning(key), was, is));
                }
                for inner in keys(was, is) {
                    let key = if matches!(inner.as_str(), "ty") { key } else { inner.as_str() };
                    self.walk(&was[&inner], &is[&inner], key);
                }
            }
            (Value::Array(old), Value::Array(new)) if key == "probe" && old.len() == new.len() => {
                let same = old.iter().zip(new).take(3).all(|(old, new)| old == new);
                self.say(
                    same,
                    if same {
                        "the `within` of its probe is another"
                    } else {
                        "its `probe` is another"
                    },
                );
            }
            (Value::Array(old), Value::Array(new))
                if key == "reject" && old.first() == new.first() =>
            {
                self.say(true, "the reason it gives is another");
            }
            (Value::Array(old), Value::Array(new)) if are_named(old) && are_named(new) => {
                self.named(old, new, key);
            }
            (Value::Array(old), Value::Array(new)) if old.len() == new.len() => {
                for (was, is) in old.iter().zip(new) {
                    self.walk(was, is, key);
                }
            }
            _ => self.say(false, changed(meaning(key), was, is)),
        }
    }

    /// Statements in order: those that are known again are compared, the others are gone or new.
    fn block(&mut self, was: &Value, is: &Value) {
        let (Some(was), Some(is)) = (was.as_array(), is.as_array()) else { return };
        let (old, new): (Vec<_>, Vec<_>) =
            (was.iter().map(identity).collect(), is.iter().map(identity).collect());
        let around = (self.place.clone(), self.tag.clone());
        for pair in align(&old, &new) {
            match pair {
                (Some(at), Some(other)) => {
                    let (Some((tag, was)), Some((_, is))) =
                        (tree::statement(&was[at]), tree::statement(&is[other]))
                    else {
                        continue;
                    };
                    self.place = match tag {
                        "if" | "match" => around.0.clone(),
                        _ => words(&old[at]),
                    };
                    tag.clone_into(&mut self.tag);
                    self.walk(was, is, tag);
                }
                (Some(gone), None) => {
                    self.place.clone_from(&around.0);
                    self.say(false, format!("{} is gone", words(&old[gone])));
                }
                (None, Some(added)) => {
                    self.place.clone_from(&around.0);
                    self.say(false, format!("{} is new", words(&new[added])));
                }
                (None, None) => {}
            }
            (self.place, self.tag) = around.clone();
        }
    }

    /// Fields, parameters, variants and errors, by name.
    fn named(&mut self, old: &[Value], new: &[Value], key: &str) {
        let name = |it: &Value| it["name"].as_str().unwrap_or_default().to_owned();
        let (before, after): (Vec<_>, Vec<_>) =
            (old.iter().map(name).collect(), new.iter().map(name).collect());
        let word = match key {
            "params" => "parameter",
            "fails" | "errors" => "error",
            "enum" => "variant",
            _ => "field",
        };
        for gone in before.iter().filter(|name| !after.contains(name)) {
            self.say(false, format!("the {word} `{gone}` is gone"));
        }
        for (is, name) in new.iter().zip(&after) {
            match old.iter().zip(&before).find(|(_, before)| *before == name) {
                None => self.say(false, format!("the {word} `{name}` is new")),
                Some((was, _)) if was == is => {}
                Some((was, _)) if was["ty"] != is["ty"] => {
                    self.say(
                        false,
                        changed(&format!("the {word} `{name}`"), &was["ty"], &is["ty"]),
                    );
                }
                Some(_) => self.say(false, format!("the {word} `{name}` is another")),
            }
        }
        let sorted = |names: &[String]| names.iter().cloned().collect::<BTreeSet<_>>();
        if before != after && sorted(&before) == sorted(&after) {
            self.say(false, format!("the order of its {word}s is another"));
        }
    }

    /// What is policy, as `hash` says it.
    fn policy(&self, key: &str, was: &Value, is: &Value) -> Option<&'static str> {
        let both = |key: &str| was[key].is_null() == is[key].is_null();
        Some(match key {
            "within_ms" => "its `within`",
            "until" if is_span(was) && is_span(is) => "its `within`",
            "deadline_ms" if was.is_null() == is.is_null() => "its `deadline`",
            "retry"
                if was.is_object() == is.is_object()
                    && both("attempts")
                    && was["on"] == is["on"] =>
            {
                "its `retry`"
            }
            "retain_ms" if !self.event => "its `retain`",
            "concurrency" => "its `concurrency`",
            "indexed" => "its `index by`",
            "max" if self.tag == "fork" => "how many branches run at once",
            "up_to" | "every_ms" => "how its batches are gathered",
            "breaker" => "its `breaker`",
            "limit" => "its `limit`",
            "title" => "its `title`",
            "assign" => "its `assign`",
            "show" => "what it shows",
            "progress" | "review" => "what it tells",
            "manual" => "what it asks",
            "text" if matches!(self.tag.as_str(), "manual" | "ask") => "what it asks",
            "waived" => "its reason",
            _ => return None,
        })
    }
}

/// What a part of the form is called.
fn meaning(key: &str) -> &str {
    match key {
        "args" => "what it is called with",
        "by" | "key" => "its `idempotent by`",
        "idempotent" => "whether it may be repeated",
        "key_for_ms" => "how long its key lasts",
        "service" | "action" => "what it calls",
        "class" => "its class",
        "commits" => "whether the run is committed by it",
        "bind" => "the name of what it gives",
        "undo" | "capture" | "compensation" => "its undo",
        "remedy" | "on" | "otherwise" | "handlers" | "binders" => "what is done when it fails",
        "fallback" => "its `fallback`",
        "triggers" | "event" | "param" => "what starts it, or what it is told",
        "result" => "its result",
        "answer" => "its answer",
        "until" => "until when it waits",
        "retry" => "which errors it tries again",
        "deadline_ms" => "its `deadline`",
        "over" => "what it goes through",
        "branches" => "its branches",
        "interrupts" => "what interrupts it",
        "sql" => "its `sql`",
        "let" => "its value",
        "if" | "match" => "a condition",
        "return" => "what is returned",
        "topic" => "its topic",
        _ => "what it says",
    }
}

/// `what` with what it was and is, where that is short.
fn changed(what: &str, was: &Value, is: &Value) -> String {
    match (short(what, was), short(what, is)) {
        (Some(was), Some(is)) => format!("{what} was {was} and is {is}"),
        _ if was.is_null() => format!("{what} is new"),
        _ if is.is_null() => format!("{what} is gone"),
        _ => format!("{what} is another"),
    }
}

fn short(what: &str, value: &Value) -> Option<String> {
    let timed = ["`within`", "`deadline`", "`retain`", "lasts"].iter().any(|it| what.contains(it));
    match value {
        Value::Number(ms) if timed => Some(duration(ms.as_i64()?)),
        Value::Number(number) => Some(number.to_string()),
        _ if is_span(value) => value["kind"]["literal"].as_str().map(str::to_owned),
        _ => {
            let ty: sagaflow_fir::Ty = serde_json::from_value(value.clone()).ok()?;
            Some(super::fit::words(&ty))
        }
    }
}

fn is_expr(value: &Value) -> bool {
    value.get("kind").is_some() && value.get("ty").is_some()
}

/// A duration that is written as such.
fn is_span(value: &Value) -> bool {
    value["ty"] == "duration" && value["kind"].get("literal").is_some()
}

fn are_named(items: &[Value]) -> bool {
    items.iter().all(|item| {
        item.get("name").is_some() && (item.get("ty").is_some() || item.get("fields").is_some())
    })
}

/// The keys of both, in order.
fn keys(was: &Value, is: &Value) -> BTreeSet<String> {
    let of = |value: &Value| -> Vec<String> {
        value.as_object().map(|fields| fields.keys().cloned().collect()).unwrap_or_default()
    };
    of(was).into_iter().chain(of(is)).collect()
}
