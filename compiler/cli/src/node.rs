//! A node that is asked which runs are open.
//!
//! Promises: what was not read to its end is an error, never a smaller number.

use anyhow::{Context as _, bail};
use reqwest::{Client, Url};
use sagaflow_compiler::released::Live;
use sagaflow_compiler::words::and;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Which node, and who asks.
#[derive(clap::Args)]
pub struct Node {
    /// Ask this node which runs are open
    #[arg(long, value_name = "URL")]
    pub against: Option<String>,
    /// Ask about this namespace, not the node's own; several may be named
    #[arg(long, value_name = "NAME", requires = "against")]
    namespace: Vec<String>,
    /// What is sent to the node as a bearer token
    #[arg(long, value_name = "TOKEN", env = "SAGAFLOW_TOKEN", hide_env_values = true)]
    token: Option<String>,
}

/// What a run that has not ended is called. Order: a run may change its status while others are read,
/// so those between which runs go to and fro are asked for again.
const OPEN: [&str; 9] =
    ["running", "waiting", "parked", "undoing", "closing", "held", "parked", "waiting", "running"];

/// Bound: runs of one page; what a node gives at most.
const PAGE: u32 = 500;

/// Bound: pages of one status. Ten million open runs are counted elsewhere.
const PAGES_MAX: u32 = 20_000;

/// Bound: one answer.
const WITHIN: Duration = Duration::from_secs(30);

#[derive(Deserialize)]
struct Page {
    items: Vec<Run>,
    next: Option<String>,
}

#[derive(Deserialize)]
struct Run {
    id: String,
    workflow: String,
    version: u32,
    #[serde(default)]
    hash: String,
}

/// Open runs by workflow, version and hash.
type Found = BTreeMap<(String, u32, String), u64>;

impl Node {
    /// The open runs, by workflow and version; none where no node is named.
    ///
    /// # Errors
    /// The node cannot be reached, or answers something else.
    pub fn open_runs(&self) -> anyhow::Result<Vec<Live>> {
        let Some(node) = &self.against else { return Ok(Vec::new()) };
        let bases = self.bases(node)?;
        let client = Client::builder().timeout(WITHIN).build()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let mut found = Found::new();
        for base in &bases {
            let asked = runtime.block_on(self.ask(&client, base, &mut found));
            asked.with_context(|| format!("ask `{base}` for open runs"))?;
        }
        let live = |((workflow, version, hash), runs)| Live { workflow, version, hash, runs };
        Ok(found.into_iter().map(live).collect())
    }

    /// The namespaces that were asked about, in words; none where no node is named.
    pub fn asked(&self) -> Option<String> {
        let node = self.against.as_ref()?;
        let names: Vec<String> = self.namespace.iter().map(|name| format!("`{name}`")).collect();
        Some(match (names.as_slice(), node.split_once("/api/ns/")) {
            ([], None) => "the node's own namespace".to_owned(),
            ([], Some((_, name))) => format!("the namespace `{}`", name.trim_end_matches('/')),
            ([one], _) => format!("the namespace {one}"),
            (several, _) => format!("the namespaces {}", and(several)),
        })
    }

    /// Where the interface of each namespace begins.
    fn bases(&self, node: &str) -> anyhow::Result<Vec<String>> {
        let mut url: Url = node.parse().with_context(|| format!("`{node}` is no address"))?;
        if !url.path().starts_with("/api") {
            url.set_path("/api");
        }
        let base = |url: &Url| url.as_str().trim_end_matches('/').to_owned();
        if self.namespace.is_empty() {
            return Ok(vec![base(&url)]);
        }
        if url.path().trim_end_matches('/') != "/api" {
            bail!("`{node}` names a namespace already: leave it out, or leave out `--namespace`");
        }
        let within = |name: &String| {
            let mut url = url.clone();
            match url.path_segments_mut() {
                Ok(mut parts) => drop(parts.pop_if_empty().push("ns").push(name)),
                Err(()) => bail!("`{node}` is no address of a node"),
            }
            Ok(base(&url))
        };
        self.namespace.iter().map(within).collect()
    }

    async fn ask(&self, client: &Client, base: &str, found: &mut Found) -> anyhow::Result<()> {
        let mut seen = BTreeSet::new();
        for status in OPEN {
            let mut after: Option<String> = None;
            for page in 0.. {
                if page == PAGES_MAX {
                    bail!("there are too many runs to look at each");
                }
                let mut query = vec![("status", status.to_owned()), ("limit", PAGE.to_string())];
                query.extend(after.take().map(|after| ("after", after)));
                let read: Page = self.get(client, &format!("{base}/runs"), &query).await?;
                for Run { id, workflow, version, hash } in read.items {
                    if !seen.insert(id) {
                        continue;
                    }
                    *found.entry((workflow, version, hash)).or_default() += 1;
                }
                after = read.next;
                if after.is_none() {
                    break;
                }
            }
        }
        Ok(())
    }

    async fn get(
        &self,
        client: &Client,
        url: &str,
        query: &[(&str, String)],
    ) -> anyhow::Result<Page> {
        let url = Url::parse_with_params(url, query)?;
        let mut request = client.get(url);
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        // The address is said by whoever reports it, without the query.
        let answer = request.send().await.map_err(reqwest::Error::without_url)?;
        if !answer.status().is_success() {
            bail!("the node answers {}", answer.status());
        }
        answer.json().await.map_err(reqwest::Error::without_url).context("read the answer")
    }
}
