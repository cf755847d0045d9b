//! What is swept: a tree, its text compiled to a machine, and what the world answers.

use crate::program::{Class, Key, Program};
use crate::reference::Values;
use crate::script;
use crate::world::{Contract, Site};
use sagaflow_compiler::diagnostic::Severity;
use sagaflow_compiler::{analyze, load::load_text};
use sagaflow_core::codegen::{Json, Machine};
use sagaflow_interp::Interpreter;
use std::collections::BTreeMap;
use std::sync::Arc;

/// `input.k`.
pub const INPUT: i64 = 5;
/// What a person answers to a question about a step.
pub const ANSWER: i64 = 7;
/// What an awaited event carries.
pub const EVENT: i64 = 4;

/// One program, ready to be run any number of times.
pub struct Subject {
    /// Tree.
    pub program: Program,
    /// Text.
    pub text: String,
    /// Machine.
    pub machine: Arc<dyn Machine>,
    /// World.
    pub site: Site,
    /// Values, for the reference.
    pub values: Values,
}

/// Compiles a text.
///
/// # Errors
/// Codes and headlines of everything that is wrong, with the text they point at.
pub fn compile(text: &str, module: &str, workflow: &str) -> Result<Arc<dyn Machine>, String> {
    let loaded = load_text("m.flow", module, text);
    let analysis = analyze(&loaded);
    let wrong: Vec<_> = analysis
        .diagnostics
        .iter()
        .filter(|found| found.severity == Severity::Error)
        .map(|found| {
            let range = found.span.start as usize..found.span.end as usize;
            format!("{} {} at `{}`", found.code, found.headline, text.get(range).unwrap_or(""))
        })
        .collect();
    let Some(fir) = analysis.lower(&loaded.sources).filter(|_| wrong.is_empty()) else {
        return Err(wrong.join("\n"));
    };
    let machine = Interpreter::new(Arc::new(fir), workflow).map_err(|error| error.to_string())?;
    Ok(Arc::new(machine))
}

/// A generated program.
///
/// # Errors
/// Where the checker rejects it.
pub fn generated(program: Program) -> Result<Subject, String> {
    let text = crate::print::print(&program);
    let machine = compile(&text, crate::print::MODULE, crate::print::WORKFLOW)?;
    Ok(of_machine(program, text, machine))
}

/// A program of the generator's shape, with the machine that runs it.
#[must_use]
pub fn of_machine(program: Program, text: String, machine: Arc<dyn Machine>) -> Subject {
    let input = [("input".to_owned(), serde_json::json!({ "id": "one", "k": INPUT }))];
    let site = Site {
        workflow: crate::print::WORKFLOW.to_owned(),
        input: input.into_iter().collect(),
        contracts: Arc::new(contracts(&program)),
        answers: |action, at, arg, _| Json::from(script::value(action, at, arg)),
        deadline_ms: program.deadline.map(|seconds| i64::from(seconds) * 1_000),
        process: None,
    };
    Subject { program, text, machine, site, values: script::value }
}

/// The contracts of a program's actions.
#[must_use]
pub fn contracts(program: &Program) -> BTreeMap<String, Contract> {
    let mut all = BTreeMap::new();
    for call in program.calls() {
        let read = call.class == Class::Read;
        let repeatable = read || call.key != Key::None;
        all.insert(call.action.clone(), Contract { read, repeatable, probe: false });
        for undo in &call.undoes {
            let contract = Contract { read: false, repeatable: true, probe: false };
            all.insert(undo.clone(), contract);
        }
        if let Some(probe) = &call.probe {
            let contract = Contract { read: true, repeatable: true, probe: true };
            all.insert(probe.clone(), contract);
        }
    }
    all
}
