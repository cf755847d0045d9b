//! The suite over SQLite, and what only a file can do wrong.

use super::file::{STATEMENTS, migrations};
use super::log;
use super::table::{event, inbox, indexed, interest, item, journal, key, run, shard, wait};
use super::{Options, Sqlite, commit};
use crate::conformance::{self, Harness};
use sagaflow_core::id::ShardId;
use sagaflow_core::port::{Batch, Error, JournalRow, Lease, Store};
use sqlx::{Connection as _, SqliteConnection};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use tempfile::TempDir;

mod cost;
mod group;
mod kill;

/// Stores in files of one folder.
struct Files {
    folder: TempDir,
    made: AtomicU32,
}

impl Files {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a folder"), made: AtomicU32::new(0) }
    }

    fn next(&self) -> PathBuf {
        let number = self.made.fetch_add(1, Ordering::Relaxed);
        self.folder.path().join(format!("store-{number}.db"))
    }

    fn last(&self) -> PathBuf {
        let number = self.made.load(Ordering::Relaxed) - 1;
        self.folder.path().join(format!("store-{number}.db"))
    }
}

async fn open(path: &Path) -> Sqlite {
    Sqlite::open(Options { shards: 4, ..Options::new(path) }).await.expect("it opens")
}

/// The image that a power cut would leave: the file and its log, taken while the store is at work.
/// A process of its own copies them, because closing a descriptor would give up this one's locks.
fn copy(from: &Path, to: &Path) {
    for suffix in ["", "-wal"] {
        let name = |path: &Path| format!("{}{suffix}", path.display());
        let copied = Command::new("cp").arg(name(from)).arg(name(to)).status();
        assert!(copied.is_ok_and(|status| status.success()), "{suffix} is copied");
    }
}

impl Harness for Files {
    type Store = Sqlite;

    async fn fresh(&self) -> Sqlite {
        open(&self.next()).await
    }

    async fn crash(&self, store: Sqlite) -> Sqlite {
        let (before, after) = (self.last(), self.next());
        copy(&before, &after);
        drop(store);
        open(&after).await
    }
}

fn rows(prev: u64, width: u64) -> Batch {
    let row = |seq| JournalRow {
        seq,
        bucket: 1,
        class: 1,
        run: None,
        number: 0,
        body: vec![u8::try_from(seq % 251).unwrap_or(0); 300],
    };
    Batch { prev, rows: (prev + 1..=prev + width).map(row).collect(), ..Batch::default() }
}

