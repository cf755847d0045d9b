//! Expressions, patterns and locals. What a member or a bare variant means is decided by `types`.

use super::arena::ids;
use super::*;
use rust_decimal::Decimal;

ids! {
    /// Names an expression of the program.
    ExprId,
    /// Names a local of the program. Each workflow, function, task and test lists its own.
    LocalId,
    /// Names a pattern of the program.
    PatternId,
}

/// A name bound inside a workflow, function, contract, task or test.
#[derive(Clone, Debug, PartialEq)]
pub struct Local {
    /// As written; hidden ones begin with `#`.
    pub name: SmolStr,
    /// Where it is bound.
    pub span: Span,
    /// What binds it.
    pub kind: LocalKind,
    /// Its type, where written.
    pub ty: Option<TyRef>,
}

/// What binds a local.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LocalKind {
    /// A parameter.
    Param,
    /// `x = e`
    Let,
    /// `step x = …`
    Step,
    /// `pivot x = …`
    Pivot,
    /// `await x = …`, or an arm of `await first`.
    Await,
    /// The element (or key, or value) of an `each`.
    Element,
    /// A value of a `repeat`.
    LoopVar,
    /// The result of an `each`, `parallel` or `repeat`.
    Collected,
    /// In a pattern of a `match`.
    Pattern,
    /// The payload of an error, in a handler.
    Payload,
    /// A field of an event, in an interrupt.
    EventField,
    /// The event itself inside its `where`; hidden.
    Event,
    /// A parameter of a lambda.
    Lambda,
    /// `failure.error` or `failure.step`.
    Failure,
    /// `result` in the clauses of a contract: what the action gave.
    ActionResult,
    /// `result` in a test: what the last run gave.
    RunResult(WorkflowId),
    /// A name that several arms bind, as seen after them (see [`Join`]).
    Join,
    /// `slot` of a schedule.
    Slot,
}

/// A name that several arms of an `if`, `match` or `await first` bind: after them it is `local`.
///
/// It is bound where every arm that ends normally binds it, and has a type where they agree.
#[derive(Clone, Debug, PartialEq)]
pub struct Join {
    /// The name after the arms.
    pub local: LocalId,
    /// The names in the arms, at least two.
    pub from: Vec<LocalId>,
}

/// An expression.
#[derive(Clone, Debug, PartialEq)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// All of it.
    pub span: Span,
}

/// Kinds of expression.
#[derive(Clone, Debug, PartialEq)]
pub enum ExprKind {
    /// Reported already. What stood inside it is resolved nonetheless and hangs here.
    Error(Vec<ExprId>),
    /// A value written out, texts excepted.
    Literal(Literal),
    /// A text with its interpolations.
    Text(Vec<TextPart>),
    /// A local.
    Local(LocalId),
    /// A record or an event's payload built from its fields.
    Record(RecordLike, Args),
    /// A value given a nominal type: `Sku("ABC-0001")`.
    Nominal(AliasId, ExprId),
    /// `Signer.Nobody`, `Kind.Other(x)`: the enum, the index of the variant, its payload.
    Variant(EnumId, u32, Args),
    /// A declared function or decision.
    Call(FunctionId, Args),
    /// A built-in function with its arguments in order.
    Builtin(Builtin, Vec<ExprId>),
    /// `a.b`, `a?.b`: a field, or a part such as `time.hour`.
    Field {
        /// Left of the dot.
        base: ExprId,
        /// Whether the dot was `?.`.
        optional: bool,
        /// Right of it.
        name: Name,
    },
    /// `a.b(c)`: a built-in method; which one is decided by the type of `a`.
    Method {
        /// Left of the dot.
        base: ExprId,
        /// Whether the dot was `?.`.
        optional: bool,
        /// Right of it.
        name: Name,
        /// As written.
        args: Vec<MethodArg>,
        /// With the parentheses.
        args_span: Span,
    },
    /// `a[i]`
    Index(ExprId, ExprId),
    /// `r with (f: e)`
    With(ExprId, Vec<(Name, ExprId)>),
    /// `-a`, `not a`
    Unary(UnaryOp, ExprId),
    /// `a + b`; the span is that of the operator.
    Binary(Spanned<BinaryOp>, ExprId, ExprId),
    /// `[a, b]`
    List(Vec<ExprId>),
    /// `if c { a } else { b }`
    If(ExprId, ExprId, ExprId),
    /// `match e { p => v }`
    Match(ExprId, Vec<ExprArm>),
    /// `c => c.page`; only as the argument of a method.
    Lambda(Vec<LocalId>, ExprId),
}

