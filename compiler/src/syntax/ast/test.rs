//! Test blocks.

use super::*;

/// `test "…" { … }`.
#[derive(Clone, Debug, PartialEq)]
pub struct TestDecl {
    /// Docs and allows.
    pub lead: Lead,
    /// What it claims.
    pub name: Plain,
    /// In order.
    pub stmts: Vec<TestStmt>,
    /// All of it.
    pub span: Span,
}

/// A statement of a test.
#[derive(Clone, Debug, PartialEq)]
pub enum TestStmt {
    /// `given …`
    Given(Given),
    /// `deliver …`
    Deliver(Deliver),
    /// `run …`
    Run(RunStmt),
    /// `every failure of …`
    Every(EveryStmt),
    /// `expect …`
    Expect(Expect),
    /// `a = e`
    Let(Let),
}

/// `given Payments.authorize => fail Declined("no funds") after 2s for 3 calls`.
#[derive(Clone, Debug, PartialEq)]
pub struct Given {
    /// Which call.
    pub target: GivenTarget,
    /// What it answers.
    pub answer: GivenAnswer,
    /// After how long.
    pub after: Option<DurationMs>,
    /// `for n calls`
    pub calls: Option<Count>,
    /// All of it.
    pub span: Span,
}

/// What a `given` speaks of.
#[derive(Clone, Debug, PartialEq)]
pub enum GivenTarget {
    /// An action, possibly only with these arguments.
    Call {
        /// The action.
        call: CallRef,
        /// Its arguments.
        args: Option<Args>,
    },
    /// A human task or an event.
    Name(Name),
}

/// What the given call answers.
#[derive(Clone, Debug, PartialEq)]
pub enum GivenAnswer {
    /// `fail E`
    Fail(Fail),
    /// `refused`
    Refused(Span),
    /// `unknown`
    Unknown(Span),
    /// `timeout`
    Timeout(Span),
    /// A value.
    Value(Expr),
}

/// `deliver Click(…) after 2s`.
#[derive(Clone, Debug, PartialEq)]
pub struct Deliver {
    /// Which event.
    pub event: Name,
    /// Its fields.
    pub args: Args,
    /// After how long.
    pub after: Option<DurationMs>,
    /// All of it.
    pub span: Span,
}

/// `r = run FulfilOrder(sample("order"))`.
#[derive(Clone, Debug, PartialEq)]
pub struct RunStmt {
    /// A name for its result.
    pub binding: Option<Name>,
    /// Which workflow.
    pub workflow: Name,
    /// With what.
    pub args: Args,
    /// All of it.
    pub span: Span,
}

/// `every failure of FulfilOrder(sample("order"))`.
#[derive(Clone, Debug, PartialEq)]
pub struct EveryStmt {
    /// Which workflow.
    pub workflow: Name,
    /// With what.
    pub args: Args,
    /// All of it.
    pub span: Span,
}

/// `expect …`.
#[derive(Clone, Debug, PartialEq)]
pub struct Expect {
    /// What.
    pub kind: ExpectKind,
    /// All of it.
    pub span: Span,
}

/// What a test expects.
#[derive(Clone, Debug, PartialEq)]
pub enum ExpectKind {
    /// `completed`
    Completed,
    /// `failed E`
    Failed(Name),
    /// `settled`
    Settled,
    /// `calls A.b, C.d`
    Calls(Vec<CallRef>),
    /// `never A.b …`
    Never {
        /// The call.
        call: CallRef,
        /// Under which condition.
        when: NeverWhen,
    },
    /// A condition.
    Value(Expr),
}

/// The tail of `expect never`.
#[derive(Clone, Debug, PartialEq)]
pub enum NeverWhen {
    /// Nothing was written.
    Ever,
    /// `twice`
    Twice,
    /// `after A.b`
    After(CallRef),
    /// `unless e`
    Unless(Expr),
}

/// `Payments.capture`, not called.
#[derive(Clone, Debug, PartialEq)]
pub struct CallRef {
    /// The service or database.
    pub service: Name,
    /// The action; any word.
    pub action: Name,
    /// All of it.
    pub span: Span,
}