async fn acquire(store: &Sqlite) -> Lease {
    store.acquire(ShardId(0)).await.expect("a lease")
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_a_store() {
    conformance::all(&Files::new()).await;
}

#[tokio::test]
async fn a_second_opening_is_held_until_the_first_is_dropped() {
    let files = Files::new();
    let path = files.next();
    let first = open(&path).await;
    let held = Sqlite::open(Options::new(&path)).await.err();
    let Some(Error::Held(who)) = held else { panic!("{held:?}") };
    assert!(who.contains(&format!("process {}", std::process::id())), "{who}");
    let link = files.folder.path().join("another-name.db");
    std::os::unix::fs::symlink(&path, &link).expect("a link");
    let held = Sqlite::open(Options::new(&link)).await.err();
    assert!(matches!(held, Some(Error::Held(_))), "by another name: {held:?}");

    let lease = acquire(&first).await;
    first.commit(lease, rows(0, 3)).await.expect("a commit");
    let clone = first.clone();
    drop(first);
    let held = Sqlite::open(Options::new(&path)).await.err();
    assert!(matches!(held, Some(Error::Held(_))), "a clone has it still: {held:?}");
    drop(clone);
    let second = open(&path).await;
    let lease = acquire(&second).await;
    assert_eq!(second.tail(lease).await.map(|tail| tail.last), Ok(3));
}

/// What somebody has who copies the file and does not know of its log.
fn copy_without_log(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg(from).arg(to).status();
    assert!(copied.is_ok_and(|status| status.success()), "it is copied");
}

async fn last_of(path: &Path) -> u64 {
    let store = open(path).await;
    let lease = acquire(&store).await;
    store.tail(lease).await.expect("a tail").last
}

#[tokio::test]
async fn after_a_clean_end_the_file_alone_is_the_whole_store() {
    let files = Files::new();
    let (path, released, closed) = (files.next(), files.next(), files.next());
    let store = open(&path).await;
    let lease = acquire(&store).await;
    store.commit(lease, rows(0, 3)).await.expect("a commit");
    // Readers are open, and keep the log of SQLite's own last close from being copied.
    assert_eq!(store.tail(lease).await.map(|tail| tail.last), Ok(3));
    store.release(lease).await.expect("a release");
    copy_without_log(&path, &released);
    assert_eq!(last_of(&released).await, 3, "its lease was given back");

    let lease = acquire(&store).await;
    store.commit(lease, rows(3, 2)).await.expect("a commit");
    assert_eq!(store.tail(lease).await.map(|tail| tail.last), Ok(5));
    drop(store);
    copy_without_log(&path, &closed);
    assert_eq!(last_of(&closed).await, 5, "it was closed without giving the lease back");
}

#[tokio::test]
async fn opening_after_a_crash_finds_the_log_and_copies_it_into_the_file() {
    let files = Files::new();
    let (path, image, alone) = (files.next(), files.next(), files.next());
    let store = open(&path).await;
    let lease = acquire(&store).await;
    store.commit(lease, rows(0, 3)).await.expect("a commit");
    copy(&path, &image);
    let link = files.folder.path().join("by-another-name.db");
    std::os::unix::fs::symlink(&image, &link).expect("a link");
    let again = open(&link).await;
    let lease = acquire(&again).await;
    assert_eq!(
        again.tail(lease).await.map(|tail| tail.last),
        Ok(3),
        "the log lies beside the file"
    );
    copy_without_log(&image, &alone);
    assert_eq!(last_of(&alone).await, 3);
}

#[tokio::test]
async fn a_store_that_is_read_while_it_is_given_back_is_given_back() {
    let files = Files::new();
    let path = files.next();
    let store = open(&path).await;
    let lease = acquire(&store).await;
    store.commit(lease, rows(0, 3)).await.expect("a commit");
    let url = sqlx::sqlite::SqliteConnectOptions::new().filename(&path).read_only(true);
    let mut reader = SqliteConnection::connect_with(&url).await.expect("a connection");
    sqlx::raw_sql("BEGIN; SELECT count(*) FROM journal").execute(&mut reader).await.expect("reads");
    store.commit(lease, rows(3, 1)).await.expect("a commit");
    store.release(lease).await.expect("the lease does not wait for readers of others");
    reader.close().await.expect("it closes");
    drop(store);
    let alone = files.next();
    copy_without_log(&path, &alone);
    assert_eq!(last_of(&alone).await, 4, "the close makes up for it");
}

#[tokio::test]
async fn a_store_keeps_the_number_of_shards_it_was_made_with() {
    let files = Files::new();
    let path = files.next();
    drop(open(&path).await);
    let again =
        Sqlite::open(Options { shards: 64, ..Options::new(&path) }).await.expect("it opens");
    assert_eq!(again.shards(), 4);
    for shards in [0, 4_097] {
        let refused = Sqlite::open(Options { shards, ..Options::new(files.next()) }).await.err();
        assert!(matches!(refused, Some(Error::Refused(_))), "{shards}: {refused:?}");
    }
}

/// A file as the first version of this store made it, with a record in it.
async fn made_by_the_first_version(path: &Path) {
    let url = sqlx::sqlite::SqliteConnectOptions::new().filename(path).create_if_missing(true);
    let mut conn = SqliteConnection::connect_with(&url).await.expect("a connection");
    let first =
        sqlx::migrate::Migrator::with_migrations(migrations().into_iter().take(1).collect());
    first.run(&mut conn).await.expect("the first format");
    conn.close().await.expect("it closes");
    edit(
        path,
        "INSERT INTO meta VALUES ('shards', '2'); INSERT INTO shard (shard) VALUES (0); \
         INSERT INTO shard (shard, epoch, last, bucket) VALUES (1, 7, 1, 3); \
         INSERT INTO journal (position, bucket, class, run, number, body) \
         VALUES ((1 << 40) + 1, 3, 2, x'000102030405060708090a0b0c0d0e0f', 1, x'ff')",
    )
    .await;
}

#[tokio::test]
async fn a_file_of_the_first_version_keeps_what_it_has_and_takes_messages() {
    let files = Files::new();
    let path = files.next();
    made_by_the_first_version(&path).await;
    let store = Sqlite::open(Options::new(&path)).await.expect("it is moved to the new format");
    assert_eq!(store.shards(), 2);
    let lease = store.acquire(ShardId(1)).await.expect("a lease");
    assert_eq!(lease.epoch, 8);
    let tail = store.tail(lease).await.expect("a tail");
    assert_eq!((tail.last, tail.rows.len()), (1, 1));
    let run = tail.rows.first().and_then(|row| row.run).expect("a run");
    assert_eq!(store.history(run, 0, 9).await, Ok(tail.rows));
    let from = sagaflow_core::port::Source::FIRST;
    let message = sagaflow_core::port::MessageRow { to: ShardId(0), from, body: vec![1] };
    let sent = vec![message.clone()];
    store.commit(lease, Batch { prev: 1, sent, ..Batch::default() }).await.expect("a commit");
    assert_eq!(store.inbox(ShardId(0), None, 9).await, Ok(vec![message]));
}

/// Runs statements on a file that no store has open.
async fn edit(path: &Path, script: &'static str) {
    let url = sqlx::sqlite::SqliteConnectOptions::new().filename(path).create_if_missing(true);
    let mut conn = SqliteConnection::connect_with(&url).await.expect("a connection");
    sqlx::raw_sql(script).execute(&mut conn).await.expect("a script");
    conn.close().await.expect("it closes");
}

async fn refusal(path: &Path) -> String {
    let image = || {
        let log = format!("{}-wal", path.display());
        (std::fs::read(path).ok(), std::fs::read(log).ok().filter(|log| !log.is_empty()))
    };
    let before = image();
    match Sqlite::open(Options::new(path)).await {
        Err(Error::Refused(cause)) => {
            assert!(image() == before, "the file was touched");
            cause
        }
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("it was opened"),
    }
}

#[tokio::test]
async fn files_of_others_and_of_tomorrow_are_refused_untouched() {
    let files = Files::new();
    let text = files.next();
    std::fs::write(&text, "dear diary, today I was opened as a store").expect("a file");
    assert!(refusal(&text).await.contains("no SQLite file"));

    let foreign = files.next();
    edit(&foreign, "CREATE TABLE diary (day TEXT); INSERT INTO diary VALUES ('today')").await;
    assert!(refusal(&foreign).await.contains("belongs to others"));

    let newer = files.next();
    drop(open(&newer).await);
    edit(
        &newer,
        "INSERT INTO _sqlx_migrations VALUES (9, 'tomorrow', '2030-01-01', 1, x'00', 1); \
         ALTER TABLE run ADD COLUMN mood TEXT",
    )
    .await;
    let cause = refusal(&newer).await;
    assert!(cause.contains("format 9, this program knows 7"), "{cause}");

    // A newer program was killed: its last commits are in the log only, and must stay there.
    let (at_work, image) = (files.next(), files.next());
    drop(open(&at_work).await);
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&at_work);
    let mut conn = SqliteConnection::connect_with(&options).await.expect("a connection");
    let newer = "INSERT INTO _sqlx_migrations VALUES (9, 'tomorrow', '2030-01-01', 1, x'00', 1)";
    sqlx::raw_sql(newer).execute(&mut conn).await.expect("a script");
    copy(&at_work, &image);
    assert!(refusal(&image).await.contains("format 9"), "read from the log");
    conn.close().await.expect("it closes");

    let edited = files.next();
    drop(open(&edited).await);
    edit(&edited, "UPDATE _sqlx_migrations SET checksum = x'00' WHERE version = 1").await;
    assert!(refusal(&edited).await.contains("migrate"), "a migration that was edited");
}