/// What has fields and can be built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordLike {
    /// A record.
    Record(RecordId),
    /// An event's payload.
    Event(EventId),
}

/// Arguments in parameter order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Args {
    /// One per parameter or field; none where it is missing: there is a default, the runtime fills
    /// it in (`fence`), or it was reported.
    pub values: Vec<Option<ExprId>>,
    /// Arguments that fit no parameter (reported), so that what they mention still counts as used.
    pub extra: Vec<ExprId>,
    /// One `sample(…)` for all of several parameters, in a test or schedule; no `values` then.
    pub spread: Option<ExprId>,
    /// With the parentheses; where there were none, empty at the end of what was called.
    pub span: Span,
}

/// An argument of a built-in method.
#[derive(Clone, Debug, PartialEq)]
pub struct MethodArg {
    /// `name:`
    pub name: Option<Name>,
    /// Its value; may be a lambda.
    pub value: ExprId,
}

/// A piece of a text.
#[derive(Clone, Debug, PartialEq)]
pub enum TextPart {
    /// Characters.
    Chars(String),
    /// `{expr}`
    Interp(ExprId),
}

/// An arm of a `match` expression.
#[derive(Clone, Debug, PartialEq)]
pub struct ExprArm {
    /// What must fit.
    pub pattern: PatternId,
    /// The value then.
    pub value: ExprId,
    /// All of it.
    pub span: Span,
}

/// A value written out.
#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    /// `500.00 EUR`
    Money {
        /// The amount with the digits written.
        amount: Decimal,
        /// Three capitals.
        currency: SmolStr,
    },
    /// `80%` as 80.
    Percent(Decimal),
    /// In milliseconds.
    Duration(i64),
    /// In bytes.
    Size(u64),
    /// A whole number.
    Int(i64),
    /// A number with a dot.
    Decimal(Decimal),
    /// A text without interpolation.
    Text(String),
    /// `true`, `false`
    Bool(bool),
    /// `none`
    None,
}

/// Built-in functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)] // each is the function its name says
pub enum Builtin {
    Now,
    Random,
    NewUuid,
    SameCurrency,
    Role,
    User,
    AnsweredBy,
    AnsweredAt,
    Sample,
    Range,
    Dates,
    Fingerprint,
    Reveal,
}

impl Builtin {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::Now,
        Self::Random,
        Self::NewUuid,
        Self::SameCurrency,
        Self::Role,
        Self::User,
        Self::AnsweredBy,
        Self::AnsweredAt,
        Self::Sample,
        Self::Range,
        Self::Dates,
        Self::Fingerprint,
        Self::Reveal,
    ];

    /// As written.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Now => "now",
            Self::Random => "random",
            Self::NewUuid => "new_uuid",
            Self::SameCurrency => "same_currency",
            Self::Role => "role",
            Self::User => "user",
            Self::AnsweredBy => "answered_by",
            Self::AnsweredAt => "answered_at",
            Self::Sample => "sample",
            Self::Range => "range",
            Self::Dates => "dates",
            Self::Fingerprint => "fingerprint",
            Self::Reveal => "reveal",
        }
    }

    /// Whether each evaluation may give another value: recorded, never in pure code or keys.
    #[must_use]
    pub fn is_drawn(self) -> bool {
        matches!(self, Self::Now | Self::Random | Self::NewUuid)
    }
}

/// Prefix operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UnaryOp {
    /// `not`
    Not,
    /// `-`
    Neg,
}

/// Infix operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)] // each is the operator its name says
pub enum BinaryOp {
    Or,
    And,
    /// `??`
    Coalesce,
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    In,
    Add,
    Sub,
    Mul,
    Div,
    Rem,
}

/// A pattern.
#[derive(Clone, Debug, PartialEq)]
pub struct Pattern {
    /// What it is.
    pub kind: PatternKind,
    /// All of it.
    pub span: Span,
}

/// Kinds of pattern.
#[derive(Clone, Debug, PartialEq)]
pub enum PatternKind {
    /// Reported already; fits everything, in silence.
    Error,
    /// `_`
    Any,
    /// A value written out; `none` is one.
    Literal(Literal),
    /// `status`: binds what is left.
    Bind(LocalId),
    /// `Approved(note)`, `Decision.Approved(_)`, `Ok(v)`: which variant is decided by the subject.
    Variant {
        /// The enum, where written.
        of: Option<EnumId>,
        /// The variant.
        name: Name,
        /// One per name written, none for `_`; none at all where no parentheses were written.
        binders: Vec<(Option<LocalId>, Span)>,
    },
}
