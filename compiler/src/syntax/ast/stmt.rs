//! Statements of workflows. Their clauses are in `clause`.

use super::*;

/// Statements in order.
#[derive(Clone, Debug, PartialEq)]
pub struct Block {
    /// In order.
    pub stmts: Vec<Stmt>,
    /// `false` where a single statement stands without braces, as in `=> fail E` or `else if`.
    pub braced: bool,
    /// With the braces.
    pub span: Span,
}

/// A statement.
#[derive(Clone, Debug, PartialEq)]
pub struct Stmt {
    /// Docs and allows in front of it.
    pub lead: Lead,
    /// What it is.
    pub kind: StmtKind,
    /// All of it, without its lead.
    pub span: Span,
}

/// The forms of statements.
#[derive(Clone, Debug, PartialEq)]
pub enum StmtKind {
    /// `step x = A.b(…)`
    Step(Step),
    /// `pivot x = A.b(…)`
    Pivot(Step),
    /// `await x = Review(…)`, `await event E where …`
    Await(Await),
    /// `await first { … }`
    AwaitFirst(AwaitFirst),
    /// `parallel { … }`
    Parallel(Parallel),
    /// `parallel each x in xs max 8 { … }`
    ParallelEach(ParallelEach),
    /// `each x in xs { … }`
    Each(Each),
    /// `repeat … { … }`
    Repeat(Repeat),
    /// `again (x: e)`
    Again(Again),
    /// `transaction D { … }`
    Transaction(Transaction),
    /// `savepoint s { … }`
    Savepoint(Savepoint),
    /// `scope s { … }`
    Scope(Scope),
    /// `lock R(k) ttl d { … }`
    Lock(Lock),
    /// `if c { … }`
    If(If),
    /// `match e { … }`
    Match(Match),
    /// `emit E(…)`
    Emit(Emit),
    /// `start W(…)`
    Start(Start),
    /// `reply e`
    Reply(Expr),
    /// `review "…"`
    Review(Text),
    /// `progress "…" at e`
    Progress(Progress),
    /// `reject e as "…"`
    Reject(Reject),
    /// `sleep d`
    Sleep(Sleep),
    /// `fail E(…)`
    Fail(Fail),
    /// `return e`
    Return(Option<Expr>),
    /// `give e`
    Give(Expr),
    /// `use e`; only as the remedy of a failure or the end of its block
    Use(Expr),
    /// `manual "…"`
    Manual(Text),
    /// `skip`
    Skip,
    /// `pass`
    Pass,
    /// `x = e`
    Let(Let),
}

/// A step or a pivot.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// A name for its result.
    pub binding: Option<Name>,
    /// What it does outside.
    pub call: EffectCall,
    /// In order.
    pub clauses: Vec<Clause>,
}

/// Something called with an effect.
#[derive(Clone, Debug, PartialEq)]
pub enum EffectCall {
    /// `run W(…)`
    Run(RunCall),
    /// `A.b(…)`
    Action(ActionCall),
    /// `cancel(…)`: a sibling action; only in `compensate` and `probe`, meant for contracts.
    Local(LocalCall),
}

/// `run W(…)`.
#[derive(Clone, Debug, PartialEq)]
pub struct RunCall {
    /// The workflow.
    pub workflow: Name,
    /// With what.
    pub args: Args,
    /// All of it.
    pub span: Span,
}

/// `A.b(…)`.
#[derive(Clone, Debug, PartialEq)]
pub struct ActionCall {
    /// The service or database.
    pub service: Name,
    /// The action; any word.
    pub action: Name,
    /// With what.
    pub args: Args,
    /// All of it.
    pub span: Span,
}

/// `cancel(…)`: a sibling action.
#[derive(Clone, Debug, PartialEq)]
pub struct LocalCall {
    /// The action; any word.
    pub action: Name,
    /// With what.
    pub args: Args,
    /// All of it.
    pub span: Span,
}

/// A wait for a person or an event.
#[derive(Clone, Debug, PartialEq)]
pub struct Await {
    /// A name for the answer.
    pub binding: Option<Name>,
    /// What for.
    pub awaited: Awaited,
    /// In order.
    pub clauses: Vec<Clause>,
}

/// What is waited for.
#[derive(Clone, Debug, PartialEq)]
pub enum Awaited {
    /// `event E where c fresh`
    Event {
        /// Which event.
        event: Name,
        /// Which of them.
        condition: Expr,
        /// Only one that arrives after the wait began.
        fresh: bool,
        /// All of it.
        span: Span,
    },
    /// `ReviewOrder(…)`
    Task {
        /// The human task.
        task: Name,
        /// With what.
        args: Args,
        /// All of it.
        span: Span,
    },
}

/// `await first { … }`.
#[derive(Clone, Debug, PartialEq)]
pub struct AwaitFirst {
    /// At least one.
    pub arms: Vec<AwaitArm>,
}

/// `x = event E where c => …` in `await first`.
#[derive(Clone, Debug, PartialEq)]
pub struct AwaitArm {
    /// A name for what came.
    pub binding: Option<Name>,
    /// What it waits for.
    pub wait: AwaitWait,
    /// What follows.
    pub body: Block,
    /// All of it.
    pub span: Span,
}

/// What one arm of `await first` waits for.
#[derive(Clone, Debug, PartialEq)]
pub enum AwaitWait {
    /// A time.
    Sleep(Sleep),
    /// An event or a person.
    Awaited(Awaited),
}

