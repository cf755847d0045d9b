//! Groups: several shards in one transaction, each batch for itself.

use super::{Files, rows};
use crate::sqlite::Options;
use crate::sqlite::commit::{self, Waiting};
use crate::sqlite::file::StoreFile;
use crate::sqlite::table::shard;
use crate::sqlite::writer::{Command, gather};
use rusqlite::Connection;
use sagaflow_core::id::{RunId, ShardId};
use sagaflow_core::port::{Batch, Error, KeyRow, Lease, Result};
use std::collections::VecDeque;
use std::sync::Arc;
use tokio::sync::oneshot::{self, Receiver};
use uuid::Uuid;

fn lease(conn: &Connection, shard: u32) -> Lease {
    let owner = Uuid::now_v7();
    let epoch = shard::acquire(conn, ShardId(shard), owner).expect("an answer").expect("an epoch");
    Lease { shard: ShardId(shard), epoch: u64::try_from(epoch).expect("it grows"), owner }
}

fn waiting(lease: Lease, batch: Batch) -> (Waiting, Receiver<Result<()>>) {
    let (reply, answer) = oneshot::channel();
    (Waiting { lease, batch: Arc::new(batch), reply }, answer)
}

fn with_key(batch: Batch, shard: u32) -> Batch {
    let key = KeyRow {
        namespace: "default".to_owned(),
        workflow: "shop.Order".to_owned(),
        key: "the one key".to_owned(),
        run: RunId::new(1, 1, u64::from(shard).to_be_bytes()),
        fingerprint: [0; 32],
    };
    Batch { keys: vec![key], ..batch }
}

/// Writes each batch on a shard of its own, in one group, and collects the answers and positions.
async fn write(batches: Vec<Batch>) -> (Vec<Result<()>>, Vec<u64>) {
    let files = Files::new();
    let options = Options { shards: 8, ..Options::new(files.next()) };
    let (_file, _lock, conn) = StoreFile::open(&options).await.expect("it opens");
    let (mut group, mut answers) = (Vec::new(), Vec::new());
    for (shard, batch) in (0..).zip(batches) {
        let (one, answer) = waiting(lease(&conn, shard), batch);
        group.push(one);
        answers.push(answer);
    }
    let shards = 0..u32::try_from(group.len()).expect("a few");
    commit::group(&conn, group).expect("the connection stays well");
    let mut answered = Vec::new();
    for answer in answers {
        answered.push(answer.await.expect("everybody is answered"));
    }
    let mut positions = Vec::new();
    for shard in shards {
        let held = shard::held(&conn, ShardId(shard)).expect("an answer");
        positions.push(held.expect("a row").last);
    }
    (answered, positions)
}

#[tokio::test]
async fn a_fenced_batch_leaves_the_rest_of_its_group_alone() {
    let (answers, positions) = write(vec![rows(0, 2), rows(7, 2), rows(0, 3), rows(0, 0)]).await;
    assert_eq!(positions, [2, 0, 3, 0]);
    let fenced = matches!(answers.get(1), Some(Err(Error::Fenced { shard: 1, .. })));
    assert!(fenced && answers.iter().filter(|answer| answer.is_ok()).count() == 3, "{answers:?}");
}

#[tokio::test]
async fn a_batch_that_breaks_a_constraint_is_refused_alone() {
    let batches = vec![rows(0, 2), with_key(rows(0, 1), 1), with_key(rows(0, 4), 2), rows(0, 3)];
    let (answers, positions) = write(batches).await;
    assert_eq!(positions, [2, 1, 0, 3]);
    let fenced = matches!(answers.get(2), Some(Err(Error::Fenced { shard: 2, .. })));
    assert!(fenced && answers.iter().filter(|answer| answer.is_ok()).count() == 3, "{answers:?}");
}

#[tokio::test]
async fn a_flawed_batch_does_not_stop_the_group_it_came_with() {
    let mut gap = rows(0, 3);
    gap.rows.remove(1);
    let (answers, positions) = write(vec![gap, rows(0, 1)]).await;
    assert_eq!(positions, [0, 1]);
    assert!(matches!(answers.first(), Some(Err(Error::Fenced { shard: 0, .. }))), "{answers:?}");
}

#[test]
fn a_group_has_each_shard_once_keeps_the_order_and_its_bounds() {
    let lease = |shard| Lease { shard: ShardId(shard), epoch: 1, owner: Uuid::nil() };
    let sent = |shard, width| {
        let (reply, _) = oneshot::channel();
        Command::Commit { lease: lease(shard), batch: Arc::new(rows(0, width)), reply }
    };
    let release = || Command::Release { lease: lease(9), reply: oneshot::channel().0 };
    let table = [
        ("distinct shards go together", vec![sent(1, 1), sent(2, 1)], 3),
        ("a shard twice waits", vec![sent(1, 1), sent(0, 1), sent(2, 1)], 2),
        ("what is no commit waits its turn", vec![sent(1, 1), release(), sent(2, 1)], 2),
        ("rows are bounded", vec![sent(1, 2_100), sent(2, 1)], 2),
        ("nothing else is queued", vec![], 1),
    ];
    for (what, queue, expected) in table {
        let mut queue = VecDeque::from(queue);
        let before = queue.len();
        let group = gather(waiting(lease(0), rows(0, 1)).0, &mut queue);
        assert_eq!(group.len(), expected, "{what}");
        assert_eq!(queue.len() + group.len(), before + 1, "{what}: nothing is lost");
    }
}
