//! Expressions: pure, typed, resolved.
//!
//! Conversions that the source leaves out are written here: `Some` where a `T` stands for a `T?`,
//! `Named` where a literal takes a nominal type, labels dropped where a plain value is used.

use crate::decl::Ty;
use crate::workflow::LocalId;
use serde::{Deserialize, Serialize};

/// An expression with its type.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Expr {
    /// Its type.
    pub ty: Ty,
    /// What it is.
    pub kind: ExprKind,
}

/// Kinds of expression.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExprKind {
    /// A literal in boundary JSON of the expression's type (`"12.00 EUR"`, `"80%"`, `"5s"`, 3, true).
    Literal(serde_json::Value),
    /// Text with interpolations: values print in JSON form, unquoted.
    Text(Vec<TextPart>),
    /// A local.
    Local(LocalId),
    /// `none` of an optional type.
    None,
    /// A `T` where a `T?` is wanted.
    Some(Box<Expr>),
    /// A value given a nominal type, after its pattern was proven for a literal.
    Named(Box<Expr>),
    /// The plain value of a nominal type, where an operator or method needs it.
    Plain(Box<Expr>),
    /// Operator.
    Unary(UnaryOp, Box<Expr>),
    /// Operator; `and`, `or`, `??` evaluate the right side only if needed.
    Binary(BinaryOp, Box<Expr>, Box<Expr>),
    /// Field of a record, event or `batch`.
    Field(Box<Expr>, String),
    /// `?.`: none stays none; the result is optional, flattened.
    OptionalField(Box<Expr>, String),
    /// Built-in method or part (`len`, `where`, `sum` …); lambdas are arguments of kind `Lambda`.
    Method(Box<Expr>, Method, Vec<Expr>),
    /// `?.` with a built-in method.
    OptionalMethod(Box<Expr>, Method, Vec<Expr>),
    /// `x[i]`: a fault if it is not there.
    Index(Box<Expr>, Box<Expr>),
    /// A copy with some fields changed.
    With(Box<Expr>, Vec<(String, Expr)>),
    /// A record, by field, all present.
    Record(String, Vec<(String, Expr)>),
    /// A variant of an enum, with its payload by field.
    Variant(String, String, Vec<(String, Expr)>),
    /// List.
    List(Vec<Expr>),
    /// A declared function or decision.
    Call(String, Vec<Expr>),
    /// A built-in function: `now`, `random`, `new_uuid`, `same_currency`, `role`, `user`, `range`,
    /// `dates`, `sample`, `fingerprint`, `reveal`, `answered_by`, `answered_at`.
    Builtin(String, Vec<Expr>),
    /// `(a, b) => e`; only as an argument of a method.
    Lambda(Vec<LocalId>, Box<Expr>),
    /// Condition.
    If(Box<Expr>, Box<Expr>, Box<Expr>),
    /// First arm that fits; arms cover everything.
    Match(Box<Expr>, Vec<(PatternKind, Expr)>),
}

/// A piece of text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TextPart {
    /// As it stands.
    Text(String),
    /// Interpolated.
    Value(Expr),
}

/// Prefix operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnaryOp {
    /// `not`
    Not,
    /// `-`
    Neg,
}

/// Infix operators; operand types are in the operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
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
    /// `in`: element of a list, key of a map, part of a text
    In,
    Add,
    Sub,
    Mul,
    Div,
    Rem,
}

/// Built-in methods, by the type they belong to; parts of values (`time.hour`) are methods without
/// arguments.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Method {
    /// `list`, `map`, `text`, `money`, `duration`, `time`, `date`, `decimal`, `int`, `percent`, `batch`.
    pub of: String,
    /// Name.
    pub name: String,
}

/// A pattern.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PatternKind {
    /// `_`
    Any,
    /// A literal in boundary JSON of the subject's type.
    Literal(serde_json::Value),
    /// `none`
    None,
    /// A name for what is left: the value of an optional, unwrapped, or the subject itself.
    Bind(LocalId),
    /// A variant; one binding (or none, for `_`) per payload field. Outcomes use `Ok`, `Failed`, `Unknown`.
    Variant(String, Vec<Option<LocalId>>),
}
