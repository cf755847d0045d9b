//! Semantic types: resolved, with their confidentiality label.

use super::*;

/// How confidential a value is; the larger one wins where values meet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Label {
    /// Anybody may see it.
    #[default]
    Open,
    /// Personal data.
    Pii,
    /// A secret.
    Secret,
}

/// A type with its label.
///
/// Invariant: the label of an optional stands on the optional, never on what it holds; what is
/// taken out of it takes the label along. Build optionals with [`Ty::optional`] and open them with
/// [`Ty::present`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ty {
    /// How confidential.
    pub label: Label,
    /// What it is.
    pub kind: TyKind,
}

/// Kinds of type.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TyKind {
    /// Could not be told, and that was reported. Fits everything, in silence.
    Error,
    /// Of an expression that never ends normally. Fits everything.
    Never,
    /// No value: of a step whose action has no result.
    Unit,
    /// Of a bare `none`, whose context says what is missing.
    None,
    /// `text`
    Text,
    /// `bool`
    Bool,
    /// `int`
    Int,
    /// `decimal`
    Decimal,
    /// `percent`
    Percent,
    /// `money<EUR>`, `money`
    Money(Option<SmolStr>),
    /// `duration`
    Duration,
    /// `time`
    Time,
    /// `date`
    Date,
    /// `uuid`
    Uuid,
    /// `size`
    Size,
    /// `blob`
    Blob,
    /// Who may answer; only in `assign` and `escalate … to`.
    Role,
    /// `list<T>`
    List(Box<Ty>),
    /// `map<K, V>`
    Map(Box<Ty>, Box<Ty>),
    /// `T?`
    Optional(Box<Ty>),
    /// A key with its value, in `entries` of a map; lives in lambdas only.
    Entry(Box<Ty>, Box<Ty>),
    /// `outcome<T>`
    Outcome(Box<Ty>),
    /// `batch<E>`
    Batch(Box<Ty>),
    /// What `Failed(e)` of an outcome binds: a failure, printable, with `name`.
    Failure,
    /// `type`
    Alias(AliasId),
    /// `record`
    Record(RecordId),
    /// `enum`
    Enum(EnumId),
    /// An event's payload as a record.
    Event(EventId),
}

impl Ty {
    /// An open type.
    #[must_use]
    pub fn new(kind: TyKind) -> Self {
        Self { label: Label::Open, kind }
    }

    /// The type of what could not be told.
    #[must_use]
    pub fn error() -> Self {
        Self::new(TyKind::Error)
    }

    /// Whether it, or anything in it, could not be told.
    #[must_use]
    pub fn has_error(&self) -> bool {
        match &self.kind {
            TyKind::Error => true,
            TyKind::List(t) | TyKind::Optional(t) | TyKind::Outcome(t) | TyKind::Batch(t) => {
                t.has_error()
            }
            TyKind::Map(k, v) | TyKind::Entry(k, v) => k.has_error() || v.has_error(),
            _ => false,
        }
    }

    /// The same, at least as confidential as `label`.
    #[must_use]
    pub fn labelled(mut self, label: Label) -> Self {
        self.label = self.label.max(label);
        self
    }

    /// `T?` of this; an optional stays as it is.
    #[must_use]
    pub fn optional(mut self) -> Self {
        if matches!(self.kind, TyKind::Optional(_) | TyKind::None | TyKind::Error) {
            return self;
        }
        let label = std::mem::take(&mut self.label);
        Self { label, kind: TyKind::Optional(Box::new(self)) }
    }

    /// What an optional holds, with its label; anything else stays as it is.
    #[must_use]
    pub fn present(&self) -> Self {
        match &self.kind {
            TyKind::Optional(inner) => (**inner).clone().labelled(self.label),
            _ => self.clone(),
        }
    }

    /// Whether it is a `T?`.
    #[must_use]
    pub fn is_optional(&self) -> bool {
        matches!(self.kind, TyKind::Optional(_) | TyKind::None)
    }
}

/// A written type: what it means, and where.
pub type TyRef = Spanned<Ty>;

impl Program {
    /// Whether each of its values is one text at the boundary: what stands as the key of a map, and by
    /// what runs are found.
    #[must_use]
    pub fn is_key(&self, ty: &Ty) -> bool {
        match self.plain(ty).kind {
            TyKind::Enum(id) => {
                self.enums[id].variants.iter().all(|variant| variant.fields.is_empty())
            }
            TyKind::Error | TyKind::Text | TyKind::Bool | TyKind::Int | TyKind::Decimal => true,
            TyKind::Percent | TyKind::Money(_) | TyKind::Duration | TyKind::Time => true,
            TyKind::Date | TyKind::Uuid | TyKind::Size => true,
            _ => false,
        }
    }

    /// A type as its author would write it.
    #[must_use]
    pub fn show_ty(&self, ty: &Ty) -> String {
        let text = self.show_kind(&ty.kind);
        match ty.label {
            Label::Open => text,
            Label::Pii => format!("pii {text}"),
            Label::Secret => format!("secret {text}"),
        }
    }

    fn show_kind(&self, kind: &TyKind) -> String {
        match kind {
            TyKind::Error => "?".into(),
            TyKind::Never => "nothing".into(),
            TyKind::Unit => "no value".into(),
            TyKind::None => "none".into(),
            TyKind::Text => "text".into(),
            TyKind::Bool => "bool".into(),
            TyKind::Int => "int".into(),
            TyKind::Decimal => "decimal".into(),
            TyKind::Percent => "percent".into(),
            TyKind::Money(None) => "money".into(),
            TyKind::Money(Some(currency)) => format!("money<{currency}>"),
            TyKind::Duration => "duration".into(),
            TyKind::Time => "time".into(),
            TyKind::Date => "date".into(),
            TyKind::Uuid => "uuid".into(),
            TyKind::Size => "size".into(),
            TyKind::Blob => "blob".into(),
            TyKind::Role => "role".into(),
            TyKind::List(t) => format!("list<{}>", self.show_ty(t)),
            TyKind::Map(k, v) => format!("map<{}, {}>", self.show_ty(k), self.show_ty(v)),
            TyKind::Entry(k, v) => format!("entry<{}, {}>", self.show_ty(k), self.show_ty(v)),
            TyKind::Optional(t) => format!("{}?", self.show_ty(t)),
            TyKind::Outcome(t) => format!("outcome<{}>", self.show_ty(t)),
            TyKind::Batch(t) => format!("batch<{}>", self.show_ty(t)),
            TyKind::Failure => "failure".into(),
            TyKind::Alias(id) => self.aliases[*id].name.name.to_string(),
            TyKind::Record(id) => self.records[*id].name.name.to_string(),
            TyKind::Enum(id) => self.enums[*id].name.name.to_string(),
            TyKind::Event(id) => self.events[*id].name.name.to_string(),
        }
    }
}
