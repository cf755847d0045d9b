//! Batches of a partition: each offset is in one run, whoever loses its memory when; what a run
//! rejects is set aside with its place, and comes again once for each letter.

use super::program::{Program, write};
use super::shards::{SHARDS, Town, now};
use crate::codegen::{
    Draw, Event, EventSpec, Fault, Frame, GatherSpec, Json, Machine, Move, Op, TriggerSpec, Ty,
    TypeDecl, Values, WorkflowSpec,
};
use crate::id::{ShardId, shard_of, slot_of};
use crate::journal::{self, Part, Position, Record};
use crate::port::{ItemRow, Store};
use crate::run::Origin;
use crate::shard::{
    Actor, Answer, Arrived, BatchItem, Consumed, Gathering, Input, LetterAct, Start,
};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub(super) const TOPIC: &str = "clicks";
pub(super) const WORKFLOW: &str = "shop.Count";

/// `reject batch.where(c => c.bad) as "a bad one"`, and a write behind it.
pub(super) struct Count(Program);

impl Count {
    pub(super) fn new() -> Arc<Self> {
        let fields = [("n", Ty::Int), ("bad", Ty::Optional(Box::new(Ty::Bool)))];
        let fields = fields.map(|(name, ty)| (name.to_owned(), ty)).to_vec();
        let of = |fields: Vec<(String, Ty)>| TypeDecl::Record {
            fields: fields.into_iter().map(|(name, ty)| (name, ty, None)).collect(),
        };
        let items = Ty::List(Box::new(Ty::Named("shop.Click".to_owned())));
        let batch = [
            ("items", items),
            ("id", Ty::Text),
            ("partition", Ty::Int),
            ("first_offset", Ty::Int),
            ("last_offset", Ty::Int),
            ("started", Ty::Time),
            ("hour", Ty::Time),
        ];
        let batch = of(batch.map(|(name, ty)| (name.to_owned(), ty)).to_vec());
        let program = Program::new(vec![write("a").s()]).with(|spec| {
            WORKFLOW.clone_into(&mut spec.name);
            spec.params = vec![("batch".to_owned(), Ty::Named("batch<shop.Click>".to_owned()))];
            spec.triggers.push(TriggerSpec {
                event: "shop.Click".to_owned(),
                param: "batch".to_owned(),
                field: None,
                gather: Some(GatherSpec { up_to: 4, every_ms: 1_000, whole: true }),
            });
            spec.events.insert(
                "shop.Click".to_owned(),
                EventSpec {
                    fields: fields.clone(),
                    key: "n".to_owned(),
                    topic: Some(TOPIC.to_owned()),
                    awaited: false,
                    waited: false,
                },
            );
            spec.schema.types.insert("shop.Click".to_owned(), of(fields));
            spec.schema.types.insert("batch<shop.Click>".to_owned(), batch);
        });
        Arc::new(Self(program))
    }

    /// The same without its `reject`.
    pub(super) fn program(&self) -> &Program {
        &self.0
    }
}

impl Machine for Count {
    fn spec(&self) -> &WorkflowSpec {
        self.0.spec()
    }

    fn resume(&self, frame: &Frame, event: Event, draw: &mut Draw) -> Result<Move, Fault> {
        let mut step = self.0.resume(frame, event, draw)?;
        if frame.at == "start" {
            let items = frame.values["batch"]["items"].as_array().cloned().unwrap_or_default();
            // As machines write records: what is none is left out.
            let bad = items.into_iter().filter(|item| item["bad"] == true);
            let records: Vec<Json> = bad.collect();
            let why = "a bad one".to_owned();
            step.ops.push(Op::Reject { records, why });
        }
        Ok(step)
    }

    fn matches(&self, _: &Frame, _: usize, _: &Json) -> Result<bool, Fault> {
        Ok(false)
    }

    fn key(&self, input: &Values) -> Result<Option<Json>, Fault> {
        Ok(input.get("batch").and_then(|batch| batch.get("id")).cloned())
    }

    fn classes(&self, _: &Values) -> Result<Vec<Json>, Fault> {
        Ok(Vec::new())
    }

    fn indexed(&self, _: &Values) -> Result<Vec<Json>, Fault> {
        Ok(Vec::new())
    }
}

pub(super) fn home(partition: u32) -> ShardId {
    shard_of(slot_of("", TOPIC, &partition.to_string()), SHARDS)
}

