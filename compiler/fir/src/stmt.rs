//! Statements: the tree a run walks.

use crate::decl::{Class, Retry};
use crate::expr::{Expr, PatternKind};
use crate::workflow::LocalId;
use serde::{Deserialize, Serialize};

/// Statements in order.
pub type Block = Vec<Stmt>;

/// One statement.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stmt {
    /// `x = e`
    Let(LocalId, Expr),
    /// `step` and `pivot`.
    Step(Box<StepStmt>),
    /// `await`, `await first`, `sleep`.
    Await(Box<AwaitStmt>),
    /// `parallel { … }`, `parallel each`.
    Fork(Box<ForkStmt>),
    /// Sequential `each`.
    Each(Box<EachStmt>),
    /// `repeat`.
    Repeat(Box<RepeatStmt>),
    /// `scope`, and a `parallel` that has handlers, a fallback or a deadline: the fork is its body.
    Scope(Box<ScopeStmt>),
    /// `if`; the first whose condition holds, else the last block.
    If(Expr, Block, Block),
    /// `match`; arms cover everything.
    Match(Expr, Vec<MatchArm>),
    /// `emit`: qualified event, payload by field, and its key's value.
    Emit {
        /// Qualified event.
        event: String,
        /// Payload by field, all present.
        fields: Vec<(String, Expr)>,
    },
    /// `reply`
    Reply(Expr),
    /// `review`
    Review(Expr),
    /// `reject e as "…"`: a record of the run's batch, or a list of them, and the reason.
    Reject(Expr, Expr),
    /// `progress`: text, percent.
    Progress(Expr, Option<Expr>),
    /// `manual` as a statement: parks at its own point, and goes on whatever is answered.
    Manual {
        /// Its point.
        at: String,
        /// The question.
        text: Expr,
    },
    /// `else manual` of a `repeat`: parks at the loop's point, and goes on with what it is to give.
    Ask {
        /// The loop's point.
        at: String,
        /// The question.
        text: Expr,
        /// Takes the answer, where the loop has a value.
        bind: Option<LocalId>,
    },
    /// `fail E(…)`: name and payload by field.
    Fail(String, Vec<(String, Expr)>),
    /// `return`
    Return(Option<Expr>),
    /// `give`: the value of the innermost `each`, `parallel each` (one per turn) or `repeat` (its end).
    Give(Expr),
    /// `again`: the next turn of the innermost `repeat`, with these values; those not named keep theirs.
    Again(Vec<(LocalId, Expr)>),
    /// `use e`: the value of the step whose handler or fallback this ends.
    Use(Expr),
    /// `skip`: leaves the step whose handler this ends, without a value.
    Skip,
    /// `pass`
    Pass,
    /// Cannot be executed yet; never reached, because F0005 stands before running.
    Unsupported(Unsupported),
}

/// What cannot be executed yet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Unsupported {
    /// In words, `a lock`.
    pub what: String,
    /// Line, from 1.
    pub line: u32,
}

/// A call with its policy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Call {
    /// Qualified service.
    pub service: String,
    /// Action.
    pub action: String,
    /// Arguments by parameter, all present, in parameter order.
    pub args: Vec<(String, Expr)>,
    /// `idempotent by` values; none for plain `idempotent` or no key.
    pub by: Option<Vec<Expr>>,
    /// Has a key at all (step's clause or contract).
    pub idempotent: bool,
    /// Key's life in ms.
    pub key_for_ms: Option<i64>,
    /// Bound of an attempt in ms; policy.
    pub within_ms: i64,
    /// Bound of all attempts in ms; policy.
    pub deadline_ms: Option<i64>,
    /// Policy.
    pub retry: Retry,
    /// `probe`: qualified service, action, arguments by parameter, `within` in ms.
    #[allow(clippy::type_complexity)]
    // serialised as it stands; a struct would change the canonical form
    pub probe: Option<(String, String, Vec<(String, Expr)>, i64)>,
}

