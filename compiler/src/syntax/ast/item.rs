//! Everything that stands at top level, except tests: declarations, contracts and workflows.

use super::*;

/// One thing at top level.
#[derive(Clone, Debug, PartialEq)]
pub enum Item {
    /// `type`
    Type(TypeDecl),
    /// `record`
    Record(RecordDecl),
    /// `enum`
    Enum(EnumDecl),
    /// `event`
    Event(EventDecl),
    /// `resource`
    Resource(ResourceDecl),
    /// `policy`
    Policy(PolicyDecl),
    /// `service`
    Service(ServiceDecl),
    /// `database`
    Database(DatabaseDecl),
    /// `fn`
    Fn(FnDecl),
    /// `decide`
    Decide(DecideDecl),
    /// `human`
    Human(HumanDecl),
    /// `workflow`
    Workflow(WorkflowDecl),
    /// `schedule`
    Schedule(ScheduleDecl),
    /// `test`
    Test(TestDecl),
    /// Could not be read at all; already reported.
    Broken {
        /// Its name, where at least that was legible, so that uses of it are not blamed.
        name: Option<Name>,
        /// All of it.
        span: Span,
    },
}

impl Item {
    /// All of the item, from its keyword; its lead is outside.
    #[must_use]
    pub fn span(&self) -> Span {
        match self {
            Self::Type(x) => x.span,
            Self::Record(x) => x.span,
            Self::Enum(x) => x.span,
            Self::Event(x) => x.span,
            Self::Resource(x) => x.span,
            Self::Policy(x) => x.span,
            Self::Service(x) => x.span,
            Self::Database(x) => x.span,
            Self::Fn(x) => x.span,
            Self::Decide(x) => x.span,
            Self::Human(x) => x.span,
            Self::Workflow(x) => x.span,
            Self::Schedule(x) => x.span,
            Self::Test(x) => x.span,
            Self::Broken { span, .. } => *span,
        }
    }

    /// The name it declares; schedules and tests declare none.
    #[must_use]
    pub fn name(&self) -> Option<&Name> {
        match self {
            Self::Type(x) => Some(&x.name),
            Self::Record(x) => Some(&x.name),
            Self::Enum(x) => Some(&x.name),
            Self::Event(x) => Some(&x.name),
            Self::Resource(x) => Some(&x.name),
            Self::Policy(x) => Some(&x.name),
            Self::Service(x) => Some(&x.name),
            Self::Database(x) => Some(&x.name),
            Self::Fn(x) => Some(&x.name),
            Self::Decide(x) => Some(&x.name),
            Self::Human(x) => Some(&x.name),
            Self::Workflow(x) => Some(&x.name),
            Self::Schedule(_) | Self::Test(_) => None,
            Self::Broken { name, .. } => name.as_ref(),
        }
    }

    /// Its docs and allows.
    #[must_use]
    pub fn lead(&self) -> Option<&Lead> {
        match self {
            Self::Type(x) => Some(&x.lead),
            Self::Record(x) => Some(&x.lead),
            Self::Enum(x) => Some(&x.lead),
            Self::Event(x) => Some(&x.lead),
            Self::Resource(x) => Some(&x.lead),
            Self::Policy(x) => Some(&x.lead),
            Self::Service(x) => Some(&x.lead),
            Self::Database(x) => Some(&x.lead),
            Self::Fn(x) => Some(&x.lead),
            Self::Decide(x) => Some(&x.lead),
            Self::Human(x) => Some(&x.lead),
            Self::Workflow(x) => Some(&x.lead),
            Self::Schedule(x) => Some(&x.lead),
            Self::Test(x) => Some(&x.lead),
            Self::Broken { .. } => None,
        }
    }

    /// Its docs and allows, to change.
    pub fn lead_mut(&mut self) -> Option<&mut Lead> {
        match self {
            Self::Type(x) => Some(&mut x.lead),
            Self::Record(x) => Some(&mut x.lead),
            Self::Enum(x) => Some(&mut x.lead),
            Self::Event(x) => Some(&mut x.lead),
            Self::Resource(x) => Some(&mut x.lead),
            Self::Policy(x) => Some(&mut x.lead),
            Self::Service(x) => Some(&mut x.lead),
            Self::Database(x) => Some(&mut x.lead),
            Self::Fn(x) => Some(&mut x.lead),
            Self::Decide(x) => Some(&mut x.lead),
            Self::Human(x) => Some(&mut x.lead),
            Self::Workflow(x) => Some(&mut x.lead),
            Self::Schedule(x) => Some(&mut x.lead),
            Self::Test(x) => Some(&mut x.lead),
            Self::Broken { .. } => None,
        }
    }
}

/// `type Sku = text matching "…"`.
#[derive(Clone, Debug, PartialEq)]
pub struct TypeDecl {
    /// Docs and allows.
    pub lead: Lead,
    /// The new type.
    pub name: Name,
    /// What it stands for.
    pub ty: Ty,
    /// The pattern its values match.
    pub matching: Option<Plain>,
    /// All of it.
    pub span: Span,
}

/// `record Item { … }`.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordDecl {
    /// Docs and allows.
    pub lead: Lead,
    /// The new type.
    pub name: Name,
    /// In order.
    pub fields: Vec<Field>,
    /// All of it.
    pub span: Span,
}

/// A field of a record or event.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// Documentation.
    pub docs: Vec<Doc>,
    /// Any word.
    pub name: Name,
    /// Its type.
    pub ty: Ty,
    /// `= literal`
    pub default: Option<Spanned<Literal>>,
    /// Without the comma.
    pub span: Span,
}

