//! What a program means: names resolved to ids, sugar gone, every node with its place.
//!
//! Data only; `resolve` builds it, `types`, `check` and `lower` read it. Conventions that hold
//! everywhere:
//! * One program holds every module. Things are in arenas and named by typed ids; expressions and
//!   locals have ids of their own so that later passes can say something about each in a side table
//!   (`types::Table`). Statements are an owned tree.
//! * What could not be resolved has been reported once and stands here as an `Error` variant (or an
//!   absent id). Later passes stay silent about it, and about whatever it touches.
//! * Arguments stand in parameter order. One that is missing was reported (F0120) or has a default.
//! * A local that is not bound on every path to its use is still resolved; F0103 is found later.
//! * A remedy, a match arm and a bare call as undo or fallback are blocks like any other.

mod arena;
mod decl;
mod expr;
mod label;
mod order;
mod step;
mod stmt;
mod test;
mod ty;
mod uses;
mod walk;
mod workflow;

pub use arena::{Arena, Idx};
pub use decl::*;
pub use expr::*;
pub use step::*;
pub use stmt::*;
pub use test::*;
pub use ty::*;
pub use walk::Exits;
pub use workflow::*;

use crate::span::{Span, Spanned};
use smol_str::SmolStr;

/// A word with its place.
pub type Name = Spanned<SmolStr>;
/// A duration in milliseconds with its place.
pub type DurationMs = Spanned<i64>;
/// A whole number with its place.
pub type Count = Spanned<u64>;

/// A name at top level, with the module it is declared in; prints as `shop.orders.Payments`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Qualified {
    /// `shop.orders`
    pub module: SmolStr,
    /// `Payments`
    pub name: SmolStr,
}

impl std::fmt::Display for Qualified {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.module, self.name)
    }
}

/// A whole program.
#[derive(Clone, Debug, Default)]
pub struct Program {
    /// `type`
    pub aliases: Arena<AliasId, Alias>,
    /// `record`
    pub records: Arena<RecordId, Record>,
    /// `enum`
    pub enums: Arena<EnumId, Enum>,
    /// `event`
    pub events: Arena<EventId, Event>,
    /// `resource`
    pub resources: Arena<ResourceId, Resource>,
    /// `policy`
    pub policies: Arena<PolicyId, Policy>,
    /// `service`
    pub services: Arena<ServiceId, Service>,
    /// `database`
    pub databases: Arena<DatabaseId, Database>,
    /// Actions of services and databases.
    pub actions: Arena<ActionId, Action>,
    /// Errors declared by actions, workflows and scopes.
    pub errors: Arena<ErrorId, ErrorDecl>,
    /// `fn` and `decide`
    pub functions: Arena<FunctionId, Function>,
    /// `human`
    pub humans: Arena<HumanId, Human>,
    /// `workflow`
    pub workflows: Arena<WorkflowId, Workflow>,
    /// `schedule`
    pub schedules: Vec<Schedule>,
    /// `test`, in source order
    pub tests: Vec<Test>,
    /// Every expression.
    pub exprs: Arena<ExprId, Expr>,
    /// Every local.
    pub locals: Arena<LocalId, Local>,
    /// Every pattern.
    pub patterns: Arena<PatternId, Pattern>,
    /// The types of keys, of every map that is written.
    pub map_keys: Vec<TyRef>,
    /// How many steps there are; a [`StepId`] is below it.
    pub step_count: u32,
    /// Sample data that was read, by module and file name without `.json`.
    pub samples: std::collections::BTreeMap<(SmolStr, SmolStr), Sample>,
}

/// A file of sample data.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// As a person would type it.
    pub path: String,
    /// The JSON text, as read.
    pub text: String,
}

impl Program {
    /// The qualified name of an action's service or database.
    #[must_use]
    pub fn provider(&self, action: ActionId) -> &Qualified {
        match self.actions[action].provider {
            Provider::Service(id) => &self.services[id].name,
            Provider::Database(id) => &self.databases[id].name,
        }
    }

    /// `Payments.capture`, as a person writes it.
    #[must_use]
    pub fn action_name(&self, action: ActionId) -> String {
        format!("{}.{}", self.provider(action).name, self.actions[action].name.node)
    }

    /// The errors a call may end with, as declared.
    #[must_use]
    pub fn target_errors(&self, target: &Target) -> &[ErrorId] {
        match target {
            Target::Action(id) => &self.actions[*id].errors,
            Target::Workflow(id) => &self.workflows[*id].fails,
            Target::Error => &[],
        }
    }

    /// Where the source of an inherited or own clause of an action stands: its contract's name.
    #[must_use]
    pub fn local_name(&self, local: LocalId) -> &str {
        &self.locals[local].name
    }

    /// A place that stands for a whole block in a label: its first statement, else the block.
    #[must_use]
    pub fn block_start(block: &Block) -> Span {
        block.stmts.first().map_or(block.span, |s| s.span)
    }
}