/// How a call is undone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallUndo {
    /// Not at all.
    None,
    /// Waived, with its reason.
    Waived(String),
    /// By a block that begins at point `at`.
    Block {
        /// `<step at>/undo`.
        at: String,
        /// What is evaluated when the undo is armed, before the call: names of the undo block's own
        /// locals with their values at that moment.
        capture: Vec<(LocalId, Expr)>,
        /// The local that holds the call's result in the block, where the undo needs it: it is then
        /// an `ask` until the result is known.
        result: Option<LocalId>,
        /// The block.
        body: Block,
    },
}

/// `step` or `pivot`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepStmt {
    /// Its point.
    pub at: String,
    /// Effect class of the action.
    pub class: Class,
    /// Written as `pivot`, or commits implicitly (a last write without undo).
    pub commits: bool,
    /// Binds its result.
    pub bind: Option<LocalId>,
    /// The call.
    pub call: Call,
    /// Its undo.
    pub undo: CallUndo,
    /// Tried when the call failed, before the handlers; itself a unit of undo.
    pub fallback: Option<Fallback>,
    /// `on …`, `else`.
    pub handlers: Handlers,
    /// What runs inside, where it is a `transaction`; its call then names the database, and its action
    /// is [`TRANSACTION`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub block: Option<TransactionBlock>,
}

/// The action of a call that is a whole `transaction`; no action of a contract can be called so.
pub const TRANSACTION: &str = "#transaction";

/// What settles a transaction whose outcome is unknown, as the action of its probe.
pub const SETTLE: &str = "#settle";

/// The block of a `transaction`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TransactionBlock {
    /// Isolation level.
    pub isolation: Isolation,
    /// Statements, steps of its database among them; `savepoint` is a scope. It ends with an object of
    /// `keeps`, by local name.
    pub body: Block,
    /// Locals that it binds for what follows, and for its undo.
    pub keeps: Vec<LocalId>,
}

/// Isolation of a transaction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Isolation {
    /// Each statement sees what was committed before it.
    #[default]
    ReadCommitted,
    /// All statements see what was committed before the first.
    RepeatableRead,
    /// As if transactions ran one after the other.
    Serializable,
}

/// `fallback`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fallback {
    /// The unit's point, `<step at>/fallback`.
    pub at: String,
    /// Its block; a bare call is a `step` whose value is used. Ends in `use`, or without value.
    pub body: Block,
}

/// Handlers of a step, wait or block, first fit wins, then `else`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Handlers {
    /// `on …`, in source order.
    pub on: Vec<Handler>,
    /// `else`.
    pub otherwise: Option<Remedy>,
}

/// `on E(a, b) => …`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Handler {
    /// What it handles.
    pub on: On,
    /// One binding (or none, for `_`) per payload field.
    pub binders: Vec<Option<LocalId>>,
    /// What it does.
    pub remedy: Remedy,
}

/// What a handler handles.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum On {
    /// A declared error.
    Error(String),
    /// `timeout`
    Timeout,
    /// `unknown`
    Unknown,
    /// `refused`
    Refused,
}

/// What a handler does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Remedy {
    /// `manual "…"`: a person says what came of the step, wait or block. The question rests at the
    /// point of what failed last: of the fallback, where there is one, else of the statement.
    Manual(Expr),
    /// A block; a bare `fail`, `skip`, `use`, `give`, `return` is a block of one. The compiler says
    /// statically how it leaves a step whose outcome is unknown.
    Block {
        /// Statements.
        body: Block,
        /// Every path that ends normally ends in `skip`.
        skips: bool,
        /// No path ends normally: all fail.
        fails: bool,
    },
}

/// A wait.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AwaitStmt {
    /// Its point.
    pub at: String,
    /// One for a plain `await` or `sleep`.
    pub arms: Vec<Arm>,
    /// `within`, as a duration; or `until`, as a time.
    pub until: Option<Expr>,
    /// `on timeout`, `else`; only for a plain `await`.
    pub handlers: Handlers,
}

/// An arm of a wait.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Arm {
    /// What it waits for.
    pub wait: ArmWait,
    /// Binds the answer or the payload.
    pub bind: Option<LocalId>,
    /// Runs when it came first; empty for a plain `await`.
    pub body: Block,
}