#[tokio::test]
async fn a_path_that_cannot_be_written_is_refused_with_its_name() {
    let files = Files::new();
    let folder = files.folder.path();
    let missing = folder.join("no/such/folder/store.db");
    assert!(refusal(&missing).await.contains("no/such/folder"));
    assert!(refusal_of_folder(folder).await.contains("it is a folder"));
    let below_a_file = files.next();
    std::fs::write(&below_a_file, "").expect("a file");
    let below = below_a_file.join("store.db");
    assert!(refusal(&below).await.contains("store.db"));
    let made = folder.join(".sagaflow/store.db");
    drop(open(&made).await);
    assert!(made.exists(), "one missing folder is made");
}

async fn refusal_of_folder(path: &Path) -> String {
    Sqlite::open(Options::new(path)).await.err().map(|error| error.to_string()).unwrap_or_default()
}

#[tokio::test]
async fn a_start_that_was_interrupted_while_making_the_store_goes_on() {
    let files = Files::new();
    let empty = files.next();
    std::fs::write(&empty, "").expect("a file");
    drop(open(&empty).await);

    let listed = files.next();
    drop(open(&listed).await);
    edit(&listed, "DELETE FROM meta; DELETE FROM shard").await;
    let store = open(&listed).await;
    assert_eq!(acquire(&store).await.epoch, 1, "its shards are made again");

    let begun = files.next();
    edit(
        &begun,
        "PRAGMA journal_mode = WAL; CREATE TABLE _sqlx_migrations (version BIGINT PRIMARY KEY, \
         description TEXT NOT NULL, installed_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP, \
         success BOOLEAN NOT NULL, checksum BLOB NOT NULL, execution_time BIGINT NOT NULL)",
    )
    .await;
    drop(open(&begun).await);
}

