//! Contracts with the outside world (services, databases) and the head of a workflow.

use super::*;

/// `service Payments { … }` or `service HotelB = HotelA`.
#[derive(Clone, Debug, PartialEq)]
pub struct ServiceDecl {
    /// Docs and allows.
    pub lead: Lead,
    /// The new service.
    pub name: Name,
    /// Its contract.
    pub body: ServiceBody,
    /// All of it.
    pub span: Span,
}

/// The contract of a service.
#[derive(Clone, Debug, PartialEq)]
pub enum ServiceBody {
    /// `= Other`: the same contract, bound on its own.
    Same(Name),
    /// `{ … }`, in order.
    Members(Vec<ServiceMember>),
}

/// One thing inside a service.
#[derive(Clone, Debug, PartialEq)]
pub enum ServiceMember {
    /// `breaker …`
    Breaker(Breaker),
    /// `limit …`
    Limit(Limit),
    /// An action.
    Action(Action),
}

/// `database Ledger { … }`.
#[derive(Clone, Debug, PartialEq)]
pub struct DatabaseDecl {
    /// Docs and allows.
    pub lead: Lead,
    /// The new database.
    pub name: Name,
    /// In order.
    pub actions: Vec<Action>,
    /// All of it.
    pub span: Span,
}

/// `breaker opens at 50% of 20 calls in 30s or after 5 failures, probes after 15s`.
#[derive(Clone, Debug, PartialEq)]
pub struct Breaker {
    /// One or two; any of them opens it.
    pub opens: Vec<BreakerOpens>,
    /// How long it stays open before a probe.
    pub probes_after: DurationMs,
    /// All of it.
    pub span: Span,
}

/// What opens a breaker.
#[derive(Clone, Debug, PartialEq)]
pub enum BreakerOpens {
    /// `at 50% of 20 calls in 30s`
    Rate {
        /// Share of failures.
        percent: Percent,
        /// At least so many calls.
        calls: Count,
        /// Within so long.
        window: DurationMs,
    },
    /// `after 5 failures`
    Failures(Count),
}

/// `limit 200 per 1s`, on a workflow also `by e`.
#[derive(Clone, Debug, PartialEq)]
pub struct Limit {
    /// So many.
    pub count: Count,
    /// In so long.
    pub per: DurationMs,
    /// For each value of this; never on a service.
    pub by: Option<Expr>,
    /// All of it.
    pub span: Span,
}

/// One call that a service or database promises.
#[derive(Clone, Debug, PartialEq)]
pub struct Action {
    /// Documentation.
    pub docs: Vec<Doc>,
    /// Its declared class.
    pub effect: Spanned<Effect>,
    /// Any word.
    pub name: Name,
    /// In order.
    pub params: Vec<Param>,
    /// The type of its result.
    pub returns: Option<Ty>,
    /// In order.
    pub clauses: Vec<ActionClause>,
    /// From the effect to the last clause.
    pub span: Span,
}

/// A declared class of effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// `read`
    Read,
    /// `write`
    Write,
    /// `pivot`
    Pivot,
    /// `tx`
    Tx,
}

/// A clause of an action.
#[derive(Clone, Debug, PartialEq)]
pub enum ActionClause {
    /// `idempotent by e for d`
    Idempotent(Idempotent),
    /// `fails E, E`
    Fails(Fails),
    /// `within 2s`
    Within(Within),
    /// `deadline 1m`
    Deadline(Deadline),
    /// `compensate …`
    Compensate(Compensate),
    /// `probe …`
    Probe(Probe),
    /// `lasts 7d`
    Lasts(Lasts),
    /// `cache 1h`
    Cache(Cache),
    /// `sql """…"""`
    Sql(Sql),
}

/// `lasts 7d`: what the action takes hold of lapses after that long.
#[derive(Clone, Debug, PartialEq)]
pub struct Lasts {
    /// How long.
    pub duration: DurationMs,
    /// All of it.
    pub span: Span,
}

/// `cache 1h`: results are shared between runs for that long.
#[derive(Clone, Debug, PartialEq)]
pub struct Cache {
    /// How long.
    pub duration: DurationMs,
    /// All of it.
    pub span: Span,
}

/// `sql """…""" no rows => E`.
#[derive(Clone, Debug, PartialEq)]
pub struct Sql {
    /// The statement, as written between the quotes; the span covers the quotes too.
    pub text: Spanned<String>,
    /// The error that stands for no row.
    pub no_rows: Option<Name>,
    /// All of it.
    pub span: Span,
}

