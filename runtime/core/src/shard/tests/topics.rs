//! Topics: partitions that are taken in once, whatever is read twice and whoever loses its memory
//! (I31 to I33), and events on their way out (I28, I30).

use super::program::{Program, S, event, step, write};
use super::shards::{SHARDS, Town, now};
use crate::codegen::{Arm, EventSpec};
use crate::id::{ShardId, shard_of, slot_of};
use crate::journal::{self, ShardRecord};
use crate::port::{EventName, Interest, Store};
use crate::shard::{Answer, Arrived, Consumed, Input, Outgoing};
use std::collections::BTreeMap;
use std::sync::Arc;

const TOPIC: &str = "orders";

/// Every third record of a partition cannot be read.
fn poisoned(offset: u64) -> bool {
    offset % 3 == 2
}

/// The consumers of a topic's partitions, which remember nothing.
struct Readers {
    partitions: u32,
    records: u64,
    /// How often something was read, so that what is read twice is not the same.
    readings: u64,
}

impl Readers {
    fn home(partition: u32) -> ShardId {
        shard_of(slot_of("", TOPIC, &partition.to_string()), SHARDS)
    }

    fn position(&self, town: &Town, partition: u32) -> Option<u64> {
        let shard = &town.all[Self::home(partition).0 as usize].shard;
        shard.consumed(TOPIC, partition, None).map(|position| position.next)
    }

    fn read(&mut self, partition: u32, from: Option<u64>, next: u64, token: u64) -> Consumed {
        self.readings += 1;
        let reading = self.readings;
        let record = |offset: u64| {
            if poisoned(offset) {
                let body = serde_json::json!({ "kind": "record", "offset": offset });
                return Arrived::Poison { offset, body };
            }
            let order = format!("{partition}/{offset}/{reading}");
            Arrived::Event {
                id: order.clone(),
                namespace: "default".into(),
                event: "shop.Placed".into(),
                key: order.clone(),
                payload: serde_json::json!({ "order": order }),
                // Both ways to take one in.
                placed: offset.is_multiple_of(2).then_some(offset),
            }
        };
        Consumed {
            namespace: "default".into(),
            topic: TOPIC.into(),
            topic_id: "t1".into(),
            partition,
            workflow: None,
            from,
            next,
            records: from.map_or_else(Vec::new, |from| (from..next).map(record).collect()),
            token: Some(token),
        }
    }

    /// One of them polls, mostly from where its shard is.
    fn poll(&mut self, town: &mut Town) {
        let partition = u32::try_from(town.numbers.below(self.partitions as usize)).unwrap_or(0);
        let from = match self.position(town, partition) {
            Some(known) if town.numbers.below(4) == 0 => {
                Some(known.saturating_sub(1 + town.numbers.below(5) as u64))
            }
            Some(known) if town.numbers.below(9) == 0 => Some(known + 1),
            known => known,
        };
        let width = 1 + town.numbers.below(4) as u64;
        let next = from.map_or(0, |from| (from + width).min(self.records));
        if from.is_none_or(|from| from < next) {
            let read = self.read(partition, from, next, 0);
            let read = Consumed { token: None, ..read };
            town.apply(Self::home(partition), Input::Consumed(read));
        }
    }

    fn done(&self, town: &Town) -> bool {
        (0..self.partitions).all(|it| self.position(town, it) == Some(self.records))
    }
}

fn placed() -> Arc<Program> {
    Program::new(vec![step("a").s()]).trigger("shop.Placed").arc()
}

/// Each partition's records were taken in one after the other, by batches that follow each other.
fn in_order(town: &Town) {
    let mut reached: BTreeMap<u32, u64> = BTreeMap::new();
    for shard in (0..SHARDS).map(ShardId) {
        for row in now(town.store.journal(shard, 0, u64::MAX, 100_000)).expect("a journal") {
            if let Ok(ShardRecord::Consumed(positions)) = journal::decode(&row.body) {
                for position in positions {
                    let reached = reached.entry(position.partition).or_default();
                    assert!(*reached <= position.next, "a position went back");
                    *reached = position.next;
                }
            }
        }
    }
}

/// Partitions are read to their end by readers that remember nothing, while one of so many commits is
/// followed, or preceded, by a crash; 0 for none.
fn read_through(seed: u64, crashes: usize) -> Town {
    read_on(Town::new(&[placed()], seed, crashes))
}

