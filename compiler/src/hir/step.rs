//! Steps, their clauses, and what happens when they fail.

use super::arena::ids;
use super::*;

ids! {
    /// Names a step (also in undo blocks and fallbacks) of the program.
    StepId,
}

/// A durable point.
///
/// `path` is the template of the path (`[]` takes the next index of the iteration); `at` is unique
/// in its workflow and equals the path, with `~2` … where two arms share one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Point {
    /// Unique name.
    pub at: SmolStr,
    /// Path template.
    pub path: SmolStr,
}

/// `step` or `pivot`.
#[derive(Clone, Debug)]
pub struct Step {
    /// Its id.
    pub id: StepId,
    /// Its point.
    pub point: Point,
    /// Written as `pivot`.
    pub pivot: bool,
    /// The word `step` or `pivot`; of an undo or fallback without braces, the call.
    pub keyword: Span,
    /// Binds its result.
    pub bind: Option<LocalId>,
    /// What it does.
    pub call: Call,
    /// `retry …` of the step; the contract has none.
    pub retry: Option<RetrySpec>,
    /// Bound of an attempt, the step's or else the contract's.
    pub within: Option<Given<i64>>,
    /// Bound of all attempts, the step's or else the contract's.
    pub deadline: Option<Given<i64>>,
    /// `heartbeat …`
    pub heartbeat: Option<Clause<i64>>,
    /// The key, the step's or else the contract's (then over the action's locals).
    pub idempotent: Option<Given<Idempotent>>,
    /// The question after an unknown outcome, the step's or else the contract's.
    pub probe: Option<Given<Probe>>,
    /// How it is undone.
    pub undo: Undo,
    /// `fallback …`
    pub fallback: Option<Fallback>,
    /// `on …`, `else …`
    pub handlers: Handlers,
    /// All of it, clauses included.
    pub span: Span,
}

/// A clause with a plain value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clause<T> {
    /// Its value.
    pub value: T,
    /// All of the clause.
    pub span: Span,
}

/// The effective value of a clause, and who said it.
#[derive(Clone, Debug, PartialEq)]
pub struct Given<T> {
    /// The value.
    pub value: T,
    /// All of the clause.
    pub span: Span,
    /// Who said it.
    pub origin: Origin,
}

/// Who said a clause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The step itself.
    Step,
    /// The contract of the action it calls.
    Contract(ActionId),
}

/// A call with an effect.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// What is called.
    pub target: Target,
    /// The name as written, for messages: `Payments.capture`, `run ShipOrder`.
    pub text: SmolStr,
    /// In parameter order.
    pub args: Args,
    /// All of it.
    pub span: Span,
}

/// What a step calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// Reported already.
    Error,
    /// An action.
    Action(ActionId),
    /// `run W(…)`
    Workflow(WorkflowId),
}

/// `idempotent by e, e for 24h`.
#[derive(Clone, Debug, PartialEq)]
pub struct Idempotent {
    /// The key; empty where not written.
    pub by: Vec<ExprId>,
    /// How long the key is remembered.
    pub lifetime: Option<DurationMs>,
    /// All of it.
    pub span: Span,
}

/// `probe A.b(…)`.
#[derive(Clone, Debug, PartialEq)]
pub struct Probe {
    /// The question; a read, if it is right.
    pub call: Call,
    /// All of it.
    pub span: Span,
}

/// How a step or transaction is undone.
#[derive(Clone, Debug)]
pub enum Undo {
    /// Nobody said anything.
    None,
    /// The contract of the action says it; `contract.compensate` of that action is there.
    Contract(ActionId),
    /// Said at the step.
    Own(Compensate),
}

/// `compensate …`.
#[derive(Clone, Debug)]
pub struct Compensate {
    /// How.
    pub how: CompensateHow,
    /// All of it.
    pub span: Span,
}

/// Kinds of compensation.
#[derive(Clone, Debug)]
pub enum CompensateHow {
    /// `none because "…"`
    Waived(Spanned<String>),
    /// A block; a bare call is a block of one step.
    Block {
        /// `<path>/undo`
        point: Point,
        /// Statements.
        body: Block,
        /// Written as a bare call.
        bare: bool,
    },
}

/// `fallback …`.
#[derive(Clone, Debug)]
pub struct Fallback {
    /// `<path>/fallback`
    pub point: Point,
    /// Statements; a bare call is a step whose value is used (`bare`), without a `use`.
    pub body: Block,
    /// Written as a bare call: the value of its only step is the value.
    pub bare: bool,
    /// All of it.
    pub span: Span,
}

/// Handlers of a step, wait or block.
#[derive(Clone, Debug, Default)]
pub struct Handlers {
    /// `on …`, in order.
    pub on: Vec<Handler>,
    /// `else …`
    pub otherwise: Option<Else>,
}

impl Handlers {
    /// Whether nothing is handled.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.on.is_empty() && self.otherwise.is_none()
    }

    /// Every remedy, `else` last.
    pub fn remedies(&self) -> impl Iterator<Item = &Block> {
        self.on.iter().map(|h| &h.remedy).chain(self.otherwise.iter().map(|e| &e.remedy))
    }
}

/// `on E(x) => …`.
#[derive(Clone, Debug)]
pub struct Handler {
    /// What it takes.
    pub on: On,
    /// The pattern, from the name to its parentheses.
    pub on_span: Span,
    /// What is done then; `manual "…"` alone is a block of one `Manual`.
    pub remedy: Block,
    /// All of it.
    pub span: Span,
}

/// What a handler takes.
#[derive(Clone, Debug, PartialEq)]
pub enum On {
    /// `timeout`
    Timeout,
    /// `unknown`
    Unknown,
    /// `refused`
    Refused,
    /// A declared error, by name.
    Error {
        /// Its name.
        name: Name,
        /// The declarations of that name among what is guarded; empty where it cannot be raised
        /// (F0117, reported by `resolve` where no name fits).
        decls: Vec<ErrorId>,
        /// One per field of the payload, none for `_`; empty where no parentheses were written.
        binders: Vec<Option<LocalId>>,
    },
}

/// `else …`.
#[derive(Clone, Debug)]
pub struct Else {
    /// What is done then.
    pub remedy: Block,
    /// All of it.
    pub span: Span,
}

/// `on event E(x) where c keep => …`.
#[derive(Clone, Debug)]
pub struct Interrupt {
    /// Which, and of what.
    pub wait: EventWait,
    /// One per field of the event's payload as far as named, none for `_`.
    pub binders: Vec<Option<LocalId>>,
    /// Whether what the body did is kept.
    pub keep: bool,
    /// What is done then.
    pub remedy: Block,
    /// All of it.
    pub span: Span,
}

/// An event waited for.
#[derive(Clone, Debug)]
pub struct EventWait {
    /// Which; none where it is unknown.
    pub event: Option<EventId>,
    /// The name as written.
    pub name: Name,
    /// Stands for the payload in `condition`; hidden.
    pub event_local: LocalId,
    /// All of `where`; the event's fields are members of `event_local`.
    pub condition: ExprId,
    /// The value that the event's key must equal: the right side of the conjunct `key == e`.
    /// None where no conjunct says it (F0703).
    pub key: Option<ExprId>,
    /// The other conjuncts.
    pub rest: Vec<ExprId>,
    /// Only an event that arrives after the wait began.
    pub fresh: bool,
    /// All of it.
    pub span: Span,
}
