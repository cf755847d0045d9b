//! Test blocks.

use super::*;

/// `test "…" { … }`.
#[derive(Clone, Debug)]
pub struct Test {
    /// Module it is written in.
    pub module: SmolStr,
    /// Its sentence.
    pub name: Spanned<String>,
    /// Names bound in it.
    pub locals: Vec<LocalId>,
    /// In order.
    pub stmts: Vec<TestStmt>,
    /// All of it.
    pub span: Span,
}

/// A statement of a test.
#[derive(Clone, Debug)]
pub enum TestStmt {
    /// `given …`
    Given(GivenStmt),
    /// `deliver E(…) after d`
    Deliver {
        /// Which; none where it is unknown.
        event: Option<EventId>,
        /// By field.
        args: Args,
        /// After how long.
        after: Option<DurationMs>,
        /// All of it.
        span: Span,
    },
    /// `r = run W(…)`
    Run {
        /// A name for its result.
        bind: Option<LocalId>,
        /// Which; none where it is unknown.
        workflow: Option<WorkflowId>,
        /// By parameter.
        args: Args,
        /// All of it.
        span: Span,
    },
    /// `every failure of W(…)`
    EveryFailure {
        /// Which; none where it is unknown.
        workflow: Option<WorkflowId>,
        /// By parameter.
        args: Args,
        /// All of it.
        span: Span,
    },
    /// `expect …`
    Expect(Expect, Span),
    /// `x = e`
    Let(LocalId, ExprId, Span),
}

/// `given Payments.authorize => fail Declined("no funds") after 2s for 3 calls`.
#[derive(Clone, Debug)]
pub struct GivenStmt {
    /// Which call.
    pub target: GivenTarget,
    /// What it answers.
    pub answer: GivenAnswer,
    /// After how long.
    pub after: Option<DurationMs>,
    /// For so many attempts.
    pub calls: Option<Count>,
    /// All of it.
    pub span: Span,
}

/// What a `given` speaks of.
#[derive(Clone, Debug)]
pub enum GivenTarget {
    /// Reported already.
    Error,
    /// An action, possibly only with these arguments; values left out match anything.
    Action(ActionId, Option<Args>),
    /// A human task.
    Human(HumanId),
    /// A wait for this event.
    Event(EventId),
}

/// What a given call answers.
#[derive(Clone, Debug)]
pub enum GivenAnswer {
    /// `fail E(…)`; none where the error is unknown.
    Fail(Option<ErrorId>, Args),
    /// `refused`
    Refused,
    /// `unknown`
    Unknown,
    /// `timeout`
    Timeout,
    /// A value.
    Value(ExprId),
}

/// What a test expects.
#[derive(Clone, Debug)]
pub enum Expect {
    /// `completed`
    Completed,
    /// `failed E`
    Failed(Name),
    /// `settled`
    Settled,
    /// `calls A.b, C.d`; none where it is unknown.
    Calls(Vec<Option<ActionId>>),
    /// `never A.b …`
    Never {
        /// The call; none where it is unknown.
        call: Option<ActionId>,
        /// Under which condition.
        when: NeverWhen,
    },
    /// A condition, and the local `result` where it reads that.
    Value(ExprId, Option<LocalId>),
}

/// The tail of `expect never`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NeverWhen {
    /// Nothing was written.
    Ever,
    /// `twice`
    Twice,
    /// `after A.b`; none where it is unknown.
    After(Option<ActionId>),
    /// `unless e`, and `result` where the condition reads it
    Unless(ExprId, Option<LocalId>),
}
