//! Clauses of statements, and the short statements that end a line.

use super::*;

/// A clause of a statement; which may stand where is the grammar's matter first, then F0006.
#[derive(Clone, Debug, PartialEq)]
pub enum Clause {
    /// `retry 3 times`
    Retry(Retry),
    /// `within 2s`
    Within(Within),
    /// `until t`
    Until(Until),
    /// `deadline 6h`
    Deadline(Deadline),
    /// `heartbeat 30s`
    Heartbeat(Heartbeat),
    /// `idempotent by e`
    Idempotent(Idempotent),
    /// `probe …`
    Probe(Probe),
    /// `compensate …`
    Compensate(Compensate),
    /// `fallback …`
    Fallback(Fallback),
    /// `remind every 2d`
    Remind(Remind),
    /// `escalate after 5d to e`
    Escalate(Escalate),
    /// `on E => …`
    Handler(Handler),
    /// `on event E where c => …`
    Interrupt(Interrupt),
    /// `else …`
    Else(ElseClause),
}

impl Clause {
    /// All of the clause.
    #[must_use]
    pub fn span(&self) -> Span {
        match self {
            Self::Retry(x) => x.span,
            Self::Within(x) => x.span,
            Self::Until(x) => x.span,
            Self::Deadline(x) => x.span,
            Self::Heartbeat(x) => x.span,
            Self::Idempotent(x) => x.span,
            Self::Probe(x) => x.span,
            Self::Compensate(x) => x.span,
            Self::Fallback(x) => x.span,
            Self::Remind(x) => x.span,
            Self::Escalate(x) => x.span,
            Self::Handler(x) => x.span,
            Self::Interrupt(x) => x.span,
            Self::Else(x) => x.span,
        }
    }
}

/// `retry …`.
#[derive(Clone, Debug, PartialEq)]
pub struct Retry {
    /// How.
    pub spec: RetrySpec,
    /// All of it.
    pub span: Span,
}

/// `3 times, backoff 1s..30s jitter on Busy`.
#[derive(Clone, Debug, PartialEq)]
pub struct RetrySpec {
    /// How often.
    pub times: RetryTimes,
    /// How far apart.
    pub backoff: Option<Backoff>,
    /// Only for these errors; empty where not written.
    pub on: Vec<Name>,
    /// All of it.
    pub span: Span,
}

/// How often a step is tried.
#[derive(Clone, Debug, PartialEq)]
pub enum RetryTimes {
    /// `forever`
    Forever(Span),
    /// `3 times`
    Times(Count),
    /// The name of a policy.
    Policy(Name),
}

/// `backoff 1s..30s jitter`.
#[derive(Clone, Debug, PartialEq)]
pub struct Backoff {
    /// The first delay.
    pub base: DurationMs,
    /// The longest delay.
    pub max: Option<DurationMs>,
    /// Whether it varies.
    pub jitter: bool,
    /// All of it.
    pub span: Span,
}

/// `within 2s`.
#[derive(Clone, Debug, PartialEq)]
pub struct Within {
    /// How long.
    pub bound: Bound,
    /// All of it.
    pub span: Span,
}

/// A length of time, written out or computed.
#[derive(Clone, Debug, PartialEq)]
pub enum Bound {
    /// `2s`
    Fixed(DurationMs),
    /// Any other expression; only in waits and sleeps.
    Computed(Expr),
}

/// `until t` of a wait.
#[derive(Clone, Debug, PartialEq)]
pub struct Until {
    /// The instant.
    pub time: Expr,
    /// All of it.
    pub span: Span,
}

/// `deadline 6h`.
#[derive(Clone, Debug, PartialEq)]
pub struct Deadline {
    /// How long.
    pub duration: DurationMs,
    /// All of it.
    pub span: Span,
}

/// `heartbeat 30s`.
#[derive(Clone, Debug, PartialEq)]
pub struct Heartbeat {
    /// How often.
    pub duration: DurationMs,
    /// All of it.
    pub span: Span,
}

/// `idempotent by e, e for 24h`.
#[derive(Clone, Debug, PartialEq)]
pub struct Idempotent {
    /// The key; empty where not written.
    pub by: Vec<Expr>,
    /// How long the key is remembered.
    pub lifetime: Option<DurationMs>,
    /// All of it.
    pub span: Span,
}

/// `compensate …`.
#[derive(Clone, Debug, PartialEq)]
pub struct Compensate {
    /// How.
    pub undo: Undo,
    /// All of it.
    pub span: Span,
}

