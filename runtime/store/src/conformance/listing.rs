//! Lists: filters and pages, of runs and of items.

use super::Harness;
use super::rows::{SHARD, acquire, batch, commit, item, own, row, run};
use sagaflow_core::id::{RunId, ShardId};
use sagaflow_core::port::{Batch, ItemRow, RunFilter, RunRow, Store};
use sagaflow_core::time::Time;

/// Runs every case of this file.
pub async fn all(harness: &impl Harness) {
    runs_are_listed_newest_first_in_pages_of_any_size(harness).await;
    filters_narrow_the_list_and_each_other(harness).await;
    items_are_listed_oldest_first_and_only_open_ones_unless_asked(harness).await;
}

fn page(limit: u32) -> RunFilter {
    RunFilter { limit, ..RunFilter::default() }
}

async fn listed(store: &impl Store, filter: &RunFilter) -> Vec<RunRow> {
    store.runs(filter).await.expect("runs can be listed")
}

/// A thousand runs on two shards, in pages that divide it and pages that do not.
pub async fn runs_are_listed_newest_first_in_pages_of_any_size(harness: &impl Harness) {
    let store = harness.fresh().await;
    for (shard, indexes) in [(ShardId(1), 0..500), (ShardId(2), 500..1_000)] {
        let lease = acquire(&store, shard).await;
        let runs = indexes.map(row).collect();
        commit(&store, lease, Batch { runs, ..batch(0, vec![own(1)]) }).await;
    }
    let newest_first: Vec<RunId> = (0..1_000).rev().map(run).collect();
    for limit in [53, 100, 950, 1_000, 2_000] {
        let mut seen = Vec::new();
        let mut filter = page(limit);
        loop {
            let rows = listed(&store, &filter).await;
            assert!(rows.len() <= limit as usize, "{} of at most {limit}", rows.len());
            assert!(rows.iter().all(|row| row.snapshot.is_none()), "a list carries no snapshots");
            filter.after = rows.last().map(|row| row.run);
            seen.extend(rows.iter().map(|row| row.run));
            if filter.after.is_none() {
                break;
            }
        }
        assert_eq!(seen, newest_first, "in pages of {limit}");
    }
    assert_eq!(listed(&store, &page(0)).await, vec![], "a page of nothing");
}

/// Each filter alone, and all of them together.
pub async fn filters_narrow_the_list_and_each_other(harness: &impl Harness) {
    let store = harness.fresh().await;
    let lease = acquire(&store, SHARD).await;
    let text = |text: &str| Some(text.to_owned());
    let runs = vec![
        row(0),
        RunRow { namespace: "other".to_owned(), ..row(1) },
        RunRow { workflow: "shop.Return".to_owned(), key: None, ..row(2) },
        RunRow { status: "failed".to_owned(), ended_at: Some(Time(5)), ..row(3) },
        RunRow { workflow: "shop.ReOrder".to_owned(), ..row(4) },
        RunRow { workflow: "Order".to_owned(), key: text("\"A-0\""), ..row(5) },
    ];
    commit(&store, lease, Batch { runs, ..batch(0, vec![own(1)]) }).await;
    let table = [
        (page(9), vec![5, 4, 3, 2, 1, 0]),
        (RunFilter { namespace: "default".to_owned(), ..page(9) }, vec![5, 4, 3, 2, 0]),
        (RunFilter { namespace: "nobody".to_owned(), ..page(9) }, vec![]),
        (RunFilter { workflow: text("shop.Order"), ..page(9) }, vec![3, 1, 0]),
        (RunFilter { workflow: text("Order"), ..page(9) }, vec![5, 3, 1, 0]),
        (RunFilter { workflow: text("order"), ..page(9) }, vec![]),
        (RunFilter { status: text("failed"), ..page(9) }, vec![3]),
        (RunFilter { key: text("\"A-0\""), ..page(9) }, vec![5, 0]),
        (RunFilter { since: Some(Time(1_000_003)), ..page(9) }, vec![5, 4, 3]),
        (RunFilter { after: Some(run(2)), ..page(9) }, vec![1, 0]),
        (
            RunFilter {
                namespace: "default".to_owned(),
                workflow: text("Order"),
                status: text("running"),
                key: text("\"A-0\""),
                indexed: Vec::new(),
                since: Some(Time(1_000_000)),
                after: Some(run(5)),
                limit: 1,
            },
            vec![0],
        ),
    ];
    for (filter, expected) in table {
        let found: Vec<_> = listed(&store, &filter).await.iter().map(|row| row.run).collect();
        let expected: Vec<_> = expected.into_iter().map(run).collect();
        assert_eq!(found, expected, "{filter:?}");
    }
}

/// Pages continue after an item, also one that was closed meanwhile.
pub async fn items_are_listed_oldest_first_and_only_open_ones_unless_asked(harness: &impl Harness) {
    let store = harness.fresh().await;
    let lease = acquire(&store, SHARD).await;
    let shut = ItemRow { open: false, ..item("c", "task", 3) };
    let other = ItemRow { namespace: "other".to_owned(), ..item("f", "task", 6) };
    let mut items =
        vec![item("z", "task", 1), item("b", "task", 2), item("a", "task", 2), shut, other];
    items.push(item("d", "review", 4));
    items.push(item("e", "task", 5));
    commit(&store, lease, Batch { items, ..batch(0, vec![own(1)]) }).await;
    let table = [
        ("task", false, None, 9, vec!["z", "a", "b", "e"]),
        ("task", true, None, 9, vec!["z", "a", "b", "c", "e"]),
        ("task", false, None, 2, vec!["z", "a"]),
        ("task", false, Some("a"), 2, vec!["b", "e"]),
        ("task", false, Some("c"), 9, vec!["e"]),
        ("task", true, Some("e"), 9, vec![]),
        ("task", false, Some("nobody"), 9, vec![]),
        ("review", false, None, 9, vec!["d"]),
        ("dead_letter", true, None, 9, vec![]),
    ];
    for (kind, all, after, limit, expected) in table {
        let found = store.items("default", kind, all, after, limit).await.expect("items");
        let found: Vec<_> = found.iter().map(|row| row.id.as_str()).collect();
        assert_eq!(found, expected, "{kind}, all: {all}, after {after:?}");
    }
}
