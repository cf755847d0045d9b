//! Workflows, their locals and durable points, and tests.

use crate::decl::{ErrorDecl, Field, Ty};
use crate::expr::Expr;
use crate::stmt::Block;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Index into the `locals` of the workflow, function, human task or test that holds the expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LocalId(pub u32);

/// A name bound in a workflow, function or test.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Local {
    /// Its name in frames: the source name, with `#2` … where the name was bound before for something
    /// else (another turn's name, another branch of a type of its own).
    pub name: String,
    /// Its type.
    pub ty: Ty,
}

/// A durable point.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// Path template; `[]` takes the next index of the iteration.
    pub path: String,
    /// Locals live when a run rests here: read by what can still run from here, outcome handlers
    /// included, and bound before. Never the value the point itself will bind.
    pub live: Vec<LocalId>,
    /// Hidden names live here: bookkeeping of the enclosing loops. The canonical forms are
    /// `#<loop at>.list` (the list or map entries), `#<loop at>.out` (what was given so far).
    /// The index of the turn is in the frame's iteration.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hidden: Vec<(String, Ty)>,
    /// Line in its source, from 1; policy.
    pub line: u32,
}

/// `on Event(x)`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trigger {
    /// Qualified event.
    pub event: String,
    /// Parameter it fills.
    pub param: String,
    /// The event's field passed; none: the payload as a record.
    pub field: Option<String>,
    /// `on batch`: the parameter takes a batch of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gather: Option<Gather>,
}

/// How a batch of an event's records is gathered; policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gather {
    /// At most so many records.
    pub up_to: u32,
    /// At most so long after the first one, in ms.
    pub every_ms: i64,
}

/// What a start gets whose `concurrency` class is full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Otherwise {
    /// It waits for its turn.
    #[default]
    Queue,
    /// It gets the run that is in flight.
    Join,
    /// It is refused.
    Refuse,
}

impl Otherwise {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde calls")]
    fn queues(&self) -> bool {
        *self == Self::Queue
    }
}

/// `concurrency n per e else join`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Concurrency {
    /// Runs in flight at most.
    pub limit: u32,
    /// For each value of this, over the parameters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per: Option<Expr>,
    /// What a start beyond it gets.
    #[serde(default, skip_serializing_if = "Otherwise::queues")]
    pub otherwise: Otherwise,
}

/// `limit n per w by e`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StartLimit {
    /// Starts in a window at most.
    pub starts: u32,
    /// In ms.
    pub window_ms: i64,
    /// For each value of this, over the parameters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Expr>,
}

/// One value of `index by e, …`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Indexed {
    /// What it is looked for by: the last word of what it reads.
    pub name: String,
    /// The value, over the parameters.
    pub value: Expr,
}

/// `upgrade from v1 (x = e)`: runs of an older version may go on with this one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Upgrade {
    /// The older version.
    pub from: u32,
    /// Its hash, as it was released; empty where nobody has held the two against each other.
    pub hash: String,
    /// What older frames lack, each made from parameters.
    pub values: Vec<(String, Expr)>,
    /// What the older version takes where its start named nothing, by parameter.
    pub defaults: BTreeMap<String, serde_json::Value>,
    /// The durable points at which a run may move: the same in both versions. What is live there comes
    /// under the same name from the older frame, or from what the run was started with, but for these:
    /// name, and index in `values`.
    pub points: BTreeMap<String, Vec<(String, u32)>>,
}

/// `workflow`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Workflow {
    /// From 1.
    pub version: u32,
    /// Parameters; the first locals, in order.
    pub params: Vec<Field>,
    /// All locals.
    pub locals: Vec<Local>,
    /// Result.
    pub result: Option<Ty>,
    /// `on`.
    pub triggers: Vec<Trigger>,
    /// `idempotent by`, over the parameters.
    pub key: Option<Vec<Expr>>,
    /// `for`, in ms.
    pub key_for_ms: Option<i64>,
    /// How many of the last locals only `limit`, `concurrency`, `index` and `upgrade` bind; policy, as
    /// those are.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub policy_locals: u32,
    /// `limit`, in order; policy.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub limit: Vec<StartLimit>,
    /// `concurrency`, in order; policy.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub concurrency: Vec<Concurrency>,
    /// `index by`, in order, each under a name of its own; policy.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub indexed: Vec<Indexed>,
    /// `upgrade from`, in order; policy, and no part of a version that is frozen.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub upgrades: Vec<Upgrade>,
    /// `fails`.
    pub fails: Vec<ErrorDecl>,
    /// In ms; policy.
    pub deadline_ms: Option<i64>,
    /// In ms; policy.
    pub retain_ms: Option<i64>,
    /// Body. Its point is `start`.
    pub body: Block,
    /// `after failure`. Its point is `after`; `failure.error` and `failure.step` are two locals named so.
    pub aftermath: Option<Block>,
    /// The locals of `failure.error` and `failure.step`, where there is an aftermath.
    pub failure: Option<(LocalId, LocalId)>,
    /// Durable points by `at`.
    pub points: BTreeMap<String, Point>,
    /// Constructs of this workflow that cannot be executed yet, in words, with their line: F0005.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unsupported: Vec<(String, u32)>,
    /// Module it is written in.
    pub module: String,
    /// Documentation comment; policy.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub doc: String,
    /// Its runs go on, and nothing starts it: a released version beside the program.
    #[serde(skip)]
    pub continues: bool,
}

