//! Statements other than steps: the tree a run walks.

use super::*;

/// Statements in order.
#[derive(Clone, Debug)]
pub struct Block {
    /// In order.
    pub stmts: Vec<Stmt>,
    /// With the braces, where there are some.
    pub span: Span,
}

/// A statement.
#[derive(Clone, Debug)]
pub struct Stmt {
    /// What it is.
    pub kind: StmtKind,
    /// All of it.
    pub span: Span,
}

/// Kinds of statement.
#[derive(Clone, Debug)]
pub enum StmtKind {
    /// `x = e`
    Let(LocalId, ExprId),
    /// `step`, `pivot`
    Step(Box<Step>),
    /// `await`
    Await(Box<Await>),
    /// `await first`
    AwaitFirst(Box<AwaitFirst>),
    /// `sleep`
    Sleep(Point, Sleep),
    /// `parallel { … }`
    Parallel(Box<Parallel>),
    /// `parallel each`
    ParallelEach(Box<ParallelEach>),
    /// `each`
    Each(Box<Each>),
    /// `repeat`
    Repeat(Box<Repeat>),
    /// `again (x: e)`: which loop value, and its next value; those not named keep theirs.
    Again(Vec<(LocalId, ExprId)>),
    /// `transaction`
    Transaction(Box<Transaction>),
    /// `savepoint`
    Savepoint(Box<Savepoint>),
    /// `scope`
    Scope(Box<Scope>),
    /// `lock`
    Lock(Box<Lock>),
    /// `if`
    If(Box<If>),
    /// `match`
    Match(Box<Match>),
    /// `emit E(…)`
    Emit {
        /// Which; none where it is unknown.
        event: Option<EventId>,
        /// By field.
        args: Args,
    },
    /// `start W(…) at t`
    Start {
        /// Which; none where it is unknown.
        workflow: Option<WorkflowId>,
        /// By parameter.
        args: Args,
        /// When.
        at: Option<ExprId>,
    },
    /// `reply e`
    Reply(ExprId),
    /// `review "…"`; an expression of kind text.
    Review(ExprId),
    /// `progress "…" at e`
    Progress(ExprId, Option<ExprId>),
    /// `reject e as "…"`
    Reject(ExprId, ExprId),
    /// `manual "…"`, as a statement or as the remedy of a failure.
    Manual(Point, ExprId),
    /// `fail E(…)`
    Fail(Fail),
    /// `return e`
    Return(Option<ExprId>),
    /// `give e`: belongs to the innermost `each`, `parallel each` or `repeat`.
    Give(ExprId),
    /// `use e`: belongs to the step, loop or fallback whose remedy or block this ends.
    Use(ExprId),
    /// `skip`
    Skip,
    /// `pass`
    Pass,
}

/// `fail E(…)`.
#[derive(Clone, Debug)]
pub struct Fail {
    /// The error's name.
    pub name: Name,
    /// Which it is.
    pub error: FailTarget,
    /// Its payload, by field.
    pub args: Args,
    /// All of it.
    pub span: Span,
}

/// What a `fail` names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailTarget {
    /// Reported already.
    Error,
    /// In the `fails` of the workflow or of an enclosing scope.
    Declared(ErrorId),
    /// Declared elsewhere (by an action, say): F0104, unless a `settle` is around it.
    Elsewhere(ErrorId),
}

/// `sleep`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sleep {
    /// `sleep 5s`; any expression of a duration.
    For(ExprId),
    /// `sleep until t`
    Until(ExprId),
}

/// `await x = …`.
#[derive(Clone, Debug)]
pub struct Await {
    /// Its point.
    pub point: Point,
    /// Binds the answer or the payload.
    pub bind: Option<LocalId>,
    /// What for.
    pub awaited: Awaited,
    /// `within e` or `until e`
    pub bound: Option<WaitBound>,
    /// `remind every 2d`
    pub remind: Option<Clause<i64>>,
    /// `escalate after 5d to e`
    pub escalate: Option<Escalate>,
    /// `on timeout`, `else`
    pub handlers: Handlers,
    /// All of it.
    pub span: Span,
}

