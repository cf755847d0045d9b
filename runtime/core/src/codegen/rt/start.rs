//! What a program's module hands to a node, and how its workflows are started.

use super::{Failure, Fault, Json, Machine, Values, WorkflowSpec};
use crate::service::Service;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Workflows with the services they call.
#[derive(Clone, Default)]
pub struct Flows {
    /// Compiled workflows.
    pub machines: Vec<Arc<dyn Machine>>,
    /// Services written in Rust, by qualified name.
    pub services: BTreeMap<String, Arc<dyn Service>>,
    /// Every service the workflows call, by qualified name.
    pub declared: Vec<String>,
}

impl Flows {
    /// These and others, for one node. Where both bring a service, the other one's stays.
    #[must_use]
    pub fn and(mut self, other: impl Into<Self>) -> Self {
        let other = other.into();
        self.machines.extend(other.machines);
        self.services.extend(other.services);
        self.declared.extend(other.declared);
        self.declared.sort();
        self.declared.dedup();
        self
    }
}

impl std::fmt::Debug for Flows {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let machines: Vec<&str> = self.machines.iter().map(|it| it.spec().name.as_str()).collect();
        let services: Vec<&String> = self.services.keys().collect();
        f.debug_struct("Flows").field("machines", &machines).field("services", &services).finish()
    }
}

/// The input of a workflow, with the types of its answer.
pub trait Start {
    /// Qualified name of the workflow.
    const WORKFLOW: &'static str;

    /// Its result.
    type Output: DeserializeOwned + Send;

    /// Its declared errors, and what else can end it.
    type Error: Send;

    /// The parameters by name, in boundary JSON.
    ///
    /// # Errors
    /// A fault where a value has no boundary form.
    fn input(&self) -> Result<Values, Fault>;

    /// The typed error of a failed run.
    fn error(failure: Failure) -> Self::Error;

    /// The typed result of a completed run.
    ///
    /// # Errors
    /// A fault where it does not fit.
    fn output(result: &Json) -> Result<Self::Output, Fault> {
        super::decode(result, "the workflow's result")
    }
}

/// Reads the tables that the compiler wrote beside a machine.
#[must_use]
pub fn spec(text: &str) -> WorkflowSpec {
    serde_json::from_str(text).expect("compiler and runtime are of one version")
}
