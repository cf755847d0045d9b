//! Services written in Rust: the same checks, in a test of the service's own package.

use crate::{Bound, Contract, Error, Given, Options, Place, Report};
use sagaflow_core::codegen::Json;
use sagaflow_core::service::Service;
use std::sync::Arc;
use std::time::Duration;

/// A service in Rust that is to be held to its contract; `sagaflow::conformance!` makes it.
#[must_use]
pub struct Conformance {
    bound: Vec<(&'static str, Arc<dyn Service>)>,
    given: Json,
    options: Options,
}

impl Conformance {
    /// The service behind an adapter of generated code, with the contract that is beside it.
    pub fn of(contract: &'static str, service: Arc<dyn Service>) -> Self {
        let bound = vec![(contract, service)];
        Self { bound, given: Json::Object(serde_json::Map::new()), options: Options::default() }
    }

    /// One more service, whose actions undo, show or come before those of the others.
    pub fn and(mut self, other: Self) -> Self {
        self.bound.extend(other.bound);
        self
    }

    /// What [`Given`] says: arguments that succeed, arguments that provoke errors, reads that show.
    pub fn given(mut self, given: Json) -> Self {
        self.given = given;
        self
    }

    /// What arguments and keys are drawn from; 0 where nothing is said.
    pub fn seed(mut self, seed: u64) -> Self {
        self.options.seed = seed;
        self
    }

    /// The bound of one call, where the contract's `within` is too short for a busy machine.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.options.timeout = Some(timeout);
        self
    }

    /// Makes the calls.
    ///
    /// # Errors
    /// [`Error`] where what is given does not fit the contract.
    pub async fn run(self) -> Result<Report, Error> {
        let given = Given::parse(&self.given.to_string());
        let cause = |cause| Error::Given { action: "the services".to_owned(), cause };
        let given = given.map_err(cause)?;
        let mut bound = Vec::new();
        for (contract, service) in self.bound {
            let contract = Contract::parse(contract)?;
            bound.push(Bound { contract, service, place: Place::Code });
        }
        crate::run(bound, Options { given, ..self.options }).await
    }

    /// Makes the calls in a test, which fails with the report where a clause is broken.
    ///
    /// # Panics
    /// Where a clause is broken, nothing could be tried, or what is given does not fit.
    pub async fn assert_kept(self) {
        match self.run().await {
            Ok(report) => report.assert_kept(),
            Err(error) => panic!("{error}"),
        }
    }
}
