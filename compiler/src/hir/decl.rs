//! Declarations: types, events, contracts, errors, policies and functions.

use super::arena::ids;
use super::*;
use rust_decimal::Decimal;

ids! {
    /// Names a `type`.
    AliasId,
    /// Names a `record`.
    RecordId,
    /// Names an `enum`.
    EnumId,
    /// Names an `event`.
    EventId,
    /// Names a `resource`.
    ResourceId,
    /// Names a `policy`.
    PolicyId,
    /// Names a `service`.
    ServiceId,
    /// Names a `database`.
    DatabaseId,
    /// Names an action of a service or database.
    ActionId,
    /// Names an error where it is declared.
    ErrorId,
    /// Names a `fn` or `decide`.
    FunctionId,
    /// Names a `human` task.
    HumanId,
    /// Names a `workflow`.
    WorkflowId,
}

/// A field of a record or event, or a parameter of an action, variant or error.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// Its name.
    pub name: Name,
    /// Its type.
    pub ty: TyRef,
    /// `= literal`
    pub default: Option<Spanned<Literal>>,
}

/// `type Sku = text matching "…"`.
#[derive(Clone, Debug)]
pub struct Alias {
    /// Qualified name.
    pub name: Qualified,
    /// Where the name stands.
    pub name_span: Span,
    /// What it stands for; never this alias itself.
    pub of: TyRef,
    /// The pattern of the whole text.
    pub matching: Option<Spanned<String>>,
    /// Documentation, lines joined.
    pub doc: String,
}

/// `record`.
#[derive(Clone, Debug)]
pub struct Record {
    /// Qualified name.
    pub name: Qualified,
    /// Where the name stands.
    pub name_span: Span,
    /// In order.
    pub fields: Vec<Field>,
    /// Part of the text was skipped: a field that seems to be missing may have stood there.
    pub incomplete: bool,
    /// Documentation, lines joined.
    pub doc: String,
}

/// `enum`.
#[derive(Clone, Debug)]
pub struct Enum {
    /// Qualified name.
    pub name: Qualified,
    /// Where the name stands.
    pub name_span: Span,
    /// In order.
    pub variants: Vec<Variant>,
    /// Part of the text was skipped.
    pub incomplete: bool,
    /// Documentation, lines joined.
    pub doc: String,
}

/// A variant of an enum.
#[derive(Clone, Debug, PartialEq)]
pub struct Variant {
    /// Its name.
    pub name: Name,
    /// Its payload.
    pub fields: Vec<Field>,
}

/// `event`.
#[derive(Clone, Debug)]
pub struct Event {
    /// Qualified name.
    pub name: Qualified,
    /// Where the name stands.
    pub name_span: Span,
    /// The Kafka topic.
    pub topic: Option<Spanned<String>>,
    /// The fields that lead to its key, as written (F0708 is found later).
    pub key: Vec<Name>,
    /// How long the topic keeps it.
    pub retain: Option<DurationMs>,
    /// In order.
    pub fields: Vec<Field>,
    /// Part of the text was skipped.
    pub incomplete: bool,
    /// Documentation, lines joined.
    pub doc: String,
}

/// `resource Stock(Sku) after Account`.
#[derive(Clone, Debug)]
pub struct Resource {
    /// Qualified name.
    pub name: Qualified,
    /// Where the name stands.
    pub name_span: Span,
    /// What names one of them.
    pub key: TyRef,
    /// The resource that is locked before this one.
    pub after: Option<(ResourceId, Span)>,
}

/// `policy quick = 3 times`.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Qualified name.
    pub name: Qualified,
    /// Where the name stands.
    pub name_span: Span,
    /// What it stands for; names of other policies are looked up.
    pub retry: RetrySpec,
}

/// A retry policy as written; what is left out is none, so that it can be told from a default.
#[derive(Clone, Debug, PartialEq)]
pub struct RetrySpec {
    /// How often.
    pub times: Times,
    /// How far apart; none: the default of the place.
    pub backoff: Option<Backoff>,
    /// Declared errors that are retried too, by name.
    pub on: Vec<Name>,
    /// The policy it was taken from, if by name.
    pub policy: Option<PolicyId>,
    /// Where the clause (not the policy) stands.
    pub span: Span,
}

/// How often a step is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Times {
    /// `forever`
    Forever,
    /// So many attempts in all.
    N(u64),
    /// An unknown policy.
    Error,
}

/// `backoff 1s..30s jitter`; without a maximum it is constant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// First delay.
    pub base_ms: i64,
    /// Longest delay, where written.
    pub max_ms: Option<i64>,
    /// Whether delays are drawn from their upper half.
    pub jitter: bool,
    /// Where it is written.
    pub span: Span,
}

/// `service`.
#[derive(Clone, Debug)]
pub struct Service {
    /// Qualified name.
    pub name: Qualified,
    /// Where the name stands.
    pub name_span: Span,
    /// The service whose contract this repeats; its actions are copies with ids of their own.
    pub same_as: Option<ServiceId>,
    /// `breaker`
    pub breaker: Option<Breaker>,
    /// `limit`
    pub limit: Option<Limit>,
    /// In order.
    pub actions: Vec<ActionId>,
    /// Part of the text was skipped, or the service it repeats is unknown: an action that seems to
    /// be missing may have stood there.
    pub incomplete: bool,
    /// Documentation, lines joined.
    pub doc: String,
}

/// `database`.
#[derive(Clone, Debug)]
pub struct Database {
    /// Qualified name.
    pub name: Qualified,
    /// Where the name stands.
    pub name_span: Span,
    /// In order.
    pub actions: Vec<ActionId>,
    /// Part of the text was skipped.
    pub incomplete: bool,
    /// Documentation, lines joined.
    pub doc: String,
}

