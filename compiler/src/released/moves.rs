//! Where a run of one version may go on with another: frame subtyping, point by durable point.
//!
//! A run may move where (1) the point is in both, within the same blocks; (2) everything that the new
//! version needs there is in the frame, with a type that it can read; (3) the same steps that commit
//! stand before it; (4) every undo that may be armed there is the same in both, and so is what the
//! actions promise that it calls. What is not proven is refused.

use super::contracts::changed;
use super::fit::{Fit, Reader};
use super::tree;
use sagaflow_fir::{Fir, Frozen, Local, Point, Ty, Workflow};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Whether a run that rests at a point may move.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Move {
    /// The durable point, as paths name it.
    pub at: String,
    /// Why not; empty where it may.
    pub because: Vec<String>,
    /// The values that the new version needs there and the old frame lacks; each is a reason too.
    pub lacks: Vec<String>,
}

/// Values that a run is given when it moves, by name, each with the names that it is made from.
pub(super) type Given = BTreeMap<String, Vec<String>>;

/// The durable points of `old`, in the order of the program, each with what forbids a run that rests
/// there to go on with `new`.
#[must_use]
pub fn moves(old: &Frozen, new: &Frozen) -> Vec<Move> {
    moves_with(old, new, &Given::new())
}

/// The same where a run that moves is given values.
pub(super) fn moves_with(old: &Frozen, new: &Frozen, given: &Given) -> Vec<Move> {
    let (Some(was), Some(is)) =
        (old.fir.workflows.get(&old.workflow), new.fir.workflows.get(&new.workflow))
    else {
        return Vec::new();
    };
    let (before, after) = (Order::of(old), Order::of(new));
    let mut points: Vec<(&String, &Point)> = was.points.iter().collect();
    points.sort_by_key(|(at, _)| before.place(at));
    let row = |(at, point): (&String, &Point)| {
        let (mut because, mut lacks) = (Vec::new(), Vec::new());
        match is.points.get(at) {
            None => because.push("there is no such point any more".to_owned()),
            Some(other) => {
                if point.path != other.path || before.stack(at) != after.stack(at) {
                    because.push("it stands within other blocks".to_owned());
                }
                for (name, why) in values((&old.fir, was, point), (&new.fir, is, other), given) {
                    because.push(why);
                    lacks.extend(name);
                }
                because.extend(before.commits(at, &after));
                because.extend(before.undos(at, &after));
                because.extend(promises(&old.fir, &new.fir, &before.armed(at)));
            }
        }
        Move { at: at.clone(), because, lacks }
    };
    points.into_iter().map(row).collect()
}

/// What is needed at a point and neither there nor given, with its name, or of a type that cannot be
/// read.
fn values(
    (old, was, before): (&Fir, &Workflow, &Point),
    (new, is, after): (&Fir, &Workflow, &Point),
    given: &Given,
) -> Vec<(Option<String>, String)> {
    fn live<'w>(workflow: &'w Workflow, point: &'w Point) -> BTreeMap<&'w str, &'w Ty> {
        let local = |id: &sagaflow_fir::LocalId| workflow.locals.get(id.0 as usize);
        let bound = point.live.iter().filter_map(local);
        let bound = bound.map(|Local { name, ty }| (name.as_str(), ty));
        bound.chain(point.hidden.iter().map(|(name, ty)| (name.as_str(), ty))).collect()
    }
    let had = live(was, before);
    let need = live(is, after);
    let reads = |name: &str, ty: &Ty| match had.get(name) {
        None => Some(format!("`{name}`, which the old frame lacks")),
        Some(had) => Fit::new(old, new, Reader::Today).ty(had, ty, &format!("`{name}`")),
    };
    // What a value is made from is a parameter of the new version.
    let param = |name: &str| is.params.iter().find(|it| it.name == name).map(|it| &it.ty);
    let made = |from: &Vec<String>| {
        from.iter().find_map(|name| param(name).and_then(|ty| reads(name, ty)))
    };
    let judge = |(name, ty): (&str, &Ty)| match (had.contains_key(name), given.get(name)) {
        (true, _) => reads(name, ty).map(|why| (None, why)),
        (false, Some(from)) => made(from).map(|why| (None, format!("`{name}` is made from {why}"))),
        (false, None) => {
            reads(name, ty).map(|why| (Some(name.to_owned()), format!("it needs {why}")))
        }
    };
    need.into_iter().filter_map(judge).collect()
}

