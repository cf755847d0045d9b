//! Messages between shards: there with the batch that sent them, gone with the batch that took them.

use super::Harness;
use super::rows::{
    SHARD, acquire, assert_fenced, batch, commit, key, message, own, record, run, source,
};
use sagaflow_core::id::ShardId;
use sagaflow_core::port::{Batch, KeyRow, Lease, MessageRow, Source, Store};
use std::sync::Arc;

/// The shard that most messages are for.
const TO: ShardId = ShardId(2);

/// Runs every case of this file.
pub async fn all(harness: &impl Harness) {
    a_message_is_there_with_its_batch_and_never_without(harness).await;
    messages_are_read_in_order_of_their_sources_and_in_pages(harness).await;
    a_message_is_taken_only_by_its_receiver_and_only_if_listed(harness).await;
    a_message_that_is_taken_twice_is_no_error(harness).await;
    messages_alone_make_a_batch_and_are_fenced_like_one(harness).await;
    mail_names_exactly_the_shards_with_messages(harness).await;
    messages_and_what_took_them_survive_a_crash(harness).await;
    a_fenced_shard_takes_no_neighbours_messages_with_it(harness).await;
    shards_that_write_to_each_other_at_once_lose_nothing(harness).await;
}

async fn inbox(store: &impl Store, shard: ShardId) -> Vec<MessageRow> {
    store.inbox(shard, None, 1_000).await.expect("an inbox can be read")
}

async fn send(store: &impl Store, lease: Lease, prev: u64, sent: &[MessageRow]) {
    commit(store, lease, Batch { sent: sent.to_vec(), ..batch(prev, vec![own(prev + 1)]) }).await;
}

/// One that is refused for its epoch, its position or a start key sends nothing, and takes nothing.
pub async fn a_message_is_there_with_its_batch_and_never_without(harness: &impl Harness) {
    let store = harness.fresh().await;
    assert_eq!(inbox(&store, TO).await, []);
    let (stale, to) = (acquire(&store, SHARD).await, acquire(&store, TO).await);
    let lease = acquire(&store, SHARD).await;
    let first = [message(TO, source(1, 1, 0)), message(TO, source(1, 1, 1))];
    let started = Batch { keys: vec![key(0)], ..batch(0, vec![record(1, 0, 1)]) };
    commit(&store, lease, Batch { sent: first.to_vec(), ..started }).await;
    assert_eq!(inbox(&store, TO).await, first, "both of one batch");

    let never = vec![message(TO, source(1, 2, 0))];
    let taken_key = vec![KeyRow { run: run(9), ..key(0) }];
    let refused = [
        ("a stale lease sends", stale, batch(1, vec![own(2)])),
        ("a wrong position sends", lease, batch(7, vec![own(8)])),
        ("a taken start key sends", lease, Batch { keys: taken_key, ..batch(1, vec![own(2)]) }),
    ];
    for (what, lease, sound) in refused {
        assert_fenced(&store.commit(lease, Batch { sent: never.clone(), ..sound }).await, what);
        assert_eq!(inbox(&store, TO).await, first, "{what}");
    }
    let taken = vec![source(1, 1, 0)];
    let late = Batch { taken, ..batch(3, vec![]) };
    assert_fenced(&store.commit(to, late).await, "a wrong position takes");
    assert_eq!(inbox(&store, TO).await, first, "a fenced batch took one");
}