pub(super) fn position(town: &Town, partition: u32) -> Option<u64> {
    let shard = &town.all[home(partition).0 as usize].shard;
    shard.consumed(TOPIC, partition, Some(WORKFLOW)).map(|position| position.next)
}

/// Every seventh record cannot be read, every fifth is rejected, every eleventh is not there.
pub(super) fn read(partition: u32, from: Option<u64>, next: u64) -> Consumed {
    let record = |offset: u64| {
        if offset % 7 == 6 {
            let body = json!({ "kind": "record", "offset": offset, "workflow": WORKFLOW });
            return Arrived::Poison { offset, body };
        }
        // Two in a row are alike.
        let bad = if offset.is_multiple_of(5) { json!(true) } else { Json::Null };
        let payload = json!({ "n": offset / 2, "bad": bad });
        Arrived::Item(Box::new(BatchItem { offset, payload, ..BatchItem::default() }))
    };
    let offsets = from.map_or(0..0, |from| from..next);
    Consumed {
        namespace: "default".into(),
        topic: TOPIC.into(),
        topic_id: "t1".into(),
        partition,
        workflow: Some(WORKFLOW.to_owned()),
        from,
        next,
        records: offsets.filter(|offset| offset % 11 != 10).map(record).collect(),
        token: None,
    }
}

/// What runs were started with.
pub(super) fn origins(town: &Town) -> Vec<Origin> {
    let rows = (0..SHARDS)
        .map(ShardId)
        .flat_map(|shard| now(town.store.journal(shard, 0, u64::MAX, 100_000)).expect("a journal"));
    let records = rows.filter_map(|row| journal::decode::<Record>(&row.body).ok());
    let first = records.filter_map(|record| record.parts.set.get(&Part::Origin).cloned());
    first.map(|body| journal::value(&body).expect("an origin")).collect()
}

pub(super) fn offsets(origin: &Origin) -> Vec<u64> {
    let gathered = origin.gathered.as_ref().expect("it was gathered");
    gathered.offsets.iter().collect()
}

pub(super) fn letters(town: &Town) -> Vec<ItemRow> {
    now(town.store.items("default", "dead_letter", false, None, 999)).expect("items")
}

/// Partitions are read from where they stand, by batches of different sizes, some of them twice.
fn storm(seed: u64, crashes: usize) -> Town {
    storm_of(Town::new(&[Count::new()], seed, crashes))
}

pub(super) fn storm_of(mut town: Town) -> Town {
    const RECORDS: u64 = 60;
    while (0..3).any(|partition| position(&town, partition) != Some(RECORDS)) {
        let partition = u32::try_from(town.numbers.below(3)).unwrap_or(0);
        let from = match position(&town, partition) {
            Some(known) if town.numbers.below(5) == 0 => Some(known.saturating_sub(3)),
            known => known,
        };
        let width = 1 + town.numbers.below(9) as u64;
        let next = from.map_or(0, |from| (from + width).min(RECORDS));
        town.apply(home(partition), Input::Consumed(read(partition, from, next)));
        town.steps(6);
        if town.numbers.below(10) == 0 {
            let shard = home(partition);
            let at = town.time();
            let output = town.all[shard.0 as usize].shard.checkpoint(at);
            town.finish(shard, output);
        }
    }
    town.settle();
    town
}

