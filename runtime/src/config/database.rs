//! `[databases."NAME"]`: where a program's own database is.
//!
//! Promises: a password is never shown.

use sagaflow_database::Options;
use sagaflow_engine::http::redacted;
use std::num::NonZeroU32;

/// Where a database of a program is.
#[derive(Clone, PartialEq, Eq, serde::Deserialize)]
pub struct Database {
    /// `postgres://…`
    url: String,
    /// `connections`: how many this process opens at most.
    connections: Option<NonZeroU32>,
}

impl Database {
    /// A database at this address.
    #[must_use]
    pub fn at(url: &str) -> Self {
        Self { url: url.to_owned(), connections: None }
    }

    pub(crate) fn options(&self) -> Options {
        let connections = self.connections.map_or(Options::CONNECTIONS, NonZeroU32::get);
        Options { url: self.url.clone(), connections }
    }
}

/// As TOML, without secrets.
impl std::fmt::Display for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "url = \"{}\"", redacted(&self.url))?;
        self.connections.map_or(Ok(()), |most| writeln!(f, "connections = {most}"))
    }
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Database").field("url", &redacted(&self.url)).finish_non_exhaustive()
    }
}
