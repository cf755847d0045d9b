//! The configuration of a node: file, then environment, then flags; the later ones win.
//!
//! Promises: an unknown key is refused with the nearest one that exists; what cannot work is refused
//! before anything is touched; secrets are not shown. Must not read any other file.

mod cluster;
mod database;
mod kafka;
mod keys;
mod store_url;
#[cfg(test)]
mod tests;

pub use cluster::Cluster;
pub use database::Database;
pub use kafka::{Kafka, Mechanism, Sasl, Secrets, Tls};
pub use store_url::{ServerUrl, StoreUrl};

use sagaflow_engine::http::Binding;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// The configuration of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// `store`, `SAGAFLOW_STORE`, `--store`: where runs are kept.
    pub store: StoreUrl,
    /// `listen`, `SAGAFLOW_LISTEN`, `--listen`: where the API is served.
    pub listen: SocketAddr,
    /// `namespace`, `SAGAFLOW_NAMESPACE`: part of every key, event and index.
    pub namespace: String,
    /// `[cluster]`: what a node says of itself to the others on its store.
    pub cluster: Cluster,
    /// `flows.files`: the programs, relative to the file that names them.
    pub files: Vec<PathBuf>,
    /// `services."…"`: what answers for a service.
    pub services: BTreeMap<String, Binding>,
    /// `databases."…"`: where a program's own databases are.
    pub databases: BTreeMap<String, Database>,
    /// `[kafka]`: the brokers of the events' topics; none where events stay in the store.
    pub kafka: Option<Kafka>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            store: StoreUrl::Sqlite(PathBuf::from("./.sagaflow/store.db")),
            listen: SocketAddr::from(([127, 0, 0, 1], 7070)),
            namespace: "default".to_owned(),
            cluster: Cluster::default(),
            files: Vec::new(),
            services: BTreeMap::new(),
            databases: BTreeMap::new(),
            kafka: None,
        }
    }
}

/// Why a configuration cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The file cannot be read.
    #[error("R1032: `{path}` cannot be read: {cause}")]
    Read {
        /// The file.
        path: String,
        /// Why.
        cause: String,
    },
    /// The file is not TOML, or a value is not what it should be.
    #[error("R1032: {place}: {cause}")]
    Value {
        /// File or variable.
        place: String,
        /// What is wrong.
        cause: String,
    },
    /// A key that does not exist.
    #[error("R1031: {place}: unknown key `{key}`{hint}")]
    Unknown {
        /// File or environment.
        place: String,
        /// The key, with the tables it is in.
        key: String,
        /// A suggestion, in words.
        hint: String,
    },
    /// A store of a kind this program does not have.
    #[error(
        "R1034: the store `{0}` is of a kind this program does not have; use `sqlite:PATH` or `postgres://…`"
    )]
    Store(String),
    /// An address of a server that cannot be read.
    #[error("R1032: the store `{0}` is no URL such as `postgres://user@host:5432/database`")]
    Server(String),
    /// A command for the embedded store was given a server.
    #[error(
        "R1034: `{command}` works on an embedded store only, `sqlite:PATH`; `serve` works on a server"
    )]
    Embedded {
        /// The command.
        command: String,
    },
    /// A table for which this program was not built.
    #[error("R1044: {place}: {what} needs a program that was built with the feature `{feature}`")]
    Unbuilt {
        /// File.
        place: String,
        /// What it is about.
        what: &'static str,
        /// What is missing.
        feature: &'static str,
    },
}

/// What flags say.
#[derive(Clone, Debug, Default)]
pub struct Flags {
    /// `--store`.
    pub store: Option<String>,
    /// `--listen`.
    pub listen: Option<String>,
    /// `--bind S=url`.
    pub bind: Vec<(String, String)>,
}

impl Config {
    /// Reads `file` where it is given, then the environment, then `flags`.
    ///
    /// # Errors
    /// [`Error`] says where, what, and what to do.
    pub fn load(
        file: Option<&Path>,
        env: impl IntoIterator<Item = (String, String)>,
        flags: &Flags,
    ) -> Result<Self, Error> {
        let mut config = Self::default();
        if let Some(path) = file {
            let text = std::fs::read_to_string(path).map_err(|cause| Error::Read {
                path: path.display().to_string(),
                cause: cause.to_string(),
            })?;
            config.read(&text, path)?;
        }
        config.environment(env)?;
        if let Some(store) = &flags.store {
            config.store = StoreUrl::parse(store)?;
        }
        if let Some(listen) = &flags.listen {
            config.listen = address(listen, "--listen")?;
        }
        for (service, url) in &flags.bind {
            let binding =
                config.services.entry(service.clone()).or_insert_with(|| Binding::to(url));
            binding.url.clone_from(url);
        }
        Ok(config)
    }

