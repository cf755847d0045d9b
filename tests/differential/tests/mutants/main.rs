//! Wrong twins: a machine that is wrong in one way only must be told from the right one.
//!
//! Here the interpreter is wrong; in [`emitter`] the generated Rust is.

mod emitter;

use sagaflow::codegen::{
    Draw, Event, Fault, Frame, Leave, Machine, Move, Next, Op, Values, WorkflowSpec,
};
use sagaflow_differential::{compare, fir};
use sagaflow_fir::Fir;
use sagaflow_interp::Interpreter;
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::sync::Arc;

sagaflow_macros::include_flow!(
    "flows/diff/steps.flow",
    "flows/diff/blocks.flow",
    "flows/diff/more.flow"
);

/// Traces within which a wrong twin must be found.
const TRACES: u64 = 400;

/// What a twin does wrong with an event before, and with the answer after.
#[derive(Clone, Copy)]
enum Wrong {
    Nothing,
    /// Changes what happened.
    Event(fn(Event) -> Event),
    /// Changes the answer.
    Answer(fn(Move) -> Move),
    /// Says yes to every event.
    Matches,
}

/// A machine with the tables of the right one, so that only what it does can give it away.
struct Twin {
    machine: Interpreter,
    spec: WorkflowSpec,
    wrong: Wrong,
}

impl Machine for Twin {
    fn spec(&self) -> &WorkflowSpec {
        &self.spec
    }

    fn resume(&self, frame: &Frame, event: Event, draw: &mut Draw) -> Result<Move, Fault> {
        let event = match self.wrong {
            Wrong::Event(change) => change(event),
            _ => event,
        };
        let answer = self.machine.resume(frame, event, draw)?;
        Ok(match self.wrong {
            Wrong::Answer(change) => change(answer),
            _ => answer,
        })
    }

    fn matches(&self, frame: &Frame, index: usize, event: &Json) -> Result<bool, Fault> {
        match self.wrong {
            Wrong::Matches => Ok(true),
            _ => self.machine.matches(frame, index, event),
        }
    }

    fn key(&self, input: &Values) -> Result<Option<Json>, Fault> {
        self.machine.key(input)
    }

    fn classes(&self, input: &Values) -> Result<Vec<Json>, Fault> {
        self.machine.classes(input)
    }

    fn indexed(&self, input: &Values) -> Result<Vec<Json>, Fault> {
        self.machine.indexed(input)
    }

    fn given(&self, from: u32, index: usize, input: &Values) -> Result<Json, Fault> {
        self.machine.given(from, index, input)
    }
}

/// The first difference between a generated machine and a twin over `program`.
fn found(right: &dyn Machine, program: Fir, wrong: Wrong) -> Option<String> {
    let machine = Interpreter::new(Arc::new(program), &right.spec().name).expect("it still runs");
    let twin = Twin { machine, spec: right.spec().clone(), wrong };
    (0..TRACES).find_map(|seed| compare(right, &twin, seed).err())
}

/// The programs whose tree is changed as JSON: every object that `change` answers true for counts.
fn changed(change: &dyn Fn(&mut Json) -> bool) -> Fir {
    // What services promise is for holding them to it; no machine looks at it.
    let program = Fir { promises: BTreeMap::default(), ..(*fir("flows")).clone() };
    let mut tree = serde_json::to_value(&program).expect("a program is JSON");
    assert!(walk(&mut tree, change) > 0, "the mutation changes nothing");
    serde_json::from_value(tree).expect("the changed tree is still a program")
}

fn walk(tree: &mut Json, change: &dyn Fn(&mut Json) -> bool) -> usize {
    let inside: usize = match tree {
        Json::Array(items) => items.iter_mut().map(|item| walk(item, change)).sum(),
        Json::Object(fields) => fields.values_mut().map(|field| walk(field, change)).sum(),
        _ => 0,
    };
    inside + usize::from(change(tree))
}

/// Changes the field `name` of every object that has it; true where that changed something.
fn field(tree: &mut Json, name: &str, change: impl Fn(&mut Json)) -> bool {
    let Some(found) = tree.as_object_mut().and_then(|fields| fields.get_mut(name)) else {
        return false;
    };
    let before = found.clone();
    change(found);
    *found != before
}

fn reversed(list: &mut Json) {
    list.as_array_mut().into_iter().for_each(|list| list.reverse());
}

fn answer(change: fn(&mut Move), mut answer: Move) -> Move {
    change(&mut answer);
    answer
}

/// Asserts that a mutation of the program is found in the machine.
fn tree(right: &dyn Machine, what: &str, change: &dyn Fn(&mut Json) -> bool) {
    let differ = found(right, changed(change), Wrong::Nothing);
    assert!(differ.is_some(), "{what}: nobody noticed");
}

/// Asserts that a mutation of the behaviour is found in the machine.
fn behaviour(right: &dyn Machine, what: &str, wrong: Wrong) {
    let differ = found(right, (*fir("flows")).clone(), wrong);
    assert!(differ.is_some(), "{what}: nobody noticed");
}

