//! Events of ours that are sent twice count once in batches, whoever crashes meanwhile.

use super::batches::{Count, WORKFLOW, home, offsets, origins, position, read};
use super::shards::Town;
use crate::shard::{Arrived, BatchItem, Consumed, Input};
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
