//! `[kafka]`: the brokers of a node's topics, and as whom it talks to them.
//!
//! Promises: a password is never shown, but for the variable that it is read from. Must not talk to
//! anybody.

use super::{Error, keys};
use std::path::{Path, PathBuf};

/// The brokers of a node's topics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kafka {
    /// `kafka.brokers`: addresses to begin with, `host:port`.
    pub brokers: Vec<String>,
    /// `kafka.client_id`: what brokers call this node in their logs and quotas.
    pub client_id: String,
    /// `kafka.group`: the consumer group that positions are told to, for dashboards.
    pub group: String,
    /// `kafka.start`: whether a partition that was never read begins behind its last record, instead
    /// of with its first.
    pub latest: bool,
    /// `kafka.mirror_runs`: the topic in which others are told of starts and ends of runs.
    pub mirror_runs: Option<String>,
    /// `kafka.mirror_letters`: the topic in which they are told of dead letters.
    pub mirror_letters: Option<String>,
    /// `[kafka.tls]`: talks over TLS.
    pub tls: Option<Tls>,
    /// `[kafka.sasl]`: logs in.
    pub sasl: Option<Sasl>,
}

/// Certificates in PEM files, relative to the file that names them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tls {
    /// Who vouches for brokers; the system's authorities where nobody is named.
    pub ca: Option<PathBuf>,
    /// What this node shows.
    pub cert: Option<PathBuf>,
    /// The key of `cert`.
    pub key: Option<PathBuf>,
}

/// A login.
#[derive(Clone, PartialEq, Eq)]
pub struct Sasl {
    /// How the password is shown.
    pub mechanism: Mechanism,
    /// Who.
    pub username: String,
    /// The password, or `env:NAME`.
    password: String,
}

/// A way to log in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mechanism {
    /// In clear: only over TLS, or on a network of one's own.
    Plain,
    /// Challenge and response.
    ScramSha256,
    /// Challenge and response.
    ScramSha512,
}

impl Mechanism {
    const ALL: [(&str, Self); 3] = [
        ("PLAIN", Self::Plain),
        ("SCRAM-SHA-256", Self::ScramSha256),
        ("SCRAM-SHA-512", Self::ScramSha512),
    ];

    fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, it)| *it == self).map_or("", |(name, _)| name)
    }
}

/// What the environment keeps of a configuration. Never printed.
#[derive(Clone, Default)]
pub struct Secrets {
    /// The password of `[kafka.sasl]`.
    pub password: Option<String>,
}

impl Sasl {
    /// The password where it is in clear must not be seen; a variable's name may.
    fn shown(&self) -> &str {
        if self.password.starts_with("env:") { &self.password } else { "…" }
    }
}

impl std::fmt::Debug for Sasl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { mechanism, username, .. } = self;
        write!(f, "Sasl({}, {username:?}, {:?})", mechanism.name(), self.shown())
    }
}

impl Kafka {
    /// Reads the table; `folder` is what its paths are relative to.
    pub(super) fn read(given: keys::Kafka, folder: &Path, place: &str) -> Result<Self, Error> {
        let bad = |cause: String| Error::Value { place: place.to_owned(), cause };
        let brokers: Vec<String> = match given.brokers {
            Some(toml::Value::String(text)) => {
                text.split(',').map(|it| it.trim().to_owned()).collect()
            }
            Some(toml::Value::Array(all)) => {
                all.iter().map(|it| it.as_str().unwrap_or_default().to_owned()).collect()
            }
            _ => Vec::new(),
        };
        if brokers.is_empty() || !brokers.iter().all(|broker| is_address(broker)) {
            // It is not repeated: what is no address may hold a password.
            return Err(bad(
                "`kafka.brokers` must be such as `\"host:9092,other:9092\"`".to_owned()
            ));
        }
        let latest = match given.start.as_deref() {
            None | Some("earliest") => false,
            Some("latest") => true,
            Some(other) => {
                let cause = format!("`kafka.start` is `earliest` or `latest`, not `{other}`");
                return Err(bad(cause));
            }
        };
        let within = |file: Option<String>| file.map(|file| folder.join(file));
        let tls = given.tls.map(|tls| Tls {
            ca: within(tls.ca),
            cert: within(tls.cert),
            key: within(tls.key),
        });
        if tls.as_ref().is_some_and(|tls| tls.cert.is_some() != tls.key.is_some()) {
            return Err(bad("`kafka.tls` has `cert` and `key`, or neither".to_owned()));
        }
        let sasl = given.sasl.map(|sasl| login(sasl, place)).transpose()?;
        let scram = sasl.as_ref().is_some_and(|sasl| sasl.mechanism != Mechanism::Plain);
        if (tls.is_some() || scram) && !cfg!(feature = "kafka-tls") {
            return Err(Error::Unbuilt {
                place: place.to_owned(),
                what: if tls.is_some() { "[kafka.tls]" } else { "SCRAM in [kafka.sasl]" },
                feature: "kafka-tls",
            });
        }
        Ok(Self {
            brokers,
            client_id: named(given.client_id, "client_id", place)?,
            group: named(given.group, "group", place)?,
            latest,
            mirror_runs: topic(given.mirror_runs, "mirror_runs", place)?,
            mirror_letters: topic(given.mirror_letters, "mirror_letters", place)?,
            tls,
            sasl,
        })
    }

