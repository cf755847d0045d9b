//! Events of ours that are sent twice count once in batches, whoever crashes meanwhile.

use super::batches::{Count, TOPIC, WORKFLOW, home, letters, offsets, origins, position, read};
use super::shards::Town;
use crate::shard::{Actor, Answer, Arrived, BatchItem, Consumed, Gathering, Input, LetterAct};
use serde_json::json;

/// The events of these numbers, from this offset on; none is one of somebody else.
fn sent(from: u64, numbers: &[Option<u64>]) -> Consumed {
    let records = (from..).zip(numbers).map(|(offset, number)| {
        let id = |n: &u64| ("default".to_owned(), format!("{:032x}.{n}", 7));
        let own = number.as_ref().map(id);
        let payload = json!({ "n": number.unwrap_or(0) });
        Arrived::Item(Box::new(BatchItem { offset, payload, own, whole: None }))
    });
    let records = records.collect();
    Consumed { records, next: from + numbers.len() as u64, ..read(0, Some(from), from) }
}

/// Has all of them taken in, in this order, by batches of three.
fn take_in(town: &mut Town, numbers: &[Option<u64>]) {
    while position(town, 0).is_none() {
        town.apply(home(0), Input::Consumed(read(0, None, 0)));
    }
    while let Some(at) = position(town, 0)
        && (at as usize) < numbers.len()
    {
        let some = &numbers[at as usize..numbers.len().min(at as usize + 3)];
        town.apply(home(0), Input::Consumed(sent(at, some)));
        town.steps(4);
    }
    town.settle();
}

#[test]
fn an_event_of_ours_that_is_sent_again_is_left_out_of_batches() {
    let (one, two, three) = (Some(1), Some(2), Some(3));
    let numbers = [one, two, one, None, None, three, two, three, one, None];
    for seed in 0..60 {
        let mut town = Town::new(&[Count::new()], seed, 4 + usize::try_from(seed % 6).unwrap_or(0));
        take_in(&mut town, &numbers);
        let mut seen: Vec<u64> = origins(&town).iter().flat_map(offsets).collect();
        seen.sort_unstable();
        assert_eq!(seen, [0, 1, 3, 4, 5, 9], "seed {seed}");
        let runs = town.statuses();
        assert_eq!(runs, [(format!("{WORKFLOW} completed"), 3)].into(), "none is empty: {seed}");
    }
}

/// It could not be read when it came first; when it came again it could, and was counted.
#[test]
fn a_letter_of_an_event_that_was_counted_meanwhile_starts_nothing() {
    let mut town = Town::new(&[Count::new()], 1, 0);
    take_in(&mut town, &[Some(1)]);
    town.apply(home(0), Input::Consumed(read(0, Some(1), 7)));
    town.settle();
    let before = origins(&town).len();
    let letter = letters(&town).into_iter().find(|it| it.body["offset"] == 6).expect("a letter");
    let own = Some(("default".to_owned(), format!("{:032x}.1", 7)));
    let item = BatchItem { offset: 6, payload: json!({ "n": 1 }), own, whole: None };
    let batch = Gathering {
        namespace: "default".into(),
        workflow: WORKFLOW.into(),
        topic: TOPIC.into(),
        topic_id: "t1".into(),
        partition: 0,
        items: vec![item],
        again: Some(letter.id.clone()),
    };
    let retry = |token| Input::Letter {
        item: letter.id.clone(),
        act: Box::new(LetterAct::Gather(batch.clone())),
        actor: Actor::default(),
        reason: "it can be read now".to_owned(),
        token: Some(token),
    };
    assert_eq!(town.ask(home(0), retry), Answer::Done);
    town.settle();
    assert_eq!(origins(&town).len(), before);
}