/// By shard, epoch, position and index, whoever committed first.
pub async fn messages_are_read_in_order_of_their_sources_and_in_pages(harness: &impl Harness) {
    let store = harness.fresh().await;
    let (one, three) = (acquire(&store, SHARD).await, acquire(&store, ShardId(3)).await);
    let of = |shard, epoch, seq, index| Source { shard: ShardId(shard), epoch, seq, index };
    let late = [of(3, 1, 1, 0), of(3, 1, 1, 1), of(3, 1, 10, 0), of(3, 2, 2, 0)];
    let early = [of(1, 1, 2, 0), of(1, 1, 2, 10), of(1, 1, 9, 2), of(1, 1 << 40, 1, 0)];
    for (lease, sources) in [(three, late), (one, early)] {
        let mut sent = sources.map(|from| message(TO, from));
        sent.reverse();
        send(&store, lease, 0, &sent).await;
    }
    let expected: Vec<_> = early.into_iter().chain(late).map(|from| message(TO, from)).collect();
    assert_eq!(inbox(&store, TO).await, expected);
    for limit in [0, 1, 5, 8, 9, u32::MAX] {
        let page = store.inbox(TO, None, limit).await.expect("a page");
        let first = expected.len().min(limit as usize);
        assert_eq!(page.as_slice(), &expected[..first], "a page of {limit}");
    }
    for (at, row) in expected.iter().enumerate() {
        let page = store.inbox(TO, Some(row.from), 3).await.expect("a page");
        let behind = &expected[at + 1..];
        assert_eq!(page, behind[..behind.len().min(3)], "the page behind {:?}", row.from);
    }
    let between = store.inbox(TO, Some(of(1, 1, 5, 7)), 1).await.expect("a page");
    assert_eq!(between, [message(TO, of(1, 1, 9, 2))], "behind one that is not there");
}

/// Another shard that names it takes nothing of it, and what is not named stays.
pub async fn a_message_is_taken_only_by_its_receiver_and_only_if_listed(harness: &impl Harness) {
    let store = harness.fresh().await;
    let one = acquire(&store, SHARD).await;
    let (two, three) = (acquire(&store, TO).await, acquire(&store, ShardId(3)).await);
    let sources = [source(1, 1, 0), source(1, 1, 1), source(1, 1, 2)];
    let sent = sources.map(|from| message(TO, from));
    send(&store, one, 0, &sent).await;
    for stranger in [one, three] {
        let last = store.tail(stranger).await.expect("a tail").last;
        let taken = sources.to_vec();
        commit(&store, stranger, Batch { taken, ..batch(last, vec![own(last + 1)]) }).await;
        assert_eq!(inbox(&store, TO).await, sent, "{stranger:?} took what is not its own");
    }
    let taken = vec![source(1, 1, 1)];
    commit(&store, two, Batch { taken, ..batch(0, vec![own(1)]) }).await;
    let [first, _, last] = sent;
    assert_eq!(inbox(&store, TO).await, [first, last]);
    let taken = vec![source(1, 1, 0), source(1, 1, 2)];
    let answer = message(SHARD, source(2, 2, 0));
    let sent = vec![answer.clone()];
    commit(&store, two, Batch { taken, sent, ..batch(1, vec![own(2)]) }).await;
    assert_eq!(inbox(&store, TO).await, []);
    assert_eq!(inbox(&store, SHARD).await, [answer], "what one took another may answer at once");
}

/// A receiver that recovers names again what its batch before has taken.
pub async fn a_message_that_is_taken_twice_is_no_error(harness: &impl Harness) {
    let store = harness.fresh().await;
    let (one, two) = (acquire(&store, SHARD).await, acquire(&store, TO).await);
    send(&store, one, 0, &[message(TO, source(1, 1, 0))]).await;
    let taken = vec![source(1, 1, 0), source(3, 1, 0), source(1, 1, 0)];
    for prev in 0..2 {
        let again = Batch { taken: taken.clone(), ..batch(prev, vec![own(prev + 1)]) };
        commit(&store, two, again).await;
        assert_eq!(inbox(&store, TO).await, [], "after {prev}");
    }
}

