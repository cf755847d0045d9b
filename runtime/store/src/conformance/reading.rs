//! Reading: the tail is what was committed, keys, rows and histories are what was written last.

use super::Harness;
use super::rows::{
    SHARD, acquire, assert_fenced, batch, commit, event, item, key, own, record, row, run,
};
use sagaflow_core::id::ShardId;
use sagaflow_core::port::{Batch, EventRow, JournalRow, KeyName, KeyRow, RunRow, Store, Tail};
use sagaflow_core::time::Time;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// Runs every case of this file.
pub async fn all(harness: &impl Harness) {
    an_empty_shard_has_an_empty_tail(harness).await;
    the_tail_is_what_was_committed_after_the_checkpoint(harness).await;
    a_row_is_what_was_written_last(harness).await;
    several_keys_are_answered_in_the_order_of_their_names(harness).await;
    a_history_is_read_in_pages_and_over_owners(harness).await;
    a_repeated_event_stays_as_it_came_first(harness).await;
    an_empty_batch_moves_only_the_checkpoint(harness).await;
    many_writers_at_once_lose_nothing(harness).await;
    the_clock_says_no_time_that_has_not_come(harness).await;
}

/// Known ones and unknown ones, more than one statement holds, and one name twice.
pub async fn several_keys_are_answered_in_the_order_of_their_names(harness: &impl Harness) {
    let store = harness.fresh().await;
    let lease = acquire(&store, SHARD).await;
    let keys: Vec<_> = (0..300).map(key).collect();
    commit(&store, lease, Batch { keys, ..batch(0, vec![record(1, 0, 1)]) }).await;
    let name = |index: u32| {
        let KeyRow { namespace, workflow, key, .. } = key(index);
        KeyName { namespace, workflow, key }
    };
    let elsewhere = KeyName { namespace: "another".to_owned(), ..name(5) };
    let mut names: Vec<_> = (0..600).rev().map(name).collect();
    names.extend([name(7), elsewhere, name(7)]);
    let known = |index: u32| (index < 300).then(|| key(index));
    let mut expected: Vec<_> = (0..600).rev().map(known).collect();
    expected.extend([known(7), None, known(7)]);
    assert_eq!(store.keys(&names).await, Ok(expected));
    assert_eq!(store.keys(&[]).await, Ok(Vec::new()));
}

/// The first start of a store.
pub async fn an_empty_shard_has_an_empty_tail(harness: &impl Harness) {
    let store = harness.fresh().await;
    for shard in 0..store.shards() {
        let lease = acquire(&store, ShardId(shard)).await;
        assert_eq!(store.tail(lease).await, Ok(Tail::default()), "shard {shard}");
    }
}

/// Rows, runs that have not ended, events; of this shard and no other.
pub async fn the_tail_is_what_was_committed_after_the_checkpoint(harness: &impl Harness) {
    let store = harness.fresh().await;
    let (lease, other) = (acquire(&store, SHARD).await, acquire(&store, ShardId(2)).await);
    let late = JournalRow { bucket: 9, class: 200, ..record(4, 2, 1) };
    let rows = vec![record(1, 0, 1), own(2), record(3, 0, 2), late];
    let done = RunRow { ended_at: Some(Time(3)), ..row(2) };
    let (first, second) = rows.split_at(2);
    let events = vec![event("b", 2, 20), event("a", 1, 10)];
    let start = Batch { runs: vec![row(0), done], events, ..batch(0, first.to_vec()) };
    commit(&store, lease, start).await;
    commit(&store, lease, batch(2, second.to_vec())).await;
    let elsewhere = Batch {
        runs: vec![row(7)],
        events: vec![event("c", 3, 30)],
        ..batch(0, vec![record(1, 7, 1)])
    };
    commit(&store, other, elsewhere).await;

    let mut expected = Tail {
        checkpoint: 0,
        last: 4,
        bucket: 9,
        emitted: 0,
        rows: rows.clone(),
        runs: vec![row(0)],
        events: vec![event("a", 1, 10), event("b", 2, 20)],
        waits: Vec::new(),
    };
    assert_eq!(store.tail(lease).await, Ok(expected.clone()), "before a checkpoint");
    for checkpoint in [2, 1, 4] {
        let last = expected.last;
        let own = JournalRow { bucket: 9, ..own(last + 1) };
        let moved = Batch { checkpoint: Some(checkpoint), ..batch(last, vec![own.clone()]) };
        commit(&store, lease, moved).await;
        expected.last = last + 1;
        expected.rows.push(own);
        // A checkpoint only moves forward.
        expected.checkpoint = expected.checkpoint.max(checkpoint);
        expected.rows.retain(|row| row.seq > expected.checkpoint);
        assert_eq!(store.tail(lease).await, Ok(expected.clone()), "checkpoint {checkpoint}");
    }
    let new = acquire(&store, SHARD).await;
    assert_eq!(store.tail(new).await, Ok(expected), "the next owner");
    assert_fenced(&store.tail(lease).await, "the owner before it");
}