fn read_on(mut town: Town) -> Town {
    let mut readers = Readers { partitions: 3, records: 12, readings: 0 };
    while !readers.done(&town) {
        readers.poll(&mut town);
        town.steps(12);
        if town.numbers.below(10) == 0 {
            let shard = ShardId(u32::try_from(town.numbers.below(4)).unwrap_or(0));
            let at = town.time();
            let output = town.all[shard.0 as usize].shard.checkpoint(at);
            town.finish(shard, output);
        }
    }
    town.settle();
    town
}

/// What became of the records of [`read_through`]: runs, those among them that ended well, effects, and
/// letters.
fn outcome(town: &Town) -> [usize; 4] {
    let statuses = town.statuses();
    let completed = statuses.get("shop.Order completed").copied().unwrap_or(0);
    let letters = now(town.store.items("default", "dead_letter", false, None, 99));
    [statuses.values().sum(), completed, town.count("a"), letters.expect("items").len()]
}

/// One of three records is set aside, and each of the others has a run.
const EACH_ONCE: [usize; 4] = [24, 24, 24, 12];

fn crashes(seed: u64) -> usize {
    5 + usize::try_from(seed % 20).unwrap_or(0)
}

#[test]
fn a_record_starts_one_run_whatever_is_read_twice_and_whoever_crashes() {
    for seed in 0..200 {
        let mut town = read_through(seed, crashes(seed));
        assert_eq!(outcome(&town), EACH_ONCE, "seed {seed}");
        in_order(&town);
        town.tidy();
    }
}

/// The same histories that a right build comes through: the test above is the other half.
#[cfg(feature = "sabotage")]
#[test]
fn a_position_that_is_durable_before_its_records_are_taken_in_is_caught_by_a_crash_alone() {
    use crate::sabotage::{Sabotage, sabotage};
    let _wrong = sabotage(Sabotage::OffsetAtPoll);
    let outcomes = (0..200).map(|seed| outcome(&read_through(seed, crashes(seed))));
    let caught: Vec<_> = outcomes.filter(|outcome| *outcome != EACH_ONCE).collect();
    assert!(caught.len() > 20, "{} of 200 histories catch it", caught.len());
    let lost = caught.iter().all(|found| found.iter().zip(EACH_ONCE).all(|(it, of)| *it <= of));
    assert!(lost, "it loses and repeats nothing: {caught:?}");
    // Nobody sees it while nothing breaks.
    for seed in 0..20 {
        assert_eq!(outcome(&read_through(seed, 0)), EACH_ONCE, "seed {seed}");
    }
}

/// The records before a checkpoint are never read again.
#[test]
fn positions_outlive_checkpoints_and_shards_that_stand_still() {
    let mut town = Town::new(&[placed()], 1, 0);
    let mut readers = Readers { partitions: 6, records: 9, readings: 0 };
    while !readers.done(&town) {
        readers.poll(&mut town);
    }
    town.settle();
    for round in 0..3 {
        town.tidy();
        for shard in (0..SHARDS).map(ShardId) {
            now(town.store.expire(crate::time::Time(i64::MAX), 1_000)).expect("expiry");
            town.crash(shard);
        }
        assert!(readers.done(&town), "round {round}");
    }
}

#[test]
fn what_is_read_from_elsewhere_than_the_position_is_refused_and_changes_nothing() {
    let mut town = Town::new(&[placed()], 1, 0);
    let mut readers = Readers { partitions: 1, records: 99, readings: 0 };
    let home = Readers::home(0);
    let mut ask = |town: &mut Town, from: Option<u64>, next| {
        town.ask(home, |token| Input::Consumed(readers.read(0, from, next, token)))
    };
    assert_eq!(ask(&mut town, Some(0), 3), Answer::TooLate, "nobody has said where it begins");
    assert_eq!(ask(&mut town, None, 7), Answer::Done);
    assert_eq!(ask(&mut town, None, 5), Answer::TooLate, "it began already");
    for (from, next) in [(0, 8), (6, 9), (8, 9), (7, 6)] {
        assert_eq!(ask(&mut town, Some(from), next), Answer::TooLate, "from {from} to {next}");
    }
    assert_eq!(ask(&mut town, Some(7), 8), Answer::Done);
    assert_eq!(ask(&mut town, Some(7), 8), Answer::TooLate, "twice");
    // Offsets may be missing: compacted, aborted, or a transaction's marker.
    assert_eq!(ask(&mut town, Some(8), 11), Answer::Done);
    let position = town.all[home.0 as usize].shard.consumed(TOPIC, 0, None).map(|it| it.next);
    assert_eq!(position, Some(11));
    town.settle();
    assert_eq!(town.count("a"), 3, "of the offsets 7, 9 and 10; 8 cannot be read");
}