    /// What it takes from the environment.
    ///
    /// # Errors
    /// A variable that is not set.
    pub fn secrets(&self, env: impl Fn(&str) -> Option<String>) -> Result<Secrets, Error> {
        let Some(sasl) = &self.sasl else { return Ok(Secrets::default()) };
        let password = match sasl.password.strip_prefix("env:") {
            None => sasl.password.clone(),
            Some(variable) => env(variable).ok_or_else(|| Error::Value {
                place: "kafka.sasl.password".to_owned(),
                cause: format!("the variable `{variable}` is not set"),
            })?,
        };
        Ok(Secrets { password: Some(password) })
    }
}

fn login(given: keys::Sasl, place: &str) -> Result<Sasl, Error> {
    let bad = |cause: &str| Error::Value { place: place.to_owned(), cause: cause.to_owned() };
    let wanted = given.mechanism.unwrap_or_default();
    let mechanism = Mechanism::ALL.iter().find(|(name, _)| *name == wanted);
    let mechanism = mechanism.map(|(_, it)| *it).ok_or_else(|| {
        bad("`kafka.sasl.mechanism` is one of `PLAIN`, `SCRAM-SHA-256`, `SCRAM-SHA-512`")
    })?;
    let username = given.username.filter(|it| !it.is_empty());
    let password = given.password.filter(|it| !it.is_empty());
    let (Some(username), Some(password)) = (username, password) else {
        return Err(bad("`kafka.sasl` needs `username` and `password`, say `\"env:NAME\"`"));
    };
    Ok(Sasl { mechanism, username, password })
}

/// What brokers are told; they take no other characters in a group's name.
fn named(given: Option<String>, key: &str, place: &str) -> Result<String, Error> {
    plain(given.unwrap_or_else(|| "sagaflow".to_owned()), key, place)
}

/// The name of a topic, for which the same holds.
fn topic(given: Option<String>, key: &str, place: &str) -> Result<Option<String>, Error> {
    given.map(|text| plain(text, key, place)).transpose()
}

fn plain(text: String, key: &str, place: &str) -> Result<String, Error> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if !text.is_empty() && text.len() <= 249 && text.chars().all(plain) {
        return Ok(text);
    }
    let cause = format!("`kafka.{key}` must be 1 to 249 of a-z, A-Z, 0-9, `-`, `_`, `.`");
    Err(Error::Value { place: place.to_owned(), cause })
}

fn is_address(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._[]:".contains(c);
    let parts = text.rsplit_once(':');
    parts.is_some_and(|(host, port)| {
        !host.is_empty() && host.chars().all(plain) && port.parse::<u16>().is_ok_and(|it| it > 0)
    })
}

/// The table as TOML, without the password.
impl std::fmt::Display for Kafka {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "\n[kafka]\nbrokers = \"{}\"", self.brokers.join(","))?;
        writeln!(f, "client_id = \"{}\"\ngroup = \"{}\"", self.client_id, self.group)?;
        writeln!(f, "start = \"{}\"", if self.latest { "latest" } else { "earliest" })?;
        for (key, topic) in
            [("mirror_runs", &self.mirror_runs), ("mirror_letters", &self.mirror_letters)]
        {
            if let Some(topic) = topic {
                writeln!(f, "{key} = \"{topic}\"")?;
            }
        }
        if let Some(tls) = &self.tls {
            writeln!(f, "\n[kafka.tls]")?;
            for (key, file) in [("ca", &tls.ca), ("cert", &tls.cert), ("key", &tls.key)] {
                if let Some(file) = file {
                    writeln!(f, "{key} = {:?}", file.display().to_string())?;
                }
            }
        }
        if let Some(sasl) = &self.sasl {
            writeln!(f, "\n[kafka.sasl]\nmechanism = \"{}\"", sasl.mechanism.name())?;
            writeln!(f, "username = {:?}\npassword = \"{}\"", sasl.username, sasl.shown())?;
        }
        Ok(())
    }
}