#[tokio::test]
async fn a_full_store_says_so_keeps_what_it_has_and_goes_on_when_there_is_room() {
    let files = Files::new();
    let path = files.next();
    let options = Options { shards: 4, pages_max: Some(60), ..Options::new(&path) };
    let store = Sqlite::open(options).await.expect("it opens");
    let lease = acquire(&store).await;
    let mut last = 0;
    let refused = loop {
        match store.commit(lease, rows(last, 20)).await {
            Ok(()) => last += 20,
            Err(refused) => break refused,
        }
        assert!(last < 10_000, "it never gets full");
    };
    assert!(matches!(&refused, Error::Unavailable(cause) if cause.contains("full")), "{refused:?}");
    let tail = store.tail(lease).await.expect("it can still be read");
    assert_eq!((tail.last, tail.rows.len() as u64), (last, last), "nothing of the refused batch");
    drop(store);
    let store = open(&path).await;
    let lease = acquire(&store).await;
    store.commit(lease, rows(last, 20)).await.expect("there is room again");
}

#[tokio::test]
async fn a_row_that_does_not_decode_is_corrupt_and_not_a_panic() {
    let files = Files::new();
    let path = files.next();
    drop(open(&path).await);
    edit(
        &path,
        "INSERT INTO journal (position, bucket, class, run, number, body) \
         VALUES (1, -1, 300, NULL, -7, x''); UPDATE shard SET last = 1 WHERE shard = 0; \
         INSERT INTO item VALUES ('i', 'task', 'default', NULL, 1, 0, 'no json')",
    )
    .await;
    let store = open(&path).await;
    let lease = acquire(&store).await;
    assert!(matches!(store.tail(lease).await, Err(Error::Corrupt(_))));
    assert!(matches!(store.item("i").await, Err(Error::Corrupt(_))));
}

/// Callers come and go: what they sent is written or refused, and nobody else is disturbed.
#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_goes_away_leaves_no_open_transaction() {
    let files = Files::new();
    let store = open(&files.next()).await;
    for _ in 0..50 {
        let lease = acquire(&store).await;
        let last = store.tail(lease).await.expect("a tail").last;
        let sent = store.commit(lease, rows(last, 5));
        let _ = tokio::time::timeout(std::time::Duration::from_micros(50), sent).await;
    }
    let lease = acquire(&store).await;
    let tail = store.tail(lease).await.expect("a tail");
    assert_eq!(tail.last, tail.rows.len() as u64, "batches are whole");
    store.commit(lease, rows(tail.last, 1)).await.expect("the writer is well");
}

#[tokio::test]
async fn every_statement_is_prepared_by_the_schema() {
    let files = Files::new();
    let path = files.next();
    drop(open(&path).await);
    let url = sqlx::sqlite::SqliteConnectOptions::new().filename(&path);
    let mut conn = SqliteConnection::connect_with(&url).await.expect("a connection");
    let many = [&key::READ_MANY, &inbox::MAIL];
    let constants = [
        [shard::READ, shard::ACQUIRE, shard::RELEASE, shard::SETTLED, journal::AFTER],
        [journal::HISTORY, journal::DELETE_RUN, journal::DELETE_OWN, key::READ, key::DELETE_RUN],
        [run::READ, run::OPEN, run::LIST, run::DUE, run::DELETE],
        [run::OLDEST, item::READ, item::LIST_OPEN, item::LIST_ALL, item::DELETE_RUN],
        [event::KEPT, event::STALE, event::FORGET, shard::OWNERS, inbox::INBOX],
        [shard::FENCE, journal::INSERT, key::INSERT, run::UPSERT, item::UPSERT],
        [event::INSERT, inbox::SEND, inbox::TAKE, commit::COMMIT, commit::BEGIN],
    ];
    let all = many.into_iter().flat_map(|many| many.texts()).chain(constants.into_iter().flatten());
    let more = [commit::ROLLBACK, event::NAMED, wait::WAITS, wait::TOLD, wait::BEGIN];
    let more = more.into_iter().chain([indexed::INSERT, indexed::FIND, indexed::RAREST]);
    let more = more.chain([wait::END, journal::BETWEEN, interest::ADD, interest::ALL]);
    for text in all.chain(STATEMENTS).chain(log::STATEMENTS).chain(more) {
        use sqlx::{Executor as _, SqlSafeStr as _};
        let prepared = conn.prepare(text.into_sql_str()).await;
        assert!(prepared.is_ok(), "{text}: {:?}", prepared.err());
    }
}