/// No record need be in it; epoch, owner and position are what they must be all the same.
pub async fn messages_alone_make_a_batch_and_are_fenced_like_one(harness: &impl Harness) {
    let store = harness.fresh().await;
    let (stale, two) = (acquire(&store, SHARD).await, acquire(&store, TO).await);
    let lease = acquire(&store, SHARD).await;
    let only = |sent: Vec<MessageRow>, taken| Batch { sent, taken, ..batch(0, vec![]) };
    let first = message(TO, source(1, 0, 0));
    let second = message(TO, source(1, 0, 1));
    assert_fenced(&store.commit(stale, only(vec![first.clone()], vec![])).await, "a stale lease");
    commit(&store, lease, only(vec![first.clone()], vec![])).await;
    commit(&store, lease, only(vec![second.clone()], vec![])).await;
    assert_eq!(inbox(&store, TO).await, [first.clone(), second.clone()]);
    commit(&store, two, only(vec![], vec![first.from])).await;
    assert_eq!(inbox(&store, TO).await, std::slice::from_ref(&second));
    let new = acquire(&store, TO).await;
    assert_fenced(&store.commit(two, only(vec![], vec![second.from])).await, "it was acquired");
    let ahead = Batch { prev: 4, ..only(vec![], vec![second.from]) };
    assert_fenced(&store.commit(new, ahead).await, "a wrong position");
    assert_eq!(inbox(&store, TO).await, [second]);
    let tail = store.tail(lease).await.map(|tail| (tail.last, tail.rows.len()));
    assert_eq!(tail, Ok((0, 0)), "messages are no records");
}

/// Each once and in order, whatever is asked; and none that has none, or is not asked for.
pub async fn mail_names_exactly_the_shards_with_messages(harness: &impl Harness) {
    let store = harness.fresh().await;
    let shards = |of: &[u32]| of.iter().copied().map(ShardId).collect::<Vec<_>>();
    let all = shards(&[0, 1, 2, 3]);
    assert_eq!(store.mail(&all).await, Ok(vec![]));
    let one = acquire(&store, SHARD).await;
    let sent = [
        message(ShardId(3), source(1, 1, 0)),
        message(ShardId(0), source(1, 1, 0)),
        message(ShardId(0), source(1, 1, 1)),
        message(SHARD, source(1, 1, 2)),
    ];
    send(&store, one, 0, &sent).await;
    let table: [(&[u32], &[u32]); 6] = [
        (&[0, 1, 2, 3], &[0, 1, 3]),
        (&[3, 2, 3, 0, 0], &[0, 3]),
        (&[2], &[]),
        (&[1], &[1]),
        (&[], &[]),
        (&[4_095, 2], &[]),
    ];
    for (asked, expected) in table {
        assert_eq!(store.mail(&shards(asked)).await, Ok(shards(expected)), "of {asked:?}");
    }
    let many: Vec<_> = (0..700).map(ShardId).collect();
    assert_eq!(store.mail(&many).await, Ok(shards(&[0, 1, 3])), "more than one statement holds");
    let zero = acquire(&store, ShardId(0)).await;
    let taken = vec![source(1, 1, 0), source(1, 1, 1)];
    commit(&store, zero, Batch { taken, ..batch(0, vec![]) }).await;
    assert_eq!(store.mail(&all).await, Ok(shards(&[1, 3])), "what is taken is no mail");
}

/// What was acknowledged, both ways.
pub async fn messages_and_what_took_them_survive_a_crash(harness: &impl Harness) {
    let store = harness.fresh().await;
    let (one, two) = (acquire(&store, SHARD).await, acquire(&store, TO).await);
    let [gone, stays] = [0, 1].map(|index| message(TO, source(1, 1, index)));
    send(&store, one, 0, &[gone.clone(), stays.clone()]).await;
    commit(&store, two, Batch { taken: vec![gone.from], ..batch(0, vec![own(1)]) }).await;
    let store = harness.crash(store).await;
    acquire(&store, TO).await;
    assert_eq!(inbox(&store, TO).await, std::slice::from_ref(&stays));
    assert_fenced(
        &store.commit(two, Batch { taken: vec![stays.from], ..batch(1, vec![]) }).await,
        "a dead owner takes",
    );
    assert_eq!(store.mail(&[SHARD, TO]).await, Ok(vec![TO]));
}