#[test]
fn each_offset_is_in_one_batch_and_what_is_rejected_is_set_aside_whoever_crashes() {
    for seed in 0..200 {
        let mut town = storm(seed, 5 + usize::try_from(seed % 20).unwrap_or(0));
        let mut seen: BTreeMap<u32, Vec<u64>> = BTreeMap::new();
        for origin in origins(&town) {
            let gathered = origin.gathered.clone().expect("it was gathered");
            let mine = offsets(&origin);
            let batch = origin.input.get("batch").expect("a batch");
            let items = batch["items"].as_array().expect("items");
            assert_eq!(items.len(), mine.len());
            for (item, offset) in items.iter().zip(&mine) {
                assert_eq!(item["n"], offset / 2, "the offset is the record's");
            }
            assert_eq!(batch["first_offset"].as_u64(), mine.first().copied());
            assert_eq!(batch["last_offset"].as_u64(), mine.last().copied());
            assert_eq!(batch["partition"], gathered.partition);
            seen.entry(gathered.partition).or_default().extend(mine);
        }
        for (partition, mut all) in seen {
            all.sort_unstable();
            let wanted: Vec<u64> = (0..60).filter(|n| n % 11 != 10 && n % 7 != 6).collect();
            assert_eq!(all, wanted, "seed {seed}, partition {partition}");
        }
        let keys = town.count("a");
        let ended = town.statuses();
        assert_eq!(ended, [(format!("{WORKFLOW} completed"), keys)].into(), "seed {seed}");
        let letters = letters(&town);
        let offsets_of = |rejected: bool| -> BTreeSet<(u64, u64)> {
            let some = letters.iter().filter(|it| (it.body["message"] == "a bad one") == rejected);
            // The poison of this test names no partition.
            some.map(|it| {
                (
                    it.body["partition"].as_u64().unwrap_or(0),
                    it.body["offset"].as_u64().unwrap_or(0),
                )
            })
            .collect()
        };
        let bad = (0..60).filter(|n| n % 5 == 0 && n % 11 != 10 && n % 7 != 6);
        let bad: BTreeSet<_> = bad.flat_map(|n| (0..3).map(move |it| (it, n))).collect();
        assert_eq!(offsets_of(true), bad, "seed {seed}");
        let poison = (0..60).filter(|n| n % 7 == 6 && n % 11 != 10).count() * 3;
        assert_eq!(letters.len(), bad.len() + poison, "seed {seed}: a letter for each");
        assert!(letters.iter().all(|it| it.run.is_none()), "a letter outlives its run");
        town.tidy();
    }
}

#[test]
fn a_rejected_record_comes_again_alone_and_once_however_many_ask() {
    for seed in 0..40 {
        let mut town = Town::new(&[Count::new()], seed, 0);
        town.apply(home(1), Input::Consumed(read(1, None, 0)));
        town.apply(home(1), Input::Consumed(read(1, Some(0), 4)));
        town.settle();
        let letter = letters(&town).remove(0);
        assert_eq!((&letter.body["offset"], &letter.body["topic"]), (&json!(0), &json!(TOPIC)));
        let again = |token| {
            let batch = Gathering {
                namespace: "default".into(),
                workflow: WORKFLOW.into(),
                topic: TOPIC.into(),
                topic_id: "t1".into(),
                partition: 1,
                items: vec![BatchItem {
                    payload: json!({ "n": 0, "bad": true }),
                    ..BatchItem::default()
                }],
                again: Some("of-this-letter".into()),
            };
            Input::Letter {
                item: letter.id.clone(),
                act: Box::new(LetterAct::Gather(batch)),
                actor: Actor::default(),
                reason: "it may work now".to_owned(),
                token: Some(token),
            }
        };
        town.crashes = 4;
        let first = town.ask(home(1), again);
        // Whoever did not hear the answer is told that somebody was faster.
        assert!(matches!(first, Answer::Done | Answer::TooLate), "{first:?}");
        assert_eq!(town.ask(home(1), again), Answer::TooLate, "seed {seed}");
        town.settle();
        let all: Vec<_> = origins(&town).iter().map(offsets).collect();
        assert_eq!(all, [vec![0, 1, 2, 3], vec![0]], "seed {seed}");
        let open = letters(&town);
        assert_eq!(open.len(), 1, "it was rejected again, which is another letter");
        assert_ne!(open[0].id, letter.id);
    }
}

#[test]
fn a_caller_finds_the_run_of_a_batch_by_its_id_and_starts_none_under_a_place() {
    let mut town = Town::new(&[Count::new()], 1, 0);
    town.apply(home(2), Input::Consumed(read(2, None, 0)));
    town.apply(home(2), Input::Consumed(read(2, Some(0), 4)));
    town.settle();
    let input = origins(&town).remove(0).input.values();
    let start = |id: &str, at: ShardId, town: &mut Town| {
        let mut input = input.clone();
        if let Some(batch) = input.get_mut("batch") {
            batch["id"] = id.into();
        }
        town.ask(at, |token| {
            Input::Start(Start {
                namespace: "default".into(),
                workflow: WORKFLOW.into(),
                version: None,
                key: None,
                input: input.clone(),
                entropy: [7; 16],
                token: Some(token),
            })
        })
    };
    let id = input["batch"]["id"].as_str().expect("an id").to_owned();
    assert_eq!(id, "clicks/2/t1/0-3");
    let known = start(&id, home(2), &mut town);
    assert!(matches!(known, Answer::Started { new: false, .. }), "{known:?}");
    let forged = start("clicks/2/t1/4-9", home(2), &mut town);
    assert!(matches!(forged, Answer::Refused(_)), "{forged:?}");
    // Any other id is a key as every other.
    let own = shard_of(slot_of("default", WORKFLOW, "\"mine\""), SHARDS);
    let free = start("mine", own, &mut town);
    assert!(matches!(free, Answer::Started { new: true, .. }), "{free:?}");
}