impl Workflow {
    /// The keys of its classes, each over the parameters: of every `limit` clause and then of every
    /// `concurrency` clause, in their order; none where a clause has none.
    pub fn classes(&self) -> impl Iterator<Item = Option<&Expr>> + Clone {
        let limits = self.limit.iter().map(|one| one.by.as_ref());
        limits.chain(self.concurrency.iter().map(|one| one.per.as_ref()))
    }

    /// What stands in its head and is policy.
    pub fn policies(&self) -> impl Iterator<Item = &Expr> {
        let given = self.upgrades.iter().flat_map(|one| one.values.iter().map(|(_, value)| value));
        self.classes().flatten().chain(self.indexed.iter().map(|one| &one.value)).chain(given)
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde calls")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// `test`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Test {
    /// Module.
    pub module: String,
    /// Its sentence.
    pub name: String,
    /// Line, from 1.
    pub line: u32,
    /// Names bound in it.
    pub locals: Vec<Local>,
    /// Statements.
    pub stmts: Vec<TestStmt>,
}

/// What `given` answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TestOutcome {
    /// A value.
    Value(Expr),
    /// `fail E(…)`: name and payload by field.
    Fail(String, Vec<(String, Expr)>),
    /// `refused`
    Refused,
    /// `unknown`: applied, answer lost
    Unknown,
    /// `timeout`
    Timeout,
}

/// A statement of a test (verdicts on tests are in the language reference).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TestStmt {
    /// `given Service.action(args) => …`
    Given {
        /// `service.action` qualified, a human task, or the name of an event wait.
        target: String,
        /// Only calls whose arguments equal these, by parameter.
        args: Option<Vec<(String, Expr)>>,
        /// What it answers.
        outcome: TestOutcome,
        /// Delay in ms.
        after_ms: i64,
        /// For so many attempts.
        calls: Option<u32>,
        /// Line, from 1.
        line: u32,
    },
    /// `deliver E(…) after d`
    Deliver {
        /// Qualified event.
        event: String,
        /// Payload by field.
        fields: Vec<(String, Expr)>,
        /// In ms.
        after_ms: i64,
    },
    /// `r = run W(…)`
    Run {
        /// Qualified workflow.
        workflow: String,
        /// Arguments in parameter order.
        args: Vec<Expr>,
        /// Names the result.
        bind: Option<LocalId>,
    },
    /// `every failure of W(…)`
    EveryFailure {
        /// Qualified workflow.
        workflow: String,
        /// Arguments in parameter order.
        args: Vec<Expr>,
    },
    /// `x = e`
    Let(LocalId, Expr),
    /// `expect completed`
    ExpectCompleted(u32),
    /// `expect failed E`
    ExpectFailed(String, u32),
    /// `expect settled`
    ExpectSettled(u32),
    /// `expect calls A.b, C.d`
    ExpectCalls(Vec<String>, u32),
    /// `expect never A.b [twice | after C.d | unless e]`
    ExpectNever {
        /// `service.action`, qualified.
        call: String,
        /// At most once instead of never.
        twice: bool,
        /// Only after this one.
        after: Option<String>,
        /// Unless this holds; the local is `result`, as in `Expect`.
        unless: Option<(Expr, Option<LocalId>)>,
        /// Line, from 1.
        line: u32,
    },
    /// `expect e`; the local is `result`, the last run's result, where the condition reads it.
    Expect(Expr, Option<LocalId>, u32),
}