/// Batches of several shards may share a transaction; none may send or take for another.
pub async fn a_fenced_shard_takes_no_neighbours_messages_with_it(harness: &impl Harness) {
    let store = Arc::new(harness.fresh().await);
    let mut leases = Vec::new();
    for shard in 0..4 {
        leases.push(acquire(&*store, ShardId(shard)).await);
    }
    let fenced = 2;
    acquire(&*store, ShardId(fenced)).await;
    for round in 0..20 {
        let mut commits = tokio::task::JoinSet::new();
        for lease in leases.clone() {
            let to = ShardId((lease.shard.0 + 1) % 4);
            let sent = vec![message(to, source(lease.shard.0, round + 1, 0))];
            // What the neighbour sent one round ago.
            let taken = vec![source((lease.shard.0 + 3) % 4, round, 0)];
            let store = Arc::clone(&store);
            let sent = Batch { sent, taken, ..batch(round, vec![own(round + 1)]) };
            commits.spawn(async move { (lease.shard.0, store.commit(lease, sent).await) });
        }
        while let Some(done) = commits.join_next().await {
            let (shard, answer) = done.expect("a commit does not panic");
            match shard == fenced {
                true => assert_fenced(&answer, "an old lease"),
                false => assert_eq!(answer, Ok(()), "shard {shard} suffers for its neighbour"),
            }
        }
    }
    for to in 0..4 {
        let found: Vec<_> =
            inbox(&*store, ShardId(to)).await.into_iter().map(|row| row.from.seq).collect();
        let expected: Vec<u64> = match ((to + 3) % 4 == fenced, to == fenced) {
            (true, _) => vec![],
            (_, true) => (1..=20).collect(),
            _ => vec![20],
        };
        assert_eq!(found, expected, "shard {to}");
    }
}

/// Every shard sends to every shard and takes what it reads, at its own pace.
pub async fn shards_that_write_to_each_other_at_once_lose_nothing(harness: &impl Harness) {
    const ROUNDS: u64 = 12;
    let store = Arc::new(harness.fresh().await);
    let mut shards = tokio::task::JoinSet::new();
    for shard in 0..4 {
        let store = Arc::clone(&store);
        shards.spawn(async move {
            let lease = acquire(&*store, ShardId(shard)).await;
            let (mut prev, mut got) = (0, Vec::new());
            while prev < ROUNDS || got.len() < 4 * 3 * usize::try_from(ROUNDS).unwrap_or(0) {
                let read = store.inbox(ShardId(shard), None, 5).await.expect("a page");
                let sent = 0..if prev < ROUNDS { 12 } else { 0 };
                let sent =
                    sent.map(|index| message(ShardId(index % 4), source(shard, prev, index)));
                let taken: Vec<_> = read.iter().map(|row| row.from).collect();
                if taken.is_empty() && prev >= ROUNDS {
                    tokio::task::yield_now().await;
                    continue;
                }
                let sent =
                    Batch { sent: sent.collect(), taken, ..batch(prev, vec![own(prev + 1)]) };
                commit(&*store, lease, sent).await;
                prev += 1;
                got.extend(read);
            }
            (ShardId(shard), got)
        });
    }
    while let Some(done) = shards.join_next().await {
        let (shard, mut got) = done.expect("a shard gets what it was sent");
        got.sort_by_key(|row| row.from);
        let sources = (0..4).flat_map(|from| {
            (0..ROUNDS).flat_map(move |seq| (0..12).map(move |index| source(from, seq, index)))
        });
        let to = |from: &Source| from.index % 4 == shard.0;
        let expected: Vec<_> = sources.filter(to).map(|from| message(shard, from)).collect();
        assert_eq!(got, expected, "{shard:?}: each once");
        assert_eq!(inbox(&*store, shard).await, [], "{shard:?}");
    }
}
