//! A program to be run: where its workflows come from.
//!
//! A binary that was generated from flows brings them along; `flowd` reads them from files. The
//! commands are the same for both.

use sagaflow_core::codegen::{Json, rt::Flows};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Workflows, ready to be run, with what was read for them.
#[derive(Clone, Debug, Default)]
pub struct Program {
    /// Workflows and the services that are written in Rust.
    pub flows: Flows,
    /// Sample data by qualified name, `shop.orders.order`, `shop.orders.Payments.authorize`.
    pub samples: BTreeMap<String, Json>,
    /// Every file that was read: what `dev` watches.
    pub files: Vec<PathBuf>,
    /// Workflows that cannot be executed, by qualified name, each with a line that says why.
    pub refused: BTreeMap<String, String>,
    /// What is to be noticed about the program, rendered; it runs all the same.
    pub notes: String,
}

/// Why there is no program, rendered for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Rejected(pub String);

/// Where programs come from.
pub trait Source: Send + Sync {
    /// Whether the commands take files.
    fn takes_files(&self) -> bool;

    /// The program in these files.
    ///
    /// # Errors
    /// The findings, rendered.
    fn load(&self, files: &[PathBuf], colour: bool) -> Result<Program, Rejected>;
}

/// A program that the binary was built with.
pub(crate) struct BuiltIn(pub(crate) Flows);

impl Source for BuiltIn {
    fn takes_files(&self) -> bool {
        false
    }

    fn load(&self, _: &[PathBuf], _: bool) -> Result<Program, Rejected> {
        Ok(Program { flows: self.0.clone(), ..Program::default() })
    }
}