#[test]
fn a_topic_that_was_made_anew_is_not_read_until_a_person_has_decided() {
    let mut town = Town::new(&[placed()], 1, 0);
    let mut readers = Readers { partitions: 1, records: 99, readings: 0 };
    let home = Readers::home(0);
    for (from, next) in [(None, 7), (Some(7), 8)] {
        let done = town.ask(home, |token| Input::Consumed(readers.read(0, from, next, token)));
        assert_eq!(done, Answer::Done);
    }
    let anew = |read: Consumed| Input::Consumed(Consumed { topic_id: "t2".into(), ..read });
    for from in [None, Some(0), Some(8)] {
        let answer = town.ask(home, |token| anew(readers.read(0, from, 9, token)));
        assert!(matches!(answer, Answer::Refused(_)), "{answer:?}");
    }
    let letters = now(town.store.items("default", "dead_letter", false, None, 9)).expect("items");
    assert_eq!(letters.len(), 1, "it is told once");
    assert_eq!(letters[0].body["next"], 8);
    let position = town.all[home.0 as usize].shard.consumed(TOPIC, 0, None).cloned();
    assert_eq!(position.map(|it| (it.topic_id, it.next)), Some(("t1".to_owned(), 8)));
}

/// A run waits for what comes from a partition of another shard.
#[test]
fn an_event_from_a_topic_reaches_whoever_waits_for_it() {
    let arms = vec![(Arm::Event(event("shop.Placed", "paid")), Vec::new())];
    let waiting = Program::new(vec![S::Wait { at: "w", arms, within: None }, write("b").s()]).arc();
    for seed in 0..50 {
        let mut town = Town::new(std::slice::from_ref(&waiting), seed, 0);
        town.interest = if seed % 2 == 0 { None } else { known(&[], &["shop.Placed"]) };
        for order in ["A", "B", "C"] {
            town.start(order);
        }
        town.crashes = 6;
        let partition = u32::try_from(seed % 5).unwrap_or(0);
        let mut readers = Readers { partitions: 5, records: 1, readings: 0 };
        while readers.position(&town, partition) != Some(1) {
            let from = readers.position(&town, partition);
            let mut read = readers.read(partition, from, from.map_or(0, |from| from + 1), 0);
            for record in &mut read.records {
                if let Arrived::Event { key, .. } = record {
                    "paid".clone_into(key);
                }
            }
            let read = Consumed { token: None, ..read };
            town.apply(Readers::home(partition), Input::Consumed(read));
            town.steps(8);
        }
        town.settle();
        assert_eq!(town.count("b"), 3, "seed {seed}");
    }
}

/// Both ways to know of an event on its way out say the same, before a crash and after it.
#[test]
fn an_event_for_a_topic_is_read_again_from_its_record_under_the_same_id() {
    let spec = |topic: Option<&str>| EventSpec {
        fields: Vec::new(),
        key: "order".to_owned(),
        topic: topic.map(str::to_owned),
        awaited: false,
        waited: false,
    };
    let emit = |event| S::Emit { event, key: "o-1" };
    let body = vec![emit("shop.Shipped"), emit("shop.Quiet"), write("a").s(), emit("shop.Shipped")];
    let program = Program::new(body).with(|all| {
        all.events.insert("shop.Shipped".to_owned(), spec(Some("shipments")));
        all.events.insert("shop.Quiet".to_owned(), spec(None));
    });
    let mut world = super::world::World::new(program.arc());
    let run = world.start();
    world.settle();
    let read: Vec<Outgoing> = world.store.rows.iter().flat_map(Outgoing::read).collect();
    assert_eq!(world.published, read);
    let ids: std::collections::BTreeSet<_> = read.iter().map(|one| &one.event.id).collect();
    assert_eq!((read.len(), ids.len()), (2, 2), "one topic, two events");
    assert!(read.iter().all(|one| one.run == run && one.topic == "shipments"));
    assert!(read[0].position < read[1].position);
}

#[test]
fn an_event_that_no_broker_takes_is_a_dead_letter_once() {
    let program = Program::new(vec![S::Emit { event: "shop.Shipped", key: "o-1" }]).with(|all| {
        let topic = Some("shipments".to_owned());
        let spec = EventSpec {
            fields: Vec::new(),
            key: "order".to_owned(),
            topic,
            awaited: false,
            waited: false,
        };
        all.events.insert("shop.Shipped".to_owned(), spec);
    });
    let mut world = super::world::World::new(program.arc());
    world.start();
    world.settle();
    let outgoing = world.published[0].clone();
    for _ in 0..2 {
        let outgoing = Box::new(outgoing.clone());
        world.apply(Input::Unsent { outgoing, why: "too large".to_owned() });
    }
    let letters = world.open_items("dead_letter");
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0].body["kind"], "event_out");
    assert_eq!(letters[0].body["id"], outgoing.event.id);
}

