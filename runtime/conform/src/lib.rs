//! Holds a service to its contract: makes real calls, over HTTP or to Rust code, and says clause by
//! clause whether what the compiler takes for granted is so.
//!
//! Promises: over HTTP the calls are the engine's own, with its headers and its keys, and answers
//! mean what they mean to the engine; the same seed makes the same calls; every call and every wait
//! has a bound; nothing personal or secret is in a report. Must not decide what a contract says:
//! that comes from the compiler.
//!
//! What answers alone cannot tell needs a read that shows the effect, named by the author
//! ([`Given`]); a verdict says where that is missing.

mod check;
mod clause;
mod contract;
mod given;
mod look;
mod print;
mod report;
mod rust;
mod told;
mod world;

pub use clause::Clause;
pub use contract::{Action, Ask, Contract, Source};
pub use given::{First, GIVEN_MAX, Given, GivenAction, Observe};
pub use print::Format;
pub use report::{ActionReport, Exchange, Found, Report, ServiceReport, Verdict};
pub use rust::Conformance;
pub use sagaflow_engine::http::{Binding, Unusable, is_loopback, redacted};
pub use world::{Bound, NAMESPACE, Place};

use sagaflow_core::codegen::Json;
use sagaflow_core::service::{Attempt, Attempting, Call, Service};
use sagaflow_engine::http::{Answered, Http, UNCOMPLETED};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use world::World;

/// What to do, and how.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// What arguments and keys are drawn from.
    pub seed: u64,
    /// Bound of one call; where it is none, the contract's `within`.
    pub timeout: Option<Duration>,
    /// How long to wait for a key to become old; where it is none, 10 seconds.
    pub wait: Option<Duration>,
    /// This action alone, as `Service.action`.
    pub only: Option<String>,
    /// What the author gives.
    pub given: Given,
}

/// Why nothing was tried.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Something names an action that is not there.
    #[error("no bound service has an action `{0}`")]
    Stranger(String),
    /// Given arguments do not fit.
    #[error("what is given for `{action}` does not fit: {cause}")]
    Given {
        /// As it was named.
        action: String,
        /// In words.
        cause: String,
    },
    /// The service cannot be bound.
    #[error(transparent)]
    Binding(#[from] Unusable),
    /// No calls can be made here.
    #[error("no calls can be made: {0}")]
    Runtime(String),
    /// The contract cannot be read.
    #[error("the contract cannot be read: {0}")]
    Contract(String),
}

impl Contract {
    /// Reads what the compiler wrote.
    ///
    /// # Errors
    /// [`Error::Contract`] if it did not.
    pub fn parse(json: &str) -> Result<Self, Error> {
        serde_json::from_str(json).map_err(|error| Error::Contract(error.to_string()))
    }
}

impl Bound {
    /// A service over HTTP, called as the engine calls it.
    ///
    /// # Errors
    /// [`Error::Binding`] if it cannot be bound so.
    pub fn http(contract: Contract, binding: &Binding) -> Result<Self, Error> {
        let http = Http::new(&contract.service, binding, contract.of_engine(), None)?;
        let place = Place::Url(redacted(&binding.url));
        Ok(Self { contract, service: Arc::new(OverHttp(http)), place })
    }
}

/// The engine's calls over HTTP, without a node that takes completions.
struct OverHttp(Http);

impl Service for OverHttp {
    fn call<'a>(&'a self, call: &'a Call, args: Json) -> Attempting<'a> {
        Box::pin(async move {
            match self.0.exchange(call, &args).await {
                Answered::Ended(attempt) => attempt,
                Answered::Accepted => {
                    Attempt::Unknown { cause: UNCOMPLETED.to_owned(), timeout: false }
                }
            }
        })
    }
}

/// As [`run`], for callers that are not async.
///
/// # Errors
/// As [`run`].
pub fn run_to_end(bound: Vec<Bound>, options: Options) -> Result<Report, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| Error::Runtime(error.to_string()))?.block_on(run(bound, options))
}

/// Holds these services to their contracts.
///
/// # Errors
/// [`Error`] where what is given does not fit them; what the services do is in the report.
pub async fn run(bound: Vec<Bound>, options: Options) -> Result<Report, Error> {
    let bound: BTreeMap<_, _> =
        bound.into_iter().map(|bound| (bound.contract.service.clone(), bound)).collect();
    let mut world = World::new(bound, options.given, options.seed);
    world.timeout = options.timeout;
    world.wait = options.wait.unwrap_or(world.wait);
    fits(&world)?;
    let only = match &options.only {
        None => None,
        Some(name) => {
            let (bound, action) = world.named(name).ok_or_else(|| Error::Stranger(name.clone()))?;
            Some((bound.contract.service.as_str(), action))
        }
    };
    let mut services = Vec::new();
    for (name, bound) in &world.bound {
        let contract = &bound.contract;
        let mut actions = Vec::new();
        for (action_name, action) in &contract.actions {
            if only.is_some_and(|only| only != (name.as_str(), action_name.as_str())) {
                continue;
            }
            actions.push(match instead(&world, name, action_name) {
                Some(instead) => ActionReport {
                    action: action_name.clone(),
                    found: Vec::new(),
                    instead: Some(instead),
                },
                None => check::Check::new(&world, contract, action_name, action).run().await,
            });
        }
        if actions.is_empty() {
            continue;
        }
        let place = match &bound.place {
            Place::Url(url) => url.clone(),
            Place::Code => "Rust code".to_owned(),
        };
        services.push(ServiceReport { service: name.clone(), place, actions });
    }
    Ok(Report { seed: world.seed, services })
}

/// What an action is checked with, where it is the undo or the probe of another.
fn instead(world: &World, service: &str, action: &str) -> Option<String> {
    let actions = world.bound.values().flat_map(|bound| {
        bound.contract.actions.iter().map(|(name, action)| (bound.contract.short(), name, action))
    });
    let is = |ask: &Option<Ask>| {
        ask.as_ref().is_some_and(|ask| ask.service == service && ask.action == action)
    };
    for (short, name, known) in actions {
        if is(&known.undo) {
            return Some(format!("checked as the undo of {short}.{name}"));
        }
        if is(&known.probe) {
            return Some(format!("checked as the probe of {short}.{name}"));
        }
    }
    None
}

/// Whether what is given names actions that are there, and arguments of their types.
fn fits(world: &World) -> Result<(), Error> {
    for (name, given) in &world.given.0 {
        let (bound, action) = world.named(name).ok_or_else(|| Error::Stranger(name.clone()))?;
        let wrong = |cause: String| Error::Given { action: name.clone(), cause };
        let Some(known) = bound.contract.actions.get(action) else { continue };
        for error in given.errors.keys() {
            if !known.errors.iter().any(|declared| declared.name == *error) {
                return Err(wrong(format!("it declares no error `{error}`")));
            }
        }
        for (param, value) in given.args.iter().chain(given.errors.values()).flatten() {
            let ty = known.params.iter().find(|(known, _)| known == param).map(|(_, ty)| ty);
            let ty = ty.ok_or_else(|| wrong(format!("it has no parameter `{param}`")))?;
            let decoded = bound.contract.schema.decode(ty, value);
            decoded.map_err(|mismatch| wrong(format!("`{param}`: {mismatch}")))?;
        }
        let others = given.observe.iter().map(|observe| &observe.read);
        for other in others.chain(given.first.iter().map(|first| &first.call)) {
            if world.named(other).is_none() {
                return Err(Error::Stranger(other.clone()));
            }
        }
    }
    Ok(())
}
