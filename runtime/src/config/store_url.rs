//! Where a store is, as people write it.
//!
//! Promises: a password is never shown. Must not open anything.

use super::Error;
use std::path::{Path, PathBuf};
use std::str::FromStr as _;

/// Where a store is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreUrl {
    /// `sqlite:PATH`, or a bare path.
    Sqlite(PathBuf),
    /// `postgres://…`: a server that several nodes share.
    Postgres(ServerUrl),
}

impl StoreUrl {
    /// A store as people write it.
    pub(super) fn parse(text: &str) -> Result<Self, Error> {
        let path = match text.split_once(':') {
            Some(("sqlite", path)) => path.strip_prefix("//").unwrap_or(path),
            Some(("postgres" | "postgresql", _)) => {
                return ServerUrl::parse(text).map(Self::Postgres);
            }
            // A scheme has two letters at least: one letter is a drive.
            Some((scheme, _))
                if scheme.len() > 1 && scheme.bytes().all(|b| b.is_ascii_alphanumeric()) =>
            {
                return Err(Error::Store(sagaflow_engine::http::redacted(text)));
            }
            _ => text,
        };
        if path.is_empty() {
            return Err(Error::Store(text.to_owned()));
        }
        Ok(Self::Sqlite(PathBuf::from(path)))
    }

    /// Relative to the folder of the file that names it.
    pub(super) fn within(self, folder: &Path) -> Self {
        match self {
            Self::Sqlite(path) => Self::Sqlite(folder.join(path)),
            server @ Self::Postgres(_) => server,
        }
    }

    /// The path of an embedded store, for what works on no other.
    pub(crate) fn embedded(&self, command: &str) -> Result<&Path, Error> {
        match self {
            Self::Sqlite(path) => Ok(path),
            Self::Postgres(_) => Err(Error::Embedded { command: command.to_owned() }),
        }
    }
}

impl std::fmt::Display for StoreUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Self::Postgres(url) => write!(f, "{url}"),
        }
    }
}

/// The address of a Postgres server and a database of it, with what is needed to get in.
#[derive(Clone, PartialEq, Eq)]
pub struct ServerUrl(String);

impl ServerUrl {
    fn parse(text: &str) -> Result<Self, Error> {
        let url = Self(text.to_owned());
        // The library's own words may repeat the address, and with it the password.
        let fits = text.contains("://") && sqlx::postgres::PgConnectOptions::from_str(text).is_ok();
        if fits { Ok(url) } else { Err(Error::Server(url.to_string())) }
    }

    /// The address as it was written, with its password.
    pub(crate) fn secret(&self) -> &str {
        &self.0
    }
}

/// Without the password, and without parameters, which may hold one too.
impl std::fmt::Display for ServerUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Some((scheme, rest)) = self.0.split_once("://") else { return f.write_str("…") };
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, rest) = rest.split_at(end);
        // Where a password holds what should have been encoded, the host begins after the last `@`.
        if rest.contains('@') {
            return write!(f, "{scheme}://…");
        }
        let path = rest.split(['?', '#']).next().unwrap_or_default();
        match authority.rsplit_once('@') {
            None => write!(f, "{scheme}://{authority}{path}")?,
            Some((user, host)) => {
                let name = user.split(':').next().unwrap_or_default();
                write!(f, "{scheme}://{name}@{host}{path}")?;
            }
        }
        if path.len() < rest.len() { f.write_str("?…") } else { Ok(()) }
    }
}

impl std::fmt::Debug for ServerUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self}")
    }
}
