//! One database of a server, for one test.

use crate::binaries::Binaries;
use anyhow::Context as _;
use std::sync::atomic::{AtomicU32, Ordering};

/// A database, dropped with this value where its server stays.
#[derive(Debug)]
pub struct Database {
    url: String,
    name: String,
    server: String,
    binaries: Binaries,
    dropped: bool,
}

impl Database {
    pub(crate) fn make(server: &str, binaries: &Binaries, dropped: bool) -> anyhow::Result<Self> {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let name = format!("flow_test_{}_{number}", std::process::id());
        let database = Self {
            url: named(server, &name)?,
            name,
            server: server.to_owned(),
            binaries: binaries.clone(),
            dropped,
        };
        database.on_server(&format!("CREATE DATABASE {}", database.name))?;
        Ok(database)
    }

    /// Where it is, as the role that made it.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its name on its server.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Runs a script in it and gives what it prints, unaligned and without headers.
    ///
    /// # Errors
    /// Where a statement fails.
    pub fn psql(&self, script: &str) -> anyhow::Result<String> {
        psql(&self.binaries, &self.url, script)
    }

    fn on_server(&self, script: &str) -> anyhow::Result<String> {
        psql(&self.binaries, &self.server, script)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if !self.dropped {
            return;
        }
        // A server that is gone has taken the database with it.
        let _ = self.on_server(&format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name));
    }
}

fn psql(binaries: &Binaries, url: &str, script: &str) -> anyhow::Result<String> {
    let mut command = binaries.command("psql");
    command.args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align"]);
    command.args(["--set", "ON_ERROR_STOP=1", "--command", script, url]);
    let out = command.output().context("run `psql`")?;
    let said = String::from_utf8_lossy(&out.stderr);
    anyhow::ensure!(out.status.success(), "`{script}`: {}", said.trim());
    Ok(String::from_utf8(out.stdout)?.trim().to_owned())
}

/// The same address with another database.
fn named(server: &str, name: &str) -> anyhow::Result<String> {
    let (address, options) = server
        .split_once('?')
        .map_or((server, None), |(address, options)| (address, Some(options)));
    let (scheme, rest) = address.split_once("://").context("a server's URL has a scheme")?;
    let host = rest.split('/').next().unwrap_or_default();
    let options = options.map(|options| format!("?{options}")).unwrap_or_default();
    Ok(format!("{scheme}://{host}/{name}{options}"))
}

#[cfg(test)]
mod tests {
    use super::named;

    #[test]
    fn a_database_is_named_in_the_address_of_its_server() {
        for (server, expected) in [
            ("postgres://a@h:1/postgres", "postgres://a@h:1/x"),
            ("postgres://a:b@h", "postgres://a:b@h/x"),
            ("postgres://h/p?sslmode=require", "postgres://h/x?sslmode=require"),
        ] {
            assert_eq!(named(server, "x").ok().as_deref(), Some(expected));
        }
        assert!(named("nowhere", "x").is_err());
    }
}