/// What is waited for.
#[derive(Clone, Debug)]
pub enum Awaited {
    /// An event.
    Event(EventWait),
    /// A human task.
    Task {
        /// Which; none where it is unknown.
        human: Option<HumanId>,
        /// By parameter.
        args: Args,
        /// All of it.
        span: Span,
    },
}

/// How long a wait may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaitBound {
    /// A duration for `within`, an instant for `until`.
    pub value: ExprId,
    /// `within` a literal: in milliseconds.
    pub fixed_ms: Option<i64>,
    /// Whether it is `until`.
    pub until: bool,
    /// All of the clause.
    pub span: Span,
}

/// `escalate after 5d to e`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Escalate {
    /// When, in milliseconds.
    pub after_ms: i64,
    /// To whom.
    pub to: ExprId,
    /// All of it.
    pub span: Span,
}

/// `await first { … }`.
#[derive(Clone, Debug)]
pub struct AwaitFirst {
    /// Its point.
    pub point: Point,
    /// At least one.
    pub arms: Vec<AwaitArm>,
    /// Names that several arms bind.
    pub joins: Vec<Join>,
    /// All of it.
    pub span: Span,
}

/// An arm of `await first`.
#[derive(Clone, Debug)]
pub struct AwaitArm {
    /// Binds what came.
    pub bind: Option<LocalId>,
    /// What it waits for.
    pub wait: ArmWait,
    /// Where that stands.
    pub wait_span: Span,
    /// What follows.
    pub body: Block,
    /// All of it.
    pub span: Span,
}

/// What an arm waits for.
#[derive(Clone, Debug)]
pub enum ArmWait {
    /// A time.
    Sleep(Sleep),
    /// An event or a person.
    Awaited(Awaited),
}

/// `parallel { … }`: each statement is a branch.
#[derive(Clone, Debug)]
pub struct Parallel {
    /// Its point; its path adds nothing to those inside.
    pub point: Point,
    /// A name for its value (with `first`).
    pub bind: Option<LocalId>,
    /// So many branches win.
    pub first: Option<Count>,
    /// So many at once.
    pub max: Option<Count>,
    /// One statement per branch.
    pub branches: Vec<Stmt>,
    /// Where the branches stand, with the braces.
    pub body_span: Span,
    /// What the block's clauses say.
    pub guard: Guard,
    /// All of it.
    pub span: Span,
}

/// What the clauses after a block say. Those that mean nothing there were reported (F0006).
#[derive(Clone, Debug, Default)]
pub struct Guard {
    /// `retry` (scope, transaction)
    pub retry: Option<RetrySpec>,
    /// `deadline`
    pub deadline: Option<Clause<i64>>,
    /// `fallback` (scope, parallel)
    pub fallback: Option<Fallback>,
    /// `on event …` (scope)
    pub interrupts: Vec<Interrupt>,
    /// `on …`, `else …`
    pub handlers: Handlers,
}

impl Guard {
    /// Whether no clause was written.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.retry.is_none()
            && self.deadline.is_none()
            && self.fallback.is_none()
            && self.interrupts.is_empty()
            && self.handlers.is_empty()
    }
}

/// `xs = parallel each x in ys max 8 settle { … }`.
#[derive(Clone, Debug)]
pub struct ParallelEach {
    /// Its point; its body's paths begin with `<path>[]`.
    pub point: Point,
    /// Binds the list of what was given.
    pub bind: Option<LocalId>,
    /// One name, or key and value.
    pub pattern: Vec<LocalId>,
    /// Over what.
    pub over: ExprId,
    /// So many turns win.
    pub first: Option<Count>,
    /// So many at once.
    pub max: Option<Count>,
    /// Failures become outcomes.
    pub settle: bool,
    /// A turn.
    pub body: Block,
    /// What the block's clauses say.
    pub guard: Guard,
    /// All of it.
    pub span: Span,
}