/// The first partition cannot be read on.
fn halted() -> Input {
    Input::Halted {
        namespace: "default".into(),
        topic: TOPIC.into(),
        topic_id: "t1".into(),
        partition: 0,
        workflow: Some(WORKFLOW.to_owned()),
        why: "a person has to look".to_owned(),
    }
}

/// A place in the first partition.
fn placed(next: u64) -> Position {
    Position {
        topic: TOPIC.into(),
        partition: 0,
        topic_id: "t1".into(),
        next,
        workflow: Some(WORKFLOW.to_owned()),
        moved: 0,
    }
}

/// Without ids of their own the second ones would be refused by the store for ever.
#[test]
fn batches_behind_a_position_that_a_person_moved_back_are_runs_of_their_own() {
    let mut town = Town::new(&[Count::new()], 1, 0);
    town.apply(home(0), Input::Consumed(read(0, None, 0)));
    for moves in 1..3 {
        town.apply(home(0), Input::Consumed(read(0, Some(0), 4)));
        town.settle();
        assert_eq!(origins(&town).len(), moves);
        town.apply(home(0), halted());
        let letter = letters(&town).into_iter().find(|it| it.body["kind"] == "topic");
        let back = placed(0);
        let item = letter.expect("a letter").id;
        let read_on = |token| Input::Letter {
            item: item.clone(),
            act: Box::new(LetterAct::ReadOn(back.clone())),
            actor: Actor::default(),
            reason: "from the beginning".to_owned(),
            token: Some(token),
        };
        assert_eq!(town.ask(home(0), read_on), Answer::Done);
    }
    town.apply(home(0), Input::Consumed(read(0, Some(0), 4)));
    town.settle();
    let ids: BTreeSet<_> = origins(&town)
        .iter()
        .map(|it| it.input.get("batch").expect("a batch")["id"].to_string())
        .collect();
    assert_eq!(ids.len(), 3, "{ids:?}");
}

/// From where it stood then, all that came after it would come again.
#[test]
fn a_letter_that_was_overtaken_moves_no_position() {
    let mut town = Town::new(&[Count::new()], 1, 0);
    town.apply(home(0), Input::Consumed(read(0, None, 0)));
    town.apply(home(0), Input::Consumed(read(0, Some(0), 4)));
    town.apply(home(0), halted());
    // It goes on by itself.
    town.apply(home(0), Input::Consumed(read(0, Some(4), 8)));
    town.settle();
    let letter = letters(&town).into_iter().find(|it| it.body["kind"] == "topic");
    let item = letter.expect("a letter").id;
    let act = |act: LetterAct| {
        let item = item.clone();
        move |token| Input::Letter {
            item: item.clone(),
            act: Box::new(act.clone()),
            actor: Actor::default(),
            reason: "looked at".to_owned(),
            token: Some(token),
        }
    };
    let back = placed(4);
    let refused = town.ask(home(0), act(LetterAct::ReadOn(back)));
    assert!(matches!(refused, Answer::Refused(_)), "{refused:?}");
    assert_eq!(town.ask(home(0), act(LetterAct::LetGo)), Answer::Done);
    town.settle();
    assert_eq!(origins(&town).len(), 2);
}

#[test]
fn singles_and_batches_of_one_topic_have_positions_of_their_own() {
    let mut town = Town::new(&[Count::new()], 1, 0);
    town.apply(home(0), Input::Consumed(read(0, None, 5)));
    let singly =
        |from, next| Consumed { workflow: None, records: Vec::new(), ..read(0, from, next) };
    town.apply(home(0), Input::Consumed(singly(None, 1)));
    town.apply(home(0), Input::Consumed(singly(Some(1), 9)));
    let at = home(0).0 as usize;
    for _ in 0..2 {
        let single = town.all[at].shard.consumed(TOPIC, 0, None).map(|it| it.next);
        assert_eq!((single, position(&town, 0)), (Some(9), Some(5)));
        let time = town.time();
        let output = town.all[at].shard.checkpoint(time);
        town.finish(home(0), output);
        town.crash(home(0));
    }
}