/// How something is undone.
#[derive(Clone, Debug, PartialEq)]
pub enum Undo {
    /// `none because "…"`
    Waived(Plain),
    /// `{ … }`
    Block(Block),
    /// A call without clauses.
    Call(EffectCall),
}

/// `probe A.b(…)`: asks what became of an attempt; never a `run`.
#[derive(Clone, Debug, PartialEq)]
pub struct Probe {
    /// The question.
    pub call: EffectCall,
    /// All of it.
    pub span: Span,
}

/// `fallback …`.
#[derive(Clone, Debug, PartialEq)]
pub struct Fallback {
    /// What is done instead.
    pub body: FallbackBody,
    /// All of it.
    pub span: Span,
}

/// What a fallback does.
#[derive(Clone, Debug, PartialEq)]
pub enum FallbackBody {
    /// `{ … }`
    Block(Block),
    /// A call without clauses; never local.
    Call(EffectCall),
}

/// `remind every 2d`.
#[derive(Clone, Debug, PartialEq)]
pub struct Remind {
    /// How often.
    pub every: DurationMs,
    /// All of it.
    pub span: Span,
}

/// `escalate after 5d to e`.
#[derive(Clone, Debug, PartialEq)]
pub struct Escalate {
    /// When.
    pub after: DurationMs,
    /// To whom.
    pub to: Expr,
    /// All of it.
    pub span: Span,
}

/// `on E(x) => …`.
#[derive(Clone, Debug, PartialEq)]
pub struct Handler {
    /// Which failure.
    pub pattern: FailurePattern,
    /// What is done then.
    pub remedy: Block,
    /// All of it.
    pub span: Span,
}

/// Which failure a handler takes.
#[derive(Clone, Debug, PartialEq)]
pub enum FailurePattern {
    /// `timeout`
    Timeout(Span),
    /// `unknown`
    Unknown(Span),
    /// `refused`
    Refused(Span),
    /// `Declined(reason)`
    Error {
        /// Which error.
        name: Name,
        /// Names for its payload; empty where no parentheses were written.
        binders: Vec<Binder>,
        /// All of it.
        span: Span,
    },
}

/// `on event E(x) where c keep => …`: stops the body of a scope.
#[derive(Clone, Debug, PartialEq)]
pub struct Interrupt {
    /// Which event.
    pub event: Name,
    /// Names for its fields.
    pub binders: Vec<Binder>,
    /// Which of them.
    pub condition: Expr,
    /// Whether what the body did is kept.
    pub keep: bool,
    /// What is done then.
    pub remedy: Block,
    /// All of it.
    pub span: Span,
}

/// `else …` after a step, a wait or a block.
#[derive(Clone, Debug, PartialEq)]
pub struct ElseClause {
    /// What is done then.
    pub remedy: Block,
    /// All of it.
    pub span: Span,
}

/// `emit E(…)`.
#[derive(Clone, Debug, PartialEq)]
pub struct Emit {
    /// Which event.
    pub event: Name,
    /// Its fields.
    pub args: Args,
}

/// `start W(…) at t`.
#[derive(Clone, Debug, PartialEq)]
pub struct Start {
    /// Which workflow.
    pub workflow: Name,
    /// With what.
    pub args: Args,
    /// When.
    pub at: Option<Expr>,
}

/// `progress "…" at e`.
#[derive(Clone, Debug, PartialEq)]
pub struct Progress {
    /// The text.
    pub text: Text,
    /// How far.
    pub at: Option<Expr>,
}

/// `reject e as "…"`.
#[derive(Clone, Debug, PartialEq)]
pub struct Reject {
    /// What is set aside.
    pub value: Expr,
    /// Why.
    pub reason: Text,
}

/// `sleep …`.
#[derive(Clone, Debug, PartialEq)]
pub enum Sleep {
    /// `sleep until t`
    Until(Expr),
    /// `sleep 5s`
    For(Bound),
}

/// `fail E(…)`.
#[derive(Clone, Debug, PartialEq)]
pub struct Fail {
    /// Which error.
    pub error: Name,
    /// Its payload; left out where no parentheses were written.
    pub args: Option<Args>,
    /// All of it.
    pub span: Span,
}

/// `x = e`.
#[derive(Clone, Debug, PartialEq)]
pub struct Let {
    /// The new name.
    pub name: Name,
    /// Its value.
    pub value: Expr,
    /// All of it.
    pub span: Span,
}