/// `fails OutOfStock(sku: Sku), Busy transient`.
#[derive(Clone, Debug, PartialEq)]
pub struct Fails {
    /// In order.
    pub errors: Vec<ErrorRef>,
    /// All of it.
    pub span: Span,
}

/// A declared error.
#[derive(Clone, Debug, PartialEq)]
pub struct ErrorRef {
    /// Its name.
    pub name: Name,
    /// Its payload.
    pub params: Vec<Param>,
    /// Worth a retry.
    pub transient: bool,
    /// All of it.
    pub span: Span,
}

/// `workflow FulfilOrder v1 (order: Order) -> Receipt … { … } after failure { … }`.
#[derive(Clone, Debug, PartialEq)]
pub struct WorkflowDecl {
    /// Docs and allows.
    pub lead: Lead,
    /// The new workflow.
    pub name: Name,
    /// Left out means 1.
    pub version: Option<Version>,
    /// In order.
    pub params: Vec<Param>,
    /// The type of its result.
    pub returns: Option<Ty>,
    /// In order.
    pub headers: Vec<Header>,
    /// Its body.
    pub body: Block,
    /// `after failure { … }`
    pub aftermath: Option<Block>,
    /// All of it.
    pub span: Span,
}

/// A line in the head of a workflow.
#[derive(Clone, Debug, PartialEq)]
pub enum Header {
    /// `on …`
    Trigger(Trigger),
    /// `idempotent by e for d`
    Idempotent(Idempotent),
    /// `fails E, E`
    Fails(Fails),
    /// `deadline 6h`
    Deadline(Deadline),
    /// `shard by e`
    Shard(ShardBy),
    /// `concurrency 1 per e else join`
    Concurrency(Concurrency),
    /// `limit 100 per 1s by e`
    Limit(Limit),
    /// `retain 90d`
    Retain(Retain),
    /// `subject by e`
    Subject(SubjectBy),
    /// `index by e, e`
    Index(IndexBy),
    /// `upgrade from v2 (x = e)`
    Upgrade(Upgrade),
}

/// What starts a workflow besides a call.
#[derive(Clone, Debug, PartialEq)]
pub enum Trigger {
    /// `on Click(click)`
    Event {
        /// Which event.
        event: Name,
        /// The parameter that takes it.
        binding: Name,
        /// All of it.
        span: Span,
    },
    /// `on batch Click up to 5_000 or every 2s`
    Batch {
        /// Which event.
        event: Name,
        /// At most so many.
        up_to: Count,
        /// At least so often.
        every: DurationMs,
        /// All of it.
        span: Span,
    },
}

/// `shard by e`.
#[derive(Clone, Debug, PartialEq)]
pub struct ShardBy {
    /// Runs with the same value share a shard.
    pub by: Expr,
    /// All of it.
    pub span: Span,
}

/// `concurrency 1 per e else join`.
#[derive(Clone, Debug, PartialEq)]
pub struct Concurrency {
    /// Runs in flight.
    pub count: Count,
    /// For each value of this.
    pub per: Option<Expr>,
    /// What a start over the limit gets; left out, it queues.
    pub otherwise: Option<Spanned<ConcurrencyElse>>,
    /// All of it.
    pub span: Span,
}

/// What a start over the limit gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConcurrencyElse {
    /// The run in flight.
    Join,
    /// An error.
    Refuse,
    /// Its place, after cancelling it.
    Replace,
}

/// `retain 90d`.
#[derive(Clone, Debug, PartialEq)]
pub struct Retain {
    /// How long after the end.
    pub duration: DurationMs,
    /// All of it.
    pub span: Span,
}

/// `subject by e`: whose personal data the run holds.
#[derive(Clone, Debug, PartialEq)]
pub struct SubjectBy {
    /// Who.
    pub by: Expr,
    /// All of it.
    pub span: Span,
}

/// `index by e, e`: runs are found by these values.
#[derive(Clone, Debug, PartialEq)]
pub struct IndexBy {
    /// At least one.
    pub by: Vec<Expr>,
    /// All of it.
    pub span: Span,
}

/// `upgrade from v2 (x = e)`.
#[derive(Clone, Debug, PartialEq)]
pub struct Upgrade {
    /// Which runs may move here.
    pub from: Version,
    /// Values for what their frames lack.
    pub values: Vec<(Name, Expr)>,
    /// All of it.
    pub span: Span,
}
