//! Runs are found by their values: those that have them all, newest first, for as long as they are kept.

use super::Harness;
use super::rows::{
    SHARD, acquire, assert_fenced, batch, commit, ended, indexed, own, record, row, run,
};
use sagaflow_core::port::{Batch, IndexedRow, RunFilter, RunRow, Store};
use sagaflow_core::time::Time;

/// Runs every case of this file.
pub async fn all(harness: &impl Harness) {
    a_run_is_found_by_each_of_its_values_and_by_all_of_them(harness).await;
    a_namespace_finds_its_own_runs_alone(harness).await;
    other_filters_and_pages_narrow_what_is_found(harness).await;
    a_value_that_is_written_again_stays_as_it_was(harness).await;
    a_refused_batch_leaves_nothing_to_be_found(harness).await;
    a_run_is_found_after_its_end_and_a_crash_until_it_expires(harness).await;
}

/// Names and values that a run must have.
type Values<'a> = &'a [(&'a str, &'a str)];

fn by(values: Values<'_>) -> RunFilter {
    let value = |(name, value): &(&str, &str)| ((*name).to_owned(), format!("\"{value}\""));
    let namespace = "default".to_owned();
    RunFilter {
        namespace,
        indexed: values.iter().map(value).collect(),
        limit: 9,
        ..RunFilter::default()
    }
}

async fn found(store: &impl Store, filter: &RunFilter) -> Vec<u32> {
    let rows = store.runs(filter).await.expect("runs can be found");
    let number = |row: &RunRow| (0..1_000).find(|index| run(*index) == row.run).expect("a run");
    rows.iter().map(number).collect()
}

/// Runs 0 to 3: of customer ann but for 2, with total 5 but for 3.
async fn four(store: &impl Store) -> sagaflow_core::port::Lease {
    let lease = acquire(store, SHARD).await;
    let customers = ["ann", "ann", "bob", "ann"];
    let totals = ["5", "5", "5", "7"];
    let each = (0_u32..).zip(customers).zip(totals);
    let indexed = each.flat_map(|((index, customer), total)| {
        [indexed(index, "customer", customer), indexed(index, "total", total)]
    });
    let (indexed, runs) = (indexed.collect(), (0..4).map(row).collect());
    commit(store, lease, Batch { runs, indexed, ..batch(0, vec![own(1)]) }).await;
    lease
}