/// The events that homes keep of these names and keys.
fn kept(town: &Town, names: &[(&str, &str)]) -> usize {
    let shards = || (0..SHARDS).map(ShardId);
    let of = |shard, (event, key): &(&str, &str)| {
        let (namespace, event, key) = ("default".to_owned(), (*event).into(), (*key).into());
        let name = EventName { namespace, event, key };
        now(town.store.events(shard, &name, crate::time::Time(0), 0, 99)).expect("events").len()
    };
    names.iter().map(|name| shards().map(|shard| of(shard, name)).sum::<usize>()).sum()
}

fn known(starts: &[&str], waits: &[&str]) -> Option<Arc<Interest>> {
    let own = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    Some(Arc::new(Interest { starts: own(starts), waits: own(waits) }))
}

/// What starts a run and nothing else passes its home by; what is emitted for topics alone does too.
#[test]
fn an_event_that_nobody_waits_for_is_kept_nowhere() {
    let body = vec![S::Emit { event: "shop.Told", key: "o-1" }, step("a").s()];
    let program = Program::new(body).trigger("shop.Placed").arc();
    for (interest, told) in [(None, 24), (known(&["shop.Placed"], &[]), 0)] {
        let mut town = Town::new(std::slice::from_ref(&program), 3, 0);
        town.interest = interest;
        let town = read_on(town);
        assert_eq!(outcome(&town), EACH_ONCE);
        assert_eq!(kept(&town, &[("shop.Told", "o-1")]), told);
    }
}

/// The histories of above, with all that may be left out left out.
#[test]
fn a_record_that_only_starts_something_starts_one_run_whoever_crashes() {
    for seed in 0..100 {
        let mut town = Town::new(&[placed()], seed, crashes(seed));
        town.interest = known(&["shop.Placed"], &[]);
        let mut town = read_on(town);
        assert_eq!(outcome(&town), EACH_ONCE, "seed {seed}");
        in_order(&town);
        town.tidy();
    }
}

/// Its start and the event leave for two shards, and the event may be the later one to arrive.
#[test]
fn what_started_a_run_does_not_end_its_wait_for_the_next_one() {
    let arms = vec![(Arm::Event(event("shop.Placed", "paid")), Vec::new())];
    let body = vec![S::Wait { at: "w", arms, within: None }, write("b").s()];
    let program = Program::new(body).trigger("shop.Placed");
    let program = program.with(|all| {
        let spec = EventSpec {
            fields: Vec::new(),
            key: "order".to_owned(),
            topic: None,
            awaited: true,
            waited: true,
        };
        all.events.insert("shop.Placed".to_owned(), spec);
    });
    let program = program.arc();
    for seed in 0..60 {
        let mut town = Town::new(std::slice::from_ref(&program), seed, 0);
        town.interest = known(&[], &["shop.Placed"]);
        let partition = u32::try_from(seed % 7).unwrap_or(0);
        let mut readers = Readers { partitions: 7, records: 9, readings: 0 };
        let mut take = |town: &mut Town, from: Option<u64>, next| {
            let mut read = readers.read(partition, from, next, 0);
            for record in &mut read.records {
                if let Arrived::Event { key, .. } = record {
                    "paid".clone_into(key);
                }
            }
            let read = Consumed { token: None, ..read };
            town.apply(Readers::home(partition), Input::Consumed(read));
            town.settle();
        };
        take(&mut town, None, 0);
        take(&mut town, Some(0), 1);
        assert_eq!(town.count("b"), 0, "seed {seed}: its own event is not for its wait");
        take(&mut town, Some(1), 4);
        assert!(town.count("b") >= 1, "seed {seed}: the next one is");
    }
}

/// A released version beside the program: its own runs go on, and nothing begins.
#[test]
fn what_only_goes_on_is_started_by_no_event() {
    let program = Program::new(vec![step("a").s()]).trigger("shop.Placed");
    let program = program.with(|spec| spec.continues = true).arc();
    let town = read_on(Town::new(std::slice::from_ref(&program), 5, 0));
    assert_eq!(outcome(&town), [0, 0, 0, 12], "no run, and the letters of what cannot be read");
}
