//! Processes that die at work.

use super::{Files, acquire, copy, open, rows};
use sagaflow_core::id::ShardId;
use sagaflow_core::port::{Error, Store};
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Names the file that a child of these tests writes until it is killed.
const CHILD: &str = "SAGAFLOW_STORE_TEST_CHILD";

/// Rows of one batch: a count that is not a multiple of it would be half a batch.
const WIDTH: u64 = 37;

/// Does nothing, unless a test of this file has started it as a process to be killed.
#[tokio::test(flavor = "multi_thread")]
async fn child() {
    let Ok(path) = std::env::var(CHILD) else { return };
    let store = open(Path::new(&path)).await;
    let mut writers = tokio::task::JoinSet::new();
    for shard in 0..4 {
        let store = store.clone();
        writers.spawn(async move {
            let lease = store.acquire(ShardId(shard)).await.expect("a lease");
            let mut last = 0;
            loop {
                store.commit(lease, rows(last, WIDTH)).await.expect("a commit");
                last += WIDTH;
                println!("acknowledged {shard} {last}");
            }
        });
    }
    writers.join_all().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_process_loses_nothing_it_acknowledged_and_frees_the_file_at_once() {
    let files = Files::new();
    for round in 0..3 {
        let path = files.next();
        let mut process = Command::new(std::env::current_exe().expect("this test's binary"))
            .args(["--exact", "sqlite::tests::kill::child", "--nocapture"])
            .env(CHILD, &path)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("a child");
        let output = process.stdout.take().expect("its output");
        let mut acknowledged = [0_u64; 4];
        let mut lines = BufReader::new(output).lines().map_while(Result::ok);
        let mut take = |line: &str| {
            let mut words =
                line.split_whitespace().skip_while(|word| *word != "acknowledged").skip(1);
            let number = |word: Option<&str>| word.and_then(|word| word.parse::<u64>().ok());
            if let (Some(shard), Some(last)) = (number(words.next()), number(words.next())) {
                acknowledged[usize::try_from(shard).unwrap_or(0)] = last;
            }
        };
        lines.by_ref().take(60 + round * 130).for_each(|line| take(&line));
        let held = super::Sqlite::open(super::Options::new(&path)).await.err();
        let name = format!("process {}", process.id());
        assert!(matches!(&held, Some(Error::Held(who)) if who.contains(&name)), "{held:?}");
        process.kill().expect("it is killed");
        process.wait().expect("it is dead");
        lines.for_each(|line| take(&line));

        let store = open(&path).await;
        for (shard, acknowledged) in (0_u32..).zip(acknowledged) {
            let lease = store.acquire(ShardId(shard)).await.expect("a lease at once");
            let tail = store.tail(lease).await.expect("a tail");
            assert!(tail.last >= acknowledged, "shard {shard}: {} of {acknowledged}", tail.last);
            assert_eq!(tail.last % WIDTH, 0, "half a batch");
            let expected = rows(0, tail.last).rows;
            assert_eq!(tail.rows, expected, "shard {shard}");
        }
    }
}

/// An image taken at any instant opens with every batch acknowledged before it, and only whole
/// ones.
#[tokio::test(flavor = "multi_thread")]
async fn an_image_taken_at_work_opens_with_the_acknowledged_batches() {
    let files = Files::new();
    let path = files.next();
    let store = open(&path).await;
    let acknowledged = Arc::new(AtomicU64::new(0));
    let sent = Arc::new(AtomicU64::new(0));
    let writer = {
        let (store, acknowledged, sent) =
            (store.clone(), Arc::clone(&acknowledged), Arc::clone(&sent));
        tokio::spawn(async move {
            let lease = acquire(&store).await;
            // Bound: fewer pages than the log holds before it is copied into the file, so that an
            // image of the two is one that a power cut could have left.
            for batch in 0..80 {
                sent.store((batch + 1) * WIDTH, Ordering::SeqCst);
                store.commit(lease, rows(batch * WIDTH, WIDTH)).await.expect("a commit");
                acknowledged.store((batch + 1) * WIDTH, Ordering::SeqCst);
            }
        })
    };
    let mut images = Vec::new();
    while !writer.is_finished() {
        let image = files.next();
        let before = acknowledged.load(Ordering::SeqCst);
        copy(&path, &image);
        images.push((image, before, sent.load(Ordering::SeqCst)));
    }
    writer.await.expect("the writer ends");
    assert!(!images.is_empty(), "at least one image was taken");
    for (image, before, after) in images {
        let store = open(&image).await;
        let lease = acquire(&store).await;
        let tail = store.tail(lease).await.expect("a tail");
        assert!((before..=after).contains(&tail.last), "{} in {before}..={after}", tail.last);
        assert_eq!(tail.last % WIDTH, 0, "half a batch");
        assert_eq!(tail.rows, rows(0, tail.last).rows);
    }
}

/// A log cut anywhere, as by a disk that lost its last blocks, opens with whole batches only.
#[tokio::test]
async fn a_log_cut_anywhere_opens_with_whole_batches() {
    let files = Files::new();
    let path = files.next();
    let store = open(&path).await;
    let lease = acquire(&store).await;
    for batch in 0..6 {
        store.commit(lease, rows(batch * WIDTH, WIDTH)).await.expect("a commit");
    }
    let whole = files.next();
    copy(&path, &whole);
    let log = std::fs::read(format!("{}-wal", whole.display())).expect("a log");
    for part in 0..=12_usize {
        let image = files.next();
        copy(&whole, &image);
        let cut = log.len() * part / 12;
        let kept = log.get(..cut).expect("a part of it");
        std::fs::write(format!("{}-wal", image.display()), kept).expect("a shorter log");
        // A log cut before the schema leaves an empty file, which is made anew.
        let store = open(&image).await;
        let lease = acquire(&store).await;
        let tail = store.tail(lease).await.expect("a tail");
        assert_eq!(tail.last % WIDTH, 0, "half a batch at {part} of 12");
        assert_eq!(tail.rows, rows(0, tail.last).rows);
        assert!(part < 12 || tail.last == 6 * WIDTH, "the whole log has every batch");
    }
}
