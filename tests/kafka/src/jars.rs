//! The broker's jars, and the Java that runs them.
//!
//! Promises: a folder that has its final name is complete, so processes may look for it and make
//! it at the same time. It lies below the workspace's target folder and is fetched once.

use anyhow::Context as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What names the jars; its own copy goes beside them.
const POM: &str = include_str!("pom.xml");

/// The version in [`POM`]: a folder of another version is not used.
const VERSION: &str = "4.3.1";

/// Something without which no broker runs here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// No `java` in `PATH`.
    Java,
    /// No `keytool` in `PATH`.
    Keytool,
    /// No jars, and no `mvn` in `PATH` that could fetch them.
    Maven,
    /// No jars, and `mvn` could not fetch them.
    Jars,
}

impl std::fmt::Display for Missing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Java => "`PATH` has no `java`",
            Self::Keytool => "`PATH` has no `keytool`",
            Self::Maven => "the jars are not there, and `PATH` has no `mvn` to fetch them",
            Self::Jars => "the jars are not there, and `mvn` could not fetch them",
        })
    }
}

impl std::error::Error for Missing {}

/// What a broker is run from.
#[derive(Clone, Debug)]
pub struct Jars {
    java: PathBuf,
    folder: PathBuf,
}

impl Jars {
    /// Finds them; fetches the jars where they are not there yet.
    ///
    /// # Errors
    /// [`Missing`] where that cannot be.
    pub fn find() -> anyhow::Result<Self> {
        let java = program("java").ok_or(Missing::Java)?;
        let home = target().join("kafka");
        let folder = home.join(VERSION);
        if !folder.is_dir() {
            let maven = program("mvn").ok_or(Missing::Maven)?;
            fetch(&maven, &home, &folder)?;
        }
        Ok(Self { java, folder })
    }

    /// Runs one of the broker's classes in as little memory and time as it needs.
    pub(crate) fn command(&self, class: &str) -> Command {
        let mut command = Command::new(&self.java);
        // Bound: an idle broker needs 100 MB of heap, and three of them share a machine with tests.
        command.args(["-Xms64m", "-Xmx256m", "-XX:+UseSerialGC"]);
        // The second compiler costs more than it wins in processes that live for seconds.
        command.args(["-XX:TieredStopAtLevel=1", "-XX:-UsePerfData"]);
        command.arg("-Dorg.slf4j.simpleLogger.defaultLogLevel=warn");
        // It says when it takes connections.
        command.arg("-Dorg.slf4j.simpleLogger.log.kafka.server.KafkaRaftServer=info");
        command.arg("-cp").arg(self.folder.join("*")).arg(class);
        command
    }
}

/// Crash: what is fetched has a name of its own until it is complete, and is fetched again.
fn fetch(maven: &Path, home: &Path, folder: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(home).with_context(|| format!("make `{}`", home.display()))?;
    let partial = tempfile::Builder::new().prefix("fetching-").tempdir_in(home)?;
    let pom = partial.path().join("pom.xml");
    std::fs::write(&pom, POM)?;
    let libs = partial.path().join("libs");
    let mut command = Command::new(maven);
    command.args(["-q", "-B", "dependency:copy-dependencies", "-f"]).arg(&pom);
    command.arg(format!("-DoutputDirectory={}", libs.display()));
    let out = command.output().context("run `mvn`")?;
    if !out.status.success() {
        let said = String::from_utf8_lossy(&out.stdout).into_owned();
        return Err(anyhow::Error::new(Missing::Jars).context(said));
    }
    match std::fs::rename(&libs, folder) {
        Err(_) if folder.is_dir() => Ok(()), // another process was faster
        other => other.with_context(|| format!("name `{}`", folder.display())),
    }
}

/// The folder of what is built.
fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target"), PathBuf::from)
}

fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}