    fn read(&mut self, text: &str, path: &Path) -> Result<(), Error> {
        let place = path.display().to_string();
        let folder = path.parent().unwrap_or(Path::new(""));
        let bad = |cause: String| Error::Value { place: place.clone(), cause };
        let table: toml::Table = toml::from_str(text).map_err(|cause| bad(words(&cause)))?;
        keys::check(&table, &place)?;
        let file: keys::File = table.try_into().map_err(|cause| bad(words(&cause)))?;
        if let Some(store) = file.store {
            self.store = StoreUrl::parse(&store)?.within(folder);
        }
        if let Some(listen) = file.listen {
            self.listen = address(&listen, &place)?;
        }
        if let Some(namespace) = file.namespace {
            self.namespace = namespace_of(&namespace, &place)?;
        }
        if let Some(address) = file.cluster.address {
            self.cluster.address = Some(cluster::address(&address, &place)?);
        }
        if let Some(identity) = file.cluster.identity {
            self.cluster.identity = Some(folder.join(identity));
        }
        if let Some(ttl) = file.cluster.lease_ttl {
            self.cluster.lease_ttl = cluster::lease_ttl(&ttl, &place)?;
        }
        self.files = file.flows.files.iter().map(|file| folder.join(file)).collect();
        self.services = file.services;
        self.databases = file.databases;
        let kafka = file.kafka.map(|kafka| Kafka::read(kafka, folder, &place));
        self.kafka = kafka.transpose()?;
        Ok(())
    }

    fn environment(
        &mut self,
        env: impl IntoIterator<Item = (String, String)>,
    ) -> Result<(), Error> {
        for (name, value) in env {
            match name.as_str() {
                "SAGAFLOW_STORE" => self.store = StoreUrl::parse(&value)?,
                "SAGAFLOW_LISTEN" => self.listen = address(&value, "SAGAFLOW_LISTEN")?,
                "SAGAFLOW_NAMESPACE" => {
                    self.namespace = namespace_of(&value, "SAGAFLOW_NAMESPACE")?
                }
                "SAGAFLOW_CLUSTER_ADDRESS" => {
                    let address = cluster::address(&value, "SAGAFLOW_CLUSTER_ADDRESS")?;
                    self.cluster.address = Some(address);
                }
                "SAGAFLOW_CLUSTER_IDENTITY" => self.cluster.identity = Some(value.into()),
                name if name.starts_with("SAGAFLOW_") && !keys::VARIABLES.contains(&name) => {
                    return Err(Error::Unknown {
                        place: "environment".to_owned(),
                        key: name.to_owned(),
                        hint: keys::near(name, keys::VARIABLES),
                    });
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// The configuration as TOML, without secrets.
impl std::fmt::Display for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "store = \"{}\"", self.store)?;
        writeln!(f, "listen = \"{}\"", self.listen)?;
        writeln!(f, "namespace = \"{}\"", self.namespace)?;
        if matches!(self.store, StoreUrl::Postgres(_)) {
            write!(f, "{}", self.cluster)?;
        }
        let files: Vec<_> =
            self.files.iter().map(|file| format!("\"{}\"", file.display())).collect();
        writeln!(f, "\n[flows]\nfiles = [{}]", files.join(", "))?;
        for (service, binding) in &self.services {
            writeln!(f, "\n[services.\"{service}\"]")?;
            writeln!(f, "url = \"{}\"", sagaflow_engine::http::redacted(&binding.url))?;
            let headers: Vec<_> =
                binding.headers.keys().map(|name| format!("{name} = \"…\"")).collect();
            if !headers.is_empty() {
                writeln!(f, "headers = {{ {} }}", headers.join(", "))?;
            }
            let errors: Vec<_> = binding
                .errors
                .iter()
                .map(|(status, name)| format!("{status} = \"{name}\""))
                .collect();
            if !errors.is_empty() {
                writeln!(f, "errors = {{ {} }}", errors.join(", "))?;
            }
        }
        for (database, at) in &self.databases {
            write!(f, "\n[databases.\"{database}\"]\n{at}")?;
        }
        self.kafka.as_ref().map_or(Ok(()), |kafka| write!(f, "{kafka}"))
    }
}

fn address(text: &str, place: &str) -> Result<SocketAddr, Error> {
    let full = text.replacen("localhost:", "127.0.0.1:", 1);
    full.parse().map_err(|_| Error::Value {
        place: place.to_owned(),
        cause: format!("`{text}` is no address such as `127.0.0.1:7070`"),
    })
}

fn namespace_of(text: &str, place: &str) -> Result<String, Error> {
    let fits = !text.is_empty()
        && text.len() <= 63
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_.".contains(&b));
    if fits {
        return Ok(text.to_owned());
    }
    let cause = format!("the namespace `{text}` must be 1 to 63 of a-z, 0-9, `-`, `_`, `.`");
    Err(Error::Value { place: place.to_owned(), cause })
}

/// What TOML says, in one line and without the text it points at, which may hold secrets.
fn words(error: &toml::de::Error) -> String {
    error.message().replace('\n', " ")
}
