//! What answers for each service: a URL, Rust code, or a simulation.

use crate::config;
use crate::program::Program;
use sagaflow_core::codegen::{Class, PointKind, WorkflowSpec};
use sagaflow_core::shard::Machines;
use sagaflow_database::{Database, Options};
use sagaflow_engine::contract::{self, Contract};
use sagaflow_engine::error::suggestion;
use sagaflow_engine::http::{Binding, Http};
use sagaflow_engine::simulated::{Failing, Simulated, World};
use sagaflow_engine::{Bound, Services};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Why a service cannot be bound.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No workflow calls it.
    #[error("R1035: no workflow here calls `{name}`{hint}")]
    Stranger {
        /// As written.
        name: String,
        /// A suggestion, in words.
        hint: String,
    },
    /// Its binding cannot work.
    #[error("R1035: {0}")]
    Binding(#[from] sagaflow_engine::http::Unusable),
    /// A `--fail` that was not understood.
    #[error("R1035: {0}")]
    Failing(#[from] sagaflow_engine::simulated::Unreadable),
    /// What simulations did before cannot be read.
    #[error("R1035: what simulated services did before cannot be read: `{path}`: {cause}")]
    Kept {
        /// The file.
        path: String,
        /// What the system says.
        cause: String,
    },
    /// A service is bound to a server, or a database to something else.
    #[error("R1035: `{name}` is a {}, and cannot be bound to a {}",
        if *is { "database" } else { "service" },
        if *is { "service: give it a `postgres://…`" } else { "database" })]
    Kind {
        /// Qualified.
        name: String,
        /// It is a database.
        is: bool,
    },
    /// A database cannot be used as it is bound.
    #[error("R1035: {0}")]
    Database(String),
    /// `--fail` at what is real.
    #[error(
        "R1035: `--fail` cannot reach into the database `{0}`; leave it unbound, and it is simulated"
    )]
    Real(String),
    /// Nothing answers for it.
    #[error(
        "R1035: nothing is bound to {0}; bind each with `--bind NAME=URL`, `[services.\"NAME\"]` or `[databases.\"NAME\"]`"
    )]
    Unbound(String),
}

/// What is to be bound, and how.
pub struct Plan<'a> {
    /// The program.
    pub program: &'a Program,
    /// URLs by service, qualified or short.
    pub urls: &'a BTreeMap<String, Binding>,
    /// Servers by database, likewise.
    pub databases: &'a BTreeMap<String, config::Database>,
    /// `Service.action` and how it fails.
    pub failing: &'a [(String, String)],
    /// Whether what nobody bound is simulated.
    pub simulate: bool,
    /// Where simulations keep what they did; in memory where it is none.
    pub kept: Option<PathBuf>,
    /// Base of this node's API, for completions.
    pub node: Option<String>,
}

