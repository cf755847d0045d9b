//! What a batch costs, in counts that are the same on every machine.

use super::{Files, acquire, open};
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
