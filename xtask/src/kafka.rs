//! What the tests need for a private Kafka: Java, Maven, and the broker's jars.
//!
//! What the machine does not have is installed from the distribution if that may be done without
//! asking anybody, and the jars are fetched once; where that may not be, it is said, and the tests
//! that need it say so too. Each test program starts brokers of its own: an idle one takes 300 MB.

use crate::sh;
use sagaflow_kafka_server::{Jars, Missing};

/// Gets what is missing; with `all`, fails where it cannot.
pub fn prepare(all: bool) -> anyhow::Result<()> {
    for package in ["default-jre-headless", "maven"] {
        match missing(Jars::find())? {
            None | Some(Missing::Jars) => break,
            Some(missing) => {
                println!("Kafka: {missing}");
                install(package, missing);
            }
        }
    }
    match missing(Jars::find())? {
        None => Ok(()),
        Some(missing) if all => Err(anyhow::Error::new(missing).context("Kafka for the tests")),
        Some(missing) => {
            println!("Kafka: MISSING, its tests are skipped: {missing}");
            Ok(())
        }
    }
}

fn missing(found: anyhow::Result<Jars>) -> anyhow::Result<Option<Missing>> {
    match found {
        Ok(_) => Ok(None),
        Err(error) => match error.downcast_ref::<Missing>() {
            Some(missing) => Ok(Some(*missing)),
            None => Err(error.context("Kafka for the tests")),
        },
    }
}

/// What cannot be installed is noticed when it is looked for again.
fn install(package: &str, missing: Missing) {
    if (package == "maven") != (missing == Missing::Maven) {
        return;
    }
    println!("Kafka: trying `apt-get install -y {package}`");
    if let Err(error) = sh("apt-get", &["install", "-y", package]) {
        println!("Kafka: not installed: {error}");
    }
}
