//! `[cluster]`: what a node says of itself to the others on its store.

use super::Error;
use sagaflow_core::value::{parse_duration, print_duration};
use std::path::PathBuf;
use std::time::Duration;

/// Bound: a shorter lease is lost to one slow write of the server.
const TTL_MIN: Duration = Duration::from_secs(3);

/// What a node says of itself to the others on its store. An embedded store has no others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cluster {
    /// `cluster.address`, `SAGAFLOW_CLUSTER_ADDRESS`: where the others reach its API; where it
    /// listens, if nothing is said.
    pub address: Option<String>,
    /// `cluster.identity`, `SAGAFLOW_CLUSTER_IDENTITY`: a file of this node alone, by which it is the
    /// same node after a crash and takes its own shards back at once.
    pub identity: Option<PathBuf>,
    /// `cluster.lease_ttl`: how long after its last sign of life the owner is replaced.
    pub lease_ttl: Duration,
}

impl Default for Cluster {
    fn default() -> Self {
        Self { address: None, identity: None, lease_ttl: Duration::from_secs(10) }
    }
}

impl std::fmt::Display for Cluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "\n[cluster]")?;
        if let Some(address) = &self.address {
            writeln!(f, "address = \"{address}\"")?;
        }
        if let Some(identity) = &self.identity {
            writeln!(f, "identity = {:?}", identity.display().to_string())?;
        }
        let ms = i64::try_from(self.lease_ttl.as_millis()).unwrap_or(i64::MAX);
        writeln!(f, "lease_ttl = \"{}\"", print_duration(ms))
    }
}

/// An address of a node: scheme, host and port, and nothing behind them.
pub(super) fn address(text: &str, place: &str) -> Result<String, Error> {
    let bare = text.strip_suffix('/').unwrap_or(text);
    let authority = bare.strip_prefix("http://").or(bare.strip_prefix("https://"));
    if authority.is_some_and(is_authority) {
        return Ok(bare.to_owned());
    }
    // It is not repeated: what is no address may hold a password.
    let cause = "`cluster.address` must be such as `http://10.0.0.5:7070`".to_owned();
    Err(Error::Value { place: place.to_owned(), cause })
}

fn is_authority(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
    let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, port)) => (host.parse::<std::net::Ipv6Addr>().is_ok(), port),
        None => {
            let (host, port) = text.split_at(text.find(':').unwrap_or(text.len()));
            (!host.is_empty() && host.chars().all(plain), port)
        }
    };
    let number = |port: &str| port.parse::<u16>().is_ok();
    host && (port.is_empty() || port.strip_prefix(':').is_some_and(number))
}

/// How long a lease lasts.
pub(super) fn lease_ttl(text: &str, place: &str) -> Result<Duration, Error> {
    let ms = parse_duration(text).and_then(|ms| u64::try_from(ms).ok());
    let ttl = ms.map(Duration::from_millis).filter(|ttl| *ttl >= TTL_MIN);
    ttl.ok_or_else(|| Error::Value {
        place: place.to_owned(),
        cause: format!("`cluster.lease_ttl` must be a time of 3s or more, not `{text}`"),
    })
}