/// `parallel first 1 max 3 { … }`: each statement is a branch.
#[derive(Clone, Debug, PartialEq)]
pub struct Parallel {
    /// A name for its value.
    pub binding: Option<Name>,
    /// So many branches win.
    pub first: Option<Count>,
    /// So many at once.
    pub max: Option<Count>,
    /// The branches.
    pub body: Block,
    /// In order.
    pub clauses: Vec<Clause>,
}

/// `xs = parallel each x in ys first 1 max 8 settle { … }`.
#[derive(Clone, Debug, PartialEq)]
pub struct ParallelEach {
    /// A name for the list of values.
    pub binding: Option<Name>,
    /// Names for the element.
    pub pattern: EachPat,
    /// Over what.
    pub items: Expr,
    /// So many branches win.
    pub first: Option<Count>,
    /// So many at once.
    pub max: Option<Count>,
    /// Whether failures become outcomes.
    pub settle: bool,
    /// What is done for each.
    pub body: Block,
    /// In order.
    pub clauses: Vec<Clause>,
}

/// `xs = each x in ys { … }`.
#[derive(Clone, Debug, PartialEq)]
pub struct Each {
    /// A name for the list of values.
    pub binding: Option<Name>,
    /// Names for the element.
    pub pattern: EachPat,
    /// Over what.
    pub items: Expr,
    /// As written.
    pub max: Option<Count>,
    /// Whether failures become outcomes.
    pub settle: bool,
    /// What is done for each.
    pub body: Block,
}

/// `x` or `(key, value)`.
#[derive(Clone, Debug, PartialEq)]
pub struct EachPat {
    /// At least one.
    pub names: Vec<Name>,
    /// With the parentheses.
    pub span: Span,
}

/// `x = repeat (n = 0) up to 30 times { … } until c else …`.
#[derive(Clone, Debug, PartialEq)]
pub struct Repeat {
    /// A name for its value.
    pub binding: Option<Name>,
    /// Values of its own.
    pub vars: Vec<LoopVar>,
    /// `up to n times`; `forever` where nothing.
    pub up_to: Option<Count>,
    /// One turn.
    pub body: Block,
    /// When it ends.
    pub until: Option<Expr>,
    /// What follows when it runs out.
    pub otherwise: Option<Block>,
}

/// `cursor: text? = none`.
#[derive(Clone, Debug, PartialEq)]
pub struct LoopVar {
    /// Its name.
    pub name: Name,
    /// Its type, where written.
    pub ty: Option<Ty>,
    /// Its first value.
    pub value: Expr,
    /// All of it.
    pub span: Span,
}

/// `again (x: e)`.
#[derive(Clone, Debug, PartialEq)]
pub struct Again {
    /// Left out where no parentheses were written.
    pub args: Option<Args>,
}

/// `transaction D isolation serializable retry 5 times { … } …`.
#[derive(Clone, Debug, PartialEq)]
pub struct Transaction {
    /// The database.
    pub database: Name,
    /// Its isolation level.
    pub isolation: Option<Name>,
    /// The `retry` before the block.
    pub retry: Option<Retry>,
    /// What runs inside.
    pub body: Block,
    /// After the block, in order.
    pub clauses: Vec<Clause>,
}

/// `savepoint s { … } on E => …`.
#[derive(Clone, Debug, PartialEq)]
pub struct Savepoint {
    /// Its name.
    pub name: Name,
    /// What runs inside.
    pub body: Block,
    /// In order.
    pub handlers: Vec<Handler>,
}

/// `scope s fails E { … } …`.
#[derive(Clone, Debug, PartialEq)]
pub struct Scope {
    /// Its name.
    pub name: Name,
    /// Errors of its own.
    pub fails: Option<Fails>,
    /// What runs inside.
    pub body: Block,
    /// In order; interrupts among them.
    pub clauses: Vec<Clause>,
}

/// `lock R(k) ttl d within d { … } …`.
#[derive(Clone, Debug, PartialEq)]
pub struct Lock {
    /// At least one.
    pub targets: Vec<LockTarget>,
    /// How long the lease lasts.
    pub ttl: DurationMs,
    /// How long to wait for it.
    pub within: Option<Within>,
    /// What runs inside.
    pub body: Block,
    /// Handlers and `else`, in order.
    pub clauses: Vec<Clause>,
}

/// `R(k)`.
#[derive(Clone, Debug, PartialEq)]
pub struct LockTarget {
    /// Which kind.
    pub resource: Name,
    /// Which one.
    pub key: Expr,
    /// All of it.
    pub span: Span,
}

/// `if c { … } else { … }`.
#[derive(Clone, Debug, PartialEq)]
pub struct If {
    /// The condition.
    pub condition: Expr,
    /// Where it holds.
    pub then: Block,
    /// Where not; for `else if` an unbraced block with another `If`.
    pub otherwise: Option<Block>,
}

/// `match e { p => … }`.
#[derive(Clone, Debug, PartialEq)]
pub struct Match {
    /// What is looked at.
    pub subject: Expr,
    /// At least one.
    pub arms: Vec<StmtArm>,
}

/// `p => …` in a match statement.
#[derive(Clone, Debug, PartialEq)]
pub struct StmtArm {
    /// What must fit.
    pub pattern: Pattern,
    /// What is done then.
    pub body: Block,
    /// All of it.
    pub span: Span,
}