/// What an arm waits for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ArmWait {
    /// A human task: qualified name, arguments in parameter order.
    Task(String, Vec<Expr>),
    /// An event.
    Event {
        /// Qualified event.
        event: String,
        /// The value its key must have.
        key: Expr,
        /// The rest of `where`, over the run's names and `event` below; none if the key says it all.
        rest: Option<Expr>,
        /// Local that stands for the event's payload in `rest`.
        event_local: LocalId,
        /// Only after the wait began.
        fresh: bool,
    },
    /// A duration or a time.
    Sleep(Expr),
}

/// `parallel`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ForkStmt {
    /// Its point.
    pub at: String,
    /// How many run at once; none: all. Policy.
    pub max: Option<u32>,
    /// Branches.
    pub branches: ParallelBlock,
}

/// The branches of a fork.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ParallelBlock {
    /// `parallel { a b c }`: one block per statement, with the locals it binds for what follows. A
    /// branch ends with an object of those, by local name.
    Fixed(Vec<(Block, Vec<LocalId>)>),
    /// `parallel each x in xs { … }`; each turn is a branch and ends with its `give` value or null.
    Each {
        /// One name, or key and value of a map.
        pattern: Vec<LocalId>,
        /// List or map.
        over: Expr,
        /// Body.
        body: Block,
        /// Failing turns undo themselves and give `Failed`.
        settle: bool,
        /// Binds the list of what was given (of outcomes, under `settle`).
        bind: Option<LocalId>,
    },
}

/// Sequential `each`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EachStmt {
    /// Names its hidden values and, with `settle`, its unit's point.
    pub at: String,
    /// One name, or key and value.
    pub pattern: Vec<LocalId>,
    /// List or map.
    pub over: Expr,
    /// At most so many items; a fault beyond.
    pub max: Option<u32>,
    /// Each turn is a unit that gives `Failed` if it fails.
    pub settle: bool,
    /// Body.
    pub body: Block,
    /// Binds the list of what was given.
    pub bind: Option<LocalId>,
}

/// `repeat`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RepeatStmt {
    /// Names its path segment. Its turn number is the frame's iteration index.
    pub at: String,
    /// Loop values with their first ones.
    pub vars: Vec<(LocalId, Expr)>,
    /// At most so many turns; none: forever.
    pub times: Option<u32>,
    /// Body.
    pub body: Block,
    /// Ends the loop after a turn when it holds; sees the turn's names.
    pub until: Option<Expr>,
    /// Runs when the turns run out; `use v` is the loop's value. Stands outside the loop.
    pub otherwise: Option<Block>,
    /// Binds the `give` value; optional where the loop may end without one.
    pub bind: Option<LocalId>,
    /// Whether `bind` is `T?` although `give` gives a `T`.
    pub optional: bool,
}

/// A unit of undo around a block.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScopeStmt {
    /// Its point.
    pub at: String,
    /// Body.
    pub body: Block,
    /// `retry`; policy.
    pub retry: Option<Retry>,
    /// `deadline` in ms; policy.
    pub deadline_ms: Option<i64>,
    /// `on event …`, in source order.
    pub interrupts: Vec<Interrupt>,
    /// Tried when the body failed, before the handlers.
    pub fallback: Option<Fallback>,
    /// `on …`, `else`.
    pub handlers: Handlers,
}

/// `on event E where … [keep] => …`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interrupt {
    /// Qualified event.
    pub event: String,
    /// The value its key must have.
    pub key: Expr,
    /// The rest of `where`.
    pub rest: Option<Expr>,
    /// Local that stands for the payload in `rest`.
    pub event_local: LocalId,
    /// One binding per field of the event's payload, as far as named.
    pub binders: Vec<Option<LocalId>>,
    /// Keeps what was done.
    pub keep: bool,
    /// What it does.
    pub remedy: Remedy,
}

/// An arm of `match`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MatchArm {
    /// Pattern.
    pub pattern: PatternKind,
    /// Body.
    pub body: Block,
}
