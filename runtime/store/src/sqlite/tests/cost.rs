//! What a batch costs, in counts that are the same on every machine.

use super::{Files, acquire, open, rows};
use crate::short_run::short_run;
use sagaflow_core::port::Store as _;
use std::path::Path;

/// Pages that the log holds: what every commit forces to the disk.
fn logged(path: &Path) -> u64 {
    const HEADER: u64 = 32;
    const FRAME: u64 = 24 + 4_096;
    let log = std::fs::metadata(format!("{}-wal", path.display())).expect("a log");
    log.len().saturating_sub(HEADER) / FRAME
}

/// The trees that each batch touches: the shard's row always, the record in two trees, the start key
/// in two, the run's row and the index of open or of ended ones.
#[tokio::test]
async fn a_batch_writes_one_page_for_each_tree_that_it_touches() {
    let files = Files::new();
    let path = files.next();
    let store = open(&path).await;
    let lease = acquire(&store).await;
    let mut pages = Vec::new();
    for batch in short_run(0, 0) {
        let before = logged(&path);
        store.commit(lease, batch).await.expect("a commit");
        pages.push(logged(&path) - before);
    }
    assert_eq!(pages, [7, 3, 6], "the start, a step, the end");
}

/// Four batches of a hundred pages and more each, for as long as it takes to fill the log three times.
#[tokio::test]
async fn the_log_begins_anew_when_it_was_copied_and_a_reader_only_puts_it_off() {
    const COPIED_AT: u64 = 4_000;
    let files = Files::new();
    let path = files.next();
    let store = open(&path).await;
    let lease = acquire(&store).await;
    let (mut last, mut written) = (0, 0);
    let mut write = async |pages: u64| {
        let (from, before) = (written, logged(&path));
        while written - from < pages {
            store.commit(lease, rows(last, 1_500)).await.expect("a commit");
            last += 1_500;
            // Twelve records of 300 bytes and their place in the tree are a page.
            written += 1_500 / 12;
        }
        (before, logged(&path))
    };
    let (_, long) = write(3 * COPIED_AT).await;
    assert!((COPIED_AT..COPIED_AT + 500).contains(&long), "{long} pages");

    let reader = rusqlite::Connection::open(&path).expect("a reader");
    let count = "SELECT count(*) FROM journal";
    reader.execute_batch("BEGIN").expect("it begins to read");
    let seen: i64 = reader.query_row(count, [], |row| row.get(0)).expect("it reads");
    let (_, longer) = write(2 * COPIED_AT).await;
    assert!(longer > 2 * COPIED_AT, "{longer} pages: what it reads is kept for it");
    assert_eq!(reader.query_row(count, [], |row| row.get(0)), Ok(seen));
    reader.execute_batch("COMMIT").expect("it ends");
    let (_, after) = write(2 * COPIED_AT).await;
    let (_, later) = write(COPIED_AT / 2).await;
    assert_eq!(after, later, "the same pages again");
}
