//! What others are told of runs and dead letters: each once in the journals, whoever crashes.

use super::batches::{Count, letters, storm_of};
use super::shards::{SHARDS, Town, now};
use crate::id::{RunId, ShardId};
use crate::port::{RunFilter, Store};
use crate::shard::{Actor, Answer, Input, LetterAct, Mirrors, Outgoing};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

fn mirrors(runs: Option<&str>, letters: Option<&str>) -> Mirrors {
    Mirrors { runs: runs.map(str::to_owned), letters: letters.map(str::to_owned) }
}

fn town(mirrors: Mirrors, seed: u64, crashes: usize) -> Town {
    let mut town = Town::new(&[Count::new()], seed, 0);
    town.mirrors = mirrors;
    (0..SHARDS).map(ShardId).for_each(|shard| town.crash(shard));
    town.crashes = crashes;
    town
}

/// What is on its way to topics, as the next owner would read it.
fn told(town: &Town) -> Vec<Outgoing> {
    let journal = |shard| now(town.store.journal(shard, 0, u64::MAX, 100_000)).expect("a journal");
    let rows = (0..SHARDS).map(ShardId).flat_map(journal);
    rows.flat_map(|row| Outgoing::read(&row)).collect()
}

/// The data of all that were told in this way, by id.
fn data(all: &[Outgoing], topic: &str, kind: &str) -> BTreeMap<String, Value> {
    let mut found = BTreeMap::new();
    for one in all.iter().filter(|one| one.topic == topic && one.event.payload["type"] == kind) {
        assert!(one.is_mirrored());
        let payload = &one.event.payload;
        assert_eq!(
            (&payload["id"], &payload["subject"]),
            (&json!(one.event.id), &json!(one.event.key))
        );
        let known = found.insert(one.event.id.clone(), payload["data"].clone());
        assert_eq!(known, None, "{} is told twice", one.event.id);
    }
    found
}

#[test]
fn each_start_and_end_and_each_letter_is_told_once_whoever_crashes() {
    for seed in 0..60 {
        let crashes = 5 + usize::try_from(seed % 20).unwrap_or(0);
        let town = storm_of(town(mirrors(Some("runs"), Some("letters")), seed, crashes));
        let all = told(&town);
        let filter = RunFilter { limit: 1_000, ..RunFilter::default() };
        let runs = now(town.store.runs(&filter)).expect("runs");
        let ids: BTreeSet<String> = runs.iter().map(|row| row.run.to_string()).collect();
        for what in ["started", "ended"] {
            let told = data(&all, "runs", &format!("sagaflow.run.{what}"));
            let of: BTreeSet<String> =
                told.values().map(|it| it["run"].as_str().expect("a run").to_owned()).collect();
            assert_eq!((&of, told.len()), (&ids, ids.len()), "{what}, seed {seed}");
            let status = if what == "ended" { "completed" } else { "running" };
            assert!(told.values().all(|it| it["status"] == status && it["version"] == 1));
        }
        let opened = data(&all, "letters", "sagaflow.dead_letter.opened");
        let of: BTreeSet<_> = opened.values().filter_map(|it| it["letter"].as_str()).collect();
        let letters = letters(&town);
        assert_eq!(opened.len(), letters.len(), "seed {seed}: each is told once");
        assert_eq!(of, letters.iter().map(|it| it.id.as_str()).collect(), "seed {seed}");
    }
}

#[test]
fn a_letter_that_is_let_go_is_told_of_and_nothing_of_its_record_is() {
    let mut town = storm_of(town(mirrors(None, Some("letters")), 1, 0));
    let all = letters(&town);
    let letter = all.iter().find(|it| it.body["message"] == "a bad one").expect("it is rejected");
    let run: RunId = letter.body["run"].as_str().and_then(|run| run.parse().ok()).expect("a run");
    let partition = letter.body["partition"].as_u64().and_then(|it| u32::try_from(it).ok());
    let let_go = |token| Input::Letter {
        item: letter.id.clone(),
        act: Box::new(LetterAct::LetGo),
        actor: Actor::default(),
        reason: "looked at".to_owned(),
        token: Some(token),
    };
    let home = super::batches::home(partition.expect("a partition"));
    assert_eq!(town.ask(home, let_go), Answer::Done);
    town.settle();
    let all = told(&town);
    assert!(all.iter().all(|one| one.topic == "letters"), "nobody asked for runs");
    assert!(all.iter().all(|one| one.run == RunId(uuid::Uuid::nil())));
    let closed: Vec<_> =
        data(&all, "letters", "sagaflow.dead_letter.closed").into_values().collect();
    let wanted = json!({
        "letter": letter.id, "run": run.to_string(), "namespace": "default", "open": false,
        "kind": "record", "workflow": "shop.Count", "message": "a bad one", "topic": "clicks",
        "topic_id": "t1", "partition": partition, "offset": letter.body["offset"],
        "resolved": "given up", "reason": "looked at",
    });
    assert_eq!(closed, [wanted]);
    let opened = data(&all, "letters", "sagaflow.dead_letter.opened");
    assert!(opened.values().all(|it| it.get("payload").is_none() && it.get("value").is_none()));
}

/// It would go round for ever.
#[test]
fn nobody_is_told_that_what_was_to_be_told_was_not_taken() {
    let mut town = storm_of(town(mirrors(None, Some("letters")), 1, 0));
    let before = told(&town);
    let outgoing = before[0].clone();
    let why = "it is too large".to_owned();
    town.apply(ShardId(0), Input::Unsent { outgoing: Box::new(outgoing), why });
    town.settle();
    let letter = letters(&town).into_iter().find(|it| it.body["kind"] == "event_out");
    assert_eq!(letter.map(|it| it.run), Some(None), "a person is, and it is of no run");
    assert_eq!(told(&town).len(), before.len());
}
