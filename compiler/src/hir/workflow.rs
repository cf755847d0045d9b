//! Workflows and schedules.

use super::*;

/// `workflow`.
#[derive(Clone, Debug)]
pub struct Workflow {
    /// Qualified name.
    pub name: Qualified,
    /// Where the name stands.
    pub name_span: Span,
    /// The word `workflow`.
    pub keyword: Span,
    /// From the keyword to the last header.
    pub header: Span,
    /// From 1.
    pub version: Spanned<u32>,
    /// In order; the first of `locals`.
    pub params: Vec<Field>,
    /// Every local, the parameters first, then in the order they are bound.
    pub locals: Vec<LocalId>,
    /// The type of its result.
    pub result: Option<TyRef>,
    /// `on …`
    pub triggers: Vec<Trigger>,
    /// `idempotent by …`
    pub idempotent: Option<Idempotent>,
    /// `fails …`
    pub fails: Vec<ErrorId>,
    /// `deadline …`
    pub deadline: Option<Clause<i64>>,
    /// `shard by …`
    pub shard: Option<ExprId>,
    /// `concurrency …`
    pub concurrency: Vec<Concurrency>,
    /// `limit …`
    pub limits: Vec<Limit>,
    /// `retain …`
    pub retain: Option<Clause<i64>>,
    /// `subject by …`
    pub subject: Option<ExprId>,
    /// `index by …`
    pub index: Vec<ExprId>,
    /// `upgrade from …`
    pub upgrades: Vec<Upgrade>,
    /// Its body.
    pub body: Block,
    /// `after failure { … }`
    pub aftermath: Option<Aftermath>,
    /// Part of the text was skipped: what seems to be missing may have stood there.
    pub incomplete: bool,
    /// All of it.
    pub span: Span,
    /// Documentation, lines joined.
    pub doc: String,
}

/// `after failure { … }`. Paths in it begin with `after`.
#[derive(Clone, Debug)]
pub struct Aftermath {
    /// Statements.
    pub body: Block,
    /// `failure.error`
    pub error: LocalId,
    /// `failure.step`
    pub step: LocalId,
}

/// What starts a workflow besides a call.
#[derive(Clone, Debug)]
pub enum Trigger {
    /// `on Click(click)`
    Event {
        /// Which; none where it is unknown.
        event: Option<EventId>,
        /// The parameter it fills, by index; none where there is no such parameter.
        param: Option<u32>,
        /// The event's field that is passed, by index; none: the payload as a record.
        field: Option<u32>,
        /// All of it.
        span: Span,
    },
    /// `on batch Click up to 5_000 or every 2s`
    Batch {
        /// Which; none where it is unknown.
        event: Option<EventId>,
        /// At most so many.
        up_to: Count,
        /// At least so often.
        every: DurationMs,
        /// All of it.
        span: Span,
    },
}

/// `concurrency 1 per e else join`.
#[derive(Clone, Debug, PartialEq)]
pub struct Concurrency {
    /// Runs in flight.
    pub count: Count,
    /// For each value of this.
    pub per: Option<ExprId>,
    /// What a start over the limit gets.
    pub otherwise: ConcurrencyElse,
    /// All of it.
    pub span: Span,
}

/// What a start over the limit gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConcurrencyElse {
    /// It waits; nothing was written.
    Queue,
    /// The run in flight.
    Join,
    /// An error.
    Refuse,
    /// The place of the run in flight, after cancelling it.
    Replace,
}

/// `upgrade from v2 (x = e)`.
#[derive(Clone, Debug, PartialEq)]
pub struct Upgrade {
    /// Which runs may move here.
    pub from: Spanned<u32>,
    /// Values for what their frames lack.
    pub values: Vec<(Name, ExprId)>,
    /// All of it.
    pub span: Span,
}

/// `schedule W(slot) every 5m`.
#[derive(Clone, Debug)]
pub struct Schedule {
    /// Module it is written in.
    pub module: SmolStr,
    /// What is started; none where it is unknown.
    pub workflow: Option<WorkflowId>,
    /// By parameter, over `slot`.
    pub args: Args,
    /// `slot`: the scheduled instant.
    pub slot: LocalId,
    /// `slot`, then names bound inside expressions.
    pub locals: Vec<LocalId>,
    /// How often.
    pub when: ScheduleWhen,
    /// `in "Europe/Berlin"`; none: UTC.
    pub zone: Option<Spanned<String>>,
    /// Missed slots.
    pub missed: Missed,
    /// Overlap.
    pub overlap: Overlap,
    /// All of it.
    pub span: Span,
}

/// When a schedule starts its runs.
#[derive(Clone, Debug, PartialEq)]
pub enum ScheduleWhen {
    /// `every 5m`
    Every(DurationMs),
    /// `at "0 6 1 * *"`
    At(Spanned<String>),
}

/// What becomes of slots that were missed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missed {
    /// One run; nothing was written.
    One,
    /// `catch up all`
    All,
    /// `skip missed`
    Skip,
}

/// What becomes of a slot while a run of an earlier one is in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overlap {
    /// It is left out; the default.
    Skip,
    /// `overlap queue`
    Queue,
    /// `overlap allow`
    Allow,
}
