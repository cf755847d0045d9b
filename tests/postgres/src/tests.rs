//! What a test may rely on: durable settings, kills that lose nothing, and nothing left behind.

use super::{Cluster, Database, URL, private};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Set in a process of this program that only holds a server.
const HOLDER: &str = "SAGAFLOW_POSTGRES_HOLDER";

#[test]
fn what_was_committed_survives_a_kill_of_every_process() {
    let Some(mut cluster) = private(&[]) else { return };
    let database = cluster.fresh().expect("a database");
    let settings = "SELECT current_setting('fsync'), current_setting('synchronous_commit'), \
                    current_setting('full_page_writes')";
    assert_eq!(database.psql(settings).expect("settings"), "on|on|on");
    database.psql("CREATE TABLE t (n int)").expect("a table");
    for n in 1..=3 {
        database.psql(&format!("INSERT INTO t VALUES ({n})")).expect("a row");
        cluster.kill9().expect("killed");
        assert!(database.psql("SELECT 1").is_err(), "it is dead");
        assert!(cluster.kill9().is_err(), "there is nothing to kill");
        cluster.restart().expect("started");
        assert_eq!(database.psql("SELECT count(*) FROM t").expect("a count"), n.to_string());
    }
    let name = database.name().to_owned();
    drop(database);
    let other = Database::make(cluster.url(), &cluster.binaries, true).expect("a database");
    let found =
        format!("SELECT datname FROM pg_database WHERE datname IN ('{name}', '{}')", other.name());
    assert_eq!(other.psql(&found).expect("names").lines().count(), 2, "this server goes anyway");
    drop(other);
    let third = cluster.fresh().expect("a database");
    assert_eq!(third.psql(&found).expect("names"), name, "where it stays, a database goes");
    let folder = cluster.folder().expect("a private one").to_owned();
    drop(third);
    cluster.stop();
    assert!(!folder.exists(), "the folder goes with the server");
}

/// Holds a server until its input ends, for the test below; alone it does nothing.
#[test]
fn holder() {
    if std::env::var_os(HOLDER).is_none() {
        return;
    }
    let cluster = Cluster::start().expect("a server");
    let folder = cluster.folder().expect("a private one").display();
    // The harness captures what is printed in the usual way.
    use std::io::Write as _;
    writeln!(std::io::stderr(), "held {folder}").expect("a line");
    std::thread::sleep(Duration::from_secs(600));
}

#[test]
fn a_killed_test_leaves_no_server_behind() {
    if super::or_skipped(super::Binaries::find().and_then(|_| Cluster::start())).is_none() {
        return;
    }
    let program = std::env::current_exe().expect("this program");
    let mut holder = Command::new(program)
        .args(["--exact", "tests::holder", "--test-threads", "1"])
        .env(HOLDER, "1")
        .env_remove(URL)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("a process");
    let folder = held(&mut holder);
    let pid = std::fs::read_to_string(folder.join("data/postmaster.pid")).expect("a server runs");
    let pid = pid.lines().next().expect("its id").to_owned();
    holder.kill().expect("killed");
    holder.wait().expect("gone");
    let begun = Instant::now();
    while folder.exists() || Path::new("/proc").join(&pid).exists() {
        assert!(begun.elapsed() < Duration::from_secs(30), "server {pid} is left in {folder:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The folder that the holder names.
fn held(holder: &mut std::process::Child) -> PathBuf {
    use std::io::{BufRead as _, BufReader};
    let said = BufReader::new(holder.stderr.take().expect("its words are piped"));
    let folder = said.lines().map_while(Result::ok).find_map(|line| {
        let folder = line.split_once("held ")?.1;
        Some(PathBuf::from(folder))
    });
    folder.expect("it names its folder")
}
