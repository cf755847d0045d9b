//! How to reach the brokers, and as whom. Parsed elsewhere; a secret is never printed.

use std::fmt;
use std::path::PathBuf;

/// What every client of one process shares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Addresses to begin with, `host:port` separated by commas.
    pub brokers: String,
    /// What brokers call this client in their logs and quotas.
    pub client_id: String,
    /// The group that positions are told to, for dashboards; nobody joins it.
    pub group: String,
    /// Talks over TLS where set; needs the feature `kafka-tls`.
    pub tls: Option<Tls>,
    /// Logs in where set.
    pub sasl: Option<Sasl>,
}

impl Settings {
    /// Brokers that take anybody, without TLS.
    #[must_use]
    pub fn new(brokers: impl Into<String>) -> Self {
        Self {
            brokers: brokers.into(),
            client_id: "sagaflow".to_owned(),
            group: "sagaflow".to_owned(),
            tls: None,
            sasl: None,
        }
    }
}

/// Certificates in PEM files; the system's authorities where none are named.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tls {
    /// Who vouches for brokers.
    pub authority: Option<PathBuf>,
    /// What this client shows.
    pub certificate: Option<PathBuf>,
    /// The key of [`Tls::certificate`].
    pub key: Option<PathBuf>,
}

/// A login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sasl {
    /// How the password is shown.
    pub mechanism: Mechanism,
    /// Who.
    pub user: String,
    /// The secret.
    pub password: Password,
}

/// A way to log in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mechanism {
    /// In clear; only over TLS outside of tests.
    Plain,
    /// Challenge and response; needs the feature `kafka-tls`.
    ScramSha256,
    /// Challenge and response; needs the feature `kafka-tls`.
    ScramSha512,
}

impl Mechanism {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha512 => "SCRAM-SHA-512",
        }
    }
}

/// A password that no `Debug` shows.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

impl Password {
    /// Hides a password.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

#[cfg(test)]
mod tests {
    use super::{Mechanism, Password, Sasl, Settings};

    #[test]
    fn a_password_is_not_printed_with_the_settings() {
        let password = Password::new("very secret");
        let sasl = Sasl { mechanism: Mechanism::Plain, user: "ann".to_owned(), password };
        let settings = Settings { sasl: Some(sasl), ..Settings::new("b:9092") };
        let text = format!("{settings:?}");
        assert!(text.contains("ann") && !text.contains("secret"), "{text}");
    }
}
