//! The warehouse as an analyst sees it.

use sagaflow_postgres::Database;
use std::collections::BTreeMap;

const TABLES: &str = "
create table page_hits (
    page text not null, hour timestamptz not null, title text not null, hits bigint not null,
    primary key (page, hour));
create table watermark (shard int primary key, \"offset\" bigint not null);
";

/// A database with its tables.
pub struct Warehouse(Database);

impl Warehouse {
    /// Makes the tables.
    pub fn made(database: Database) -> anyhow::Result<Self> {
        database.psql(TABLES)?;
        Ok(Self(database))
    }

    pub fn url(&self) -> &str {
        self.0.url()
    }

    /// Hits by page.
    pub fn hits(&self) -> anyhow::Result<BTreeMap<String, i64>> {
        self.pairs("select page, sum(hits) from page_hits group by page")
    }

    /// The last offset taken in, by partition.
    pub fn watermarks(&self) -> anyhow::Result<BTreeMap<i32, i64>> {
        self.pairs("select shard, \"offset\" from watermark")
    }

    fn pairs<K: std::str::FromStr + Ord>(&self, script: &str) -> anyhow::Result<BTreeMap<K, i64>> {
        let text = self.0.psql(script)?;
        let pair = |line: &str| {
            let (key, value) = line.split_once('|')?;
            Some((key.parse().ok()?, value.parse().ok()?))
        };
        Ok(text.lines().filter_map(pair).collect())
    }
}