/// When a breaker opens.
#[derive(Clone, Debug, PartialEq)]
pub struct Breaker {
    /// Percent, minimum volume, window in ms.
    pub rate: Option<(Decimal, u64, i64)>,
    /// Consecutive failures.
    pub failures: Option<u64>,
    /// How long it stays open before a probe.
    pub probes_after: DurationMs,
    /// All of it.
    pub span: Span,
}

/// `limit 200 per 1s by e`.
#[derive(Clone, Debug, PartialEq)]
pub struct Limit {
    /// So many.
    pub count: Count,
    /// In so long.
    pub per: DurationMs,
    /// For each value of this; only on a workflow.
    pub by: Option<ExprId>,
    /// All of it.
    pub span: Span,
}

/// Who offers an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Provider {
    /// A service.
    Service(ServiceId),
    /// A database.
    Database(DatabaseId),
}

/// Declared class of effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// `read`
    Read,
    /// `tx`
    Tx,
    /// `write`
    Write,
    /// `pivot`
    Pivot,
}

/// An action of a contract.
///
/// Its expressions are over its own locals: the parameters, then `result`.
#[derive(Clone, Debug)]
pub struct Action {
    /// Whose it is.
    pub provider: Provider,
    /// Its name.
    pub name: Name,
    /// Declared class and where it stands.
    pub class: Spanned<Class>,
    /// In order.
    pub params: Vec<Field>,
    /// One per parameter, in order.
    pub param_locals: Vec<LocalId>,
    /// `result` in its clauses; there only where the action has a result.
    pub result_local: Option<LocalId>,
    /// The type of its result.
    pub result: Option<TyRef>,
    /// `idempotent …`
    pub idempotent: Option<Idempotent>,
    /// `fails …`
    pub errors: Vec<ErrorId>,
    /// `within …`
    pub within: Option<Clause<i64>>,
    /// `deadline …`
    pub deadline: Option<Clause<i64>>,
    /// `compensate …`; paths in it begin with `undo`, and a step that inherits it puts its own path
    /// in front.
    pub compensate: Option<Compensate>,
    /// `probe …`
    pub probe: Option<Probe>,
    /// `lasts …`
    pub lasts: Option<Clause<i64>>,
    /// `cache …`
    pub cache: Option<Clause<i64>>,
    /// `sql …`
    pub sql: Option<Sql>,
    /// Part of the text was skipped: a clause that seems to be missing may have stood there.
    pub incomplete: bool,
    /// All of it.
    pub span: Span,
    /// Documentation, lines joined.
    pub doc: String,
}

/// `sql """…""" no rows => E`.
#[derive(Clone, Debug, PartialEq)]
pub struct Sql {
    /// The text between the quotes; the span covers the quotes too.
    pub text: Spanned<String>,
    /// The error that stands for no row, one of the action's.
    pub no_rows: Option<ErrorId>,
    /// All of it.
    pub span: Span,
}

/// Whose an error is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorOwner {
    /// An action promises it.
    Action(ActionId),
    /// A workflow may fail with it.
    Workflow(WorkflowId),
    /// A scope of this workflow may fail with it.
    Scope(WorkflowId),
}

/// An error where it is declared. Errors are the same where name and payload are the same.
#[derive(Clone, Debug)]
pub struct ErrorDecl {
    /// Its name.
    pub name: Name,
    /// Its payload.
    pub fields: Vec<Field>,
    /// Worth a retry.
    pub transient: bool,
    /// Whose it is.
    pub owner: ErrorOwner,
    /// All of it.
    pub span: Span,
}

/// `fn` or `decide`.
#[derive(Clone, Debug)]
pub struct Function {
    /// Qualified name.
    pub name: Qualified,
    /// Where the name stands.
    pub name_span: Span,
    /// In order; the first of `locals`.
    pub params: Vec<Field>,
    /// Locals: first the parameters, then names bound inside.
    pub locals: Vec<LocalId>,
    /// The type of its value.
    pub result: TyRef,
    /// Its body.
    pub body: FunctionBody,
    /// All of it.
    pub span: Span,
}

/// Bodies of functions.
#[derive(Clone, Debug)]
pub enum FunctionBody {
    /// `fn`: names, then the value.
    Fn {
        /// In order.
        lets: Vec<(LocalId, ExprId)>,
        /// The value.
        value: ExprId,
    },
    /// `decide`: the first rule that holds.
    Decide {
        /// In order.
        rules: Vec<Rule>,
        /// `else`
        otherwise: Option<ExprId>,
    },
}

/// A row of a decision.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// When it applies.
    pub when: ExprId,
    /// What it decides.
    pub then: ExprId,
    /// All of it.
    pub span: Span,
}

/// `human`. Its expressions are over its parameters.
#[derive(Clone, Debug)]
pub struct Human {
    /// Qualified name.
    pub name: Qualified,
    /// Where the name stands.
    pub name_span: Span,
    /// In order; the first of `locals`.
    pub params: Vec<Field>,
    /// The parameters, then names bound inside expressions.
    pub locals: Vec<LocalId>,
    /// The type of the answer.
    pub answer: TyRef,
    /// `title`
    pub title: Option<ExprId>,
    /// `assign e except e`
    pub assign: Option<Assign>,
    /// `show`
    pub show: Vec<ExprId>,
    /// Part of the text was skipped.
    pub incomplete: bool,
    /// All of it.
    pub span: Span,
}

/// `assign e except e`.
#[derive(Clone, Debug, PartialEq)]
pub struct Assign {
    /// Who may answer.
    pub to: ExprId,
    /// Who of them may not.
    pub except: Option<ExprId>,
    /// All of it.
    pub span: Span,
}
