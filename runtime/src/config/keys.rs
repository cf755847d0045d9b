//! The keys that exist, and the nearest one to a key that does not.

use super::{Database, Error};
use sagaflow_engine::error::suggestion;
use sagaflow_engine::http::Binding;
use std::collections::BTreeMap;

/// Variables that mean something.
pub const VARIABLES: &[&str] = &[
    "SAGAFLOW_STORE",
    "SAGAFLOW_LISTEN",
    "SAGAFLOW_NAMESPACE",
    "SAGAFLOW_CLUSTER_ADDRESS",
    "SAGAFLOW_CLUSTER_IDENTITY",
    "SAGAFLOW_CONFIG",
    "SAGAFLOW_LOG",
];

/// Keys of the file's own level.
const TOP: &[&str] =
    &["store", "listen", "namespace", "cluster", "flows", "services", "databases", "kafka"];
const CLUSTER: &[&str] = &["address", "identity", "lease_ttl"];
const KAFKA: &[&str] =
    &["brokers", "client_id", "group", "start", "mirror_runs", "mirror_letters", "tls", "sasl"];
const TLS: &[&str] = &["ca", "cert", "key"];
const SASL: &[&str] = &["mechanism", "username", "password"];
const FLOWS: &[&str] = &["files"];
const SERVICE: &[&str] = &["url", "headers", "errors"];
const DATABASE: &[&str] = &["url", "connections"];

/// The file, once its keys are known to exist.
#[derive(serde::Deserialize)]
pub struct File {
    pub store: Option<String>,
    pub listen: Option<String>,
    pub namespace: Option<String>,
    #[serde(default)]
    pub cluster: Cluster,
    #[serde(default)]
    pub flows: Flows,
    #[serde(default)]
    pub services: BTreeMap<String, Binding>,
    #[serde(default)]
    pub databases: BTreeMap<String, Database>,
    pub kafka: Option<Kafka>,
}

/// `[kafka]`.
#[derive(serde::Deserialize)]
pub struct Kafka {
    /// One text with commas, or a list.
    pub brokers: Option<toml::Value>,
    pub client_id: Option<String>,
    pub group: Option<String>,
    pub start: Option<String>,
    pub mirror_runs: Option<String>,
    pub mirror_letters: Option<String>,
    pub tls: Option<Tls>,
    pub sasl: Option<Sasl>,
}

/// `[kafka.tls]`.
#[derive(serde::Deserialize)]
pub struct Tls {
    pub ca: Option<String>,
    pub cert: Option<String>,
    pub key: Option<String>,
}

/// `[kafka.sasl]`.
#[derive(serde::Deserialize)]
pub struct Sasl {
    pub mechanism: Option<String>,
    pub username: Option<String>,
    pub password: Option<String>,
}

/// `[cluster]`.
#[derive(Default, serde::Deserialize)]
pub struct Cluster {
    pub address: Option<String>,
    pub identity: Option<String>,
    pub lease_ttl: Option<String>,
}

/// `[flows]`.
#[derive(Default, serde::Deserialize)]
pub struct Flows {
    #[serde(default)]
    pub files: Vec<String>,
}

/// Refuses what does not exist, with what may have been meant.
pub fn check(table: &toml::Table, place: &str) -> Result<(), Error> {
    known(table, TOP, "", place)?;
    if table.contains_key("kafka") && !cfg!(feature = "kafka") {
        let place = place.to_owned();
        return Err(Error::Unbuilt { place, what: "[kafka]", feature: "kafka" });
    }
    if let Some(kafka) = table.get("kafka").and_then(toml::Value::as_table) {
        known(kafka, KAFKA, "kafka.", place)?;
        for (key, keys) in [("tls", TLS), ("sasl", SASL)] {
            if let Some(within) = kafka.get(key).and_then(toml::Value::as_table) {
                known(within, keys, &format!("kafka.{key}."), place)?;
            }
        }
    }
    if let Some(cluster) = table.get("cluster").and_then(toml::Value::as_table) {
        known(cluster, CLUSTER, "cluster.", place)?;
    }
    if let Some(flows) = table.get("flows").and_then(toml::Value::as_table) {
        known(flows, FLOWS, "flows.", place)?;
    }
    for (key, keys) in [("services", SERVICE), ("databases", DATABASE)] {
        let tables = table.get(key).and_then(toml::Value::as_table);
        for (name, within) in tables.into_iter().flatten() {
            if let Some(within) = within.as_table() {
                known(within, keys, &format!("{key}.\"{name}\"."), place)?;
            }
        }
    }
    Ok(())
}

fn known(table: &toml::Table, keys: &[&str], within: &str, place: &str) -> Result<(), Error> {
    match table.keys().find(|key| !keys.contains(&key.as_str())) {
        None => Ok(()),
        Some(key) => Err(Error::Unknown {
            place: place.to_owned(),
            key: format!("{within}{key}"),
            hint: near(key, keys),
        }),
    }
}

/// A suggestion, or the list of what exists.
pub fn near(key: &str, keys: &[&str]) -> String {
    let hint = suggestion(key, keys.iter().copied());
    if hint.is_empty() { format!("; known are {}", keys.join(", ")) } else { hint }
}
