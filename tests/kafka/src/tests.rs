//! What a test may rely on: brokers that come back on their data, and nothing left behind.

use super::{Cluster, Jars, private};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Set in a process of this program that only holds a broker.
const HOLDER: &str = "SAGAFLOW_KAFKA_HOLDER";

#[test]
fn a_killed_broker_comes_back_on_its_ports_and_its_folder_goes_with_it() {
    let Some(mut cluster) = private(1) else { return };
    let address = cluster.bootstrap();
    assert!(TcpStream::connect(&address).is_ok(), "it takes connections");
    let first = cluster.nodes[0].pid().expect("it runs");
    cluster.kill9(1).expect("killed");
    assert!(TcpStream::connect(&address).is_err(), "it is dead");
    assert!(!Path::new(&format!("/proc/{first}")).exists(), "no process is left");
    assert!(cluster.kill9(1).is_err(), "there is nothing to kill");
    cluster.restart(1).expect("started");
    assert_eq!(cluster.bootstrap(), address);
    assert!(TcpStream::connect(&address).is_ok(), "it is back");
    // A stopped process hears no polite word.
    cluster.pause(1).expect("stopped");
    let (folder, pid) = (cluster._folder.path().to_owned(), cluster.nodes[0].pid().expect("runs"));
    drop(cluster);
    assert!(!folder.exists(), "the folder goes with the broker");
    assert!(!Path::new(&format!("/proc/{pid}")).exists(), "the broker is gone");
}

/// Holds a broker until it is killed, for the test below; alone it does nothing.
#[test]
fn holder() {
    if std::env::var_os(HOLDER).is_none() {
        return;
    }
    let cluster = Cluster::start(1).expect("a broker");
    let (folder, pid) = (cluster._folder.path(), cluster.nodes[0].pid().expect("it runs"));
    // The harness captures what is printed in the usual way.
    use std::io::Write as _;
    writeln!(std::io::stderr(), "held {pid} {}", folder.display()).expect("a line");
    std::thread::sleep(Duration::from_secs(600));
}

#[test]
fn a_test_that_is_told_to_end_leaves_no_broker_behind() {
    if Jars::find().is_err() && private(1).is_none() {
        return;
    }
    let program = std::env::current_exe().expect("this program");
    let mut holder = Command::new(program)
        .args(["--exact", "tests::holder", "--test-threads", "1"])
        .env(HOLDER, "1")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("a process");
    let (pid, folder) = held(&mut holder);
    assert!(Path::new("/proc").join(&pid).exists(), "the broker runs");
    let id = holder.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &id]).status().expect("`kill` runs").success());
    holder.wait().expect("gone");
    let begun = Instant::now();
    while folder.exists() || Path::new("/proc").join(&pid).exists() {
        assert!(begun.elapsed() < Duration::from_secs(30), "broker {pid} is left in {folder:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The process and the folder that the holder names.
fn held(holder: &mut std::process::Child) -> (String, PathBuf) {
    use std::io::{BufRead as _, BufReader};
    let said = BufReader::new(holder.stderr.take().expect("its words are piped"));
    let held = said.lines().map_while(Result::ok).find_map(|line| {
        let (pid, folder) = line.split_once("held ")?.1.split_once(' ')?;
        Some((pid.to_owned(), PathBuf::from(folder)))
    });
    held.expect("it names its process and its folder")
}