/// What has changed of the actions that armed undos call, each once.
fn promises(old: &Fir, new: &Fir, armed: &[&(usize, String, Value)]) -> Vec<String> {
    let mut called = BTreeSet::new();
    armed.iter().for_each(|(_, _, undo)| calls(undo, &mut called));
    let other = |(service, action): &(String, String)| {
        let was = old.action(service, action)?;
        let short = service.rsplit('.').next().unwrap_or(service);
        let why = match new.action(service, action) {
            None => "is not there any more".to_owned(),
            Some(is) => changed(old, was, new, is)?,
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

/// A workflow as a list of its points, with what stands around and before each.
#[derive(Default)]
struct Order {
    /// Points in order, with the blocks around each.
    points: Vec<(String, Vec<String>)>,
    /// Steps that commit: how many points stand before, and which step it is.
    commits: Vec<(usize, String)>,
    /// Undos, likewise, with their form.
    undos: Vec<(usize, String, Value)>,
}

impl Order {
    fn of(frozen: &Frozen) -> Self {
        let program = tree::program(frozen);
        let workflow = &program["workflows"][&frozen.workflow];
        let mut order = Self::default();
        order.points.push(("start".to_owned(), Vec::new()));
        order.block(&workflow["body"], &[]);
        if !workflow["aftermath"].is_null() {
            order.points.push(("after".to_owned(), Vec::new()));
            order.block(&workflow["aftermath"], &["after".to_owned()]);
        }
        order
    }

    /// Everything within a form: whatever has an `at` is a point.
    fn block(&mut self, form: &Value, around: &[String]) {
        match form {
            Value::Array(items) => items.iter().for_each(|item| self.block(item, around)),
            Value::Object(fields) => {
                let at = fields.get("at").and_then(Value::as_str);
                if let Some(at) = at {
                    self.points.push((at.to_owned(), around.to_vec()));
                    self.step(at, form);
                }
                for (key, inner) in fields {
                    let within = match (key.as_str(), at) {
                        (
                            "undo" | "fallback" | "handlers" | "interrupts" | "body" | "branches"
                            | "block" | "otherwise",
                            Some(at),
                        ) => {
                            let mut within = around.to_vec();
                            within.push(format!("{key} of {at}"));
                            within
                        }
                        _ => around.to_vec(),
                    };
                    self.block(inner, &within);
                }
            }
            _ => {}
        }
    }

    fn step(&mut self, at: &str, form: &Value) {
        let place = self.points.len();
        if form["commits"] == Value::Bool(true) {
            self.commits.push((place, at.to_owned()));
        }
        let undo = &form["undo"];
        if undo.get("block").is_some() {
            self.undos.push((place, at.to_owned(), undo.clone()));
        }
    }

    /// Where a point stands; the last, where it is none of a statement.
    fn place(&self, at: &str) -> usize {
        self.points.iter().position(|(other, _)| other == at).unwrap_or(self.points.len())
    }

    fn stack(&self, at: &str) -> &[String] {
        self.points.iter().find(|(other, _)| other == at).map_or(&[], |(_, around)| around)
    }

    /// Whether what stands at this place may have happened when a run rests at the point: it stands
    /// before it, or in a block around it, which may be a loop.
    fn may_precede(&self, at: &str, place: usize) -> bool {
        let around = self.stack(at).first();
        let shares = || {
            let other = place.checked_sub(1).and_then(|place| self.points.get(place));
            around.is_some() && other.is_some_and(|(_, other)| other.first() == around)
        };
        place <= self.place(at) + 1 || shares()
    }

    fn commits(&self, at: &str, new: &Self) -> Option<String> {
        fn before<'o>(order: &'o Order, at: &str) -> Vec<&'o str> {
            let all = order.commits.iter();
            let all = all.filter(|(place, _)| *place <= order.place(at));
            all.map(|(_, at)| at.as_str()).collect()
        }
        let (was, is) = (before(self, at), before(new, at));
        let other = is.iter().find(|at| !was.contains(at));
        let gone = was.iter().find(|at| !is.contains(at));
        match (gone, other) {
            (Some(at), _) => Some(format!("`{at}` has committed the run, and would not have")),
            (None, Some(at)) => Some(format!("`{at}` would have committed the run")),
            (None, None) => None,
        }
    }

    /// The undos that may be armed where a run rests.
    fn armed(&self, at: &str) -> Vec<&(usize, String, Value)> {
        self.undos.iter().filter(|(place, _, _)| self.may_precede(at, *place)).collect()
    }

    fn undos(&self, at: &str, new: &Self) -> Vec<String> {
        self.armed(at)
            .into_iter()
            .filter_map(|(_, step, undo)| {
                match new.undos.iter().find(|(_, other, _)| other == step) {
                    None => Some(format!("the undo of `{step}` is not there any more")),
                    Some((_, _, other)) if other != undo => {
                        Some(format!("the undo of `{step}` is another"))
                    }
                    Some(_) => None,
                }
            })
            .collect()
    }
}
