//! `migrate`: makes the schema of a store, or moves it to this program's format.

use super::args::Migrate;
use super::{End, Problem, surroundings};
use crate::config::{Config, Flags, ServerUrl, StoreUrl};
use crate::store;
use sagaflow_core::port::Store as _;
use sagaflow_store::{Postgres, PostgresOptions};
use std::path::Path;

/// Migrates the store of a configuration, and says what it did.
///
/// Crash: each change of a schema commits with the note that it was made, so the same command again
/// goes on where this one stopped.
pub async fn migrate(args: &Migrate) -> Result<End, Problem> {
    let flags = Flags { store: args.store.clone(), ..Flags::default() };
    let config = Config::load(args.config.as_deref(), std::env::vars(), &flags)
        .map_err(|error| Problem(error.to_string()))?;
    match (&config.store, &args.grant) {
        (StoreUrl::Sqlite(_), Some(_)) => {
            return Err(Problem(
                "a role is granted rights on a server only: leave `--grant` out".to_owned(),
            ));
        }
        (StoreUrl::Sqlite(path), None) => file(&config, path, args.shards).await?,
        (StoreUrl::Postgres(url), role) => {
            server(&config, url, (args.shards, role.as_deref())).await?;
        }
    }
    Ok(End::Done)
}

async fn file(config: &Config, path: &Path, shards: Option<u32>) -> Result<(), Problem> {
    let there = path.exists();
    let opened = store::sqlite(path, shards).await;
    let store = opened.map_err(|error| surroundings::store_problem(&config.store, &error))?;
    kept(shards, store.shards());
    match there {
        true => println!("`{}` has this program's format", config.store),
        false => println!("`{}` was made", config.store),
    }
    Ok(())
}

/// Says that a store keeps the number of shards it was made with, where another was asked for.
fn kept(asked: Option<u32>, shards: u32) {
    if asked.is_some_and(|asked| asked != shards) {
        println!("it keeps the {shards} shards it was made with");
    }
}

async fn server(
    config: &Config,
    url: &ServerUrl,
    (shards, role): (Option<u32>, Option<&str>),
) -> Result<(), Problem> {
    let options = store::postgres(url, config, shards);
    let said = |error| surroundings::store_problem(&config.store, &error);
    // What cannot be looked at for another reason is refused by the migration too, with its words.
    let before = Postgres::open(options.clone()).await;
    Postgres::migrate(&options).await.map_err(said)?;
    let PostgresOptions { schema, .. } = &options;
    match before {
        Ok(store) => {
            kept(shards, store.shards());
            println!("schema `{schema}` of `{url}` has this program's format already");
        }
        Err(_) => println!("schema `{schema}` of `{url}` was migrated to this program's format"),
    }
    if let Some(role) = role {
        Postgres::grant(&options, role).await.map_err(said)?;
        println!("role `{role}` may work on it");
    }
    Ok(())
}
