//! The Postgres server of a test run: one for all test programs, stopped at the end.
//!
//! Where the machine has none, it is installed from the distribution if that may be done without
//! asking anybody; where it may not, that is said, and the tests that need it say so too.

use crate::sh;
use sagaflow_postgres::{Binaries, Cluster, Missing, URL};

/// The server to test against; none where the environment names one or the machine cannot have one.
pub fn start(all: bool) -> anyhow::Result<Option<Cluster>> {
    if std::env::var(URL).is_ok_and(|url| !url.is_empty()) {
        println!("Postgres: the server that `{URL}` names");
        return Ok(None);
    }
    if let Err(error) = Binaries::find() {
        anyhow::ensure!(error.is::<Missing>(), error);
        println!("Postgres: {error}");
        install();
    }
    match Cluster::start() {
        Ok(cluster) => Ok(Some(cluster)),
        Err(error) if error.is::<Missing>() && !all => {
            println!("Postgres: MISSING, its tests are skipped (install `postgresql`)");
            Ok(None)
        }
        Err(error) => Err(error.context("Postgres for the tests")),
    }
}

/// What cannot be installed is noticed when the server is started.
fn install() {
    println!("Postgres: trying `apt-get install -y postgresql`");
    if let Err(error) = sh("apt-get", &["install", "-y", "postgresql"]) {
        println!("Postgres: not installed: {error}");
    }
}
