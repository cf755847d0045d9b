//! Records that a run rejects: one letter each, whatever they say and however often it is said.

use super::batches::{Count, WORKFLOW, home, letters, position, read};
use super::shards::Town;
use crate::codegen::{Draw, Event, Fault, Frame, Json, Machine, Move, Op, Values, WorkflowSpec};
use crate::port::ItemRow;
use crate::shard::{Actor, Answer, Arrived, BatchItem, Consumed, Input, LetterAct, Start};
use serde_json::json;
use std::sync::Arc;

/// What is rejected at a point: the places in the batch, and why.
type Says = &'static [(&'static str, &'static [usize], &'static str)];

/// Rejects the records at these places, in the order of the list.
struct Judge(Arc<Count>, Says);

impl Judge {
    fn town(says: Says, seed: u64) -> Town {
        Town::new(&[Arc::new(Self(Count::new(), says))], seed, 0)
    }
}

impl Machine for Judge {
    fn spec(&self) -> &WorkflowSpec {
        self.0.spec()
    }

    fn resume(&self, frame: &Frame, event: Event, draw: &mut Draw) -> Result<Move, Fault> {
        let mut step = self.0.program().resume(frame, event, draw)?;
        let items = frame.values["batch"]["items"].as_array().cloned().unwrap_or_default();
        for (_, places, why) in self.1.iter().filter(|(at, ..)| *at == frame.at) {
            let records: Vec<Json> = places.iter().map(|place| items[*place].clone()).collect();
            step.ops.push(Op::Reject { records, why: (*why).to_owned() });
        }
        Ok(step)
    }

    fn matches(&self, _: &Frame, _: usize, _: &Json) -> Result<bool, Fault> {
        Ok(false)
    }

    fn key(&self, input: &Values) -> Result<Option<Json>, Fault> {
        self.0.key(input)
    }

    fn classes(&self, _: &Values) -> Result<Vec<Json>, Fault> {
        Ok(Vec::new())
    }

    fn indexed(&self, _: &Values) -> Result<Vec<Json>, Fault> {
        Ok(Vec::new())
    }
}

/// Records that say these numbers, from offset 10 on.
fn alike(numbers: &[u64]) -> Consumed {
    let offsets = 10..;
    let records = offsets.zip(numbers);
    let records = records.map(|(offset, n)| {
        let whole = Some(json!({ "value": format!("bytes of {offset}"), "headers": [] }));
        let payload = json!({ "n": n });
        Arrived::Item(Box::new(BatchItem { offset, payload, own: None, whole }))
    });
    let next = 10 + numbers.len() as u64;
    Consumed { records: records.collect(), next, ..read(0, Some(10), 10) }
}

/// Has a batch of these taken in, whoever crashes.
fn gather(town: &mut Town, numbers: &[u64]) {
    while position(town, 0).is_none() {
        town.apply(home(0), Input::Consumed(read(0, None, 10)));
    }
    while position(town, 0) == Some(10) {
        town.apply(home(0), Input::Consumed(alike(numbers)));
    }
}

/// Offset and reason of every letter, by offset.
fn said(letters: &[ItemRow]) -> Vec<(u64, &str)> {
    let mut all: Vec<_> = letters
        .iter()
        .map(|it| {
            (it.body["offset"].as_u64().unwrap_or(0), it.body["message"].as_str().unwrap_or(""))
        })
        .collect();
    all.sort_unstable();
    all
}

#[test]
fn records_that_are_the_same_have_a_letter_each_though_they_are_rejected_one_by_one() {
    let mut town = Judge::town(&[("start", &[0], "first"), ("start", &[0], "second")], 1);
    gather(&mut town, &[7, 7, 8]);
    town.settle();
    assert_eq!(said(&letters(&town)), [(10, "first"), (11, "second")]);
}

#[test]
fn a_record_that_is_rejected_twice_keeps_its_letter_and_the_first_reason() {
    let says: Says = &[("start", &[0], "no page"), ("start", &[0, 1], "no good")];
    let mut town = Judge::town(says, 1);
    gather(&mut town, &[7, 8]);
    town.settle();
    assert_eq!(said(&letters(&town)), [(10, "no page"), (11, "no good")]);
}

/// It has to be there when the topic has it no more.
#[test]
fn a_rejected_record_is_in_its_letter_with_its_bytes() {
    let mut town = Judge::town(&[("a", &[1, 2], "no good")], 1);
    gather(&mut town, &[7, 8, 9]);
    town.settle();
    for letter in letters(&town) {
        let wanted = json!(format!("bytes of {}", letter.body["offset"]));
        assert_eq!((&letter.body["value"], &letter.body["headers"]), (&wanted, &json!([])));
    }
    assert_eq!(said(&letters(&town)), [(11, "no good"), (12, "no good")]);
}

#[test]
fn a_batch_that_is_rejected_whole_after_one_of_its_records_has_one_letter_for_each() {
    let says: Says = &[("start", &[1], "one"), ("a", &[0, 1, 2], "all")];
    for seed in 0..40 {
        let mut town = Judge::town(says, seed);
        town.crashes = 3;
        gather(&mut town, &[7, 7, 7]);
        town.settle();
        assert_eq!(said(&letters(&town)), [(10, "one"), (11, "all"), (12, "all")], "seed {seed}");
    }
}

/// Between the two a person has let it go.
#[test]
fn a_letter_that_was_closed_is_not_opened_again_by_the_run_that_wrote_it() {
    for seed in 0..40 {
        let says: Says = &[("start", &[0], "no page"), ("a", &[0], "no good")];
        let mut town = Judge::town(says, seed);
        gather(&mut town, &[7]);
        let letter = letters(&town).remove(0);
        let let_go = |token| Input::Letter {
            item: letter.id.clone(),
            act: Box::new(LetterAct::LetGo),
            actor: Actor::default(),
            reason: "looked at".to_owned(),
            token: Some(token),
        };
        assert_eq!(town.ask(home(0), let_go), Answer::Done);
        town.settle();
        assert_eq!(letters(&town), [], "seed {seed}");
    }
}

/// There is no place in a topic that could tell them apart.
#[test]
fn records_of_a_batch_that_a_caller_sent_have_a_letter_each_too() {
    let says: Says = &[("start", &[0], "first"), ("start", &[0, 1, 2], "all")];
    let mut town = Judge::town(says, 1);
    let batch = json!({
        "items": [{ "n": 7, "bad": null }, { "n": 7, "bad": null }, { "n": 8, "bad": null }],
        "id": "mine", "partition": 0, "first_offset": 0, "last_offset": 0,
        "started": "2026-01-01T00:00:00Z", "hour": "2026-01-01T00:00:00Z",
    });
    let slot = crate::id::slot_of("default", WORKFLOW, "\"mine\"");
    let at = crate::id::shard_of(slot, super::shards::SHARDS);
    let answer = town.ask(at, |token| {
        Input::Start(Start {
            namespace: "default".into(),
            workflow: WORKFLOW.into(),
            version: None,
            key: None,
            input: [("batch".to_owned(), batch.clone())].into(),
            entropy: [7; 16],
            token: Some(token),
        })
    });
    assert!(matches!(answer, Answer::Started { .. }), "{answer:?}");
    town.settle();
    assert_eq!(said(&letters(&town)), [(0, "all"), (0, "all"), (0, "first")]);
}