/// Every field, there and back, including those without a value.
pub async fn a_row_is_what_was_written_last(harness: &impl Harness) {
    let store = harness.fresh().await;
    let lease = acquire(&store, SHARD).await;
    let odd = RunRow {
        key: None,
        flags: vec!["committed".to_owned(), "undo_late".to_owned()],
        started_at: Time(i64::MIN),
        due_at: None,
        expires_at: Some(Time(i64::MAX)),
        upto: 77,
        snapshot: Some(Vec::new()),
        version: u32::MAX,
        ..row(0)
    };
    let later = RunRow { status: "waiting".to_owned(), snapshot: None, ..odd.clone() };
    for (seq, written) in (1..).zip([row(0), odd, later]) {
        let sent = Batch { runs: vec![written.clone()], ..batch(seq - 1, vec![own(seq)]) };
        commit(&store, lease, sent).await;
        assert_eq!(store.run(run(0)).await, Ok(Some(written)), "write {seq}");
    }
    let shut = sagaflow_core::port::ItemRow { open: false, run: None, ..item("i", "review", -1) };
    for (seq, written) in (4..).zip([item("i", "task", 1), shut]) {
        let sent = Batch { items: vec![written.clone()], ..batch(seq - 1, vec![own(seq)]) };
        commit(&store, lease, sent).await;
        assert_eq!(store.item("i").await, Ok(Some(written)), "write {seq}");
    }
    assert_eq!(store.run(run(1)).await, Ok(None));
    assert_eq!(store.item("j").await, Ok(None));
    assert_eq!(store.key("default", "shop.Order", "nobody").await, Ok(None));
}

/// Numbers order it, whoever wrote them and whatever lies between.
pub async fn a_history_is_read_in_pages_and_over_owners(harness: &impl Harness) {
    let store = harness.fresh().await;
    let mut written = Vec::new();
    for owner in 0..3_u64 {
        let lease = acquire(&store, SHARD).await;
        for number in owner * 4 + 1..=owner * 4 + 4 {
            let seq = number * 2 - 1;
            let rows = vec![record(seq, 0, number), record(seq + 1, 1, number)];
            written.extend(rows.first().cloned());
            commit(&store, lease, batch(seq - 1, rows)).await;
        }
    }
    let mut read = Vec::new();
    while let Ok(page) = store.history(run(0), read.len() as u64, 5).await
        && !page.is_empty()
    {
        read.extend(page);
    }
    assert_eq!(read, written);
    assert_eq!(store.history(run(0), u64::MAX, 5).await, Ok(vec![]));
    assert_eq!(store.history(run(0), 0, 0).await, Ok(vec![]));
    assert_eq!(store.history(run(5), 0, 5).await, Ok(vec![]));
}

/// An event is recognised by namespace, name and id.
pub async fn a_repeated_event_stays_as_it_came_first(harness: &impl Harness) {
    let store = harness.fresh().await;
    let lease = acquire(&store, SHARD).await;
    let other = EventRow { namespace: "other".to_owned(), ..event("a", 3, 30) };
    let refund = EventRow { event: "shop.Refunded".to_owned(), ..event("a", 4, 40) };
    let first = Batch { events: vec![event("a", 1, 10)], ..batch(0, vec![own(1)]) };
    commit(&store, lease, first).await;
    let events = vec![event("a", 2, 20), other.clone(), refund.clone()];
    commit(&store, lease, Batch { events, ..batch(1, vec![own(2)]) }).await;
    let kept = store.tail(lease).await.map(|tail| tail.events);
    assert_eq!(kept, Ok(vec![event("a", 1, 10), other, refund]));
}

/// A checkpoint may stand alone.
pub async fn an_empty_batch_moves_only_the_checkpoint(harness: &impl Harness) {
    let store = harness.fresh().await;
    let lease = acquire(&store, SHARD).await;
    commit(&store, lease, batch(0, vec![own(1), own(2)])).await;
    commit(&store, lease, Batch { checkpoint: Some(2), ..batch(2, vec![]) }).await;
    let expected = Tail { checkpoint: 2, last: 2, bucket: 7, ..Tail::default() };
    assert_eq!(store.tail(lease).await, Ok(expected));
}

/// Wide batches of every shard at once, in sizes around every way to group them.
pub async fn many_writers_at_once_lose_nothing(harness: &impl Harness) {
    let store = Arc::new(harness.fresh().await);
    let mut writers = tokio::task::JoinSet::new();
    for shard in 0..store.shards() {
        let store = Arc::clone(&store);
        writers.spawn(async move {
            let lease = acquire(&*store, ShardId(shard)).await;
            let (mut prev, mut written) = (0, Vec::new());
            for width in [1, 3, 4, 5, 31, 33, 260, 1] {
                let rows: Vec<_> =
                    (prev + 1..=prev + width).map(|seq| record(seq, shard, seq)).collect();
                let index = shard * 1_000 + u32::try_from(width).unwrap_or(0);
                let sent = Batch { runs: vec![row(index)], ..batch(prev, rows.clone()) };
                commit(&*store, lease, sent).await;
                assert_eq!(store.run(run(index)).await, Ok(Some(row(index))), "its own write");
                prev += width;
                written.extend(rows);
            }
            let tail = store.tail(lease).await.expect("a tail");
            assert_eq!((tail.last, tail.rows), (prev, written), "shard {shard}");
        });
    }
    while let Some(writer) = writers.join_next().await {
        writer.expect("every writer reads what it wrote");
    }
}

/// The engine counts deadlines by it: what falls due at a time must not do so before it. The clock of a
/// store that is tested is this machine's.
pub async fn the_clock_says_no_time_that_has_not_come(harness: &impl Harness) {
    let store = harness.fresh().await;
    for _ in 0..300 {
        let said = store.now().await.expect("a clock").0 * 1_000;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_micros();
        let now = i64::try_from(now).expect("before 294000");
        assert!(said <= now, "{} µs early", said - now);
        assert!(said > 1_500_000_000_000_000, "{said} µs: a time of this age");
    }
}