/// Found and not found; by another name, by a part of a value, by several.
pub async fn a_run_is_found_by_each_of_its_values_and_by_all_of_them(harness: &impl Harness) {
    let store = harness.fresh().await;
    four(&store).await;
    let table: [(Values<'_>, Vec<u32>); 9] = [
        (&[("customer", "ann")], vec![3, 1, 0]),
        (&[("customer", "bob")], vec![2]),
        (&[("customer", "cem")], vec![]),
        (&[("customer", "an")], vec![]),
        (&[("total", "5")], vec![2, 1, 0]),
        (&[("total", "ann")], vec![]),
        (&[("nothing", "ann")], vec![]),
        (&[("customer", "ann"), ("total", "5")], vec![1, 0]),
        (&[("total", "7"), ("customer", "bob")], vec![]),
    ];
    for (values, expected) in table {
        assert_eq!(found(&store, &by(values)).await, expected, "{values:?}");
    }
}

/// Also where it has none: what is looked for is looked for in one.
pub async fn a_namespace_finds_its_own_runs_alone(harness: &impl Harness) {
    let store = harness.fresh().await;
    let lease = acquire(&store, SHARD).await;
    let other = || "other".to_owned();
    let runs = vec![row(0), RunRow { namespace: other(), ..row(1) }];
    let ann = |index| indexed(index, "customer", "ann");
    let indexed = vec![ann(0), IndexedRow { namespace: other(), ..ann(1) }];
    commit(&store, lease, Batch { runs, indexed, ..batch(0, vec![own(1)]) }).await;
    for (namespace, expected) in [("default", vec![0]), ("other", vec![1]), ("", vec![])] {
        let filter = RunFilter { namespace: namespace.to_owned(), ..by(&[("customer", "ann")]) };
        assert_eq!(found(&store, &filter).await, expected, "{namespace}");
    }
}

/// By workflow, status, key and time, and page by page.
pub async fn other_filters_and_pages_narrow_what_is_found(harness: &impl Harness) {
    let store = harness.fresh().await;
    let lease = acquire(&store, SHARD).await;
    let text = |text: &str| Some(text.to_owned());
    let runs = vec![
        row(0),
        RunRow { workflow: "shop.Return".to_owned(), ..row(1) },
        RunRow { status: "failed".to_owned(), ..row(2) },
        row(3),
        row(4),
    ];
    let indexed = (0..4).map(|index| indexed(index, "customer", "ann")).collect();
    commit(&store, lease, Batch { runs, indexed, ..batch(0, vec![own(1)]) }).await;
    let ann = || by(&[("customer", "ann")]);
    let table = [
        (ann(), vec![3, 2, 1, 0]),
        (RunFilter { workflow: text("Order"), ..ann() }, vec![3, 2, 0]),
        (RunFilter { workflow: text("shop.Return"), ..ann() }, vec![1]),
        (RunFilter { status: text("failed"), ..ann() }, vec![2]),
        (RunFilter { key: text("\"A-3\""), ..ann() }, vec![3]),
        (RunFilter { since: Some(Time(1_000_002)), ..ann() }, vec![3, 2]),
        (RunFilter { after: Some(run(3)), limit: 2, ..ann() }, vec![2, 1]),
        (RunFilter { after: Some(run(0)), ..ann() }, vec![]),
        (RunFilter { limit: 0, ..ann() }, vec![]),
    ];
    for (filter, expected) in table {
        assert_eq!(found(&store, &filter).await, expected, "{filter:?}");
    }
}

/// The next owner of a shard says again by what its runs are found.
pub async fn a_value_that_is_written_again_stays_as_it_was(harness: &impl Harness) {
    let store = harness.fresh().await;
    four(&store).await;
    let lease = acquire(&store, SHARD).await;
    let again = vec![indexed(0, "customer", "ann"), indexed(1, "customer", "eve")];
    let sent = Batch { runs: vec![row(0)], indexed: again, ..batch(1, vec![own(2)]) };
    commit(&store, lease, sent).await;
    assert_eq!(found(&store, &by(&[("customer", "ann")])).await, [3, 1, 0]);
    assert_eq!(found(&store, &by(&[("customer", "eve")])).await, [0_u32; 0]);
}

/// The fence guards it as all else.
pub async fn a_refused_batch_leaves_nothing_to_be_found(harness: &impl Harness) {
    let store = harness.fresh().await;
    let old = acquire(&store, SHARD).await;
    let new = acquire(&store, SHARD).await;
    let (runs, indexed) = (vec![row(0)], vec![indexed(0, "customer", "ann")]);
    let refused = store.commit(old, Batch { runs, indexed, ..batch(0, vec![own(1)]) }).await;
    assert_fenced(&refused, "its epoch is over");
    commit(&store, new, Batch { runs: vec![row(0)], ..batch(0, vec![own(1)]) }).await;
    assert_eq!(found(&store, &by(&[("customer", "ann")])).await, [0_u32; 0]);
}

/// It goes with its run, and with no other.
pub async fn a_run_is_found_after_its_end_and_a_crash_until_it_expires(harness: &impl Harness) {
    let store = harness.fresh().await;
    let lease = acquire(&store, SHARD).await;
    let indexed = vec![indexed(0, "customer", "ann"), indexed(1, "customer", "ann")];
    let rows = vec![record(1, 0, 1), record(2, 1, 1)];
    let runs = vec![row(0), row(1)];
    commit(&store, lease, Batch { runs, indexed: indexed.clone(), ..batch(0, rows) }).await;
    let runs = vec![ended(0, 10), ended(1, 20)];
    let all = Batch { runs, checkpoint: Some(3), emitted: Some(3), ..batch(2, vec![own(3)]) };
    commit(&store, lease, all).await;
    let ann = by(&[("customer", "ann")]);
    assert_eq!(found(&store, &ann).await, [1, 0], "they have ended");
    let store = harness.crash(store).await;
    assert_eq!(found(&store, &ann).await, [1, 0], "and were acknowledged");
    assert_eq!(store.expire(Time(11), 9).await, Ok(1));
    assert_eq!(found(&store, &ann).await, [1]);
    // What went is free: another run of that id is found by what it says itself.
    let lease = acquire(&store, SHARD).await;
    let bob = vec![IndexedRow { value: "\"bob\"".to_owned(), ..indexed[0].clone() }];
    let anew = Batch { runs: vec![row(0)], indexed: bob, ..batch(3, vec![own(4)]) };
    commit(&store, lease, anew).await;
    assert_eq!(found(&store, &by(&[("customer", "bob")])).await, [0]);
    assert_eq!(found(&store, &ann).await, [1]);
}
