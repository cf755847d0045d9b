//! Who wants to be told of which events, and the events of one name at their home.

use super::Harness;
use super::rows::{SHARD, acquire, assert_fenced, batch, commit, event, name, own, wait};
use sagaflow_core::id::ShardId;
use sagaflow_core::port::{Batch, EventName, EventRow, Interest, Store, WaitRow};
use sagaflow_core::time::Time;
use std::time::Duration;

/// Runs every case of this file.
pub async fn all(harness: &impl Harness) {
    a_shard_is_told_from_the_batch_that_says_so_to_the_one_that_ends_it(harness).await;
    names_are_told_apart_whatever_is_in_them(harness).await;
    events_of_one_name_are_read_at_their_home_from_a_time_and_a_number_on(harness).await;
    what_programs_take_in_is_never_taken_away(harness).await;
}

async fn said(store: &impl Store, add: &Interest) -> Interest {
    let declared = store.interest(add).await.expect("an answer");
    let age = declared.age.filter(|_| *add != Interest::default());
    assert!(age.is_none_or(|age| age < Duration::from_secs(60)), "it has just grown: {age:?}");
    declared.all
}

/// An event that starts something today may have been waited for once, by a run that still is.
pub async fn what_programs_take_in_is_never_taken_away(harness: &impl Harness) {
    let store = harness.fresh().await;
    let of = |starts: &[&str], waits: &[&str]| {
        let own = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Interest { starts: own(starts), waits: own(waits) }
    };
    let nothing = Interest::default();
    assert_eq!(said(&store, &nothing).await, nothing);
    let first = said(&store, &of(&["a.Start", "a.Both"], &["a.Wait", "a.Both"])).await;
    assert_eq!(first, of(&["a.Start"], &["a.Both", "a.Wait"]));
    let all = of(&["b.Start"], &["a.Both", "a.Start", "a.Wait"]);
    let next = of(&["a.Wait", "b.Start"], &["a.Start"]);
    assert_eq!(said(&store, &next).await, all);
    assert!(all.is_known());
    let store = harness.crash(store).await;
    assert_eq!(said(&store, &nothing).await, all);
}

/// A refused batch says nothing; saying it twice, or ending what never began, is no error.
pub async fn a_shard_is_told_from_the_batch_that_says_so_to_the_one_that_ends_it(
    harness: &impl Harness,
) {
    let store = harness.fresh().await;
    let (one, two) = (acquire(&store, SHARD).await, acquire(&store, ShardId(2)).await);
    let waits = || async { store.waits(&[name("a"), name("b")]).await.expect("an answer") };
    let says = |prev, waits: &[WaitRow]| Batch {
        waits: waits.to_vec(),
        ..batch(prev, vec![own(prev + 1)])
    };
    commit(&store, one, says(0, &[wait("a", true), wait("b", false)])).await;
    commit(&store, two, says(0, &[wait("a", true), wait("b", true)])).await;
    assert_eq!(waits().await, [vec![SHARD, ShardId(2)], vec![ShardId(2)]]);
    let late = store.commit(one, says(7, &[wait("a", false), wait("b", true)])).await;
    assert_fenced(&late, "a wrong position says it");
    commit(&store, one, says(1, &[wait("a", true)])).await;
    assert_eq!(waits().await, [vec![SHARD, ShardId(2)], vec![ShardId(2)]]);
    let told = store.tail(one).await.map(|tail| tail.waits);
    assert_eq!(told, Ok(vec![name("a")]), "recovery reads what the shard is told of");
    commit(&store, one, says(2, &[wait("a", false)])).await;
    assert_eq!(waits().await, [vec![ShardId(2)], vec![ShardId(2)]]);
    let store = harness.crash(store).await;
    assert_eq!(store.waits(&[name("b"), name("c")]).await, Ok(vec![vec![ShardId(2)], vec![]]));
    assert_eq!(store.waits(&[]).await, Ok(vec![]));
}

/// Long ones, and ones that begin alike.
pub async fn names_are_told_apart_whatever_is_in_them(harness: &impl Harness) {
    let store = harness.fresh().await;
    let lease = acquire(&store, SHARD).await;
    let long = "k".repeat(5_000);
    let keys = [long.clone(), long.clone() + "1", "ä\u{1F600}'\"\\".to_owned(), String::new()];
    let wanted: Vec<_> = keys.iter().map(|key| wait(key, true)).collect();
    commit(&store, lease, Batch { waits: wanted, ..batch(0, vec![own(1)]) }).await;
    let names: Vec<EventName> = keys.iter().map(|key| name(key)).collect();
    assert_eq!(store.waits(&names).await, Ok(vec![vec![SHARD]; 4]));
    assert_eq!(store.waits(&[name(&(long.clone() + "2"))]).await, Ok(vec![vec![]]));
    let mut told = store.tail(lease).await.map(|tail| tail.waits).expect("a tail");
    told.sort();
    let mut expected = names.clone();
    expected.sort();
    assert_eq!(told, expected, "whole, however long");
    let ended = Batch { waits: vec![wait(&long, false)], ..batch(1, vec![own(2)]) };
    commit(&store, lease, ended).await;
    let left = store.waits(&names).await.expect("an answer");
    assert_eq!(left.iter().map(Vec::len).collect::<Vec<_>>(), [0, 1, 1, 1]);
}

/// In pages, and no other shard's.
pub async fn events_of_one_name_are_read_at_their_home_from_a_time_and_a_number_on(
    harness: &impl Harness,
) {
    let store = harness.fresh().await;
    let (one, two) = (acquire(&store, SHARD).await, acquire(&store, ShardId(2)).await);
    let long = "k".repeat(3_000);
    let of = |id: &str, number: u64, at: i64, key: &str| EventRow {
        key: key.to_owned(),
        ..event(id, number, at)
    };
    let rows = vec![
        of("a", 1, 10, "k"),
        of("b", 2, 20, "other"),
        of("c", 3, 30, "k"),
        of("d", 4, 40, "k"),
        of("e", 5, 50, &long),
        of("f", 6, 60, &(long.clone() + "1")),
    ];
    commit(&store, one, Batch { events: rows.clone(), ..batch(0, vec![own(1)]) }).await;
    let elsewhere = vec![of("z", 9, 90, "k")];
    commit(&store, two, Batch { events: elsewhere, ..batch(0, vec![own(1)]) }).await;
    let cases: [(&str, i64, u64, u32, &[usize]); 7] = [
        ("k", 0, 0, 9, &[0, 2, 3]),
        ("k", 11, 0, 9, &[2, 3]),
        ("k", 30, 0, 9, &[2, 3]),
        ("k", 0, 3, 9, &[3]),
        ("k", 0, 0, 2, &[0, 2]),
        (&long, 0, 0, 9, &[4]),
        ("nobody's", 0, 0, 9, &[]),
    ];
    for (key, since, after, limit, expected) in cases {
        let read = store.events(SHARD, &name(key), Time(since), after, limit).await;
        let expected: Vec<_> = expected.iter().map(|at| rows[*at].clone()).collect();
        assert_eq!(read, Ok(expected), "{since} {after} {limit}");
    }
}