/// `xs = each x in ys { … }`.
#[derive(Clone, Debug)]
pub struct Each {
    /// Its point; its body's paths begin with `<path>[]`.
    pub point: Point,
    /// Binds the list of what was given.
    pub bind: Option<LocalId>,
    /// One name, or key and value.
    pub pattern: Vec<LocalId>,
    /// Over what.
    pub over: ExprId,
    /// At most so many items.
    pub max: Option<Count>,
    /// Failures become outcomes.
    pub settle: bool,
    /// A turn.
    pub body: Block,
    /// All of it.
    pub span: Span,
}

/// `x = repeat (n = 0) up to 30 times { … } until c else …`.
#[derive(Clone, Debug)]
pub struct Repeat {
    /// Its point; its body's paths begin with `<path>[]`.
    pub point: Point,
    /// Binds its value.
    pub bind: Option<LocalId>,
    /// Its values with their first ones.
    pub vars: Vec<(LocalId, ExprId)>,
    /// `up to n times`; none: `forever`.
    pub up_to: Option<Count>,
    /// A turn.
    pub body: Block,
    /// Ends the loop after a turn; sees the turn's names.
    pub until: Option<ExprId>,
    /// Runs when the turns run out; stands outside the loop.
    pub otherwise: Option<Block>,
    /// All of it.
    pub span: Span,
}

/// `transaction D { … }`.
#[derive(Clone, Debug)]
pub struct Transaction {
    /// Its point: the path of its first step.
    pub point: Point,
    /// Which database; none where it is unknown.
    pub database: Option<DatabaseId>,
    /// The name as written.
    pub name: Name,
    /// Isolation level.
    pub isolation: Option<Name>,
    /// What runs inside.
    pub body: Block,
    /// `retry` (before or after the block), `deadline`, `on`, `else`
    pub guard: Guard,
    /// `compensate`; a transaction inherits none.
    pub compensate: Option<Compensate>,
    /// All of it.
    pub span: Span,
}

/// `savepoint s { … }`.
#[derive(Clone, Debug)]
pub struct Savepoint {
    /// Its name.
    pub name: Name,
    /// What runs inside.
    pub body: Block,
    /// `on …`
    pub handlers: Handlers,
    /// All of it.
    pub span: Span,
}

/// `scope s fails E { … }`.
#[derive(Clone, Debug)]
pub struct Scope {
    /// Its point; its body's paths begin with `<path>/`.
    pub point: Point,
    /// Its name.
    pub name: Name,
    /// Errors of its own.
    pub fails: Vec<ErrorId>,
    /// What runs inside.
    pub body: Block,
    /// What the block's clauses say.
    pub guard: Guard,
    /// All of it.
    pub span: Span,
}

/// `lock R(k) ttl d { … }`.
#[derive(Clone, Debug)]
pub struct Lock {
    /// Its point; its path adds nothing to those inside.
    pub point: Point,
    /// At least one.
    pub targets: Vec<LockTarget>,
    /// How long the lease lasts.
    pub ttl: DurationMs,
    /// How long to wait for it.
    pub within: Option<Clause<i64>>,
    /// What runs inside.
    pub body: Block,
    /// `on …`, `else …`
    pub handlers: Handlers,
    /// All of it.
    pub span: Span,
}

/// `R(k)`.
#[derive(Clone, Debug)]
pub struct LockTarget {
    /// Which kind; none where it is unknown.
    pub resource: Option<ResourceId>,
    /// Which one.
    pub key: ExprId,
    /// All of it.
    pub span: Span,
}

/// `if c { … } else { … }`.
#[derive(Clone, Debug)]
pub struct If {
    /// The condition.
    pub condition: ExprId,
    /// Where it holds.
    pub then: Block,
    /// Where not.
    pub otherwise: Option<Block>,
    /// Names that both bind.
    pub joins: Vec<Join>,
}

/// `match e { p => … }`.
#[derive(Clone, Debug)]
pub struct Match {
    /// What is looked at.
    pub subject: ExprId,
    /// At least one.
    pub arms: Vec<MatchArm>,
    /// Names that several arms bind.
    pub joins: Vec<Join>,
}

/// An arm of `match`.
#[derive(Clone, Debug)]
pub struct MatchArm {
    /// What must fit.
    pub pattern: PatternId,
    /// What is done then.
    pub body: Block,
    /// All of it.
    pub span: Span,
}