/// `enum Decision { … }`.
#[derive(Clone, Debug, PartialEq)]
pub struct EnumDecl {
    /// Docs and allows.
    pub lead: Lead,
    /// The new type.
    pub name: Name,
    /// In order.
    pub variants: Vec<Variant>,
    /// All of it.
    pub span: Span,
}

/// `Approved(note: text?)`.
#[derive(Clone, Debug, PartialEq)]
pub struct Variant {
    /// Documentation.
    pub docs: Vec<Doc>,
    /// Its name.
    pub name: Name,
    /// Its payload.
    pub params: Vec<Param>,
    /// Without the comma.
    pub span: Span,
}

/// `event Click on "topic" key visitor retain 7d { … }`.
#[derive(Clone, Debug, PartialEq)]
pub struct EventDecl {
    /// Docs and allows.
    pub lead: Lead,
    /// The new event.
    pub name: Name,
    /// The Kafka topic.
    pub topic: Option<Plain>,
    /// The fields that lead to its key.
    pub key: Path,
    /// How long the event is kept.
    pub retain: Option<DurationMs>,
    /// In order.
    pub fields: Vec<Field>,
    /// All of it.
    pub span: Span,
}

/// `resource Stock(Sku) after Account`.
#[derive(Clone, Debug, PartialEq)]
pub struct ResourceDecl {
    /// Docs and allows.
    pub lead: Lead,
    /// The new resource.
    pub name: Name,
    /// What names one of them.
    pub ty: Ty,
    /// The resource that is locked before this one.
    pub after: Option<Name>,
    /// All of it.
    pub span: Span,
}

/// `policy quick = 3 times, backoff 100ms..2s jitter`.
#[derive(Clone, Debug, PartialEq)]
pub struct PolicyDecl {
    /// Docs and allows.
    pub lead: Lead,
    /// The new policy.
    pub name: Name,
    /// What it stands for.
    pub retry: RetrySpec,
    /// All of it.
    pub span: Span,
}

/// `fn total(lines: list<Line>) -> money<EUR> = …`.
#[derive(Clone, Debug, PartialEq)]
pub struct FnDecl {
    /// Docs and allows.
    pub lead: Lead,
    /// The new function.
    pub name: Name,
    /// In order.
    pub params: Vec<Param>,
    /// The type of its value.
    pub returns: Ty,
    /// Its body.
    pub body: FnBody,
    /// All of it.
    pub span: Span,
}

/// The body of a function.
#[derive(Clone, Debug, PartialEq)]
pub enum FnBody {
    /// `= expr`
    Expr(Expr),
    /// `{ a = …  a + x }`
    Block {
        /// Names inside the function.
        lets: Vec<Let>,
        /// The value.
        value: Expr,
        /// With the braces.
        span: Span,
    },
}

/// `decide signer(invoice: Invoice) -> Signer { … }`.
#[derive(Clone, Debug, PartialEq)]
pub struct DecideDecl {
    /// Docs and allows.
    pub lead: Lead,
    /// The new decision.
    pub name: Name,
    /// In order.
    pub params: Vec<Param>,
    /// The type of its value.
    pub returns: Ty,
    /// The first row that holds wins.
    pub rules: Vec<DecideRule>,
    /// `else => value`
    pub otherwise: Option<Expr>,
    /// All of it.
    pub span: Span,
}

/// One row of a decision table.
#[derive(Clone, Debug, PartialEq)]
pub struct DecideRule {
    /// When it applies.
    pub condition: Expr,
    /// What it decides.
    pub value: Expr,
    /// All of it.
    pub span: Span,
}

/// `human ReviewOrder(order: Order) -> bool { … }`.
#[derive(Clone, Debug, PartialEq)]
pub struct HumanDecl {
    /// Docs and allows.
    pub lead: Lead,
    /// The new task.
    pub name: Name,
    /// In order.
    pub params: Vec<Param>,
    /// The type of the answer.
    pub returns: Ty,
    /// In order.
    pub clauses: Vec<HumanClause>,
    /// All of it.
    pub span: Span,
}

/// A clause of a human task.
#[derive(Clone, Debug, PartialEq)]
#[allow(clippy::large_enum_variant)] // a task has three clauses; boxing one would only blur the tree
pub enum HumanClause {
    /// `title "…"`
    Title {
        /// The text.
        text: Text,
        /// All of it.
        span: Span,
    },
    /// `assign e except e`
    Assign {
        /// Who may answer.
        to: Expr,
        /// Who of them may not.
        except: Option<Expr>,
        /// All of it.
        span: Span,
    },
    /// `show e, e`
    Show {
        /// What the person sees.
        values: Vec<Expr>,
        /// All of it.
        span: Span,
    },
}

/// `schedule ReconcileDeliveries(slot) every 5m`.
#[derive(Clone, Debug, PartialEq)]
pub struct ScheduleDecl {
    /// Docs and allows.
    pub lead: Lead,
    /// What is started.
    pub workflow: Name,
    /// With what.
    pub args: Args,
    /// How often.
    pub when: ScheduleWhen,
    /// `in "Europe/Berlin"`
    pub zone: Option<Plain>,
    /// In order.
    pub options: Vec<Spanned<ScheduleOption>>,
    /// All of it.
    pub span: Span,
}

/// When a schedule starts its runs.
#[derive(Clone, Debug, PartialEq)]
pub enum ScheduleWhen {
    /// `every 5m`
    Every(DurationMs),
    /// `at "0 6 1 * *"`
    At(Plain),
}

/// What a schedule does about missed slots and overlap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScheduleOption {
    /// `catch up all`
    CatchUpAll,
    /// `skip missed`
    SkipMissed,
    /// `overlap skip`
    OverlapSkip,
    /// `overlap queue`
    OverlapQueue,
    /// `overlap allow`
    OverlapAllow,
}
