//! The two versions of a workflow that a simulation deploys, each with what the judges know of it.

use crate::structure::Structure;
use sagaflow_core::codegen::Machine;
use sagaflow_core::shard::Machines;
use sagaflow_sweep::generate::generate;
use sagaflow_sweep::ledger::Contract;
use sagaflow_sweep::print::print;
use sagaflow_sweep::program::{Program, Stmt};
use sagaflow_sweep::subject::{compile, contracts};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Module of every program here.
pub const MODULE: &str = sagaflow_sweep::print::MODULE;
/// Workflow of every program here, in both versions.
pub const WORKFLOW: &str = sagaflow_sweep::print::WORKFLOW;

/// One version of the workflow.
pub struct Version {
    /// Tree.
    pub program: Program,
    /// Text.
    pub text: String,
    /// Machine.
    pub machine: Arc<dyn Machine>,
    /// Contracts by action.
    pub contracts: BTreeMap<String, Contract>,
    /// Where its calls stand.
    pub structure: Structure,
    /// Qualified service: each version calls one of its own.
    pub service: String,
    /// Qualified events that it waits for.
    pub events: Vec<String>,
}

impl Version {
    /// The program of a seed as a version: the second one calls another service.
    ///
    /// # Errors
    /// Where the compiler rejects it.
    pub fn generated(seed: u64, number: u32) -> Result<Self, String> {
        Self::of(generate(seed), number)
    }

    /// A program as a version.
    ///
    /// # Errors
    /// Where the compiler rejects it.
    pub fn of(program: Program, number: u32) -> Result<Self, String> {
        let mut text = print(&program);
        if number > 1 {
            let version = format!("workflow W v{number} ");
            text = text.replace("workflow W v1 ", &version);
            text = text.replace("service S {", "service T {").replace("S.", "T.");
        }
        let machine = compile(&text, MODULE, WORKFLOW)?;
        let service = format!("{MODULE}.{}", if number > 1 { "T" } else { "S" });
        let (contracts, structure) = (contracts(&program), Structure::of(&program));
        let events = awaited(&program);
        Ok(Self { program, text, machine, contracts, structure, service, events })
    }
}

fn awaited(program: &Program) -> Vec<String> {
    let mut events = Vec::new();
    program.each(&mut |stmt| match stmt {
        Stmt::Event { name, .. } | Stmt::First { name, .. } => {
            events.push(format!("{MODULE}.{}", sagaflow_sweep::print::awaited(name)));
        }
        Stmt::Scope { interrupt: Some(interrupt), .. } => {
            events.push(format!("{MODULE}.{}", interrupt.event));
        }
        _ => {}
    });
    events
}

/// Which versions a node can run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deployed {
    /// The first.
    Old,
    /// Both.
    Both,
    /// The second.
    New,
}

/// Both versions.
pub struct Fleet {
    /// The first and the second.
    pub versions: [Version; 2],
}

impl Fleet {
    /// The programs of two seeds.
    ///
    /// # Errors
    /// Where the compiler rejects one.
    pub fn generated(seed: u64) -> Result<Self, String> {
        // Bound: programs come from a pool, so that compiling them does not take all the time.
        let (old, new) = (1 + seed % 197, 1 + seed % 199);
        Ok(Self { versions: [Version::generated(old, 1)?, Version::generated(new + 200, 2)?] })
    }

    /// The machines of a node.
    #[must_use]
    pub fn machines(&self, deployed: Deployed) -> Machines {
        let [old, new] = &self.versions;
        let mut machines = Machines::default();
        if deployed != Deployed::New {
            machines.add(old.machine.clone());
        }
        if deployed != Deployed::Old {
            machines.add(new.machine.clone());
        }
        machines
    }

    /// The version of a run that is pinned to this hash.
    #[must_use]
    pub fn of_hash(&self, hash: &str) -> Option<usize> {
        self.versions.iter().position(|version| version.machine.spec().hash == hash)
    }
}