#[test]
fn a_twin_that_is_not_wrong_is_not_told_apart() {
    let rights: [&dyn Machine; 2] = [&steps::__w1_take::machine(), &blocks::__w1_loops::machine()];
    for right in rights {
        assert_eq!(found(right, (*fir("flows")).clone(), Wrong::Nothing), None);
    }
}

#[test]
fn a_program_changed_in_a_step_is_told_apart() {
    let right = steps::__w1_take::machine();
    tree(&right, "an undo is dropped", &|it| field(it, "undo", |undo| *undo = json!("none")));
    tree(&right, "handlers are swapped", &|it| field(it, "on", reversed_remedies));
    tree(&right, "a handler is lost", &|it| {
        field(it, "on", |on| on.as_array_mut().into_iter().for_each(|on| drop(on.pop())))
    });
    tree(&right, "a failing block goes on", &|it| {
        // Workflows and actions have `fails` too, of another kind.
        it.get("fails").is_some_and(Json::is_boolean) && field(it, "fails", |it| *it = json!(false))
    });
    tree(&right, "the key is dropped", &|it| {
        // Contracts have a `by` too; the calls are meant.
        it.get("probe").is_some() && field(it, "by", |by| *by = Json::Null)
    });
    tree(&right, "the fallback is dropped", &|it| field(it, "fallback", |it| *it = Json::Null));
    tree(&right, "too little is kept", &|it| {
        field(it, "live", |live| live.as_array_mut().into_iter().for_each(|it| drop(it.pop())))
    });
    tree(&right, "`if` and `else` are swapped", &|it| {
        field(it, "if", |it| it.as_array_mut().into_iter().for_each(|it| it.swap(1, 2)))
    });
}

/// Handlers stay where they are; what they do moves.
fn reversed_remedies(on: &mut Json) {
    let Some(handlers) = on.as_array_mut() else { return };
    let mut remedies: Vec<Json> =
        handlers.iter_mut().filter_map(|it| Some(it.get_mut("remedy")?.take())).collect();
    remedies.reverse();
    for (handler, remedy) in handlers.iter_mut().zip(remedies) {
        if let Some(place) = handler.get_mut("remedy") {
            *place = remedy;
        }
    }
}

#[test]
fn a_program_changed_in_a_block_is_told_apart() {
    let loops = blocks::__w1_loops::machine();
    tree(&loops, "`again` keeps the old values", &|it| {
        field(it, "again", |values| *values = json!([]))
    });
    tree(&loops, "a loop turns once more", &|it| {
        field(it, "times", |times| {
            if let Some(count) = times.as_u64() {
                *times = json!(count + 1);
            }
        })
    });
    tree(&loops, "a settled turn is no unit", &|it| {
        field(it, "settle", |settle| *settle = json!(false))
    });
    tree(&loops, "`skip` goes on", &|it| field(it, "skips", |it| *it = json!(false)));
    let branches = blocks::__w0_branches::machine();
    tree(&branches, "branches change places", &|it| field(it, "fixed", reversed));
    let scopes = blocks::__w2_scopes::machine();
    tree(&scopes, "arms change places", &|it| field(it, "arms", reversed));
}

#[test]
fn a_machine_that_answers_wrongly_is_told_apart() {
    let scopes = blocks::__w2_scopes::machine();
    let loops = blocks::__w1_loops::machine();
    let branches = blocks::__w0_branches::machine();
    let take = steps::__w1_take::machine();
    behaviour(&scopes, "`Leave` is missing", Wrong::Answer(|it| answer(no_leave, it)));
    behaviour(&scopes, "interrupts are missing", Wrong::Answer(|it| answer(deaf, it)));
    behaviour(&scopes, "every event fits", Wrong::Matches);
    behaviour(&loops, "the iteration is wrong", Wrong::Answer(|it| answer(ahead, it)));
    behaviour(&loops, "operations change places", Wrong::Answer(|it| answer(backwards, it)));
    behaviour(&branches, "what is given is reversed", Wrong::Event(reversed_ends));
    behaviour(&take, "`skip` and failing are one", Wrong::Answer(|it| answer(goes_on, it)));
    behaviour(&take, "the payload is lost", Wrong::Event(no_payload));
}

fn no_leave(answer: &mut Move) {
    answer.ops.retain(|op| !matches!(op, Op::Leave { .. }));
}

fn deaf(answer: &mut Move) {
    for op in &mut answer.ops {
        if let Op::Enter { interrupts, .. } = op {
            interrupts.clear();
        }
    }
}

fn ahead(answer: &mut Move) {
    if let Next::Call { frame, .. } = &mut answer.next
        && let Some(index) = frame.iteration.last_mut()
    {
        *index += 1;
    }
}

fn backwards(answer: &mut Move) {
    answer.ops.reverse();
}

fn goes_on(answer: &mut Move) {
    answer.leave = Leave::GoOn;
}

fn reversed_ends(event: Event) -> Event {
    match event {
        Event::Joined(mut ends) => {
            ends.reverse();
            Event::Joined(ends)
        }
        other => other,
    }
}

fn no_payload(event: Event) -> Event {
    match event {
        Event::Failed(mut failure) => {
            failure.payload = Json::Null;
            Event::Failed(failure)
        }
        other => other,
    }
}