/// The statements that must be fast use the index that their comment names.
#[tokio::test]
async fn statements_use_their_index() {
    let files = Files::new();
    let path = files.next();
    drop(open(&path).await);
    let url = sqlx::sqlite::SqliteConnectOptions::new().filename(&path);
    let mut conn = SqliteConnection::connect_with(&url).await.expect("a connection");
    let table = [
        (journal::HISTORY, "journal_run"),
        (journal::AFTER, "INTEGER PRIMARY KEY"),
        (journal::BETWEEN, "INTEGER PRIMARY KEY"),
        (journal::DELETE_RUN, "journal_run"),
        (journal::DELETE_OWN, "journal_own"),
        (key::READ, "PRIMARY KEY"),
        (key::DELETE_RUN, "start_key_run"),
        (run::READ, "PRIMARY KEY"),
        (run::OPEN, "run_open"),
        (run::LIST, "SEARCH run USING PRIMARY KEY"),
        (run::DUE, "run_expiry"),
        (indexed::FIND, "SEARCH i USING COVERING INDEX indexed_value"),
        (indexed::FIND, "SEARCH run USING PRIMARY KEY"),
        (indexed::FIND, "SEARCH o USING PRIMARY KEY (run=? AND name=?)"),
        (indexed::RAREST, "SEARCH i USING COVERING INDEX indexed_value"),
        (indexed::DELETE_RUN, "PRIMARY KEY (run=?)"),
        (item::LIST_OPEN, "item_open"),
        (item::LIST_ALL, "item_all"),
        (item::DELETE_RUN, "item_run"),
        (item::DELETE_CLOSED, "item_closed"),
        (event::FORGET, "event_at"),
        (event::NAMED, "event_name"),
        (wait::WAITS, "PRIMARY KEY"),
        (wait::TOLD, "wait_shard"),
        (wait::END, "(shard=? AND namespace=? AND event=? AND key=?)"),
        (inbox::INBOX, "PRIMARY KEY"),
        (inbox::TAKE, "USING PRIMARY KEY (shard=?"),
        (shard::FENCE, "INTEGER PRIMARY KEY"),
    ];
    let many = inbox::MAIL.texts();
    let many = many.map(|text| (text, "USING PRIMARY KEY (shard=?"));
    for (text, index) in table.into_iter().chain(many) {
        let explained = sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {text}"));
        let plan =
            sqlx::query_as::<_, (i64, i64, i64, String)>(explained).fetch_all(&mut conn).await;
        let plan: Vec<_> = plan.expect("a plan").into_iter().map(|step| step.3).collect();
        assert!(plan.iter().any(|step| step.contains(index)), "{text}\nuses: {plan:?}");
        // The rows of the question itself are walked, and nothing else.
        let own = |step: &str| {
            let step = step.trim_start_matches("SCAN ");
            let written = step.ends_with("VALUES CLAUSE") || step.contains("VIRTUAL TABLE");
            // So is what a bounded part of it gave.
            step == "a" || step == "CONSTANT ROW" || written || step.starts_with("(subquery-")
        };
        let scans = |step: &String| step.starts_with("SCAN") && !own(step);
        assert!(!plan.iter().any(scans), "{text}\nscans: {plan:?}");
    }
}

#[test]
fn migrations_are_numbered_and_say_what_they_do() {
    let all = migrations();
    for (number, migration) in (1..).zip(&all) {
        assert_eq!(migration.version, number);
        for word in ["-- What:", "-- Why:", "-- Lock:", "-- Safe while old binaries run:"] {
            assert!(migration.sql.as_str().contains(word), "{number} lacks `{word}`");
        }
    }
}