impl Plan<'_> {
    /// Binds every service that the program calls.
    ///
    /// # Errors
    /// [`Error`] names the service and what to do.
    pub fn bind(&self) -> Result<Services, Error> {
        let specs: Vec<&WorkflowSpec> =
            self.program.flows.machines.iter().map(|machine| machine.spec()).collect();
        let contracts = contract::collect(specs.iter().copied());
        let machines = machines(self.program);
        let (mut urls, databases) = self.places(&contracts, &databases(&specs))?;
        let mut failing: BTreeMap<String, BTreeMap<String, Failing>> = BTreeMap::new();
        for (place, how) in self.failing {
            let (service, action, failing_one) = read_failing(place, how, &contracts)?;
            failing.entry(service).or_default().insert(action, failing_one);
        }
        let node = self.node.as_deref().and_then(|url| url.parse().ok());
        let world = match &self.kept {
            Some(path) => World::kept_in(path.clone()).map_err(|cause| Error::Kept {
                path: path.display().to_string(),
                cause: cause.to_string(),
            })?,
            None => World::default(),
        };
        let world = Arc::new(world);
        let (mut services, mut unbound) = (Services::new(), Vec::new());
        for (name, contract) in &contracts {
            let failing = failing.remove(name).unwrap_or_default();
            let failing_actions: BTreeSet<String> = failing.keys().cloned().collect();
            let simulated = || {
                let samples = self.samples(name, contract);
                let (world, contract) = (Arc::clone(&world), contract.clone());
                Arc::new(Simulated::new(world, contract, failing, samples, machines.clone()))
            };
            if let Some(options) = databases.get(name) {
                if !failing_actions.is_empty() {
                    return Err(Error::Real(name.clone()));
                }
                let database = Database::new(name, options, machines.clone());
                let database = database.map_err(|cause| Error::Database(cause.to_string()))?;
                services.insert(name.clone(), Bound::Code(Arc::new(database)));
                continue;
            }
            let bound = match (urls.remove(name), self.program.flows.services.get(name)) {
                (Some(binding), _) => {
                    let http = Http::new(name, binding, contract.clone(), node.clone())?;
                    Bound::Http(Arc::new(http))
                }
                (None, Some(code)) => Bound::Code(Arc::clone(code)),
                (None, None) if self.simulate => {
                    services.insert(name.clone(), Bound::Simulated(simulated()));
                    continue;
                }
                (None, None) => {
                    unbound.push(format!("`{name}`"));
                    continue;
                }
            };
            let bound = if failing_actions.is_empty() {
                bound
            } else {
                let (these, others) = (simulated(), Box::new(bound));
                Bound::Split { actions: failing_actions, these, others }
            };
            services.insert(name.clone(), bound);
        }
        if unbound.is_empty() { Ok(services) } else { Err(Error::Unbound(unbound.join(", "))) }
    }

    /// Where services and databases are, by qualified name. A URL of a server is a database's, and
    /// any other a service's.
    fn places(
        &self,
        contracts: &BTreeMap<String, Contract>,
        known: &BTreeSet<String>,
    ) -> Result<Places<'_>, Error> {
        let (mut urls, mut databases) = (BTreeMap::new(), BTreeMap::new());
        for (name, binding) in self.urls {
            let name = qualified(name, contracts)?;
            match (Options::is_server(&binding.url), known.contains(&name)) {
                (true, true) => {
                    drop(databases.insert(name, config::Database::at(&binding.url).options()))
                }
                (false, false) => drop(urls.insert(name, binding)),
                (_, is) => return Err(Error::Kind { name, is }),
            }
        }
        for (name, database) in self.databases {
            let name = qualified(name, contracts)?;
            if !known.contains(&name) {
                return Err(Error::Kind { name, is: false });
            }
            databases.insert(name, database.options());
        }
        Ok((urls, databases))
    }

    fn samples(
        &self,
        service: &str,
        contract: &Contract,
    ) -> BTreeMap<String, sagaflow_core::codegen::Json> {
        let sample = |action: &String| {
            let value = self.program.samples.get(&format!("{service}.{action}"))?;
            Some((action.clone(), value.clone()))
        };
        contract.keys().filter_map(sample).collect()
    }
}

/// URLs of services, and servers of databases.
type Places<'a> = (BTreeMap<String, &'a Binding>, BTreeMap<String, Options>);

/// The databases among the services.
fn databases(specs: &[&WorkflowSpec]) -> BTreeSet<String> {
    let points = specs.iter().flat_map(|spec| spec.points.values());
    let calls = points.filter_map(|point| match &point.kind {
        PointKind::Call(call) => Some(call),
        _ => None,
    });
    let databases = calls.filter(|call| call.class == Class::Tx || call.sql.is_some());
    databases.map(|call| call.service.clone()).collect()
}

/// What walks the blocks of transactions.
fn machines(program: &Program) -> Machines {
    let mut machines = Machines::default();
    program.flows.machines.iter().for_each(|machine| machines.add(Arc::clone(machine)));
    machines
}

/// The file beside a store in which simulations keep what they did.
pub fn kept_beside(store: &Path) -> PathBuf {
    let mut name = store.as_os_str().to_owned();
    name.push(".simulated");
    name.into()
}

/// A service's qualified name, from that or the short one where it is unique.
fn qualified(name: &str, contracts: &BTreeMap<String, Contract>) -> Result<String, Error> {
    if contracts.contains_key(name) {
        return Ok(name.to_owned());
    }
    let short: Vec<&String> =
        contracts.keys().filter(|full| full.rsplit('.').next() == Some(name)).collect();
    match short.as_slice() {
        [one] => Ok((*one).clone()),
        [] => {
            let hint = suggestion(name, contracts.keys().map(String::as_str));
            Err(Error::Stranger { name: name.to_owned(), hint })
        }
        [one, other, ..] => {
            let hint = format!("; it may be `{one}` or `{other}`");
            Err(Error::Stranger { name: name.to_owned(), hint })
        }
    }
}

fn read_failing(
    place: &str,
    how: &str,
    contracts: &BTreeMap<String, Contract>,
) -> Result<(String, String, Failing), Error> {
    let stranger = |hint| Error::Stranger { name: place.to_owned(), hint };
    let (service, action) = place
        .rsplit_once('.')
        .ok_or_else(|| stranger("; name an action, as in `Payments.authorize`".to_owned()))?;
    let service = qualified(service, contracts)?;
    let contract = contracts.get(&service).ok_or_else(|| stranger(String::new()))?;
    let known = contract
        .get(action)
        .ok_or_else(|| stranger(suggestion(action, contract.keys().map(String::as_str))))?;
    let failing = Failing::parse(how, place, known)?;
    Ok((service, action.to_owned(), failing))
}
